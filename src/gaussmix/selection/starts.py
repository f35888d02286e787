"""The starts of an evaluation: mixtures from partitions of the rows, and from the fits of neighbouring models.

The neighbours of a model are the models with the same structure and one component more or fewer, and the models with as
many components and another structure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from gaussmix import initialization
from gaussmix._cached_property import cached_property
from gaussmix.covariances import Covariances, NotPositiveDefiniteError, stays_diagonal
from gaussmix.density.reduction import cheapest_merges, split
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting.schedule import Schedule
from gaussmix.fitting.side_by_side import compare_side_by_side, count_starts
from gaussmix.mixture import Mixture
from gaussmix.moments import POOLED, SCALAR, Moments
from gaussmix.selection.candidate import Candidate, Candidates, best_sound
from gaussmix.selection.search import Search
from gaussmix.sources import ArraySource, Assignment, Source
from gaussmix.statistics import Statistics
from gaussmix.structures import EEE

__all__ = [
    "Start",
    "StartFromMixture",
    "compared_starts",
    "nested_starts",
    "partition_starts",
    "pooled_covariance",
    "split_starts",
    "starts_after_merges",
    "starts_after_splits",
]

Start = Callable[[MStep], Mixture]
"""A function from a model to the mixture of this model that EM starts from."""

_N_MERGES = 2
"""Merges, those that cost least by Runnalls' bound, that are starts in each sweep down."""

_N_SPLITS = 3
"""Splits, those with the highest log-likelihoods, that are starts in each sweep up."""


@dataclass(frozen=True, eq=False)
class StartFromMixture:
    """The start of any model after one EM step from a mixture, whatever the structure of its covariances.

    Attributes
    ----------
    source : Source
        The rows.
    mixture : Mixture
    """

    source: Source
    mixture: Mixture

    def __call__(self, m_step: MStep) -> Mixture:
        """Return the mixture of a model."""
        return m_step.maximize(self._sums(m_step.moments), self.mixture.covariances)

    @cached_property
    def _sums(self) -> Callable[[Moments], Statistics]:
        """The sums over the rows under the mixture, which are made once for models with the same moments."""
        return cache(partial(self.source.reduce, self.mixture))


def pooled_covariance(search: Search) -> Covariances | None:
    """Return the covariance of all rows, from which structures with shared axes begin to iterate.

    It is None where no structure has axes of its own, or the rows have no spread in some direction.
    """
    source = search.source
    if all(stays_diagonal(m_step.structure.form, source.n_features) for m_step in search.fitted_models):
        return None
    mean, _ = initialization.column_moments(source)
    everything = source.summarize(lambda _, rows: np.ones((len(rows), 1)), mean[None], POOLED)
    try:
        return MStep(EEE(), search.m_steps[0].ridge).maximize(everything).covariances
    except IllDefinedCovarianceError:
        return None


def partition_starts(
    search: Search,
    k: int,
    partition: Callable[[int], Assignment],
    init: Covariances | None,
    rng: np.random.Generator,
) -> list[Start]:
    """Return the starts from partitions of the rows into K clusters: one of the tree, and those of k-means.

    Parameters
    ----------
    search : Search
    k : int
        K.
    partition : callable
        From K to the partition of the tree.
    init : Covariances or None
        The covariances from which structures with shared axes begin to iterate.
    rng : numpy.random.Generator
        For k-means.
    """
    assignments = [partition(k)]
    if k > 1:
        assignments += [initialization.NAMED_STARTS["kmeans"](search.source, k, rng) for _ in range(search.n_init)]
    return [_partition_start(search, one, k, init) for one in assignments]


def _partition_start(search: Search, assignment: Assignment, k: int, init: Covariances | None) -> Start:
    """Return the start from a partition; its sums are made once for all structures with the same moments."""
    means = initialization.compute_means(search.source, assignment, k)
    sums = {
        moments: search.source.summarize(assignment, means, moments)
        for moments in dict.fromkeys(m_step.moments for m_step in search.fitted_models)
    }
    return lambda m_step: m_step.maximize(sums[m_step.moments], init)


def split_starts(search: Search, candidates: Candidates, k: int) -> list[Start]:
    """Return the start from the best mixture with fewer components, whatever its structure, after splits.

    There is none where no model has fewer components, or its best mixture is too close to singular to be split.
    """
    fewer = [one for one in candidates.values() if one.fit and one.n_components < k]
    most = max((one.n_components for one in fewer), default=0)
    best = best_sound([one for one in fewer if one.n_components == most], search.criterion)
    if best is None:
        return []
    try:
        return _as_starts(search.source, [_split_to(search.source, best.mixture, k)])
    except (NotPositiveDefiniteError, np.linalg.LinAlgError):
        return []


def compared_starts(search: Search, candidate: Candidate, schedule: Schedule, rng: np.random.Generator) -> list[Start]:
    """Return the best of starts of several families, compared side by side; none where the table is too large.

    Parameters
    ----------
    search : Search
    candidate : Candidate
        The model.
    schedule : Schedule
        The number of starts.
    rng : numpy.random.Generator
    """
    source, k = search.source, candidate.n_components
    if not isinstance(source, ArraySource) or not 1 < k <= source.n_rows:
        return []
    problem = search.problem(candidate.m_step, k)
    n_starts = count_starts(problem, source, schedule)
    if not n_starts:
        return []
    finalists = compare_side_by_side(problem, source, n_starts, schedule.n_finalists_side_by_side, rng)
    return _as_starts(source, finalists.mixtures)


def starts_after_merges(search: Search, candidates: Candidates, candidate: Candidate) -> list[Start]:
    """Return the starts of a model in a sweep down.

    They are the fit of its own structure with more components, after merges, and the best fit of a nested structure.
    """
    more = min(k for k in search.n_components if k > candidate.n_components)
    above = candidates[candidate.structure, more]
    merged = _merges(above.mixture, candidate.n_components, _N_MERGES * search.n_walks) if above.fit else []
    return [*_as_starts(search.source, merged), *nested_starts(search, candidates, candidate)]


def nested_starts(search: Search, candidates: Candidates, candidate: Candidate) -> list[Start]:
    """Return the start from the best fit of a structure nested in the model's own, if it is better than the model's.

    A nested structure can only have a better fit where the larger structure lacked a good start.
    """
    nested = [one for one in _others(candidates, candidate) if candidate.structure.contains(one.structure)]
    best = max(nested, key=lambda one: one.rank, default=candidate)
    return _as_starts(search.source, [best.mixture]) if best.rank > candidate.rank else []


def starts_after_splits(search: Search, candidates: Candidates, candidate: Candidate) -> list[Start]:
    """Return the starts of a model in a sweep up.

    They are the fit of its own structure with fewer components, after splits, and the fits of the structures whose
    names differ in one letter.
    """
    k = candidate.n_components
    below = candidates[candidate.structure, max(n for n in search.n_components if n < k)]
    mixtures = []
    if below.fit:
        mixtures += _splits(search.source, _split_to(search.source, below.mixture, k - 1))[:_N_SPLITS]
    others = _others(candidates, candidate)
    similar = [one for one in others if candidate.structure.is_neighbour(one.structure)]
    return _as_starts(search.source, [*mixtures, *(one.mixture for one in similar)])


def _merges(mixture: Mixture, k: int, most: int) -> list[Mixture]:
    """Return the mixtures with K components after the merges that cost least, at most so many."""
    while mixture.n_components > k + 1:
        mixture = cheapest_merges(mixture, 1)[0]
    return cheapest_merges(mixture, most)


def _split_to(source: Source, mixture: Mixture, k: int) -> Mixture:
    """Return a mixture with components split until there are K, each time the split with the highest likelihood."""
    while mixture.n_components < k:
        mixture = _splits(source, mixture)[0]
    return mixture


def _splits(source: Source, mixture: Mixture) -> list[Mixture]:
    """Return the mixtures with one of the components split, in descending order of their log-likelihoods."""
    mixtures = [split(mixture, j) for j in range(mixture.n_components)]
    return sorted(mixtures, key=lambda one: -source.reduce(one, SCALAR).log_likelihood)


def _others(candidates: Candidates, candidate: Candidate) -> list[Candidate]:
    """Return the fitted models with as many components and any structure."""
    return [one for (_, k), one in candidates.items() if k == candidate.n_components and one.fit]


def _as_starts(source: Source, mixtures: Sequence[Mixture]) -> list[Start]:
    return [StartFromMixture(source, mixture) for mixture in mixtures]
