"""Doubts about columns of numbers: codes for missing values, numbers of rows, dates, codes of things, totals."""

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

_FEWEST_ADDED = 10
"""The smallest number of rows whose sums are compared with the last row: those of few rows can be equal by chance."""

_ROUNDING = 1e-9
"""The largest difference between a column's total and its sum, relative to the sum of its absolute values."""

_DAYS = (19000101, 21001231)
"""The range of whole numbers that may be dates, as 20240131."""


def doubts_about_columns(table: RawTable) -> list[Doubt]:
    """Return doubts about the columns of numbers of a table."""
    doubts = [doubt for doubt in (_totals(table),) if doubt]
    for column in table.frame:
        if is_numeric(column) and column.dtype != pl.Boolean:
            values = column.cast(pl.Float64)
            finite = values.filter(values.is_finite().fill_null(value=False))
            for doubt in (
                _code(table, column.name, values, finite),
                _days(table, column.name, values, finite),
                _leading_zeros(table, column.name),
            ):
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


def _leading_zeros(table: RawTable, name: str) -> Doubt | None:
    """Return a doubt about whole numbers such as 01234, which are codes of places or articles."""
    written = table.original[name]
    if written.dtype != pl.String:
        return None
    rows = written.str.contains(r"^0\d{2,}$").fill_null(value=False).arg_true()
    if rows.is_empty():
        return None
    return Doubt(
        f"Column {name!r} has numbers with leading zeros, such as {written[rows[0]]} in {table.place(rows[0])}, as "
        "codes have; leave the column out with --columns, or name it there if it measures something.",
        column=name,
        identity=True,
    )


def _totals(table: RawTable) -> Doubt | None:
    """Return a doubt about a last row that holds the sums of all columns of numbers."""
    numbers = [column.cast(pl.Float64) for column in table.frame if is_numeric(column)]
    last = len(table.frame) - 1
    added = [column for column in numbers if column.dtype != pl.Boolean and column[last] is not None]
    if last < _FEWEST_ADDED or not added or not any(column[last] for column in added):
        return None
    for column in added:
        above = column.slice(0, last)
        if not abs(column[last] - above.sum()) <= _ROUNDING * float(above.abs().sum()):
            return None
    return Doubt(
        f"The numbers in {table.place(last)}, the last, are the sums of their columns, as those of a line of totals "
        "are. If the line is no row, delete it; if it is, name the columns with --columns."
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
