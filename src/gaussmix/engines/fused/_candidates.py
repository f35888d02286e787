"""The compiled pass over rows in cells: each cell under its own candidates alone, by the kernels of the whole pass."""

from typing import NamedTuple

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.engines.fused._distances import Densities, squared_distances
from gaussmix.engines.fused._functions import aligned, compiled, kept_on_disk
from gaussmix.engines.fused._kernels import Sums, see, sum_rows
from gaussmix.engines.fused._simd import load, maximum, select_above, splat, store, width

__all__ = ["Candidates", "best_of_cells", "sum_cells"]

_LANES = 48  # rows in a tile: a cell has not many more


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
def sum_cells(
    rows: Rows, weights: Floats, cells: Candidates, centre: Floats, densities: Densities, kind: int, sums: Sums
) -> None:
    """Add to the sums what rows ``(n, D)``, sorted by cell, give, each under the candidates of its cell."""
    pooled = len(sums.second) == 1
    for c in range(len(cells.starts) - 1):
        members = cells.members[cells.member_starts[c] : cells.member_starts[c + 1]]
        here = slice(cells.starts[c], cells.starts[c + 1])
        if here.start == here.stop:
            continue
        some = _some(densities, members)
        n_fours = len(some.centres)
        second = sums.second if pooled else np.zeros((n_fours, *sums.second.shape[1:]))
        found = Sums(np.zeros(n_fours), np.zeros((n_fours, sums.first.shape[1])), second, sums.scores)
        sum_rows(rows[here], weights[here], _LANES, centre, some, kind, found)
        for g, k in enumerate(members):
            sums.mass[k] += found.mass[g]
            sums.first[k] += found.first[g]
            if not pooled:
                sums.second[k] += second[g]


@kept_on_disk
def best_of_cells(rows: Rows, cells: Candidates, centre: Floats, densities: Densities, best: Labels) -> None:
    """The likeliest and the second likeliest ``(n, 2)`` of each row's candidates; the one twice, where it is alone."""
    tile = aligned(densities.n_features, _LANES + 8, np.float64)
    strip, found = aligned(densities.n_features, 3 * width(tile), np.float64), aligned(2, _LANES, np.float64)
    for c in range(len(cells.starts) - 1):
        members = cells.members[cells.member_starts[c] : cells.member_starts[c + 1]]
        some = _some(densities, members)
        squared = aligned(len(some.centres), _LANES + 8, np.float64)
        for start in range(cells.starts[c], cells.starts[c + 1], _LANES):
            see(rows, start, _LANES, centre, tile)
            squared_distances(tile, _LANES, some, strip, squared)
            _largest_two(squared, some.log_norms, found)
            for r in range(min(_LANES, cells.starts[c + 1] - start)):
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
