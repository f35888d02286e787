"""What compiled kernels share: how they are compiled, memory, the exponential and the logarithm of vectors."""

import math
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from gaussmix.engines.fused._simd import exponent, is_single, maximum, multiply_add, scale_by_power, splat

__all__ = ["BITS", "LN2", "NEGLIGIBLE", "aligned", "compiled", "exp2", "kept_on_disk", "log", "power_of_two"]

_Function = TypeVar("_Function", bound=Callable[..., Any])

NEGLIGIBLE = 1e-16  # a smaller responsibility is lost in the rounding of its row's others

LN2 = math.log(2.0)
BITS = 1.0 / LN2  # in a nat
_DOUBLE, _SINGLE = 1.5 * 2.0**52, 1.5 * 2.0**23  # what leaves a float's nearest integer in its low bits when added
_SQRT_HALF = math.sqrt(0.5)


def compiled(function: _Function) -> _Function:
    """Compile a function into those that call it."""
    return cast("_Function", njit(function))


def digest(folder: Path) -> str:
    """What tells apart all that kernels are made of: the files of a folder whose names begin with one underscore."""
    contents = (path.read_bytes() for path in sorted(folder.glob("_[a-z]*.py")))
    return sha256(b"".join(contents)).hexdigest()[:12]


def kept_on_disk(function: _Function) -> _Function:
    """Compile a function that releases the interpreter lock, once for all processes where the disk can keep it.

    Numba notices changes in the function's own file, but not in others that it calls. So the name that it is kept under
    tells them too.
    """
    function.__qualname__ = f"{function.__name__}_{digest(Path(__file__).parent)}"
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
def exp2(like: Any, x: Any) -> Any:
    """``2ˣ`` for x at most 0, in the precision of an array; below -1000 (-90 in single), and for NaN, that of it."""
    return power_of_two(like, maximum(x, splat(like, -90.0 if is_single(like) else -1000.0)))


@compiled
def power_of_two(like: Any, x: Any) -> Any:
    """``2ˣ`` for x from -1000 (-90 in single) to 0, in the precision of an array; of other x, anything.

    ``x = n + r`` with ``|r| <= 1 / 2``; the minimax polynomial gives ``2ʳ``, and n is added to its exponent. The
    polynomial's relative error is 2.2e-16 in double precision, 2e-9 in single.
    """
    rounder = splat(like, _SINGLE if is_single(like) else _DOUBLE)
    shifted = x + rounder
    r = x - (shifted - rounder)
    if is_single(like):
        p = splat(like, 0.0001535334818356476)
        p = multiply_add(p, r, splat(like, 0.0013398874316092556))
        p = multiply_add(p, r, splat(like, 0.009618437417252995))
        p = multiply_add(p, r, splat(like, 0.05550332471982348))
        p = multiply_add(p, r, splat(like, 0.24022647913008466))
        p = multiply_add(p, r, splat(like, 0.6931472028537073))
    else:
        p = splat(like, 7.038179268278007e-09)
        p = multiply_add(p, r, splat(like, 1.0208322957655017e-07))
        p = multiply_add(p, r, splat(like, 1.321565359694088e-06))
        p = multiply_add(p, r, splat(like, 1.5252659427943273e-05))
        p = multiply_add(p, r, splat(like, 0.00015403529994242537))
        p = multiply_add(p, r, splat(like, 0.001333355822579976))
        p = multiply_add(p, r, splat(like, 0.009618129107983138))
        p = multiply_add(p, r, splat(like, 0.05550410866448183))
        p = multiply_add(p, r, splat(like, 0.240226506959091))
        p = multiply_add(p, r, splat(like, 0.6931471805599492))
    return scale_by_power(multiply_add(p, r, splat(like, 1.0)), shifted)


@compiled
def log(like: Any, x: Any) -> Any:
    """``log(x)`` of positive normal floats: ``x = 2ⁿ m``, m about 1, and ``log(m) = 2 artanh((m - 1) / (m + 1))``."""
    one = splat(like, 1.0)
    n = exponent(x, _SQRT_HALF)
    m = scale_by_power(x, splat(like, _SINGLE if is_single(like) else _DOUBLE) - n)
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
    return multiply_add(n, splat(like, LN2), multiply_add(double * z, p, double))
