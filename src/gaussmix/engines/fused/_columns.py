"""Columns of rows, as rows of a tile: turned in registers, about a centre."""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types

from gaussmix.engines.fused._simd import CONTRACT, ELEMENTS, INT, VECTOR_OF, address, emitted, in_all, index_of, picks

__all__ = ["store_column", "store_four_columns", "store_four_scaled", "store_two_columns"]


def _joined(builder: Any, place: Any, few: ir.VectorType, stride: Any, count: int) -> Any:
    """Vectors in memory, the next always so many elements on, as a single one."""
    align, parts = 8 if few.element == ir.DoubleType() else 4, []
    for q in range(count):
        part = builder.gep(place, [builder.mul(stride, INT(q))], source_etype=few.element)
        parts.append(builder.load(part, align=align, typ=few))
    while len(parts) > 1:
        both = picks(range(2 * parts[0].type.count))
        parts = [builder.shuffle_vector(a, b, both) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def _write_columns(count: int, context: Any, builder: Any, kinds: Sequence[Any], values: Sequence[Any]) -> Any:
    """Columns of rows less a centre, and scaled where there are scales, written to a tile as its rows."""
    (tile, _, rows, _, *_), (target, index, source, begin, *affine) = kinds, values
    vector = VECTOR_OF[tile.dtype]
    few, wide = (ir.VectorType(ELEMENTS[kind], n) for kind, n in ((rows.dtype, count), (types.float64, vector.count)))
    (feature, row), (_, column) = (cgutils.unpack_tuple(builder, one, 2) for one in (index, begin))
    stride = builder.extract_value(context.make_array(rows)(context, builder, source).shape, 1)
    block = _joined(builder, address(context, builder, rows, source, begin), few, stride, vector.count)
    steps = (builder.fsub, builder.fmul)[: len(affine)]
    for q in range(count):
        seen = builder.shuffle_vector(block, block, picks(range(q, count * vector.count, count)))
        seen = seen if rows.dtype == types.float64 else builder.fpext(seen, wide)
        for step, kind, array in zip(steps, kinds[4:], affine, strict=True):
            place = address(context, builder, kind, array, builder.add(column, INT(q)))
            one = builder.load(place, typ=wide.element)
            seen = step(seen, in_all(builder, one, wide), flags=CONTRACT)
        seen = seen if tile.dtype == types.float64 else builder.fptrunc(seen, vector.llvm_type)
        at = cgutils.pack_array(builder, [builder.add(feature, INT(q)), row])
        builder.store(seen, address(context, builder, tile, target, at), align=tile.dtype.bitwidth // 8)
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
