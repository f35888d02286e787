r"""The compiled inner loops of the pass over the rows.

Rows come in tiles of ``LANES``, transposed: a tile is ``(D, LANES)`` in float64, and every inner loop runs over rows
that lie side by side in memory. Products of matrices are taken four rows by four columns at a time, which keeps the
coefficients in registers; so D is a multiple of four here, and what the features lack is filled with zeros, which add
nothing to any sum.

Sums may be reassociated by the compiler, as it cannot vectorise them otherwise; nothing may assume that numbers are
finite. The exponential is compiled without reassociation, on which its rounding by a large constant would founder.
All of this is one file, as the cache on disk knows of no changes elsewhere.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from gaussmix._types import AnyArray, Floats

_Function = TypeVar("_Function", bound=Callable[..., Any])

LANES = 512
NEGLIGIBLE = 1e-16  # a smaller responsibility is lost in the rounding of its row's others

_GATHERING = 28  # to gather one number takes as long as 14 products; a row has D² / 2 products and D numbers

# What the compiler may do with floats, in sums and in functions that count on the order of operations.
_SUMS = {"reassoc", "contract", "nsz"}
_ORDERED = {"contract"}


def kept_on_disk(function: _Function) -> _Function:
    """Compile a function that releases the interpreter lock, once for all processes where the disk can keep it."""
    try:
        return cast("_Function", njit(function, fastmath=_SUMS, nogil=True, cache=True))
    except RuntimeError:  # nowhere to write: a read-only installation without a home folder
        return cast("_Function", njit(function, fastmath=_SUMS, nogil=True))


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
        Component means.
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
    """What the pass adds to.

    Attributes
    ----------
    mass : (K,)
    first : (K, D)
    second : (K or 1, D, D), (K, 1, D) or (K, 1, 1)
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


@njit(fastmath=_ORDERED)
def _exp(x: float) -> float:
    """``exp(x)`` for x at most 0, to about one unit in the last place; below -700, and for NaN, ``exp(-700)``.

    ``x = n ln 2 + r`` with ``|r| <= ln 2 / 2``; a polynomial of degree 11, nearly minimax (its error is 2e-17), gives
    ``exp(r)``, and `n` is added to its exponent.
    """
    x = max(_SMALLEST_LOG, x)
    shifted = x * _LOG2_E + _ROUNDER
    n = shifted - _ROUNDER
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = 2.510038549551032e-08
    p = p * r + 2.7620088445409746e-07
    p = p * r + 2.7557268459997064e-06
    p = p * r + 2.4801521295954376e-05
    p = p * r + 1.9841269863053618e-04
    p = p * r + 1.3888888917213717e-03
    p = p * r + 8.333333333330062e-03
    p = p * r + 4.166666666662413e-02
    p = p * r + 1.6666666666666669e-01
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return _float_of(_bits_of(p) + (_bits_of(shifted) << 52))


@njit(fastmath=_ORDERED)
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


# --- Squared distances -----------------------------------------------------------------------------------------------


@njit(fastmath=_SUMS)
def _squared_distances(tile: Floats, densities: Densities, white: Floats, squared: Floats) -> None:
    """Squared distances ``(K, LANES)`` of a tile's rows from all centres, each in the metric of its component."""
    form, centres, whitening = densities.form, densities.centres, densities.whitening
    n_plain = len(centres) // 4 * 4 if form == PLAIN else 0
    squared[:] = 0.0
    for k in range(0, n_plain, 4):
        _plain_distances(tile, centres[k : k + 4], squared[k : k + 4])
    for k in range(n_plain):
        _scale(squared[k], whitening[k % len(whitening), 0, 0] ** 2)
    for k in range(n_plain, len(centres)):
        metric = whitening[k % len(whitening)]
        for j in range(0, len(tile), 4):
            if form == TRIANGLES:
                for i in range(0, j, 4):
                    _add_block_product(tile, centres[k], metric, j, i, white)
                _add_four_whitened(tile, centres[k], metric, j, white, squared[k])
            else:
                _add_four_scaled(tile, centres[k], metric[0], j, squared[k])


@njit(fastmath=_SUMS)
def _plain_distances(tile: Floats, centres: Floats, squared: Floats) -> None:
    """Add squared distances ``(4, LANES)`` from four centres ``(4, D)``: each coordinate is read once for all four."""
    d0, d1, d2, d3 = squared[0], squared[1], squared[2], squared[3]
    for j in range(0, len(tile), 2):
        x, y = tile[j], tile[j + 1]
        m0, m1, m2, m3 = centres[0, j], centres[1, j], centres[2, j], centres[3, j]
        n0, n1, n2, n3 = centres[0, j + 1], centres[1, j + 1], centres[2, j + 1], centres[3, j + 1]
        for r in range(LANES):
            d0[r] += (x[r] - m0) * (x[r] - m0) + (y[r] - n0) * (y[r] - n0)
            d1[r] += (x[r] - m1) * (x[r] - m1) + (y[r] - n1) * (y[r] - n1)
            d2[r] += (x[r] - m2) * (x[r] - m2) + (y[r] - n2) * (y[r] - n2)
            d3[r] += (x[r] - m3) * (x[r] - m3) + (y[r] - n3) * (y[r] - n3)


@njit(fastmath=_SUMS)
def _scale(values: Floats, factor: float) -> None:
    for r in range(LANES):
        values[r] *= factor


@njit(fastmath=_SUMS)
def _add_four_scaled(tile: Floats, centre: Floats, scale: Floats, j: int, squared: Floats) -> None:
    """Add the squares of four centred and scaled coordinates, from `j` on."""
    x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
    m0, m1, m2, m3 = centre[j], centre[j + 1], centre[j + 2], centre[j + 3]
    s0, s1, s2, s3 = scale[j], scale[j + 1], scale[j + 2], scale[j + 3]
    for r in range(LANES):
        c0, c1, c2, c3 = (x0[r] - m0) * s0, (x1[r] - m1) * s1, (x2[r] - m2) * s2, (x3[r] - m3) * s3
        squared[r] += c0 * c0 + c1 * c1 + c2 * c2 + c3 * c3


@njit(fastmath=_SUMS)
def _add_block_product(tile: Floats, centre: Floats, factor: Floats, j: int, i: int, white: Floats) -> None:
    """Add to four whitened coordinates, from `j` on, what four centred ones, from ``i < j`` on, give them."""
    a00, a01, a02, a03 = factor[j, i], factor[j, i + 1], factor[j, i + 2], factor[j, i + 3]
    a10, a11, a12, a13 = factor[j + 1, i], factor[j + 1, i + 1], factor[j + 1, i + 2], factor[j + 1, i + 3]
    a20, a21, a22, a23 = factor[j + 2, i], factor[j + 2, i + 1], factor[j + 2, i + 2], factor[j + 2, i + 3]
    a30, a31, a32, a33 = factor[j + 3, i], factor[j + 3, i + 1], factor[j + 3, i + 2], factor[j + 3, i + 3]
    x0, x1, x2, x3 = tile[i], tile[i + 1], tile[i + 2], tile[i + 3]
    m0, m1, m2, m3 = centre[i], centre[i + 1], centre[i + 2], centre[i + 3]
    y0, y1, y2, y3 = white[0], white[1], white[2], white[3]
    fresh = i == 0
    for r in range(LANES):
        c0, c1, c2, c3 = x0[r] - m0, x1[r] - m1, x2[r] - m2, x3[r] - m3
        y0[r] = (0.0 if fresh else y0[r]) + a00 * c0 + a01 * c1 + a02 * c2 + a03 * c3
        y1[r] = (0.0 if fresh else y1[r]) + a10 * c0 + a11 * c1 + a12 * c2 + a13 * c3
        y2[r] = (0.0 if fresh else y2[r]) + a20 * c0 + a21 * c1 + a22 * c2 + a23 * c3
        y3[r] = (0.0 if fresh else y3[r]) + a30 * c0 + a31 * c1 + a32 * c2 + a33 * c3


@njit(fastmath=_SUMS)
def _add_four_whitened(tile: Floats, centre: Floats, factor: Floats, j: int, white: Floats, squared: Floats) -> None:
    """Finish four whitened coordinates, from `j` on, with the triangle on the diagonal, and add their squares."""
    a00 = factor[j, j]
    a10, a11 = factor[j + 1, j], factor[j + 1, j + 1]
    a20, a21, a22 = factor[j + 2, j], factor[j + 2, j + 1], factor[j + 2, j + 2]
    a30, a31, a32, a33 = factor[j + 3, j], factor[j + 3, j + 1], factor[j + 3, j + 2], factor[j + 3, j + 3]
    x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
    m0, m1, m2, m3 = centre[j], centre[j + 1], centre[j + 2], centre[j + 3]
    y0, y1, y2, y3 = white[0], white[1], white[2], white[3]
    fresh = j == 0
    for r in range(LANES):
        c0, c1, c2, c3 = x0[r] - m0, x1[r] - m1, x2[r] - m2, x3[r] - m3
        z0 = (0.0 if fresh else y0[r]) + a00 * c0
        z1 = (0.0 if fresh else y1[r]) + a10 * c0 + a11 * c1
        z2 = (0.0 if fresh else y2[r]) + a20 * c0 + a21 * c1 + a22 * c2
        z3 = (0.0 if fresh else y3[r]) + a30 * c0 + a31 * c1 + a32 * c2 + a33 * c3
        squared[r] += z0 * z0 + z1 * z1 + z2 * z2 + z3 * z3


@kept_on_disk
def whiten_in_place(tiles: Floats, centre: Floats, factor: Floats) -> None:
    """Replace rows x by ``L⁻¹ (x - centre)``; the last coordinate first, as it needs all before it."""
    n_features = len(factor)
    for t in range(len(tiles)):
        tile = tiles[t]
        for j in range(n_features - 1, -1, -1):
            y = tile[j]
            for r in range(LANES):
                y[r] = factor[j, j] * (y[r] - centre[j])
            for i in range(j):
                _add_scaled(tile[i], centre[i], factor[j, i], y)


@njit(fastmath=_SUMS)
def _add_scaled(x: Floats, origin: float, scale: float, y: Floats) -> None:
    for r in range(LANES):
        y[r] += scale * (x[r] - origin)


# --- Responsibilities ------------------------------------------------------------------------------------------------


@njit(fastmath=_SUMS)
def _largest_log_joint(squared: Floats, densities: Densities, top: Floats) -> None:
    """Each row's largest ``log(weight_k · density_k)``; a NaN, which overflow leaves, is passed over."""
    top[:] = -np.inf
    for k in range(len(squared)):
        distance, log_norm = squared[k], densities.log_norms[k]
        for r in range(LANES):
            log_joint = log_norm - 0.5 * distance[r]
            top[r] = max(top[r], log_joint)


@njit(fastmath=_ORDERED)
def _relative_joint(squared: Floats, densities: Densities, top: Floats, joint: Floats, total: Floats) -> None:
    """Joint densities ``(K, LANES)`` divided by each row's largest, and their sum over components."""
    total[:] = 0.0
    for k in range(len(squared)):
        distance, log_norm, out = squared[k], densities.log_norms[k], joint[k]
        for r in range(LANES):
            out[r] = _exp((log_norm - 0.5 * distance[r]) - top[r])
            total[r] += out[r]


@njit(fastmath=_ORDERED)
def _invert(total: Floats, scale: Floats, logs: Floats) -> None:
    """The reciprocals of the totals, and their logarithms."""
    for r in range(LANES):
        scale[r] = 1.0 / total[r]
        logs[r] = _log(total[r])


@njit(fastmath=_SUMS)
def _dot(a: Floats, b: Floats) -> float:
    total = 0.0
    for r in range(LANES):
        total += a[r] * b[r]
    return total


@njit(fastmath=_SUMS)
def _shares(joint: Floats, scale: Floats, weights: Floats, share: Floats) -> tuple[int, float]:
    """One component's weighted responsibilities, negligible ones set to zero; how many are left, and their sum."""
    n_active, mass = 0, 0.0
    for r in range(LANES):
        responsibility = joint[r] * scale[r]
        weighted = responsibility * weights[r] if responsibility > NEGLIGIBLE else 0.0
        share[r] = weighted
        mass += weighted
        n_active += weighted > 0.0
    return n_active, mass


# --- Moments ---------------------------------------------------------------------------------------------------------


@njit(fastmath=_SUMS)
def _add_first_of_four(tile: Floats, shares: Floats, centres: Floats, first: Floats) -> None:
    """Add ``Σ share (x - centre)`` for four components: each coordinate is read once for all four."""
    w0, w1, w2, w3 = shares[0], shares[1], shares[2], shares[3]
    for j in range(0, len(tile), 2):
        x, y = tile[j], tile[j + 1]
        m0, m1, m2, m3 = centres[0, j], centres[1, j], centres[2, j], centres[3, j]
        n0, n1, n2, n3 = centres[0, j + 1], centres[1, j + 1], centres[2, j + 1], centres[3, j + 1]
        f0 = f1 = f2 = f3 = g0 = g1 = g2 = g3 = 0.0
        for r in range(LANES):
            f0, g0 = f0 + w0[r] * (x[r] - m0), g0 + w0[r] * (y[r] - n0)
            f1, g1 = f1 + w1[r] * (x[r] - m1), g1 + w1[r] * (y[r] - n1)
            f2, g2 = f2 + w2[r] * (x[r] - m2), g2 + w2[r] * (y[r] - n2)
            f3, g3 = f3 + w3[r] * (x[r] - m3), g3 + w3[r] * (y[r] - n3)
        first[0, j] += f0
        first[1, j] += f1
        first[2, j] += f2
        first[3, j] += f3
        first[0, j + 1] += g0
        first[1, j + 1] += g1
        first[2, j + 1] += g2
        first[3, j + 1] += g3


@njit(fastmath=_SUMS)
def _add_first(tile: Floats, share: Floats, centre: Floats, first: Floats) -> None:
    """Add ``Σ share (x - centre)``, four coordinates at a time."""
    for j in range(0, len(tile), 4):
        x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
        m0, m1, m2, m3 = centre[j], centre[j + 1], centre[j + 2], centre[j + 3]
        f0 = f1 = f2 = f3 = 0.0
        for r in range(LANES):
            w = share[r]
            f0 += w * (x0[r] - m0)
            f1 += w * (x1[r] - m1)
            f2 += w * (x2[r] - m2)
            f3 += w * (x3[r] - m3)
        _add_four(first, j, f0, f1, f2, f3)


@njit(fastmath=_SUMS)
def _add_per_axis(tile: Floats, share: Floats, centre: Floats, first: Floats, second: Floats) -> None:
    """Add the first moments and the second ones of each coordinate with itself."""
    for j in range(len(tile)):
        x, m = tile[j], centre[j]
        f = s = 0.0
        for r in range(LANES):
            c = x[r] - m
            weighted = share[r] * c
            f += weighted
            s += weighted * c
        first[j] += f
        second[j] += s


@njit(fastmath=_SUMS)
def _add_per_pair(tile: Floats, share: Floats, n_lanes: int, centre: Floats, first: Floats, second: Floats) -> None:
    """Add the first moments and the lower triangle of the second ones, over the first `n_lanes` rows of a tile."""
    for j in range(0, len(tile), 4):
        for i in range(0, j, 4):
            _add_block_moments(tile, share, n_lanes, centre, j, i, second)
        _add_corner_moments(tile, share, n_lanes, centre, j, first, second)


@njit(fastmath=_SUMS)
def _add_block_moments(
    tile: Floats, share: Floats, n_lanes: int, centre: Floats, j: int, i: int, second: Floats
) -> None:
    """Add the second moments of four coordinates, from `j` on, with four others, from `i` on."""
    p0, p1, p2, p3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
    q0, q1, q2, q3 = tile[i], tile[i + 1], tile[i + 2], tile[i + 3]
    m0, m1, m2, m3 = centre[j], centre[j + 1], centre[j + 2], centre[j + 3]
    o0, o1, o2, o3 = centre[i], centre[i + 1], centre[i + 2], centre[i + 3]
    s00 = s01 = s02 = s03 = s10 = s11 = s12 = s13 = 0.0
    s20 = s21 = s22 = s23 = s30 = s31 = s32 = s33 = 0.0
    for r in range(n_lanes):
        w = share[r]
        a0, a1, a2, a3 = w * (p0[r] - m0), w * (p1[r] - m1), w * (p2[r] - m2), w * (p3[r] - m3)
        b0, b1, b2, b3 = q0[r] - o0, q1[r] - o1, q2[r] - o2, q3[r] - o3
        s00, s01, s02, s03 = s00 + a0 * b0, s01 + a0 * b1, s02 + a0 * b2, s03 + a0 * b3
        s10, s11, s12, s13 = s10 + a1 * b0, s11 + a1 * b1, s12 + a1 * b2, s13 + a1 * b3
        s20, s21, s22, s23 = s20 + a2 * b0, s21 + a2 * b1, s22 + a2 * b2, s23 + a2 * b3
        s30, s31, s32, s33 = s30 + a3 * b0, s31 + a3 * b1, s32 + a3 * b2, s33 + a3 * b3
    _add_four(second[j], i, s00, s01, s02, s03)
    _add_four(second[j + 1], i, s10, s11, s12, s13)
    _add_four(second[j + 2], i, s20, s21, s22, s23)
    _add_four(second[j + 3], i, s30, s31, s32, s33)


@njit(fastmath=_SUMS)
def _add_corner_moments(
    tile: Floats, share: Floats, n_lanes: int, centre: Floats, j: int, first: Floats, second: Floats
) -> None:
    """Add the first moments of four coordinates, from `j` on, and the second ones among them."""
    x0, x1, x2, x3 = tile[j], tile[j + 1], tile[j + 2], tile[j + 3]
    m0, m1, m2, m3 = centre[j], centre[j + 1], centre[j + 2], centre[j + 3]
    f0 = f1 = f2 = f3 = 0.0
    s00 = s10 = s11 = s20 = s21 = s22 = s30 = s31 = s32 = s33 = 0.0
    for r in range(n_lanes):
        w = share[r]
        b0, b1, b2, b3 = x0[r] - m0, x1[r] - m1, x2[r] - m2, x3[r] - m3
        a0, a1, a2, a3 = w * b0, w * b1, w * b2, w * b3
        f0, f1, f2, f3 = f0 + a0, f1 + a1, f2 + a2, f3 + a3
        s00 += a0 * b0
        s10, s11 = s10 + a1 * b0, s11 + a1 * b1
        s20, s21, s22 = s20 + a2 * b0, s21 + a2 * b1, s22 + a2 * b2
        s30, s31, s32, s33 = s30 + a3 * b0, s31 + a3 * b1, s32 + a3 * b2, s33 + a3 * b3
    _add_four(first, j, f0, f1, f2, f3)
    _add_four(second[j], j, s00, 0.0, 0.0, 0.0)
    _add_four(second[j + 1], j, s10, s11, 0.0, 0.0)
    _add_four(second[j + 2], j, s20, s21, s22, 0.0)
    _add_four(second[j + 3], j, s30, s31, s32, s33)


@njit(fastmath=_SUMS)
def _add_four(sums: Floats, j: int, s0: float, s1: float, s2: float, s3: float) -> None:
    sums[j] += s0
    sums[j + 1] += s1
    sums[j + 2] += s2
    sums[j + 3] += s3


@njit()
def _gather(tile: Floats, share: Floats, lanes: AnyArray, packed: Floats, packed_share: Floats) -> int:
    """Move the rows with a share to the front of `packed`; how many lanes they fill, in whole vectors of eight."""
    n_active = 0
    for r in range(LANES):
        lanes[n_active] = r
        n_active += 1 if share[r] > 0.0 else 0
    n_lanes = (n_active + 7) // 8 * 8
    for q in range(n_active, n_lanes):
        lanes[q] = lanes[0]
    for j in range(len(tile)):
        x, out = tile[j], packed[j]
        for q in range(n_lanes):
            out[q] = x[lanes[q]]
    for q in range(n_active):
        packed_share[q] = share[lanes[q]]
    packed_share[n_active:n_lanes] = 0.0
    return n_lanes


@njit(fastmath=_SUMS)
def _add_component(
    tile: Floats,
    share: Floats,
    n_active: int,
    squared: Floats,
    centre: Floats,
    kind: int,
    first: Floats,
    moments: Floats,
    packing: tuple[AnyArray, Floats, Floats],
) -> None:
    """Add one component's moments, second ones of the given kind."""
    n_features = len(tile)
    if kind == PER_AXIS:
        _add_per_axis(tile, share, centre, first, moments[0])
    elif kind == PER_PAIR and n_active * (n_features + _GATHERING) < LANES * n_features:
        lanes, packed, packed_share = packing
        n_lanes = _gather(tile, share, lanes, packed, packed_share)
        _add_per_pair(packed, packed_share, n_lanes, centre, first, moments)
    elif kind == PER_PAIR:
        _add_per_pair(tile, share, LANES, centre, first, moments)
    else:
        _add_first(tile, share, centre, first)
        if kind == FROM_DISTANCES:
            moments[0, 0] += _dot(share, squared)


@njit(fastmath=_SUMS)
def _add_four_components(
    tile: Floats,
    weights: Floats,
    joint: Floats,
    scale: Floats,
    squared: Floats,
    k: int,
    centres: Floats,
    kind: int,
    sums: Sums,
) -> None:
    """Add the first moments of four components from `k` on, and where asked for the traces of the second ones."""
    shares, four, n_active = np.empty((4, LANES)), slice(k, k + 4), 0
    for q in range(4):
        n_of_one, share_sum = _shares(joint[k + q], scale, weights, shares[q])
        n_active += n_of_one
        sums.mass[k + q] += share_sum
        if kind == FROM_DISTANCES:
            sums.second[k + q, 0, 0] += _dot(shares[q], squared[k + q])
    if n_active:
        _add_first_of_four(tile, shares, centres[four], sums.first[four])


# --- The pass --------------------------------------------------------------------------------------------------------


@kept_on_disk
def sum_tiles(tiles: Floats, weights: Floats, densities: Densities, kind: int, sums: Sums) -> None:
    """Add to the sums what tiles ``(T, D, LANES)`` with weights ``(T, LANES)`` give.

    One signature serves all forms and kinds, so that one compilation does.
    """
    centres, (mass, first, second, scores) = densities.centres, sums
    n_components, n_features = centres.shape
    # Each buffer is an array of its own: parts of one could overlap for all that the compiler knows.
    white = np.empty((4, LANES))
    squared, joint = np.empty((n_components, LANES)), np.empty((n_components, LANES))
    top, total, logs = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    scale, share = np.empty(LANES), np.empty(LANES)
    packing = np.empty(LANES + 1, np.intp), np.empty((n_features, LANES)), np.empty(LANES)
    origin, unused = np.zeros(n_features), np.zeros(n_features)
    for t in range(len(tiles)):
        tile, w = tiles[t], weights[t]
        _squared_distances(tile, densities, white, squared)
        _largest_log_joint(squared, densities, top)
        _relative_joint(squared, densities, top, joint, total)
        _invert(total, scale, logs)
        scores[0] += _dot(w, top) + _dot(w, logs)
        scores[1] += _dot(w, top)
        n_in_fours = n_components // 4 * 4 if kind in (FROM_DISTANCES, OVER_ALL) else 0
        for k in range(0, n_in_fours, 4):
            _add_four_components(tile, w, joint, scale, squared, k, centres, kind, sums)
        for k in range(n_in_fours, n_components):
            n_active, share_sum = _shares(joint[k], scale, w, share)
            mass[k] += share_sum
            if n_active:
                moments = second[k % len(second)]
                _add_component(tile, share, n_active, squared[k], centres[k], kind, first[k], moments, packing)
        if kind == OVER_ALL:
            _add_per_pair(tile, w, LANES, origin, unused, second[0])
