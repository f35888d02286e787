"""The truncated E-step, compiled: the same results as :mod:`gaussmix.engines.reference_truncated`, faster.

The plan of a mixture is the general plan of the pass over all components. The loops over candidate sets are in
:mod:`gaussmix.engines.fused._candidates`.
"""

from functools import lru_cache

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines import reference_truncated
from gaussmix.engines.candidate_sets import CandidateSets
from gaussmix.engines.fused._candidates import Candidates, find_best_candidates, sum_candidate_sets
from gaussmix.engines.fused.plans import Plan, general, plain
from gaussmix.moments import SCALAR, Moments
from gaussmix.statistics import Statistics

__all__ = ["best_two", "expect", "rows_at_once"]

# Least number of rows in a block, in total and for each component. The work of such a block is large compared with its
# overhead in Python, and with the addition of the sums of all K components.
_ROWS = 2**14
_ROWS_PER_COMPONENT = 4


@lru_cache(maxsize=4)
def _plan(mixture: Components, moments: Moments) -> Plan:
    """Return the plan of a mixture, which is cached for the next blocks."""
    return general(mixture, moments)


def rows_at_once(mixture: Components) -> int:
    """Return the number of rows of a block."""
    return max(_ROWS, _ROWS_PER_COMPONENT * mixture.n_components)


def _candidates(sets: CandidateSets) -> Candidates:
    return Candidates(sets.starts, sets.members, sets.member_starts)


def expect(mixture: Components, rows: Rows, weights: Floats, sets: CandidateSets, moments: Moments) -> Statistics:
    """Return the statistics of a block of rows; see :func:`gaussmix.engines.reference_truncated.expect`.

    The kernels release the global interpreter lock. Responsibilities below 1e-16 are ignored. Blocks with a sum that is
    not finite, because a row is far from all means, are evaluated in NumPy.
    """
    plan = _plan(mixture, moments)
    sums = plan.sums()
    sum_candidate_sets(plain(rows), plain(weights), _candidates(sets), plan.centre, plan.densities, plan.kind, sums)
    statistics = plan.statistics(sums, weights)
    return _expect_in_numpy(mixture, rows, weights, sets, moments) if statistics is None else statistics


def _expect_in_numpy(
    mixture: Components, rows: Rows, weights: Floats, sets: CandidateSets, moments: Moments
) -> Statistics:
    """Return the statistics of a block of rows, computed in NumPy, a few rows at a time."""
    size = reference_truncated.rows_at_once(mixture)
    total = Statistics.zero(mixture.means, moments)
    for first in range(0, len(rows), size):
        span = slice(first, min(first + size, len(rows)))
        total += reference_truncated.expect(mixture, rows[span], weights[span], sets.part(span), moments)
    return total


def best_two(mixture: Components, rows: Rows, sets: CandidateSets) -> Labels:
    """Return the two most probable candidates of rows; see :func:`gaussmix.engines.reference_truncated.best_two`."""
    plan, best = _plan(mixture, SCALAR), np.empty((len(rows), 2), dtype=np.intp)
    find_best_candidates(plain(rows), _candidates(sets), plan.centre, plan.densities, best)
    return best
