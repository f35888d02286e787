"""What compiled kernels share: how they are compiled, memory, the exponential and the logarithm of vectors."""

import math
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from gaussmix.engines.fused._simd import exponent, is_single, maximum, multiply_add, scale_by_power, splat

__all__ = [
    "BITS",
    "LN2",
    "NEGLIGIBLE",
    "aligned",
    "compiled",
    "exp2",
    "fill",
    "kept_on_disk",
    "log",
    "power_of_two",
    "zeros",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

NEGLIGIBLE = 1e-16  # a smaller responsibility is lost in the rounding of its row's others

LN2 = math.log(2.0)
BITS = 1.0 / LN2  # in a nat
_DOUBLE, _SINGLE = 1.5 * 2.0**52, 1.5 * 2.0**23  # what leaves a float's nearest integer in its low bits when added
_SQRT_HALF = math.sqrt(0.5)

_COMMON: dict[str, Any] = {"error_model": "numpy"}  # no code that raises where a divisor is zero
_INNER = {**_COMMON, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # no code for callers outside of the kernels


def compiled(function: _Function) -> _Function:
    """Compile a function into the kernels that call it."""
    return cast("_Function", njit(**_INNER)(function))


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
        return cast("_Function", njit(function, nogil=True, cache=True, **_COMMON))
    except RuntimeError:  # nowhere to write: a read-only installation without a home folder
        return cast("_Function", njit(function, nogil=True, **_COMMON))


@compiled
def aligned(n_rows: Any, n_columns: Any, kind: Any) -> Any:
    """Zeros ``(n_rows, n_columns)`` that begin where a line of the cache does: no register is read from two lines."""
    space = np.zeros(n_rows * n_columns + 16, kind)
    in_a_line = 64 // space.itemsize
    skipped = -(space.ctypes.data // space.itemsize) % in_a_line
    return space[skipped : skipped + n_rows * n_columns].reshape(n_rows, n_columns)


@compiled
def zeros(n: int, kind: Any) -> Any:
    """Return zeros ``(n,)``.

    Numba compiles a function of NumPy again for each combination of argument types, so all kernels call this one.
    """
    return np.zeros(n, kind)


@compiled
def fill(array: Any, n: int, number: float) -> None:
    """Set the first n numbers of an array."""
    for i in range(n):
        array[i] = number


@compiled
def exp2(x: Any) -> Any:
    """``2ˣ`` for x at most 0; below -1000 (-90 in single), and for NaN, that of it."""
    return power_of_two(maximum(x, splat(x, -90.0 if is_single(x) else -1000.0)))


@compiled
def power_of_two(x: Any) -> Any:
    """``2ˣ`` for x from -1000 (-90 in single) to 0; of other x, anything.

    ``x = n + r`` with ``|r| <= 1 / 2``; the minimax polynomial gives ``2ʳ``, and n is added to its exponent. The
    polynomial's relative error is 2.2e-16 in double precision, 2e-9 in single.
    """
    rounder = splat(x, _SINGLE if is_single(x) else _DOUBLE)
    shifted = x + rounder
    r = x - (shifted - rounder)
    if is_single(x):
        p = splat(x, 0.0001535334818356476)
        p = multiply_add(p, r, splat(x, 0.0013398874316092556))
        p = multiply_add(p, r, splat(x, 0.009618437417252995))
        p = multiply_add(p, r, splat(x, 0.05550332471982348))
        p = multiply_add(p, r, splat(x, 0.24022647913008466))
        p = multiply_add(p, r, splat(x, 0.6931472028537073))
    else:
        p = splat(x, 7.038179268278007e-09)
        p = multiply_add(p, r, splat(x, 1.0208322957655017e-07))
        p = multiply_add(p, r, splat(x, 1.321565359694088e-06))
        p = multiply_add(p, r, splat(x, 1.5252659427943273e-05))
        p = multiply_add(p, r, splat(x, 0.00015403529994242537))
        p = multiply_add(p, r, splat(x, 0.001333355822579976))
        p = multiply_add(p, r, splat(x, 0.009618129107983138))
        p = multiply_add(p, r, splat(x, 0.05550410866448183))
        p = multiply_add(p, r, splat(x, 0.240226506959091))
        p = multiply_add(p, r, splat(x, 0.6931471805599492))
    return scale_by_power(multiply_add(p, r, splat(x, 1.0)), shifted)


@compiled
def log(x: Any) -> Any:
    """``log(x)`` of positive normal floats: ``x = 2ⁿ m``, m about 1, and ``log(m) = 2 artanh((m - 1) / (m + 1))``."""
    one = splat(x, 1.0)
    n = exponent(x, _SQRT_HALF)
    m = scale_by_power(x, splat(x, _SINGLE if is_single(x) else _DOUBLE) - n)
    f = (m - one) / (m + one)
    z = f * f
    p = splat(x, 1.0 / 19.0)
    p = multiply_add(p, z, splat(x, 1.0 / 17.0))
    p = multiply_add(p, z, splat(x, 1.0 / 15.0))
    p = multiply_add(p, z, splat(x, 1.0 / 13.0))
    p = multiply_add(p, z, splat(x, 1.0 / 11.0))
    p = multiply_add(p, z, splat(x, 1.0 / 9.0))
    p = multiply_add(p, z, splat(x, 1.0 / 7.0))
    p = multiply_add(p, z, splat(x, 1.0 / 5.0))
    p = multiply_add(p, z, splat(x, 1.0 / 3.0))
    double = f + f
    return multiply_add(n, splat(x, LN2), multiply_add(double * z, p, double))
