"""The mixtures that an exploration starts from: overfitted mixtures with merged components, and partitions."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any

import numpy as np

from gaussmix.density.mix import mix
from gaussmix.em import Status, run
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting.partitions import overfitted_starts, partition_starts
from gaussmix.fitting.problem import Problem
from gaussmix.fitting.recovery import regularize
from gaussmix.fitting.runs import Runs
from gaussmix.initialization import make_user_start, start_from
from gaussmix.initialization.assignments import from_labels
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = [
    "Start",
    "candidate_starts",
    "kmeans_start",
    "make_start",
    "plain_start",
    "regularize_all",
    "start_in_turn",
    "sure_starts",
    "user_start",
]

Start = Callable[[Problem, np.random.Generator], Mixture | None]
"""A function that makes the start of a problem; None asks for an exploration."""


def candidate_starts(
    runs: Runs, sample: ArraySource, rng: np.random.Generator, *, effort: float, most: int
) -> Iterator[Mixture]:
    """Yield the starts that race, each made when it is asked for.

    With less than full effort, overfitted mixtures come first; then the mixtures of partitions, the most promising
    first. Where the rows have no partition, the only start gives them to the components in turn.

    Parameters
    ----------
    runs : Runs
        The problem, and the ledger in which passes are counted.
    sample : ArraySource
        The rows to make starts of.
    rng : numpy.random.Generator
    effort : float
        Share of all partitions that are made, at most 1.
    most : int
        Largest number of starts.
    """
    n_made = 0
    for mixture in islice(_all_starts(runs, sample, rng, effort), most):
        n_made += 1
        yield mixture
    if not n_made:
        yield start_in_turn(runs, sample)


def regularize_all(problem: Problem) -> Problem:
    """Return the problem with a prior worth one row on each component."""
    everything = tuple(range(problem.n_components))
    return problem.with_model(regularize(problem.m_step, everything, problem.n_components, problem.variances))


def make_start(problem: Problem, make: Callable[[MStep], Mixture]) -> Mixture:
    """Return a start that is made for the model; where that collapses at once, for a regularized model."""
    try:
        return make(problem.m_step)
    except IllDefinedCovarianceError:
        return make(regularize_all(problem).m_step)


def user_start(origin: Any, problem: Problem, rng: np.random.Generator) -> Mixture:  # noqa: ANN401 - see `given`
    """Return the start that a user described; a start that collapses at once is regularized.

    Parameters
    ----------
    origin : str, array_like, Mixture or callable
        See :func:`~gaussmix.initialization.user.make_user_start`.
    problem : Problem
    rng : numpy.random.Generator
    """
    return make_start(
        problem, lambda m_step: make_user_start(origin, problem.source, problem.n_components, m_step, rng)
    )


def kmeans_start(problem: Problem, rng: np.random.Generator) -> Mixture:
    """Return the start that plain k-means on the columns makes."""
    return user_start("kmeans", problem, rng)


def start_in_turn(runs: Runs, sample: ArraySource) -> Mixture:
    """Return the start that gives the rows to the components in turn: the only start of one component."""
    n_components, m_step = runs.problem.n_components, runs.problem.m_step
    groups = sample.component_groups(n_components)
    if len(groups) > 1:
        return _step_from(runs, sample, [_in_turn(rows, _size(place), m_step) for rows, place in groups])
    return _in_turn(sample, n_components, m_step)


def _in_turn(rows: ArraySource, n_components: int, m_step: MStep) -> Mixture:
    in_turn = from_labels(np.arange(rows.n_rows) % n_components, n_components)
    return start_from(rows, in_turn, n_components, m_step)


def sure_starts(
    runs: Runs, sample: ArraySource, beside: Sequence[Mixture], rng: np.random.Generator
) -> Iterator[Mixture]:
    """Yield the starts that are run whatever the race says: plain k-means, and the starts that are known beside."""
    with suppress(IllDefinedCovarianceError):
        yield plain_start(runs, sample, rng)
    yield from beside


def plain_start(runs: Runs, sample: ArraySource, rng: np.random.Generator) -> Mixture:
    """Return the start that plain k-means on the columns makes of given rows; of classes, within each class.

    Raises
    ------
    IllDefinedCovarianceError
        If a component collapses at once.
    """
    n_components, m_step = runs.problem.n_components, runs.problem.m_step
    groups = sample.component_groups(n_components)
    if len(groups) == 1:
        return make_user_start("kmeans", sample, n_components, m_step, rng)
    return _step_from(
        runs, sample, [make_user_start("kmeans", rows, _size(place), m_step, rng) for rows, place in groups]
    )


def _all_starts(runs: Runs, sample: ArraySource, rng: np.random.Generator, effort: float) -> Iterator[Mixture]:
    problem, groups = runs.problem, sample.component_groups(runs.problem.n_components)
    if len(groups) > 1:
        yield from _starts_within(runs, sample, groups, rng, effort)
        return
    if effort < 1.0:
        for overfitted in overfitted_starts(sample, problem.n_components, problem.m_step, rng):
            try:
                thinned = _thin(runs, sample, overfitted)
            except (IllDefinedCovarianceError, np.linalg.LinAlgError):
                continue
            yield thinned
    yield from partition_starts(sample, problem.n_components, problem.m_step, rng, effort)


def _starts_within(
    runs: Runs,
    sample: ArraySource,
    groups: Sequence[tuple[ArraySource, slice]],
    rng: np.random.Generator,
    effort: float,
) -> Iterator[Mixture]:
    """Yield starts in which each class has a start of its own: first the most promising of each, then the second."""
    m_step = runs.problem.m_step
    of_each = [
        partition_starts(rows, _size(place), m_step, rng, effort) if _size(place) > 1 else [] for rows, place in groups
    ]
    for i in range(max(map(len, of_each))):
        with suppress(IllDefinedCovarianceError):
            parts = [
                starts[min(i, len(starts) - 1)] if starts else _in_turn(rows, _size(place), m_step)
                for starts, (rows, place) in zip(of_each, groups, strict=True)
            ]
            yield _step_from(runs, sample, parts)


def _step_from(runs: Runs, sample: ArraySource, parts: Sequence[Mixture]) -> Mixture:
    """Return the mixture of all classes after one EM step from the mixtures of each, which is counted as a pass."""
    groups = sample.component_groups(runs.problem.n_components)
    shares = np.array([rows.weight for rows, _ in groups]) / sample.weight
    runs.count_passes(1, sample)
    return runs.step(sample, mix(parts, shares))


def _size(place: slice) -> int:
    return int(place.stop - place.start)


def _thin(runs: Runs, sample: ArraySource, overfitted: Mixture) -> Mixture:
    """Return the mixture of K components that some steps, merges and one more step make of an overfitted mixture."""
    n_steps, accelerate = runs.schedule.thinning_steps, runs.stopping.accelerate
    fit = run(sample, overfitted, runs.problem.m_step, tol=runs.tol(sample), max_iter=n_steps, accelerate=accelerate)
    runs.count_passes(2 + fit.state.n_passes, sample)
    if fit.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return runs.step(sample, fit.state.mixture.reduce(runs.problem.n_components))
