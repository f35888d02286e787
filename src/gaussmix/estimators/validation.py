"""Validation of rows, targets, labels and weights, shared by all estimators."""

import warnings
from collections.abc import Sequence
from inspect import currentframe
from itertools import takewhile
from numbers import Integral
from traceback import walk_stack
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Hidden, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_array, check_X_y, validate_data

from gaussmix import values
from gaussmix._types import AnyArray, ArrayLike, Flags, Floats, Rows
from gaussmix.estimators.user_start import PositiveRows
from gaussmix.sources import Source
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.weights import MEANINGS, check_sum, describe_shortfall, scale_to_effective_size

__all__ = [
    "CHECKED",
    "SEED",
    "WEIGHTS_ARE",
    "WholeNumber",
    "check_columns_observed",
    "find_empty_rows",
    "make_generator",
    "read_labels",
    "read_rows",
    "read_rows_with_holes",
    "read_targets",
    "read_weights",
    "refuse_missing",
]

CHECKED: Any = "checked"
"""The value of `weights_are` that an outer estimator passes to an inner one.

The weights are counts, and the user was already warned about them."""

WEIGHTS_ARE = [StrOptions(set(MEANINGS)), Hidden(StrOptions({CHECKED}))]
"""The constraint on the parameter `weights_are`."""

_NAMED = 5
"""The number of rows or columns that a message names."""

SEED = ["random_state", np.random.Generator]
"""The constraint on the parameter `random_state`: what scikit-learn takes, or a generator of NumPy."""


class WholeNumber(Interval):
    """The constraint on a parameter that is a whole number from a smallest number on; True is none."""

    def __init__(self, least: int) -> None:
        super().__init__(Integral, least, None, closed="left")

    def is_satisfied_by(self, val: object) -> bool:
        """Return True for a value that the parameter may have."""
        return not isinstance(val, bool | np.bool_) and bool(super().is_satisfied_by(val))


def make_generator(random_state: int | np.random.RandomState | np.random.Generator | None) -> np.random.Generator:
    """Return a generator for a fit; a generator or ``RandomState`` of the user advances."""
    if isinstance(random_state, np.random.Generator):
        return np.random.default_rng(random_state.integers(2**31))
    return np.random.default_rng(check_random_state(random_state).randint(2**31))


def read_rows(estimator: BaseEstimator, X: ArrayLike, *, reset: bool, min_rows: int = 1) -> Rows:  # noqa: N803
    """Return rows of finite numbers, and store or compare the number and the names of the features.

    Parameters
    ----------
    estimator : BaseEstimator
        The estimator that reads the rows.
    X : (n, D) array_like
        The rows that the user gave.
    reset : bool
        True for training rows: the number and the names of the features are stored in the estimator. False for other
        rows: these are compared with the stored ones.
    min_rows : int
        The smallest number of rows that is accepted.

    Raises
    ------
    TypeError, ValueError
        If X contains values other than finite real numbers, or has other columns than the training rows.
    """
    return _check_shape(estimator, X, values.finite_rows("X", X), reset=reset, min_rows=min_rows)


def read_rows_with_holes(
    estimator: BaseEstimator,
    X: ArrayLike,  # noqa: N803
    *,
    reset: bool,
    min_rows: int = 1,
) -> tuple[Rows, bool]:
    """Return rows as :func:`read_rows` does, with NaN for missing values, and whether there are any."""
    given, holes = values.rows_with_holes("X", X)
    return _check_shape(estimator, X, given, reset=reset, min_rows=min_rows), holes


def _check_shape(
    estimator: BaseEstimator,
    X: ArrayLike,  # noqa: N803
    given: Rows,
    *,
    reset: bool,
    min_rows: int,
) -> Rows:
    """Return rows of at least one feature; store or compare the number and the names of the features."""
    rows = check_array(
        given,
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
        ensure_min_samples=min_rows,
        estimator=estimator,
        input_name="X",
    )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return cast("Rows", rows)


def find_empty_rows(rows: Rows) -> Flags:
    """Return True for each row without an observed value, ``(n,)``; such rows are named in a warning.

    Raises
    ------
    ValueError
        If no row has an observed value.
    """
    empty = np.asarray(np.isnan(rows).all(axis=1))
    if empty.all():
        raise ValueError("X must have observed values, but all values are missing (NaN).")
    if empty.any():
        named = np.flatnonzero(empty)
        listed = ", ".join(map(str, named[:_NAMED])) + f" and {len(named) - _NAMED} more" * (len(named) > _NAMED)
        msg = f"X has no observed value in row{'s'[: len(named) > 1]} {listed}, which {_left_out(len(named))}."
        warnings.warn(msg, UserWarning, stacklevel=_find_user_level())
    return empty


def _left_out(n_rows: int) -> str:
    return "is left out, as it says nothing" if n_rows == 1 else "are left out, as they say nothing"


def refuse_missing(source: Source) -> None:
    """Raise ``ValueError`` if values are missing, for truncated EM, which cannot integrate them out."""
    if isinstance(source, IncompleteSource):
        raise ValueError(  # noqa: TRY004 - the values are wrong, and not the type that the user gave
            "algorithm='truncated' needs complete rows, but X has missing values (NaN); use algorithm='em', or impute "
            "the values first."
        )


def check_columns_observed(rows: Rows, names: Sequence[str] | None, of: str = "") -> None:
    """Raise ``ValueError`` if a column has no observed value.

    Parameters
    ----------
    rows : (n, D) ndarray
        The rows, with NaN for missing values.
    names : sequence of str or None
        The names of the columns.
    of : str
        The rows in words, for the message: " of class 3"; all rows by default.
    """
    unknown = np.flatnonzero(np.isnan(rows).all(axis=0))
    if len(unknown):
        labels = [repr(names[j]) if names is not None else str(j) for j in unknown[:_NAMED].tolist()]
        more = f" and {len(unknown) - _NAMED} more" * (len(unknown) > _NAMED)
        listed = f"column{'s'[: len(unknown) > 1]} {', '.join(labels)}{more}"
        msg = (
            f"X must have an observed value in each column, but all values{of} in {listed} are missing; drop the "
            "column."
        )
        raise ValueError(msg)


def read_targets(estimator: BaseEstimator, rows: Rows, y: ArrayLike | None) -> Floats:
    """Return targets: ``(n,)`` for one target per row, ``(n, R)`` for R targets per row; NaN for missing targets.

    Raises
    ------
    ValueError
        If all values of a target are missing.
    """
    given = None if y is None else values.rows_with_holes("y", y)[0]
    missing = np.isnan(given) if given is not None else np.False_
    options = {"multi_output": True, "y_numeric": True, "ensure_all_finite": False}
    filled = None if given is None else np.where(missing, 0.0, given)
    targets = check_X_y(rows, filled, estimator=estimator, **options)[1].astype(np.float64, copy=False)
    if missing.all(axis=0).any():
        raise ValueError("y must have a known value of each target, but all values of a target are missing (NaN).")
    return cast("Floats", np.where(missing, np.nan, targets) if missing.any() else targets)


def read_labels(estimator: BaseEstimator, rows: Rows, y: ArrayLike | None) -> AnyArray:
    """Return a label for each row, ``(n,)``."""
    options = {"dtype": None, "ensure_all_finite": False, "estimator": estimator}
    return cast("AnyArray", check_X_y(rows, values.unmasked("y", y), **options)[1])


def read_weights(
    rows: Rows,
    sample_weight: ArrayLike | None,
    weights_are: str,
    *,
    as_counts: bool = True,
    empty: Flags | None = None,
) -> tuple[PositiveRows, Floats | None]:
    """Return the selection of rows with positive weight, and their weights in numbers of rows.

    The weights are None if the user gave none: each row counts once.

    Parameters
    ----------
    rows : (n, D) ndarray
        All rows.
    sample_weight : float or (n,) array_like, optional
        The weights that the user gave.
    weights_are : {"counts", "relative"}
        Relative weights are scaled to sum to their effective number of rows. Counts that sum to less than that lead to
        a warning.
    as_counts : bool
        Whether the result depends on the sum of the weights. A mean does not, so there is no warning.
    empty : (n,) ndarray of bool, optional
        Rows without an observed value, which count as rows of weight 0.

    Raises
    ------
    ValueError
        If weights are not finite, negative or all zero, or if sums of weights would overflow or vanish.

    Warns
    -----
    UserWarning
        If counts sum to less than their effective number of rows.
    """
    if sample_weight is None:
        return slice(None) if empty is None else ~empty, None
    weights = _check_weights(rows, sample_weight)
    weights = weights if empty is None else np.where(empty, 0.0, weights)
    positive = slice(None) if weights.all() else weights > 0
    weights = weights[positive]
    if weights_are == "relative":
        return positive, scale_to_effective_size(weights)
    check_sum(weights, "divide it by its mean, or set weights_are='relative'")
    message = describe_shortfall(weights, "set weights_are='relative'")
    if message and as_counts and weights_are != CHECKED:
        warnings.warn(message, UserWarning, stacklevel=_find_user_level())
    return positive, weights


def _find_user_level() -> int:
    """Return the stack level, counted from the caller, of the innermost frame outside this package."""
    names = (frame.f_globals.get("__name__", "") for frame, _ in walk_stack(currentframe()))
    return sum(1 for _ in takewhile(lambda name: name.startswith("gaussmix."), names))


def _check_weights(rows: Rows, sample_weight: ArrayLike) -> Floats:
    """Return a weight for each row; ``ValueError`` unless all weights are finite and at least 0."""
    given: Any = values.finite_rows("sample_weight", sample_weight)
    given = float(given) if given.ndim == 0 else given
    return cast("Floats", _check_sample_weight(given, rows, dtype=np.float64, ensure_non_negative=True))
