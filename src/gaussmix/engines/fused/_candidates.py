"""The kernels for candidate sets: they call the general kernel for each set, with the candidates of the set only."""

from typing import NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.engines.fused._distances import Densities, compute_distances
from gaussmix.engines.fused._functions import aligned_zeros, allocating, compiled, kept_on_disk
from gaussmix.engines.fused._kernels import Sums, load_tile, sum_rows
from gaussmix.engines.fused._simd import load, maximum, select_above, splat, store, width

__all__ = ["Candidates", "find_best_candidates", "sum_candidate_sets"]

# Rows in a tile; few sets have many more rows.
_ROWS_IN_TILE = 48


class Candidates(NamedTuple):
    """The candidate sets of a block of rows.

    Attributes
    ----------
    starts : (C + 1,)
        Index of the first row of each set in the block, and the number of rows.
    members : (M,)
        Indices of the candidates, set by set.
    member_starts : (C + 1,)
        Position in `members` of the first candidate of each set, and the number of members.
    """

    starts: Labels
    members: Labels
    member_starts: Labels


@allocating
def _take_components(densities: Densities, members: Labels) -> Densities:
    """Return the candidate components, padded to a multiple of four with components without density."""
    n_members = len(members)
    n_fours = -(-n_members // 4) * 4
    centres = np.zeros((n_fours, densities.centres.shape[1]))
    shared = len(densities.whitening) == 1
    whitening = densities.whitening if shared else np.zeros((n_fours, *densities.whitening.shape[1:]))
    log_norms = np.empty(n_members)
    for g, k in enumerate(members):
        centres[g], log_norms[g] = densities.centres[k], densities.log_norms[k]
        if not shared:
            whitening[g] = densities.whitening[k]
    return Densities(densities.form, densities.n_features, centres, whitening, log_norms)


@kept_on_disk
def sum_candidate_sets(
    rows: Rows, weights: Floats, sets: Candidates, centre: Floats, densities: Densities, kind: int, sums: Sums
) -> None:
    """Add to the sums the contributions of rows ``(n, D)``, sorted by set, each under the candidates of its set."""
    pooled = len(sums.second) == 1
    for c in range(len(sets.starts) - 1):
        members = sets.members[sets.member_starts[c] : sets.member_starts[c + 1]]
        here = slice(sets.starts[c], sets.starts[c + 1])
        if here.start == here.stop:
            continue
        candidates = _take_components(densities, members)
        n_fours = len(candidates.centres)
        second = sums.second if pooled else np.zeros((n_fours, *sums.second.shape[1:]))
        set_sums = Sums(np.zeros(n_fours), np.zeros((n_fours, sums.first.shape[1])), second, sums.scores)
        sum_rows(rows[here], weights[here], _ROWS_IN_TILE, centre, candidates, kind, set_sums)
        for g, k in enumerate(members):
            sums.mass[k] += set_sums.mass[g]
            sums.first[k] += set_sums.first[g]
            if not pooled:
                sums.second[k] += second[g]


@kept_on_disk
def find_best_candidates(rows: Rows, sets: Candidates, centre: Floats, densities: Densities, best: Labels) -> None:
    """Write the two most probable candidates ``(n, 2)`` of each row; a single candidate is written twice."""
    precision = densities.centres.dtype
    tile = aligned_zeros(densities.n_features, _ROWS_IN_TILE + 8, precision)
    strip, largest_two = (
        aligned_zeros(densities.n_features, 3 * width(tile), precision),
        aligned_zeros(2, _ROWS_IN_TILE, precision),
    )
    for c in range(len(sets.starts) - 1):
        members = sets.members[sets.member_starts[c] : sets.member_starts[c + 1]]
        candidates = _take_components(densities, members)
        squared = aligned_zeros(len(candidates.centres), _ROWS_IN_TILE + 8, precision)
        for start in range(sets.starts[c], sets.starts[c + 1], _ROWS_IN_TILE):
            load_tile(rows, start, _ROWS_IN_TILE, centre, tile)
            compute_distances(tile, _ROWS_IN_TILE, candidates, strip, squared)
            _find_largest_two(squared, candidates.log_norms, largest_two)
            for r in range(min(_ROWS_IN_TILE, sets.starts[c + 1] - start)):
                best[start + r, 0], best[start + r, 1] = (
                    members[int(largest_two[0, r])],
                    members[int(largest_two[1, r])],
                )


@compiled
def _find_largest_two(squared: AnyArray, log_norms: Floats, largest_two: Floats) -> None:
    """Write the indices of the two largest log-joint densities of each row; a single index is written twice."""
    half = splat(squared, 0.5)
    for r in range(0, largest_two.shape[1], width(squared)):
        top = after = splat(squared, -np.inf)
        first = second = splat(squared, 0.0)
        for k in range(len(log_norms)):
            here, number = splat(squared, log_norms[k]) - half * load(squared, (k, r)), splat(squared, float(k))
            second = select_above(here, top, first, select_above(here, after, number, second))
            after = select_above(here, top, top, maximum(here, after))
            first = select_above(here, top, number, first)
            top = maximum(here, top)
        store(largest_two, (0, r), first)
        store(largest_two, (1, r), second)
