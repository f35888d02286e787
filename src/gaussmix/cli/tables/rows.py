"""The rows that a command uses: complete ones, of numbers, with weights of at least zero."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from gaussmix._types import AnyArray
from gaussmix.cli.errors import CommandError, listed
from gaussmix.cli.tables.columns import as_option, usable_columns
from gaussmix.cli.tables.options import Missing
from gaussmix.cli.tables.raw import RawTable, is_numeric, quoted

__all__ = [
    "check_numbers",
    "check_weights",
    "complete_rows",
    "count_holes",
    "count_rows",
    "describe_holes",
    "list_holes",
]


def check_numbers(raw: RawTable, names: Sequence[str]) -> None:
    """Check that columns hold numbers.

    Raises
    ------
    CommandError
        If a column holds text, or text among its numbers.
    """
    others = [raw.frame[name] for name in names if not is_numeric(raw.frame[name])]
    usable = usable_columns(raw)
    remedy = f"choose columns of numbers, as with {as_option(usable)}" if usable else "use columns of numbers"
    if others:
        which = f"column{'s'[: len(others) > 1]} {quoted([column.name for column in others])}"
        raise CommandError(f"{raw.name}: {which} must hold numbers, got {raw.example(others[0])}; {remedy}.")
    if flawed := [name for name in names if name in raw.flaws]:
        more = f" (the same holds for {quoted(flawed[1:])})" if len(flawed) > 1 else ""
        raise CommandError(f"{raw.name}: {raw.flaws[flawed[0]]}{more}, or {remedy}.")


def complete_rows(raw: RawTable, used: pl.DataFrame, missing: Missing) -> AnyArray:
    """Return the indices of the rows to use: those without missing or infinite values, or with EM or FILL, all.

    Raises
    ------
    CommandError
        If values are missing or infinite, and the rows are neither to be used nor to be left out; or if no row is left.
    """
    good = used.select(pl.all().cast(pl.Float64).is_finite().fill_null(value=False))
    counts = {name: bad for name in good.columns if (bad := int((~good[name]).sum()))}
    if not counts:
        return np.arange(len(used))
    if hollow := [name for name, bad in counts.items() if bad == len(used)]:
        raise CommandError(_hollow(raw, hollow, [name for name in used.columns if name not in hollow]))
    if missing in {Missing.EM, Missing.FILL}:
        return _check_infinite(raw, used)
    if missing is not Missing.DROP:
        first = {name: raw.place(int((~good[name]).arg_true()[0])) for name in counts}
        where = listed([f"{name!r} ({count_rows(bad)}, first in {first[name]})" for name, bad in counts.items()])
        which = f"column{'s'[: len(counts) > 1]} {where}"
        remedy = "leave those rows out with --missing drop, or fill them in first"
        raise CommandError(f"{raw.name}: values are missing or infinite in {which}; {remedy}.")
    kept = good.select(pl.all_horizontal(pl.all())).to_series().arg_true().to_numpy()
    if not len(kept):
        msg = "every row has missing or infinite values, so none is left; leave columns out with --columns."
        raise CommandError(f"{raw.name}: {msg}")
    return kept


def _check_infinite(raw: RawTable, used: pl.DataFrame) -> AnyArray:
    """Return the indices of all rows; raise ``CommandError`` if a value is infinite."""
    bad = used.select(pl.all().cast(pl.Float64).is_infinite().fill_null(value=False))
    columns = [name for name in bad.columns if bad[name].any()]
    if columns:
        where = listed([f"{name!r} (first in {raw.place(int(bad[name].arg_true()[0]))})" for name in columns])
        which = f"column{'s'[: len(columns) > 1]} {where}"
        remedy = "leave those rows out with --missing drop, or leave the values empty"
        raise CommandError(f"{raw.name}: values are infinite in {which}; {remedy}.")
    return np.arange(len(used))


def count_holes(used: pl.DataFrame) -> dict[str, int]:
    """Return the number of missing values of each column that has any, for a table of floats in which they are NaN."""
    return {name: count for name in used.columns if (count := int(used[name].is_nan().sum()))}


def list_holes(counts: dict[str, int]) -> str:
    """Return the numbers of missing values of columns in words."""
    return listed([f"{count} in {name!r}" for name, count in counts.items()])


def describe_holes(used: pl.DataFrame) -> list[str]:
    """Return a sentence on the missing values of a table of floats in which these are NaN; none for complete rows."""
    counts = count_holes(used)
    if not counts:
        return []
    total, where = sum(counts.values()), list_holes(counts)
    values = f"1 value is missing, {where}" if total == 1 else f"{total} values are missing: {where}"
    return [f"{values}; the observed values of these rows are used."]


def _hollow(raw: RawTable, hollow: Sequence[str], others: Sequence[str]) -> str:
    which = f"column{'s'[: len(hollow) > 1]} {quoted(hollow)} {'has' if len(hollow) == 1 else 'have'} no finite value"
    remedy = f"; choose other columns, as with {as_option(others)}" if others else ""
    return f"{raw.name}: {which}{remedy}."


def check_weights(raw: RawTable, name: str) -> None:
    """Check that a column holds weights.

    Raises
    ------
    CommandError
        If the weights are no numbers, or a weight is negative.
    """
    column = raw.frame[name]
    if not is_numeric(column):
        raise CommandError(f"{raw.name}: the weights in {name!r} must be numbers, got {raw.example(column)}.")
    if name in raw.flaws:
        raise CommandError(f"{raw.name}: the weights cannot be read: {raw.flaws[name]}.")
    values = column.cast(pl.Float64)
    negative = (values < 0).arg_true()
    if len(negative):
        row = int(negative[0])
        msg = f"{raw.name}: the weights in {name!r} must be at least 0, got {values[row]:g} in {raw.place(row)}."
        raise CommandError(msg)


def count_rows(count: int) -> str:
    """Return a number of rows in words, as ``1 row``."""
    return f"{count} row{'s'[: count != 1]}"
