"""The evaluation of one model: a race between its starts, and EM to the end from the best of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Event
from time import perf_counter

import numpy as np

from gaussmix.covariances import NotPositiveDefiniteError
from gaussmix.em import Fit, State, Status, run
from gaussmix.em.degeneracy import degenerate_components
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting import recover
from gaussmix.fitting.race import race
from gaussmix.fitting.side_by_side import run_side_by_side, suits_short_runs
from gaussmix.mixture import Mixture
from gaussmix.selection.candidate import Candidate
from gaussmix.selection.pruning import FEWEST_STEPS, Pruning, statistics_at_limit
from gaussmix.selection.search import Search
from gaussmix.selection.starts import Start

__all__ = ["Evaluation", "StartsOf"]

StartsOf = Callable[[Candidate], Sequence[Start]]
"""A function from a model, with its best fit so far, to the starts of its next evaluation."""

_RUNGS = (3, 6)
"""EM steps at the end of each rung of successive halving; after a rung the better half of the starts goes on."""

_HOPELESS = 2.0
"""The distance to the best model, in margins of the pruning rule, beyond which a stopped run rules out the other starts
of its model too."""

_CHECK_EVERY = 3
"""EM steps between two checks of a run for collapsed components."""


class Evaluation:
    """One evaluation of a model, with its count of passes and the reasons of failed fits.

    Parameters
    ----------
    search : Search
        The settings.
    candidate : Candidate
        The model, with its best fit so far.
    pruning : Pruning
        The rule by which EM runs are stopped.
    interruption : Event
        Set where Ctrl-C is pressed, by this evaluation or by another in parallel: EM then ends after the current step.
    """

    def __init__(self, search: Search, candidate: Candidate, pruning: Pruning, interruption: Event) -> None:
        self._search, self._candidate, self._pruning = search, candidate, pruning
        self._interruption = interruption
        self._began = perf_counter()
        self._reasons: list[str] = []
        self._n_passes = 0

    def run(self, starts_of: StartsOf) -> Candidate | None:
        """Return the model with its best fit, that so far or one from the starts; None where Ctrl-C was pressed."""
        best, n_rows = self._candidate, self._search.source.n_rows
        if best.n_components <= n_rows and not (best.fit and self._is_hopeless(best.fit)):
            for fit in self._halve(self._starts(starts_of))[: self._search.n_walks]:
                ended = self._continue(fit, self._search.max_iter, best, accelerate=True)
                best = best.improve(self._with_fit(ended))
        if best.fit is None:
            too_few = f"{best.n_components} components need at least as many rows, got {n_rows}."
            best = replace(best, reason=self._candidate.reason or next(iter(self._reasons), too_few))
        return self._with_costs(best)

    def regularize(self) -> Candidate | None:
        """Return the model with a prior on its collapsed components, and a fit with it; None after Ctrl-C.

        The prior is worth one row. Where there is no such fit, the model is returned as it is.
        """
        candidate, variances = self._candidate, self._search.variances
        if candidate.fit is None:
            return candidate
        try:
            fit, m_step = recover(candidate.fit, candidate.m_step, variances, self._fit_again, of_many_rows=True)
        except (IllDefinedCovarianceError, np.linalg.LinAlgError):
            return candidate
        collapsed = tuple(
            set(degenerate_components(fit.state.mixture, fit.state.statistics, m_step)) - set(m_step.regularized)
        )
        return self._with_costs(replace(candidate, fit=fit, m_step=m_step, collapsed=collapsed, reason=""))

    def _with_costs(self, candidate: Candidate) -> Candidate | None:
        """Return a model with what all its evaluations have cost; None where this evaluation was interrupted."""
        if self._interruption.is_set():
            return None
        seconds = self._candidate.seconds + perf_counter() - self._began
        return replace(candidate, n_passes=self._candidate.n_passes + self._n_passes, seconds=seconds)

    def _starts(self, starts_of: StartsOf) -> Sequence[Start]:
        """Return the starting mixtures; none, if the fit of another model that they are made of is nearly singular."""
        try:
            return starts_of(self._candidate)
        except (NotPositiveDefiniteError, np.linalg.LinAlgError) as error:
            self._reasons.append(str(error))
            return []

    # --- Successive halving ------------------------------------------------------------------------------------------

    def _halve(self, starts: Sequence[Start]) -> list[Fit]:
        """Return the runs that are left after successive halving, the best first."""
        mixtures = [mixture for start in starts if (mixture := self._mixture_from(start))]
        return self._run_side_by_side(mixtures) or self._race(mixtures)

    def _mixture_from(self, start: Start) -> Mixture | None:
        """Return the mixture of this model at a start; None where there is none."""
        try:
            return start(self._candidate.m_step)
        except (IllDefinedCovarianceError, NotPositiveDefiniteError, np.linalg.LinAlgError) as error:
            self._reasons.append(str(error))
            return None

    def _run_side_by_side(self, mixtures: list[Mixture]) -> list[Fit]:
        """Return the best runs on a small table, where all mixtures take their steps in one batch; otherwise none."""
        rows, n_steps = self._search.rows_for_batches, _RUNGS[-1] - 1  # the last step is a full one
        problem = self._search.problem(self._candidate.m_step, self._candidate.n_components)
        if (
            len(mixtures) <= self._search.n_walks
            or self._search.max_iter < n_steps
            or rows is None
            or not suits_short_runs(problem, rows)
        ):
            return []
        fits = run_side_by_side(problem, rows, mixtures, n_steps, self._search.n_walks)
        self._n_passes += (n_steps + 1) * len(fits)  # those of the runs that are kept
        return [longer for fit in fits if (longer := self._run_to(fit, _RUNGS[-1]))]

    def _race(self, mixtures: list[Mixture]) -> list[Fit]:
        """Return the runs that are left of a race in which one run takes its steps after the other."""
        fits = [fit for mixture in mixtures if (fit := self._fit(mixture, 1, self._candidate))]
        fits.sort(key=lambda fit: -fit.state.log_posterior)  # in one step no component collapses
        return race(fits, _RUNGS, self._run_to, self._ranked, is_hopeless=self._is_hopeless)

    def _run_to(self, fit: Fit, steps: int) -> Fit | None:
        """Return a run after so many EM steps; None where a component collapsed."""
        return self._continue(fit, min(steps, self._search.max_iter), self._candidate)

    def _ranked(self, fits: list[Fit]) -> list[Fit]:
        """Return fits in descending order of likelihood; those with a collapsed component come last."""
        if len(fits) < 2:  # noqa: PLR2004 - nothing to compare
            return fits
        ranked = sorted(map(self._with_fit, fits), key=lambda one: one.rank, reverse=True)
        return [one.fit for one in ranked if one.fit]

    # --- EM ----------------------------------------------------------------------------------------------------------

    def _continue(self, fit: Fit, max_iter: int, best: Candidate, *, accelerate: bool = False) -> Fit | None:
        """Return a run after more EM steps, or as it is where it has ended."""
        if fit.status is not Status.ITERATION_LIMIT:
            return fit
        return self._fit(fit, max_iter, best, accelerate=accelerate)

    def _fit(self, start: Mixture | Fit, max_iter: int, best: Candidate, *, accelerate: bool = False) -> Fit | None:
        """Return an EM run that is stopped where it cannot win; None where a component collapses, or after Ctrl-C."""
        if self._interruption.is_set():
            return None
        search = self._search
        fit = run(
            search.source,
            start,
            self._candidate.m_step,
            tol=search.tol,
            max_iter=max_iter,
            hopeless=self._stopping_rule(best),
            accelerate=accelerate and search.accelerate,
        )
        self._n_passes += fit.state.n_passes - (start.state.n_passes if isinstance(start, Fit) else -1)
        self._note_interruption(fit)
        if fit.status is Status.COLLAPSED:
            self._reasons.append(fit.reason)
        return None if fit.status in {Status.COLLAPSED, Status.INTERRUPTED} else fit

    def _fit_again(self, start: Mixture, m_step: MStep) -> Fit:
        """Return an EM run to the end, of this model with other bounds."""
        search = self._search
        tol, max_iter = search.tol, search.max_iter
        fit = run(search.source, start, m_step, tol=tol, max_iter=max_iter, accelerate=search.accelerate)
        self._n_passes += fit.state.n_passes + 1
        self._note_interruption(fit)
        return fit

    def _note_interruption(self, fit: Fit) -> None:
        if fit.status is Status.INTERRUPTED:
            self._interruption.set()

    def _stopping_rule(self, best: Candidate) -> Callable[[State, float], bool]:
        """Return the rule for EM: stop a run that is heading behind the model's best fit, or far behind the best model.

        A run in which a component of few rows has collapsed is stopped too, because the model is passed over wherever
        the run ends; so is every run after Ctrl-C.
        """
        known = best.log_posterior if best.sound else -np.inf

        def hopeless(state: State, distance: float) -> bool:
            if self._interruption.is_set():
                return True
            if self._search.stop_early and state.n_iter % _CHECK_EVERY == 0 and self._has_lost_component(state):
                return True
            if distance == np.inf or state.n_iter < FEWEST_STEPS:
                return False
            limit = statistics_at_limit(state.statistics, distance)
            if limit.log_likelihood + state.log_prior < known:
                return True
            return self._pruning.margins_behind(limit, self._n_parameters) > 1.0

        return hopeless

    def _has_lost_component(self, state: State) -> bool:
        """Return whether a component with fewer rows than a covariance needs has collapsed."""
        mass, m_step = state.statistics.mass, self._candidate.m_step
        fewest = m_step.structure.form.fewest_rows(self._search.source.n_features)
        return any(mass[k] < fewest for k in degenerate_components(state.mixture, state.statistics, m_step))

    def _is_hopeless(self, fit: Fit) -> bool:
        """Return whether a run was stopped so far behind the best model that no other start is worth trying."""
        if fit.status is not Status.BEHIND:
            return False
        limit = statistics_at_limit(fit.state.statistics, fit.distance)
        return self._pruning.margins_behind(limit, self._n_parameters) > _HOPELESS

    def _with_fit(self, fit: Fit | None) -> Candidate:
        """Return the model with this fit, or with none."""
        if fit is None:
            return replace(self._candidate, fit=None)
        collapsed = degenerate_components(fit.state.mixture, fit.state.statistics, self._candidate.m_step)
        return replace(self._candidate, fit=fit, reason="", collapsed=collapsed)

    @property
    def _n_parameters(self) -> int:
        return self._candidate.m_step.n_parameters(self._candidate.n_components, self._search.source.n_features)
