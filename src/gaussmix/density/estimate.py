"""Answers that say how far they can be trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

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
        """What all of these hold between them; where rounding has made two of them cross, their middle."""
        lower, upper = max(one.lower for one in bounds), min(one.upper for one in bounds)
        if lower > upper:
            lower = upper = 0.5 * lower + 0.5 * upper
        return cls(float(lower), float(upper))


@dataclass(frozen=True)
class Estimate:
    """A number from random draws, with its error; or an exact one, with none.

    Attributes
    ----------
    value : float
        The answer, or the mean over the draws. It is never moved: bad luck can leave it outside the bounds, by a few
        standard errors.
    standard_error : float
        Standard deviation of `value` over repeated draws; 0.0 where nothing was drawn.
    lower, upper : float
        Proven bounds of the true value, infinite where none are known; equal to `value` where it is exact.
    """

    value: float
    standard_error: float
    lower: float
    upper: float

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
