r"""The screened kernel: it skips pairs of a row and a component whose responsibility is proven to be negligible.

A pair changes no sum if a screen proves that its joint density is less than ``1e-16`` times the joint density of
another component for the same row. The remaining pairs are computed completely, in double precision. First the rows are
sorted by a guess, the component with the highest bound, so that the rows of a component are adjacent. The joint density
under the guess is the value that bounds are compared with. The comparison is valid for any guess.
"""

from typing import Any, NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines.fused._functions import (
    BITS,
    NEGLIGIBLE,
    aligned_zeros,
    allocating,
    compiled,
    exp2,
    fill,
    kept_on_disk,
    zeros,
)
from gaussmix.engines.fused._kernels import Sums, score
from gaussmix.engines.fused._moments import add_moments
from gaussmix.engines.fused._screens import Screens, find_highest_bounds, gather, screen_closely
from gaussmix.engines.fused._simd import add_totals, first_bit, load, multiply_add, n_bits, repeat, splat, store, width

__all__ = ["Screened", "sum_screened"]

# Numbers in the rows that are sorted together. Rows are read in sorted order; more rows would not stay in the cache.
_NUMBERS_AT_ONCE = 2**17
# Difference of log-joint densities, in nats, beyond which a pair is skipped: exp(-37) is below `NEGLIGIBLE`.
_DEPTH = 37.0
# Rows of a block in the trial that decides whether screening pays.
_ROWS_OF_TRIAL = 48
# Largest share of the pairs, apart from the guess of each row, that may remain: beyond it, computing all is cheaper.
_MANY = 0.2
# Bound of the relative rounding error of a log-joint density in single precision, with a margin.
_ROUNDING = 1e-6


class Screened(NamedTuple):
    """The arrays of K components with full covariances for the screened kernel.

    Attributes
    ----------
    screens : Screens
        The arrays for the screen.
    centres : (K, D)
        Means of the components, padded with zeros to a multiple of eight features.
    columns : (K, D, D)
        Inverse factors of the covariances, transposed; the last axis is padded like the means.
    log_norms : (K,)
        Log-joint densities at the means.
    """

    screens: Screens
    centres: Floats
    columns: Floats
    log_norms: Floats


class _Workspace(NamedTuple):
    """The arrays for the computations of a tile, which the next tile overwrites."""

    flat: Floats
    tile: AnyArray
    squared: AnyArray
    best: AnyArray
    guess: AnyArray
    centred: Floats
    eight: Floats
    shares: Floats
    weights: Floats
    top: Floats
    own: Floats
    total: Floats
    scale: Floats
    norms: Floats
    lowest: AnyArray
    places: AnyArray
    begins: AnyArray
    ends: AnyArray
    starts: AnyArray
    remaining: AnyArray
    whose: AnyArray
    joints: Floats


@allocating
def _make_workspace(model: Screened, n: int) -> _Workspace:
    """Return the arrays for a tile of n rows."""
    double, single, n_components = model.centres.dtype, model.screens.offsets.dtype, len(model.log_norms)
    n_features, n_eights = len(model.screens.origin), model.centres.shape[1]
    most = n * n_components + 8
    return _Workspace(
        aligned_zeros(n, n_eights + 8, double),
        aligned_zeros(n_features, n, single),
        aligned_zeros(2, n, single),
        zeros(n, single),
        zeros(n, single),
        aligned_zeros(8, n_eights, double),
        aligned_zeros(n, 8, double),
        zeros(n, double),
        zeros(n, double),
        zeros(n, double),
        zeros(n, double),
        zeros(n, double),
        zeros(n, double),
        zeros(n + 8, double),
        zeros(n, single),
        zeros(n + 8, np.intp),
        zeros(n_components, np.intp),
        zeros(n_components, np.intp),
        zeros(n_components + 1, np.intp),
        aligned_zeros(2, n, np.intp),
        zeros(most, np.intp),
        zeros(most, double),
    )


@compiled
def _sort_by_guess(rows_here: AnyArray, guesses: AnyArray, places: AnyArray, order: AnyArray) -> None:
    """Write the indices of rows in the order of their guesses: a counting sort, with K + 1 counters in `places`."""
    for k in range(len(places)):
        places[k] = 0
    for row in rows_here:
        places[guesses[row] + 1] += 1
    for k in range(len(places) - 1):
        places[k + 1] += places[k]
    for row in rows_here:
        order[places[guesses[row]]] = row
        places[guesses[row]] += 1


@compiled
def _compute_norms_of_rows(
    flat: Floats, places: AnyArray, n: int, centre: Floats, columns: Floats, centred: Floats, out: Floats
) -> None:
    """Write squared norms of ``factor @ (x - centre)``, eight rows at a time; `columns` is the transposed factor."""
    step = width(flat)
    zero = splat(flat, 0.0)
    fill(out, n + 8, 0.0)
    for start in range(0, n, 8):
        for q in range(8):
            place = places[min(start + q, n - 1)]
            for j in range(0, len(centre), step):
                store(centred, (q, j), load(flat, (place, j)) - load(centre, j))
        s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = zero
        for j in range(0, len(centre), step):
            y0 = y1 = y2 = y3 = y4 = y5 = y6 = y7 = zero
            for i in range(min(j + step, len(columns))):
                a = load(columns, (i, j))
                y0 = multiply_add(repeat(centred, (0, i)), a, y0)
                y1 = multiply_add(repeat(centred, (1, i)), a, y1)
                y2 = multiply_add(repeat(centred, (2, i)), a, y2)
                y3 = multiply_add(repeat(centred, (3, i)), a, y3)
                y4 = multiply_add(repeat(centred, (4, i)), a, y4)
                y5 = multiply_add(repeat(centred, (5, i)), a, y5)
                y6 = multiply_add(repeat(centred, (6, i)), a, y6)
                y7 = multiply_add(repeat(centred, (7, i)), a, y7)
            s0, s1 = multiply_add(y0, y0, s0), multiply_add(y1, y1, s1)
            s2, s3 = multiply_add(y2, y2, s2), multiply_add(y3, y3, s3)
            s4, s5 = multiply_add(y4, y4, s4), multiply_add(y5, y5, s5)
            s6, s7 = multiply_add(y6, y6, s6), multiply_add(y7, y7, s7)
        add_totals(out, start, s0, s1, s2, s3)
        add_totals(out, start + 4, s4, s5, s6, s7)


@compiled
def _collect_places(remaining: AnyArray, stride: int, n: int, begin: int, end: int, places: AnyArray) -> int:
    """Write the places from `begin` to `end`, then the other remaining places below n; return their total number."""
    n_found = end - begin
    for i in range(n_found):
        places[i] = begin + i
    for s in range(len(remaining)):
        bits = remaining[s]
        while bits:
            place = s * stride + first_bit(bits)
            places[n_found] = place
            n_found += place < n and (place < begin or place >= end)
            bits &= bits - 1
    return n_found


@compiled
def _sort_rows(
    rows: Rows,
    rows_here: AnyArray,
    n_in_tile: int,
    screens: Screens,
    guesses: AnyArray,
    order: AnyArray,
    work: _Workspace,
) -> None:
    """Write the indices of rows in the order of their guesses, the components with the highest bounds."""
    for start in range(0, len(rows_here), n_in_tile):
        in_tile = rows_here[start : min(start + n_in_tile, len(rows_here))]
        farthest = gather(rows, in_tile, n_in_tile, screens, work.flat, work.tile)
        find_highest_bounds(work.tile, n_in_tile, screens, farthest, work.squared, work.best, work.guess)
        for r in range(len(in_tile)):
            guesses[in_tile[r]] = int(work.guess[r])
    _sort_by_guess(rows_here, guesses, work.starts, order)


@compiled
def _compute_own_densities(
    weights: Floats, order: AnyArray, guesses: AnyArray, model: Screened, work: _Workspace
) -> None:
    """Write the log-joint density of each row under its guess, and the threshold for other components of the row."""
    for k in range(len(work.begins)):
        work.begins[k] = work.ends[k] = 0
    for r in range(len(work.top)):
        work.weights[r], work.top[r], work.lowest[r] = 0.0, 0.0, np.inf
    n, end = len(order), 0
    while end < n:
        begin, k = end, guesses[order[end]]
        while end < n and guesses[order[end]] == k:
            work.places[end - begin] = end
            end += 1
        work.begins[k], work.ends[k] = begin, end
        _compute_norms_of_rows(
            work.flat, work.places, end - begin, model.centres[k], model.columns[k], work.centred, work.norms
        )
        for r in range(begin, end):
            joint = model.log_norms[k] - 0.5 * work.norms[r - begin]
            work.weights[r], work.top[r] = weights[order[r]], joint
            work.lowest[r] = joint - _DEPTH - _ROUNDING * abs(joint)


@compiled
def _count_remaining(n_padded: int, farthest: float, model: Screened, work: _Workspace) -> int:
    """Return the number of pairs of a row of a padded tile and a component that remain after the screen."""
    n_components, n_remaining = len(model.log_norms), 0
    for pair in range((n_components + 1) // 2):
        screen_closely(work.tile, n_padded, model.screens, pair, farthest, work.lowest, work.squared, work.remaining)
        for q in range(min(2, n_components - 2 * pair)):
            for s in range(n_padded // (3 * width(work.tile))):
                n_remaining += n_bits(work.remaining[q, s])
    return n_remaining


@compiled
def _pays(rows: Rows, weights: Floats, model: Screened, guesses: AnyArray, order: AnyArray, work: _Workspace) -> bool:
    """Return True if so few pairs remain in a sample of the rows that screening is cheaper than all pairs."""
    n_padded: Any = np.intp(_ROWS_OF_TRIAL)
    n_components = len(model.log_norms)
    n = min(n_padded, len(rows))
    sample, in_order = work.places[:n], order[:n]
    for i in range(n):
        sample[i] = i * len(rows) // n
    _sort_rows(rows, sample, n_padded, model.screens, guesses, in_order, work)
    farthest = gather(rows, in_order, n_padded, model.screens, work.flat, work.tile)
    _compute_own_densities(weights, in_order, guesses, model, work)
    n_remaining = _count_remaining(n_padded, farthest, model, work)
    return bool(n_remaining <= n * (1.0 + _MANY * (n_components - 1)))


@compiled
def _compute_other_densities(n: int, farthest: float, model: Screened, work: _Workspace) -> int:
    """Write the log-joint densities of all remaining pairs, by component; return the number of pairs."""
    n_in_tile, stride = len(work.top), 3 * width(work.tile)
    for r in range(n_in_tile):
        work.own[r] = work.top[r]
    n_remaining = 0
    for k in range(len(model.log_norms)):
        if k % 2 == 0:
            screen_closely(
                work.tile, n_in_tile, model.screens, k // 2, farthest, work.lowest, work.squared, work.remaining
            )
        begin, end = work.begins[k], work.ends[k]
        n_own = end - begin
        n_found = _collect_places(work.remaining[k % 2, : n_in_tile // stride], stride, n, begin, end, work.places)
        work.starts[k] = n_remaining
        for i in range(n_own):
            work.whose[n_remaining + i], work.joints[n_remaining + i] = begin + i, work.own[begin + i]
        if n_found > n_own:
            others = work.places[n_own:]
            _compute_norms_of_rows(
                work.flat, others, n_found - n_own, model.centres[k], model.columns[k], work.centred, work.norms
            )
            for i in range(n_found - n_own):
                place, joint = others[i], model.log_norms[k] - 0.5 * work.norms[i]
                work.whose[n_remaining + n_own + i], work.joints[n_remaining + n_own + i] = place, joint
                if joint > work.top[place]:
                    work.top[place] = joint
                    work.lowest[place] = joint - _DEPTH - _ROUNDING * abs(joint)
        n_remaining += n_found
    work.starts[len(model.log_norms)] = n_remaining
    return n_remaining


@compiled
def _divide_by_largest(n: int, n_remaining: int, work: _Workspace) -> None:
    """Replace log-joint densities by joint densities divided by the largest of each row; write their sums."""
    joints, whose, total = work.joints, work.whose, work.total
    for i in range(n_remaining):
        joints[i] = BITS * (joints[i] - work.top[whose[i]])
    for i in range(0, n_remaining, width(joints)):
        store(joints, i, exp2(load(joints, i)))
    for r in range(len(total)):
        total[r] = 0.0 if r < n else 1.0
    for i in range(n_remaining):
        total[whose[i]] += joints[i]


@compiled
def _add_moments_of_components(model: Screened, work: _Workspace, sums: Sums) -> None:
    """Add the moments of each component, over the rows for which its responsibility is not negligible."""
    for k in range(len(model.log_norms)):
        n_found = _collect_shares(k, work, sums.mass)
        if n_found:
            add_moments(
                work.flat,
                work.places,
                n_found,
                work.shares,
                model.centres[k],
                work.eight,
                sums.first[k],
                sums.second[k],
            )


@compiled
def _collect_shares(k: int, work: _Workspace, mass: Floats) -> int:
    """Write the weighted responsibilities of component `k` that are not negligible; return the number of their rows.

    Add their sum to the masses.
    """
    n_found, sum_of_all = 0, 0.0
    for i in range(work.starts[k], work.starts[k + 1]):
        place = work.whose[i]
        responsibility = work.joints[i] * work.scale[place]
        share = responsibility * work.weights[place]
        work.shares[place], work.places[n_found] = share, place
        if responsibility > NEGLIGIBLE and share > 0.0:
            n_found += 1
            sum_of_all += share
    mass[k] += sum_of_all
    return n_found


@compiled
def _sum_tile(
    rows: Rows, weights: Floats, order: AnyArray, guesses: AnyArray, model: Screened, sums: Sums, work: _Workspace
) -> int:
    """Add to the sums the contributions of the rows of a tile, in an order; return the number of remaining pairs."""
    n_in_tile = len(work.top)
    farthest = gather(rows, order, n_in_tile, model.screens, work.flat, work.tile)
    _compute_own_densities(weights, order, guesses, model, work)
    n_remaining = _compute_other_densities(len(order), farthest, model, work)
    _divide_by_largest(len(order), n_remaining, work)
    score(n_in_tile, work.top, work.total, work.weights, work.scale, sums.scores)
    _add_moments_of_components(model, work, sums)
    return n_remaining


@compiled
def _sum_tiles(
    rows: Rows,
    weights: Floats,
    model: Screened,
    sums: Sums,
    guesses: AnyArray,
    unsorted: AnyArray,
    order: AnyArray,
    work: _Workspace,
) -> int:
    """Add to the sums, and return the result, of :func:`sum_screened`."""
    n_rows, n_in_tile = len(rows), len(work.top)
    if not _pays(rows, weights, model, guesses, order, work):
        return -1
    for r in range(n_rows):
        unsorted[r] = r
    n_in_order, n_remaining = max(_NUMBERS_AT_ONCE // rows.shape[1], n_in_tile), 0
    for begin in range(0, n_rows, n_in_order):
        end = min(begin + n_in_order, n_rows)
        _sort_rows(rows, unsorted[begin:end], n_in_tile, model.screens, guesses, order[begin:end], work)
        for start in range(begin, end, n_in_tile):
            in_tile = order[start : min(start + n_in_tile, end)]
            n_remaining += _sum_tile(rows, weights, in_tile, guesses, model, sums, work)
    return n_remaining


@kept_on_disk
def sum_screened(rows: Rows, weights: Floats, rows_in_tile: int, model: Screened, sums: Sums) -> int:
    """Add to the sums the contributions of rows ``(n, D)`` with weights ``(n,)``; return the number of remaining pairs.

    If many pairs remain in a sample of the rows, nothing is added, and the result is -1.
    """
    work, n_rows = _make_workspace(model, rows_in_tile), len(rows)
    guesses, unsorted, order = zeros(n_rows, np.intp), zeros(n_rows, np.intp), zeros(n_rows, np.intp)
    return _sum_tiles(rows, weights, model, sums, guesses, unsorted, order, work)
