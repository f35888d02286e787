"""SIMD vectors in compiled code: a type for Numba, and operations on its values.

Without this module, the compiler decides which loop to vectorize, may use vectors of half the width of the registers
to protect the clock rate, and keeps sums in memory. A value of type :class:`Vector` holds the floats of one register,
and a kernel that gives each sum a name keeps the sums in registers. The operations are written in LLVM's IR, so they
run on any machine; only the width depends on the machine.

A product and a following sum may be contracted. Nothing is reassociated, and numbers may be infinite or NaN. An index
is an integer or a tuple of integers, and the loaded floats are contiguous in the last axis of a C-contiguous array.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global
from numba.extending import intrinsic, lower_builtin, models, register_model

__all__ = [
    "CONTRACT",
    "ELEMENTS",
    "INT",
    "POINTER",
    "VECTOR_OF",
    "Vector",
    "add_to",
    "add_totals",
    "address",
    "bits_above",
    "broadcast",
    "emitted",
    "exponent",
    "first_bit",
    "index_type",
    "is_single",
    "largest",
    "load",
    "maximum",
    "multiply_add",
    "n_bits",
    "prefetch",
    "repeat",
    "scale_by_power",
    "select_above",
    "shuffle_mask",
    "splat",
    "store",
    "width",
]


def _bits_of_a_register() -> int:
    try:
        return 512 if llvm.get_host_cpu_features().get("avx512f") else 256
    except RuntimeError:  # LLVM does not know the features of the machine
        return 256


_BITS_OF_A_REGISTER = _bits_of_a_register()
CONTRACT = ("contract",)
ELEMENTS: dict[Any, Any] = {types.float64: ir.DoubleType(), types.float32: ir.FloatType()}
_BITS_OF_A_MANTISSA = {types.float64: 52, types.float32: 23}
INT, POINTER = ir.IntType(64), ir.PointerType()


def emitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function for compiled code, from a function that gives its type and emits its LLVM IR."""
    return cast("Callable[..., Any]", intrinsic(function))


class Vector(types.Type):
    """The type of a SIMD vector: the floats of one kind that one register holds, each in a lane.

    Attributes
    ----------
    element : numba.types.Float
        Kind of the floats.
    count : int
        Number of the floats.
    """

    def __init__(self, element: types.Float) -> None:
        self.element = element
        self.count = _BITS_OF_A_REGISTER // element.bitwidth
        super().__init__(name=f"Vector({element}, {self.count})")

    @property
    def llvm_type(self) -> ir.VectorType:
        """The type of the vector in LLVM."""
        return ir.VectorType(ELEMENTS[self.element], self.count)

    @property
    def integers(self) -> ir.VectorType:
        """The type in LLVM of a vector of the same width of integers, each with the bits of one float."""
        return ir.VectorType(ir.IntType(self.element.bitwidth), self.count)


VECTOR_OF = {element: Vector(element) for element in ELEMENTS}


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, vector: Vector) -> None:
        super().__init__(manager, vector, vector.llvm_type)


def shuffle_mask(lanes: Sequence[int]) -> ir.Constant:
    """Return the mask of a shuffle, which selects lanes."""
    return ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))


def broadcast(builder: Any, number: Any, vector: ir.VectorType) -> Any:
    """Return a vector with a number in every lane."""
    empty = ir.Constant(vector, ir.Undefined)
    return builder.shuffle_vector(
        builder.insert_element(empty, number, INT(0)), empty, shuffle_mask([0] * vector.count)
    )


# --- Memory ----------------------------------------------------------------------------------------------------------


def address(context: Any, builder: Any, array: types.Array, value: Any, index: Any) -> Any:
    """Return an opaque pointer to the element of a C-contiguous array at an index.

    Numba's own function makes a copy of the whole array's structure for each element, which LLVM must remove again.
    """
    fields = context.data_model_manager[array]
    data = builder.extract_value(value, fields.get_field_position("data"))
    data.type = POINTER  # Numba gives the pointer the type of the element; a vector cannot be stored through that type
    indices = [index] if array.ndim == 1 else cgutils.unpack_tuple(builder, index, array.ndim)
    place = indices[0]
    for axis in range(1, array.ndim):
        length = builder.extract_value(value, [fields.get_field_position("shape"), axis])
        place = builder.add(builder.mul(place, length), indices[axis])
    return builder.gep(data, [place], source_etype=ELEMENTS[array.dtype])


def index_type(array: types.Array) -> types.Type:
    """Return the type of an index of an array."""
    return types.intp if array.ndim == 1 else types.UniTuple(types.intp, array.ndim)


@emitted
def load(_context: Any, array: types.Array, _index: Any) -> Any:
    """Load floats of an array, from an index on."""
    vector = VECTOR_OF[array.dtype]

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        place = address(context, builder, array, *values)
        return builder.load(place, align=vector.element.bitwidth // 8, typ=vector.llvm_type)

    return vector(array, index_type(array)), emit


@emitted
def repeat(_context: Any, array: types.Array, _index: Any) -> Any:
    """Load a number of an array into every lane. The index must not be negative; it is not checked."""
    vector = VECTOR_OF[array.dtype]

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        one = builder.load(address(context, builder, array, *values), typ=vector.llvm_type.element)
        return broadcast(builder, one, vector.llvm_type)

    return vector(array, index_type(array)), emit


@emitted
def store(_context: Any, array: types.Array, _index: Any, vector: Vector) -> Any:
    """Store floats in an array, from an index on."""

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        target, index, stored = values
        place = address(context, builder, array, target, index)
        builder.store(stored, place, align=vector.element.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, index_type(array), vector), emit


@emitted
def add_to(_context: Any, array: types.Array, _index: Any, vector: Vector) -> Any:
    """Add floats to an array in double precision, from an index on."""
    wide = ir.VectorType(ir.DoubleType(), vector.count)

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        target, index, added = values
        place = address(context, builder, array, target, index)
        before = builder.load(place, align=8, typ=wide)
        terms = added if vector.element == types.float64 else builder.fpext(added, wide)
        builder.store(builder.fadd(before, terms, flags=CONTRACT), place, align=8)
        return context.get_dummy_value()

    return types.void(array, index_type(array), vector), emit


@emitted
def prefetch(_context: Any, array: types.Array, _index: Any) -> Any:
    """Prefetch the cache line that holds an index of an array."""
    flag = ir.IntType(32)

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        place = address(context, builder, array, *values)
        kind = ir.FunctionType(ir.VoidType(), [POINTER, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(
            function, [place, *(ir.Constant(flag, number) for number in (0, 3, 1))]
        )  # for reading, high locality, data cache
        return context.get_dummy_value()

    return types.void(array, index_type(array)), emit


@emitted
def width(_context: Any, array: types.Array) -> Any:
    """Return the number of floats of an array that one vector holds."""
    count = VECTOR_OF[array.dtype].count

    def emit(_context: Any, _builder: Any, _signature: Any, _values: Sequence[Any]) -> Any:
        return INT(count)

    return types.intp(array), emit


@emitted
def is_single(_context: Any, a: Vector) -> Any:
    """Return True for a vector of single precision; the value is a constant for the compiler."""

    def emit(_context: Any, _builder: Any, _signature: Any, _values: Sequence[Any]) -> Any:
        return ir.Constant(ir.IntType(1), a.element == types.float32)

    return types.boolean(a), emit


@emitted
def splat(_context: Any, like: Any, number: types.Float) -> Any:
    """Return a vector with a number in every lane, in the precision of an array or a vector."""
    vector = like if isinstance(like, Vector) else VECTOR_OF[like.dtype]

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        one = context.cast(builder, values[1], number, vector.element)
        return broadcast(builder, one, vector.llvm_type)

    return vector(like, number), emit


# --- Arithmetic ------------------------------------------------------------------------------------------------------


def _arithmetic(symbol: Callable[[Any, Any], Any], instruction: str) -> None:
    """Define an operator of two vectors as an instruction in place; an overload would be compiled as a function."""

    @infer_global(symbol)
    class _Operator(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            same = len(args) == 2 and isinstance(args[0], Vector) and args[0] is args[1]  # noqa: PLR2004 - operands
            return args[0](*args) if same else None

    @lower_builtin(symbol, Vector, Vector)
    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return getattr(builder, instruction)(*values, flags=CONTRACT)


_arithmetic(operator.add, "fadd")
_arithmetic(operator.sub, "fsub")
_arithmetic(operator.mul, "fmul")
_arithmetic(operator.truediv, "fdiv")


def _call(builder: Any, name: str, result: ir.Type, values: Sequence[Any]) -> Any:
    """Emit a call of an intrinsic function of LLVM."""
    kind = ir.FunctionType(result, [value.type for value in values])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), values)


@emitted
def multiply_add(_context: Any, a: Vector, b: Vector, c: Vector) -> Any:
    """Return ``a * b + c``, rounded once."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _call(builder, f"llvm.fma.v{a.count}f{a.element.bitwidth}", a.llvm_type, values)

    return a(a, b, c), emit


@emitted
def maximum(_context: Any, a: Vector, b: Vector) -> Any:
    """Return the larger of a and b in each lane; b where a is NaN."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values), *values)

    return a(a, b), emit


@emitted
def select_above(_context: Any, a: Vector, b: Vector, x: Vector, y: Vector) -> Any:
    """Return x in the lanes where ``a > b``, and y in the others."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return builder.select(builder.fcmp_ordered(">", *values[:2]), *values[2:])

    return x(a, b, x, y), emit


@emitted
def scale_by_power(_context: Any, a: Vector, shifted: Vector) -> Any:
    """Return ``a`` times two to the power of the integer in the low bits of `shifted`."""
    mantissa = ir.Constant(a.integers, [_BITS_OF_A_MANTISSA[a.element]] * a.count)

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        bits, power = (builder.bitcast(value, a.integers) for value in values)
        return builder.bitcast(builder.add(bits, builder.shl(power, mantissa)), a.llvm_type)

    return a(a, shifted), emit


@emitted
def exponent(_context: Any, a: Vector, smallest: types.Float) -> Any:
    """Return integers n, as floats, so that ``smallest <= a / 2ⁿ < 2 * smallest``; `a` and `smallest` are positive."""

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        one = builder.bitcast(context.cast(builder, values[1], smallest, a.element), ir.IntType(a.element.bitwidth))
        bits = builder.sub(builder.bitcast(values[0], a.integers), broadcast(builder, one, a.integers))
        mantissa = ir.Constant(a.integers, [_BITS_OF_A_MANTISSA[a.element]] * a.count)
        return builder.sitofp(builder.ashr(bits, mantissa), a.llvm_type)

    return a(a, smallest), emit


# --- Comparison as bits ----------------------------------------------------------------------------------------------


@emitted
def bits_above(_context: Any, a: Vector, b: Vector) -> Any:
    """Return an integer whose bits are set for the lanes where ``a > b``; the lowest bit is the first lane."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        bits = builder.bitcast(builder.fcmp_ordered(">", *values), ir.IntType(a.count))
        return builder.zext(bits, INT)

    return types.intp(a, b), emit


@emitted
def n_bits(_context: Any, bits: types.Integer) -> Any:
    """Return the number of bits that are set."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _call(builder, "llvm.ctpop.i64", INT, values)

    return types.intp(types.intp), emit


@emitted
def first_bit(_context: Any, bits: types.Integer) -> Any:
    """Return the position of the lowest bit that is set, or 64 if no bit is set."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        return _call(builder, "llvm.cttz.i64", INT, [*values, ir.Constant(ir.IntType(1), 0)])

    return types.intp(types.intp), emit


# --- Sums over lanes -------------------------------------------------------------------------------------------------


def _paired(builder: Any, a: Any, b: Any, stride: int) -> Any:
    """Emit sums of lanes that are `stride` apart; groups of `stride` sums of a and of b alternate in the result."""
    n = a.type.count
    of_b = [bool(i & stride) for i in range(n)]
    low = shuffle_mask([i - stride + n if later else i for i, later in enumerate(of_b)])
    high = shuffle_mask([i + n if later else i + stride for i, later in enumerate(of_b)])
    return builder.fadd(builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high), flags=CONTRACT)


def _four_totals(builder: Any, four: Sequence[Any]) -> Any:
    """Emit the sums over the lanes of four vectors, as a vector of four: sums of pairs, then of halves."""
    a, b, c, d = four
    sums = _paired(builder, _paired(builder, a, b, 1), _paired(builder, c, d, 1), 2)
    while sums.type.count > 4:  # noqa: PLR2004 - four sums
        half = sums.type.count // 2
        low, high = shuffle_mask(range(half)), shuffle_mask(range(half, 2 * half))
        sums = builder.fadd(
            builder.shuffle_vector(sums, sums, low), builder.shuffle_vector(sums, sums, high), flags=CONTRACT
        )
    return sums


@emitted
def largest(_context: Any, a: Vector) -> Any:
    """Return the largest number in the lanes; NaN is ignored."""

    def emit(_context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        name = f"llvm.vector.reduce.fmax.v{a.count}f{a.element.bitwidth}"
        return _call(builder, name, a.llvm_type.element, values)

    return a.element(a), emit


@emitted
def add_totals(_context: Any, array: types.Array, _index: Any, a: Vector, b: Vector, c: Vector, d: Vector) -> Any:
    """Add the sums over the lanes of four vectors to four numbers of an array in double precision, from an index on."""
    four = ir.VectorType(ir.DoubleType(), 4)

    def emit(context: Any, builder: Any, _signature: Any, values: Sequence[Any]) -> Any:
        place = address(context, builder, array, values[0], values[1])
        sums = _four_totals(builder, values[2:])
        wide = sums if a.element == types.float64 else builder.fpext(sums, four)
        before = builder.load(place, align=8, typ=four)
        builder.store(builder.fadd(before, wide, flags=CONTRACT), place, align=8)
        return context.get_dummy_value()

    return types.void(array, index_type(array), a, b, c, d), emit
