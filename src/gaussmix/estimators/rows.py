"""What the user gives an estimator, read as rows, targets and weights: the same for all estimators."""

import warnings
from inspect import currentframe
from itertools import takewhile
from traceback import walk_stack
from typing import Any, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Hidden, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_array, check_X_y, validate_data

from gaussmix import values
from gaussmix._types import AnyArray, ArrayLike, Floats, Rows
from gaussmix.estimators.initial import Kept
from gaussmix.weights import MEANINGS, scale_to_effective_size, warn_of_shortfall

__all__ = ["CHECKED", "WEIGHTS_ARE", "read_labels", "read_rows", "read_targets", "read_weights"]

CHECKED: Any = "checked"
"""What an estimator tells another that it fits inside: the weights are counts, and the user knows all there is."""

WEIGHTS_ARE = [StrOptions(set(MEANINGS)), Hidden(StrOptions({CHECKED}))]
"""The constraint on the parameter `weights_are`."""

_SMALLEST_SUM = 1e-280  # of weights: below, one over the weight of a component's share could overflow


def read_rows(estimator: BaseEstimator, X: ArrayLike, *, reset: bool, at_least: int = 1) -> Rows:  # noqa: N803
    """Return rows of finite numbers, and keep or compare their number of features and the features' names.

    Parameters
    ----------
    estimator : BaseEstimator
        The one that reads.
    X : (n, D) array_like
        What the user gave.
    reset : bool
        Whether it is the training table, whose columns are kept, or one to compare with that.
    at_least : int
        Rows that there must be.

    Raises
    ------
    TypeError, ValueError
        If it holds anything but finite real numbers, or its columns are not those of the training table.
    """
    rows = check_array(
        values.finite_rows("X", X),
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
        ensure_min_samples=at_least,
        estimator=estimator,
        input_name="X",
    )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return cast("Rows", rows)


def read_targets(estimator: BaseEstimator, rows: Rows, y: ArrayLike | None) -> Floats:
    """Return targets ``(n,)`` or ``(n, R)`` of finite numbers, a target or R for each row."""
    given = None if y is None else values.finite_rows("y", y)
    options = {"multi_output": True, "y_numeric": True, "ensure_all_finite": False}
    return cast("Floats", check_X_y(rows, given, estimator=estimator, **options)[1].astype(np.float64, copy=False))


def read_labels(estimator: BaseEstimator, rows: Rows, y: ArrayLike | None) -> AnyArray:
    """Return labels ``(n,)``, one for each row."""
    return cast("AnyArray", check_X_y(rows, values.unmasked("y", y), dtype=None, estimator=estimator)[1])


def read_weights(
    rows: Rows, sample_weight: ArrayLike | None, weights_are: str, *, as_counts: bool = True
) -> tuple[Kept, Floats | None]:
    """Return which rows weigh something, and their weights in numbers of rows; None where each weighs one.

    Parameters
    ----------
    rows : (n, D) ndarray
        All rows.
    sample_weight : float or (n,) array_like, optional
        What the user gave.
    weights_are : {"counts", "relative"}
        Relative weights are scaled to sum to their effective size; counts that sum to less are warned about.
    as_counts : bool
        Whether their sum matters. It does not for a mean.

    Raises
    ------
    ValueError
        If weights are not finite, negative, all zero, or so large or small that sums with them would be lost.

    Warns
    -----
    UserWarning
        If counts sum to less than their effective size.
    """
    if sample_weight is None:
        return slice(None), None
    weights = _checked(rows, sample_weight)
    kept = slice(None) if weights.all() else weights > 0
    some = weights[kept]
    if weights_are == "relative":
        return kept, scale_to_effective_size(some)
    _check_sum(some)
    said = warn_of_shortfall(some, "set weights_are='relative'")
    if said and as_counts and weights_are != CHECKED:
        warnings.warn(said, UserWarning, stacklevel=_levels_inside())
    return kept, some


def _levels_inside() -> int:
    """Return the stack level, seen from the caller, of the first line outside this package: that of the user."""
    names = (frame.f_globals.get("__name__", "") for frame, _ in walk_stack(currentframe()))
    return sum(1 for _ in takewhile(lambda name: name.startswith("gaussmix."), names))


def _checked(rows: Rows, sample_weight: ArrayLike) -> Floats:
    """Return one weight for each row, all of them finite and at least 0."""
    given: Any = values.finite_rows("sample_weight", sample_weight)
    given = float(given) if given.ndim == 0 else given
    return cast("Floats", _check_sample_weight(given, rows, dtype=np.float64, ensure_non_negative=True))


def _check_sum(weights: Floats) -> None:
    """Raise where sums over the rows would overflow or vanish."""
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if _SMALLEST_SUM <= total < np.inf:
        return
    size = "large" if total > 1.0 else "small"
    msg = (
        f"sample_weight is too {size}: it must sum to a finite number of at least {_SMALLEST_SUM:g}, got {total:.3g}; "
        "divide it by its mean, or set weights_are='relative'."
    )
    raise ValueError(msg)
