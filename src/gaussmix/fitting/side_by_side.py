"""The comparison of many starts on a small table, side by side in one batch."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import NotPositiveDefiniteError
from gaussmix.em.batch import BatchEM, MixtureBatch
from gaussmix.fitting.diverse_starts import DiverseStarts
from gaussmix.fitting.partitions import same_solution
from gaussmix.fitting.problem import Problem
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["Finalists", "compare_side_by_side", "count_starts"]

_BUDGET = 0.1
"""Time, in seconds on one core, that all steps together may take by the estimate below."""
_FEWEST_STARTS, _MOST_STARTS = 16, 96
"""Starts of the smallest and the largest batch. Of 69 models with three components, 96 starts led to the best known
optimum in 99 %, 48 starts in 94 %, and 28 starts in 88 to 93 %."""
_RUNGS = ((5, 0.5), (7, 0.25), (18, 0.0))
"""Steps of each rung, and the share of all starts that goes on afterwards."""
_N_FINALISTS = 4
"""Mixtures at different solutions that are fitted to their limits."""
_NANOSECONDS, _NANOSECONDS_PER_PRODUCT = 12.0, 0.8
"""Time of a step for each row and component, and for each product of features besides."""
_STEPS_PER_START = sum(steps * share for (steps, _), share in zip(_RUNGS, (1.0, *(s for _, s in _RUNGS)), strict=False))
_SAME = 1.0
"""Difference in log-likelihood, in nats, up to which two mixtures may be on the way to the same optimum."""
_AGREED = 0.4
"""Share of the starts in the last rung at the leader's solution, from which no better optimum is looked for."""
_SMALLEST, _LARGEST = 1e-50, 1e50
"""Standard deviations of columns whose products neither over- nor underflow."""


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


def count_starts(problem: Problem, sample: ArraySource) -> int:
    """Return the number of starts to compare side by side; 0 where the table or the model is not for a batch.

    Batches know neither priors nor bounds on eigenvalues, and on large tables a start takes less time by itself.
    """
    m_step, n_features = problem.m_step, sample.n_features
    deviations = np.sqrt(problem.variances)
    plain = m_step.prior is None and m_step.component_prior is None and m_step.eigenvalue_ratio is None
    if not plain or deviations.min() < _SMALLEST or deviations.max() > _LARGEST:
        return 0
    n_products = n_features * (n_features + 1) // 2 if m_step.structure.form.correlated else n_features
    time = 1e-9 * sample.n_rows * problem.n_components * (_NANOSECONDS + _NANOSECONDS_PER_PRODUCT * n_products)
    affordable = int(_BUDGET / (time * _STEPS_PER_START))
    return min(affordable, _MOST_STARTS) if affordable >= _FEWEST_STARTS else 0


def compare_side_by_side(problem: Problem, sample: ArraySource, n_starts: int, rng: np.random.Generator) -> Finalists:
    """Return the best mixtures at different solutions, after steps of EM from starts of several families.

    At each rung, starts with a lower log-likelihood are left out (successive halving).

    Parameters
    ----------
    problem : Problem
    sample : ArraySource
        The rows.
    n_starts : int
        From :func:`count_starts`.
    rng : numpy.random.Generator
    """
    comparison = _Comparison.of(problem, sample)
    batch = DiverseStarts(comparison.em, problem.n_components, rng).make(n_starts)
    n_made, n_passes = len(batch), 0
    for steps, share in _RUNGS:
        n_passes += steps * len(batch)
        batch, scores = comparison.run(batch, steps)
        order = np.argsort(-scores, kind="stable")[: max(_N_FINALISTS, round(share * n_made)) if share else None]
        order = order[np.isfinite(scores[order])]
        batch, scores = batch.take(order), scores[order]
    return comparison.distinct(batch, scores, n_passes)


@dataclass(frozen=True, eq=False)
class _Comparison:
    problem: Problem
    em: BatchEM

    @classmethod
    def of(cls, problem: Problem, sample: ArraySource) -> "_Comparison":
        m_step = problem.m_step
        floor = m_step.ridge if m_step.rounding is None else m_step.ridge + m_step.rounding
        rows = np.asarray(sample.rows, dtype=np.float64)
        return cls(problem, BatchEM(rows, sample.sample_weight, m_step.structure, floor, m_step.equal_weights))

    def run(self, batch: MixtureBatch, n_steps: int) -> tuple[MixtureBatch, Floats]:
        """Return the batch after some steps, and the scores of the mixtures; without mixtures that collapsed."""
        sound = batch
        try:
            moved, log_likelihood, mass = self.em.run(batch, n_steps)
        except np.linalg.LinAlgError:  # at least one mixture collapsed: the others go on
            parts = [self._run_alone(batch.take(slice(i, i + 1)), n_steps) for i in range(len(batch))]
            found = [part for part in parts if part is not None]
            if not found:
                return sound.take(slice(0)), np.empty(0)
            moved = MixtureBatch.joined([part[0] for part in found])
            log_likelihood, mass = (np.concatenate([part[i] for part in found]) for i in (1, 2))
        return moved, log_likelihood - self._spike_penalty(mass, moved.covariances)

    def _run_alone(self, batch: MixtureBatch, n_steps: int) -> tuple[MixtureBatch, Floats, Floats] | None:
        try:
            return self.em.run(batch, n_steps)
        except np.linalg.LinAlgError:
            return None

    def _spike_penalty(self, mass: Floats, covariances: Floats) -> Floats:
        """Return what components with too few rows gain, in nats: see :func:`~gaussmix.fitting.penalty.spike_penalty`."""
        few = mass < self.problem.fewest_rows
        penalty = np.zeros(len(mass))
        if not few.any():
            return penalty
        n_components, n_features = self.problem.n_components, self.em.rows.shape[1]
        pseudo = self.problem.variances / n_components ** (2.0 / n_features)
        own = covariances[few]
        if own.ndim == 2:
            own = own[..., None] * np.eye(n_features)
        rows = mass[few]
        wider = (rows[:, None, None] * own + np.diag(pseudo)) / (rows[:, None, None] + 1.0)
        ratios = np.linalg.solve(wider, own)
        loss = np.trace(ratios, axis1=1, axis2=2) - n_features - np.linalg.slogdet(ratios)[1]
        np.add.at(penalty, np.nonzero(few)[0], 0.5 * rows * loss)
        return penalty

    def distinct(self, batch: MixtureBatch, scores: Floats, n_passes: int) -> Finalists:
        """Return the best mixtures of which no two are on the way to the same optimum."""
        found: list[tuple[float, Mixture]] = []
        n_first = 0
        for i in range(len(batch)):
            try:
                mixture = batch.mixture(i)
            except (NotPositiveDefiniteError, np.linalg.LinAlgError):
                continue
            same = [j for j, (score, other) in enumerate(found) if score - scores[i] < _SAME and same_solution(mixture, other)]
            n_first += bool(same and same[0] == 0)
            if not same and len(found) < _N_FINALISTS:
                found.append((float(scores[i]), mixture))
        agreed = 1 + n_first >= _AGREED * len(batch)
        return Finalists([mixture for _, mixture in found], agreed, n_passes)
