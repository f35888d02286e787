"""Runs of EM for one problem: counted, compared, and given up where they lead nowhere."""

from dataclasses import dataclass, field

import numpy as np

from gaussmix.em import Fit, State, Status, run, run_to_limit
from gaussmix.fitting.ledger import Ledger
from gaussmix.fitting.penalty import penalized_log_posterior, rank, spike_penalty
from gaussmix.fitting.problem import Problem, Stopping, ignore
from gaussmix.fitting.schedule import SCHEDULE, Schedule
from gaussmix.mixture import Mixture
from gaussmix.sources import Source

__all__ = ["Runs"]


@dataclass(frozen=True, eq=False)
class Runs:
    """Runs of EM for one problem, over all rows or over samples.

    Attributes
    ----------
    problem : Problem
        Rows, number of components, model.
    stopping : Stopping
        When a run over all rows stops.
    schedule : Schedule
        The constants of the exploration.
    ledger : Ledger
        The passes that the runs took, and the best of them.
    """

    problem: Problem
    stopping: Stopping
    schedule: Schedule = SCHEDULE
    ledger: Ledger = field(default_factory=Ledger)

    def run(
        self,
        source: Source,
        start: Mixture | Fit,
        max_iter: int,
        *,
        above: float = -np.inf,
        accelerate: bool = False,
        watched: bool = False,
    ) -> Fit:
        """Return the run from a start over given rows.

        Parameters
        ----------
        source : Source
            All rows or a sample.
        start : Mixture or Fit
            Where the run begins. A fit that has ended is returned as it is, any other goes on.
        max_iter : int
            Largest number of steps.
        above : float
            The run is given up where it is heading for a log-posterior below this one.
        accelerate : bool
            Whether steps are accelerated, if `stopping` allows it.
        watched : bool
            Whether `stopping.watch` sees the steps.

        Raises
        ------
        KeyboardInterrupt
            After Ctrl-C. The ledger keeps the best run.
        """
        if isinstance(start, Fit) and start.status is not Status.ITERATION_LIMIT:
            return start
        return self._run(source, start, max_iter, above=above, accelerate=accelerate, watched=watched)

    def rerun(self, source: Source, start: Mixture | Fit, max_iter: int) -> Fit:
        """Return an accelerated and watched run from a start, also where the start is a fit that has ended.

        Over all rows, a test of the curvature ends the run (:func:`~gaussmix.em.run_to_limit`).
        """
        end = run_to_limit if source is self.problem.source else run
        fit = end(
            source,
            start,
            self.problem.m_step,
            tol=self.tol(source),
            max_iter=min(max_iter, self.stopping.max_iter),
            accelerate=self.stopping.accelerate,
            watch=self.stopping.watch,
        )
        return self._record(source, start, fit)

    def _run(
        self, source: Source, start: Mixture | Fit, max_iter: int, *, above: float, accelerate: bool, watched: bool
    ) -> Fit:
        def is_behind(state: State, distance: float) -> bool:
            return state.log_posterior + self.schedule.caution * distance < above

        fit = run(
            source,
            start,
            self.problem.m_step,
            tol=self.tol(source),
            max_iter=min(max_iter, self.stopping.max_iter),
            hopeless=is_behind,
            accelerate=accelerate and self.stopping.accelerate,
            watch=self.stopping.watch if watched else ignore,
        )
        return self._record(source, start, fit)

    def _record(self, source: Source, start: Mixture | Fit, fit: Fit) -> Fit:
        """Return a fit after its passes and its rank are in the ledger; raise ``KeyboardInterrupt`` after Ctrl-C."""
        before = start.state.n_passes if isinstance(start, Fit) else -1
        self.count_passes(fit.state.n_passes - before, source)
        self.ledger.best = max([*filter(None, [self.ledger.best]), fit], key=self._weight_and_rank)
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return fit

    def step(self, source: Source, mixture: Mixture) -> Mixture:
        """Return the mixture of the model after one EM step from a mixture of any form. The pass is not counted."""
        return self.problem.m_step.maximize(source.reduce(mixture, self.problem.m_step.moments), mixture.covariances)

    def count_passes(self, n_passes: float, source: Source) -> None:
        """Add passes over given rows to the ledger."""
        self.ledger.passes.append(n_passes * source.n_rows / self.problem.source.n_rows)

    def tol(self, source: Source) -> float:
        """Return the distance to its limit at which a run stops; over a sample, no less than its rows can tell."""
        if source is self.problem.source:
            return self.stopping.tol
        return max(self.stopping.tol, self.schedule.chance * self.problem.n_parameters / (2.0 * source.n_rows))

    def score(self, fit: Fit) -> float:
        """Return the log-posterior per row, less what degenerate components gain."""
        return penalized_log_posterior(self.problem, fit)

    def rank(self, fit: Fit) -> tuple[bool, float]:
        """Return the key by which fits are sorted."""
        return rank(self.problem, fit)

    def limit(self, fit: Fit) -> float:
        """Return the score that a run is heading for."""
        distance = fit.distance if np.isfinite(fit.distance) else 0.0
        return fit.state.log_posterior + distance - spike_penalty(self.problem, fit)

    def _weight_and_rank(self, fit: Fit) -> tuple[float, tuple[bool, float]]:
        return fit.state.statistics.weight, self.rank(fit)
