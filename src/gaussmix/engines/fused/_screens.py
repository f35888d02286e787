r"""Bounds on log-joint densities, from a few coordinates of whitened rows in single precision.

Whitening may be followed by any rotation, and a few coordinates of a whitened row bound its distance from below. Two
coordinates, chosen to carry the most of the data's spread, cost ``2 D`` products for a pair of a row and a component.
"""

from typing import NamedTuple

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

__all__ = ["Screens", "gather", "likeliest", "screen_closely"]


class Screens(NamedTuple):
    """K components as the screen sees them, in single precision, about an origin.

    Attributes
    ----------
    origin, scales : (D,)
        Where rows are seen from, and what they are multiplied by; in double precision, as the bounds are.
    directions : (2, K / 2, D, 4)
        The first two rows of the rotated whitening of each of two components, and the next two, all shortened by what
        rounding may add to a square.
    offsets : (2, K,  2)
        What these make of the components' means.
    bounds : (K,)
        Log-joint densities at the means.
    roughness : (K,)
        What is lost to rounding, for each unit of squared distance from the origin.
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
def gather(rows: Rows, order: AnyArray, screens: Screens, flat: Floats, tile: AnyArray) -> float:
    """Rows in an order, as they are and in the screens' units, where zeros fill up; returns the largest distance.

    A register of rows is taken at a time, while the next one is fetched.
    """
    n, n_features, step = len(order), rows.shape[1], width(tile)
    for start in range(0, n, step):
        for r in range(start, min(start + step, n)):
            place, later = order[r], order[min(r + step, n - 1)]
            for j in range(0, n_features, 64 // rows.itemsize):
                prefetch(rows, (later, j))
            for j in range(n_features):
                flat[r, j] = rows[place, j]
        for j in range(0, n_features, 4):
            column = min(j, n_features - 4)
            store_four_scaled(tile, (column, start), flat, (start, column), screens.origin, screens.scales)
    for j in range(n_features):
        for r in range(n, tile.shape[1]):
            tile[j, r] = 0.0
    farthest = splat(tile, 0.0)
    for r in range(0, tile.shape[1], step):
        norm = splat(tile, 0.0)
        for j in range(n_features):
            x = load(tile, (j, r))
            norm = multiply_add(x, x, norm)
        farthest = maximum(norm, farthest)
    return float(np.sqrt(largest(farthest)))


@compiled
def bound(screens: Screens, k: int, farthest: float) -> float:
    """A component's log-joint density at its mean, and what rounding may hide."""
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
    """Squares of two coordinates of two components, for three registers of rows from `r` on: the first, or added."""
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
def _screen(tile: AnyArray, n: int, screens: Screens, pair: int, squared: AnyArray) -> None:
    """Squared distances ``(2, n)`` from two components along two coordinates."""
    for r in range(0, n, 3 * width(tile)):
        _add_squares(tile, r, screens.directions[0], screens.offsets[0], pair, True, squared)


@compiled
def _left_over(squared: AnyArray, q: int, r: int, highest: float, lowest: AnyArray) -> int:
    """The rows of three registers whose bound is not below their lowest, as bits."""
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
    screens: Screens,
    pair: int,
    farthest: float,
    lowest: AnyArray,
    squared: AnyArray,
    left: AnyArray,
) -> None:
    """The rows ``(2, n / three registers)`` left over of two components; where any is, after two more coordinates."""
    stride = 3 * width(tile)
    last = len(screens.bounds) - 1
    one, other = bound(screens, 2 * pair, farthest), bound(screens, min(2 * pair + 1, last), farthest)
    for s in range(tile.shape[1] // stride):
        r = s * stride
        _add_squares(tile, r, screens.directions[0], screens.offsets[0], pair, True, squared)
        a, b = _left_over(squared, 0, r, one, lowest), _left_over(squared, 1, r, other, lowest)
        if a | b:
            _add_squares(tile, r, screens.directions[1], screens.offsets[1], pair, False, squared)
            a, b = _left_over(squared, 0, r, one, lowest), _left_over(squared, 1, r, other, lowest)
        left[0, s], left[1, s] = a, b


@compiled
def likeliest(
    tile: AnyArray, screens: Screens, farthest: float, squared: AnyArray, best: AnyArray, guess: AnyArray
) -> None:
    """The components with the highest bounds."""
    n, step = tile.shape[1], width(tile)
    fill(best, n, -np.inf)
    fill(guess, n, 0.0)
    for k in range(len(screens.bounds)):
        if k % 2 == 0:
            _screen(tile, n, screens, k // 2, squared)
        top, number = splat(tile, bound(screens, k, farthest)), splat(tile, float(k))
        for r in range(0, n, step):
            at_most, before = top - load(squared, (k % 2, r)), load(best, r)
            store(guess, r, select_above(at_most, before, number, load(guess, r)))
            store(best, r, select_above(at_most, before, at_most, before))
