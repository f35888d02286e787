"""Conversion of the user's values to arrays of real numbers: the one entrance for rows and parameters.

A value that is not a real number is an error that names the argument: a complex number, a text, a sparse matrix, a
frame that has not been read yet. A missing value becomes NaN, however the container marks it: NaN, NaT, ``None``,
``pandas.NA``, a null of polars or Arrow, a masked entry. A column of times is read as counts of their unit since
1970, as NumPy casts them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta
from os import PathLike
from typing import Any, ClassVar, cast

import numpy as np

from gaussmix._types import AnyArray, ArrayLike, Flags, Floats, Rows

__all__ = ["check_container", "column_names", "finite_rows", "real", "rows_with_holes", "unmasked"]

_MATRIX = 2
_NAMED = 5
"""The number of columns that a message names."""

_MISSING = {"NoneType", "NAType", "NaTType", "MaskedConstant"}
"""The names of the types of missing values: names and not types, so that pandas need not be loaded."""

_TIMES = (date, time, timedelta, np.datetime64, np.timedelta64)
_COMPLEX = (complex, np.complexfloating)


def real(name: str, given: ArrayLike) -> AnyArray:
    """Return an array of real numbers, with NaN where a value is missing.

    Parameters
    ----------
    name : str
        The argument, for messages.
    given : array_like
        Numbers in any container that NumPy reads: an array, also a masked one, nested sequences, a frame or a series of
        pandas or polars, a table of Arrow.

    Returns
    -------
    ndarray
        Boolean, integer or floating numbers of any shape; the given array itself where nothing changes.

    Raises
    ------
    TypeError
        If the container is sparse, has not been read yet or holds no values, or a value is not a number.
    ValueError
        If a value is complex, a text that is not a number, or a time among other values, or if lengths differ.
    """
    check_container(name, given)
    if _is_masked(given):
        return _filled(name, np.ma.array(given))
    return _Given(name, _read(name, given), column_names(given)).real()


def finite_rows(name: str, given: ArrayLike) -> Rows:
    """Return finite numbers: float32 where they are given so, else float64.

    Raises
    ------
    ValueError
        If a value is missing or infinite; the message names the columns. Otherwise as for :func:`real`.
    """
    rows, total = _floating(name, given)
    if not np.isfinite(total):
        _Given(name, rows, column_names(given)).check_finite()
    return rows


def rows_with_holes(name: str, given: ArrayLike) -> tuple[Rows, bool]:
    """Return rows in which missing values are NaN, and whether there are any: float32 where given so, else float64.

    Raises
    ------
    ValueError
        If a value is infinite; the message names the columns. Otherwise as for :func:`real`.
    """
    rows, total = _floating(name, given)
    if np.isfinite(total):
        return rows, False
    _Given(name, rows, column_names(given)).check_finite(missing_allowed=True)
    return rows, bool(np.isnan(rows).any())


def _floating(name: str, given: ArrayLike) -> tuple[Rows, float]:
    """Return real numbers as float32 or float64, and their sum, which is finite only if they are."""
    if isinstance(given, str | PathLike):
        msg = f"{name} must be an array of numbers, got the text {str(given)!r}; read a file with pandas.read_csv."
        raise TypeError(msg)
    array = real(name, given)
    rows = cast("Rows", array if array.dtype == np.float32 else array.astype(np.float64, copy=False))
    with np.errstate(over="ignore", invalid="ignore"):
        return rows, float(rows.sum(dtype=np.float64))


def unmasked(name: str, given: Any) -> Any:  # noqa: ANN401 - labels may be anything
    """Return values of any kind without their mask; raise ``ValueError`` where an entry is masked."""
    if not _is_masked(given):
        return given
    array = np.ma.array(given)
    n_masked = int(np.ma.getmaskarray(array).sum())
    if n_masked:
        msg = f"{name} has {n_masked} masked entries of {array.size}, that is missing values; drop those rows first."
        raise ValueError(msg)
    return array.data


def column_names(given: object) -> tuple[Any, ...]:
    """Return the names of the columns of a frame or a table; none for an array."""
    names = getattr(given, "column_names", None)  # of Arrow
    return tuple(getattr(given, "columns", ()) if names is None else names)


@dataclass(frozen=True, eq=False)
class _Given:
    """An argument as NumPy reads it, and the names of its columns."""

    name: str
    array: AnyArray
    names: tuple[Any, ...]

    def real(self) -> AnyArray:
        """Return real numbers, with NaN for missing values."""
        return self._readers.get(self.array.dtype.kind, _Given.from_text)(self)

    def as_it_is(self) -> AnyArray:
        """Return the array, which holds real numbers."""
        return self.array

    def from_complex(self) -> Floats:
        """Raise ``ValueError``, as imaginary parts must not be dropped."""
        msg = (
            f"Complex data not supported: {self.name} must hold real numbers; pass the real and the imaginary parts as "
            "columns."
        )
        raise ValueError(msg)

    def from_times(self) -> Floats:
        """Return times as counts of their unit, with NaN for missing times."""
        return np.where(np.isnat(self.array), np.nan, self.array.astype(np.float64))

    def from_text(self) -> Floats:
        """Return the numbers that texts stand for."""
        return self._floats(self.array)

    def from_objects(self) -> Floats:
        """Return Python objects as numbers, with NaN for missing values."""
        kinds = {type(value) for value in self.array.flat}
        if any(issubclass(kind, _COMPLEX) for kind in kinds):
            return self.from_complex()
        missing = {kind for kind in kinds if kind.__name__ in _MISSING}
        times = self._are({kind for kind in kinds if issubclass(kind, _TIMES)} - missing)
        if times.any():
            msg = (
                f"{self.name} has times{self._where(times)}; convert them to numbers in a unit of your choice, such as "
                "the seconds since the first."
            )
            raise ValueError(msg)
        return self._floats(np.where(self._are(missing), np.nan, self.array) if missing else self.array)

    def check_finite(self, *, missing_allowed: bool = False) -> None:
        """Raise where a value is NaN or infinite; with `missing_allowed`, where a value is infinite."""
        bad = np.isinf(self.array) if missing_allowed else ~np.isfinite(self.array)
        if not bad.any():
            return  # only their sum is infinite
        kinds = {"NaN or missing values": bad & np.isnan(self.array), "infinity": np.isinf(self.array)}
        found = " and ".join(kind for kind, where in kinds.items() if where.any())
        rows = f" ({int(bad.any(axis=1).sum())} of {len(bad)} rows)" if bad.ndim == _MATRIX else ""
        remedy = (
            "drop those rows or set the values to NaN, which means missing"
            if missing_allowed
            else "drop those rows or impute the values first"
        )
        msg = f"{self.name} must be finite, but contains {found}{self._where(bad)}{rows}; {remedy}."
        raise ValueError(msg)

    _readers: ClassVar[dict[str, Callable[["_Given"], AnyArray]]] = {
        **dict.fromkeys("biuf", as_it_is),
        "c": from_complex,
        **dict.fromkeys("mM", from_times),
        "O": from_objects,
    }
    """The reader of each of NumPy's kinds of values; the other kinds are text."""

    def _are(self, kinds: set[type]) -> Flags:
        """Tell which objects are of some types."""
        flags = np.fromiter((type(value) in kinds for value in self.array.flat), np.bool_, self.array.size)
        return flags.reshape(self.array.shape)

    def _floats(self, values: AnyArray) -> Floats:
        """Return objects or texts as numbers; the error names the first value that is not a number."""
        try:
            return values.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            wrong = np.fromiter((not _is_number(value) for value in values.flat), np.bool_, values.size)
            wrong = wrong.reshape(values.shape)
            first = f", got {values[wrong].tolist()[0]!r}{self._where(wrong)}" if wrong.any() else ""
            why = re.sub(r"np\.(?:str|bytes)_\((.*)\)", r"\1", str(error))  # as NumPy writes a text of its own type
            kind = ValueError if isinstance(error, OverflowError) else type(error)
            raise kind(f"{self.name} must hold numbers{first}: {why}.") from error

    def _where(self, bad: Flags) -> str:
        """Return `` in column 'a'`` for the columns with bad values; an empty text where there are no columns."""
        if bad.ndim != _MATRIX:
            return ""
        places = np.flatnonzero(bad.any(axis=0)).tolist()
        labels = [repr(self.names[d]) if len(self.names) == bad.shape[1] else str(d) for d in places]
        more = f" and {len(labels) - _NAMED} more" * (len(labels) > _NAMED)
        return f" in column{'s'[: len(labels) > 1]} {', '.join(labels[:_NAMED])}{more}"


def check_container(name: str, given: object) -> None:
    """Raise for containers that NumPy would take for a single object."""
    n_columns = len(getattr(given, "columns", "1")) if hasattr(given, "sparse") else 0
    if hasattr(given, "tocsr") or n_columns:  # pandas calls a frame without columns sparse too
        way = "sparse.to_dense()" if hasattr(given, "sparse") else "toarray()"
        msg = f"Sparse data was passed for {name}, but dense data is required; convert it with {name}.{way}."
        raise TypeError(msg)
    if hasattr(given, "collect") and not hasattr(given, "__array__"):
        msg = f"{name} is a {type(given).__name__}, which holds no values yet; read them first with {name}.collect()."
        raise TypeError(msg)


def _is_masked(given: object) -> bool:
    """Tell whether an array is masked, or one of the arrays in a sequence is."""
    return np.ma.isMaskedArray(given) or (isinstance(given, list | tuple) and any(map(np.ma.isMaskedArray, given)))


def _filled(name: str, masked: "np.ma.MaskedArray[Any, Any]") -> AnyArray:
    """Return the data of a masked array, with NaN where it is masked."""
    array, mask = real(name, masked.data), np.ma.getmaskarray(masked)
    missing = array.dtype.type(np.nan) if array.dtype.kind == "f" else np.nan
    return np.where(mask, missing, array) if mask.any() else array


def _read(name: str, given: ArrayLike) -> AnyArray:
    """Return the array that NumPy reads; raise ``TypeError`` for a single object that is not a number."""
    try:
        array = np.asarray(given)
    except ValueError as error:  # lengths differ
        raise ValueError(f"{name} cannot be read as an array of numbers. {error}") from error
    if array.dtype.kind == "V" or (array.ndim == 0 and array.dtype.kind == "O"):
        what = f"records of {array.dtype.names}" if array.dtype.names else type(given).__name__
        raise TypeError(f"{name} must be an array of numbers, got {what}.")
    return array


def _is_number(value: Any) -> bool:  # noqa: ANN401 - that is the question
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True
