r"""The compiled inner loops of the pass over the rows.

Rows come in tiles, transposed: a tile is ``(D, n)``, so that what lies side by side in memory is one feature of many
rows, and every loop takes as many rows at once as a register holds (:mod:`gaussmix.expectation._lanes`). Sums stay in
registers: distances are taken for four components or four whitened coordinates at a time, moments for sixteen pairs of
features. So K is a multiple of four here, and D of two, beyond two of four; what components lack has no density, what
features lack is zero, and neither adds to any sum.

The cache on disk knows of no changes elsewhere: whoever changes ``_lanes.py`` touches this file too.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.expectation._lanes import (
    add_totals,
    bits_above,
    exponent,
    first_bit,
    largest,
    load,
    maximum,
    multiply_add,
    n_bits,
    scale_by_power,
    select_above,
    splat,
    store,
    width,
)

_Function = TypeVar("_Function", bound=Callable[..., Any])

NEGLIGIBLE = 1e-16  # a smaller responsibility is lost in the rounding of its row's others

_FEW = 5  # features of which a row is too short for registers along it


def kept_on_disk(function: _Function) -> _Function:
    """Compile a function that releases the interpreter lock, once for all processes where the disk can keep it."""
    try:
        return cast("_Function", njit(function, nogil=True, cache=True))
    except RuntimeError:  # nowhere to write: a read-only installation without a home folder
        return cast("_Function", njit(function, nogil=True))


# How distances are computed: plainly, and scaled when done; with each axis scaled; by a triangular product; or from the
# products of features.
PLAIN, AXES, TRIANGLES, PRODUCTS = 0, 1, 2, 3
# How second moments are summed: from the distances, of each axis, of each pair of axes, or so but over all components;
# or as products, of each feature with itself or with every other.
FROM_DISTANCES, PER_AXIS, PER_PAIR, OVER_ALL, SQUARES, ALL_PRODUCTS = 0, 1, 2, 3, 4, 5


class Densities(NamedTuple):
    """K components, as the pass sees them.

    Attributes
    ----------
    form : int
        How distances are computed.
    n_features : int
        Number of features, a multiple of two, beyond two of four.
    centres : (K, D)
        Component means; there may be some more, of components without a density, to fill the last four up, and zeros up
        to a multiple of eight features.
    whitening : (K or 1, D / 4, D, 4), (K, 1, 1, D) or (K or 1, 1, 1, 1)
        Inverse factors: triangles, in transposed blocks of four rows; scales of the axes; or one scale. Those of
        component k are entry ``k % len(whitening)``. For products ``(K / 4, 1, P, 4)``: what each of P products adds to
        the squared distances from four components, but for their constants.
    log_norms : (K,)
        Log-joint densities at the centres.
    """

    form: int
    n_features: int
    centres: Floats
    whitening: Floats
    log_norms: Floats


class Frame(NamedTuple):
    """Where the pass sees ``factor (x - centre)`` instead of the rows x; empty arrays for the rows as they are.

    Attributes
    ----------
    centre : (D,)
        Origin of the frame.
    factor : (D, D) or (1, D)
        A lower triangle, or scales of the axes.
    """

    centre: Floats
    factor: Floats


class Sums(NamedTuple):
    """What the pass adds to; it adds whole registers, so axes are as long as those of the centres, or longer.

    Attributes
    ----------
    mass : (K,)
        Sums of responsibilities.
    first : (K, D + 4)
        First moments.
    second : (K or 1, D, D), (K, 1, D) or (K, 1, 4)
        Second moments: component k adds to entry ``k % len(second)``; of pairs, only the lower triangle is right.
    scores : (4,)
        Log-likelihood, and that of the most probable labels; last the largest squared norm of a row in a frame.
    """

    mass: Floats
    first: Floats
    second: Floats
    scores: Floats


# --- Exponential and logarithm ---------------------------------------------------------------------------------------

_LOG2_E = 1.0 / math.log(2.0)
_LN2 = math.log(2.0)
_LN2_HIGH = float.fromhex("0x1.62e42feep-1")  # its low bits are zero: products with exponents are exact
_LN2_LOW = 1.90821492927058770002e-10
_ROUNDER = 1.5 * 2.0**52  # added to a float, leaves its nearest integer in the low bits
_SMALLEST_LOG = -700.0
_SQRT_HALF = math.sqrt(0.5)


@njit
def _exp(like: Floats, x: Any) -> Any:  # noqa: ANN401 - lanes
    """``exp(x)`` for x at most 0, to about one unit in the last place; below -700, and for NaN, ``exp(-700)``.

    ``x = n ln 2 + r`` with ``|r| <= ln 2 / 2``; a polynomial of degree 11, nearly minimax (its error is 2e-17), gives
    ``exp(r)``, and `n` is added to its exponent.
    """
    one = splat(like, 1.0)
    rounder = splat(like, _ROUNDER)
    x = maximum(x, splat(like, _SMALLEST_LOG))
    shifted = multiply_add(x, splat(like, _LOG2_E), rounder)
    n = shifted - rounder
    r = multiply_add(n, splat(like, -_LN2_LOW), multiply_add(n, splat(like, -_LN2_HIGH), x))
    p = splat(like, 2.510038549551032e-08)
    p = multiply_add(p, r, splat(like, 2.7620088445409746e-07))
    p = multiply_add(p, r, splat(like, 2.7557268459997064e-06))
    p = multiply_add(p, r, splat(like, 2.4801521295954376e-05))
    p = multiply_add(p, r, splat(like, 1.9841269863053618e-04))
    p = multiply_add(p, r, splat(like, 1.3888888917213717e-03))
    p = multiply_add(p, r, splat(like, 8.333333333330062e-03))
    p = multiply_add(p, r, splat(like, 4.166666666662413e-02))
    p = multiply_add(p, r, splat(like, 1.6666666666666669e-01))
    p = multiply_add(p, r, splat(like, 0.5))
    return scale_by_power(multiply_add(multiply_add(p, r, one), r, one), shifted)


@njit
def _log(like: Floats, x: Any) -> Any:  # noqa: ANN401 - lanes
    """``log(x)`` of positive normal floats: ``x = 2ⁿ m``, m about 1, and ``log(m) = 2 artanh((m - 1) / (m + 1))``."""
    one = splat(like, 1.0)
    n = exponent(x, _SQRT_HALF)
    m = scale_by_power(x, splat(like, _ROUNDER) - n)
    f = (m - one) / (m + one)
    z = f * f
    p = splat(like, 1.0 / 19.0)
    p = multiply_add(p, z, splat(like, 1.0 / 17.0))
    p = multiply_add(p, z, splat(like, 1.0 / 15.0))
    p = multiply_add(p, z, splat(like, 1.0 / 13.0))
    p = multiply_add(p, z, splat(like, 1.0 / 11.0))
    p = multiply_add(p, z, splat(like, 1.0 / 9.0))
    p = multiply_add(p, z, splat(like, 1.0 / 7.0))
    p = multiply_add(p, z, splat(like, 1.0 / 5.0))
    p = multiply_add(p, z, splat(like, 1.0 / 3.0))
    double = f + f
    return multiply_add(n, splat(like, _LN2), multiply_add(double * z, p, double))


# --- Memory ----------------------------------------------------------------------------------------------------------


@njit
def aligned(n_rows: int, n_columns: int) -> Floats:
    """Zeros ``(n_rows, n_columns)`` that begin where a line of the cache does: no register is read from two lines."""
    space = np.zeros(n_rows * n_columns + 8)
    skipped = -(space.ctypes.data // 8) % 8
    return space[skipped : skipped + n_rows * n_columns].reshape(n_rows, n_columns)


# --- Rows ------------------------------------------------------------------------------------------------------------


@njit
def _copy_rows(rows: Rows, start: int, n: int, flat: Floats, tile: Floats) -> None:
    """Rows from `start` on, as they lie and transposed; zeros fill both up to n rows."""
    n_rows, n_features = rows.shape
    n_here = min(n, n_rows - start)
    for j in range(n_features):
        for r in range(n_here):
            tile[j, r] = rows[start + r, j]
        tile[j, n_here:n] = 0.0
    for r in range(len(flat)):
        for j in range(n_features):
            flat[r, j] = rows[start + r, j] if r < n_here else 0.0


@njit
def _whiten(tile: Floats, n: int, frame: Frame, scores: Floats) -> None:
    """Replace rows by what they are in a frame; the last coordinate first, as it needs all before it."""
    step = width(tile)
    centre, factor = frame.centre, frame.factor
    farthest = splat(tile, scores[3])
    for r in range(0, n, step):
        norm = splat(tile, 0.0)
        for j in range(len(tile)):
            store(tile, (j, r), load(tile, (j, r)) - splat(tile, centre[j]))
        for j in range(len(tile) - 1, -1, -1):
            if len(factor) == 1:
                y = splat(tile, factor[0, j]) * load(tile, (j, r))
            else:
                y = splat(tile, 0.0)
                for i in range(j + 1):
                    y = multiply_add(splat(tile, factor[j, i]), load(tile, (i, r)), y)
            store(tile, (j, r), y)
            norm = multiply_add(y, y, norm)
        farthest = maximum(norm, farthest)
    scores[3] = largest(farthest)


@njit
def _back_to_rows(tile: Floats, n: int, flat: Floats) -> None:
    """Transpose a tile."""
    for r in range(n):
        for j in range(len(tile)):
            flat[r, j] = tile[j, r]


@njit
def _multiply_features(tile: Floats, n: int, n_features: int, pairs: bool, products: Floats) -> None:  # noqa: FBT001 - compiled
    """The features themselves, then each one's square, or its products with itself and with all after it."""
    step = width(tile)
    for r in range(0, n, step):
        p = n_features
        for i in range(n_features):
            x = load(tile, (i, r))
            store(products, (i, r), x)
            for j in range(i, n_features if pairs else i + 1):
                store(products, (p, r), x * load(tile, (j, r)))
                p += 1


# --- Squared distances -----------------------------------------------------------------------------------------------


@njit
def _squared_distances(
    tile: Floats, products: Floats, n: int, densities: Densities, centred: Floats, squared: Floats
) -> None:
    """Squared distances ``(K, n)`` of a tile's rows from all centres, each in the metric of its component."""
    form, centres, whitening = densities.form, densities.centres, densities.whitening
    if form == PLAIN:
        for k in range(0, len(centres), 4):
            _plain_distances(tile, n, centres, whitening, k, squared)
    elif form == AXES:
        for k in range(0, len(centres), 4):
            _scaled_distances(tile, n, centres, whitening, k, squared)
    elif form == PRODUCTS:
        _distances_from_products(products, n, whitening, squared)
    elif len(tile) == 2:  # noqa: PLR2004 - features
        for k in range(len(densities.log_norms)):
            _distances_in_two_dimensions(tile, n, centres[k], whitening[k % len(whitening)], squared, k)
    else:
        for k in range(len(densities.log_norms)):
            _whitened_norms(tile, n, centres[k], whitening[k % len(whitening)], centred, squared, k)


@njit
def _plain_distances(tile: Floats, n: int, centres: Floats, scales: Floats, k: int, squared: Floats) -> None:
    """Squared distances from four centres, from `k` on: each coordinate is read once for all four."""
    step = width(tile)
    m0, m1, m2, m3 = centres[k], centres[k + 1], centres[k + 2], centres[k + 3]
    zero = splat(tile, 0.0)
    for r in range(0, n, 2 * step):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for j in range(len(tile)):
            x, y = load(tile, (j, r)), load(tile, (j, r + step))
            m = splat(tile, m0[j])
            c, d = x - m, y - m
            a0, b0 = multiply_add(c, c, a0), multiply_add(d, d, b0)
            m = splat(tile, m1[j])
            c, d = x - m, y - m
            a1, b1 = multiply_add(c, c, a1), multiply_add(d, d, b1)
            m = splat(tile, m2[j])
            c, d = x - m, y - m
            a2, b2 = multiply_add(c, c, a2), multiply_add(d, d, b2)
            m = splat(tile, m3[j])
            c, d = x - m, y - m
            a3, b3 = multiply_add(c, c, a3), multiply_add(d, d, b3)
        s0 = splat(tile, scales[k % len(scales), 0, 0, 0] ** 2)
        s1 = splat(tile, scales[(k + 1) % len(scales), 0, 0, 0] ** 2)
        s2 = splat(tile, scales[(k + 2) % len(scales), 0, 0, 0] ** 2)
        s3 = splat(tile, scales[(k + 3) % len(scales), 0, 0, 0] ** 2)
        _store_four(squared, k, r, a0 * s0, a1 * s1, a2 * s2, a3 * s3)
        _store_four(squared, k, r + step, b0 * s0, b1 * s1, b2 * s2, b3 * s3)


@njit
def _scaled_distances(tile: Floats, n: int, centres: Floats, scales: Floats, k: int, squared: Floats) -> None:
    """The same with each axis scaled."""
    step = width(tile)
    m0, m1, m2, m3 = centres[k], centres[k + 1], centres[k + 2], centres[k + 3]
    s0, s1, s2, s3 = scales[k, 0, 0], scales[k + 1, 0, 0], scales[k + 2, 0, 0], scales[k + 3, 0, 0]
    zero = splat(tile, 0.0)
    for r in range(0, n, 2 * step):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for j in range(len(tile)):
            x, y = load(tile, (j, r)), load(tile, (j, r + step))
            m, s = splat(tile, m0[j]), splat(tile, s0[j])
            c, d = (x - m) * s, (y - m) * s
            a0, b0 = multiply_add(c, c, a0), multiply_add(d, d, b0)
            m, s = splat(tile, m1[j]), splat(tile, s1[j])
            c, d = (x - m) * s, (y - m) * s
            a1, b1 = multiply_add(c, c, a1), multiply_add(d, d, b1)
            m, s = splat(tile, m2[j]), splat(tile, s2[j])
            c, d = (x - m) * s, (y - m) * s
            a2, b2 = multiply_add(c, c, a2), multiply_add(d, d, b2)
            m, s = splat(tile, m3[j]), splat(tile, s3[j])
            c, d = (x - m) * s, (y - m) * s
            a3, b3 = multiply_add(c, c, a3), multiply_add(d, d, b3)
        _store_four(squared, k, r, a0, a1, a2, a3)
        _store_four(squared, k, r + step, b0, b1, b2, b3)


@njit
def _store_four(out: Floats, k: int, r: int, a: Any, b: Any, c: Any, d: Any) -> None:  # noqa: ANN401 - lanes
    store(out, (k, r), a)
    store(out, (k + 1, r), b)
    store(out, (k + 2, r), c)
    store(out, (k + 3, r), d)


@njit
def _distances_in_two_dimensions(tile: Floats, n: int, centre: Floats, blocks: Floats, squared: Floats, k: int) -> None:
    step = width(tile)
    m0, m1 = splat(tile, centre[0]), splat(tile, centre[1])
    f00, f10, f11 = splat(tile, blocks[0, 0, 0]), splat(tile, blocks[0, 0, 1]), splat(tile, blocks[0, 1, 1])
    for r in range(0, n, step):
        x, y = load(tile, (0, r)) - m0, load(tile, (1, r)) - m1
        first, second = f00 * x, multiply_add(f11, y, f10 * x)
        store(squared, (k, r), multiply_add(first, first, second * second))


@njit
def _distances_from_products(products: Floats, n: int, coefficients: Floats, squared: Floats) -> None:
    """Squared distances but for their constants: a product of matrices, four components by three registers of rows."""
    step = width(products)
    zero = splat(products, 0.0)
    for r in range(0, n, 3 * step):
        for b in range(len(coefficients)):
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = zero
            for p in range(len(products)):
                x = load(products, (p, r))
                y, z = load(products, (p, r + step)), load(products, (p, r + 2 * step))
                f = splat(products, coefficients[b, 0, p, 0])
                a0, b0, c0 = multiply_add(f, x, a0), multiply_add(f, y, b0), multiply_add(f, z, c0)
                f = splat(products, coefficients[b, 0, p, 1])
                a1, b1, c1 = multiply_add(f, x, a1), multiply_add(f, y, b1), multiply_add(f, z, c1)
                f = splat(products, coefficients[b, 0, p, 2])
                a2, b2, c2 = multiply_add(f, x, a2), multiply_add(f, y, b2), multiply_add(f, z, c2)
                f = splat(products, coefficients[b, 0, p, 3])
                a3, b3, c3 = multiply_add(f, x, a3), multiply_add(f, y, b3), multiply_add(f, z, c3)
            _store_four(squared, 4 * b, r, a0, a1, a2, a3)
            _store_four(squared, 4 * b, r + step, b0, b1, b2, b3)
            _store_four(squared, 4 * b, r + 2 * step, c0, c1, c2, c3)


@njit
def _whitened_norms(
    tile: Floats, n: int, centre: Floats, blocks: Floats, centred: Floats, squared: Floats, k: int
) -> None:
    """Squared norms of ``factor @ (x - centre)``, four coordinates and three registers of rows at a time.

    The factor comes in blocks ``(D / 4, D, 4)``: four of its rows, transposed. Rows are centred into
    ``(D, three registers)``.
    """
    step = width(tile)
    zero = splat(tile, 0.0)
    for r in range(0, n, 3 * step):
        for j in range(len(tile)):
            m = splat(tile, centre[j])
            store(centred, (j, 0), load(tile, (j, r)) - m)
            store(centred, (j, step), load(tile, (j, r + step)) - m)
            store(centred, (j, 2 * step), load(tile, (j, r + 2 * step)) - m)
        norm_a = norm_b = norm_c = zero
        for b in range(len(blocks)):
            a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = zero
            for i in range(4 * b + 4):
                x, y, z = load(centred, (i, 0)), load(centred, (i, step)), load(centred, (i, 2 * step))
                f = splat(tile, blocks[b, i, 0])
                a0, b0, c0 = multiply_add(f, x, a0), multiply_add(f, y, b0), multiply_add(f, z, c0)
                f = splat(tile, blocks[b, i, 1])
                a1, b1, c1 = multiply_add(f, x, a1), multiply_add(f, y, b1), multiply_add(f, z, c1)
                f = splat(tile, blocks[b, i, 2])
                a2, b2, c2 = multiply_add(f, x, a2), multiply_add(f, y, b2), multiply_add(f, z, c2)
                f = splat(tile, blocks[b, i, 3])
                a3, b3, c3 = multiply_add(f, x, a3), multiply_add(f, y, b3), multiply_add(f, z, c3)
            norm_a = _plus_squares(norm_a, a0, a1, a2, a3)
            norm_b = _plus_squares(norm_b, b0, b1, b2, b3)
            norm_c = _plus_squares(norm_c, c0, c1, c2, c3)
        store(squared, (k, r), norm_a)
        store(squared, (k, r + step), norm_b)
        store(squared, (k, r + 2 * step), norm_c)


@njit
def _plus_squares(total: Any, a: Any, b: Any, c: Any, d: Any) -> Any:  # noqa: ANN401 - lanes
    return multiply_add(a, a, multiply_add(b, b, multiply_add(c, c, multiply_add(d, d, total))))


# --- Responsibilities ------------------------------------------------------------------------------------------------


@njit
def _joint_densities(squared: Floats, n: int, log_norms: Floats, joint: Floats, top: Floats, total: Floats) -> None:
    """Each row's largest log-joint density, joint densities ``(K, n)`` divided by it, and their sums over components.

    A NaN, which overflow leaves, is passed over.
    """
    step = width(squared)
    half, zero = splat(squared, 0.5), splat(squared, 0.0)
    n_components = len(log_norms)
    for r in range(0, n, 2 * step):
        u = r + step
        a = b = splat(squared, -np.inf)
        for k in range(n_components):
            log_norm = splat(squared, log_norms[k])
            a = maximum(log_norm - half * load(squared, (k, r)), a)
            b = maximum(log_norm - half * load(squared, (k, u)), b)
        sum_a, sum_b = zero, zero
        for k in range(n_components):
            log_norm = splat(squared, log_norms[k])
            p = _exp(squared, log_norm - half * load(squared, (k, r)) - a)
            q = _exp(squared, log_norm - half * load(squared, (k, u)) - b)
            store(joint, (k, r), p)
            store(joint, (k, u), q)
            sum_a, sum_b = sum_a + p, sum_b + q
        for k in range(n_components, len(joint)):
            store(joint, (k, r), zero)
            store(joint, (k, u), zero)
        store(top, r, a)
        store(top, u, b)
        store(total, r, sum_a)
        store(total, u, sum_b)


@njit
def _score(n: int, top: Floats, total: Floats, weights: Floats, scale: Floats, sums: Floats) -> None:
    """Add the log-likelihoods, and leave the reciprocals of the totals."""
    step = width(total)
    one, zero = splat(total, 1.0), splat(total, 0.0)
    likelihood, classification = zero, zero
    for r in range(0, n, step):
        sum_of_all, highest, w = load(total, r), load(top, r), load(weights, r)
        store(scale, r, one / sum_of_all)
        likelihood = multiply_add(w, highest + _log(total, sum_of_all), likelihood)
        classification = multiply_add(w, highest, classification)
    add_totals(sums, 0, likelihood, classification, zero, zero)


@njit
def _shares_of_four(
    joint: Floats, k: int, n: int, scale: Floats, weights: Floats, shares: Floats, mass: Floats, active: AnyArray
) -> int:
    """The weighted responsibilities of four components, from `k` on, negligible ones set to zero.

    Their sums are added to the masses. How many are left of each is written down, and of all returned.
    """
    step = width(joint)
    zero, negligible = splat(joint, 0.0), splat(joint, NEGLIGIBLE)
    a = b = c = d = zero
    n_a = n_b = n_c = n_d = 0
    for r in range(0, n, step):
        s, w = load(scale, r), load(weights, r)
        share = load(joint, (k, r)) * s
        share = select_above(share, negligible, share * w, zero)
        store(shares, (0, r), share)
        a, n_a = a + share, n_a + n_bits(bits_above(share, zero))
        share = load(joint, (k + 1, r)) * s
        share = select_above(share, negligible, share * w, zero)
        store(shares, (1, r), share)
        b, n_b = b + share, n_b + n_bits(bits_above(share, zero))
        share = load(joint, (k + 2, r)) * s
        share = select_above(share, negligible, share * w, zero)
        store(shares, (2, r), share)
        c, n_c = c + share, n_c + n_bits(bits_above(share, zero))
        share = load(joint, (k + 3, r)) * s
        share = select_above(share, negligible, share * w, zero)
        store(shares, (3, r), share)
        d, n_d = d + share, n_d + n_bits(bits_above(share, zero))
    add_totals(mass, k, a, b, c, d)
    active[0], active[1], active[2], active[3] = n_a, n_b, n_c, n_d
    return n_a + n_b + n_c + n_d


@njit
def _active_rows(shares: Floats, q: int, n: int, lanes: AnyArray) -> None:
    """The rows in which one component has a share."""
    step = width(shares)
    zero = splat(shares, 0.0)
    found = 0
    for r in range(0, n, step):
        bits = bits_above(load(shares, (q, r)), zero)
        while bits:
            lanes[found] = r + first_bit(bits)
            found += 1
            bits &= bits - 1


# --- Moments ---------------------------------------------------------------------------------------------------------


@njit
def _add_first_of_four(tile: Floats, n: int, shares: Floats, centres: Floats, k: int, first: Floats) -> None:
    """Add ``Σ share (x - centre)`` for four components, from `k` on: each coordinate is read once for all four."""
    step = width(tile)
    zero = splat(tile, 0.0)
    for j in range(0, len(tile), 2):
        a0 = a1 = b0 = b1 = c0 = c1 = d0 = d1 = zero
        ma, mb = splat(tile, centres[k, j]), splat(tile, centres[k + 1, j])
        mc, md = splat(tile, centres[k + 2, j]), splat(tile, centres[k + 3, j])
        na, nb = splat(tile, centres[k, j + 1]), splat(tile, centres[k + 1, j + 1])
        nc, nd = splat(tile, centres[k + 2, j + 1]), splat(tile, centres[k + 3, j + 1])
        for r in range(0, n, step):
            x, y = load(tile, (j, r)), load(tile, (j + 1, r))
            w = load(shares, (0, r))
            a0, a1 = multiply_add(w, x - ma, a0), multiply_add(w, y - na, a1)
            w = load(shares, (1, r))
            b0, b1 = multiply_add(w, x - mb, b0), multiply_add(w, y - nb, b1)
            w = load(shares, (2, r))
            c0, c1 = multiply_add(w, x - mc, c0), multiply_add(w, y - nc, c1)
            w = load(shares, (3, r))
            d0, d1 = multiply_add(w, x - md, d0), multiply_add(w, y - nd, d1)
        add_totals(first, (k, j), a0, a1, zero, zero)
        add_totals(first, (k + 1, j), b0, b1, zero, zero)
        add_totals(first, (k + 2, j), c0, c1, zero, zero)
        add_totals(first, (k + 3, j), d0, d1, zero, zero)


@njit
def _add_traces_of_four(n: int, shares: Floats, squared: Floats, k: int, second: Floats) -> None:
    """Add ``Σ share distance²`` for four components."""
    step = width(shares)
    zero = splat(shares, 0.0)
    for q in range(4):
        total = zero
        for r in range(0, n, step):
            total = multiply_add(load(shares, (q, r)), load(squared, (k + q, r)), total)
        add_totals(second, (k + q, 0, 0), total, zero, zero, zero)


@njit
def _add_axes(
    flat: Floats, lanes: AnyArray, n: int, shares: Floats, q: int, centre: Floats, k: int, first: Floats, second: Floats
) -> None:
    """Add one component's first moments over n rows, and the second ones of each coordinate with itself."""
    e, step = k % len(second), width(flat)
    zero = splat(flat, 0.0)
    for j in range(0, len(centre), step):
        m = load(centre, j)
        f = g = s = t = zero
        for i in range(0, n - 1, 2):
            c, d = load(flat, (lanes[i], j)) - m, load(flat, (lanes[i + 1], j)) - m
            a, b = splat(flat, shares[q, lanes[i]]) * c, splat(flat, shares[q, lanes[i + 1]]) * d
            f, g = f + a, g + b
            s, t = multiply_add(a, c, s), multiply_add(b, d, t)
        if n % 2:
            c = load(flat, (lanes[n - 1], j)) - m
            a = splat(flat, shares[q, lanes[n - 1]]) * c
            f, s = f + a, multiply_add(a, c, s)
        store(first, (k, j), load(first, (k, j)) + (f + g))
        store(second, (e, 0, j), load(second, (e, 0, j)) + (s + t))


@njit
def _add_moments(
    flat: Floats, lanes: AnyArray, n: int, shares: Floats, q: int, centre: Floats, k: int, eight: Floats, first: Floats,
    second: Floats
) -> None:
    """Add one component's moments over n rows, in blocks of eight features by a register, on and below the diagonal.

    The eight features are centred and weighted first, into ``(n, 8)``, which stays in the nearest cache.
    """
    e, step = k % len(second), width(flat)
    zero = splat(flat, 0.0)
    for block in range(0, len(centre), 8):
        for j in range(0, 8, step):
            m, total = load(centre, block + j), load(first, (k, block + j))
            for r in range(n):
                a = splat(flat, shares[q, lanes[r]]) * (load(flat, (lanes[r], block + j)) - m)
                store(eight, (r, j), a)
                total = total + a
            store(first, (k, block + j), total)
        for i in range(0, block + 8, step):
            m = load(centre, i)
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
            for r in range(n):
                x = load(flat, (lanes[r], i)) - m
                s0 = multiply_add(splat(flat, eight[r, 0]), x, s0)
                s1 = multiply_add(splat(flat, eight[r, 1]), x, s1)
                s2 = multiply_add(splat(flat, eight[r, 2]), x, s2)
                s3 = multiply_add(splat(flat, eight[r, 3]), x, s3)
                s4 = multiply_add(splat(flat, eight[r, 4]), x, s4)
                s5 = multiply_add(splat(flat, eight[r, 5]), x, s5)
                s6 = multiply_add(splat(flat, eight[r, 6]), x, s6)
                s7 = multiply_add(splat(flat, eight[r, 7]), x, s7)
            _add_four_rows(second, e, block, i, s0, s1, s2, s3)
            _add_four_rows(second, e, block + 4, i, s4, s5, s6, s7)


@njit
def _add_four_rows(second: Floats, e: int, j: int, i: int, a: Any, b: Any, c: Any, d: Any) -> None:  # noqa: ANN401
    store(second, (e, j, i), load(second, (e, j, i)) + a)
    store(second, (e, j + 1, i), load(second, (e, j + 1, i)) + b)
    store(second, (e, j + 2, i), load(second, (e, j + 2, i)) + c)
    store(second, (e, j + 3, i), load(second, (e, j + 3, i)) + d)


@njit
def _add_few_features(
    tile: Floats, n: int, shares: Floats, q: int, centre: Floats, k: int, first: Floats, second: Floats
) -> None:
    """Add one component's moments where a row is shorter than a register: over all rows of a tile, for one pair of
    features after the other."""
    e, step = k % len(second), width(tile)
    zero = splat(tile, 0.0)
    for j in range(len(tile)):
        m = splat(tile, centre[j])
        only = second.shape[1] == 1
        for i in range(j if only else 0, j + 1):
            o = splat(tile, centre[i])
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


@njit
def _add_products(products: Floats, n: int, shares: Floats, k: int, second: Floats) -> None:
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
        add_totals(second, (k, 0, p), a0, a1, a2, a3)
        add_totals(second, (k + 1, 0, p), b0, b1, b2, b3)
        add_totals(second, (k + 2, 0, p), c0, c1, c2, c3)
        add_totals(second, (k + 3, 0, p), d0, d1, d2, d3)


# --- The pass --------------------------------------------------------------------------------------------------------


@kept_on_disk
def sum_rows(
    rows: Rows, weights: Floats, lanes_in_tile: int, frame: Frame, densities: Densities, kind: int, sums: Sums
) -> None:
    """Add to the sums what rows ``(n, D)`` with weights ``(n,)`` give, a tile of `lanes_in_tile` rows at a time.

    One signature serves all forms and kinds, so that one compilation does.
    """
    centres, (mass, first, second, scores) = densities.centres, sums
    n_components, n_features = len(densities.log_norms), densities.n_features
    n, apart = lanes_in_tile, lanes_in_tile + 8  # or the features of a tile would meet in the same places of the cache
    by_row = kind == OVER_ALL or (n_features >= _FEW and densities.form != PRODUCTS)
    tile, flat = aligned(n_features, apart), aligned(n if by_row else 0, centres.shape[1] + 8)
    products = aligned(densities.whitening.shape[2] if densities.form == PRODUCTS else 0, apart)
    squared = aligned(len(centres), apart)
    joint = aligned(len(centres), apart) if kind == FROM_DISTANCES else squared
    strip, eight = aligned(n_features, 3 * width(tile)), aligned(n, 8)
    shares, active, lanes = aligned(4, apart), np.empty(4, np.intp), np.empty(n, np.intp)
    origin, unused = np.zeros(centres.shape[1]), np.zeros(first.shape)
    w, top, total, scale = np.zeros(n), np.empty(n), np.empty(n), np.empty(n)
    for start in range(0, len(rows), n):
        _copy_rows(rows, start, n, flat, tile)
        n_here = min(n, len(rows) - start)
        w[:n_here] = weights[start : start + n_here]
        w[n_here:] = 0.0
        if len(frame.centre):
            _whiten(tile, n, frame, scores)
        if densities.form == PRODUCTS:
            _multiply_features(tile, n, n_features, kind == ALL_PRODUCTS, products)
        _squared_distances(tile, products, n, densities, strip, squared)
        _joint_densities(squared, n, densities.log_norms, joint, top, total)
        _score(n, top, total, w, scale, scores)
        for k in range(0, n_components, 4):
            if not _shares_of_four(joint, k, n, scale, w, shares, mass, active):
                continue
            if densities.form == PRODUCTS:
                _add_products(products, n, shares, k, second)
                continue
            if kind in (FROM_DISTANCES, OVER_ALL):
                _add_first_of_four(tile, n, shares, centres, k, first)
                if kind == FROM_DISTANCES:
                    _add_traces_of_four(n, shares, squared, k, second)
                continue
            for q in range(4):
                if not active[q]:
                    continue
                if n_features < _FEW:
                    _add_few_features(tile, n, shares, q, centres[k + q], k + q, first, second)
                    continue
                _active_rows(shares, q, n, lanes)
                if kind == PER_AXIS:
                    _add_axes(flat, lanes, active[q], shares, q, centres[k + q], k + q, first, second)
                else:
                    _add_moments(flat, lanes, active[q], shares, q, centres[k + q], k + q, eight, first, second)
        if kind == OVER_ALL:
            _back_to_rows(tile, n, flat)
            shares[0, :n], lanes[:] = w, np.arange(n)
            _add_moments(flat, lanes, n, shares, 0, origin, 0, eight, unused, second)


@kept_on_disk
def assess_rows(
    rows: Rows,
    lanes_in_tile: int,
    frame: Frame,
    densities: Densities,
    products_of_pairs: bool,  # noqa: FBT001 - compiled
    log_density: Floats,
    labels: AnyArray,
    responsibilities: Floats,
) -> float:
    """Fill in log-densities and labels ``(n,)`` of rows, and responsibilities ``(n, K)`` unless that has no rows.

    Returns the largest squared norm of a row in the frame.
    """
    n, apart = lanes_in_tile, lanes_in_tile + 8
    n_components, n_features = len(densities.log_norms), densities.n_features
    n_fours = len(densities.centres)
    tile, unused = aligned(n_features, apart), np.zeros((0, 1))
    products = aligned(densities.whitening.shape[2] if densities.form == PRODUCTS else 0, apart)
    squared, strip = aligned(n_fours, apart), aligned(n_features, 3 * width(tile))
    top, total, likeliest, scores = np.empty(n), np.empty(n), np.empty(n), np.zeros(4)
    for start in range(0, len(rows), n):
        n_here = min(n, len(rows) - start)
        _copy_rows(rows, start, n, unused, tile)
        if len(frame.centre):
            _whiten(tile, n, frame, scores)
        if densities.form == PRODUCTS:
            _multiply_features(tile, n, n_features, products_of_pairs, products)
        _squared_distances(tile, products, n, densities, strip, squared)
        _joint_densities(squared, n, densities.log_norms, squared, top, total)
        _assess(squared, n, n_components, top, total, likeliest)
        log_density[start : start + n_here] = top[:n_here]
        for r in range(n_here):
            labels[start + r] = int(likeliest[r])
        if len(responsibilities):
            for k in range(n_components):
                for r in range(n_here):
                    responsibilities[start + r, k] = squared[k, r] / total[r]
    return float(scores[3])


@njit
def _assess(joint: Floats, n: int, n_components: int, top: Floats, total: Floats, likeliest: Floats) -> None:
    """The components with the largest joint densities, the first of several; log-densities take the place of the top."""
    step = width(joint)
    for r in range(0, n, step):
        best, label = load(joint, (0, r)), splat(joint, 0.0)
        for k in range(1, n_components):
            here = load(joint, (k, r))
            label = select_above(here, best, splat(joint, float(k)), label)
            best = maximum(here, best)
        store(likeliest, r, label)
        store(top, r, load(top, r) + _log(joint, load(total, r)))
