"""Tables of numbers, with the weights and the identity of their rows."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from gaussmix._cached_property import cached_property
from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.cli.errors import CommandError
from gaussmix.cli.tables.columns import Choice, choose_all, choose_features, choose_named, named_columns
from gaussmix.cli.tables.formats import read_raw
from gaussmix.cli.tables.options import Missing, Selection
from gaussmix.cli.tables.raw import RawTable, quoted
from gaussmix.cli.tables.rows import check_numbers, check_weights, complete_rows, count_rows, describe_holes
from gaussmix.mixture import Mixture

__all__ = ["Table", "read", "read_for"]


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of numbers, which are finite or missing (NaN), the names of their columns, and their weights.

    Attributes
    ----------
    frame : polars.DataFrame
        n rows and D columns: all float32 where all columns of the file are, else float64.
    weights : (n,) ndarray or None
        The weights of the rows; None where each row weighs one.
    warnings : tuple of str
        Doubts, and columns and rows that are left out, a sentence each.
    raw : RawTable
        The whole table in the file.
    indices : (n,) ndarray of int
        The indices of the rows in the file, from which rows with missing values may have been left out.
    """

    frame: pl.DataFrame
    weights: Floats | None
    warnings: tuple[str, ...]
    raw: RawTable
    indices: AnyArray

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.frame.columns)

    @property
    def notes(self) -> tuple[str, ...]:
        """The properties of the file that were found by looking, a sentence each."""
        return self.raw.notes

    @property
    def rows(self) -> Rows:
        """The rows as an array, ``(n, D)``."""
        return np.ascontiguousarray(self.frame.to_numpy())

    @cached_property
    def positive_weight_rows(self) -> pl.DataFrame:
        """The rows that a fit uses: a row of weight 0 is no row."""
        return self.frame if self.weights is None else self.frame.filter(self.weights > 0)

    @property
    def n_rows(self) -> int:
        """The number of rows that a fit uses."""
        return len(self.positive_weight_rows)


def read(file: str, selection: Selection) -> Table:
    """Read the feature columns and the weights of a file.

    Parameters
    ----------
    file : str
        The name of a file, or ``-`` for standard input. Columns without names are called ``x0``, ``x1``, and so on.
    selection : Selection
        The columns and the rows to read.

    Raises
    ------
    CommandError
        If the file cannot be read, a column is missing or holds no numbers, values are missing, or no row is left.
    """
    raw = read_raw(file, selection.written)
    weights = _weights_column(raw, selection.weights)
    columns = selection.columns
    choice = choose_all(raw, weights) if columns is None else choose_named(raw, columns)
    return _table(raw, choice, weights, selection)


def read_for(mixture: Mixture, file: str, selection: Selection) -> Table:
    """Read the features of a mixture from a file.

    Where no columns are selected, the columns with the names of the features are read, in any order in the file.

    Raises
    ------
    CommandError
        If :func:`read` raises it, or there is not one column for each feature.
    """
    raw = read_raw(file, selection.written)
    weights = _weights_column(raw, selection.weights)
    columns = selection.columns
    choice = choose_features(raw, mixture, weights) if columns is None else choose_named(raw, columns)
    if len(choice.names) != mixture.n_features:
        msg = (
            f"{raw.name}: the model has {mixture.n_features} features, got {len(choice.names)} columns, "
            f"{quoted(choice.names)}; say which hold the features with --columns."
        )
        raise CommandError(msg)
    return _table(raw, choice, weights, selection)


def _weights_column(raw: RawTable, name: str | None) -> str | None:
    return None if name is None else (name if name in raw.columns else named_columns(raw, name, "--weights")[0])


def _table(raw: RawTable, choice: Choice, weights: str | None, selection: Selection) -> Table:
    names, warnings = choice.names, choice.warnings
    if weights in names:
        raise CommandError(f"{raw.name}: {weights!r} holds the weights; take it out of --columns.")
    check_numbers(raw, names)
    if selection.strict and warnings:
        raise CommandError(f"{raw.name} leaves a doubt, which --strict refuses: {warnings[0]}")
    if weights is not None:
        check_weights(raw, weights)
    used = raw.frame.select(names if weights is None else [*names, weights])
    indices = complete_rows(raw, used, selection.missing)
    features = _in_one_precision(used.select(names))
    warnings = [*warnings, *([] if selection.missing is Missing.FILL else describe_holes(features[indices]))]
    if dropped := len(used) - len(indices):
        used, features = used[indices], features[indices]
        warnings = [*warnings, f"{count_rows(dropped)} with missing or infinite values left out."]
    masses = None if weights is None else used[weights].cast(pl.Float64).fill_null(np.nan).to_numpy()
    if masses is not None and np.isnan(masses).any():
        place = raw.place(int(np.isnan(masses).argmax()))
        raise CommandError(f"{raw.name}: the weight in {weights!r} is missing in {place}; give the row a weight of 0.")
    if masses is not None and not masses.any():
        raise CommandError(f"{raw.name}: the weights in {weights!r} must not all be 0.")
    return Table(features, masses, tuple(warnings), raw, indices)


def _in_one_precision(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table in single precision where all columns are, else in double; missing values are NaN."""
    single = all(dtype == pl.Float32 for dtype in frame.dtypes)
    return frame.cast(pl.Float32 if single else pl.Float64).fill_null(np.nan)
