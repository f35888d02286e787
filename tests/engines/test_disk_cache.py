"""The cache of machine code: it serves later processes, and no damage or full disk stops a fit."""

import errno
import importlib.util
from pathlib import Path

import pytest
from numba import config

from gaussmix.engines.fused import _functions, disk_cache


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder for compiled code, in a process that has not warned yet."""
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "cache"))
    disk_cache._warn_of_damage.cache_clear()
    disk_cache._warn_that_code_is_lost.cache_clear()
    (tmp_path / "double.py").write_text("def double(x):\n    return 2.0 * x\n")
    return tmp_path


def double(folder):
    """Return a compiled function, compiled or loaded as in a new process."""
    spec = importlib.util.spec_from_file_location("double", folder / "double.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return _functions.kept_on_disk(module.double)


def files(folder):
    return [path for path in (folder / "cache").rglob("*") if path.is_file()]


def n_compiled(function):
    return sum(function.stats.cache_misses.values())


def test_code_is_compiled_once_for_all_processes(folder):
    first, second = double(folder), double(folder)
    assert first(3.0) == second(3.0) == 6.0
    assert n_compiled(first) == 1
    assert n_compiled(second) == 0
    assert len(files(folder)) == 1


def test_each_type_of_argument_has_a_file_of_its_own(folder):
    function, later = double(folder), double(folder)
    assert function(3.0) == function(3) == 6.0
    assert len(files(folder)) == 2
    assert later(3) == later(3.0) == 6.0
    assert n_compiled(later) == 0


@pytest.mark.parametrize("place", [0, 31, 32, 300, -1])
def test_a_flipped_bit_is_found_and_the_file_is_replaced(folder, place):
    double(folder)(3.0)
    (path,) = files(folder)
    content = bytearray(path.read_bytes())
    content[place] ^= 16
    path.write_bytes(content)
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert double(folder)(3.0) == 6.0
    later = double(folder)
    assert later(3.0) == 6.0
    assert n_compiled(later) == 0


@pytest.mark.parametrize("length", [0, 20, 32, 1000])
def test_a_truncated_file_is_replaced(folder, length):
    double(folder)(3.0)
    (path,) = files(folder)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert double(folder)(3.0) == 6.0
    later = double(folder)
    assert later(3.0) == 6.0
    assert n_compiled(later) == 0


def test_several_damaged_files_cause_one_warning(folder, recwarn):
    function = double(folder)
    function(3.0)
    function(3)
    for path in files(folder):
        path.write_bytes(b"")
    function = double(folder)
    assert function(3.0) == function(3) == 6.0
    assert [str(warning.message).partition(" is ")[2][:7] for warning in recwarn] == ["damaged"]


def test_a_full_disk_costs_one_warning_and_no_fit(folder, monkeypatch, recwarn):
    def refuse(*_args, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk_cache, "write_atomically", refuse)
    function = double(folder)
    assert function(3.0) == function(3) == 6.0
    (warning,) = recwarn
    assert "No space left on device" in str(warning.message)
    assert "NUMBA_CACHE_DIR" in str(warning.message)


def test_a_folder_that_became_unwritable_costs_one_warning(folder, recwarn):
    function = double(folder)
    (place,) = (folder / "cache").iterdir()
    place.rmdir()
    place.write_text("a file in place of the folder")
    assert function(3.0) == function(3) == 6.0
    (warning,) = recwarn
    assert "cannot be stored" in str(warning.message)


def test_without_any_folder_code_is_compiled_and_one_warning_says_so(recwarn):
    disk_cache._warn_that_code_is_lost.cache_clear()
    space = {}
    exec("def double(x):\n    return 2.0 * x", space)  # noqa: S102 - a function without a file, for which there is no folder
    function = _functions.kept_on_disk(space["double"])
    assert function(3.0) == function(3) == 6.0
    (warning,) = recwarn
    assert "cannot be stored" in str(warning.message)


def test_the_versions_of_the_compiler_are_part_of_the_name(folder, monkeypatch):
    double(folder)(3.0)
    monkeypatch.setattr(disk_cache, "_VERSIONS", ("0.0", "0.0"))
    other = double(folder)
    assert other(3.0) == 6.0
    assert n_compiled(other) == 1
    assert len(files(folder)) == 2
    assert len({Path(path).name for path in files(folder)}) == 2
