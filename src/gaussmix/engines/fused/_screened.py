r"""The pass over the rows where components lie apart: pairs of a row and a component proven negligible are skipped.

A pair whose log-joint density a screen proves to lie ``1e-16`` below another of the same row can change no sum. What is
left is computed in full, in double precision. Rows are first put in order of the component that the screen likes best,
so that those that go together lie together. The log-joint density there is the one that others are compared with:
whichever it is, the bound holds.
"""

from typing import NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines.fused._functions import BITS, NEGLIGIBLE, aligned, compiled, exp2, kept_on_disk
from gaussmix.engines.fused._kernels import Sums, score
from gaussmix.engines.fused._moments import add_moments
from gaussmix.engines.fused._screens import Screens, likeliest, screen_closely, take
from gaussmix.engines.fused._simd import add_totals, first_bit, load, multiply_add, n_bits, repeat, splat, store, width

__all__ = ["Screened", "sum_screened"]

_LANES = 144  # rows in a tile
_TRIAL = 48  # rows from which it is seen whether screening pays
_NUMBERS_AT_ONCE = 2**17  # in rows that are put in order; more would be read from afar, and out of order
_DEPTH = 37.0  # nats below the best of a row: exp(-37) is less than what is negligible
_ROUNDING = 1e-6  # of a log-joint density, in single precision, with room to spare
_MANY = 0.2  # share of pairs left over, beside each row's best, from which on it is cheaper to compute all


class Screened(NamedTuple):
    """K components of full covariances, as the screened pass sees them.

    Attributes
    ----------
    screens : Screens
        What the screen sees.
    centres : (K, D)
        Component means, with zeros up to a multiple of eight features.
    columns : (K, D, D)
        Inverse factors, transposed; rows with zeros as the means.
    log_norms : (K,)
        Log-joint densities at the centres.
    """

    screens: Screens
    centres: Floats
    columns: Floats
    log_norms: Floats


class _Room(NamedTuple):
    """Room for one tile of rows and what comes of it, used for one after the other."""

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
    total: Floats
    scale: Floats
    norms: Floats
    lowest: AnyArray
    lanes: AnyArray
    begins: AnyArray
    ends: AnyArray
    starts: AnyArray
    left: AnyArray
    whose: AnyArray
    joints: Floats


@compiled
def _room(model: Screened, most: int) -> _Room:
    """Room for a tile, of which at most so many pairs are computed in full."""
    single, n_components = np.float32, len(model.log_norms)
    n_features, n_eights = len(model.screens.origin), model.centres.shape[1]
    return _Room(
        aligned(_LANES, n_eights + 8, np.float64),
        np.zeros((n_features, _LANES), single),
        np.empty((2, _LANES), single),
        np.empty(_LANES, single),
        np.empty(_LANES, single),
        aligned(8, n_eights, np.float64),
        aligned(_LANES, 8, np.float64),
        np.zeros((1, _LANES)),
        np.zeros(_LANES),
        np.zeros(_LANES),
        np.zeros(_LANES),
        np.zeros(_LANES),
        np.zeros(_LANES + 8),
        np.empty(_LANES, single),
        np.empty(_LANES + 8, np.intp),
        np.empty(n_components, np.intp),
        np.empty(n_components, np.intp),
        np.empty(n_components + 1, np.intp),
        np.empty((2, _LANES), np.intp),
        np.empty(most, np.intp),
        np.empty(most),
    )


@compiled
def _in_order(guesses: AnyArray, n_components: int, order: AnyArray) -> None:
    """The rows in order of their guesses: sorted by counting."""
    places = np.zeros(n_components + 1, np.intp)
    for k in guesses:
        places[k + 1] += 1
    for k in range(n_components):
        places[k + 1] += places[k]
    for r in range(len(guesses)):
        order[places[guesses[r]]] = r
        places[guesses[r]] += 1


@compiled
def _whitened_norms_of_rows(
    flat: Floats, lanes: AnyArray, n: int, centre: Floats, columns: Floats, centred: Floats, out: Floats
) -> None:
    """Squared norms of ``factor @ (x - centre)`` of n rows, eight at a time; the factor comes by columns ``(D, D)``."""
    step = width(flat)
    zero = splat(flat, 0.0)
    out[: n + 8] = 0.0
    for start in range(0, n, 8):
        for q in range(8):
            lane = lanes[min(start + q, n - 1)]
            for j in range(0, len(centre), step):
                store(centred, (q, j), load(flat, (lane, j)) - load(centre, j))
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
def _lanes_of(left: AnyArray, stride: int, n: int, begin: int, end: int, lanes: AnyArray) -> int:
    """The lanes from `begin` to `end`, then those of the first n that are left over besides; how many in all."""
    found = end - begin
    for i in range(found):
        lanes[i] = begin + i
    for s in range(len(left)):
        bits = left[s]
        while bits:
            lane = s * stride + first_bit(bits)
            lanes[found] = lane
            found += lane < n and (lane < begin or lane >= end)
            bits &= bits - 1
    return found


@compiled
def _put_in_order(
    rows: Rows, begin: int, end: int, screens: Screens, guesses: AnyArray, order: AnyArray, room: _Room
) -> None:
    """The rows from `begin` to `end` in order of the component that the screen likes best."""
    for start in range(begin, end, _LANES):
        n = min(_LANES, end - start)
        farthest = take(rows, order[start : start + n], screens, room.flat, room.tile)
        likeliest(room.tile, _LANES, screens, farthest, room.squared, room.best, room.guess)
        for r in range(n):
            guesses[start + r] = int(room.guess[r])
    _in_order(guesses[begin:end], len(screens.bounds), order[begin:end])
    for r in range(begin, end):
        order[r] += begin


@compiled
def _pays(rows: Rows, model: Screened) -> bool:
    """Whether, of some of the rows, so few pairs are left over that it costs less to screen than to compute all."""
    n_components, n = len(model.log_norms), min(_TRIAL, len(rows))
    some, weights = np.empty((n, rows.shape[1])), np.ones(n)
    for r in range(n):
        some[r] = rows[r * len(rows) // n]
    room = _room(model, 8)
    guesses, order = np.zeros(n, np.intp), np.arange(n)
    _put_in_order(some, 0, n, model.screens, guesses, order, room)
    farthest = take(some, order, model.screens, room.flat, room.tile)
    _own_densities(weights, order, guesses, model, room)
    n_left = 0
    for pair in range((n_components + 1) // 2):
        screen_closely(room.tile, _TRIAL, model.screens, pair, farthest, room.lowest, room.squared, room.left)
        for q in range(min(2, n_components - 2 * pair)):
            for s in range(_TRIAL // (3 * width(room.tile))):
                n_left += n_bits(room.left[q, s])
    return bool(n_left <= n * (1.0 + _MANY * (n_components - 1)))


@compiled
def _own_densities(weights: Floats, order: AnyArray, guesses: AnyArray, model: Screened, room: _Room) -> None:
    """Each row's log-joint density under its guess, in full, and the lowest that another could matter with."""
    room.begins[:], room.ends[:] = 0, 0
    room.weights[:], room.top[:], room.lowest[:] = 0.0, 0.0, np.inf
    n, end = len(order), 0
    while end < n:
        begin, k = end, guesses[order[end]]
        while end < n and guesses[order[end]] == k:
            room.lanes[end - begin] = end
            end += 1
        room.begins[k], room.ends[k] = begin, end
        _whitened_norms_of_rows(
            room.flat, room.lanes, end - begin, model.centres[k], model.columns[k], room.centred, room.norms
        )
        for r in range(begin, end):
            joint = model.log_norms[k] - 0.5 * room.norms[r - begin]
            room.weights[r], room.top[r] = weights[order[r]], joint
            room.lowest[r] = joint - _DEPTH - _ROUNDING * abs(joint)


@compiled
def _other_densities(n: int, farthest: float, model: Screened, room: _Room) -> int:
    """The log-joint densities of all pairs that are left over, by component; how many there are."""
    own = room.top.copy()
    stride = 3 * width(room.tile)
    n_left = 0
    for k in range(len(model.log_norms)):
        if k % 2 == 0:
            screen_closely(room.tile, _LANES, model.screens, k // 2, farthest, room.lowest, room.squared, room.left)
        begin, end = room.begins[k], room.ends[k]
        n_own = end - begin
        found = _lanes_of(room.left[k % 2, : _LANES // stride], stride, n, begin, end, room.lanes)
        room.starts[k] = n_left
        for i in range(n_own):
            room.whose[n_left + i], room.joints[n_left + i] = begin + i, own[begin + i]
        if found > n_own:
            others = room.lanes[n_own:]
            _whitened_norms_of_rows(
                room.flat, others, found - n_own, model.centres[k], model.columns[k], room.centred, room.norms
            )
            for i in range(found - n_own):
                lane, joint = others[i], model.log_norms[k] - 0.5 * room.norms[i]
                room.whose[n_left + n_own + i], room.joints[n_left + n_own + i] = lane, joint
                if joint > room.top[lane]:
                    room.top[lane] = joint
                    room.lowest[lane] = joint - _DEPTH - _ROUNDING * abs(joint)
        n_left += found
    room.starts[len(model.log_norms)] = n_left
    return n_left


@compiled
def _relative_densities(n: int, n_left: int, room: _Room) -> None:
    """Joint densities divided by each row's largest, in place of their logarithms, and their sums."""
    joints, whose, total = room.joints, room.whose, room.total
    for i in range(n_left):
        joints[i] = BITS * (joints[i] - room.top[whose[i]])
    for i in range(0, n_left, width(joints)):
        store(joints, i, exp2(joints, load(joints, i)))
    total[:n], total[n:] = 0.0, 1.0
    for i in range(n_left):
        total[whose[i]] += joints[i]


@compiled
def _add_what_counts(model: Screened, room: _Room, sums: Sums) -> None:
    """Add the moments of each component, over the rows in which its responsibility is not negligible."""
    for k in range(len(model.log_norms)):
        found, sum_of_all = 0, 0.0
        for i in range(room.starts[k], room.starts[k + 1]):
            lane = room.whose[i]
            responsibility = room.joints[i] * room.scale[lane]
            share = responsibility * room.weights[lane]
            room.shares[0, lane], room.lanes[found] = share, lane
            if responsibility > NEGLIGIBLE and share > 0.0:
                found += 1
                sum_of_all += share
        if found:
            sums.mass[k] += sum_of_all
            add_moments(
                room.flat, room.lanes, found, room.shares, 0, model.centres[k], k, room.eight, sums.first, sums.second
            )


@kept_on_disk
def sum_screened(rows: Rows, weights: Floats, model: Screened, sums: Sums) -> bool:
    """Add to the sums what rows ``(n, D)`` with weights ``(n,)`` give, unless that costs less without a screen.

    The third of the scores counts the pairs that were computed in full. Returns whether anything was done.
    """
    n_rows, n_features = rows.shape
    if not _pays(rows, model):
        return False
    room = _room(model, len(model.log_norms) * _LANES + 8)
    guesses, order = np.zeros(n_rows, np.intp), np.arange(n_rows)
    n_in_order = max(_NUMBERS_AT_ONCE // n_features, _LANES)
    for begin in range(0, n_rows, n_in_order):
        end = min(begin + n_in_order, n_rows)
        _put_in_order(rows, begin, end, model.screens, guesses, order, room)
        for start in range(begin, end, _LANES):
            some = order[start : min(start + _LANES, end)]
            farthest = take(rows, some, model.screens, room.flat, room.tile)
            _own_densities(weights, some, guesses, model, room)
            n_left = _other_densities(len(some), farthest, model, room)
            _relative_densities(len(some), n_left, room)
            score(_LANES, room.top, room.total, room.weights, room.scale, sums.scores)
            _add_what_counts(model, room, sums)
            sums.scores[2] += n_left
    return True
