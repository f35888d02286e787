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
    """

    lower: float
    upper: float

    @classmethod
    def intersect(cls, *bounds: Self) -> Self:
        """Return the tightest bounds; if rounding makes them cross, both are the larger lower bound."""
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
    """

    value: float | Floats
    standard_error: float | Floats
    lower: float | Floats
    upper: float | Floats

    @classmethod
    def from_arrays(cls, value: Floats, standard_error: Floats, lower: Floats, upper: Floats) -> Self:
        """Return an estimate of several numbers from arrays of equal shape; shape ``()`` means a single number."""
        return cls(*(array if np.ndim(array) else float(array) for array in (value, standard_error, lower, upper)))

    @classmethod
    def from_exact(cls, value: float) -> Self:
        """Return an exact number, without error."""
        return cls(float(value), 0.0, float(value), float(value))

    @classmethod
    def from_bounds(cls, bounds: Bounds, draw: Callable[[], tuple[float, float]]) -> Self:
        """Return the value and standard error that `draw` returns; if the bounds are equal, they are the answer."""
        if bounds.lower == bounds.upper:
            return cls.from_exact(bounds.lower)
        value, standard_error = draw()
        return cls(float(value), float(standard_error), bounds.lower, bounds.upper)
