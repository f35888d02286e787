"""The compiled pass over rows in sets: each set under its own candidates alone, by the kernels of the whole pass."""

from typing import NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.engines.fused._distances import Densities, squared_distances
from gaussmix.engines.fused._functions import aligned, compiled, kept_on_disk
from gaussmix.engines.fused._kernels import Sums, load_tile, sum_rows
from gaussmix.engines.fused._simd import load, maximum, select_above, splat, store, width

__all__ = ["Candidates", "best_of_candidate_sets", "sum_candidate_sets"]

_ROWS_IN_TILE = 48  # rows in a tile: a set has not many more


class Candidates(NamedTuple):
    """The sets of one block, and the components that each looks at.

    Attributes
    ----------
    starts : (C + 1,)
        Where each set begins among the rows of the block, and where the last one ends.
    members : (M,)
        Components, set by set.
    member_starts : (C + 1,)
        Where the components of each set begin among the members.
    """

    starts: Labels
    members: Labels
    member_starts: Labels


@compiled
def _some(densities: Densities, members: Labels) -> Densities:
    """Some of the components, filled up to a multiple of four with such as have no density."""
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
    """Add to the sums what rows ``(n, D)``, sorted by set, give, each under the candidates of its set."""
    pooled = len(sums.second) == 1
    for c in range(len(sets.starts) - 1):
        members = sets.members[sets.member_starts[c] : sets.member_starts[c + 1]]
        here = slice(sets.starts[c], sets.starts[c + 1])
        if here.start == here.stop:
            continue
        some = _some(densities, members)
        n_fours = len(some.centres)
        second = sums.second if pooled else np.zeros((n_fours, *sums.second.shape[1:]))
        found = Sums(np.zeros(n_fours), np.zeros((n_fours, sums.first.shape[1])), second, sums.scores)
        sum_rows(rows[here], weights[here], _ROWS_IN_TILE, centre, some, kind, found)
        for g, k in enumerate(members):
            sums.mass[k] += found.mass[g]
            sums.first[k] += found.first[g]
            if not pooled:
                sums.second[k] += second[g]


@kept_on_disk
def best_of_candidate_sets(rows: Rows, sets: Candidates, centre: Floats, densities: Densities, best: Labels) -> None:
    """The likeliest and the second likeliest ``(n, 2)`` of each row's candidates; the one twice, where it is alone."""
    precision = densities.centres.dtype
    tile = aligned(densities.n_features, _ROWS_IN_TILE + 8, precision)
    strip, found = aligned(densities.n_features, 3 * width(tile), precision), aligned(2, _ROWS_IN_TILE, precision)
    for c in range(len(sets.starts) - 1):
        members = sets.members[sets.member_starts[c] : sets.member_starts[c + 1]]
        some = _some(densities, members)
        squared = aligned(len(some.centres), _ROWS_IN_TILE + 8, precision)
        for start in range(sets.starts[c], sets.starts[c + 1], _ROWS_IN_TILE):
            load_tile(rows, start, _ROWS_IN_TILE, centre, tile)
            squared_distances(tile, _ROWS_IN_TILE, some, strip, squared)
            _largest_two(squared, some.log_norms, found)
            for r in range(min(_ROWS_IN_TILE, sets.starts[c + 1] - start)):
                best[start + r, 0], best[start + r, 1] = members[int(found[0, r])], members[int(found[1, r])]


@compiled
def _largest_two(squared: AnyArray, log_norms: Floats, found: Floats) -> None:
    """Which log-joint densities are the largest and the second largest; the largest twice, where it is alone."""
    half = splat(squared, 0.5)
    for r in range(0, found.shape[1], width(squared)):
        top = after = splat(squared, -np.inf)
        first = second = splat(squared, 0.0)
        for k in range(len(log_norms)):
            here, number = splat(squared, log_norms[k]) - half * load(squared, (k, r)), splat(squared, float(k))
            second = select_above(here, top, first, select_above(here, after, number, second))
            after = select_above(here, top, top, maximum(here, after))
            first = select_above(here, top, number, first)
            top = maximum(here, top)
        store(found, (0, r), first)
        store(found, (1, r), second)
