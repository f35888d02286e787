"""Answers that say how far they can be trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._types import Floats

__all__ = ["Bounds", "Estimate"]


@dataclass(frozen=True)
class Bounds:
    """Two numbers that hold what was asked for between them.

    Attributes
    ----------
    lower, upper : float
        Both proven, not estimated. They are equal where the answer is known exactly.
    """

    lower: float
    upper: float

    @classmethod
    def tightest(cls, *bounds: Self) -> Self:
        """What all of these hold between them; where rounding has made two of them cross, the lower one."""
        lower, upper = max(one.lower for one in bounds), min(one.upper for one in bounds)
        return cls(float(lower), float(max(lower, upper)))


@dataclass(frozen=True)
class Estimate:
    """A number from random draws, with its error; or an exact one, with none. Or several, in arrays.

    Attributes
    ----------
    value : float or ndarray
        The answer, or the mean over the draws. It is never moved: bad luck can leave it outside the bounds, by a few
        standard errors.
    standard_error : float or ndarray
        Standard deviation of `value` over repeated draws; 0.0 where nothing was drawn.
    lower, upper : float or ndarray
        Proven bounds of the true value, infinite where none are known; equal to `value` where it is exact.
    """

    value: float | Floats
    standard_error: float | Floats
    lower: float | Floats
    upper: float | Floats

    @classmethod
    def of(cls, value: Floats, standard_error: Floats, lower: Floats, upper: Floats) -> Self:
        """Several numbers, in arrays of one shape, or one in arrays of shape ``()``."""
        return cls(*(array if np.ndim(array) else float(array) for array in (value, standard_error, lower, upper)))

    @classmethod
    def exact(cls, value: float) -> Self:
        """A number without error."""
        return cls(float(value), 0.0, float(value), float(value))

    @classmethod
    def within(cls, bounds: Bounds, draw: Callable[[], tuple[float, float]]) -> Self:
        """What `draw` gives, a value and its standard error; where the bounds meet, they say it without a draw."""
        if bounds.lower == bounds.upper:
            return cls.exact(bounds.lower)
        value, standard_error = draw()
        return cls(float(value), float(standard_error), bounds.lower, bounds.upper)
