"""Readers of the formats of tables, by what the first bytes of a file say."""

import io
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from gaussmix._types import AnyArray
from gaussmix.cli.errors import CommandError, error_sentence, listed
from gaussmix.cli.tables.contents import Content, Kind, read_content
from gaussmix.cli.tables.dialect import Dialect
from gaussmix.cli.tables.encodings import decode
from gaussmix.cli.tables.numbers import read_numbers
from gaussmix.cli.tables.options import Format
from gaussmix.cli.tables.raw import Doubt, RawTable, quoted
from gaussmix.cli.tables.records import BETWEEN, Records
from gaussmix.cli.tables.texts import read_text, table_of_records

__all__ = ["read_raw"]

_STDERR = 2
"""The number of the file to which a program writes its errors."""

_MATRIX = 2
"""The number of axes of a matrix."""


def read_raw(file: str, given: Format) -> RawTable:
    """Return the table in a file, or in standard input.

    Raises
    ------
    CommandError
        If the file cannot be read, or holds no rows.
    """
    content = read_content(file)
    if given.sheet is not None and content.kind is not Kind.EXCEL:
        raise CommandError(f"{content.name} is no workbook, so it has no sheets; leave --sheet out.")
    try:
        table = _READERS[content.kind](content, given)
    except CommandError:
        raise
    except ImportError as error:
        raise CommandError(f"{error} Install it with: pip install 'gaussmix[cli]'") from error
    except (Exception, pl.exceptions.PanicException) as error:
        if content.kind is Kind.TEXT:  # our own work
            raise
        reason = (error_sentence(error).partition("\n")[0] or type(error).__name__).rstrip(".")
        msg = f"{content.name} cannot be read as a {content.suffix or content.kind.value} file: {reason}."
        raise CommandError(msg) from error
    if table.frame.is_empty():
        raise CommandError(f"{content.name} has no rows; it must hold rows of numbers.")
    return table


@contextmanager
def _silent_panics() -> Iterator[None]:
    """Print nothing on stderr: polars prints its stack there before it raises an error for a damaged file."""
    sys.stderr.flush()
    with Path(os.devnull).open("wb") as nowhere:
        kept = os.dup(_STDERR)
        os.dup2(nowhere.fileno(), _STDERR)
        try:
            yield
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)


def _of_frame(content: Content, frame: pl.DataFrame, given: Format, *, nameless: bool = False) -> RawTable:
    """Return a table whose columns have types; the columns of JSON have none, so texts in it may be numbers."""
    written = frame.select(_with_missing(column, given.missing) for column in frame)
    columns = written if content.kind is Kind.JSON else ()
    numbers = {column.name: read for column in columns if (read := _numbers_of_texts(column, given)) is not None}
    doubts = []
    if numbers:
        hold = f"Column {quoted(list(numbers))} holds" if len(numbers) == 1 else f"Columns {quoted(list(numbers))} hold"
        sentence = (
            f"{hold} numbers as texts, which are read as numbers; if this is wrong, choose columns with --columns."
        )
        doubts.append(Doubt(sentence, column=next(iter(numbers))))
    frame = written.with_columns(**numbers)
    return RawTable(content.name, frame, written, lambda row: f"row {row + 1}", doubts=tuple(doubts), nameless=nameless)


def _numbers_of_texts(column: pl.Series, given: Format) -> pl.Series | None:
    """Return the numbers in a column of texts; None for other columns, and if a text is no number."""
    if column.dtype != pl.String:
        return None
    read = read_numbers(column, ".", given, may_be_unclear=False)
    return None if read.texts.any() or read.values.null_count() == len(column) else read.values


def _with_missing(column: pl.Series, marks: tuple[str, ...]) -> pl.Series:
    """Return a column of numbers with null in place of the numbers that stand for missing values."""
    if not column.dtype.is_numeric():
        return column
    numbers = [number for mark in marks if (number := _number(mark)) is not None]
    return (
        column
        if not numbers
        else pl.select(pl.when(~column.cast(pl.Float64).is_in(numbers)).then(column)).to_series().alias(column.name)
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _npy(content: Content, given: Format) -> RawTable:
    array: AnyArray = np.load(io.BytesIO(content.data), allow_pickle=False)
    if array.dtype.kind not in "biuf" or array.ndim not in {1, _MATRIX}:
        raise ValueError(f"it must hold a matrix of numbers, got shape {array.shape} of {array.dtype}")
    matrix: AnyArray = array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
    single = array.dtype.newbyteorder("=") == np.float32
    names = [f"x{i}" for i in range(matrix.shape[1])]
    frame = pl.from_numpy(matrix.astype(np.float32 if single else np.float64), schema=names, orient="row")
    return _of_frame(content, frame, given, nameless=True)


def _parquet(content: Content, given: Format) -> RawTable:
    with _silent_panics():
        frame = pl.read_parquet(io.BytesIO(content.data))
    return _of_frame(content, frame, given)


def _arrow(content: Content, given: Format) -> RawTable:
    read: Callable[..., pl.DataFrame] = pl.read_ipc if content.data.startswith(b"ARROW1") else pl.read_ipc_stream
    with _silent_panics():
        frame = read(io.BytesIO(content.data))
    return _of_frame(content, frame, given)


def _json(content: Content, given: Format) -> RawTable:
    """Return the table in a JSON array of objects, in lines of one object each, or in an object of columns."""
    text, _ = decode(content, given.encoding)
    lines = [text] if text.lstrip().startswith("[") else [line for line in text.split("\n") if line.strip()]
    try:
        rows: Any = [json.loads(line) for line in lines]
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    if len(rows) == 1:
        rows = _indexed_columns(rows[0]) or (rows[0] if isinstance(rows[0], list) or _is_columns(rows[0]) else rows)
    if not _is_columns(rows) and not all(isinstance(row, dict) for row in rows):
        raise ValueError("it must hold one object for each row, with a number for each column")
    if isinstance(rows, dict) and len({len(column) for column in rows.values()}) > 1:
        raise ValueError("its lists must have one length, as each is a column")
    return _of_frame(content, pl.DataFrame(rows, infer_schema_length=None), given)


def _indexed_columns(value: object) -> dict[str, list[object]] | None:
    """Return the columns of an object that holds them by the index of their rows, as pandas writes it by default."""
    if not isinstance(value, dict) or not all(isinstance(column, dict) for column in value.values()):
        return None
    indices = [list(column) for column in value.values()]
    same = all(index == indices[0] for index in indices)
    return {name: list(column.values()) for name, column in value.items()} if same else None


def _is_columns(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(column, list) for column in value.values())


def _excel(content: Content, given: Format) -> RawTable:
    """Return the table in a sheet of a workbook, whose cells are read as a text's fields are."""
    import fastexcel  # noqa: PLC0415 - only workbooks need it

    sheets = fastexcel.read_excel(content.data).sheet_names
    sheet = _chosen_sheet(content.name, sheets, given.sheet)
    frame = pl.read_excel(
        io.BytesIO(content.data), sheet_name=sheet, has_header=False, infer_schema_length=0, drop_empty_rows=False
    )
    if frame.is_empty():
        raise CommandError(f"{content.name} has no rows in its sheet {sheet!r}.")
    joined = frame.select(pl.concat_str(pl.all().fill_null(""), separator=BETWEEN)).to_series()
    numbers = pl.Series(range(1, len(joined) + 1))
    filled = joined.str.strip_chars(BETWEEN + " ") != ""
    skipped = filled & (numbers > (given.skip or 0))
    records = Records(joined.filter(skipped), numbers.filter(skipped), Dialect(",", "."), {}, place="row")
    table = table_of_records(content.name, records, given, [])
    if len(sheets) == 1 or given.sheet is not None:
        return table
    remark = (
        f"The first of {len(sheets)} sheets is read, {sheet!r}; read another with --sheet {shlex.quote(sheets[1])}."
    )
    return replace(table, remarks=(*table.remarks, remark))


def _chosen_sheet(name: str, sheets: list[str], asked: str | None) -> str:
    """Return the name of the sheet to read: the first, or that of a name, or that of a number from 1 on.

    Raises
    ------
    CommandError
        If no sheet has the name or the number.
    """
    if asked is None or asked in sheets:
        return asked or sheets[0]
    if asked.isdecimal() and 0 < int(asked) <= len(sheets):
        return sheets[int(asked) - 1]
    raise CommandError(f"{name} has no sheet {asked!r}; its sheets are {listed([repr(sheet) for sheet in sheets])}.")


_READERS: dict[Kind, Callable[[Content, Format], RawTable]] = {
    Kind.TEXT: read_text,
    Kind.JSON: _json,
    Kind.NPY: _npy,
    Kind.PARQUET: _parquet,
    Kind.ARROW: _arrow,
    Kind.EXCEL: _excel,
}
