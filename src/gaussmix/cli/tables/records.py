"""The records of a text: one for each row, split into fields, with the numbers of their lines in the file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from gaussmix.cli.errors import CommandError
from gaussmix.cli.tables.dialect import SPACE, Dialect, fields_of, find_dialect
from gaussmix.cli.tables.options import Format

__all__ = ["BETWEEN", "COMMENT_SIGNS", "Records", "split_text"]

BETWEEN = "\x1f"
"""The character between the fields of a record: the unit separator of ASCII, which no table has in its fields."""

COMMENT_SIGNS = "#%"
"""The characters of which one begins a line that is a comment; the second is that of Matlab."""

_COMMENT = rf"^\s*[{COMMENT_SIGNS}]"
"""The beginning of a comment."""

_SPREADSHEET_ERROR = r"^\s*#(?:(?:N/A|NA|NULL!|REF!|NUM!|VALUE!|DIV/0!)(?:[,;\t| ]|$)|NAME\?)"
"""The beginning of a row whose first value is an error of a spreadsheet, and so no comment."""

_RULE = r"^[\s|+:=-]*[|+][\s|+:=-]*$"
"""A line that is drawn below the names of the columns, as in Markdown and by databases."""

_BACKSLASH = re.compile(r'\\"(?=[^,;|\t\n])')
"""A quotation mark after a backslash, within a field: at the end of a field, the backslash may belong to the text."""

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""A first line by which Excel learns the separator."""


@dataclass(frozen=True, eq=False)
class Records:
    """The rows of a text before it is known what they mean.

    Attributes
    ----------
    records : polars.Series
        The records, with :data:`BETWEEN` between their fields.
    numbers : polars.Series
        The number of the first line of each record in the file.
    dialect : Dialect
        The separator and the decimal mark.
    comments : dict of int to str
        The comments by the numbers of their lines.
    place : str
        The name of a row in the file: ``"line"``, or ``"row"`` of a workbook.
    """

    records: pl.Series
    numbers: pl.Series
    dialect: Dialect
    comments: dict[int, str]
    place: str = "line"


def split_text(name: str, text: str, given: Format) -> Records:
    """Return the records of a text.

    Blank lines, comments, which begin with ``#`` or ``%``, and lines that are drawn below names are no records.

    Raises
    ------
    CommandError
        If a quotation mark is not closed or follows a backslash, or there is no record.
    """
    if found := _BACKSLASH.search(text):
        line = text.count("\n", 0, found.start()) + 1
        msg = (
            f"{name}: a quotation mark in line {line} follows a backslash, by which it belongs to the text of a field."
        )
        raise CommandError(f'{msg} Write two quotation marks, "", in place of \\".')
    lines = text.split("\n")
    skip = given.skip or 0
    if named := _SEPARATOR_LINE.fullmatch(lines[skip].strip(" ") if skip < len(lines) else ""):
        given = replace(given, separator=given.separator or named[1])
        skip += 1
    if skip >= len(lines):
        raise CommandError(
            f"{name} has {len(text.splitlines())} lines, and --skip {given.skip} leaves out all of them."
        )
    lines, numbers = lines[skip:], list(range(skip + 1, len(lines) + 1))
    if '"' in text:
        lines, numbers = _join_quoted(name, lines, numbers)
    frame = pl.DataFrame({"number": pl.Series(numbers, dtype=pl.Int64), "line": pl.Series(lines, dtype=pl.String)})
    column = pl.col("line")
    is_comment = column.str.contains(_COMMENT) & ~column.str.contains(_SPREADSHEET_ERROR)
    comments = frame.filter(is_comment)
    frame = frame.filter((column.str.strip_chars() != "") & ~is_comment & ~column.str.contains(_RULE))
    if frame.is_empty():
        raise CommandError(f"{name} has no rows: each line is empty or a comment, which begins with # or %.")
    dialect = find_dialect(_sample(frame["line"]), given)
    return Records(_split(frame["line"], dialect.separator), frame["number"], dialect, dict(comments.iter_rows()))


def _sample(lines: pl.Series) -> list[str]:
    """Return the first lines, and lines spread over the whole text."""
    few = 1000
    return [*lines[:few], *lines[few :: max(1, len(lines) // few)]]


def _join_quoted(name: str, lines: Sequence[str], numbers: Sequence[int]) -> tuple[list[str], list[int]]:
    """Return the lines, with those in one where a field in quotation marks goes on in the next line."""
    joined: list[str] = []
    first: list[int] = []
    parts: list[str] = []
    for line, number in zip(lines, numbers, strict=True):
        if not parts:
            first.append(number)
        parts.append(line)
        closes_or_opens = line.count('"') % 2 == 1
        if closes_or_opens == (len(parts) > 1):
            joined.append(" ".join(parts))
            parts = []
    if parts:
        raise CommandError(f"{name}: a quotation mark in line {first[-1]} is not closed; correct the line.")
    return joined, first


def _split(lines: pl.Series, separator: str) -> pl.Series:
    """Return the lines with :data:`BETWEEN` in place of the separators."""
    quoted = lines.str.contains('"', literal=True)
    if separator == SPACE:
        plain = lines.str.strip_chars().str.replace_all(r"[ \t]+", BETWEEN)
    else:
        plain = lines.str.replace_all(separator, BETWEEN, literal=True)
    if not quoted.any():
        return plain
    split = [BETWEEN.join(fields_of(line, separator)) for line in lines.filter(quoted)]
    return plain.scatter(quoted.arg_true(), split)
