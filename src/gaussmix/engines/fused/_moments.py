"""Moments of the rows of a tile, weighted by responsibilities.

If a row fills a register, a register holds features of one row, and only the rows with a positive responsibility are
summed. If a row is shorter, a register holds one feature of several rows.
"""

from typing import Any

import numpy as np

from gaussmix._types import AnyArray, Floats
from gaussmix.engines.fused._functions import compiled
from gaussmix.engines.fused._simd import add_to, add_totals, load, multiply_add, repeat, splat, store, width

__all__ = [
    "FEW",
    "add_axes",
    "add_few_features",
    "add_moments",
    "add_two_features",
]

# Number of features below which a register holds one feature of several rows.
FEW = 5


@compiled
def add_axes(
    flat: Floats,
    places: AnyArray,
    n: int,
    shares: Floats,
    q: int,
    centre: Floats,
    k: int,
    first: Floats,
    second: Floats,
) -> None:
    """Add the first moments of one component over n rows, and the second moments of each axis."""
    e, step = k % len(second), width(flat)
    zero = splat(flat, 0.0)
    for j in range(0, len(centre), step):
        m = load(centre, j)
        f = g = s = t = zero
        for i in range(0, n - 1, 2):
            c, d = load(flat, (places[i], j)) - m, load(flat, (places[i + 1], j)) - m
            a, b = repeat(shares, (q, places[i])) * c, repeat(shares, (q, places[i + 1])) * d
            f, g = f + a, g + b
            s, t = multiply_add(a, c, s), multiply_add(b, d, t)
        if n % 2:
            c = load(flat, (places[n - 1], j)) - m
            a = repeat(shares, (q, places[n - 1])) * c
            f, s = f + a, multiply_add(a, c, s)
        add_to(first, (k, j), f + g)
        add_to(second, (e, 0, j), s + t)


@compiled
def add_moments(
    flat: Floats,
    places: AnyArray,
    n: int,
    shares: Floats,
    centre: Floats,
    weighted: Floats,
    first: Floats,
    second: Floats,
) -> None:
    """Add the moments of one component over n rows, in blocks on and below the diagonal.

    The features of a register, or eight, are centred and weighted first, in an array ``(n, features)`` that stays in
    the first cache.
    """
    step = width(flat)
    for block in range(0, len(centre), weighted.shape[1]):
        for j in range(0, weighted.shape[1], step):
            m, total = load(centre, block + j), splat(flat, 0.0)
            for r in range(n):
                a = repeat(shares, places[r]) * (load(flat, (places[r], block + j)) - m)
                store(weighted, (r, j), a)
                total = total + a
            add_to(first, block + j, total)
        for b in range(0, weighted.shape[1], 8):
            i: Any = np.intp(0)
            end = block + b + 8
            while i + step < end:
                _add_eight_by_two(flat, places, n, centre, i, weighted, b, second, block + b)
                i += 2 * step
            if i < end:
                _add_eight_by_one(flat, places, n, centre, i, weighted, b, second, block + b)


@compiled
def _add_eight_by_two(
    flat: Floats,
    places: AnyArray,
    n: int,
    centre: Floats,
    i: int,
    weighted: Floats,
    b: int,
    second: Floats,
    j: int,
) -> None:
    """Add second moments of eight features, from `j` on, with the features of two registers, from `i` on.

    The weighted values of the eight features are in the columns from `b` on. Each of these values is read once and used
    for both registers.
    """
    u = i + width(flat)
    m, o, zero = load(centre, i), load(centre, u), splat(flat, 0.0)
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
    t0 = t1 = t2 = t3 = t4 = t5 = t6 = t7 = zero
    for r in range(n):
        x, y = load(flat, (places[r], i)) - m, load(flat, (places[r], u)) - o
        w = repeat(weighted, (r, b))
        s0, t0 = multiply_add(w, x, s0), multiply_add(w, y, t0)
        w = repeat(weighted, (r, b + 1))
        s1, t1 = multiply_add(w, x, s1), multiply_add(w, y, t1)
        w = repeat(weighted, (r, b + 2))
        s2, t2 = multiply_add(w, x, s2), multiply_add(w, y, t2)
        w = repeat(weighted, (r, b + 3))
        s3, t3 = multiply_add(w, x, s3), multiply_add(w, y, t3)
        w = repeat(weighted, (r, b + 4))
        s4, t4 = multiply_add(w, x, s4), multiply_add(w, y, t4)
        w = repeat(weighted, (r, b + 5))
        s5, t5 = multiply_add(w, x, s5), multiply_add(w, y, t5)
        w = repeat(weighted, (r, b + 6))
        s6, t6 = multiply_add(w, x, s6), multiply_add(w, y, t6)
        w = repeat(weighted, (r, b + 7))
        s7, t7 = multiply_add(w, x, s7), multiply_add(w, y, t7)
    _add_four_rows(second, j, i, s0, s1, s2, s3)
    _add_four_rows(second, j + 4, i, s4, s5, s6, s7)
    _add_four_rows(second, j, u, t0, t1, t2, t3)
    _add_four_rows(second, j + 4, u, t4, t5, t6, t7)


@compiled
def _add_eight_by_one(
    flat: Floats,
    places: AnyArray,
    n: int,
    centre: Floats,
    i: int,
    weighted: Floats,
    b: int,
    second: Floats,
    j: int,
) -> None:
    """Add second moments of eight features, from `j` on, with the features of one register, from `i` on."""
    m, zero = load(centre, i), splat(flat, 0.0)
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
    for r in range(n):
        x = load(flat, (places[r], i)) - m
        s0 = multiply_add(repeat(weighted, (r, b)), x, s0)
        s1 = multiply_add(repeat(weighted, (r, b + 1)), x, s1)
        s2 = multiply_add(repeat(weighted, (r, b + 2)), x, s2)
        s3 = multiply_add(repeat(weighted, (r, b + 3)), x, s3)
        s4 = multiply_add(repeat(weighted, (r, b + 4)), x, s4)
        s5 = multiply_add(repeat(weighted, (r, b + 5)), x, s5)
        s6 = multiply_add(repeat(weighted, (r, b + 6)), x, s6)
        s7 = multiply_add(repeat(weighted, (r, b + 7)), x, s7)
    _add_four_rows(second, j, i, s0, s1, s2, s3)
    _add_four_rows(second, j + 4, i, s4, s5, s6, s7)


@compiled
def _add_four_rows(second: Floats, j: int, i: int, a: Any, b: Any, c: Any, d: Any) -> None:
    add_to(second, (j, i), a)
    add_to(second, (j + 1, i), b)
    add_to(second, (j + 2, i), c)
    add_to(second, (j + 3, i), d)


@compiled
def add_few_features(
    tile: Floats, n: int, shares: Floats, q: int, centre: Floats, k: int, first: Floats, second: Floats
) -> None:
    """Add the moments of one component if a row is shorter than a register, one pair of features after another."""
    e, step = k % len(second), width(tile)
    zero = splat(tile, 0.0)
    for j in range(len(tile)):
        m = repeat(centre, j)
        only = second.shape[1] == 1
        for i in range(j if only else 0, j + 1):
            o = repeat(centre, i)
            f = s = g = t = zero
            for r in range(0, n, 2 * step):
                u = r + step
                a = load(shares, (q, r)) * (load(tile, (j, r)) - m)
                b = load(shares, (q, u)) * (load(tile, (j, u)) - m)
                f, g = f + a, g + b
                s = multiply_add(a, load(tile, (i, r)) - o, s)
                t = multiply_add(b, load(tile, (i, u)) - o, t)
            add_totals(second, (e, 0 if only else j, i), s + t, zero, zero, zero)
            if i == j:
                add_totals(first, (k, j), f + g, zero, zero, zero)


@compiled
def add_two_features(
    tile: Floats, n: int, shares: Floats, q: int, centre: Floats, k: int, first: Floats, second: Floats
) -> None:
    """Add the moments of one component for two features, with second moments of each pair."""
    e, step = k % len(second), width(tile)
    m0, m1, zero = repeat(centre, 0), repeat(centre, 1), splat(tile, 0.0)
    f0 = f1 = s00 = s10 = s11 = zero
    for r in range(0, n, step):
        w, x, y = load(shares, (q, r)), load(tile, (0, r)) - m0, load(tile, (1, r)) - m1
        a, b = w * x, w * y
        f0, f1 = f0 + a, f1 + b
        s00, s10, s11 = multiply_add(a, x, s00), multiply_add(b, x, s10), multiply_add(b, y, s11)
    add_totals(first, (k, 0), f0, f1, zero, zero)
    add_totals(second, (e, 0, 0), s00, zero, zero, zero)
    add_totals(second, (e, 1, 0), s10, s11, zero, zero)
