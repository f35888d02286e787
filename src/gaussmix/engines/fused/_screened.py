r"""The pass over the rows where components lie apart: pairs of a row and a component proven negligible are skipped.

A pair whose log-joint density a screen proves to lie ``1e-16`` below another of the same row can change no sum. What is
left is computed in full, in double precision. Rows are first put in order of the component that the screen likes best,
so that those that go together lie together. The log-joint density there is the one that others are compared with:
whichever it is, the bound holds.
"""

from typing import NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines.fused._functions import BITS, NEGLIGIBLE, aligned, compiled, exp2, fill, kept_on_disk, zeros
from gaussmix.engines.fused._kernels import Sums, score
from gaussmix.engines.fused._moments import add_moments
from gaussmix.engines.fused._screens import Screens, gather, likeliest, screen_closely
from gaussmix.engines.fused._simd import add_totals, first_bit, load, multiply_add, n_bits, repeat, splat, store, width

__all__ = ["Screened", "sum_screened"]

_NUMBERS_AT_ONCE = 2**17  # in rows that are put in order; more would be read from afar, and out of order
_DEPTH = 37.0  # nats below the best of a row: exp(-37) is less than what is negligible
_ROUNDING = 1e-6  # of a log-joint density, in single precision, with room to spare


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
    own: Floats
    total: Floats
    scale: Floats
    norms: Floats
    lowest: AnyArray
    places: AnyArray
    begins: AnyArray
    ends: AnyArray
    starts: AnyArray
    left: AnyArray
    whose: AnyArray
    joints: Floats


@compiled
def _room(model: Screened, n: int) -> _Room:
    """Room for a tile of n rows. A plain 8 would be a type of its own, for which all is compiled once more."""
    double, single, n_components = model.centres.dtype, model.screens.offsets.dtype, len(model.log_norms)
    n_features, n_eights = len(model.screens.origin), model.centres.shape[1]
    most = n * n_components + 8
    return _Room(
        aligned(n, n_eights + 8, double),
        aligned(n_features, n, single),
        aligned(np.intp(2), n, single),
        zeros(n, single),
        zeros(n, single),
        aligned(np.intp(8), n_eights, double),
        aligned(n, np.intp(8), double),
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
        zeros(2 * n, np.intp).reshape(2, n),
        zeros(most, np.intp),
        zeros(most, double),
    )


@compiled
def _in_order(guesses: AnyArray, n_components: int, order: AnyArray) -> None:
    """The rows in order of their guesses: sorted by counting."""
    places = zeros(n_components + 1, np.intp)
    for k in guesses:
        places[k + 1] += 1
    for k in range(n_components):
        places[k + 1] += places[k]
    for r in range(len(guesses)):
        order[places[guesses[r]]] = r
        places[guesses[r]] += 1


@compiled
def _whitened_norms_of_rows(
    flat: Floats, places: AnyArray, n: int, centre: Floats, columns: Floats, centred: Floats, out: Floats
) -> None:
    """Squared norms of ``factor @ (x - centre)`` of n rows, eight at a time; the factor comes by columns ``(D, D)``."""
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
def _places_to_compute(left: AnyArray, stride: int, n: int, begin: int, end: int, places: AnyArray) -> int:
    """The places from `begin` to `end`, then those of the first n that are left over besides; how many in all."""
    found = end - begin
    for i in range(found):
        places[i] = begin + i
    for s in range(len(left)):
        bits = left[s]
        while bits:
            place = s * stride + first_bit(bits)
            places[found] = place
            found += place < n and (place < begin or place >= end)
            bits &= bits - 1
    return found


@compiled
def _put_in_order(
    rows: Rows, begin: int, end: int, screens: Screens, guesses: AnyArray, order: AnyArray, room: _Room
) -> None:
    """The rows from `begin` to `end` in order of the component that the screen likes best."""
    n_in_tile = room.tile.shape[1]
    for start in range(begin, end, n_in_tile):
        n = min(n_in_tile, end - start)
        farthest = gather(rows, order[start : start + n], screens, room.flat, room.tile)
        likeliest(room.tile, screens, farthest, room.squared, room.best, room.guess)
        for r in range(n):
            guesses[start + r] = int(room.guess[r])
    _in_order(guesses[begin:end], len(screens.bounds), order[begin:end])
    for r in range(begin, end):
        order[r] += begin


@compiled
def _own_densities(weights: Floats, order: AnyArray, guesses: AnyArray, model: Screened, room: _Room) -> None:
    """Each row's log-joint density under its guess, in full, and the lowest that another could matter with."""
    for k in range(len(room.begins)):
        room.begins[k] = room.ends[k] = 0
    for r in range(len(room.top)):
        room.weights[r], room.top[r], room.lowest[r] = 0.0, 0.0, np.inf
    n, end = len(order), 0
    while end < n:
        begin, k = end, guesses[order[end]]
        while end < n and guesses[order[end]] == k:
            room.places[end - begin] = end
            end += 1
        room.begins[k], room.ends[k] = begin, end
        _whitened_norms_of_rows(
            room.flat, room.places, end - begin, model.centres[k], model.columns[k], room.centred, room.norms
        )
        for r in range(begin, end):
            joint = model.log_norms[k] - 0.5 * room.norms[r - begin]
            room.weights[r], room.top[r] = weights[order[r]], joint
            room.lowest[r] = joint - _DEPTH - _ROUNDING * abs(joint)


@compiled
def _count_left_over(farthest: float, model: Screened, room: _Room) -> int:
    """How many pairs of a row and a component are left over."""
    n_components, n_left = len(model.log_norms), 0
    for pair in range((n_components + 1) // 2):
        screen_closely(room.tile, model.screens, pair, farthest, room.lowest, room.squared, room.left)
        for q in range(min(2, n_components - 2 * pair)):
            for s in range(len(room.top) // (3 * width(room.tile))):
                n_left += n_bits(room.left[q, s])
    return n_left


@compiled
def _other_densities(n: int, farthest: float, model: Screened, room: _Room) -> int:
    """The log-joint densities of all pairs that are left over, by component; how many there are."""
    n_in_tile, stride = len(room.top), 3 * width(room.tile)
    for r in range(n_in_tile):
        room.own[r] = room.top[r]
    n_left = 0
    for k in range(len(model.log_norms)):
        if k % 2 == 0:
            screen_closely(room.tile, model.screens, k // 2, farthest, room.lowest, room.squared, room.left)
        begin, end = room.begins[k], room.ends[k]
        n_own = end - begin
        found = _places_to_compute(room.left[k % 2, : n_in_tile // stride], stride, n, begin, end, room.places)
        room.starts[k] = n_left
        for i in range(n_own):
            room.whose[n_left + i], room.joints[n_left + i] = begin + i, room.own[begin + i]
        if found > n_own:
            others = room.places[n_own:]
            _whitened_norms_of_rows(
                room.flat, others, found - n_own, model.centres[k], model.columns[k], room.centred, room.norms
            )
            for i in range(found - n_own):
                place, joint = others[i], model.log_norms[k] - 0.5 * room.norms[i]
                room.whose[n_left + n_own + i], room.joints[n_left + n_own + i] = place, joint
                if joint > room.top[place]:
                    room.top[place] = joint
                    room.lowest[place] = joint - _DEPTH - _ROUNDING * abs(joint)
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
        store(joints, i, exp2(load(joints, i)))
    for r in range(len(total)):
        total[r] = 0.0 if r < n else 1.0
    for i in range(n_left):
        total[whose[i]] += joints[i]


@compiled
def _add_what_counts(model: Screened, room: _Room, sums: Sums) -> None:
    """Add the moments of each component, over the rows in which its responsibility is not negligible."""
    for k in range(len(model.log_norms)):
        found = _shares_that_count(k, room, sums.mass)
        if found:
            add_moments(
                room.flat, room.places, found, room.shares, model.centres[k], room.eight, sums.first[k], sums.second[k]
            )


@compiled
def _shares_that_count(k: int, room: _Room, mass: Floats) -> int:
    """One component's shares that are not negligible, and in how many rows; their sum is added to the masses."""
    found, sum_of_all = 0, 0.0
    for i in range(room.starts[k], room.starts[k + 1]):
        place = room.whose[i]
        responsibility = room.joints[i] * room.scale[place]
        share = responsibility * room.weights[place]
        room.shares[place], room.places[found] = share, place
        if responsibility > NEGLIGIBLE and share > 0.0:
            found += 1
            sum_of_all += share
    mass[k] += sum_of_all
    return found


@kept_on_disk
def sum_screened(rows: Rows, weights: Floats, rows_in_tile: int, model: Screened, sums: Sums, trial: bool) -> int:
    """Add to the sums what rows ``(n, D)`` with weights ``(n,)`` give, and return how many pairs were left over.

    In a trial, pairs are counted alone, and nothing is added.
    """
    n_rows, n_features = rows.shape
    room = _room(model, rows_in_tile)
    guesses, order = zeros(n_rows, np.intp), zeros(n_rows, np.intp)
    for r in range(n_rows):
        order[r] = r
    n_in_order, n_left_over = max(_NUMBERS_AT_ONCE // n_features, rows_in_tile), 0
    for begin in range(0, n_rows, n_in_order):
        end = min(begin + n_in_order, n_rows)
        _put_in_order(rows, begin, end, model.screens, guesses, order, room)
        for start in range(begin, end, rows_in_tile):
            some = order[start : min(start + rows_in_tile, end)]
            farthest = gather(rows, some, model.screens, room.flat, room.tile)
            _own_densities(weights, some, guesses, model, room)
            if trial:
                n_left_over += _count_left_over(farthest, model, room)
                continue
            n_left = _other_densities(len(some), farthest, model, room)
            _relative_densities(len(some), n_left, room)
            score(rows_in_tile, room.top, room.total, room.weights, room.scale, sums.scores)
            _add_what_counts(model, room, sums)
            n_left_over += n_left
    return n_left_over
