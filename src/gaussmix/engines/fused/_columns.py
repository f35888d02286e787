"""Transposition of rows into a tile, in registers, with a centre subtracted."""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from gaussmix.engines.fused._simd import (
    CONTRACT,
    ELEMENTS,
    INT,
    VECTOR_OF,
    address,
    broadcast,
    emitted,
    index_type,
    shuffle_mask,
)

__all__ = ["store_column", "store_four_columns", "store_four_scaled", "store_two_columns"]


def _load_strided(builder: Any, place: Any, few: ir.VectorType, stride: Any, count: int) -> Any:
    """Load short vectors from memory, `stride` elements apart, and join them into one vector."""
    align, parts = 8 if few.element == ir.DoubleType() else 4, []
    for q in range(count):
        part = builder.gep(place, [builder.mul(stride, INT(q))], source_etype=few.element)
        parts.append(builder.load(part, align=align, typ=few))
    while len(parts) > 1:
        both = shuffle_mask(range(2 * parts[0].type.count))
        parts = [builder.shuffle_vector(a, b, both) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _write_columns(count: int, context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> Any:
    """Emit code that subtracts a centre from columns of rows, multiplies by any scales, and stores them in a tile."""
    (tile, _, rows, _, *_), (target, index, source, begin, *affine) = kinds, values
    vector = VECTOR_OF[tile.dtype]
    few, wide = (ir.VectorType(ELEMENTS[kind], n) for kind, n in ((rows.dtype, count), (types.float64, vector.count)))
    (feature, row), (_, column) = (cgutils.unpack_tuple(builder, pair, 2) for pair in (index, begin))
    stride = builder.extract_value(context.make_array(rows)(context, builder, source).shape, 1)
    block = _load_strided(builder, address(context, builder, rows, source, begin), few, stride, vector.count)
    steps = (builder.fsub, builder.fmul)[: len(affine)]
    for q in range(count):
        floats = builder.shuffle_vector(block, block, shuffle_mask(range(q, count * vector.count, count)))
        floats = floats if rows.dtype == types.float64 else builder.fpext(floats, wide)
        for step, kind, array in zip(steps, kinds[4:], affine, strict=True):
            place = address(context, builder, kind, array, builder.add(column, INT(q)))
            number = builder.load(place, typ=wide.element)
            floats = step(floats, broadcast(builder, number, wide), flags=CONTRACT)
        floats = floats if tile.dtype == types.float64 else builder.fptrunc(floats, vector.llvm_type)
        at = cgutils.pack_array(builder, [builder.add(feature, INT(q)), row])
        builder.store(floats, address(context, builder, tile, target, at), align=tile.dtype.bitwidth // 8)
    return context.get_dummy_value()


def _make_store_columns(count: int) -> Any:
    """Return a compiled function that stores columns of rows, less a centre, as rows of a tile.

    A call stores `count` columns of a number of rows that fills one register.
    """

    @emitted
    def store_columns(_context: Any, tile: types.Array, _index: Any, rows: types.Array, _from: Any, centre: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
            return _write_columns(count, context, builder, signature.args, values)

        return types.void(tile, index_type(tile), rows, index_type(rows), centre), emit

    return store_columns


store_column, store_two_columns = _make_store_columns(1), _make_store_columns(2)
store_four_columns = _make_store_columns(4)


@emitted
def store_four_scaled(
    _context: Any, tile: types.Array, _index: Any, rows: types.Array, _from: Any, centre: Any, scales: Any
) -> Any:
    """Subtract a centre from four columns of rows, multiply by scales, and store them as rows of a tile."""

    def emit(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        return _write_columns(4, context, builder, signature.args, values)

    return types.void(tile, index_type(tile), rows, index_type(rows), centre, scales), emit
