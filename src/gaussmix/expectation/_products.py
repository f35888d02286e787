r"""The pass over the rows as two products of matrices: log-joint densities are linear in products of features.

With rows and products ``(P, n)`` of their features side by side in memory, squared distances are coefficients times
products, and moments are responsibilities times products, four components and four products or three registers of rows
at a time. In the precision of the rows: of single precision, twice as many fit in a register; sums over tiles are in
double precision all the same.

The cache on disk notices changes in this file alone.
"""

from typing import Any, NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.expectation._distances import store_four
from gaussmix.expectation._functions import aligned, compiled, kept_on_disk
from gaussmix.expectation._kernels import joint_densities, score, see, shares_of_four, turn
from gaussmix.expectation._lanes import add_totals, load, multiply_add, splat, store, width

__all__ = ["Products", "sum_products"]

_LANES = 192  # rows in a tile, whose products fill the second cache: whole registers of either precision, two and three


class Products(NamedTuple):
    """K components, as the pass sees them.

    Attributes
    ----------
    centre : (D,)
        Where rows are seen from; in double precision.
    factor : (D, D) or (1, D)
        What they are multiplied by then: a lower triangle, or scales of the axes; in the precision of the rows, as all
        that follows.
    coefficients : (K / 4, P, 4)
        What each of P products adds to the squared distances from four components, but for constants. There may be some
        more components, without a density, to fill the last four up.
    log_norms : (K,)
        Log-joint densities where all products are zero.
    """

    centre: Floats
    factor: AnyArray
    coefficients: AnyArray
    log_norms: AnyArray


@compiled
def _multiply(tile: Any, n: int, pairs: bool, products: Any) -> None:
    """The features themselves, then each one's square, or its products with itself and with all after it."""
    step, n_features = width(tile), len(tile)
    for r in range(0, n, step):
        p = n_features
        for i in range(n_features):
            x = load(tile, (i, r))
            store(products, (i, r), x)
            for j in range(i, n_features if pairs else i + 1):
                store(products, (p, r), x * load(tile, (j, r)))
                p += 1


@compiled
def _distances(products: Any, n: int, coefficients: AnyArray, squared: Any) -> None:
    """Squared distances but for their constants: a product of matrices, four components by three registers of rows."""
    step = width(products)
    zero = splat(products, 0.0)
    for r in range(0, n, 3 * step):
        for b in range(len(coefficients)):
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = zero
            for p in range(coefficients.shape[1]):
                x = load(products, (p, r))
                y, z = load(products, (p, r + step)), load(products, (p, r + 2 * step))
                f = splat(products, coefficients[b, p, 0])
                a0, b0, c0 = multiply_add(f, x, a0), multiply_add(f, y, b0), multiply_add(f, z, c0)
                f = splat(products, coefficients[b, p, 1])
                a1, b1, c1 = multiply_add(f, x, a1), multiply_add(f, y, b1), multiply_add(f, z, c1)
                f = splat(products, coefficients[b, p, 2])
                a2, b2, c2 = multiply_add(f, x, a2), multiply_add(f, y, b2), multiply_add(f, z, c2)
                f = splat(products, coefficients[b, p, 3])
                a3, b3, c3 = multiply_add(f, x, a3), multiply_add(f, y, b3), multiply_add(f, z, c3)
            store_four(squared, 4 * b, r, a0, a1, a2, a3)
            store_four(squared, 4 * b, r + step, b0, b1, b2, b3)
            store_four(squared, 4 * b, r + 2 * step, c0, c1, c2, c3)


@compiled
def _add(products: Any, n: int, shares: Any, k: int, sums: Floats) -> None:
    """Add ``Σ share product`` for four components, from `k` on: a product of matrices, four products at a time."""
    step = width(products)
    zero = splat(products, 0.0)
    for p in range(0, len(products), 4):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = d0 = d1 = d2 = d3 = zero
        for r in range(0, n, step):
            x0, x1 = load(products, (p, r)), load(products, (p + 1, r))
            x2, x3 = load(products, (p + 2, r)), load(products, (p + 3, r))
            w = load(shares, (0, r))
            a0, a1 = multiply_add(w, x0, a0), multiply_add(w, x1, a1)
            a2, a3 = multiply_add(w, x2, a2), multiply_add(w, x3, a3)
            w = load(shares, (1, r))
            b0, b1 = multiply_add(w, x0, b0), multiply_add(w, x1, b1)
            b2, b3 = multiply_add(w, x2, b2), multiply_add(w, x3, b3)
            w = load(shares, (2, r))
            c0, c1 = multiply_add(w, x0, c0), multiply_add(w, x1, c1)
            c2, c3 = multiply_add(w, x2, c2), multiply_add(w, x3, c3)
            w = load(shares, (3, r))
            d0, d1 = multiply_add(w, x0, d0), multiply_add(w, x1, d1)
            d2, d3 = multiply_add(w, x2, d2), multiply_add(w, x3, d3)
        add_totals(sums, (k, p), a0, a1, a2, a3)
        add_totals(sums, (k + 1, p), b0, b1, b2, b3)
        add_totals(sums, (k + 2, p), c0, c1, c2, c3)
        add_totals(sums, (k + 3, p), d0, d1, d2, d3)


@kept_on_disk
def sum_products(
    rows: Rows, weights: Floats, model: Products, pairs: bool, mass: Floats, sums: Floats, scores: Floats
) -> float:
    """Add to masses ``(K,)``, sums of products ``(K, P)`` and scores ``(4,)`` what rows ``(n, D)`` give.

    Products are of each feature with itself, or of all pairs; P is a multiple of four. The first two scores are the
    log-likelihood and that of the most probable labels. Returns the largest squared norm of a row in the frame.
    """
    n_fours, n_products, n_components = len(mass), sums.shape[1], len(model.log_norms)
    apart = _LANES + 16  # or the products of a tile would meet in the same places of the cache
    tile, products = aligned(rows.shape[1], apart, rows.dtype), aligned(n_products, apart, rows.dtype)
    squared, shares = aligned(n_fours, apart, rows.dtype), aligned(4, apart, rows.dtype)
    w, top = np.zeros(_LANES, rows.dtype), np.empty(_LANES, rows.dtype)
    total, scale = np.empty(_LANES, rows.dtype), np.empty(_LANES, rows.dtype)
    active, farthest = np.empty(4, np.intp), 0.0
    for start in range(0, len(rows), _LANES):
        n_here = min(_LANES, len(rows) - start)
        w[:n_here] = weights[start : start + n_here]
        w[n_here:] = 0.0
        see(rows, start, _LANES, model.centre, tile)
        farthest = max(farthest, turn(tile, _LANES, model.factor))
        _multiply(tile, _LANES, pairs, products)
        _distances(products, _LANES, model.coefficients, squared)
        joint_densities(squared, _LANES, model.log_norms, squared, top, total)
        score(_LANES, top, total, w, scale, scores)
        for k in range(0, n_components, 4):
            if shares_of_four(squared, k, _LANES, scale, w, shares, mass, active):
                _add(products, _LANES, shares, k, sums)
    return farthest
