"""The general kernel: statistics, or log-densities, labels and responsibilities, tile by tile.

For each tile the kernel computes squared distances, joint densities relative to the largest of each row,
responsibilities and moments. The next tile overwrites these arrays.
"""

from typing import Any, NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines.fused._columns import store_column, store_four_columns, store_two_columns
from gaussmix.engines.fused._distances import Densities, compute_distances
from gaussmix.engines.fused._functions import (
    BITS,
    LN2,
    NEGLIGIBLE,
    aligned_zeros,
    compiled,
    exp2,
    kept_on_disk,
    log,
    zeros,
)
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

# Ways to sum second moments: of each axis, or of each pair of axes.
PER_AXIS, PER_PAIR = 0, 1


class Sums(NamedTuple):
    """The sums of a pass. Whole registers are added, so the last axes are not shorter than those of the means.

    Attributes
    ----------
    mass : (K,)
        Sums of responsibilities.
    first : (K, D + 4)
        First moments.
    second : (K or 1, D, D) or (K, 1, D)
        Second moments. Component k adds to entry ``k % len(second)``; for pairs, only the lower triangle is valid.
    scores : (4,)
        Log-likelihood, and classification log-likelihood: that of the most probable labels.
    """

    mass: Floats
    first: Floats
    second: Floats
    scores: Floats


# --- Rows ------------------------------------------------------------------------------------------------------------


@compiled
def load_tile(rows: Rows, start: int, n: int, centre: Floats, tile: Any) -> None:
    """Write rows from `start` on, less a centre, to a tile, transposed; pad with zeros to n rows.

    The next rows are prefetched, because the prefetcher of the machine stops at the end of a page of memory.
    """
    n_here = min(n, len(rows) - start)
    n_next = min(n, len(rows) - start - n_here)
    for i in range(0, n_next * rows.shape[1], 64 // rows.itemsize):  # rows are contiguous
        prefetch(rows, (start + n_here, i))
    whole = n_here - n_here % width(tile)
    _transpose(rows, start, whole, centre, tile)
    if whole < n:
        for j in range(rows.shape[1]):
            for r in range(whole, n):
                tile[j, r] = rows[start + r, j] - centre[j] if r < n_here else 0.0


@compiled
def _transpose(rows: Rows, start: int, n: int, centre: Floats, tile: Any) -> None:
    """Write rows from `start` on, less a centre, to a tile, transposed in registers, up to four columns at a time."""
    step, n_features = width(tile), rows.shape[1]
    if n_features >= 4:  # noqa: PLR2004 - the columns of one step
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
    """Copy rows from `start` on, less a centre, without transposition; pad with zeros."""
    n_here = min(len(flat), len(rows) - start)
    for r in range(len(flat)):
        for j in range(rows.shape[1]):
            flat[r, j] = rows[start + r, j] - centre[j] if r < n_here else 0.0


# --- Responsibilities ------------------------------------------------------------------------------------------------


@compiled
def compute_relative_densities(squared: AnyArray, n: int, log_norms: AnyArray, top: AnyArray, total: AnyArray) -> None:
    """Replace squared distances ``(K, n)`` by joint densities, divided by the largest joint density of each row.

    Also write the logarithms of the largest joint densities, and the sums over components. NaN, the result of an
    overflow, is ignored.
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
    """Add the log-likelihoods to the sums, and write the reciprocals of the totals to `scale`."""
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
def _find_lowest(n: int, top: Floats, weights: Floats) -> float:
    """Return the smallest over the weighted rows of each row's largest log-joint density, and at most zero."""
    zero = splat(top, 0.0)
    highest_fall = zero
    for r in range(0, n, width(top)):
        fall = zero - load(top, r)
        highest_fall = maximum(select_above(load(weights, r), zero, fall, zero), highest_fall)
    return -float(largest(highest_fall))


@compiled
def compute_four_shares(
    joint: Floats, k: int, n: int, scale: Floats, weights: Floats, shares: Floats, mass: Floats, active: AnyArray
) -> int:
    """Write weighted responsibilities of four components, from `k` on, with negligible responsibilities set to zero.

    Add their sums to the masses, write the number of positive values of each component, and return the total number.
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
def find_active_rows(shares: Floats, q: int, n: int, places: AnyArray) -> None:
    """Write the indices of the rows for which component `q` of `shares` has a positive weighted responsibility."""
    step = width(shares)
    zero = splat(shares, 0.0)
    n_found = 0
    for r in range(0, n, step):
        bits = bits_above(load(shares, (q, r)), zero)
        while bits:
            places[n_found] = r + first_bit(bits)
            n_found += 1
            bits &= bits - 1


@compiled
def assess(joint: Floats, n: int, n_components: int, top: Floats, total: Floats, most_probable: Floats) -> None:
    """Write the most probable component of each row, the first of equals; replace `top` by log-densities."""
    step = width(joint)
    for r in range(0, n, step):
        best, label = load(joint, (0, r)), splat(joint, 0.0)
        for k in range(1, n_components):
            here = load(joint, (k, r))
            label = select_above(here, best, splat(joint, float(k)), label)
            best = maximum(here, best)
        store(most_probable, r, label)
        store(top, r, load(top, r) + log(load(total, r)))


@compiled
def store_results(
    start: int,
    joint: AnyArray,
    top: AnyArray,
    total: AnyArray,
    most_probable: AnyArray,
    log_density: Floats,
    labels: AnyArray,
    responsibilities: Floats,
) -> None:
    """Write log-densities, labels and responsibilities of a tile, which begins at row `start`.

    The log-densities and responsibilities of a row are NaN if the row is so far from all means that densities overflow.
    """
    n_here = min(len(top), len(labels) - start)
    for r in range(n_here):
        log_density[start + r], labels[start + r] = top[r], int(most_probable[r])
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
    """Add the moments of four components, from `k` on, each about its own mean."""
    for q in range(4):
        if active[q] and len(tile) == 2 and kind == PER_PAIR:  # noqa: PLR2004 - features
            add_two_features(tile, n, shares, q, centres[k + q], k + q, first, second)
        elif active[q] and len(tile) < FEW:
            add_few_features(tile, n, shares, q, centres[k + q], k + q, first, second)
        elif active[q]:
            find_active_rows(shares, q, n, places)
            if kind == PER_AXIS:
                add_axes(flat, places, active[q], shares, q, centres[k + q], k + q, first, second)
            else:
                e = (k + q) % len(second)
                add_moments(flat, places, active[q], shares[q], centres[k + q], weighted, first[k + q], second[e])


@kept_on_disk
def sum_rows(
    rows: Rows, weights: Floats, rows_in_tile: int, centre: Floats, densities: Densities, kind: int, sums: Sums
) -> float:
    """Add to the sums the contributions of rows ``(n, D)`` with weights ``(n,)``, tile by tile.

    A centre ``(D,)`` is subtracted from the rows. A tile is computed in the precision of the densities, and the sums of
    tiles are added in double precision. Return the minimum of zero and the log-joint density of the most probable
    component of each row. All forms and kinds have the same signature, so the kernel is compiled only once.
    """
    centres, (mass, first, second, scores) = densities.centres, sums
    n_components, n_features, precision = len(densities.log_norms), densities.n_features, densities.centres.dtype
    n, apart = rows_in_tile, rows_in_tile + 8  # padding, so that features do not share the same sets of the cache
    tile, squared = aligned_zeros(n_features, apart, precision), aligned_zeros(len(centres), apart, precision)
    flat = aligned_zeros(n if n_features >= FEW else 0, centres.shape[1] + 8, precision)
    strip, weighted = (
        aligned_zeros(n_features, 3 * width(tile), precision),
        aligned_zeros(n, max(8, width(tile)), precision),
    )
    shares, active, places = aligned_zeros(4, apart, precision), zeros(n, np.intp), zeros(n, np.intp)
    w, top, total, scale = zeros(n, precision), zeros(n, precision), zeros(n, precision), zeros(n, precision)
    lowest = 0.0
    for start in range(0, len(rows), n):
        n_here = min(n, len(rows) - start)
        load_tile(rows, start, n, centre, tile)
        _copy(rows, start, centre, flat)
        for r in range(n):
            w[r] = weights[start + r] if r < n_here else 0.0
        compute_distances(tile, n, densities, strip, squared)
        compute_relative_densities(squared, n, densities.log_norms, top, total)
        score(n, top, total, w, scale, scores)
        lowest = min(lowest, _find_lowest(n, top, w))
        for k in range(0, n_components, 4):
            if compute_four_shares(squared, k, n, scale, w, shares, mass, active):
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
    """Write log-densities and labels ``(n,)`` of rows, and responsibilities ``(n, K)`` if that array has rows."""
    n, apart = rows_in_tile, rows_in_tile + 8
    n_components, n_features = len(densities.log_norms), densities.n_features
    n_fours, precision = len(densities.centres), densities.centres.dtype
    tile = aligned_zeros(n_features, apart, precision)
    squared, strip = aligned_zeros(n_fours, apart, precision), aligned_zeros(n_features, 3 * width(tile), precision)
    top, total, most_probable = zeros(n, precision), zeros(n, precision), zeros(n, precision)
    for start in range(0, len(rows), n):
        load_tile(rows, start, n, centre, tile)
        compute_distances(tile, n, densities, strip, squared)
        compute_relative_densities(squared, n, densities.log_norms, top, total)
        assess(squared, n, n_components, top, total, most_probable)
        store_results(start, squared, top, total, most_probable, log_density, labels, responsibilities)
