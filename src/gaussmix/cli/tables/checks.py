"""Doubts about columns of numbers: codes for missing values, numbers of rows, dates."""

import polars as pl

from gaussmix.cli.tables.raw import Doubt, RawTable, is_numeric

__all__ = ["doubts_about_columns"]

_FEWEST_ROWS = 20
"""The smallest number of rows with which a column of different whole numbers is taken for one that numbers the rows:
fewer measurements in whole numbers often differ by chance."""

_FEWEST_REPEATS = 2
"""The smallest number of rows with the same value that are taken for rows with a code."""

_FEWEST_OTHERS = 10
"""The smallest number of different values beside a code: among few values, as of a rating, -1 may be a value."""

_DAYS = (19000101, 21001231)
"""The range of whole numbers that may be dates, as 20240131."""


def doubts_about_columns(table: RawTable) -> list[Doubt]:
    """Return doubts about the columns of numbers of a table."""
    doubts = []
    for column in table.frame:
        if is_numeric(column) and column.dtype != pl.Boolean:
            values = column.cast(pl.Float64)
            finite = values.filter(values.is_finite().fill_null(value=False))
            for doubt in (_code(table, column.name, values, finite), _days(table, column.name, values, finite)):
                if doubt:
                    doubts.append(doubt)
                    break
            else:
                if doubt := _identity(table, column.name, finite):
                    doubts.append(doubt)
    return doubts


def _code(table: RawTable, name: str, values: pl.Series, finite: pl.Series) -> Doubt | None:
    """Return a doubt about a number that seems to stand for missing values: repeated, and unlike all others."""
    for code in (finite.min(), finite.max()):
        if not isinstance(code, float):
            return None
        others = finite.filter(finite != code)
        count = len(finite) - len(others)
        if count < _FEWEST_REPEATS or others.n_unique() < _FEWEST_OTHERS or code != int(code):
            continue
        low, high = float(others.min()), float(others.max())  # type: ignore[arg-type] # numbers
        lone = code < 0 <= low  # the only negative value
        digits = str(abs(int(code)))
        nines = len(digits) > 1 and set(digits) == {"9"}
        apart = min(abs(code - low), abs(code - high)) > high - low
        if lone or (nines and apart):
            row = int((values == code).arg_true()[0])
            return Doubt(
                f"Column {name!r} has {code:.15g} in {count} rows (first in {table.place(row)}), and its other values "
                f"are from {low:g} to {high:g}. If {code:.15g} stands for missing values, add --na {code:.15g} "
                "--drop-missing; if it is a value, name the column with --columns.",
                column=name,
            )
    return None


def _days(table: RawTable, name: str, values: pl.Series, finite: pl.Series) -> Doubt | None:
    low, high = _DAYS
    if not len(finite) or not finite.is_between(low, high).all() or not (finite == finite.floor()).all():
        return None
    whole = finite.cast(pl.Int64)
    month, day = (whole // 100) % 100, whole % 100
    if whole.n_unique() < _FEWEST_REPEATS or not (month.is_between(1, 12) & day.is_between(1, 31)).all():
        return None
    row = int(values.is_finite().fill_null(value=False).arg_true()[0])
    return Doubt(
        f"Column {name!r} seems to hold dates, such as {whole[0]} in {table.place(row)}, which are read as whole "
        "numbers; leave the column out with --columns, or name it there if this is right.",
        column=name,
        identity=True,
    )


def _identity(table: RawTable, name: str, finite: pl.Series) -> Doubt | None:
    """Return a doubt about a column that holds another whole number in each row."""
    if len(finite) < _FEWEST_ROWS or not (finite == finite.floor()).all():
        return None
    written = table.original[name].drop_nulls()  # numbers beyond 2**53 lose their last digits
    if written.n_unique() < len(written):
        return None
    return Doubt(
        f"Column {name!r} holds another whole number in each row, such as {finite[0]:.15g} in {table.place(0)}, as the "
        "numbers of rows do; leave the column out with --columns, or name it there if it measures something.",
        column=name,
        identity=True,
    )
