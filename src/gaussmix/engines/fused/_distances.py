"""Squared Mahalanobis distances of the rows of a tile from all components.

A tile is ``(D, n)``: the values of one feature are contiguous in memory, and each loop works on the rows that fill one
register. Four components, or four whitened coordinates, are computed at a time, and their sums stay in registers.
Therefore K is padded to a multiple of four with components without density, and D with zeros: up to two features to a
multiple of two, more features to a multiple of four. The padding adds nothing to any sum.
"""

from typing import Any, NamedTuple

from gaussmix._types import AnyArray, Floats
from gaussmix.engines.fused._functions import compiled
from gaussmix.engines.fused._simd import load, multiply_add, repeat, splat, store, width

__all__ = ["AXES", "PLAIN", "TRIANGLES", "Densities", "compute_distances", "store_four"]

# Ways to compute distances: scale the squared Euclidean distance; scale each axis; multiply by a triangular matrix.
PLAIN, AXES, TRIANGLES = 0, 1, 2


class Densities(NamedTuple):
    """The arrays of K components for the general kernel, in the precision of the computation.

    Attributes
    ----------
    form : int
        Way to compute distances: ``PLAIN``, ``AXES`` or ``TRIANGLES``.
    n_features : int
        Number of features, padded to two or to a multiple of four.
    centres : (K, D)
        Means of the components, about the centre of the pass. K is padded to a multiple of four, and D with zeros to a
        multiple of eight, in single precision of sixteen.
    whitening : (K or 1, D / 4, D, 4), (K, 1, 1, D) or (K or 1, 1, 1, 1)
        Inverse factors of the covariances: triangular matrices, in transposed blocks of four rows; scales of the axes;
        or a single scale. Component k has entry ``k % len(whitening)``.
    log_norms : (K,)
        Log-joint densities at the means, without padding.
    """

    form: int
    n_features: int
    centres: AnyArray
    whitening: AnyArray
    log_norms: AnyArray


@compiled
def compute_distances(tile: Floats, n: int, densities: Densities, centred: Floats, squared: Floats) -> None:
    """Write the squared Mahalanobis distances ``(K, n)`` of the rows of a tile from all components."""
    form, centres, whitening = densities.form, densities.centres, densities.whitening
    if form == PLAIN:
        for k in range(0, len(centres), 4):
            _compute_plain_distances(tile, n, centres, whitening, k, squared)
    elif form == AXES:
        for k in range(0, len(centres), 4):
            _compute_scaled_distances(tile, n, centres, whitening, k, squared)
    elif len(tile) == 2:  # noqa: PLR2004 - features
        for k in range(len(densities.log_norms)):
            _compute_planar_distances(tile, n, centres[k], whitening[k % len(whitening)], squared, k)
    else:
        for k in range(len(densities.log_norms)):
            _compute_whitened_norms(tile, n, centres[k], whitening[k % len(whitening)], centred, squared, k)


@compiled
def _compute_plain_distances(tile: Floats, n: int, centres: Floats, scales: Floats, k: int, squared: Floats) -> None:
    """Write scaled squared Euclidean distances from four centres, from `k` on; a coordinate is read once for four."""
    step = width(tile)
    m0, m1, m2, m3 = centres[k], centres[k + 1], centres[k + 2], centres[k + 3]
    zero = splat(tile, 0.0)
    for r in range(0, n, 2 * step):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for j in range(len(tile)):
            x, y = load(tile, (j, r)), load(tile, (j, r + step))
            m = repeat(m0, j)
            c, d = x - m, y - m
            a0, b0 = multiply_add(c, c, a0), multiply_add(d, d, b0)
            m = repeat(m1, j)
            c, d = x - m, y - m
            a1, b1 = multiply_add(c, c, a1), multiply_add(d, d, b1)
            m = repeat(m2, j)
            c, d = x - m, y - m
            a2, b2 = multiply_add(c, c, a2), multiply_add(d, d, b2)
            m = repeat(m3, j)
            c, d = x - m, y - m
            a3, b3 = multiply_add(c, c, a3), multiply_add(d, d, b3)
        s0 = splat(tile, scales[k % len(scales), 0, 0, 0] ** 2)
        s1 = splat(tile, scales[(k + 1) % len(scales), 0, 0, 0] ** 2)
        s2 = splat(tile, scales[(k + 2) % len(scales), 0, 0, 0] ** 2)
        s3 = splat(tile, scales[(k + 3) % len(scales), 0, 0, 0] ** 2)
        store_four(squared, k, r, a0 * s0, a1 * s1, a2 * s2, a3 * s3)
        store_four(squared, k, r + step, b0 * s0, b1 * s1, b2 * s2, b3 * s3)


@compiled
def _compute_scaled_distances(tile: Floats, n: int, centres: Floats, scales: Floats, k: int, squared: Floats) -> None:
    """Write squared distances from four centres, from `k` on, with each axis scaled."""
    step = width(tile)
    m0, m1, m2, m3 = centres[k], centres[k + 1], centres[k + 2], centres[k + 3]
    s0, s1, s2, s3 = scales[k, 0, 0], scales[k + 1, 0, 0], scales[k + 2, 0, 0], scales[k + 3, 0, 0]
    zero = splat(tile, 0.0)
    for r in range(0, n, 2 * step):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for j in range(len(tile)):
            x, y = load(tile, (j, r)), load(tile, (j, r + step))
            m, s = repeat(m0, j), repeat(s0, j)
            c, d = (x - m) * s, (y - m) * s
            a0, b0 = multiply_add(c, c, a0), multiply_add(d, d, b0)
            m, s = repeat(m1, j), repeat(s1, j)
            c, d = (x - m) * s, (y - m) * s
            a1, b1 = multiply_add(c, c, a1), multiply_add(d, d, b1)
            m, s = repeat(m2, j), repeat(s2, j)
            c, d = (x - m) * s, (y - m) * s
            a2, b2 = multiply_add(c, c, a2), multiply_add(d, d, b2)
            m, s = repeat(m3, j), repeat(s3, j)
            c, d = (x - m) * s, (y - m) * s
            a3, b3 = multiply_add(c, c, a3), multiply_add(d, d, b3)
        store_four(squared, k, r, a0, a1, a2, a3)
        store_four(squared, k, r + step, b0, b1, b2, b3)


@compiled
def _compute_planar_distances(tile: Floats, n: int, centre: Floats, blocks: Floats, squared: Floats, k: int) -> None:
    step = width(tile)
    m0, m1 = repeat(centre, 0), repeat(centre, 1)
    f00, f10, f11 = repeat(blocks, (0, 0, 0)), repeat(blocks, (0, 0, 1)), repeat(blocks, (0, 1, 1))
    for r in range(0, n, step):
        x, y = load(tile, (0, r)) - m0, load(tile, (1, r)) - m1
        first, second = f00 * x, multiply_add(f11, y, f10 * x)
        store(squared, (k, r), multiply_add(first, first, second * second))


@compiled
def _compute_whitened_norms(
    tile: Floats, n: int, centre: Floats, blocks: Floats, centred: Floats, squared: Floats, k: int
) -> None:
    """Write squared norms of ``factor @ (x - centre)``, for four coordinates and three registers of rows at a time.

    The factor is stored in blocks ``(D / 4, D, 4)``: each block is four rows of the factor, transposed. Centred rows
    are stored in an array ``(D, three registers)``.
    """
    step = width(tile)
    zero = splat(tile, 0.0)
    for r in range(0, n, 3 * step):
        for j in range(len(tile)):
            m = repeat(centre, j)
            store(centred, (j, 0), load(tile, (j, r)) - m)
            store(centred, (j, step), load(tile, (j, r + step)) - m)
            store(centred, (j, 2 * step), load(tile, (j, r + 2 * step)) - m)
        norm_a = norm_b = norm_c = zero
        for b in range(len(blocks)):
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = zero
            for i in range(4 * b + 4):
                x, y, z = load(centred, (i, 0)), load(centred, (i, step)), load(centred, (i, 2 * step))
                f = repeat(blocks, (b, i, 0))
                a0, b0, c0 = multiply_add(f, x, a0), multiply_add(f, y, b0), multiply_add(f, z, c0)
                f = repeat(blocks, (b, i, 1))
                a1, b1, c1 = multiply_add(f, x, a1), multiply_add(f, y, b1), multiply_add(f, z, c1)
                f = repeat(blocks, (b, i, 2))
                a2, b2, c2 = multiply_add(f, x, a2), multiply_add(f, y, b2), multiply_add(f, z, c2)
                f = repeat(blocks, (b, i, 3))
                a3, b3, c3 = multiply_add(f, x, a3), multiply_add(f, y, b3), multiply_add(f, z, c3)
            norm_a = _plus_squares(norm_a, a0, a1, a2, a3)
            norm_b = _plus_squares(norm_b, b0, b1, b2, b3)
            norm_c = _plus_squares(norm_c, c0, c1, c2, c3)
        store(squared, (k, r), norm_a)
        store(squared, (k, r + step), norm_b)
        store(squared, (k, r + 2 * step), norm_c)


@compiled
def _plus_squares(total: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return multiply_add(a, a, multiply_add(b, b, multiply_add(c, c, multiply_add(d, d, total))))


@compiled
def store_four(out: Floats, k: int, r: int, a: Any, b: Any, c: Any, d: Any) -> None:
    store(out, (k, r), a)
    store(out, (k + 1, r), b)
    store(out, (k + 2, r), c)
    store(out, (k + 3, r), d)
