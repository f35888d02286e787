r"""The compiled inner loops of a truncated pass: each cell of rows under its own candidates alone.

A block of rows comes transposed, ``(D, n)`` in float64, its rows sorted by cell, so that every inner loop runs over
rows that lie side by side in memory. A cell is taken ``LANES`` rows at a time, and features four at a time: D is a
multiple of four here, and what the features lack is filled with zeros, which add nothing to any sum. Metrics have
shape ``(K or 1, D, D)`` for triangles and ``(K or 1, 1, D)`` for scales of the axes, sums of second moments likewise
for pairs of axes and for each axis: the middle of the shape says which is meant.

Sums may be reassociated by the compiler, as it cannot vectorise them otherwise; nothing may assume that numbers are
finite. All of this is one file, as the cache on disk knows of no changes elsewhere.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numba import njit

from gaussmix._types import Floats, Labels

_Function = TypeVar("_Function", bound=Callable[..., Any])

LANES = 64
_NEGLIGIBLE = math.log(1e-16)  # of a joint density beside the row's largest: it is lost in the rounding of their sum
_SUMS = {"reassoc", "contract", "nsz"}


def _kept_on_disk(function: _Function) -> _Function:
    """Compile a function that releases the interpreter lock, once for all processes where the disk can keep it."""
    try:
        return cast("_Function", njit(function, fastmath=_SUMS, error_model="numpy", nogil=True, cache=True))
    except RuntimeError:  # nowhere to write: a read-only installation without a home folder
        return cast("_Function", njit(function, fastmath=_SUMS, error_model="numpy", nogil=True))


class Candidates(NamedTuple):
    """The cells of one block, and the components that each looks at.

    Attributes
    ----------
    starts : (C + 1,)
        Where each cell begins among the rows of the block, and where the last one ends.
    members : (M,)
        Components, cell by cell.
    member_starts : (C + 1,)
        Where the components of each cell begin among the members.
    """

    starts: Labels
    members: Labels
    member_starts: Labels


class Densities(NamedTuple):
    """K components: means ``(K, D)``, metrics, and log-joint densities at the means ``(K,)``."""

    centres: Floats
    whitening: Floats
    log_norms: Floats


class Sums(NamedTuple):
    """What the pass adds to: ``(K,)``, ``(K, D)``, second moments, and both log-likelihoods ``(2,)``.

    Component k adds to entry ``k % len(second)``; of pairs, only the lower triangle is summed, and some beside it.
    """

    mass: Floats
    first: Floats
    second: Floats
    scores: Floats


@njit(fastmath=_SUMS)
def _load(block: Floats, start: int, n: int, tile: Floats) -> None:
    """A tile ``(D, LANES)`` of the next n rows of a block, filled up with the first of them."""
    for d in range(len(tile)):
        tile[d, :n], tile[d, n:] = block[d, start : start + n], block[d, start]


@njit(fastmath=_SUMS)
def _log_joint(tile: Floats, k: int, densities: Densities, white: Floats, out: Floats) -> None:
    """``log(weight_k · density_k)`` of a tile's rows."""
    centre, metric = densities.centres[k], densities.whitening[k % len(densities.whitening)]
    out[:] = 0.0
    if len(metric) == 1:
        _add_scaled(tile, centre, metric[0], out)
    else:
        _add_whitened(tile, centre, metric, white, out)
    log_norm = densities.log_norms[k]
    for r in range(LANES):
        out[r] = log_norm - 0.5 * out[r]


@njit(fastmath=_SUMS)
def _add_scaled(tile: Floats, centre: Floats, scale: Floats, squared: Floats) -> None:
    """Add the squares of centred and scaled coordinates."""
    for d in range(0, len(tile), 4):
        x0, x1, x2, x3 = tile[d], tile[d + 1], tile[d + 2], tile[d + 3]
        m0, m1, m2, m3 = centre[d], centre[d + 1], centre[d + 2], centre[d + 3]
        s0, s1, s2, s3 = scale[d], scale[d + 1], scale[d + 2], scale[d + 3]
        for r in range(LANES):
            c0, c1, c2, c3 = (x0[r] - m0) * s0, (x1[r] - m1) * s1, (x2[r] - m2) * s2, (x3[r] - m3) * s3
            squared[r] += c0 * c0 + c1 * c1 + c2 * c2 + c3 * c3


@njit(fastmath=_SUMS)
def _add_whitened(tile: Floats, centre: Floats, factor: Floats, white: Floats, squared: Floats) -> None:
    """Add the squares of whitened coordinates; above its diagonal a factor is zero."""
    for j in range(len(tile)):
        white[:] = 0.0
        for i in range(0, j + 1, 4):
            x0, x1, x2, x3 = tile[i], tile[i + 1], tile[i + 2], tile[i + 3]
            m0, m1, m2, m3 = centre[i], centre[i + 1], centre[i + 2], centre[i + 3]
            a0, a1, a2, a3 = factor[j, i], factor[j, i + 1], factor[j, i + 2], factor[j, i + 3]
            for r in range(LANES):
                white[r] += a0 * (x0[r] - m0) + a1 * (x1[r] - m1) + a2 * (x2[r] - m2) + a3 * (x3[r] - m3)
        for r in range(LANES):
            squared[r] += white[r] * white[r]


@njit(fastmath=_SUMS)
def _exp(x: float) -> float:
    """``exp(x)`` for x from -37 to 0, to 13 digits: Taylor's polynomial for a 64th of x, and six squarings.

    There is nothing in it that would keep the compiler from taking several rows at once.
    """
    y = x * (1.0 / 64.0)
    p = 1.0 + y * (1.0 / 14.0)
    p = 1.0 + p * (y * (1.0 / 13.0))
    p = 1.0 + p * (y * (1.0 / 12.0))
    p = 1.0 + p * (y * (1.0 / 11.0))
    p = 1.0 + p * (y * (1.0 / 10.0))
    p = 1.0 + p * (y * (1.0 / 9.0))
    p = 1.0 + p * (y * (1.0 / 8.0))
    p = 1.0 + p * (y * (1.0 / 7.0))
    p = 1.0 + p * (y * (1.0 / 6.0))
    p = 1.0 + p * (y * (1.0 / 5.0))
    p = 1.0 + p * (y * (1.0 / 4.0))
    p = 1.0 + p * (y * (1.0 / 3.0))
    p = 1.0 + p * (y * (1.0 / 2.0))
    p = 1.0 + p * (y * (1.0 / 1.0))
    p *= p
    p *= p
    p *= p
    p *= p
    p *= p
    return p * p


@njit(fastmath=_SUMS)
def _softmax(joint: Floats, top: Floats, total: Floats) -> None:
    """Turn log-joint densities into joint ones in units of each row's largest; and the sum of these."""
    top[:], total[:] = -np.inf, 0.0
    for g in range(len(joint)):
        values = joint[g]
        for r in range(LANES):
            top[r] = max(top[r], values[r])
    for g in range(len(joint)):
        values = joint[g]
        for r in range(LANES):
            less = max(values[r] - top[r], _NEGLIGIBLE)
            values[r] = _exp(less) if less > _NEGLIGIBLE else 0.0
            total[r] += values[r]


@njit(fastmath=_SUMS)
def _add_along_axes(tile: Floats, share: Floats, centre: Floats, first: Floats, second: Floats) -> None:
    """Add the first moments of one component, and the second ones of each feature."""
    for d in range(0, len(tile), 4):
        x0, x1, x2, x3 = tile[d], tile[d + 1], tile[d + 2], tile[d + 3]
        m0, m1, m2, m3 = centre[d], centre[d + 1], centre[d + 2], centre[d + 3]
        f0, f1, f2, f3, q0, q1, q2, q3 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for r in range(LANES):
            c0, c1, c2, c3 = x0[r] - m0, x1[r] - m1, x2[r] - m2, x3[r] - m3
            w0, w1, w2, w3 = share[r] * c0, share[r] * c1, share[r] * c2, share[r] * c3
            f0, f1, f2, f3 = f0 + w0, f1 + w1, f2 + w2, f3 + w3
            q0, q1, q2, q3 = q0 + w0 * c0, q1 + w1 * c1, q2 + w2 * c2, q3 + w3 * c3
        _add_four(first, d, f0, f1, f2, f3)
        _add_four(second, d, q0, q1, q2, q3)


@njit(fastmath=_SUMS)
def _add_in_pairs(tile: Floats, share: Floats, centre: Floats, weighted: Floats, first: Floats, second: Floats) -> None:
    """Add the first moments of one component, and the second ones of pairs of features."""
    for j in range(len(tile)):
        x, m, along = tile[j], centre[j], 0.0
        for r in range(LANES):
            weighted[r] = share[r] * (x[r] - m)
            along += weighted[r]
        first[j] += along
        for i in range(0, j + 1, 4):
            x0, x1, x2, x3 = tile[i], tile[i + 1], tile[i + 2], tile[i + 3]
            m0, m1, m2, m3 = centre[i], centre[i + 1], centre[i + 2], centre[i + 3]
            q0, q1, q2, q3 = 0.0, 0.0, 0.0, 0.0
            for r in range(LANES):
                q0, q1 = q0 + weighted[r] * (x0[r] - m0), q1 + weighted[r] * (x1[r] - m1)
                q2, q3 = q2 + weighted[r] * (x2[r] - m2), q3 + weighted[r] * (x3[r] - m3)
            _add_four(second[j], i, q0, q1, q2, q3)


@njit(fastmath=_SUMS)
def _add_four(sums: Floats, d: int, s0: float, s1: float, s2: float, s3: float) -> None:
    sums[d] += s0
    sums[d + 1] += s1
    sums[d + 2] += s2
    sums[d + 3] += s3


@njit(fastmath=_SUMS)
def _add_moments(tile: Floats, share: Floats, k: int, densities: Densities, white: Floats, sums: Sums) -> None:
    """Add the moments of one component, whose shares of the rows are given."""
    centre, first, second = densities.centres[k], sums.first[k], sums.second[k % len(sums.second)]
    if len(second) == 1:
        _add_along_axes(tile, share, centre, first, second[0])
    else:
        _add_in_pairs(tile, share, centre, white, first, second)


@_kept_on_disk
def sum_cells(block: Floats, weights: Floats, cells: Candidates, densities: Densities, sums: Sums) -> None:
    """Add the statistics of a block of rows ``(D, n)``, each under the candidates of its cell."""
    widest = (cells.member_starts[1:] - cells.member_starts[:-1]).max()
    joints, tile, white = np.empty((widest, LANES)), np.empty((len(block), LANES)), np.empty(LANES)
    heavy, top, total = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for c in range(len(cells.starts) - 1):
        members, end = cells.members[cells.member_starts[c] : cells.member_starts[c + 1]], cells.starts[c + 1]
        joint = joints[: len(members)]
        for start in range(cells.starts[c], end, LANES):
            n = min(LANES, end - start)
            _load(block, start, n, tile)
            heavy[:n], heavy[n:] = weights[start : start + n], 0.0
            for g in range(len(members)):
                _log_joint(tile, members[g], densities, white, joint[g])
            _softmax(joint, top, total)
            for r in range(LANES):
                sums.scores[0] += heavy[r] * (top[r] + math.log(total[r]))
                sums.scores[1] += heavy[r] * top[r]
                heavy[r] /= total[r]
            for g in range(len(members)):
                share, mass = joint[g], 0.0
                for r in range(LANES):
                    share[r] *= heavy[r]
                    mass += share[r]
                if mass != 0.0:
                    sums.mass[members[g]] += mass
                    _add_moments(tile, share, members[g], densities, white, sums)


@_kept_on_disk
def best_of_cells(block: Floats, cells: Candidates, densities: Densities, best: Labels) -> None:
    """The likeliest and the second likeliest ``(n, 2)`` of each row's candidates; the one twice, where it is alone."""
    values, white, tile = np.empty(LANES), np.empty(LANES), np.empty((len(block), LANES))
    top, after = np.empty(LANES), np.empty(LANES)
    for c in range(len(cells.starts) - 1):
        members, end = cells.members[cells.member_starts[c] : cells.member_starts[c + 1]], cells.starts[c + 1]
        for start in range(cells.starts[c], end, LANES):
            n = min(LANES, end - start)
            _load(block, start, n, tile)
            top[:], after[:] = -np.inf, -np.inf
            best[start : start + n] = members[0]
            for k in members:
                _log_joint(tile, k, densities, white, values)
                if _any_above(values, after):
                    _update(values, k, n, top, after, best[start : start + n])


@njit(fastmath=_SUMS)
def _any_above(values: Floats, others: Floats) -> bool:
    n_above = 0
    for r in range(LANES):
        n_above += values[r] > others[r]
    return n_above > 0


@njit(fastmath=_SUMS)
def _update(values: Floats, k: int, n: int, top: Floats, after: Floats, best: Labels) -> None:
    """Set down where a component is the likeliest so far, or the second likeliest."""
    for r in range(n):
        if values[r] > top[r]:
            after[r], best[r, 1] = top[r], best[r, 0]
            top[r], best[r, 0] = values[r], k
        elif values[r] > after[r]:
            after[r], best[r, 1] = values[r], k
    after[n:] = np.inf  # rows that are none
