"""A table as its file holds it: typed columns, and what is doubtful about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import polars as pl

from gaussmix.cli.errors import listed

__all__ = ["Doubt", "RawTable", "is_numeric", "quoted", "shortened", "unique_names"]

_LONGEST = 60
"""The number of characters of the longest text that a sentence repeats."""


@dataclass(frozen=True)
class Doubt:
    """A reason to doubt that a table is read as its owner means it.

    Attributes
    ----------
    sentence : str
        The doubt, and the option that settles it.
    column : str or None
        The column; None for the whole file. Who names a column with ``--columns`` has settled the doubt.
    identity : bool
        Whether the column may only tell rows apart. A model that has it for a feature has settled the doubt.
    """

    sentence: str
    column: str | None = None
    identity: bool = False


@dataclass(frozen=True, eq=False)
class RawTable:
    """A table with all columns of its file.

    Attributes
    ----------
    name : str
        The name of the file in sentences.
    frame : polars.DataFrame
        The columns: of numbers, of booleans, of text, or of other types.
    original : polars.DataFrame
        The columns to write beside results: the text of the file where it has one.
    place : callable
        The name of the place of a row in the file, such as ``line 22``, by its index.
    found : tuple of str
        The properties of the file that were found by looking, as options of the command line.
    remarks : tuple of str
        What was left out of the file, or changed, a sentence each.
    doubts : tuple of Doubt
        Reasons to doubt that the columns are read as their owner means them.
    flaws : dict of str to str
        The reasons why columns, which seem to be of numbers, cannot be used.
    nameless : bool
        Whether the file has no names of columns, and its columns are called ``x0``, ``x1``, ...
    """

    name: str
    frame: pl.DataFrame
    original: pl.DataFrame
    place: Callable[[int], str]
    found: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    flaws: dict[str, str] = field(default_factory=dict)
    nameless: bool = False

    @property
    def columns(self) -> list[str]:
        """The names of all columns."""
        return self.frame.columns

    @property
    def notes(self) -> tuple[str, ...]:
        """The properties that were found by looking, and what was left out, a sentence each."""
        found = (f"{self.name} is read with {' '.join(self.found)}.",) if self.found else ()
        return (*found, *self.remarks)

    def example(self, column: pl.Series) -> str:
        """Return the first value of a column that is no number, and its place."""
        if column.dtype != pl.String:
            return f"values of type {shortened(str(column.dtype))}"
        filled = column.is_not_null() & (column != "")
        texts = filled & column.cast(pl.Float64, strict=False).is_null()
        row = int((texts if texts.any() else filled).arg_true()[0]) if filled.any() else 0
        return f"the text {shortened(column[row])!r} in {self.place(row)}"


def shortened(text: str) -> str:
    """Return the beginning of a text, if it is too long for a sentence."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def is_numeric(column: pl.Series) -> bool:
    """Return whether a column has a type whose values are numbers."""
    return column.dtype.is_numeric() or column.dtype == pl.Boolean


def quoted(names: Sequence[str]) -> str:
    """Return names in quotation marks, as a list in a sentence."""
    return listed([repr(name) for name in names])


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names, with a number behind each that has come before: ``x``, ``x_2``."""
    unique: list[str] = []
    for name in names:
        candidate, i = name, 1
        while candidate in unique or (i > 1 and candidate in names):
            i += 1
            candidate = f"{name}_{i}"
        unique.append(candidate)
    return unique
