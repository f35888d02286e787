import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from gaussmix import atomic_file
from gaussmix.atomic_file import check_writable, write_atomically


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_is_written_and_nothing_else(path):
    write_atomically(path, b"content", overwrite=False)
    assert path.read_bytes() == b"content"
    assert names(path.parent) == ["file"]


def test_a_file_is_replaced_only_if_that_is_asked_for(path):
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"file exists already, and is left as it is\."):
        write_atomically(path, b"new", overwrite=False)
    assert path.read_bytes() == b"old"
    write_atomically(path, b"new", overwrite=True)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("hard_links", [True, False])
def test_of_simultaneous_writers_one_succeeds(hard_links, path, monkeypatch):
    if not hard_links:
        monkeypatch.setattr(
            "pathlib.Path.hardlink_to", lambda *_: (_ for _ in ()).throw(PermissionError(1, "no links"))
        )
    start = Barrier(4)

    def write(content):
        start.wait()
        try:
            write_atomically(path, content, overwrite=False)
        except FileExistsError:
            return False
        return True

    for _ in range(20):
        contents = [bytes([i]) * 1000 for i in range(4)]
        with ThreadPoolExecutor(4) as pool:
            succeeded = list(pool.map(write, contents))
        assert sum(succeeded) == 1
        assert path.read_bytes() == contents[succeeded.index(True)]
        assert names(path.parent) == ["file"]
        path.unlink()


def test_the_content_is_on_the_disk_before_the_name(path, monkeypatch):
    calls = []
    sync = os.fsync
    monkeypatch.setattr("os.fsync", lambda file: (calls.append("sync"), sync(file)))
    replace = type(path).replace
    monkeypatch.setattr("pathlib.Path.replace", lambda one, other: (calls.append("rename"), replace(one, other)))
    write_atomically(path, b"content", overwrite=True)
    assert calls == ["sync", "rename", "sync"]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o444])
def test_a_file_keeps_its_mode(mode, path):
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomically(path, b"new", overwrite=True)
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_file_keeps_its_owner_and_group(path, monkeypatch):
    path.write_bytes(b"old")
    owners = []
    monkeypatch.setattr("os.chown", lambda _, *owner: owners.append(owner))
    write_atomically(path, b"new", overwrite=True)
    assert owners == [(path.stat().st_uid, path.stat().st_gid)]


def test_a_file_of_another_owner_in_the_same_group_keeps_its_group(path, monkeypatch):
    path.write_bytes(b"old")
    owners = []

    def chown(_, owner, group):
        owners.append((owner, group))
        if owner >= 0:
            raise PermissionError

    monkeypatch.setattr("os.chown", chown)
    write_atomically(path, b"new", overwrite=True)
    assert owners[-1] == (-1, path.stat().st_gid)


def test_a_new_file_has_the_mode_of_new_files(path):
    mask = os.umask(0o027)
    try:
        write_atomically(path, b"content", overwrite=False)
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_link_to_no_file_yet_is_followed(overwrite, tmp_path):
    (tmp_path / "link").symlink_to("later")
    write_atomically(tmp_path / "link", b"content", overwrite=overwrite)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "later").read_bytes() == b"content"


def test_a_link_to_a_file_is_followed(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("folder/real")
    with pytest.raises(FileExistsError, match="real exists already"):
        write_atomically(tmp_path / "link", b"new", overwrite=False)
    write_atomically(tmp_path / "link", b"new", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "folder" / "real").read_bytes() == b"new"


@pytest.mark.parametrize("write", [check_writable, lambda path, **options: write_atomically(path, b"", **options)])
@pytest.mark.parametrize("overwrite", [True, False])
def test_what_is_no_regular_file_is_refused(write, overwrite, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"pipe is a pipe; give the name of a file\."):
        write(tmp_path / "pipe", overwrite=overwrite)
    with pytest.raises(OSError, match=r"/dev/null is a device"):
        write("/dev/null", overwrite=overwrite)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        write(tmp_path, overwrite=overwrite)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert names(tmp_path) == ["pipe"]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    longest = os.pathconf(tmp_path, "PC_NAME_MAX")
    write_atomically(tmp_path / ("x" * longest), b"content", overwrite=False)
    with pytest.raises(OSError, match="name too long"):
        check_writable(tmp_path / ("x" * (longest + 1)), overwrite=False)


def test_errors_of_the_system_name_the_file(path):
    for write in (check_writable, lambda path, **options: write_atomically(path, b"", **options)):
        with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/missing/file'"):
            write(path.parent / "missing" / "file", overwrite=True)


def test_a_check_changes_nothing(path):
    check_writable(path, overwrite=False)
    assert names(path.parent) == []
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        check_writable(path, overwrite=False)
    check_writable(path, overwrite=True)
    assert names(path.parent) == ["file"]
    assert path.read_bytes() == b"old"


_WRITES_FOR_EVER = """
import os, sys, time
from gaussmix.atomic_file import write_atomically
os.fsync = lambda _: (print("writing", flush=True), time.sleep(300))
write_atomically(sys.argv[1], b"content", overwrite=False)
"""


def test_temporary_files_of_killed_writers_are_removed_and_those_of_living_writers_stay(path):
    command = [sys.executable, "-c", _WRITES_FOR_EVER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - this interpreter
        assert writer.stdout.readline() == "writing\n"
        write_atomically(path.parent / "other", b"", overwrite=False)
        assert len(names(path.parent)) == 2  # of the living writer, and the other file
        writer.send_signal(signal.SIGKILL)
    assert len(names(path.parent)) == 2
    write_atomically(path.parent / "another", b"", overwrite=False)
    assert names(path.parent) == ["another", "other"]


def test_a_writer_whose_temporary_file_was_taken_for_a_stray_makes_another(path, monkeypatch):
    lock, taken = atomic_file._lock, []

    def lock_late(file, *, wait):
        if wait and not taken:
            taken.append(True)
            atomic_file._remove_strays(path.parent)
        return lock(file, wait=wait)

    monkeypatch.setattr("gaussmix.atomic_file._lock", lock_late)
    write_atomically(path, b"content", overwrite=False)
    assert path.read_bytes() == b"content"
    assert names(path.parent) == ["file"]


def test_a_pipe_with_the_name_of_a_stray_does_not_stop_a_writer(path):
    os.mkfifo(path.parent / ".gaussmix-pipe")
    write_atomically(path, b"content", overwrite=False)
    assert path.read_bytes() == b"content"
