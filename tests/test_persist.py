import json
import pickle
import stat

import numpy as np
import pytest
from safetensors.numpy import load as read_bytes
from safetensors.numpy import save_file

from cases import FORMS, mixture
from gaussmix import Mixture, ModelFileError, load, persist, save

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
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        save(mixture(np.random.default_rng(0)), path)
    assert list(path.parent.iterdir()) == []


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
        ({"names": '"ab"'}, "must be texts"),
        ({"names": "[1, 2]"}, "must be texts"),
        ({"names": '["a"]'}, "2 different names"),
    ],
)
def test_a_forged_file_is_refused(changed, message, path):
    forged(path, **changed)
    with pytest.raises(ModelFileError, match=f"holds no mixture: .*{message}"):
        load(path)
