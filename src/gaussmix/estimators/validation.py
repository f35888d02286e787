"""Validation of rows, targets, labels and weights, shared by all estimators."""

import warnings
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
from gaussmix._types import AnyArray, ArrayLike, Floats, Rows
from gaussmix.estimators.user_start import PositiveRows
from gaussmix.weights import MEANINGS, check_sum, describe_shortfall, scale_to_effective_size

__all__ = [
    "CHECKED",
    "SEED",
    "WEIGHTS_ARE",
    "WholeNumber",
    "make_generator",
    "read_labels",
    "read_rows",
    "read_targets",
    "read_weights",
]

CHECKED: Any = "checked"
"""The value of `weights_are` that an outer estimator passes to an inner one.

The weights are counts, and the user was already warned about them."""

WEIGHTS_ARE = [StrOptions(set(MEANINGS)), Hidden(StrOptions({CHECKED}))]
"""The constraint on the parameter `weights_are`."""

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
    rows = check_array(
        values.finite_rows("X", X),
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
        ensure_min_samples=min_rows,
        estimator=estimator,
        input_name="X",
    )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return cast("Rows", rows)


def read_targets(estimator: BaseEstimator, rows: Rows, y: ArrayLike | None) -> Floats:
    """Return targets of finite numbers: ``(n,)`` for one target per row, ``(n, R)`` for R targets per row."""
    given = None if y is None else values.finite_rows("y", y)
    options = {"multi_output": True, "y_numeric": True, "ensure_all_finite": False}
    return cast("Floats", check_X_y(rows, given, estimator=estimator, **options)[1].astype(np.float64, copy=False))


def read_labels(estimator: BaseEstimator, rows: Rows, y: ArrayLike | None) -> AnyArray:
    """Return a label for each row, ``(n,)``."""
    return cast("AnyArray", check_X_y(rows, values.unmasked("y", y), dtype=None, estimator=estimator)[1])


def read_weights(
    rows: Rows, sample_weight: ArrayLike | None, weights_are: str, *, as_counts: bool = True
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
        return slice(None), None
    weights = _check_weights(rows, sample_weight)
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
