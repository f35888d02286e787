"""The bytes of a file, of standard input or of a pipe, out of their compression, and the format that they have."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePath

from gaussmix.cli.errors import CommandError

__all__ = ["STDIN", "Content", "Kind", "read_content"]

STDIN = "-"
"""The file name that stands for standard input."""


class Kind(Enum):
    """A format of tables; the value is its name in sentences."""

    TEXT = "text"
    JSON = "JSON"
    NPY = "NumPy (.npy)"
    PARQUET = "Parquet"
    ARROW = "Arrow"
    EXCEL = "Excel"


@dataclass(frozen=True)
class Content:
    """The content of a file.

    Attributes
    ----------
    name : str
        The name of the file in sentences.
    data : bytes
        The content, out of its compression.
    suffix : str
        The ending of the name in lower case, without that of the compression.
    kind : Kind
        The format, which the first bytes say.
    """

    name: str
    data: bytes
    suffix: str
    kind: Kind


_SIGNATURES = (
    (b"\x93NUMPY", Kind.NPY),
    (b"PAR1", Kind.PARQUET),
    (b"ARROW1", Kind.ARROW),
    (b"\xff\xff\xff\xff", Kind.ARROW),  # a stream of Arrow messages
    (b"PK\x03\x04", Kind.EXCEL),  # an archive of other files than a workbook is taken apart before
    (b"\xd0\xcf\x11\xe0", Kind.EXCEL),  # workbooks before 2007
)
"""The first bytes of the formats that are no text."""

_FOREIGN = (
    (b"%pdf", "a PDF document"),
    (b"<!doctype html", "a web page (HTML)"),
    (b"<html", "a web page (HTML)"),
    (b"<?xml", "an XML document"),
    (b"version https://git-lfs", "a pointer of Git LFS to the file; fetch the file with: git lfs pull"),
    (b"sqlite format 3", "a database of SQLite"),
    (b"\x89hdf", "an HDF5 file"),
    (b"matlab 5.0 mat-file", "a file of Matlab"),
    (b"$fl2", "a file of SPSS"),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard; unpack it with: zstd -d"),
    (b"7z\xbc\xaf", "an archive of 7-Zip; unpack it first"),
    (b"rar!", "an archive of RAR; unpack it first"),
    (b"<stata_dta>", "a file of Stata; write a table with export delimited"),
    (bytes(12) + b"\xc2\xea\x81\x60", "a file of SAS; write a table with proc export"),
    (b"fea1", "a file of Feather in its first version; write it again with a newer program"),
    (b"orc", "an ORC file"),
    (b"obj\x01", "an Avro file"),
    (b"x\n\x00\x00\x00", "a file of R; write a table with write.csv"),
    (b"rdx", "a file of R; write a table with write.csv"),
    (b"\x89png", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
"""The first bytes, in lower case, of contents that are no table, or in a format that is not read, with their names."""

_TAR = slice(257, 262), b"ustar"
"""The place and the value of the mark of a tar archive."""

_BINARY_SUFFIXES = {
    ".npy": Kind.NPY,
    ".parquet": Kind.PARQUET,
    ".feather": Kind.ARROW,
    ".arrow": Kind.ARROW,
    ".ipc": Kind.ARROW,
    ".xlsx": Kind.EXCEL,
    ".xls": Kind.EXCEL,
}
"""Endings whose files must have the first bytes of their format."""

_JSON_SUFFIXES = frozenset({".json", ".jsonl", ".ndjson"})

_DECOMPRESSORS: tuple[tuple[bytes, Callable[[bytes], bytes]], ...] = (
    (b"\x1f\x8b", gzip.decompress),
    (b"BZh", bz2.decompress),
    (b"\xfd7zXZ\x00", lzma.decompress),
)
"""Compressions of a single file, by their first bytes."""

_COMPRESSED_SUFFIXES = frozenset({".gz", ".bz2", ".xz", ".zip"})

_MEMBERS_OF_WORKBOOKS = ("[Content_Types].xml", "mimetype")
"""Members of the archives that are workbooks, of Excel and of OpenDocument."""


def read_content(file: str) -> Content:
    """Return the content of a file, or of standard input for ``-``.

    Raises
    ------
    CommandError
        If there is no such file, it is a folder, an address or empty, or its compression is damaged.
    """
    name = "standard input" if file == STDIN else file
    data = _bytes(file)
    path = PurePath(file)
    try:
        while decompress := _decompressor(data):
            data = decompress(data)
            path = path.with_suffix("") if path.suffix.lower() in _COMPRESSED_SUFFIXES else path
    except (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError) as error:
        raise CommandError(f"{name} is compressed, and cannot be unpacked: {error}.") from error
    if not data.strip(b" \t\r\n"):
        raise CommandError(f"{name} is empty; it must hold rows of numbers.")
    suffix = path.suffix.lower()
    return Content(name, data, suffix, _kind(name, data, suffix))


def _bytes(file: str) -> bytes:
    if file == STDIN:
        return sys.stdin.buffer.read()
    if not file:
        raise CommandError("The name of the table is empty; name a file, or - for standard input.")
    path = Path(file)
    if path.is_dir():
        raise CommandError(f"{file} is a folder; name a file in it.")
    if not path.exists():
        if "://" in file:
            raise CommandError(f"{file} is an address; download it first, as with: curl -L {file} | gaussmix fit -")
        raise CommandError(f"There is no file {file}.")
    return path.read_bytes()


def _decompressor(data: bytes) -> Callable[[bytes], bytes] | None:
    if data.startswith(b"PK\x03\x04"):
        return None if _is_workbook(data) else _only_member
    return next((function for first, function in _DECOMPRESSORS if data.startswith(first)), None)


def _is_workbook(data: bytes) -> bool:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return any(name in archive.namelist() for name in _MEMBERS_OF_WORKBOOKS)


def _only_member(data: bytes) -> bytes:
    """Return the content of the one file of an archive; files that macOS adds do not count."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = [one for one in archive.infolist() if not one.is_dir() and not one.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            raise zipfile.BadZipFile(f"the archive must hold one file, got {len(members)}; unpack it first")
        return archive.read(members[0])


def _kind(name: str, data: bytes, suffix: str) -> Kind:
    """Return the format of a content.

    Raises
    ------
    CommandError
        If the ending of the name is that of another format.
    """
    if data[8:10] == b'{"' and b"\0" in data[:8]:
        raise CommandError(f"{name} is a model and no table; print it with: gaussmix show {name}")
    _refuse_foreign(name, data)
    found = next((kind for first, kind in _SIGNATURES if data.startswith(first)), Kind.TEXT)
    claimed = _BINARY_SUFFIXES.get(suffix, found)
    if claimed is not found:
        raise CommandError(f"{name} cannot be read as a {suffix} file: its content is not {claimed.value}.")
    if found is Kind.TEXT and (suffix in _JSON_SUFFIXES or data.lstrip()[:1] in {b"{", b"["}):
        return Kind.JSON
    return found


def _refuse_foreign(name: str, data: bytes) -> None:
    """Raise an error that names the format of a content that cannot be a table."""
    beginning = data[:40].lstrip().lower()
    found = next((what for first, what in _FOREIGN if beginning.startswith(first)), None)
    if data[_TAR[0]] == _TAR[1]:
        found = "a tar archive; unpack it first"
    if found:
        raise CommandError(f"{name} is {found}. It must be a table: CSV, Parquet, Arrow, JSON, Excel or NumPy.")
