"""Truncated EM: rounds of EM with fixed candidates, between which each row looks for better ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.em import Fit, State, Status, iterate, run
from gaussmix.em.m_step import MStep
from gaussmix.fitting.recovery import mended
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.sources.truncated import TruncatedSource

__all__ = ["Truncated", "Truncation"]

# Each round has twice the steps of the one before and half the neighbours: at first components are wide and move far.
_FIRST_STEPS = 3
_FIRST_NEIGHBOURS, _FEWEST_NEIGHBOURS = 512, 64


@dataclass(frozen=True, eq=False)
class Truncated:
    """How a run of truncated EM ended.

    Attributes
    ----------
    fit : Fit
        The last run, whose history is of lower bounds.
    state : State
        The same mixture as that of the fit, after an exact pass: its log-likelihood is the true one.
    m_step : MStep
        The model, with what holds components open.
    n_passes : float
        Passes over the rows; one in which each row looked at a tenth of the components counts as a tenth.
    """

    fit: Fit
    state: State
    m_step: MStep
    n_passes: float


@dataclass(frozen=True, eq=False)
class Truncation:
    """Truncated EM for one model.

    1. An exact look: which two of all components are the likeliest for each row.
    2. The rows of one likeliest component are a cell. Their candidates are its neighbours, 512 at first, the second
       likeliest of each of the rows, and a few at random.
    3. A round of EM under these candidates, with leaps, of three steps at first. Its bound never falls.
    4. Each row looks for its two likeliest again, among the candidates, and it goes on with 2, with half as many
       neighbours, but 64 at least, and twice as many steps. So it goes on until neither a step nor a change of
       candidates promises to gain `tol`.
    5. An exact pass, for the log-likelihood.

    Parameters
    ----------
    source : ArraySource
        The rows.
    m_step : MStep
        The model.
    variances : (D,) ndarray
        How widely the rows are spread, for what holds components open.
    tol : float
        Estimated distance of the bound to its limit, in nats per row.
    max_iter : int
        Largest number of steps, in all rounds.
    rng : numpy.random.Generator
        For the candidates at random.
    watch : callable
        Called with each state and its gain; its log-likelihood is the bound.

    References
    ----------
    Forster & Lücke (2018), AISTATS, for candidates from neighbours; Hirschberger, Forster & Lücke (2022), IEEE
    Transactions on Pattern Analysis and Machine Intelligence 44, for very many components. They let each row have
    candidates of its own; here they are a cell's, so that its rows are taken side by side.
    """

    source: ArraySource
    m_step: MStep
    variances: Floats
    tol: float
    max_iter: int
    rng: np.random.Generator
    watch: Callable[[State, float], None]

    def run(self, start: Mixture) -> Truncated:
        """From a mixture to the end; also where a component collapses, or Ctrl-C is pressed."""
        n_components, m_step, n_round = start.n_components, self.m_step, 0
        rows = self._looking(start, TruncatedSource.among_all(self.source, n_components).best_two(start), 0)
        fit = self._climbed(rows, start, m_step, 0)
        looks = [2 * n_components, rows.n_candidates]  # of a row at a component: in the first and the last pass, …
        while fit.state.n_iter < self.max_iter and fit.status is Status.ITERATION_LIMIT:
            before = fit.state.n_passes
            fit = self._climbed(rows, fit, m_step, fit.state.n_iter + _FIRST_STEPS * 2**n_round)
            looks.append((fit.state.n_passes - before + 2) * rows.n_candidates)  # … and in a round
            if fit.status is Status.COLLAPSED:
                fit, m_step = self._mended(rows, fit, m_step)
            n_round += 1
            if fit.status in {Status.CONVERGED, Status.ITERATION_LIMIT}:
                rows, fit = self._looking_again(rows, fit, m_step, n_round)
        fit, m_step = self._mended(rows, fit, m_step)
        exact = next(iterate(self.source, fit.state.mixture, m_step))
        state = replace(exact, n_iter=fit.state.n_iter, n_refused=fit.state.n_refused)
        return Truncated(fit, state, m_step, sum(looks) / n_components)

    def _looking(self, mixture: Mixture, best: Labels, n_round: int) -> TruncatedSource:
        n_neighbours = max(_FIRST_NEIGHBOURS >> n_round, _FEWEST_NEIGHBOURS)
        return TruncatedSource.among_neighbours(self.source, mixture, best, n_neighbours, self.rng)

    def _looking_again(
        self, rows: TruncatedSource, fit: Fit, m_step: MStep, n_round: int
    ) -> tuple[TruncatedSource, Fit]:
        """The rows with new candidates, and the fit with their bound in place of its last one.

        What they gain counts to the last step, so that the fit has not converged while they gain much.
        """
        mixture = fit.state.mixture
        rows = self._looking(mixture, rows.best_two(mixture), n_round)
        state = replace(fit.state, statistics=rows.reduce(mixture, m_step.moments))
        again = replace(fit, state=state, history=(*fit.history[:-1], state.log_posterior))
        return rows, replace(again, status=Status.CONVERGED if again.distance < self.tol else Status.ITERATION_LIMIT)

    def _climbed(self, rows: TruncatedSource, begin: Mixture | Fit, m_step: MStep, n_iter: int) -> Fit:
        """EM with the candidates as they are."""
        most = min(n_iter, self.max_iter)
        return run(rows, begin, m_step, tol=self.tol, max_iter=most, watch=self.watch, accelerate=True)

    def _mended(self, rows: TruncatedSource, fit: Fit, m_step: MStep) -> tuple[Fit, MStep]:
        """The fit, gone on with until no component is flat for want of rows."""

        def go_on(mixture: Mixture, model: MStep) -> Fit:
            return self._climbed(rows, mixture, model, self.max_iter)

        return mended(fit, m_step, self.variances, go_on) if self.max_iter > 0 else (fit, m_step)
