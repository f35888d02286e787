"""Truncated EM: rounds of EM with fixed candidate sets, between which each row looks for better candidates."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from gaussmix._types import Labels
from gaussmix.em import Fit, Status, iterate, run
from gaussmix.em.m_step import MStep
from gaussmix.fitting.penalty import penalized_log_posterior
from gaussmix.fitting.problem import Problem, Stopping
from gaussmix.fitting.recovery import recover
from gaussmix.fitting.report import FitReport, count_equal_rows
from gaussmix.fitting.starts import Start, make_start
from gaussmix.initialization.two_level_kmeans import start_from_two_levels
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.sources.truncated import TruncatedSource

__all__ = ["TruncatedReport", "fit_truncated", "two_level_start"]

_FIRST_STEPS = 3  # steps of EM in the first round; each round takes twice the steps of the round before
_FIRST_NEIGHBOURS = 512  # neighbours of a component in the first round, halved in each: components are wide at first
_FEWEST_NEIGHBOURS = 64  # neighbours of a component in the last rounds


@dataclass(frozen=True, eq=False)
class TruncatedReport(FitReport):
    """The end of truncated EM: its history is of lower bounds, its last state is from an exact pass."""

    objective: ClassVar[str] = "bound"

    def _ending(self, tol: float) -> str:
        above = max(self.fit.state.log_posterior - self.fit.history[-1], 0.0)  # which rounding can undercut
        return f"{super()._ending(tol)} The log-likelihood of all rows is {above:.2g} per row above the bound."


def fit_truncated(problem: Problem, stopping: Stopping, start: Start, rng: np.random.Generator) -> FitReport:
    r"""Return the report of a fit by truncated EM, in which a row looks at a few candidate components.

    1. An exact pass finds the two most probable components of each row.
    2. The rows of one most probable component share a set of candidates: the component's neighbours, 512 at first, the
       second most probable component of each row, and a few at random.
    3. A round of accelerated EM with these candidates, of three steps at first. Its lower bound never falls.
    4. Each row looks for its two most probable components again, among the candidates. The next round has half the
       neighbours, but at least 64, and twice the steps. Rounds go on until neither a step nor a change of candidates
       promises to gain `tol`.
    5. An exact pass gives the log-likelihood.

    Parameters
    ----------
    problem : Problem
        Rows in an array, number of components, and model.
    stopping : Stopping
        `tol` is the distance of the bound to its limit, `max_iter` counts the steps of all rounds, and the states that
        are watched have the bound for their log-likelihood.
    start : callable
        The start; where it asks for an exploration, k-means in two levels takes its place.
    rng : numpy.random.Generator
        For the start and the random candidates.

    Returns
    -------
    TruncatedReport
        Passes count by what rows look at: a pass in which each row looks at a tenth of the components is a tenth.

    References
    ----------
    Forster & Lücke (2018), AISTATS, for candidates from neighbours; Hirschberger, Forster & Lücke (2022), IEEE
    Transactions on Pattern Analysis and Machine Intelligence 44, for very many components. They let each row have
    candidates of its own; here the rows of a set share them, so that these rows are computed side by side.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.fitting import Problem, Stopping
    >>> from gaussmix.fitting.truncated_em import fit_truncated
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = np.random.default_rng(0).normal(size=(100, 2))
    >>> problem = Problem.of(ArraySource(rows), 3, MStep(named("full"), ridge=np.full(2, 1e-6)))
    >>> stopping, rng = Stopping(tol=1e-4, max_iter=100), np.random.default_rng(0)
    >>> report = fit_truncated(problem, stopping, lambda problem, rng: None, rng)
    >>> report.fit.state.mixture.n_components
    3
    """
    return _Rounds(_array(problem), problem, stopping, rng).fit(start(problem, rng) or two_level_start(problem, rng))


def two_level_start(problem: Problem, rng: np.random.Generator) -> Mixture:
    """Return the mixture that k-means in two levels makes, for very many components."""
    return make_start(problem, lambda m_step: start_from_two_levels(_array(problem), problem.n_components, m_step, rng))


def _array(problem: Problem) -> ArraySource:
    """Return the rows, which are taken in the order of their components."""
    if not isinstance(problem.source, ArraySource):
        msg = "algorithm='truncated' needs rows in an array, which may be memory-mapped, got "
        raise TypeError(f"{msg}{type(problem.source).__name__}.")
    return problem.source


@dataclass(frozen=True, eq=False)
class _Rounds:
    """The rounds of truncated EM for one problem."""

    source: ArraySource
    problem: Problem
    stopping: Stopping
    rng: np.random.Generator

    def fit(self, start: Mixture) -> FitReport:
        """Return the report of all rounds, also where a component collapses or Ctrl-C is pressed."""
        n_components, m_step, n_round = start.n_components, self.problem.m_step, 0
        best = TruncatedSource.among_all(self.source, n_components).best_two(start)
        rows = self._with_candidates(start, best, 0)
        fit = self._run(rows, start, m_step, 0)
        evaluations = [
            2 * n_components,
            rows.n_candidates,
        ]  # of components for each row, in the passes so far and to come
        while fit.state.n_iter < self.stopping.max_iter and fit.status is Status.ITERATION_LIMIT:
            before = fit.state.n_passes
            fit = self._run(rows, fit, m_step, fit.state.n_iter + _FIRST_STEPS * 2**n_round)
            evaluations.append((fit.state.n_passes - before + 2) * rows.n_candidates)
            if fit.status is Status.COLLAPSED:
                fit, m_step = self._recover(rows, fit, m_step)
            n_round += 1
            if fit.status in {Status.CONVERGED, Status.ITERATION_LIMIT}:
                rows, fit = self._look_again(rows, fit, m_step, n_round)
        fit, m_step = self._recover(rows, fit, m_step)
        return self._report(fit, m_step, sum(evaluations) / n_components)

    def _report(self, fit: Fit, m_step: MStep, n_passes: float) -> FitReport:
        exact = next(iterate(self.source, fit.state.mixture, m_step))
        state = replace(exact, n_iter=fit.state.n_iter, n_refused=fit.state.n_refused)
        fit = replace(fit, state=state)
        score = penalized_log_posterior(self.problem.with_model(m_step), fit)
        return TruncatedReport(fit, m_step, (score,), n_passes, score, count_equal_rows(self.source))

    def _with_candidates(self, mixture: Mixture, best: Labels, n_round: int) -> TruncatedSource:
        n_neighbours = max(_FIRST_NEIGHBOURS >> n_round, _FEWEST_NEIGHBOURS)
        return TruncatedSource.among_neighbours(self.source, mixture, best, n_neighbours, self.rng)

    def _look_again(self, rows: TruncatedSource, fit: Fit, m_step: MStep, n_round: int) -> tuple[TruncatedSource, Fit]:
        """Return the rows with new candidates, and the fit with the bound of these in place of its last bound.

        The gain of new candidates counts to the last step, so that the fit has not converged while they gain much.
        """
        mixture = fit.state.mixture
        rows = self._with_candidates(mixture, rows.best_two(mixture), n_round)
        state = replace(fit.state, statistics=rows.reduce(mixture, m_step.moments))
        again = replace(fit, state=state, history=(*fit.history[:-1], state.log_posterior))
        converged = again.distance < self.stopping.tol
        return rows, replace(again, status=Status.CONVERGED if converged else Status.ITERATION_LIMIT)

    def _run(self, rows: TruncatedSource, start: Mixture | Fit, m_step: MStep, n_iter: int) -> Fit:
        """Return a run of EM with the candidates as they are."""
        stopping = self.stopping
        return run(
            rows,
            start,
            m_step,
            tol=stopping.tol,
            max_iter=min(n_iter, stopping.max_iter),
            watch=stopping.watch,
            accelerate=stopping.accelerate,
        )

    def _recover(self, rows: TruncatedSource, fit: Fit, m_step: MStep) -> tuple[Fit, MStep]:
        """Return the fit after it has gone on until no component is degenerate for want of rows."""

        def go_on(mixture: Mixture, model: MStep) -> Fit:
            return self._run(rows, mixture, model, self.stopping.max_iter)

        if self.stopping.max_iter == 0:
            return fit, m_step
        return recover(fit, m_step, self.problem.variances, go_on)
