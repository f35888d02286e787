"""Atomic writes: a file has either its old content or all of its new content, also after a power failure.

The content goes to a temporary file in the same folder, then to the disk, and then gets its name in one step. Libraries
for this task do less: ``atomicwrites`` is archived, and none follows symbolic links, refuses devices and removes the
temporary files of killed writers.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["check_writable", "write_atomically"]

_FCNTL: Any = import_module("fcntl") if find_spec("fcntl") else None
"""The module with the locks of files, which Windows lacks."""

_PREFIX = ".gaussmix-"
"""The beginning of the names of temporary files. They do not contain the name of the file, which may be as long as the
file system allows."""

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
"""The errors by which a file system without hard links, such as FAT, refuses a hard link."""

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""The kinds of files that cannot be replaced, by their type in ``st_mode``."""


def check_writable(path: str | os.PathLike[str], *, overwrite: bool) -> None:
    """Check that a file can be written, without a change to it; raise the error of :func:`write_atomically` if not."""
    target = _target(path)
    _existing(target, overwrite=overwrite)
    with _errors_name(target), _temporary_file(target.parent, 0o600):
        if hasattr(os, "pathconf") and len(os.fsencode(target.name)) > os.pathconf(target.parent, "PC_NAME_MAX"):
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def write_atomically(path: str | os.PathLike[str], content: bytes, *, overwrite: bool) -> None:
    """Write a file completely or not at all.

    A file that exists keeps its mode, and its owner where the system permits that. The file that a symbolic link points
    to is written, and the link stays. Temporary files of killed writers in the same folder are removed.

    Parameters
    ----------
    path : str or path-like
        Path of the file.
    content : bytes
        The new content.
    overwrite : bool
        Whether an existing file may be replaced. If not, exactly one of several simultaneous writers succeeds.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is False.
    OSError
        If the path is a folder, a pipe, a socket or a device, or the system refuses to write.
    """
    target = _target(path)
    existing = _existing(target, overwrite=overwrite)
    _remove_strays(target.parent)
    with _errors_name(target), _temporary_file(target.parent, 0o666 if existing is None else 0o600) as (name, file):
        if existing is not None:
            _copy_owner_and_mode(existing, name)
        _write(file, content)
        if overwrite:
            name.replace(target)
        else:
            _publish(name, target)
        _sync_folder(target.parent)


def _target(path: str | os.PathLike[str]) -> Path:
    """Return the path of the file that symbolic links point to."""
    return Path(os.path.realpath(path))


def _existing(target: Path, *, overwrite: bool) -> os.stat_result | None:
    """Return the status of the file, or None if there is no file; raise ``OSError`` if it must not be replaced."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is not None:
        error = IsADirectoryError if kind == "a folder" else OSError
        raise error(f"{target} is {kind}; give the name of a file.")
    if not overwrite:
        raise _exists(target)
    return status


def _exists(target: Path) -> FileExistsError:
    return FileExistsError(f"{target} exists already, and is left as it is.")


@contextmanager
def _errors_name(target: Path) -> Iterator[None]:
    """Name the file in errors of the system, in place of the temporary file."""
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno is not None:
            error.filename, error.filename2 = str(target), None
        raise


@contextmanager
def _temporary_file(folder: Path, mode: int) -> Iterator[tuple[Path, BinaryIO]]:
    """Make a temporary file in a folder and lock it; yield its path and the open file; remove it if it is left."""
    name, file = _make_temporary_file(folder, mode)
    try:
        with file:
            yield name, file
    finally:
        with contextlib.suppress(OSError):
            name.unlink()


def _make_temporary_file(folder: Path, mode: int) -> tuple[Path, BinaryIO]:
    """Return the path of a new file, and the file with a lock, which shows that its writer is alive."""
    while True:
        name = folder / f"{_PREFIX}{secrets.token_hex(8)}"
        file = open(name, "xb", opener=lambda path, flags: os.open(path, flags, mode))  # noqa: SIM115 - returned
        _lock(file, wait=True)
        if _FCNTL is None or os.fstat(file.fileno()).st_nlink:
            return name, file
        file.close()  # another writer took the file for a stray before it had its lock


def _lock(file: BinaryIO, *, wait: bool) -> bool:
    """Lock a file and return True; return False if another writer has the lock, or the file system has no locks.

    The system releases the lock when the writer ends, also when it is killed.
    """
    try:
        _FCNTL.flock(file, _FCNTL.LOCK_EX | (0 if wait else _FCNTL.LOCK_NB))
    except (AttributeError, OSError):
        return False
    return True


def _remove_strays(folder: Path) -> None:
    """Remove the temporary files of killed writers: those that no writer has locked."""
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):  # noqa: PTH208 - names alone: faster in folders with very many files
            if name.startswith(_PREFIX):
                _remove_stray(folder / name)


def _remove_stray(name: Path) -> None:
    """Remove a temporary file if no writer has locked it."""
    with contextlib.suppress(OSError), open(name, "r+b", opener=_open_stray) as file:
        if _lock(file, wait=False):
            name.unlink()


def _open_stray(name: str, flags: int) -> int:
    """Open a file of another writer, whatever it is: no symbolic link is followed, and no pipe waited for."""
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _copy_owner_and_mode(existing: os.stat_result, name: Path) -> None:
    """Give the temporary file the owner, the group and the mode of the file that it replaces, where permitted."""
    if hasattr(os, "chown"):
        for owner in (existing.st_uid, -1):  # only the administrator may give files away, but groups may be shared
            with contextlib.suppress(OSError):
                os.chown(name, owner, existing.st_gid)
                break
    name.chmod(stat.S_IMODE(existing.st_mode))


def _write(file: BinaryIO, content: bytes) -> None:
    """Write the content to the disk, and not only to the memory of the system."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())
    if _FCNTL is None:
        file.close()  # Windows does not rename an open file


def _publish(name: Path, target: Path) -> None:
    """Give a file its final name, unless a file has that name: of several simultaneous writers, one succeeds."""
    try:
        target.hardlink_to(name)
    except FileExistsError:
        raise _exists(target) from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _claim(target)
        name.replace(target)


def _claim(target: Path) -> None:
    """Make an empty file, which the caller then replaces; raise ``FileExistsError`` if there is a file."""
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise _exists(target) from None


def _sync_folder(folder: Path) -> None:
    """Write the new name to the disk, on systems that can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
