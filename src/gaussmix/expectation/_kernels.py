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
from numba import njit, types
from numba.extending import intrinsic

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.expectation._lanes import (
    add_totals,
    bits_above,
    first_bit,
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

_GATHERED = 0.4  # share of a tile's rows up to which it is cheaper to gather them


def kept_on_disk(function: _Function) -> _Function:
    """Compile a function that releases the interpreter lock, once for all processes where the disk can keep it."""
    try:
        return cast("_Function", njit(function, nogil=True, cache=True))
    except RuntimeError:  # nowhere to write: a read-only installation without a home folder
        return cast("_Function", njit(function, nogil=True))


# How distances are computed: plainly, and scaled when done; with each axis scaled; or by a triangular product.
PLAIN, AXES, TRIANGLES = 0, 1, 2
# How second moments are summed: from the distances, of each axis, of each pair of axes, or so but over all components.
FROM_DISTANCES, PER_AXIS, PER_PAIR, OVER_ALL = 0, 1, 2, 3


class Densities(NamedTuple):
    """K components, as the pass sees them.

    Attributes
    ----------
    form : int
        How distances are computed.
    centres : (K, D)
        Component means; there may be some more, of components without a density, to fill the last four up.
    whitening : (K or 1, D, D) or (K or 1, 1, D)
        Inverse factors, triangles or scales of the axes; those of component k are entry ``k % len(whitening)``. For
        plain distances the scales are all the same.
    log_norms : (K,)
        Log-joint densities at the centres.
    """

    form: int
    centres: Floats
    whitening: Floats
    log_norms: Floats


class Sums(NamedTuple):
    """What the pass adds to; sums are written four at a time, so the last axes are four longer than they need be.

    Attributes
    ----------
    mass : (K,)
    first : (K, D + 4)
    second : (K or 1, D, D + 4), (K, 1, D + 4) or (K, 1, 4)
        Component k adds to entry ``k % len(second)``; of pairs, only the lower triangle is summed.
    scores : (2,)
        Log-likelihood, and that of the most probable labels.
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
_BITS_OF_SQRT_HALF = int(np.float64(math.sqrt(0.5)).view(np.int64))


def _as_integer(_context: object, _x: object) -> tuple[object, object]:
    return types.int64(types.float64), _reinterpret


def _as_float(_context: object, _bits: object) -> tuple[object, object]:
    return types.float64(types.int64), _reinterpret


def _reinterpret(context: Any, builder: Any, signature: Any, values: Any) -> object:  # noqa: ANN401 - LLVM's objects
    return builder.bitcast(values[0], context.get_value_type(signature.return_type))


# The bits of a float as an integer, and the float that has these bits.
_bits_of = cast("Callable[[float], int]", intrinsic(_as_integer))
_float_of = cast("Callable[[int], float]", intrinsic(_as_float))


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


@njit(fastmath={"contract"})
def _log(x: float) -> float:
    """``log(x)`` of a positive normal float: ``x = 2ⁿ m``, m about 1, and ``log(m) = 2 artanh((m - 1) / (m + 1))``."""
    n = (_bits_of(x) - _BITS_OF_SQRT_HALF) >> 52
    m = _float_of(_bits_of(x) - (n << 52))
    f = (m - 1.0) / (m + 1.0)
    z = f * f
    p = 1.0 / 19.0
    p = p * z + 1.0 / 17.0
    p = p * z + 1.0 / 15.0
    p = p * z + 1.0 / 13.0
    p = p * z + 1.0 / 11.0
    p = p * z + 1.0 / 9.0
    p = p * z + 1.0 / 7.0
    p = p * z + 1.0 / 5.0
    p = p * z + 1.0 / 3.0
    return n * _LN2 + (2.0 * f + 2.0 * f * z * p)


# --- Rows ------------------------------------------------------------------------------------------------------------


@kept_on_disk
def lay_out(rows: Rows, weights: Floats, tiles: Floats, tile_weights: Floats) -> None:
    """Rows ``(n, D)`` and weights as tiles ``(T, D, lanes)`` and ``(T, lanes)``; zeros fill the last one up."""
    n_rows, n_features = rows.shape
    n_lanes = tile_weights.shape[1]
    for t in range(len(tiles)):
        start = t * n_lanes
        n = min(n_lanes, n_rows - start)
        tile, w = tiles[t], tile_weights[t]
        for r in range(n):
            w[r] = weights[start + r]
            for j in range(n_features):
                tile[j, r] = rows[start + r, j]
        w[n:] = 0.0
        tile[:, n:] = 0.0
        tile[n_features:] = 0.0


@njit
def _centre(tile: Floats, centre: Floats, n: int, centred: Floats) -> None:
    """Rows about a centre."""
    step = width(tile)
    for j in range(len(tile)):
        m = splat(tile, centre[j])
        for r in range(0, n, 2 * step):
            a, b = load(tile, (j, r)) - m, load(tile, (j, r + step)) - m
            store(centred, (j, r), a)
            store(centred, (j, r + step), b)


@njit
def _gather(tile: Floats, centre: Floats, lanes: AnyArray, n: int, centred: Floats) -> int:
    """The rows of n lanes about a centre, side by side; how many there are when zeros have filled two registers."""
    n_filled = -(-n // (2 * width(tile))) * 2 * width(tile)
    for j in range(len(tile)):
        m = centre[j]
        for q in range(n):
            centred[j, q] = tile[j, lanes[q]] - m
        for q in range(n, n_filled):
            centred[j, q] = 0.0
    return n_filled


# --- Squared distances -----------------------------------------------------------------------------------------------


@njit
def _squared_distances(tile: Floats, n: int, densities: Densities, centred: Floats, squared: Floats) -> None:
    """Squared distances ``(K, n)`` of a tile's rows from all centres, each in the metric of its component."""
    form, centres, whitening = densities.form, densities.centres, densities.whitening
    if form == PLAIN:
        for k in range(0, len(centres), 4):
            _plain_distances(tile, n, centres, whitening, k, squared)
    elif form == AXES:
        for k in range(0, len(centres), 4):
            _scaled_distances(tile, n, centres, whitening, k, squared)
    elif len(tile) == 2:  # noqa: PLR2004 - features
        for k in range(len(densities.log_norms)):
            _distances_in_two_dimensions(tile, n, centres[k], whitening[k % len(whitening)], squared, k)
    else:
        for k in range(len(densities.log_norms)):
            _centre(tile, centres[k], n, centred)
            _squared_norms(centred, n, whitening[k % len(whitening)], squared, k)


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
        s0 = splat(tile, scales[k % len(scales), 0, 0] ** 2)
        s1 = splat(tile, scales[(k + 1) % len(scales), 0, 0] ** 2)
        s2 = splat(tile, scales[(k + 2) % len(scales), 0, 0] ** 2)
        s3 = splat(tile, scales[(k + 3) % len(scales), 0, 0] ** 2)
        _store_four(squared, k, r, a0 * s0, a1 * s1, a2 * s2, a3 * s3)
        _store_four(squared, k, r + step, b0 * s0, b1 * s1, b2 * s2, b3 * s3)


@njit
def _scaled_distances(tile: Floats, n: int, centres: Floats, scales: Floats, k: int, squared: Floats) -> None:
    """The same with each axis scaled."""
    step = width(tile)
    m0, m1, m2, m3 = centres[k], centres[k + 1], centres[k + 2], centres[k + 3]
    s0, s1, s2, s3 = scales[k, 0], scales[k + 1, 0], scales[k + 2, 0], scales[k + 3, 0]
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
def _distances_in_two_dimensions(tile: Floats, n: int, centre: Floats, factor: Floats, squared: Floats, k: int) -> None:
    step = width(tile)
    m0, m1 = splat(tile, centre[0]), splat(tile, centre[1])
    f00, f10, f11 = splat(tile, factor[0, 0]), splat(tile, factor[1, 0]), splat(tile, factor[1, 1])
    for r in range(0, n, step):
        x, y = load(tile, (0, r)) - m0, load(tile, (1, r)) - m1
        first, second = f00 * x, multiply_add(f11, y, f10 * x)
        store(squared, (k, r), multiply_add(first, first, second * second))


@njit
def _squared_norms(centred: Floats, n: int, factor: Floats, out: Floats, k: int) -> None:
    """Squared norms of ``factor @ centred``, four whitened coordinates and two registers of rows at a time."""
    step = width(centred)
    zero = splat(centred, 0.0)
    for r in range(0, n, 2 * step):
        u = r + step
        norm, norm_u = zero, zero
        for j in range(0, len(centred), 4):
            y0 = y1 = y2 = y3 = z0 = z1 = z2 = z3 = zero
            for i in range(j):
                x, v = load(centred, (i, r)), load(centred, (i, u))
                a = splat(centred, factor[j, i])
                y0, z0 = multiply_add(a, x, y0), multiply_add(a, v, z0)
                a = splat(centred, factor[j + 1, i])
                y1, z1 = multiply_add(a, x, y1), multiply_add(a, v, z1)
                a = splat(centred, factor[j + 2, i])
                y2, z2 = multiply_add(a, x, y2), multiply_add(a, v, z2)
                a = splat(centred, factor[j + 3, i])
                y3, z3 = multiply_add(a, x, y3), multiply_add(a, v, z3)
            x, v = load(centred, (j, r)), load(centred, (j, u))
            a = splat(centred, factor[j, j])
            y0, z0 = multiply_add(a, x, y0), multiply_add(a, v, z0)
            a = splat(centred, factor[j + 1, j])
            y1, z1 = multiply_add(a, x, y1), multiply_add(a, v, z1)
            a = splat(centred, factor[j + 2, j])
            y2, z2 = multiply_add(a, x, y2), multiply_add(a, v, z2)
            a = splat(centred, factor[j + 3, j])
            y3, z3 = multiply_add(a, x, y3), multiply_add(a, v, z3)
            x, v = load(centred, (j + 1, r)), load(centred, (j + 1, u))
            a = splat(centred, factor[j + 1, j + 1])
            y1, z1 = multiply_add(a, x, y1), multiply_add(a, v, z1)
            a = splat(centred, factor[j + 2, j + 1])
            y2, z2 = multiply_add(a, x, y2), multiply_add(a, v, z2)
            a = splat(centred, factor[j + 3, j + 1])
            y3, z3 = multiply_add(a, x, y3), multiply_add(a, v, z3)
            x, v = load(centred, (j + 2, r)), load(centred, (j + 2, u))
            a = splat(centred, factor[j + 2, j + 2])
            y2, z2 = multiply_add(a, x, y2), multiply_add(a, v, z2)
            a = splat(centred, factor[j + 3, j + 2])
            y3, z3 = multiply_add(a, x, y3), multiply_add(a, v, z3)
            a = splat(centred, factor[j + 3, j + 3])
            y3 = multiply_add(a, load(centred, (j + 3, r)), y3)
            z3 = multiply_add(a, load(centred, (j + 3, u)), z3)
            norm = multiply_add(y0, y0, multiply_add(y1, y1, norm))
            norm = multiply_add(y2, y2, multiply_add(y3, y3, norm))
            norm_u = multiply_add(z0, z0, multiply_add(z1, z1, norm_u))
            norm_u = multiply_add(z2, z2, multiply_add(z3, z3, norm_u))
        store(out, (k, r), norm)
        store(out, (k, u), norm_u)


@kept_on_disk
def whiten_in_place(tiles: Floats, n: int, centre: Floats, factor: Floats) -> None:
    """Replace rows x by ``L⁻¹ (x - centre)``; the last coordinate first, as it needs all before it."""
    for t in range(len(tiles)):
        tile = tiles[t]
        step = width(tile)
        for r in range(0, n, step):
            for j in range(len(tile)):
                store(tile, (j, r), load(tile, (j, r)) - splat(tile, centre[j]))
            for j in range(len(tile) - 1, -1, -1):
                y = splat(tile, 0.0)
                for i in range(j + 1):
                    y = multiply_add(splat(tile, factor[j, i]), load(tile, (i, r)), y)
                store(tile, (j, r), y)


# --- Responsibilities ------------------------------------------------------------------------------------------------


@njit
def _joint_densities(squared: Floats, n: int, log_norms: Floats, joint: Floats, top: Floats, total: Floats) -> None:
    """Each row's largest log-joint density, joint densities ``(K, n)`` divided by it, and their sums over components.

    A NaN, which overflow leaves, is passed over.
    """
    step = width(squared)
    half = splat(squared, 0.5)
    for r in range(0, n, step):
        largest = splat(squared, -np.inf)
        for k in range(len(log_norms)):
            largest = maximum(splat(squared, log_norms[k]) - half * load(squared, (k, r)), largest)
        sum_of_all = splat(squared, 0.0)
        for k in range(len(log_norms)):
            log_joint = splat(squared, log_norms[k]) - half * load(squared, (k, r))
            relative = _exp(squared, log_joint - largest)
            store(joint, (k, r), relative)
            sum_of_all = sum_of_all + relative
        for k in range(len(log_norms), len(joint)):
            store(joint, (k, r), splat(squared, 0.0))
        store(top, r, largest)
        store(total, r, sum_of_all)


@njit(fastmath={"contract"})
def _invert(total: Floats, scale: Floats, logs: Floats) -> None:
    """The reciprocals of the totals, and their logarithms."""
    for r in range(len(total)):
        scale[r] = 1.0 / total[r]
        logs[r] = _log(total[r])


@njit(fastmath={"reassoc", "contract", "nsz"})
def _dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for r in range(len(a)):
        total += a[r] * b[r]
    return total


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
def _active_lanes(shares: Floats, q: int, n: int, lanes: AnyArray, packed: Floats) -> None:
    """The lanes of one component's shares that are not zero, and these shares side by side; zeros follow them."""
    step = width(shares)
    zero = splat(shares, 0.0)
    found = 0
    for r in range(0, n, step):
        bits = bits_above(load(shares, (q, r)), zero)
        while bits:
            lanes[found] = r + first_bit(bits)
            packed[0, found] = shares[q, lanes[found]]
            found += 1
            bits &= bits - 1
    packed[0, found : found + 2 * step] = 0.0


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
def _add_axes(tile: Floats, n: int, shares: Floats, q: int, centre: Floats, k: int, first: Floats, e: int, second: Floats) -> None:
    """Add one component's first moments, and the second ones of each coordinate with itself."""
    step = width(tile)
    zero = splat(tile, 0.0)
    for j in range(0, len(tile), 2):
        m0, m1 = splat(tile, centre[j]), splat(tile, centre[j + 1])
        f0 = f1 = s0 = s1 = zero
        for r in range(0, n, step):
            w = load(shares, (q, r))
            c, d = load(tile, (j, r)) - m0, load(tile, (j + 1, r)) - m1
            wc, wd = w * c, w * d
            f0, f1 = f0 + wc, f1 + wd
            s0, s1 = multiply_add(wc, c, s0), multiply_add(wd, d, s1)
        add_totals(first, (k, j), f0, f1, zero, zero)
        add_totals(second, (e, 0, j), s0, s1, zero, zero)


@njit
def _add_pairs(centred: Floats, n: int, shares: Floats, q: int, k: int, first: Floats, e: int, second: Floats) -> None:
    """Add one component's first moments, and the lower triangle of the second ones."""
    if len(centred) == 2:  # noqa: PLR2004 - features
        _add_pairs_in_two_dimensions(centred, n, shares, q, k, first, e, second)
        return
    for j in range(0, len(centred), 4):
        for i in range(0, j, 4):
            _add_block(centred, n, shares, q, j, i, e, second)
        _add_corner(centred, n, shares, q, j, k, first, e, second)


@njit
def _add_pairs_in_two_dimensions(
    centred: Floats, n: int, shares: Floats, q: int, k: int, first: Floats, e: int, second: Floats
) -> None:
    step = width(centred)
    zero = splat(centred, 0.0)
    f0 = f1 = s00 = s10 = s11 = zero
    for r in range(0, n, step):
        w, x, y = load(shares, (q, r)), load(centred, (0, r)), load(centred, (1, r))
        wx, wy = w * x, w * y
        f0, f1 = f0 + wx, f1 + wy
        s00, s10, s11 = multiply_add(wx, x, s00), multiply_add(wy, x, s10), multiply_add(wy, y, s11)
    add_totals(first, (k, 0), f0, f1, zero, zero)
    add_totals(second, (e, 0, 0), s00, zero, zero, zero)
    add_totals(second, (e, 1, 0), s10, s11, zero, zero)


@njit
def _add_block(centred: Floats, n: int, shares: Floats, q: int, j: int, i: int, e: int, second: Floats) -> None:
    """Add the second moments of four coordinates, from `j` on, with four others, from `i` on."""
    step = width(centred)
    zero = splat(centred, 0.0)
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = zero
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = zero
    for r in range(0, n, step):
        w = load(shares, (q, r))
        x0, x1, x2, x3 = load(centred, (i, r)), load(centred, (i + 1, r)), load(centred, (i + 2, r)), load(centred, (i + 3, r))
        a = w * load(centred, (j, r))
        s00, s01, s02, s03 = multiply_add(a, x0, s00), multiply_add(a, x1, s01), multiply_add(a, x2, s02), multiply_add(a, x3, s03)
        a = w * load(centred, (j + 1, r))
        s10, s11, s12, s13 = multiply_add(a, x0, s10), multiply_add(a, x1, s11), multiply_add(a, x2, s12), multiply_add(a, x3, s13)
        a = w * load(centred, (j + 2, r))
        s20, s21, s22, s23 = multiply_add(a, x0, s20), multiply_add(a, x1, s21), multiply_add(a, x2, s22), multiply_add(a, x3, s23)
        a = w * load(centred, (j + 3, r))
        s30, s31, s32, s33 = multiply_add(a, x0, s30), multiply_add(a, x1, s31), multiply_add(a, x2, s32), multiply_add(a, x3, s33)
    add_totals(second, (e, j, i), s00, s01, s02, s03)
    add_totals(second, (e, j + 1, i), s10, s11, s12, s13)
    add_totals(second, (e, j + 2, i), s20, s21, s22, s23)
    add_totals(second, (e, j + 3, i), s30, s31, s32, s33)


@njit
def _add_corner(
    centred: Floats, n: int, shares: Floats, q: int, j: int, k: int, first: Floats, e: int, second: Floats
) -> None:
    """Add the first moments of four coordinates, from `j` on, and the second ones among them."""
    step = width(centred)
    zero = splat(centred, 0.0)
    f0 = f1 = f2 = f3 = s00 = s10 = s11 = s20 = s21 = s22 = s30 = s31 = s32 = s33 = zero
    for r in range(0, n, step):
        w = load(shares, (q, r))
        x0, x1, x2, x3 = load(centred, (j, r)), load(centred, (j + 1, r)), load(centred, (j + 2, r)), load(centred, (j + 3, r))
        a = w * x0
        f0, s00 = f0 + a, multiply_add(a, x0, s00)
        a = w * x1
        f1, s10, s11 = f1 + a, multiply_add(a, x0, s10), multiply_add(a, x1, s11)
        a = w * x2
        f2, s20, s21, s22 = f2 + a, multiply_add(a, x0, s20), multiply_add(a, x1, s21), multiply_add(a, x2, s22)
        a = w * x3
        f3, s30, s31 = f3 + a, multiply_add(a, x0, s30), multiply_add(a, x1, s31)
        s32, s33 = multiply_add(a, x2, s32), multiply_add(a, x3, s33)
    add_totals(first, (k, j), f0, f1, f2, f3)
    add_totals(second, (e, j, j), s00, zero, zero, zero)
    add_totals(second, (e, j + 1, j), s10, s11, zero, zero)
    add_totals(second, (e, j + 2, j), s20, s21, s22, zero)
    add_totals(second, (e, j + 3, j), s30, s31, s32, s33)


# --- The pass --------------------------------------------------------------------------------------------------------


@kept_on_disk
def sum_tiles(tiles: Floats, weights: Floats, densities: Densities, kind: int, sums: Sums) -> None:
    """Add to the sums what tiles ``(T, D, lanes)`` with weights ``(T, lanes)`` give.

    One signature serves all forms and kinds, so that one compilation does.
    """
    centres, (mass, first, second, scores) = densities.centres, sums
    n_components, n_features = centres.shape
    n = weights.shape[1]
    stride = tiles.shape[2]
    squared, joint = np.empty((n_components, stride)), np.zeros((n_components, stride))
    if kind != FROM_DISTANCES:
        joint = squared
    centred, packed = np.empty((n_features, stride)), np.empty((1, stride))
    shares, active, lanes = np.empty((4, stride)), np.empty(4, np.intp), np.empty(stride, np.intp)
    top, total, logs, scale = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    origin, unused = np.zeros(n_features), np.zeros((1, n_features + 4))
    for t in range(len(tiles)):
        tile, w = tiles[t], weights[t]
        _squared_distances(tile, n, densities, centred, squared)
        _joint_densities(squared, n, densities.log_norms, joint, top, total)
        _invert(total, scale, logs)
        scores[0] += _dot(w, top) + _dot(w, logs)
        scores[1] += _dot(w, top)
        for k in range(0, n_components, 4):
            if not _shares_of_four(joint, k, n, scale, w, shares, mass, active):
                continue
            if kind in (FROM_DISTANCES, OVER_ALL):
                _add_first_of_four(tile, n, shares, centres, k, first)
                if kind == FROM_DISTANCES:
                    _add_traces_of_four(n, shares, squared, k, second)
                continue
            for q in range(4):
                e = (k + q) % len(second)
                if not active[q]:
                    continue
                if kind == PER_AXIS:
                    _add_axes(tile, n, shares, q, centres[k + q], k + q, first, e, second)
                elif active[q] < _GATHERED * n:
                    _active_lanes(shares, q, n, lanes, packed)
                    n_packed = _gather(tile, centres[k + q], lanes, active[q], centred)
                    _add_pairs(centred, n_packed, packed, 0, k + q, first, e, second)
                else:
                    _centre(tile, centres[k + q], n, centred)
                    _add_pairs(centred, n, shares, q, k + q, first, e, second)
        if kind == OVER_ALL:
            shares[0, :n] = w
            _add_pairs(tile, n, shares, 0, 0, unused, 0, second)
