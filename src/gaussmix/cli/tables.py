"""Tables of numbers from CSV, Parquet and NPY files."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

import numpy as np
import polars as pl

from gaussmix._cached_property import cached_property
from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.cli.errors import CommandError, listed
from gaussmix.mixture import Mixture

__all__ = ["Missing", "Selection", "Table", "read", "read_for"]

_MATRIX = 2
"""The number of axes of a matrix."""

_MISSING_MARKS = ["NA", "N/A", "NaN", "nan", "null", "NULL"]
"""The texts in a CSV file that are missing values, beside empty cells."""


class Missing(Enum):
    """The treatment of rows with missing or infinite values; the value is the advice where such rows are an error."""

    DROP = ""
    OFFER = "leave those rows out with --drop-missing, or fill them in first"
    REFUSE = "take those rows out, or fill them in, first"


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of finite numbers, the names of their columns, and their weights.

    Attributes
    ----------
    frame : polars.DataFrame
        n rows and D columns: all float32 where all columns of the file are, else float64.
    weights : (n,) ndarray or None
        The weights of the rows; None where each row weighs one.
    notes : tuple of str
        Warnings from the reading, a sentence each.
    """

    frame: pl.DataFrame
    weights: Floats | None
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.frame.columns)

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


@dataclass(frozen=True)
class Selection:
    """The columns and the rows of a file to read.

    Attributes
    ----------
    columns : tuple of str or None
        Names of the features, in order; for an array also their indices. None for all columns but the weights.
    weights : str or None
        Name of the column of weights.
    missing : Missing
        The treatment of rows with missing or infinite values.
    """

    columns: tuple[str, ...] | None
    weights: str | None
    missing: Missing


def read(path: Path, selection: Selection) -> Table:
    """Read the feature columns and the weights of a file.

    Parameters
    ----------
    path : Path
        A file with one of the endings ``.csv``, ``.parquet`` and ``.npy``. The columns of an array are named ``x0``,
        ``x1``, and so on.
    selection : Selection
        The columns and the rows to read.

    Raises
    ------
    CommandError
        If the file cannot be read, a column is missing or holds no numbers, values are missing, or no row is left.
    """
    return _table(path, _frame(path), selection)


def read_for(mixture: Mixture, path: Path, selection: Selection) -> Table:
    """Read the features of a mixture from a file.

    Where no columns are selected, the columns with the names of the features are read, in any order in the file.

    Raises
    ------
    CommandError
        If :func:`read` raises it, or there is not one column for each feature.
    """
    frame = _frame(path)
    if selection.columns is None:
        selection = replace(selection, columns=_columns_of(mixture, path, frame))
    table = _table(path, frame, selection)
    if len(table.names) != mixture.n_features:
        msg = (
            f"{path}: the model has {mixture.n_features} features, got {len(table.names)} columns, "
            f"{_quoted(table.names)}; say which hold the features with --columns."
        )
        raise CommandError(msg)
    return table


def _columns_of(mixture: Mixture, path: Path, frame: pl.DataFrame) -> tuple[str, ...] | None:
    """Return the names of the features; None, for all columns, where the mixture or the file has no names."""
    names = mixture.feature_names
    missing = [name for name in names or () if name not in frame.columns]
    if not missing or path.suffix.lower() == ".npy":
        return None if missing else names
    msg = (
        f"{path} lacks columns for the model's features {_quoted(missing)}; it has {_quoted(frame.columns)}. Say which "
        "columns hold the features with --columns."
    )
    raise CommandError(msg)


def _table(path: Path, frame: pl.DataFrame, selection: Selection) -> Table:
    names, weights = _features(path, frame, selection), selection.weights
    _check_numbers(path, frame.select(names))
    if weights:
        _check_weights(path, frame[weights])
    frame = frame.select([*names, weights] if weights else names)
    complete = _complete(path, frame, selection.missing)
    if weights and not complete[weights].cast(pl.Float64).sum():
        raise CommandError(f"{path}: the weights in {weights!r} must not all be 0.")
    dropped = len(frame) - len(complete)
    notes = (f"{_n_rows(dropped)} with missing or infinite values left out.",) if dropped else ()
    return Table(
        frame=_in_one_precision(complete.select(names)),
        weights=complete[weights].cast(pl.Float64).to_numpy() if weights else None,
        notes=(*_header_notes(path, names), *notes),
    )


def _frame(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise CommandError(f"There is no file {path}.")
    kind = path.suffix.lower()
    if kind not in _READERS:
        raise CommandError(f"{path}: a table must end in .csv, .parquet or .npy.")
    if not path.stat().st_size:
        raise CommandError(f"{path} is empty; it must hold rows of numbers.")
    try:
        frame = _READERS[kind](path)
    except (pl.exceptions.PolarsError, ValueError, EOFError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise CommandError(f"{path} cannot be read as a {kind} file: {reason}.") from error
    if frame.is_empty():
        raise CommandError(f"{path} has no rows; it must hold rows of numbers.")
    return frame


def _csv(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, infer_schema_length=None, null_values=_MISSING_MARKS)


def _npy(path: Path) -> pl.DataFrame:
    array = np.load(path, allow_pickle=False)
    if array.dtype.kind not in "biuf" or array.ndim not in {1, _MATRIX}:
        raise ValueError(f"it must hold a matrix of numbers, got shape {array.shape} of {array.dtype}")
    matrix: AnyArray = array.reshape(len(array), -1) if array.size else array.reshape(0, 1)
    single = array.dtype.newbyteorder("=") == np.float32
    names = [f"x{i}" for i in range(matrix.shape[1])]
    return pl.from_numpy(matrix.astype(np.float32 if single else np.float64), schema=names, orient="row")


_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {".csv": _csv, ".parquet": pl.read_parquet, ".npy": _npy}


def _features(path: Path, frame: pl.DataFrame, selection: Selection) -> list[str]:
    """Return the names of the columns of features; each is in the file, is named once, and is not the weights."""
    names, weights = _selected(path, frame, selection), selection.weights
    for name in [*names, weights] if weights else names:
        if name not in frame.columns:
            raise CommandError(f"{path} has no column {name!r}; it has {_quoted(frame.columns)}.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise CommandError(f"{path}: --columns names {_quoted(twice)} more than once.")
    if weights in names:
        raise CommandError(f"{path}: {weights!r} holds the weights; take it out of --columns.")
    if not names:
        raise CommandError(f"{path} has no column beside the weights.")
    return names


def _selected(path: Path, frame: pl.DataFrame, selection: Selection) -> list[str]:
    if selection.columns is None:
        return [name for name in frame.columns if name != selection.weights]
    if path.suffix.lower() == ".npy":
        return [f"x{name}" if name.isdecimal() else name for name in selection.columns]
    return list(selection.columns)


def _check_numbers(path: Path, frame: pl.DataFrame) -> None:
    others = [series for series in frame if not _is_numeric(series)]
    if not others:
        return
    numbers = [series.name for series in frame if _is_numeric(series)]
    which = f"column{'s'[: len(others) > 1]} {_quoted([series.name for series in others])}"
    remedy = (
        f"choose columns of numbers, as with --columns {','.join(numbers)}" if numbers else "use columns of numbers"
    )
    raise CommandError(f"{path}: {which} must hold numbers, got {_example(others[0])}; {remedy}.")


def _is_numeric(series: pl.Series) -> bool:
    return series.dtype.is_numeric() or series.dtype == pl.Boolean or series.null_count() == len(series)


def _example(series: pl.Series) -> str:
    """Return the first value that is no number, with its row; of a column of digits that is text, the first value."""
    if series.dtype != pl.String:
        return f"values of type {series.dtype}"
    texts = series.is_not_null()
    bad = texts & series.cast(pl.Float64, strict=False).is_null()
    row = (bad if bad.any() else texts).arg_true()[0]
    return f"the text {series[row]!r} in row {row + 1}"


def _check_weights(path: Path, series: pl.Series) -> None:
    """Raise an error where weights are not numbers, or a weight is negative."""
    if not _is_numeric(series):
        raise CommandError(f"{path}: the weights in {series.name!r} must be numbers, got {_example(series)}.")
    values = series.cast(pl.Float64)
    negative = (values < 0).arg_true()
    if len(negative):
        row = negative[0]
        msg = f"{path}: the weights in {series.name!r} must be at least 0, got {values[row]:g} in row {row + 1}."
        raise CommandError(msg)


def _complete(path: Path, frame: pl.DataFrame, missing: Missing) -> pl.DataFrame:
    """Return the rows without missing or infinite values; unless such rows are to be dropped, they are an error."""
    good = frame.select(pl.all().cast(pl.Float64).is_finite().fill_null(value=False))
    counts = {name: bad for name in good.columns if (bad := int((~good[name]).sum()))}
    if not counts:
        return frame
    if missing is not Missing.DROP:
        where = listed([f"{name!r} ({_n_rows(bad)})" for name, bad in counts.items()])
        which = f"column{'s'[: len(counts) > 1]} {where}"
        raise CommandError(f"{path}: values are missing or infinite in {which}; {missing.value}.")
    complete = frame.filter(good.select(pl.all_horizontal(pl.all())).to_series())
    if complete.is_empty():
        raise CommandError(f"{path}: every row has missing or infinite values, so none is left; leave columns out.")
    return complete


def _in_one_precision(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a table in single precision where all columns are, else in double precision."""
    single = all(dtype == pl.Float32 for dtype in frame.dtypes)
    return frame.cast(pl.Float32 if single else pl.Float64)


def _header_notes(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    if path.suffix.lower() == ".csv" and all(_is_number(name) for name in names):
        return (f"The first line of {path} was read as column names, but holds numbers; put a line of names above it.",)
    return ()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _n_rows(count: int) -> str:
    return f"{count} row{'s'[: count != 1]}"


def _quoted(names: Sequence[str]) -> str:
    return listed([repr(name) for name in names])
