"""Split and merge: two components become one, and the place that is left splits a third."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import Covariances, Diagonal, Full, stays_diagonal
from gaussmix.density.mix import mix
from gaussmix.density.reduction import merge, merge_costs
from gaussmix.density.subset import subset
from gaussmix.em import Fit, Status
from gaussmix.em.m_step import IllDefinedCovarianceError
from gaussmix.fitting.penalty import underpopulated
from gaussmix.fitting.runs import Runs
from gaussmix.fitting.split_candidates import SplitCandidate, cost_of_splits, split_candidates
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["moves", "split_and_merge"]

_LEAST_GAIN = -0.4  # smallest predicted gain, in nats per row, of a move that is tried: predictions err by that much


def split_and_merge(runs: Runs, sample: ArraySource, best: Fit, rng: np.random.Generator, limit: float) -> Fit:
    """Return the best fit after moves, which go on for as long as they find a better fit.

    Parameters
    ----------
    runs : Runs
        The problem, the schedule and the ledger.
    sample : ArraySource
        The rows that are explored.
    best : Fit
        The fit to begin with.
    rng : numpy.random.Generator
    limit : float
        Passes in the ledger after which no move begins.

    References
    ----------
    Ueda, Nakano, Ghahramani & Hinton (2000), Neural Computation 12: split and merge EM.
    """
    schedule, ledger, n_left = runs.schedule, runs.ledger, runs.schedule.n_moves
    if runs.stopping.max_iter == 0 or runs.problem.n_components > schedule.most_components:
        return best
    while n_left > 0 and ledger.n_passes < limit:
        better = None
        for moved in islice(_proposals(runs, sample, best, rng), min(n_left, schedule.n_moves_at_once)):
            n_left -= 1
            better = _try_move(runs, sample, moved, best)
            if better or ledger.n_passes > limit:
                break
        if better is None:
            return best
        best = better
    return best


def _proposals(runs: Runs, sample: ArraySource, best: Fit, rng: np.random.Generator) -> Iterator[Mixture]:
    """Yield the mixtures after a move: of rows with classes, moves within each class, one class after the other."""
    mixture, few = best.state.mixture, underpopulated(runs.problem, best)
    groups = sample.component_groups(mixture.n_components)
    parts = [mixture] if len(groups) == 1 else [subset(mixture, components) for _, components in groups]
    shares = np.array([mixture.weights[components].sum() for _, components in groups])
    for i, (rows, components) in enumerate(groups):
        members = range(*components.indices(mixture.n_components))
        if len(members) < runs.schedule.components_of_a_move:
            continue
        candidates = _count_and_split(runs, rows, parts[i], rng)
        for moved in moves(parts[i], candidates, tuple(members.index(k) for k in few if k in members)):
            yield mix([*parts[:i], moved, *parts[i + 1 :]], shares / shares.sum())


def _count_and_split(
    runs: Runs, rows: ArraySource, mixture: Mixture, rng: np.random.Generator
) -> list[SplitCandidate | None]:
    """Return the components as two, and add the cost to the ledger."""
    try:
        candidates = split_candidates(rows, mixture, runs.problem.m_step, rng)
    except np.linalg.LinAlgError:  # a component is so nearly singular that it cannot be cut
        return [None] * mixture.n_components
    runs.count_passes(cost_of_splits(rows, mixture, runs.problem.m_step), rows)
    return candidates


def _try_move(runs: Runs, sample: ArraySource, moved: Mixture, best: Fit) -> Fit | None:
    """Return the fit from a move, if it is better."""
    schedule, before = runs.schedule, runs.rank(best)
    try:
        first = runs.step(sample, moved)
    except IllDefinedCovarianceError:
        return None
    runs.count_passes(1, sample)
    fit = runs.run(sample, first, schedule.trial_steps, above=before[1])
    fit = runs.run(sample, fit, schedule.long_run, above=before[1], accelerate=True)
    after = runs.rank(fit)
    better = after[0] > before[0] or (after[0] == before[0] and after[1] > before[1] + schedule.better)
    return fit if better and fit.status is not Status.BEHIND else None


def moves(mixture: Mixture, candidates: list[SplitCandidate | None], few: tuple[int, ...] = ()) -> Iterator[Mixture]:
    """Yield mixtures with two components merged and a third split, the most promising first.

    A move promises the gain of the split less the loss of the merge by Runnalls' bound; each merge and each split is
    offered once. The merge of an underpopulated component with its nearest neighbour costs nothing.

    Parameters
    ----------
    mixture : Mixture
        At least three components, or there is no move.
    candidates : list of SplitCandidate or None
        From :func:`~gaussmix.fitting.split_candidates.split_candidates`.
    few : tuple of int
        Underpopulated components, which are not worth keeping.
    """
    costs = _merge_costs(mixture, few)
    gains = np.array([candidate.gain if candidate else -np.inf for candidate in candidates])
    left, right = np.triu_indices(mixture.n_components, 1)
    promises = gains[None, :] - costs[left, right][:, None]
    pairs = np.arange(len(left))
    promises[pairs, left] = promises[pairs, right] = -np.inf
    while promises.size and promises.max() > _LEAST_GAIN:
        pair, k = np.unravel_index(np.argmax(promises), promises.shape)
        candidate = candidates[k]
        if candidate is not None:
            yield _move(mixture, int(left[pair]), int(right[pair]), int(k), candidate)
        promises[pair], promises[:, k] = -np.inf, -np.inf


def _merge_costs(mixture: Mixture, few: tuple[int, ...]) -> Floats:
    costs = merge_costs(mixture)
    for k in few:
        costs[k] -= costs[k].min()
        costs[:, k] = costs[k]
    return costs


def _move(mixture: Mixture, i: int, j: int, k: int, candidate: SplitCandidate) -> Mixture:
    """Return the mixture with components i and j merged, and k split; the two new components are the last."""
    fewer = merge(mixture, i, j)
    place = k - (i < k) - (j < k)
    others = np.delete(np.arange(fewer.n_components), place)
    two = candidate.mixture
    return Mixture(
        np.concatenate([fewer.weights[others], fewer.weights[place] * two.weights]),
        np.concatenate([fewer.means[others], two.means]),
        _join(fewer, others, two),
    )


def _join(mixture: Mixture, components: Labels, other: Mixture) -> Covariances:
    """Return the covariances of some components, and of another mixture after them."""
    if stays_diagonal(mixture.covariances, mixture.n_features):
        parts = [each.covariances.variances(*each.means.shape) ** 0.5 for each in (mixture, other)]
        return Diagonal(np.concatenate([parts[0][components], parts[1]]))
    return Full(np.concatenate([mixture.factors[components], other.factors]))
