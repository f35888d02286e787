"""Functions that all kernels use: decorators for compilation, memory, exponential and logarithm of vectors."""

import math
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import cgutils, types
from numba.np.arrayobj import populate_array

from gaussmix.engines.fused._inner import InnerCompiler
from gaussmix.engines.fused._simd import INT, emitted, exponent, is_single, maximum, multiply_add, scale_by_power, splat
from gaussmix.engines.fused.disk_cache import disk_cache

__all__ = [
    "BITS",
    "LN2",
    "NEGLIGIBLE",
    "aligned_zeros",
    "allocating",
    "compiled",
    "exp2",
    "fill",
    "kept_on_disk",
    "log",
    "power_of_two",
    "zeros",
]

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Largest responsibility that is ignored: the rounding of the other responsibilities of its row hides it.
NEGLIGIBLE = 1e-16

LN2 = math.log(2.0)
# Number of bits in a nat.
BITS = 1.0 / LN2
# Numbers whose addition to a float leaves the nearest integer of the float in the low bits of the sum.
_DOUBLE, _SINGLE = 1.5 * 2.0**52, 1.5 * 2.0**23
_SQRT_HALF = math.sqrt(0.5)

# Bytes in a cache line.
_CACHE_LINE = 64

_COMMON: dict[str, Any] = {"error_model": "numpy"}  # emit no code that raises an error if a divisor is zero
# Only kernels call inner functions, so no entry points for other callers are emitted.
_INNER = {**_COMMON, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": InnerCompiler}


# Functions without memory of their own count no references to arrays.
_WITHOUT_MEMORY: dict[str, Any] = {"_nrt": False}
_KERNEL = {**_COMMON, "no_cfunc_wrapper": True}


def compiled(function: _Function) -> _Function:
    """Compile a function into the kernels that call it. The function takes no memory, and does not count references."""
    return cast("_Function", njit(**_INNER, **_WITHOUT_MEMORY)(function))


def allocating(function: _Function) -> _Function:
    """Compile a function that takes memory into the kernels that call it."""
    return cast("_Function", njit(**_INNER)(function))


def hash_sources(folder: Path) -> str:
    """Return a hash of the sources of all kernels: the files of a folder whose names begin with one underscore."""
    contents = (path.read_bytes() for path in sorted(folder.glob("_[a-z]*.py")))
    return sha256(b"".join(contents)).hexdigest()[:12]


def kept_on_disk(function: _Function) -> _Function:
    """Compile a function that releases the interpreter's lock, and cache the machine code on disk if possible.

    Numba notices changes in the file of the function, but not in the files of the functions that it calls. Therefore
    the name under which the function is cached contains a hash of all sources.
    """
    function.__qualname__ = f"{function.__name__}_{hash_sources(Path(__file__).parent)}"
    dispatcher = njit(function, nogil=True, **_KERNEL)
    dispatcher._cache = disk_cache(function)  # noqa: SLF001 - Numba's own cache loads damaged files
    return cast("_Function", dispatcher)


def _emit_zeros(context: Any, builder: Any, array: Any, shape: Sequence[Any]) -> Any:
    """Emit zeros in a shape, aligned to a cache line, so that no register is read from two lines."""
    itemsize = INT(array.dtype.bitwidth // 8)
    strides = [itemsize]
    for length in reversed(shape):
        strides.insert(0, builder.mul(strides[0], length))
    owner = context.nrt.meminfo_alloc_aligned(builder, strides[0], _CACHE_LINE)
    data = context.nrt.meminfo_data(builder, owner)
    cgutils.memset(builder, data, strides[0], 0)
    pointer = builder.bitcast(data, context.get_data_type(array.dtype).as_pointer())
    zeros = context.make_array(array)(context, builder)
    return populate_array(zeros, pointer, shape, strides[1:], itemsize, owner)._getvalue()  # noqa: SLF001 - Numba's way


@emitted
def aligned_zeros(_context: Any, _n_rows: types.Integer, _n_columns: types.Integer, kind: Any) -> Any:
    """Return zeros ``(n_rows, n_columns)``. Numba compiles ten functions for the function of NumPy."""
    array = types.Array(kind.dtype, 2, "C")

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _emit_zeros(context, builder, array, values[:2])

    return array(types.intp, types.intp, kind), emit


@emitted
def zeros(_context: Any, _n: types.Integer, kind: Any) -> Any:
    """Return zeros ``(n,)``."""
    array = types.Array(kind.dtype, 1, "C")

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _emit_zeros(context, builder, array, values[:1])

    return array(types.intp, kind), emit


@compiled
def fill(array: Any, n: int, number: float) -> None:
    """Set the first n numbers of an array."""
    for i in range(n):
        array[i] = number


@compiled
def exp2(x: Any) -> Any:
    """Return ``2ˣ`` for x at most 0; NaN, and x below -1000 (-90 in single precision), count as that bound."""
    return power_of_two(maximum(x, splat(x, -90.0 if is_single(x) else -1000.0)))


@compiled
def power_of_two(x: Any) -> Any:
    """Return ``2ˣ`` for x from -1000 (-90 in single precision) to 0; the result for other x is undefined.

    ``x = n + r`` with ``|r| <= 1 / 2``; a minimax polynomial gives ``2ʳ``, and n is added to the exponent. The relative
    error of the polynomial is 2.2e-16 in double precision, 2e-9 in single.
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
    """Return ``log(x)`` of positive normal floats.

    ``x = 2ⁿ m`` with m near 1, and ``log(m) = 2 artanh((m - 1) / (m + 1))``.
    """
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
