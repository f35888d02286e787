"""Columns of rows, as rows of a tile: turned in registers, about a centre."""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from gaussmix.engines.fused._simd import CONTRACT, ELEMENTS, INT, LANES_OF, emitted, in_all, index_of, picks, pointer

__all__ = ["store_column", "store_four_columns", "store_four_scaled", "store_two_columns"]


def _joined(builder: Any, place: Any, stride: Any, count: int) -> Any:
    """Vectors in memory, the next always so many elements on, as a single one."""
    few = place.type.pointee
    start, parts = builder.bitcast(place, few.element.as_pointer()), []
    for q in range(count):
        part = builder.load(builder.bitcast(builder.gep(start, [builder.mul(stride, INT(q))]), few.as_pointer()))
        part.align = 8 if few.element == ir.DoubleType() else 4
        parts.append(part)
    while len(parts) > 1:
        both = picks(range(2 * parts[0].type.count))
        parts = [builder.shuffle_vector(a, b, both) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _write_columns(count: int, context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> Any:
    """Columns of rows less a centre, and scaled where there are scales, written to a tile as its rows."""
    (tile, _, rows, _, *_), (target, index, source, begin, *affine) = kinds, values
    lanes = LANES_OF[tile.dtype]
    few, wide = (ir.VectorType(ELEMENTS[kind], n) for kind, n in ((rows.dtype, count), (types.float64, lanes.count)))
    (feature, lane), (_, column) = (cgutils.unpack_tuple(builder, one, 2) for one in (index, begin))
    stride = builder.extract_value(context.make_array(rows)(context, builder, source).shape, 1)
    block = _joined(builder, pointer(context, builder, rows, source, begin, few), stride, lanes.count)
    steps = (builder.fsub, builder.fmul)[: len(affine)]
    for q in range(count):
        seen = builder.shuffle_vector(block, block, picks(range(q, count * lanes.count, count)))
        seen = seen if rows.dtype == types.float64 else builder.fpext(seen, wide)
        for step, kind, array in zip(steps, kinds[4:], affine, strict=True):
            data = context.make_array(kind)(context, builder, array).data
            one = builder.load(builder.gep(data, [builder.add(column, INT(q))]))
            seen = step(seen, in_all(builder, one, wide), flags=CONTRACT)
        seen = seen if tile.dtype == types.float64 else builder.fptrunc(seen, lanes.vector)
        at = cgutils.pack_array(builder, [builder.add(feature, INT(q)), lane])
        builder.store(seen, pointer(context, builder, tile, target, at, lanes.vector)).align = tile.dtype.bitwidth // 8
    return context.get_dummy_value()


def _columns(count: int) -> Any:
    """What writes so many columns of rows, about a centre, as rows of a tile: as many numbers as a register holds."""

    @emitted
    def store_columns(_context: Any, tile: types.Array, _index: Any, rows: types.Array, _from: Any, centre: Any) -> Any:
        def emit(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
            return _write_columns(count, context, builder, signature.args, values)

        return types.void(tile, index_of(tile), rows, index_of(rows), centre), emit

    return store_columns


store_column, store_two_columns, store_four_columns = _columns(1), _columns(2), _columns(4)


@emitted
def store_four_scaled(
    _context: Any, tile: types.Array, _index: Any, rows: types.Array, _from: Any, centre: Any, scales: Any
) -> Any:
    """Write four columns of rows, about a centre and multiplied by scales, as rows of a tile."""

    def emit(context: Any, builder: Any, signature: Any, values: Sequence[Any]) -> Any:
        return _write_columns(4, context, builder, signature.args, values)

    return types.void(tile, index_of(tile), rows, index_of(rows), centre, scales), emit
