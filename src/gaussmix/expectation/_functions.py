"""What compiled kernels share: how they are compiled, memory, the exponential and the logarithm of vectors.

The cache on disk notices changes in the file of a whole kernel alone: whoever changes this one or another that kernels
call touches the file of the kernel too.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from gaussmix.expectation._lanes import exponent, is_single, maximum, multiply_add, scale_by_power, splat

__all__ = ["NEGLIGIBLE", "aligned", "compiled", "exp", "kept_on_disk", "log"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

NEGLIGIBLE = 1e-16  # a smaller responsibility is lost in the rounding of its row's others

_LOG2_E = 1.0 / math.log(2.0)
_LN2 = math.log(2.0)
# What leaves a float's nearest integer in its low bits when added; ln 2 in two parts, the first with low bits of zero,
# so that products with exponents are exact; the smallest logarithm, so that
# no share of it is too small to be normal.
_DOUBLE = (1.5 * 2.0**52, float.fromhex("0x1.62e42feep-1"), 1.90821492927058770002e-10, -700.0)
_SINGLE = (1.5 * 2.0**23, float.fromhex("0x1.62e4p-1"), _LN2 - float.fromhex("0x1.62e4p-1"), -60.0)
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
def aligned(n_rows: int, n_columns: int, kind: Any) -> Any:
    """Zeros ``(n_rows, n_columns)`` that begin where a line of the cache does: no register is read from two lines."""
    space = np.zeros(n_rows * n_columns + 16, kind)
    in_a_line = 64 // space.itemsize
    skipped = -(space.ctypes.data // space.itemsize) % in_a_line
    return space[skipped : skipped + n_rows * n_columns].reshape(n_rows, n_columns)


@compiled
def exp(like: Any, x: Any) -> Any:
    """``exp(x)`` for x at most 0, in the precision of an array; below -700 (-60 in single), and for NaN, that of it.

    ``x = n ln 2 + r`` with ``|r| <= ln 2 / 2``; a polynomial gives ``exp(r)``, and `n` is added to its
    exponent. In double precision the polynomial is of degree 11 and nearly minimax (its error is 2e-17); in single,
    Taylor's of degree 7.
    """
    one = splat(like, 1.0)
    if is_single(like):
        rounder, high, low, smallest = _SINGLE
    else:
        rounder, high, low, smallest = _DOUBLE
    x = maximum(x, splat(like, smallest))
    shifted = multiply_add(x, splat(like, _LOG2_E), splat(like, rounder))
    n = shifted - splat(like, rounder)
    r = multiply_add(n, splat(like, -low), multiply_add(n, splat(like, -high), x))
    if is_single(like):
        p = splat(like, 1.0 / 5040.0)
        p = multiply_add(p, r, splat(like, 1.0 / 720.0))
        p = multiply_add(p, r, splat(like, 1.0 / 120.0))
        p = multiply_add(p, r, splat(like, 1.0 / 24.0))
        p = multiply_add(p, r, splat(like, 1.0 / 6.0))
    else:
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
def log(like: Any, x: Any) -> Any:
    """``log(x)`` of positive normal floats: ``x = 2ⁿ m``, m about 1, and ``log(m) = 2 artanh((m - 1) / (m + 1))``."""
    one = splat(like, 1.0)
    n = exponent(x, _SQRT_HALF)
    m = scale_by_power(x, splat(like, _SINGLE[0] if is_single(like) else _DOUBLE[0]) - n)
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
