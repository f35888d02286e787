"""Answers with proven bounds and standard errors."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._types import Floats

__all__ = ["Bounds", "Estimate"]


@dataclass(frozen=True)
class Bounds:
    """A lower and an upper bound of an answer.

    Attributes
    ----------
    lower, upper : float
        Both bounds are proven, not estimated. They are equal if the answer is known exactly.

    Examples
    --------
    >>> from gaussmix import Bounds
    >>> Bounds(lower=0.2, upper=0.5)
    Bounds(lower=0.2, upper=0.5)
    """

    lower: float
    upper: float

    @classmethod
    def intersect(cls, *bounds: Self) -> Self:
        """Return the tightest bounds; if rounding makes them cross, both are the larger lower bound.

        Examples
        --------
        >>> from gaussmix import Bounds
        >>> Bounds.intersect(Bounds(0.0, 0.5), Bounds(0.2, 0.7))
        Bounds(lower=0.2, upper=0.5)
        """
        lower, upper = max(each.lower for each in bounds), min(each.upper for each in bounds)
        return cls(float(lower), float(max(lower, upper)))


@dataclass(frozen=True)
class Estimate:
    """An exact or estimated answer with its standard error and bounds: a number, or several numbers in arrays.

    Attributes
    ----------
    value : float or ndarray
        The exact answer, or the mean over the random draws. An estimate is not clipped: by chance it can be outside the
        bounds, by a few standard errors.
    standard_error : float or ndarray
        Standard deviation of `value` over repeated draws; 0.0 for an exact answer.
    lower, upper : float or ndarray
        Proven bounds of the true value. They are infinite if no bounds are known, and equal to an exact `value`.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> narrow, wide = (Mixture([1.0], [[0.0]], [variance]) for variance in (1.0, 2.0))
    >>> estimate = narrow.kl_divergence(wide)                     # of two Gaussians: exact
    >>> round(estimate.value, 4), estimate.standard_error
    (0.0966, 0.0)
    >>> float(estimate) == estimate.value, f"{estimate:.2f}"
    (True, '0.10')
    """

    value: float | Floats
    standard_error: float | Floats
    lower: float | Floats
    upper: float | Floats

    def __float__(self) -> float:
        """Return the value of a single number."""
        return float(self.value)

    def __format__(self, spec: str) -> str:
        """Return the value of a single number as the format says; without a format, all fields."""
        return format(self.value, spec) if spec else str(self)

    @classmethod
    def from_arrays(cls, value: Floats, standard_error: Floats, lower: Floats, upper: Floats) -> Self:
        """Return an estimate of several numbers from arrays of equal shape; shape ``()`` means a single number.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Estimate
        >>> value, error = np.array([0.5, 0.7]), np.array([0.01, 0.02])
        >>> Estimate.from_arrays(value, error, np.zeros(2), np.ones(2)).value
        array([0.5, 0.7])
        """
        return cls(*(array if np.ndim(array) else float(array) for array in (value, standard_error, lower, upper)))

    @classmethod
    def from_exact(cls, value: float) -> Self:
        """Return an exact number, without error.

        Examples
        --------
        >>> from gaussmix import Estimate
        >>> Estimate.from_exact(0.5)
        Estimate(value=0.5, standard_error=0.0, lower=0.5, upper=0.5)
        """
        return cls(float(value), 0.0, float(value), float(value))

    @classmethod
    def from_bounds(cls, bounds: Bounds, draw: Callable[[], tuple[float, float]]) -> Self:
        """Return the value and standard error that `draw` returns; if the bounds are equal, they are the answer.

        Examples
        --------
        >>> from gaussmix import Bounds, Estimate
        >>> Estimate.from_bounds(Bounds(0.0, 1.0), lambda: (0.5, 0.01))
        Estimate(value=0.5, standard_error=0.01, lower=0.0, upper=1.0)
        """
        if bounds.lower == bounds.upper:
            return cls.from_exact(bounds.lower)
        value, standard_error = draw()
        return cls(float(value), float(standard_error), bounds.lower, bounds.upper)
