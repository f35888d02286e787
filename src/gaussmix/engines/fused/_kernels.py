"""The compiled pass over the rows, and what it says of each: a tile of rows after the other.

For one tile all that depends on its rows is made, used and forgotten: squared distances, joint densities relative to
each row's largest, responsibilities, moments.
"""

from typing import Any, NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines.fused._columns import store_column, store_four_columns, store_two_columns
from gaussmix.engines.fused._distances import Densities, squared_distances
from gaussmix.engines.fused._functions import BITS, LN2, NEGLIGIBLE, aligned, compiled, exp2, kept_on_disk, log, zeros
from gaussmix.engines.fused._moments import (
    FEW,
    add_axes,
    add_few_features,
    add_moments,
    add_two_features,
)
from gaussmix.engines.fused._simd import (
    add_totals,
    bits_above,
    first_bit,
    largest,
    load,
    maximum,
    multiply_add,
    n_bits,
    prefetch,
    select_above,
    splat,
    store,
    width,
)

__all__ = [
    "PER_AXIS",
    "PER_PAIR",
    "Sums",
    "assess",
    "assess_rows",
    "load_tile",
    "score",
    "store_results",
    "sum_rows",
]

# How second moments are summed: of each axis, or of each pair of axes.
PER_AXIS, PER_PAIR = 0, 1


class Sums(NamedTuple):
    """What the pass adds to; it adds whole registers, so axes are as long as those of the centres, or longer.

    Attributes
    ----------
    mass : (K,)
        Sums of responsibilities.
    first : (K, D + 4)
        First moments.
    second : (K or 1, D, D) or (K, 1, D)
        Second moments: component k adds to entry ``k % len(second)``; of pairs, only the lower triangle is right.
    scores : (4,)
        Log-likelihood, and that of the most probable labels.
    """

    mass: Floats
    first: Floats
    second: Floats
    scores: Floats


# --- Rows ------------------------------------------------------------------------------------------------------------


@compiled
def load_tile(rows: Rows, start: int, n: int, centre: Floats, tile: Any) -> None:
    """Rows from `start` on about a centre, transposed, a register's rows at a time; zeros fill up to n rows.

    The next rows are fetched meanwhile, as the machine itself looks no further than a page of memory.
    """
    n_here = min(n, len(rows) - start)
    n_next = min(n, len(rows) - start - n_here)
    for i in range(0, n_next * rows.shape[1], 64 // rows.itemsize):  # rows lie one after the other
        prefetch(rows, (start + n_here, i))
    whole = n_here - n_here % width(tile)
    _transpose(rows, start, whole, centre, tile)
    if whole < n:
        for j in range(rows.shape[1]):
            for r in range(whole, n):
                tile[j, r] = rows[start + r, j] - centre[j] if r < n_here else 0.0


@compiled
def _transpose(rows: Rows, start: int, n: int, centre: Floats, tile: Any) -> None:
    """Rows from `start` on about a centre, four columns at once where there are so many."""
    step, n_features = width(tile), rows.shape[1]
    if n_features >= 4:  # noqa: PLR2004 - as many as are taken at once
        for r in range(0, n, step):
            for j in range(0, n_features, 4):
                column = min(j, n_features - 4)
                store_four_columns(tile, (column, r), rows, (start + r, column), centre)
    elif n_features >= 2:  # noqa: PLR2004 - as above
        for r in range(0, n, step):
            for column in range(n_features - 1):
                store_two_columns(tile, (column, r), rows, (start + r, column), centre)
    else:
        for r in range(0, n, step):
            store_column(tile, (0, r), rows, (start + r, 0), centre)


@compiled
def _copy(rows: Rows, start: int, centre: Floats, flat: Floats) -> None:
    """Rows from `start` on about a centre, as they lie; zeros fill up."""
    n_here = min(len(flat), len(rows) - start)
    for r in range(len(flat)):
        for j in range(rows.shape[1]):
            flat[r, j] = rows[start + r, j] - centre[j] if r < n_here else 0.0


# --- Responsibilities ------------------------------------------------------------------------------------------------


@compiled
def joint_densities(squared: AnyArray, n: int, log_norms: AnyArray, top: AnyArray, total: AnyArray) -> None:
    """Joint densities ``(K, n)`` divided by each row's largest, in place of squared distances.

    Besides, the logarithms of the largest, and sums over components. A NaN, which overflow leaves, is passed over.
    """
    step = width(squared)
    half, zero, nats = splat(squared, -0.5 * BITS), splat(squared, 0.0), splat(squared, LN2)
    n_components = len(log_norms)
    for r in range(0, n, 2 * step):
        u = r + step
        a = b = splat(squared, -np.inf)
        for k in range(n_components):
            log_norm = splat(squared, BITS * log_norms[k])
            a = maximum(multiply_add(half, load(squared, (k, r)), log_norm), a)
            b = maximum(multiply_add(half, load(squared, (k, u)), log_norm), b)
        sum_a, sum_b = zero, zero
        for k in range(n_components):
            log_norm = splat(squared, BITS * log_norms[k])
            p = exp2(multiply_add(half, load(squared, (k, r)), log_norm) - a)
            q = exp2(multiply_add(half, load(squared, (k, u)), log_norm) - b)
            store(squared, (k, r), p)
            store(squared, (k, u), q)
            sum_a, sum_b = sum_a + p, sum_b + q
        for k in range(n_components, len(squared)):
            store(squared, (k, r), zero)
            store(squared, (k, u), zero)
        store(top, r, a * nats)
        store(top, u, b * nats)
        store(total, r, sum_a)
        store(total, u, sum_b)


@compiled
def score(n: int, top: Floats, total: Floats, weights: Floats, scale: Floats, sums: Floats) -> None:
    """Add the log-likelihoods, and leave the reciprocals of the totals."""
    step = width(total)
    one, zero = splat(total, 1.0), splat(total, 0.0)
    likelihood, classification = zero, zero
    for r in range(0, n, step):
        sum_of_all, highest, w = load(total, r), load(top, r), load(weights, r)
        store(scale, r, one / sum_of_all)
        likelihood = multiply_add(w, highest + log(sum_of_all), likelihood)
        classification = multiply_add(w, highest, classification)
    add_totals(sums, 0, likelihood, classification, zero, zero)


@compiled
def _lowest(n: int, top: Floats, weights: Floats) -> float:
    """The lowest of the rows' largest log-joint densities, or zero; rows without weight do not count."""
    zero = splat(top, 0.0)
    highest_fall = zero
    for r in range(0, n, width(top)):
        fall = zero - load(top, r)
        highest_fall = maximum(select_above(load(weights, r), zero, fall, zero), highest_fall)
    return -float(largest(highest_fall))


@compiled
def shares_of_four(
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


@compiled
def active_rows(shares: Floats, q: int, n: int, places: AnyArray) -> None:
    """The rows in which one component has a share."""
    step = width(shares)
    zero = splat(shares, 0.0)
    found = 0
    for r in range(0, n, step):
        bits = bits_above(load(shares, (q, r)), zero)
        while bits:
            places[found] = r + first_bit(bits)
            found += 1
            bits &= bits - 1


@compiled
def assess(joint: Floats, n: int, n_components: int, top: Floats, total: Floats, likeliest: Floats) -> None:
    """The components with the largest joint densities, the first of several; log-densities replace the largest."""
    step = width(joint)
    for r in range(0, n, step):
        best, label = load(joint, (0, r)), splat(joint, 0.0)
        for k in range(1, n_components):
            here = load(joint, (k, r))
            label = select_above(here, best, splat(joint, float(k)), label)
            best = maximum(here, best)
        store(likeliest, r, label)
        store(top, r, load(top, r) + log(load(total, r)))


@compiled
def store_results(
    start: int,
    joint: AnyArray,
    top: AnyArray,
    total: AnyArray,
    likeliest: AnyArray,
    log_density: Floats,
    labels: AnyArray,
    responsibilities: Floats,
) -> None:
    """Write down log-densities, labels and responsibilities of a tile, whose rows begin at `start` of all.

    Of rows so far out that no density is known, these are not numbers.
    """
    n_here = min(len(top), len(labels) - start)
    for r in range(n_here):
        log_density[start + r], labels[start + r] = top[r], int(likeliest[r])
    if len(responsibilities):
        for k in range(responsibilities.shape[1]):
            for r in range(n_here):
                responsibilities[start + r, k] = joint[k, r] / total[r] if total[r] > 0.0 else np.nan


# --- The pass --------------------------------------------------------------------------------------------------------


@compiled
def _add_each_of_four(
    tile: Floats,
    flat: Floats,
    n: int,
    shares: Floats,
    active: AnyArray,
    centres: Floats,
    k: int,
    kind: int,
    places: AnyArray,
    weighted: Floats,
    first: Floats,
    second: Floats,
) -> None:
    """Add the moments of four components, from `k` on, each about its own centre."""
    for q in range(4):
        if active[q] and len(tile) == 2 and kind == PER_PAIR:  # noqa: PLR2004 - features
            add_two_features(tile, n, shares, q, centres[k + q], k + q, first, second)
        elif active[q] and len(tile) < FEW:
            add_few_features(tile, n, shares, q, centres[k + q], k + q, first, second)
        elif active[q]:
            active_rows(shares, q, n, places)
            if kind == PER_AXIS:
                add_axes(flat, places, active[q], shares, q, centres[k + q], k + q, first, second)
            else:
                e = (k + q) % len(second)
                add_moments(flat, places, active[q], shares[q], centres[k + q], weighted, first[k + q], second[e])


@kept_on_disk
def sum_rows(
    rows: Rows, weights: Floats, rows_in_tile: int, centre: Floats, densities: Densities, kind: int, sums: Sums
) -> float:
    """Add to the sums what rows ``(n, D)`` with weights ``(n,)`` give, a tile of `rows_in_tile` rows at a time.

    Rows are seen from a centre ``(D,)``. All is computed in the precision of the densities, sums of tiles in double.
    Returns the lowest log-joint density of a row's likeliest component, or zero. One signature serves all forms and
    kinds, so that one compilation does.
    """
    centres, (mass, first, second, scores) = densities.centres, sums
    n_components, n_features, precision = len(densities.log_norms), densities.n_features, densities.centres.dtype
    n, apart = rows_in_tile, rows_in_tile + 8  # or the features of a tile would meet in the same places of the cache
    tile, squared = aligned(n_features, apart, precision), aligned(len(centres), apart, precision)
    flat = aligned(n if n_features >= FEW else 0, centres.shape[1] + 8, precision)
    strip, weighted = aligned(n_features, 3 * width(tile), precision), aligned(n, max(8, width(tile)), precision)
    shares, active, places = aligned(4, apart, precision), zeros(n, np.intp), zeros(n, np.intp)
    w, top, total, scale = zeros(n, precision), zeros(n, precision), zeros(n, precision), zeros(n, precision)
    lowest = 0.0
    for start in range(0, len(rows), n):
        n_here = min(n, len(rows) - start)
        load_tile(rows, start, n, centre, tile)
        _copy(rows, start, centre, flat)
        for r in range(n):
            w[r] = weights[start + r] if r < n_here else 0.0
        squared_distances(tile, n, densities, strip, squared)
        joint_densities(squared, n, densities.log_norms, top, total)
        score(n, top, total, w, scale, scores)
        lowest = min(lowest, _lowest(n, top, w))
        for k in range(0, n_components, 4):
            if shares_of_four(squared, k, n, scale, w, shares, mass, active):
                _add_each_of_four(tile, flat, n, shares, active, centres, k, kind, places, weighted, first, second)
    return lowest


@kept_on_disk
def assess_rows(
    rows: Rows,
    rows_in_tile: int,
    centre: Floats,
    densities: Densities,
    log_density: Floats,
    labels: AnyArray,
    responsibilities: Floats,
) -> None:
    """Fill in log-densities and labels ``(n,)`` of rows, and responsibilities ``(n, K)`` unless that has no rows."""
    n, apart = rows_in_tile, rows_in_tile + 8
    n_components, n_features = len(densities.log_norms), densities.n_features
    n_fours, precision = len(densities.centres), densities.centres.dtype
    tile = aligned(n_features, apart, precision)
    squared, strip = aligned(n_fours, apart, precision), aligned(n_features, 3 * width(tile), precision)
    top, total, likeliest = zeros(n, precision), zeros(n, precision), zeros(n, precision)
    for start in range(0, len(rows), n):
        load_tile(rows, start, n, centre, tile)
        squared_distances(tile, n, densities, strip, squared)
        joint_densities(squared, n, densities.log_norms, top, total)
        assess(squared, n, n_components, top, total, likeliest)
        store_results(start, squared, top, total, likeliest, log_density, labels, responsibilities)
