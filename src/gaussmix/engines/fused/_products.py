r"""The kernel by products of features, in which log-joint densities and moments are products of matrices.

Log-joint densities are linear in products of features. With products ``(P, n)`` of the features of n rows, contiguous
in memory, log-joint densities are coefficients times products, and moments are responsibilities times products. Loops
work on four components by three products, or by three registers of rows. They compute in the precision of the model: a
register holds twice the number of floats in single precision. Sums over tiles are in double precision.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines.fused._distances import store_four
from gaussmix.engines.fused._functions import (
    BITS,
    LN2,
    NEGLIGIBLE,
    aligned_zeros,
    allocating,
    compiled,
    kept_on_disk,
    power_of_two,
    zeros,
)
from gaussmix.engines.fused._kernels import assess, load_tile, score, store_results
from gaussmix.engines.fused._moments import add_moments
from gaussmix.engines.fused._simd import (
    add_totals,
    largest,
    load,
    maximum,
    multiply_add,
    repeat,
    select_above,
    splat,
    store,
    width,
)

__all__ = ["NORM", "PAIRS", "SQUARES", "Products", "assess_products", "sum_products"]

# Products of features: of each pair, the square of each feature, or the sum of the squares.
PAIRS, SQUARES, NORM = 0, 1, 2

# Relative joint density, in bits, below which responsibilities are reported as zero.
_LOWEST = -1000.0


class Products(NamedTuple):
    """The arrays of K components for the kernel by products.

    Attributes
    ----------
    which : int
        Products of features to compute: ``PAIRS``, ``SQUARES`` or ``NORM``.
    n_components : int
        Number of components, K, without padding.
    centre : (D,)
        Point that is subtracted from the rows; in double precision.
    factor : (D, D) or (1, D)
        Lower triangular matrix, or scales of the axes, by which the differences are multiplied. This array and the
        coefficients have the precision of the computation.
    coefficients : (K / 4, P, 4)
        Coefficients of P products in the log-joint densities of four components, in bits. K is padded to a multiple of
        four with components without density.
    """

    which: int
    n_components: int
    centre: Floats
    factor: AnyArray
    coefficients: AnyArray


@compiled
def _transform(tile: Any, n: int, factor: AnyArray) -> float:
    """Multiply rows by a lower triangular matrix ``(D, D)`` or by scales ``(1, D)``; return the largest squared norm.

    The last coordinate is computed first, because each coordinate needs the features before it.
    """
    step, norms, triangular = width(tile), splat(tile, 0.0), int(len(factor) > 1)
    for r in range(0, n, step):
        norm = splat(tile, 0.0)
        for j in range(len(tile) - 1, -1, -1):
            y = repeat(factor, (triangular * j, j)) * load(tile, (j, r))
            for i in range(triangular * j):
                y = multiply_add(repeat(factor, (j, i)), load(tile, (i, r)), y)
            store(tile, (j, r), y)
            norm = multiply_add(y, y, norm)
        norms = maximum(norm, norms)
    return float(largest(norms))


@compiled
def _multiply(tile: Any, n: int, which: int, products: Any) -> None:
    """Write the number one, the features, and the products of features."""
    step, n_features = width(tile), len(tile)
    for r in range(0, n, step):
        store(products, (0, r), splat(tile, 1.0))
        p, norm = n_features + 1, splat(tile, 0.0)
        for i in range(n_features):
            x = load(tile, (i, r))
            store(products, (i + 1, r), x)
            norm = multiply_add(x, x, norm)
            for j in range(i, i if which == NORM else i + 1 if which == SQUARES else n_features):
                store(products, (p, r), x * load(tile, (j, r)))
                p += 1
        if which == NORM:
            store(products, (p, r), norm)


@compiled
def _compute_log_joints(products: Any, n: int, coefficients: AnyArray, joint: Any, top: Any) -> None:
    """Write log-joint densities ``(K, n)``, a product of matrices, and the largest log-joint density of each row.

    The loop works on four components by three registers of rows. NaN, the result of an overflow, is ignored.
    """
    step = width(products)
    for r in range(0, n, 3 * step):
        u, v = r + step, r + 2 * step
        top_a = top_b = top_c = splat(products, -np.inf)
        for b in range(len(coefficients)):
            a0, a1 = repeat(coefficients, (b, 0, 0)), repeat(coefficients, (b, 0, 1))
            a2, a3 = repeat(coefficients, (b, 0, 2)), repeat(coefficients, (b, 0, 3))
            b0, b1, b2, b3, c0, c1, c2, c3 = a0, a1, a2, a3, a0, a1, a2, a3
            for p in range(1, coefficients.shape[1]):
                x, y, z = load(products, (p, r)), load(products, (p, u)), load(products, (p, v))
                f = repeat(coefficients, (b, p, 0))
                a0, b0, c0 = multiply_add(f, x, a0), multiply_add(f, y, b0), multiply_add(f, z, c0)
                f = repeat(coefficients, (b, p, 1))
                a1, b1, c1 = multiply_add(f, x, a1), multiply_add(f, y, b1), multiply_add(f, z, c1)
                f = repeat(coefficients, (b, p, 2))
                a2, b2, c2 = multiply_add(f, x, a2), multiply_add(f, y, b2), multiply_add(f, z, c2)
                f = repeat(coefficients, (b, p, 3))
                a3, b3, c3 = multiply_add(f, x, a3), multiply_add(f, y, b3), multiply_add(f, z, c3)
            store_four(joint, 4 * b, r, a0, a1, a2, a3)
            store_four(joint, 4 * b, u, b0, b1, b2, b3)
            store_four(joint, 4 * b, v, c0, c1, c2, c3)
            top_a = maximum(a3, maximum(a2, maximum(a1, maximum(a0, top_a))))
            top_b = maximum(b3, maximum(b2, maximum(b1, maximum(b0, top_b))))
            top_c = maximum(c3, maximum(c2, maximum(c1, maximum(c0, top_c))))
        store(top, r, top_a)
        store(top, u, top_b)
        store(top, v, top_c)


@compiled
def _divide_by_largest(joint: Any, n: int, n_components: int, negligible: float, top: Any, total: Any) -> None:
    """Replace log-joint densities, in bits, by joint densities divided by the largest of each row; write their sums.

    Relative densities below ``2 ** negligible`` are set to zero. The largest log-joint densities are converted to nats.
    """
    step = width(joint)
    zero, lowest, nats = splat(joint, 0.0), splat(joint, negligible), splat(joint, LN2)
    for r in range(0, n, 2 * step):
        u = r + step
        a, b = load(top, r), load(top, u)
        sum_a, sum_b = zero, zero
        for k in range(n_components):
            x, y = load(joint, (k, r)) - a, load(joint, (k, u)) - b
            p = select_above(x, lowest, power_of_two(x), zero)
            q = select_above(y, lowest, power_of_two(y), zero)
            store(joint, (k, r), p)
            store(joint, (k, u), q)
            sum_a, sum_b = sum_a + p, sum_b + q
        store(top, r, a * nats)
        store(top, u, b * nats)
        store(total, r, sum_a)
        store(total, u, sum_b)


@compiled
def _weigh(factors: Any, n: int, scale: Any, weights: Any) -> None:
    """Multiply products or densities by the weight of each row, divided by the sum of the densities of the row."""
    step = width(factors)
    for r in range(0, n, step):
        s = load(scale, r) * load(weights, r)
        for i in range(len(factors)):
            store(factors, (i, r), load(factors, (i, r)) * s)


@compiled
def _add(products: Any, n: int, joint: Any, k: int, sums: Floats) -> None:
    """Add ``Σ joint · product`` for four components, from `k` on: a product of matrices, three products at a time."""
    step = width(products)
    zero = splat(products, 0.0)
    for p in range(0, len(products), 3):
        a0 = a1 = a2 = b0 = b1 = b2 = c0 = c1 = c2 = d0 = d1 = d2 = zero
        for r in range(0, n, step):
            x, y, z = load(products, (p, r)), load(products, (p + 1, r)), load(products, (p + 2, r))
            w = load(joint, (k, r))
            a0, a1, a2 = multiply_add(w, x, a0), multiply_add(w, y, a1), multiply_add(w, z, a2)
            w = load(joint, (k + 1, r))
            b0, b1, b2 = multiply_add(w, x, b0), multiply_add(w, y, b1), multiply_add(w, z, b2)
            w = load(joint, (k + 2, r))
            c0, c1, c2 = multiply_add(w, x, c0), multiply_add(w, y, c1), multiply_add(w, z, c2)
            w = load(joint, (k + 3, r))
            d0, d1, d2 = multiply_add(w, x, d0), multiply_add(w, y, d1), multiply_add(w, z, d2)
        add_totals(sums, (p, k), a0, b0, c0, d0)
        add_totals(sums, (p + 1, k), a1, b1, c1, d1)
        add_totals(sums, (p + 2, k), a2, b2, c2, d2)


@allocating
def _add_whole(tile: Any, n: int, weights: Any, rows: Any, weighted: Any, whole: Floats) -> None:
    """Add the second moments of all rows, without responsibilities."""
    origin, unused, places = zeros(len(whole), rows.dtype), zeros(len(whole), np.float64), zeros(n, np.intp)
    for r in range(n):
        places[r] = r
        for j in range(len(tile)):
            rows[r, j] = tile[j, r]
    add_moments(rows, places, n, weights, origin, weighted, unused, whole)


@kept_on_disk
def sum_products(
    rows: Rows,
    weights: Floats,
    rows_in_tile: int,
    reach: float,
    model: Products,
    sums: Floats,
    whole: Floats | None,
    scores: Floats,
) -> float:
    """Add to sums of products ``(P, K)`` and scores ``(4,)`` the contributions of rows ``(n, D)``, tile by tile.

    The products are the number one, each feature, and the products of features of the model; P is a multiple of three.
    The second moments of all rows are added to `whole`, ``(D, D)`` or larger; if `whole` is None, no code for these
    moments is compiled. The first two scores are the log-likelihood and the classification log-likelihood. Return the
    largest squared norm of a transformed row. If a tile has a norm beyond `reach`, the pass ends and that norm is
    returned.
    """
    (n_products, n_fours), n = sums.shape, rows_in_tile
    precision = model.coefficients.dtype
    apart = n + 16  # padding, so that products do not share the same sets of the cache
    tile, products = aligned_zeros(rows.shape[1], apart, precision), aligned_zeros(n_products, apart, precision)
    joint = aligned_zeros(n_fours, apart, precision)
    w, top, total, scale = zeros(n, precision), zeros(n, precision), zeros(n, precision), zeros(n, precision)
    flat = eight = joint
    if whole is not None:
        flat, eight = aligned_zeros(n, len(whole) + 8, precision), aligned_zeros(n, max(8, width(tile)), precision)
    farthest = 0.0
    for start in range(0, len(rows), n):
        n_here = min(n, len(rows) - start)
        for r in range(n):
            w[r] = weights[start + r] if r < n_here else 0.0
        load_tile(rows, start, n, model.centre, tile)
        farthest = max(farthest, _transform(tile, n, model.factor))
        if not farthest <= reach:
            break
        _multiply(tile, n, model.which, products)
        _compute_log_joints(products, n, model.coefficients, joint, top)
        _divide_by_largest(joint, n, model.n_components, BITS * math.log(NEGLIGIBLE), top, total)
        score(n, top, total, w, scale, scores)
        _weigh(products if n_products < n_fours else joint, n, scale, w)  # the smaller array
        for k in range(0, n_fours, 4):
            _add(products, n, joint, k, sums)
        if whole is not None:
            _add_whole(tile, n, w, flat, eight, whole)
    return farthest


@kept_on_disk
def assess_products(
    rows: Rows,
    rows_in_tile: int,
    model: Products,
    log_density: Floats,
    labels: AnyArray,
    responsibilities: Floats,
) -> float:
    """Write the results of :func:`assess_rows`; return the largest squared norm of a transformed row."""
    n, (n_blocks, n_products, _) = rows_in_tile, model.coefficients.shape
    precision, apart = model.coefficients.dtype, n + 16
    tile, products = aligned_zeros(rows.shape[1], apart, precision), aligned_zeros(n_products, apart, precision)
    joint, farthest = aligned_zeros(4 * n_blocks, apart, precision), 0.0
    top, total, most_probable = zeros(n, precision), zeros(n, precision), zeros(n, precision)
    for start in range(0, len(rows), n):
        load_tile(rows, start, n, model.centre, tile)
        farthest = max(farthest, _transform(tile, n, model.factor))
        _multiply(tile, n, model.which, products)
        _compute_log_joints(products, n, model.coefficients, joint, top)
        _divide_by_largest(joint, n, model.n_components, _LOWEST, top, total)
        assess(joint, n, model.n_components, top, total, most_probable)
        store_results(start, joint, top, total, most_probable, log_density, labels, responsibilities)
    return farthest
