"""EM from many starts on a small table, side by side in one batch: the comparison of starts, and short runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple, Self

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import NotPositiveDefiniteError
from gaussmix.em import Fit, State, Status
from gaussmix.em.batch import BatchEM, MixtureBatch
from gaussmix.fitting.diverse_starts import DiverseStarts
from gaussmix.fitting.partitions import same_solution
from gaussmix.fitting.penalty import losses_if_regularized
from gaussmix.fitting.problem import Problem
from gaussmix.fitting.schedule import Schedule
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = [
    "LONGEST",
    "Finalists",
    "compare_side_by_side",
    "count_starts",
    "rows_suit_batch",
    "run_side_by_side",
    "suits_short_runs",
]

_RUNGS = ((1.0, 5), (0.5, 7), (0.25, 18))
"""The share of all starts that enters each rung, the best first, and the EM steps that they take there."""
_STEPS_PER_START = sum(share * n_steps for share, n_steps in _RUNGS)
"""EM steps of all rungs for each start, on average."""
LONGEST = sum(n_steps for _, n_steps in _RUNGS)
"""EM steps of a start that goes through all rungs."""
_SECONDS, _SECONDS_PER_PRODUCT = 12e-9, 0.8e-9
"""Time of a step on one core for each row and component, and for each product of features besides."""
_FEWEST_STARTS = 16
"""Starts below which a batch does not pay: starts race one after the other."""
_AT_ONCE = 96
"""Starts of one batch. More starts take several batches, so that memory does not grow with their number."""
_FEWEST_ROWS = 4
"""Rows that a component needs at least, also of a structure with a common covariance: fewer rows are no cluster."""
_MOST_PRODUCTS = 2**12
"""Products of features in all components of a start, so that the 96 starts of a batch take a few megabytes."""
_SAME = 1.0
"""Difference in log-likelihood, in nats, up to which two mixtures may be on the way to the same optimum."""
_AGREED = 0.4
"""Share of the starts in the last rung at the leader's solution, from which no better optimum is looked for."""
_LONGEST_STEP = 2e-3
"""Seconds of a step of a short run on one core, by the same estimate, above which runs side by side gain little."""
_SMALLEST, _LARGEST = 1e-50, 1e50
"""Standard deviations of columns whose products neither over- nor underflow."""
_FARTHEST = 1e4
"""The distance of a row from the centre, in standard deviations of a column, up to which second moments about the
centre keep half of their sixteen digits."""


class Finalists(NamedTuple):
    """The mixtures to fit to their limits, the best first.

    Attributes
    ----------
    mixtures : list of Mixture
    agreed : bool
        True if so many starts led to the first mixture that a better optimum is unlikely.
    n_passes : int
        Passes over the rows that all starts took.
    """

    mixtures: list[Mixture]
    agreed: bool
    n_passes: int


def count_starts(problem: Problem, sample: ArraySource, schedule: Schedule) -> int:
    """Return the number of starts to compare side by side; 0 where the table or the model is not for a batch.

    On large tables, a start takes no longer by itself. With few rows, the best of so many starts is an accident.

    Parameters
    ----------
    problem : Problem
    sample : ArraySource
        The rows.
    schedule : Schedule
        The limits of time and number.
    """
    affordable = int(schedule.seconds_side_by_side / (_seconds_per_step(problem, sample) * _STEPS_PER_START))
    fewest_rows = schedule.roomy_side_by_side * problem.n_components * max(problem.fewest_rows, _FEWEST_ROWS)
    if affordable < _FEWEST_STARTS or sample.weight < fewest_rows or not _model_suits_batch(problem):
        return 0
    if not rows_suit_batch(sample, problem.variances):
        return 0
    if len(np.unique(sample.rows, axis=0)) <= problem.n_components:
        return 0
    return min(affordable, schedule.n_side_by_side)


def suits_short_runs(problem: Problem, sample: ArraySource) -> bool:
    """Return whether :func:`run_side_by_side` can run a model, and takes less time than runs one after the other.

    The rows must suit a batch too: see :func:`rows_suit_batch`.
    """
    return _seconds_per_step(problem, sample) < _LONGEST_STEP and _model_suits_batch(problem)


def _n_products(problem: Problem) -> int:
    """Return the number of products of features that a log-density is made of."""
    n_features = problem.source.n_features
    return n_features * (n_features + 1) // 2 if problem.m_step.structure.form.correlated else n_features


def _seconds_per_step(problem: Problem, sample: ArraySource) -> float:
    """Return a rough estimate of the time of an EM step of one mixture in a batch, in seconds on one core."""
    seconds_per_pair = _SECONDS + _SECONDS_PER_PRODUCT * _n_products(problem)
    return float(sample.n_rows * problem.n_components * seconds_per_pair)


def _model_suits_batch(problem: Problem) -> bool:
    """Return whether a batch can compute with a model: without prior or bound on eigenvalues, and with a ridge."""
    m_step = problem.m_step
    plain = m_step.prior is None and m_step.component_prior is None and m_step.eigenvalue_ratio is None
    few = problem.n_components * _n_products(problem) <= _MOST_PRODUCTS
    return plain and few and bool(m_step.ridge.min() > 0)


def rows_suit_batch(sample: ArraySource, variances: Floats) -> bool:
    """Return whether a batch can compute with rows.

    Squares must neither over- nor underflow. A row far from the others would cost the second moments their digits.

    Parameters
    ----------
    sample : ArraySource
        The rows.
    variances : (D,) ndarray
        The scale of the columns.
    """
    deviations = np.sqrt(variances)
    if deviations.min() < _SMALLEST or deviations.max() > _LARGEST:
        return False
    return bool((np.abs((sample.rows - np.median(sample.rows, axis=0)) / deviations)).max() < _FARTHEST)


def compare_side_by_side(
    problem: Problem, sample: ArraySource, n_starts: int, n_finalists: int, rng: np.random.Generator
) -> Finalists:
    """Return the best mixtures at different solutions, after EM steps from starts of several families.

    At each rung, starts with a lower log-likelihood are left out (successive halving).

    Parameters
    ----------
    problem : Problem
    sample : ArraySource
        The rows.
    n_starts : int
        From :func:`count_starts`.
    n_finalists : int
        Largest number of mixtures to return.
    rng : numpy.random.Generator
    """
    comparison, n_batches = _Comparison.of(problem, sample), ceil(n_starts / _AT_ONCE)
    try:
        with np.errstate(all="ignore"):  # a mixture that degenerates has no finite score, and is left out
            raced = [comparison.race(ceil(n_starts / n_batches), n_finalists, rng) for _ in range(n_batches)]
    except np.linalg.LinAlgError:  # a family gave a component without spread, in spite of the floor
        return Finalists([], agreed=False, n_passes=0)
    batch = MixtureBatch.joined([one.batch for one in raced])
    scores = np.concatenate([one.scores for one in raced])
    order = _best(scores, len(scores))
    mixtures, agreed = _distinct(batch.take(order), scores[order], n_finalists)
    return Finalists(mixtures, agreed, sum(one.n_passes for one in raced))


def run_side_by_side(
    problem: Problem, sample: ArraySource, starts: Sequence[Mixture], n_steps: int, n_kept: int
) -> list[Fit]:
    """Return the best of short EM runs from given mixtures, the best first; none where all collapse.

    The runs have the log-likelihoods of all their steps, so that :func:`~gaussmix.em.run` goes on where they end. Their
    covariances have the shapes that the structure allows, but the form of matrices or variances.

    Parameters
    ----------
    problem : Problem
    sample : ArraySource
        The rows.
    starts : sequence of Mixture
        At least one, without correlations if the structure has none.
    n_steps : int
        EM steps, at least 1.
    n_kept : int
        Largest number of runs to return.
    """
    comparison = _Comparison.of(problem, sample)
    batch = MixtureBatch.of(starts, correlated=comparison.em.correlated)
    paths, scores = np.empty((len(batch), 0)), np.empty(0)
    with np.errstate(all="ignore"):  # a mixture that degenerates has no finite score, and is left out
        for _ in range(n_steps):
            places, batch, log_likelihood, scores = comparison.run(batch, 1)
            if not len(batch):
                return []
            paths = np.column_stack([paths[places], log_likelihood])
    fits: list[Fit] = []
    for i in _best(scores, n_kept).tolist():
        try:
            mixture = batch.mixture(i)
            statistics = sample.reduce(mixture, problem.m_step.moments)
        except (NotPositiveDefiniteError, np.linalg.LinAlgError):
            continue
        state = State(mixture, statistics, n_steps)
        history = (*(paths[i] / sample.weight).tolist(), state.log_posterior)
        fits.append(Fit(state, history, Status.ITERATION_LIMIT, skipped=(np.nan,) * len(history)))
    return fits


class _Moved(NamedTuple):
    """The mixtures of a batch after some steps, without those that collapsed.

    Attributes
    ----------
    places : (S,) ndarray of int
        The places of the mixtures in the batch before.
    batch : MixtureBatch
    log_likelihood : (S,) ndarray
        In nats, before the last step.
    scores : (S,) ndarray
        The log-likelihoods without what components with too few rows gain, in nats.
    """

    places: Labels
    batch: MixtureBatch
    log_likelihood: Floats
    scores: Floats


class _Raced(NamedTuple):
    """The mixtures of a batch that are left after the last rung, and their scores, the best first."""

    batch: MixtureBatch
    scores: Floats
    n_passes: int


@dataclass(frozen=True, eq=False)
class _Comparison:
    """The comparison of starts for one problem."""

    problem: Problem
    em: BatchEM

    @classmethod
    def of(cls, problem: Problem, sample: ArraySource) -> Self:
        m_step = problem.m_step
        rows = np.asarray(sample.rows, dtype=np.float64)
        ridge, rounding, least = m_step.ridge, m_step.rounding, None
        if rounding is not None:
            least = np.where(rounding > 0, rounding, ridge)
        em = BatchEM(rows, sample.sample_weight, m_step.structure, ridge, m_step.equal_weights, least)
        return cls(problem, em)

    def race(self, n_starts: int, n_finalists: int, rng: np.random.Generator) -> _Raced:
        """Return the mixtures that are left of one batch of starts."""
        batch, n_passes = DiverseStarts(self.em, self.problem.n_components, rng).make(n_starts)
        n_made, scores = len(batch), np.zeros(len(batch))
        for share, n_steps in _RUNGS:
            batch = batch.take(_best(scores, max(n_finalists, round(share * n_made))))
            n_passes += n_steps * len(batch)
            _, batch, _, scores = self.run(batch, n_steps)
        order = _best(scores, len(scores))
        return _Raced(batch.take(order), scores[order], n_passes)

    def run(self, batch: MixtureBatch, n_steps: int) -> _Moved:
        """Return the batch after some steps, without mixtures that collapse."""
        try:
            moved, log_likelihood, mass = self.em.run(batch, n_steps)
        except np.linalg.LinAlgError:
            return self._run_halves(batch, n_steps)
        scores = log_likelihood - self._spike_penalty(mass, moved.covariances)
        places = np.flatnonzero(np.isfinite(scores))
        return _Moved(places, moved.take(places), log_likelihood[places], scores[places])

    def _run_halves(self, batch: MixtureBatch, n_steps: int) -> _Moved:
        """Return the batch after some steps of each half, in one of which a mixture collapses."""
        if len(batch) == 1:
            return _Moved(np.empty(0, np.intp), batch.take(slice(0)), np.empty(0), np.empty(0))
        middle = len(batch) // 2
        left, right = (self.run(batch.take(half), n_steps) for half in (slice(middle), slice(middle, None)))
        places = np.concatenate([left.places, middle + right.places])
        batch = MixtureBatch.joined([left.batch, right.batch])
        log_likelihood = np.concatenate([left.log_likelihood, right.log_likelihood])
        return _Moved(places, batch, log_likelihood, np.concatenate([left.scores, right.scores]))

    def _spike_penalty(self, mass: Floats, covariances: Floats) -> Floats:
        """Return what components with too few rows gain, in nats (:func:`~gaussmix.fitting.penalty.spike_penalty`)."""
        few, penalty = mass < self.problem.fewest_rows, np.zeros(len(mass))
        if few.any():
            own = covariances[few] if self.em.correlated else covariances[few][..., None] * np.eye(len(self.em.ridge))
            loss = losses_if_regularized(own, mass[few], self.problem.variances, self.problem.n_components)
            np.add.at(penalty, np.nonzero(few)[0], loss)
        return penalty


def _best(scores: Floats, most: int) -> Labels:
    """Return the places of the highest scores, the best first."""
    return np.argsort(-scores, kind="stable")[:most]


def _distinct(batch: MixtureBatch, scores: Floats, n_finalists: int) -> tuple[list[Mixture], bool]:
    """Return the best mixtures of which no two are on the way to the same optimum, and whether most are at the first.

    Parameters
    ----------
    batch : MixtureBatch
        The mixtures, the best first.
    scores : (S,) ndarray
    n_finalists : int
        Largest number of mixtures to return.
    """
    found: list[tuple[float, Mixture]] = []
    n_at_first = 0
    for i, score in enumerate(scores.tolist()):
        try:
            mixture = batch.mixture(i)
        except NotPositiveDefiniteError:
            continue
        same = [j for j, (best, other) in enumerate(found) if best - score < _SAME and same_solution(other, mixture)]
        if not same and len(found) < n_finalists:
            same = [len(found)]
            found.append((score, mixture))
        n_at_first += 0 in same
    return [mixture for _, mixture in found], n_at_first >= _AGREED * len(batch)
