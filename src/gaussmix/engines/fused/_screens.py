r"""Upper bounds of log-joint densities, from a few coordinates of whitened rows in single precision.

Any rotation may follow the whitening, and the squared norm of a few coordinates is a lower bound of the squared
distance. Two coordinates, selected for the largest spread of the data, cost ``2 D`` products for each pair of a row and
a component.
"""

from typing import Any, NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines.fused._columns import store_four_scaled
from gaussmix.engines.fused._functions import compiled, fill
from gaussmix.engines.fused._simd import (
    bits_above,
    largest,
    load,
    maximum,
    multiply_add,
    prefetch,
    repeat,
    select_above,
    splat,
    store,
    width,
)

__all__ = ["Screens", "find_highest_bounds", "gather", "screen_closely"]


class Screens(NamedTuple):
    """The arrays of K components for the screen, in single precision, about an origin.

    Attributes
    ----------
    origin, scales : (D,)
        Point that is subtracted from the rows, and factors that multiply the differences; in double precision, like
        the bounds.
    directions : (2, K / 2, D, 4)
        The first two rows, and the next two rows, of the rotated whitening matrix of each component, by pairs. They are
        shortened, so that rounding cannot make a bound invalid.
    offsets : (2, K,  2)
        Products of the directions with the means of the components.
    bounds : (K,)
        Log-joint densities at the means.
    roughness : (K,)
        Bound of the rounding error, for each unit of squared distance from the origin.
    reaches : (K,)
        Distances of the means from the origin.
    """

    origin: Floats
    scales: Floats
    directions: AnyArray
    offsets: AnyArray
    bounds: Floats
    roughness: Floats
    reaches: Floats


@compiled
def gather(rows: Rows, order: AnyArray, n_padded: int, screens: Screens, flat: Floats, tile: AnyArray) -> float:
    """Copy the rows of an order to `flat`, and scaled and transposed to `tile`; return the largest distance.

    The tile is padded with zeros to `n_padded` rows. Rows are copied one register at a time, while the next register is
    prefetched. The
    distance is measured from the origin of the screens, in their units.
    """
    n, n_features, step = len(order), rows.shape[1], width(tile)
    for start in range(0, n, step):
        for r in range(start, min(start + step, n)):
            index, later = order[r], order[min(r + step, n - 1)]
            for j in range(0, n_features, 64 // rows.itemsize):
                prefetch(rows, (later, j))
            for j in range(n_features):
                flat[r, j] = rows[index, j]
        for j in range(0, n_features, 4):
            column = min(j, n_features - 4)
            store_four_scaled(tile, (column, start), flat, (start, column), screens.origin, screens.scales)
    for j in range(n_features):
        for r in range(n, n_padded):
            tile[j, r] = 0.0
    farthest = splat(tile, 0.0)
    for r in range(0, n_padded, step):
        norm = splat(tile, 0.0)
        for j in range(n_features):
            x = load(tile, (j, r))
            norm = multiply_add(x, x, norm)
        farthest = maximum(norm, farthest)
    return float(np.sqrt(largest(farthest)))


@compiled
def bound(screens: Screens, k: int, farthest: float) -> float:
    """Return the log-joint density of component `k` at its mean, plus the bound of the rounding error."""
    return float(screens.bounds[k] + screens.roughness[k] * (farthest + screens.reaches[k]) ** 2)


@compiled
def _add_squares(
    tile: AnyArray,
    r: int,
    directions: AnyArray,
    offsets: AnyArray,
    pair: int,
    first: bool,
    squared: AnyArray,
) -> None:
    """Write, or add unless `first`, squares of two coordinates of two components, for three registers of rows."""
    step = width(tile)
    u, v = r + step, r + 2 * step
    o0, o1 = splat(tile, -offsets[2 * pair, 0]), splat(tile, -offsets[2 * pair, 1])
    o2, o3 = splat(tile, -offsets[2 * pair + 1, 0]), splat(tile, -offsets[2 * pair + 1, 1])
    a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3 = o0, o1, o2, o3, o0, o1, o2, o3, o0, o1, o2, o3
    for j in range(len(tile)):
        x, y, z = load(tile, (j, r)), load(tile, (j, u)), load(tile, (j, v))
        f = repeat(directions, (pair, j, 0))
        a0, b0, c0 = multiply_add(f, x, a0), multiply_add(f, y, b0), multiply_add(f, z, c0)
        f = repeat(directions, (pair, j, 1))
        a1, b1, c1 = multiply_add(f, x, a1), multiply_add(f, y, b1), multiply_add(f, z, c1)
        f = repeat(directions, (pair, j, 2))
        a2, b2, c2 = multiply_add(f, x, a2), multiply_add(f, y, b2), multiply_add(f, z, c2)
        f = repeat(directions, (pair, j, 3))
        a3, b3, c3 = multiply_add(f, x, a3), multiply_add(f, y, b3), multiply_add(f, z, c3)
    d0, d1, e0, e1, f0, f1 = a0 * a0, a2 * a2, b0 * b0, b2 * b2, c0 * c0, c2 * c2
    if not first:
        d0, d1 = d0 + load(squared, (0, r)), d1 + load(squared, (1, r))
        e0, e1 = e0 + load(squared, (0, u)), e1 + load(squared, (1, u))
        f0, f1 = f0 + load(squared, (0, v)), f1 + load(squared, (1, v))
    store(squared, (0, r), multiply_add(a1, a1, d0))
    store(squared, (1, r), multiply_add(a3, a3, d1))
    store(squared, (0, u), multiply_add(b1, b1, e0))
    store(squared, (1, u), multiply_add(b3, b3, e1))
    store(squared, (0, v), multiply_add(c1, c1, f0))
    store(squared, (1, v), multiply_add(c3, c3, f1))


@compiled
def _bound_distances(tile: AnyArray, n: int, screens: Screens, pair: int, squared: AnyArray) -> None:
    """Write squared distances ``(2, n)`` from two components along two coordinates."""
    for r in range(0, n, 3 * width(tile)):
        _add_squares(tile, r, screens.directions[0], screens.offsets[0], pair, True, squared)


@compiled
def _remaining_rows(squared: AnyArray, q: int, r: int, highest: float, lowest: AnyArray) -> int:
    """Return, as bits, the rows of three registers whose upper bound is not below their threshold `lowest`."""
    step = width(squared)
    u, v = r + step, r + 2 * step
    top = splat(squared, highest)
    below = bits_above(load(lowest, r), top - load(squared, (q, r)))
    below |= bits_above(load(lowest, u), top - load(squared, (q, u))) << step
    below |= bits_above(load(lowest, v), top - load(squared, (q, v))) << 2 * step
    return int(((1 << 3 * step) - 1) ^ below)


@compiled
def screen_closely(
    tile: AnyArray,
    n: int,
    screens: Screens,
    pair: int,
    farthest: float,
    lowest: AnyArray,
    squared: AnyArray,
    remaining: AnyArray,
) -> None:
    """Write, as bits, the rows that remain for two components; ``(2, n / three registers)``.

    If a row remains after two coordinates, the next two coordinates are added to the bound.
    """
    stride = 3 * width(tile)
    last = len(screens.bounds) - 1
    first: Any = np.intp(0)
    second: Any = np.intp(1)
    bound_a, bound_b = bound(screens, 2 * pair, farthest), bound(screens, min(2 * pair + 1, last), farthest)
    for s in range(n // stride):
        r = s * stride
        _add_squares(tile, r, screens.directions[0], screens.offsets[0], pair, True, squared)
        a, b = _remaining_rows(squared, first, r, bound_a, lowest), _remaining_rows(squared, second, r, bound_b, lowest)
        if a | b:
            _add_squares(tile, r, screens.directions[1], screens.offsets[1], pair, False, squared)
            a, b = (
                _remaining_rows(squared, first, r, bound_a, lowest),
                _remaining_rows(squared, second, r, bound_b, lowest),
            )
        remaining[0, s], remaining[1, s] = a, b


@compiled
def find_highest_bounds(
    tile: AnyArray, n: int, screens: Screens, farthest: float, squared: AnyArray, best: AnyArray, guess: AnyArray
) -> None:
    """Write, for each row, the component with the highest upper bound to `guess`, and the bound to `best`."""
    step = width(tile)
    fill(best, n, -np.inf)
    fill(guess, n, 0.0)
    for k in range(len(screens.bounds)):
        if k % 2 == 0:
            _bound_distances(tile, n, screens, k // 2, squared)
        top, number = splat(tile, bound(screens, k, farthest)), splat(tile, float(k))
        for r in range(0, n, step):
            at_most, before = top - load(squared, (k % 2, r)), load(best, r)
            store(guess, r, select_above(at_most, before, number, load(guess, r)))
            store(best, r, select_above(at_most, before, at_most, before))
