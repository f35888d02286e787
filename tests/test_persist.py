import json
import os
import pickle
import stat
import tracemalloc
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pytest
from safetensors.numpy import load as read_bytes
from safetensors.numpy import save_file

from cases import FORMS, mixture
from gaussmix import Mixture, ModelFileError, load, persist, save
from gaussmix.model_header import NotAModelError
from model_file_mutations import BOMBS, MOST_MEMORY, mutate, originals

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.gmx"


@forms
def test_a_round_trip_is_exact(form, path):
    model = mixture(np.random.default_rng(0), form, n_components=3, n_features=4)
    named = Mixture(model.weights, model.means, model.covariances, feature_names=["a", "b", "ç", "d e"])
    save(named, path)
    again = load(path)
    np.testing.assert_array_equal(again.weights, named.weights)
    np.testing.assert_array_equal(again.means, named.means)
    np.testing.assert_array_equal(again.covariances.factors, named.covariances.factors)
    assert type(again.covariances) is form
    assert again.feature_names == named.feature_names
    rows = np.random.default_rng(1).normal(size=(9, 4))
    np.testing.assert_array_equal(again.logpdf(rows), named.logpdf(rows))


def test_a_mixture_without_names_stays_without(path):
    save(mixture(np.random.default_rng(0)), path)
    assert load(path).feature_names is None


def test_what_is_there_is_kept_unless_told_otherwise(path):
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=r"model\.gmx exists already"):
        save(mixture(np.random.default_rng(0)), path)
    assert path.read_text() == "precious"
    save(mixture(np.random.default_rng(0)), path, overwrite=True)
    assert load(path).n_components == 3


def test_a_write_that_fails_leaves_nothing(path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(mixture(np.random.default_rng(0)), path)
    assert list(path.parent.iterdir()) == []


def test_a_file_without_permission_is_not_a_missing_file(path, monkeypatch):
    save(mixture(np.random.default_rng(0)), path)
    monkeypatch.setattr("pathlib.Path.open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(PermissionError, match="Permission denied"):
        load(path)


def test_a_folder_and_a_pipe_are_named(tmp_path):
    with pytest.raises(IsADirectoryError, match=r"is a folder; give the name of a model file\."):
        load(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="is a pipe or a device"):
        load(tmp_path / "pipe")


def test_a_file_may_be_read_as_others_may(path):
    save(mixture(np.random.default_rng(0)), path)
    beside = path.with_suffix(".txt")
    beside.write_text("")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE(beside.stat().st_mode)


def test_there_is_no_such_file(path):
    with pytest.raises(FileNotFoundError, match=r"There is no file .*model\.gmx"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"hello", pickle.dumps({"a": 1}), b"\xff" * 100])
def test_a_foreign_file_is_named(content, path):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=r"model\.gmx is not a gaussmix model, or it is damaged"):
        load(path)


def test_another_safetensors_file_is_named(path):
    save_file({"x": np.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="but not a gaussmix model"):
        load(path)


def test_every_damaged_byte_is_noticed(path):
    save(mixture(np.random.default_rng(0)), path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in rng.choice(len(whole), size=200, replace=False):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            again = load(path)
        except ModelFileError:
            continue
        expected = mixture(np.random.default_rng(0))  # it was a byte that says nothing
        np.testing.assert_array_equal(again.weights, expected.weights)
        np.testing.assert_array_equal(again.means, expected.means)
        np.testing.assert_array_equal(again.covariances.factors, expected.covariances.factors)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_cut_short_is_noticed(share, path):
    save(mixture(np.random.default_rng(0)), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ModelFileError, match="damaged"):
        load(path)


def header_of(path):
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    return json.loads(content[8 : 8 + size])["__metadata__"]


def test_a_newer_version_is_named(path):
    save(mixture(np.random.default_rng(0)), path)
    save_file(read_bytes(path.read_bytes()), path, metadata={**header_of(path), "version": "2"})
    with pytest.raises(ModelFileError, match=r"format version 2, .* reads version 1\. Upgrade"):
        load(path)


def test_numbers_that_are_no_mixture_are_refused(path):
    save(mixture(np.random.default_rng(0)), path)
    arrays = read_bytes(path.read_bytes())
    save_file({**arrays, "weights": arrays["weights"] * 2}, path, metadata=header_of(path))
    with pytest.raises(ModelFileError, match="checksum"):
        load(path)


def forged(path, names="null", **changed):
    """A file whose content was changed and whose checksum was made to match."""
    save(mixture(np.random.default_rng(0)), path)
    arrays = {**read_bytes(path.read_bytes()), **changed}
    header = {**header_of(path), "feature_names": names, "sha256": persist._digest(arrays, "full", names)}
    save_file(arrays, path, metadata=header)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"factors": np.full((3, 2, 2), np.nan)}, "lower triangular"),
        ({"factors": np.zeros((3, 2, 2))}, "lower triangular"),
        ({"factors": np.ones((3, 2, 2))}, "lower triangular"),
        ({"weights": np.ones(3)}, "sum to 1"),
        ({"means": np.zeros((2, 2))}, "must have shape"),
        ({"names": '"ab"'}, "must be 2 texts"),
        ({"names": "[1, 2]"}, "must be 2 texts"),
        ({"names": '["a"]'}, "must be 2 texts"),
        ({"names": '["a", "b", "c"]'}, "must be 2 texts"),
        ({"names": '["a", "a"]'}, "2 different names"),
    ],
)
def test_a_forged_file_is_refused(changed, message, path):
    forged(path, **changed)
    with pytest.raises(ModelFileError, match=f"holds no mixture: .*{message}"):
        load(path)


def test_names_that_a_model_file_cannot_hold_are_refused(path, monkeypatch):
    monkeypatch.setattr("gaussmix.persist.LARGEST_HEADER", 500)
    one = Mixture([1.0], [[0.0]], [1.0], feature_names=["x" * 500])
    with pytest.raises(ValueError, match="feature names are too long for a model file: 500 bytes at most"):
        save(one, path)
    assert not path.exists()


def test_names_without_a_text_encoding_are_kept(path):
    """JSON can hold half of a surrogate pair, which UTF-8 cannot."""
    save(Mixture([1.0], [[0.0]], [1.0], feature_names=["\ud800"]), path)
    assert load(path).feature_names == ("\ud800",)


def foreign(path, dtype, n_bytes):
    """Write the header of an ordinary safetensors file; its array is a hole in the file, which takes no disk space."""
    header = json.dumps({"layer": {"dtype": dtype, "shape": [n_bytes], "data_offsets": [0, n_bytes]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    os.truncate(path, 8 + len(header) + n_bytes)


@pytest.mark.parametrize("dtype", ["BF16", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F4", "nonsense"])
def test_types_that_numpy_lacks_are_named(dtype, path):
    foreign(path, dtype, 8)
    with pytest.raises(ModelFileError, match="but not a gaussmix model"):
        load(path)


@contextmanager
def memory_limit(n_bytes):
    """Fail if the most memory that the body allocates is larger."""
    tracemalloc.start()
    try:
        yield
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most <= n_bytes


def test_a_large_foreign_file_is_refused_by_its_header(path):
    foreign(path, "F64", 2**31)
    with memory_limit(2**20), pytest.raises(ModelFileError, match="but not a gaussmix model"):
        load(path)


def test_a_header_that_is_longer_than_the_file_is_not_allocated(path):
    path.write_bytes((2**40).to_bytes(8, "little") + b"{}")
    with memory_limit(2**20), pytest.raises(ModelFileError, match="ends within its header"):
        load(path)


@pytest.mark.parametrize("bomb", BOMBS)
def test_hostile_headers_take_memory_in_proportion_to_the_file(bomb, path):
    path.write_bytes(BOMBS[bomb](200_000))
    with memory_limit(MOST_MEMORY * path.stat().st_size), pytest.raises(ModelFileError):
        load(path)


def test_very_many_names_take_memory_in_proportion_to_the_file(path):
    n_features = 50_000
    names = [f"feature {d}" for d in range(n_features)]
    save(Mixture([1.0], np.zeros((1, n_features)), [1.0], feature_names=names), path)
    with memory_limit(MOST_MEMORY * path.stat().st_size):
        assert load(path).n_features == n_features


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_give_model_file_errors_or_mixtures(seed, path):
    """Each mutation has a checksum that agrees, so that the checks behind the checksum are tested too."""

    def content(one):
        save(one, path, overwrite=True)
        return path.read_bytes()

    files, rng = originals(content), np.random.default_rng(seed)
    n_mixtures = 0
    for i in range(5_000):
        _, mutant = mutate(files[i % len(files)], rng)
        try:
            one = persist._read(BytesIO(mutant), len(mutant))
        except NotAModelError as error:
            str(error).encode()  # the message can be printed
            continue
        n_mixtures += 1
        with np.errstate(all="ignore"):
            if np.isfinite(one.covariances.whitening).all():
                np.testing.assert_allclose(one.responsibilities(one.means).sum(axis=1), 1.0)
    assert n_mixtures > 200
