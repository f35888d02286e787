"""Weights of rows: counts of rows, or relative weights, and the effective number of rows.

A weight is a count: how many rows a row stands for. The sum of the weights is the number of rows, which criteria,
priors and rules about components of few rows use. Weights that only compare rows (survey weights, probabilities,
weights divided by their sum) do not tell this number; they are scaled to the effective sample size.

References
----------
Kish (1965), Survey Sampling: the effective sample size.
"""

import numpy as np

from gaussmix._types import Floats

__all__ = ["MEANINGS", "check_sum", "describe_shortfall", "effective_size", "scale_to_effective_size"]

MEANINGS = ("counts", "relative")
"""The meanings of weights: the number of rows that each row stands for, or a comparison of the rows."""

_SMALLEST_SUM = 1e-280
"""The smallest sum of weights: with a smaller sum, the reciprocal of the mass of a component may overflow."""

_SLACK = 1e-6
"""The relative shortfall from the effective size that counts as rounding, also of weights in single precision."""


def check_sum(weights: Floats, remedy: str) -> None:
    """Raise ``ValueError``, with a remedy, if sums over rows with such weights would overflow or vanish."""
    with np.errstate(over="ignore"):
        total = float(weights.sum())
    if _SMALLEST_SUM <= total < np.inf:
        return
    size = "large" if total > 1.0 else "small"
    msg = (
        f"sample_weight is too {size}: it must sum to a finite number of at least {_SMALLEST_SUM:g}, got {total:.3g}; "
        f"{remedy}."
    )
    raise ValueError(msg)


def effective_size(weights: Floats) -> float:
    r"""Return the effective number of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2`; at least one must be positive.

    It is n for equal weights, and 1 where a single row has all the weight. Scaling the weights does not change it.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.weights import effective_size
    >>> effective_size(np.array([1.0, 1.0, 1.0, 0.0])), effective_size(np.array([0.01, 0.01]))
    (3.0, 2.0)
    """
    units = weights / weights.max()  # whose squares neither overflow nor vanish
    return float(units.sum() ** 2 / (units @ units))


def scale_to_effective_size(weights: Floats) -> Floats:
    """Return the weights times the factor with which they sum to their effective size."""
    units = weights / weights.max()
    return np.asarray(units * (units.sum() / (units @ units)))


def describe_shortfall(weights: Floats, remedy: str) -> str | None:
    """Return a sentence that counts sum to less than their effective size, or None if they do not.

    The sum is never less if all weights are 0 or at least 1.

    Parameters
    ----------
    weights : (n,) ndarray
        Weights, not all zero.
    remedy : str
        The advice for relative weights, which ends the sentence.
    """
    total, size = float(weights.sum()), effective_size(weights)
    if total >= size * (1.0 - _SLACK):
        return None
    return (
        f"The weights sum to {total:.4g}, less than the effective number of rows, {size:.4g}. A weight is the number "
        "of rows that a row stands for, so that criteria such as BIC, priors and rules about few rows take the table "
        f"for one of {total:.4g} rows. If the weights only compare rows, {remedy}."
    )
