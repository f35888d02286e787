"""Vectors of floats in compiled code: a type for Numba, and what can be done with its values.

Left to itself, the compiler takes whichever loop it likes for its vectors, half as wide as the machine's where it fears
for the clock, and keeps sums in memory. A value of type :class:`Lanes` is as many floats as one register holds, and a
kernel that names its sums keeps them in registers. All is said in LLVM's own terms, so it runs on any machine; only the
width is chosen for this one.

A product and the sum after it may be contracted; nothing is reassociated, and numbers need not be finite. An index is
an integer or a tuple of them, and what is loaded lies side by side in the last axis of a C-contiguous array.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, overload, register_model

__all__ = [
    "CONTRACT",
    "ELEMENTS",
    "INT",
    "LANES_OF",
    "Lanes",
    "add_to",
    "add_totals",
    "bits_above",
    "emitted",
    "exponent",
    "fetch",
    "first_bit",
    "in_all",
    "index_of",
    "is_single",
    "largest",
    "load",
    "maximum",
    "multiply_add",
    "n_bits",
    "picks",
    "pointer",
    "repeat",
    "scale_by_power",
    "select_above",
    "splat",
    "store",
    "width",
]


def _bits_of_a_register() -> int:
    try:
        return 512 if llvm.get_host_cpu_features().get("avx512f") else 256
    except RuntimeError:  # a machine of which LLVM knows nothing
        return 256


_BITS_OF_A_REGISTER = _bits_of_a_register()
CONTRACT = ("contract",)
ELEMENTS: dict[Any, Any] = {types.float64: ir.DoubleType(), types.float32: ir.FloatType()}
_BITS_OF_A_MANTISSA = {types.float64: 52, types.float32: 23}
INT = ir.IntType(64)


def emitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of compiled code, from one that says its type and how it is written for LLVM."""
    return cast("Callable[..., Any]", intrinsic(function))


class Lanes(types.Type):
    """As many floats of one kind as a register holds.

    Attributes
    ----------
    element : numba.types.Float
        Kind of the floats.
    count : int
        Their number.
    """

    def __init__(self, element: types.Float) -> None:
        self.element = element
        self.count = _BITS_OF_A_REGISTER // element.bitwidth
        super().__init__(name=f"Lanes({element}, {self.count})")

    @property
    def vector(self) -> ir.VectorType:
        """The same for LLVM."""
        return ir.VectorType(ELEMENTS[self.element], self.count)

    @property
    def integers(self) -> ir.VectorType:
        """Integers of the same size."""
        return ir.VectorType(ir.IntType(self.element.bitwidth), self.count)


LANES_OF = {element: Lanes(element) for element in ELEMENTS}


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, lanes.vector)


def picks(lanes: Sequence[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))


def in_all(builder: Any, one: Any, vector: ir.VectorType) -> Any:
    """One number in every lane."""
    empty = ir.Constant(vector, ir.Undefined)
    return builder.shuffle_vector(builder.insert_element(empty, one, INT(0)), empty, picks([0] * vector.count))


# --- Memory ----------------------------------------------------------------------------------------------------------


def pointer(context: Any, builder: Any, array: types.Array, value: Any, index: Any, kind: ir.VectorType) -> Any:
    """A pointer to a vector that begins at an index of an array."""
    indices = [index] if array.ndim == 1 else cgutils.unpack_tuple(builder, index, array.ndim)
    view = context.make_array(array)(context, builder, value)
    item = cgutils.get_item_pointer(context, builder, array, view, indices, wraparound=False)
    return builder.bitcast(item, kind.as_pointer())


def index_of(array: types.Array) -> types.Type:
    return types.intp if array.ndim == 1 else types.UniTuple(types.intp, array.ndim)


@emitted
def load(_context: Any, array: types.Array, _index: Any) -> Any:
    """Floats of an array, from an index on."""
    lanes = LANES_OF[array.dtype]

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        loaded = builder.load(pointer(context, builder, array, values[0], values[1], lanes.vector))
        loaded.align = lanes.element.bitwidth // 8
        return loaded

    return lanes(array, index_of(array)), emit


@emitted
def repeat(_context: Any, array: types.Array, _index: Any) -> Any:
    """One number of an array in every lane. The index is not negative, which nothing is spent on to find out."""
    lanes = LANES_OF[array.dtype]

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        one = builder.load(pointer(context, builder, array, values[0], values[1], lanes.vector.element))
        return in_all(builder, one, lanes.vector)

    return lanes(array, index_of(array)), emit


@emitted
def store(_context: Any, array: types.Array, _index: Any, lanes: Lanes) -> Any:
    """Write floats to an array, from an index on."""

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        target, index, stored = values
        written = builder.store(stored, pointer(context, builder, array, target, index, lanes.vector))
        written.align = lanes.element.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, index_of(array), lanes), emit


@emitted
def add_to(_context: Any, array: types.Array, _index: Any, lanes: Lanes) -> Any:
    """Add floats to an array in double precision, from an index on."""
    wide = ir.VectorType(ir.DoubleType(), lanes.count)

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        target, index, added = values
        place = pointer(context, builder, array, target, index, wide)
        before = builder.load(place)
        before.align = 8
        terms = added if lanes.element == types.float64 else builder.fpext(added, wide)
        builder.store(builder.fadd(before, terms, flags=CONTRACT), place).align = 8
        return context.get_dummy_value()

    return types.void(array, index_of(array), lanes), emit


@emitted
def fetch(_context: Any, array: types.Array, _index: Any) -> Any:
    """Have the line of the cache with an index of an array brought near, for later."""
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        place = pointer(context, builder, array, values[0], values[1], ir.IntType(8))
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [place, *(ir.Constant(flag, number) for number in (0, 3, 1))])  # to read, often, as data
        return context.get_dummy_value()

    return types.void(array, index_of(array)), emit


@emitted
def width(_context: Any, array: types.Array) -> Any:
    """How many floats of an array one vector holds."""
    count = LANES_OF[array.dtype].count

    def emit(_context: Any, _builder: Any, _signature: Any, _values: Sequence[Any]) -> Any:
        return INT(count)

    return types.intp(array), emit


@emitted
def is_single(_context: Any, array: types.Array) -> Any:
    """Whether an array is of single precision; known when compiled."""

    def emit(_context: Any, _builder: Any, _signature: Any, _values: Sequence[Any]) -> Any:
        return ir.Constant(ir.IntType(1), array.dtype == types.float32)

    return types.boolean(array), emit


@emitted
def splat(_context: Any, array: types.Array, number: types.Float) -> Any:
    """One number in every lane, in the precision of an array."""
    lanes = LANES_OF[array.dtype]

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        one = context.cast(builder, values[1], number, lanes.element)
        return in_all(builder, one, lanes.vector)

    return lanes(array, number), emit


# --- Arithmetic ------------------------------------------------------------------------------------------------------


def _arithmetic(symbol: Callable[[Any, Any], Any], instruction: str) -> None:
    """Give two vectors an operator."""

    @emitted
    def apply(_context: Any, a: Lanes, b: Lanes) -> Any:
        def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
            return getattr(builder, instruction)(*values, flags=CONTRACT)

        return a(a, b), emit

    def operation(a: Any, b: Any) -> Any:
        return apply(a, b)

    @overload(symbol)
    def choose(a: Any, b: Any) -> Any:
        return operation if isinstance(a, Lanes) and a is b else None


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
_arithmetic(operator.truediv, "fdiv")


def _call(builder: Any, name: str, result: ir.Type, values: Sequence[Any]) -> Any:
    """A call of one of LLVM's own functions."""
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)


@emitted
def multiply_add(_context: Any, a: Lanes, b: Lanes, c: Lanes) -> Any:
    """``a * b + c``, rounded once."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _call(builder, f"llvm.fma.v{a.count}f{a.element.bitwidth}", a.vector, values)

    return a(a, b, c), emit


@emitted
def maximum(_context: Any, a: Lanes, b: Lanes) -> Any:
    """The larger of two; b where a is no number."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values), *values)

    return a(a, b), emit


@emitted
def select_above(_context: Any, a: Lanes, b: Lanes, x: Lanes, y: Lanes) -> Any:
    """X where ``a > b``, elsewhere y."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values[:2]), *values[2:])

    return x(a, b, x, y), emit


@emitted
def scale_by_power(_context: Any, a: Lanes, shifted: Lanes) -> Any:
    """``a`` times two to the power of the integer in the low bits of `shifted`."""
    mantissa = ir.Constant(a.integers, [_BITS_OF_A_MANTISSA[a.element]] * a.count)

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        bits, power = (builder.bitcast(value, a.integers) for value in values)
        return builder.bitcast(builder.add(bits, builder.shl(power, mantissa)), a.vector)

    return a(a, shifted), emit


@emitted
def exponent(_context: Any, a: Lanes, smallest: types.Float) -> Any:
    """The integers n, as floats, with ``a / 2ⁿ`` at least `smallest` and below twice that; both are positive."""

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        one = builder.bitcast(context.cast(builder, values[1], smallest, a.element), ir.IntType(a.element.bitwidth))
        bits = builder.sub(builder.bitcast(values[0], a.integers), in_all(builder, one, a.integers))
        mantissa = ir.Constant(a.integers, [_BITS_OF_A_MANTISSA[a.element]] * a.count)
        return builder.sitofp(builder.ashr(bits, mantissa), a.vector)

    return a(a, smallest), emit


# --- Lanes as bits ---------------------------------------------------------------------------------------------------


@emitted
def bits_above(_context: Any, a: Lanes, b: Lanes) -> Any:
    """An integer whose bits say in which lanes ``a > b``, the first lane in the lowest bit."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered(">", *values), ir.IntType(a.count))
        return builder.zext(bits, INT)

    return types.intp(a, b), emit


@emitted
def n_bits(_context: Any, bits: types.Integer) -> Any:
    """How many bits are set."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _call(builder, "llvm.ctpop.i64", INT, values)

    return types.intp(types.intp), emit


@emitted
def first_bit(_context: Any, bits: types.Integer) -> Any:
    """The place of the lowest bit that is set; of none, 64."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _call(builder, "llvm.cttz.i64", INT, [*values, ir.Constant(ir.IntType(1), 0)])

    return types.intp(types.intp), emit


# --- Sums over lanes -------------------------------------------------------------------------------------------------


def _paired(builder: Any, a: Any, b: Any, stride: int) -> Any:
    """Neighbours `stride` apart added up; the sums of a and of b take turns, `stride` of each."""
    n = a.type.count
    of_b = [bool(i & stride) for i in range(n)]
    low = picks([i - stride + n if later else i for i, later in enumerate(of_b)])
    high = picks([i + n if later else i + stride for i, later in enumerate(of_b)])
    return builder.fadd(builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high), flags=CONTRACT)


def _four_totals(builder: Any, four: Sequence[Any]) -> Any:
    """The sums of four vectors, as a vector of four: by turns of pairs, then of halves."""
    a, b, c, d = four
    sums = _paired(builder, _paired(builder, a, b, 1), _paired(builder, c, d, 1), 2)
    while sums.type.count > 4:  # noqa: PLR2004 - the four
        half = sums.type.count // 2
        low, high = picks(range(half)), picks(range(half, 2 * half))
        sums = builder.fadd(
            builder.shuffle_vector(sums, sums, low), builder.shuffle_vector(sums, sums, high), flags=CONTRACT
        )
    return sums


@emitted
def largest(_context: Any, a: Lanes) -> Any:
    """The largest number of all lanes; of numbers only."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        name = f"llvm.vector.reduce.fmax.v{a.count}f{a.element.bitwidth}"
        return _call(builder, name, a.vector.element, values)

    return a.element(a), emit


@emitted
def add_totals(_context: Any, array: types.Array, _index: Any, a: Lanes, b: Lanes, c: Lanes, d: Lanes) -> Any:
    """Add to four numbers of an array in double precision, from an index on, the sums of the lanes of four vectors."""
    four = ir.VectorType(ir.DoubleType(), 4)

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        place = pointer(context, builder, array, values[0], values[1], four)
        sums = _four_totals(builder, values[2:])
        wide = sums if a.element == types.float64 else builder.fpext(sums, four)
        before = builder.load(place)
        before.align = 8
        builder.store(builder.fadd(before, wide, flags=CONTRACT), place).align = 8
        return context.get_dummy_value()

    return types.void(array, index_of(array), a, b, c, d), emit
