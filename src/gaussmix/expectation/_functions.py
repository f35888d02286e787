"""What compiled kernels share: how they are compiled, memory, the exponential and the logarithm of vectors.

The cache on disk notices changes in the file of a whole kernel alone: whoever changes this one or another that kernels
call touches ``_kernels.py`` and ``_screens.py`` too.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from gaussmix._types import Floats
from gaussmix.expectation._lanes import exponent, maximum, multiply_add, scale_by_power, splat

__all__ = ["NEGLIGIBLE", "aligned", "compiled", "exp", "kept_on_disk", "log"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

NEGLIGIBLE = 1e-16  # a smaller responsibility is lost in the rounding of its row's others

_LOG2_E = 1.0 / math.log(2.0)
_LN2 = math.log(2.0)
_LN2_HIGH = float.fromhex("0x1.62e42feep-1")  # its low bits are zero: products with exponents are exact
_LN2_LOW = 1.90821492927058770002e-10
_ROUNDER = 1.5 * 2.0**52  # added to a float, leaves its nearest integer in the low bits
_SMALLEST_LOG = -700.0
_SQRT_HALF = math.sqrt(0.5)


def compiled(function: _Function) -> _Function:
    """Compile a function into those that call it."""
    return cast("_Function", njit(function))


def kept_on_disk(function: _Function) -> _Function:
    """Compile a function that releases the interpreter lock, once for all processes where the disk can keep it."""
    try:
        return cast("_Function", njit(function, nogil=True, cache=True))
    except RuntimeError:  # nowhere to write: a read-only installation without a home folder
        return cast("_Function", njit(function, nogil=True))


@compiled
def aligned(n_rows: int, n_columns: int) -> Floats:
    """Zeros ``(n_rows, n_columns)`` that begin where a line of the cache does: no register is read from two lines."""
    space = np.zeros(n_rows * n_columns + 8)
    skipped = -(space.ctypes.data // 8) % 8
    return space[skipped : skipped + n_rows * n_columns].reshape(n_rows, n_columns)


@compiled
def exp(like: Floats, x: Any) -> Any:
    """``exp(x)`` for x at most 0, to about one unit in the last place; below -700, and for NaN, ``exp(-700)``.

    ``x = n ln 2 + r`` with ``|r| <= ln 2 / 2``; a polynomial of degree 11, nearly minimax (its error is 2e-17), gives
    ``exp(r)``, and `n` is added to its exponent.
    """
    one = splat(like, 1.0)
    rounder = splat(like, _ROUNDER)
    x = maximum(x, splat(like, _SMALLEST_LOG))
    shifted = multiply_add(x, splat(like, _LOG2_E), rounder)
    n = shifted - rounder
    r = multiply_add(n, splat(like, -_LN2_LOW), multiply_add(n, splat(like, -_LN2_HIGH), x))
    p = splat(like, 2.510038549551032e-08)
    p = multiply_add(p, r, splat(like, 2.7620088445409746e-07))
    p = multiply_add(p, r, splat(like, 2.7557268459997064e-06))
    p = multiply_add(p, r, splat(like, 2.4801521295954376e-05))
    p = multiply_add(p, r, splat(like, 1.9841269863053618e-04))
    p = multiply_add(p, r, splat(like, 1.3888888917213717e-03))
    p = multiply_add(p, r, splat(like, 8.333333333330062e-03))
    p = multiply_add(p, r, splat(like, 4.166666666662413e-02))
    p = multiply_add(p, r, splat(like, 1.6666666666666669e-01))
    p = multiply_add(p, r, splat(like, 0.5))
    return scale_by_power(multiply_add(multiply_add(p, r, one), r, one), shifted)


@compiled
def log(like: Floats, x: Any) -> Any:
    """``log(x)`` of positive normal floats: ``x = 2ⁿ m``, m about 1, and ``log(m) = 2 artanh((m - 1) / (m + 1))``."""
    one = splat(like, 1.0)
    n = exponent(x, _SQRT_HALF)
    m = scale_by_power(x, splat(like, _ROUNDER) - n)
    f = (m - one) / (m + one)
    z = f * f
    p = splat(like, 1.0 / 19.0)
    p = multiply_add(p, z, splat(like, 1.0 / 17.0))
    p = multiply_add(p, z, splat(like, 1.0 / 15.0))
    p = multiply_add(p, z, splat(like, 1.0 / 13.0))
    p = multiply_add(p, z, splat(like, 1.0 / 11.0))
    p = multiply_add(p, z, splat(like, 1.0 / 9.0))
    p = multiply_add(p, z, splat(like, 1.0 / 7.0))
    p = multiply_add(p, z, splat(like, 1.0 / 5.0))
    p = multiply_add(p, z, splat(like, 1.0 / 3.0))
    double = f + f
    return multiply_add(n, splat(like, _LN2), multiply_add(double * z, p, double))
