"""Numbers as they are given, checked."""

from numbers import Integral

import numpy as np

from gaussmix._types import ArrayLike, Floats
from gaussmix.values import real

__all__ = ["contents", "count", "finite", "numbers", "probabilities"]


def finite(name: str, values: ArrayLike) -> Floats:
    """An array of numbers; raise ``ValueError`` where one is NaN or infinite."""
    array = _floats(name, values)
    if not np.isfinite(array).all():
        msg = f"{name} must be finite, got NaN or infinity."
        raise ValueError(msg)
    return array


def numbers(name: str, values: ArrayLike) -> Floats:
    """An array of numbers, also infinite ones; raise ``ValueError`` where one is NaN."""
    array = _floats(name, values)
    if np.isnan(array).any():
        msg = f"{name} must be numbers, got NaN."
        raise ValueError(msg)
    return array


def probabilities(name: str, values: ArrayLike) -> Floats:
    """Probabilities from 0 to 1; raise ``ValueError`` where they are not."""
    wanted = _floats(name, values)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        msg = f"{name} must be from 0 to 1, got {wanted}."
        raise ValueError(msg)
    return wanted


def contents(content: ArrayLike) -> Floats:
    """Probabilities that regions are to hold; raise ``ValueError`` where none can, as all or nothing is in them."""
    wanted = _floats("content", content)
    if not ((wanted > 0) & (wanted < 1)).all():
        msg = f"content must be a probability between 0 and 1, got {wanted}."
        raise ValueError(msg)
    return wanted


def count(name: str, number: object, least: int) -> int:
    """A whole number; raise ``ValueError`` where it is too small, or none."""
    whole = int(number) if isinstance(number, Integral) else None
    if whole is None or whole < least:
        wanted = "a whole number" if whole is None else f"at least {least}"
        msg = f"{name} must be {wanted}, got {number!r}."
        raise ValueError(msg)
    return whole


def _floats(name: str, values: ArrayLike) -> Floats:
    """Return real numbers in double precision, NaN where one is missing."""
    return real(name, values).astype(np.float64, copy=False)
