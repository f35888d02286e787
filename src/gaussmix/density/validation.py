"""Check the numbers that a user passes to a method of a mixture."""

from numbers import Integral

import numpy as np

from gaussmix._types import ArrayLike, Floats
from gaussmix.values import real

__all__ = ["check_contents", "check_count", "check_finite", "check_numbers", "check_probabilities"]


def check_finite(name: str, values: ArrayLike) -> Floats:
    """Return an array of finite numbers; raise ``ValueError`` if a value is NaN or infinite."""
    array = _floats(name, values)
    if not np.isfinite(array).all():
        msg = f"{name} must be finite, got NaN or infinity."
        raise ValueError(msg)
    return array


def check_numbers(name: str, values: ArrayLike) -> Floats:
    """Return an array of numbers, finite or infinite; raise ``ValueError`` if a value is NaN."""
    array = _floats(name, values)
    if np.isnan(array).any():
        msg = f"{name} must be numbers, got NaN."
        raise ValueError(msg)
    return array


def check_probabilities(name: str, values: ArrayLike) -> Floats:
    """Return an array of probabilities from 0 to 1; raise ``ValueError`` if a value is outside."""
    probabilities = _floats(name, values)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        msg = f"{name} must be from 0 to 1, got {probabilities}."
        raise ValueError(msg)
    return probabilities


def check_contents(content: ArrayLike) -> Floats:
    """Return the probabilities that regions must hold; raise ``ValueError`` unless they are strictly from 0 to 1."""
    contents = _floats("content", content)
    if not ((contents > 0) & (contents < 1)).all():
        msg = f"content must be a probability between 0 and 1, got {contents}."
        raise ValueError(msg)
    return contents


def check_count(name: str, number: object, least: int) -> int:
    """Return a whole number; raise ``ValueError`` if the number is not whole or below `least`."""
    whole = int(number) if isinstance(number, Integral) else None
    if whole is None or whole < least:
        requirement = "a whole number" if whole is None else f"at least {least}"
        msg = f"{name} must be {requirement}, got {number!r}."
        raise ValueError(msg)
    return whole


def _floats(name: str, values: ArrayLike) -> Floats:
    """Return real numbers in double precision; missing values become NaN."""
    return real(name, values).astype(np.float64, copy=False)
