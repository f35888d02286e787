"""The columns that a command uses: those that the user names, those of a model, or all columns of numbers."""

import csv
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from gaussmix.cli.errors import CommandError, listed
from gaussmix.cli.tables.checks import doubts_about_columns
from gaussmix.cli.tables.raw import RawTable, is_numeric, quoted
from gaussmix.mixture import Mixture

__all__ = ["Choice", "as_option", "choose_all", "choose_features", "choose_named", "named_columns", "usable_columns"]

_PLACE = re.compile(r"x?(\d+)")
"""A column of a file without names, by its place."""


@dataclass(frozen=True)
class Choice:
    """The columns of features, and warnings about them."""

    names: list[str]
    warnings: list[str]


def choose_named(raw: RawTable, text: str) -> Choice:
    """Return the columns that the user names, in this order; who names a column has settled the doubts about it.

    Raises
    ------
    CommandError
        If a column is not in the table, or is named twice.
    """
    return Choice(named_columns(raw, text, "--columns"), [one.sentence for one in raw.doubts if one.column is None])


def choose_all(raw: RawTable, weights: str | None) -> Choice:
    """Return all columns of numbers but the weights.

    Raises
    ------
    CommandError
        If there is none.
    """
    columns = [column for column in raw.frame if column.name != weights]
    texts = [column for column in columns if not is_numeric(column) and column.null_count() < len(column)]
    empty = [one.name for one in columns if one.null_count() == len(one) and one.name not in raw.flaws]
    names = [column.name for column in columns if column.name not in {*empty, *(text.name for text in texts)}]
    if not names:
        raise CommandError(_nothing_left(raw, weights, texts[0].name if texts else None))
    warnings = []
    if texts:
        examples = listed([f"{text.name!r} ({raw.example(text)})" for text in texts])
        warnings.append(
            f"{_left_out(len(texts), examples)}: {'it holds' if len(texts) == 1 else 'they hold'} no numbers."
        )
    if empty:
        warnings.append(
            f"{_left_out(len(empty), quoted(empty))}: {'it has' if len(empty) == 1 else 'they have'} no values."
        )
    doubts = [*raw.doubts, *doubts_about_columns(raw)]
    return Choice(names, [*warnings, *(one.sentence for one in doubts if one.column is None or one.column in names)])


def choose_features(raw: RawTable, mixture: Mixture, weights: str | None) -> Choice:
    """Return the columns with the names of a mixture's features; all columns where it or the file has no names.

    Raises
    ------
    CommandError
        If the table lacks a feature.
    """
    names = mixture.feature_names
    missing = [name for name in names or () if name not in raw.columns]
    if names is None or (missing and raw.nameless):
        chosen = [name for name in raw.columns if name != weights]
    elif missing:
        msg = (
            f"{raw.name} lacks columns for the model's features {quoted(missing)}; it has {quoted(raw.columns)}. Say "
            "which columns hold the features with --columns."
        )
        raise CommandError(msg)
    else:
        chosen = list(names)
    doubts = [*raw.doubts, *(one for one in doubts_about_columns(raw) if not one.identity)]
    return Choice(chosen, [one.sentence for one in doubts if one.column is None or one.column in chosen])


def named_columns(raw: RawTable, text: str, option: str) -> list[str]:
    """Return the columns that an option names; each is in the table, and is named once.

    A name with a comma needs no quotation marks where the table tells which it is.

    Raises
    ------
    CommandError
        If a column is not in the table, or is named twice.
    """
    names = [_in_table(raw, name) for name in _split(raw, text)]
    for name in names:
        if name not in raw.columns:
            raise CommandError(f"{raw.name} has no column {name!r}; it has {quoted(raw.columns)}.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CommandError(f"{raw.name}: {option} names {quoted(twice)} more than once.")
    return names


def usable_columns(raw: RawTable) -> list[str]:
    """Return the names of the columns of numbers that can be used as they are."""
    return [column.name for column in raw.frame if is_numeric(column) and column.name not in raw.flaws]


def as_option(names: Sequence[str]) -> str:
    """Return ``--columns`` with these names, as one types it in a shell."""
    written = [f'"{name}"' if "," in name else name for name in names]
    return f"--columns {shlex.quote(','.join(written))}"


def _left_out(count: int, names: str) -> str:
    return f"Column{'s'[: count != 1]} {names} {'is' if count == 1 else 'are'} left out"


def _nothing_left(raw: RawTable, weights: str | None, text: str | None) -> str:
    if raw.columns == [weights]:
        return f"{raw.name} has no column beside the weights."
    if text is None:
        return f"{raw.name} has no column with values."
    remedy = "If its fields are not separated or written as they seem, say it with --separator, --decimal or --strip."
    holds = f"{raw.name} has no column of numbers: column {text!r} holds {raw.example(raw.frame[text])}."
    return f"{holds} {remedy}" if raw.frame[text].dtype == pl.String else holds


def _split(raw: RawTable, text: str) -> list[str]:
    """Return the names in a list with commas."""
    if '"' in text:
        return [name.strip() for name in next(csv.reader([text], skipinitialspace=True), [""])]
    parts, names = [part.strip() for part in text.split(",")], []
    columns = {re.sub(r"\s*,\s*", ",", column): column for column in raw.columns}
    while parts:
        longest = next((n for n in range(len(parts), 0, -1) if ",".join(parts[:n]) in columns), 1)
        joined = ",".join(parts[:longest])
        names.append(columns.get(joined, joined))
        parts = parts[longest:]
    return names


def _in_table(raw: RawTable, name: str) -> str:
    """Return the name of a column; of a table without names, its place, as ``0`` or ``x0``, is its name too."""
    match = _PLACE.fullmatch(name)
    return f"x{int(match[1])}" if match and raw.nameless and name not in raw.columns else name
