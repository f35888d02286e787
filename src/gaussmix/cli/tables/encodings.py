"""Text from bytes: the encoding that a file says with its first bytes, or that its bytes allow."""

import codecs

from gaussmix.cli.errors import CommandError
from gaussmix.cli.tables.contents import Content

__all__ = ["decode"]

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins like it
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

_PLAIN = frozenset({"utf-8", "utf-8-sig"})
"""Encodings that are read without a word."""

_INVISIBLE = "\ufeff\u200b"
"""Characters without width: byte order marks, which stand between files put together, and spaces of web pages."""

_END_OF_FILE = "\x1a"
"""The last character of files of DOS."""

_PROBE = 4096
"""The number of bytes at the start of a file in which UTF-16 is looked for."""

_FEW_ZEROS = 0.3
"""UTF-16 is taken for the encoding of a text without a mark if more than this share of every second byte is zero."""


def decode(content: Content, encoding: str | None) -> tuple[str, str | None]:
    """Return the text of a content, with line feeds at the ends of its lines, and its encoding where it is not UTF-8.

    Raises
    ------
    CommandError
        If the bytes are no text in the encoding.
    """
    found = encoding or _encoding(content.data)
    try:
        text = content.data.decode(found)
    except UnicodeDecodeError as error:
        if encoding is None:
            raise CommandError(f"{content.name} is no text, nor in another format that can be read.") from error
        line = content.data[: error.start].count(b"\n") + 1
        msg = f"{content.name} is no text in {found}: line {line} has the byte {content.data[error.start]:#04x}"
        raise CommandError(f"{msg}; say the encoding with --encoding.") from error
    if "\0" in text:
        raise CommandError(f"{content.name} is no text, nor in another format that can be read.")
    for invisible in _INVISIBLE:
        text = text.replace(invisible, "")
    text = text.removesuffix(_END_OF_FILE).replace("\r\n", "\n").replace("\r", "\n")
    return text, found if encoding is None and found not in _PLAIN else None


def _encoding(data: bytes) -> str:
    """Return the encoding of a text: UTF-8 where its bytes allow it, else that of Windows, which includes Latin-1."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return encoding
    for encoding, high in (("utf-16-le", 1), ("utf-16-be", 0)):
        bytes_of_ascii = data[high:_PROBE:2]
        if bytes_of_ascii.count(0) > _FEW_ZEROS * len(bytes_of_ascii):
            return encoding
    for encoding in ("utf-8", "cp1252"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"
