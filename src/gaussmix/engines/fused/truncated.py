"""The E-step under candidates alone, compiled: the fast twin of :mod:`gaussmix.engines.reference_truncated`.

A mixture is brought into the shapes of the compiled pass as for the whole pass; the loops over sets are in
:mod:`gaussmix.engines.fused._candidates`.
"""

from functools import lru_cache

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines import reference_truncated
from gaussmix.engines.candidate_sets import CandidateSets
from gaussmix.engines.fused._candidates import Candidates, best_of_candidate_sets, sum_candidate_sets
from gaussmix.engines.fused.plans import Plan, general, plain
from gaussmix.moments import SCALAR, Moments
from gaussmix.statistics import Statistics

__all__ = ["best_two", "expect", "rows_at_once"]

_ROWS = 2**14
_ROWS_PER_COMPONENT = 4


@lru_cache(maxsize=4)
def _plan(mixture: Components, moments: Moments) -> Plan:
    """The plan of a mixture, kept from block to block."""
    return general(mixture, moments)


def rows_at_once(mixture: Components) -> int:
    """How many rows a block should have, so that its work dwarfs what it costs in Python, and to add sums of all K."""
    return max(_ROWS, _ROWS_PER_COMPONENT * mixture.n_components)


def _candidates(sets: CandidateSets) -> Candidates:
    return Candidates(sets.starts, sets.members, sets.member_starts)


def expect(mixture: Components, rows: Rows, weights: Floats, sets: CandidateSets, moments: Moments) -> Statistics:
    """Statistics of one block of rows, as :func:`gaussmix.engines.reference_truncated.expect` gives them.

    The global interpreter lock is released in the arithmetic. Responsibilities below 1e-16 are left out. Blocks with
    rows so far out that a sum is not finite are handed to the twin.
    """
    plan = _plan(mixture, moments)
    sums = plan.sums()
    sum_candidate_sets(plain(rows), plain(weights), _candidates(sets), plan.centre, plan.densities, plan.kind, sums)
    found = plan.found(sums, weights)
    return _slowly(mixture, rows, weights, sets, moments) if found is None else found


def _slowly(mixture: Components, rows: Rows, weights: Floats, sets: CandidateSets, moments: Moments) -> Statistics:
    """The same by the twin, a few rows at a time."""
    size = reference_truncated.rows_at_once(mixture)
    total = Statistics.zero(mixture.means, moments)
    for first in range(0, len(rows), size):
        span = slice(first, min(first + size, len(rows)))
        total += reference_truncated.expect(mixture, rows[span], weights[span], sets.part(span), moments)
    return total


def best_two(mixture: Components, rows: Rows, sets: CandidateSets) -> Labels:
    """The two likeliest candidates of each row, as :func:`gaussmix.engines.reference_truncated.best_two` gives them."""
    plan, best = _plan(mixture, SCALAR), np.empty((len(rows), 2), dtype=np.intp)
    best_of_candidate_sets(plain(rows), _candidates(sets), plan.centre, plan.densities, best)
    return best
