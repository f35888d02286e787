"""One fit from start to report: the same procedure for mixtures, classes and truncated EM."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from gaussmix.em import Fit, Status, run_to_limit
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting.exploration import Exploration, ExplorationResult
from gaussmix.fitting.penalty import penalized_log_posterior
from gaussmix.fitting.problem import Problem, Stopping
from gaussmix.fitting.recovery import find_degenerate, recover
from gaussmix.fitting.report import FitReport, best_of, count_equal_rows
from gaussmix.fitting.runs import Runs
from gaussmix.fitting.schedule import SCHEDULE, Schedule
from gaussmix.fitting.starts import Start, regularize_all
from gaussmix.mixture import Mixture

__all__ = ["FitOnce", "explore", "fit_from", "fit_starts"]

_SAME_OPTIMUM = 1e-6
"""The difference in nats per row up to which two runs count as ended at the same optimum."""

FitOnce = Callable[[Problem, Stopping, Start, np.random.Generator], FitReport]
"""A function that fits a problem from one start."""


def explore(_problem: Problem, _rng: np.random.Generator) -> None:
    """Ask for an exploration: the start that looks for a good optimum."""


def fit_starts(
    problem: Problem, stopping: Stopping, starts: Iterable[Start], rng: np.random.Generator, fit_once: FitOnce
) -> FitReport:
    """Return the best report of fits from several starts; after Ctrl-C, the best of the fits so far.

    Parameters
    ----------
    problem : Problem
        Rows, number of components, and model.
    stopping : Stopping
        When runs stop.
    starts : iterable of callable
        From the problem and the generator to a mixture. A start is asked for after the fit before has ended.
    rng : numpy.random.Generator
    fit_once : callable
        The fit from one start: :func:`fit_from`, or truncated EM.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C comes before any run has begun.
    """
    reports: list[FitReport] = []
    try:
        for start in starts:
            reports.append(fit_once(problem, stopping, start, rng))
            if reports[-1].fit.status is Status.INTERRUPTED:
                break
    except KeyboardInterrupt:
        if not reports:
            raise
        reports[-1] = reports[-1].interrupted
    return best_of(reports)


def fit_from(
    problem: Problem,
    stopping: Stopping,
    start: Start,
    rng: np.random.Generator,
    *,
    beside: tuple[Mixture, ...] = (),
    history: tuple[float, ...] = (),
    schedule: Schedule = SCHEDULE,
) -> FitReport:
    """Return the report of a fit from one start: the run, and the recovery from degenerate components.

    Parameters
    ----------
    problem, stopping, rng
        As of :func:`fit_starts`.
    start : callable
        The start, or :func:`explore`.
    beside : tuple of Mixture
        Starts of the exploration that do not race.
    history : tuple of float
        Log-posteriors of an earlier fit that `start` goes on from.
    schedule : Schedule
        The amount of work of the exploration.
    """
    mixture = start(problem, rng)
    if mixture is not None:
        fit = _run(problem, stopping, mixture, history)
        return _recover_and_report(problem, stopping, fit, (), fit.state.n_passes + 1.0, rng)
    try:
        found = Exploration(problem, stopping, beside, schedule).explore(rng)
    except IllDefinedCovarianceError:  # the rows have no spread in a direction that all components need
        problem = regularize_all(problem)
        found = Exploration(problem, stopping, beside, schedule).explore(rng)
    fit = _run(problem, stopping, found.fit)
    found = replace(
        found,
        fit=fit,
        optima=_replace_optimum(found.optima, *(penalized_log_posterior(problem, each) for each in (found.fit, fit))),
        n_passes=found.n_passes + fit.state.n_passes - found.fit.state.n_passes,
    )
    report = _recover_and_report(problem, stopping, fit, found.optima, found.n_passes, rng)
    return _compare(problem, stopping, report, found, rng) if report.regularized else report


def _compare(
    problem: Problem, stopping: Stopping, report: FitReport, found: ExplorationResult, rng: np.random.Generator
) -> FitReport:
    """Return the report of the best fit, where the recovery of degenerate components cost the leader likelihood.

    A runner-up of the exploration whose score is above the leader's goes on to its limit and recovers as well.
    """
    optima = _replace_optimum(report.optima, penalized_log_posterior(problem, found.fit), report.score)
    best, n_passes = report, report.n_passes
    for other in found.runners_up:
        expected = penalized_log_posterior(problem, other)
        if best.fit.status is Status.INTERRUPTED or expected <= best.score:
            break
        runs = Runs(problem, stopping)
        ended = other.status not in {Status.ITERATION_LIMIT, Status.BEHIND}
        try:
            fit = other if ended else runs.rerun(problem.source, other, stopping.max_iter)
        except KeyboardInterrupt:
            return replace(best.interrupted, optima=optima)
        compared = _recover_and_report(problem, stopping, fit, optima, runs.ledger.n_passes, rng)
        optima = _replace_optimum(optima, expected, compared.score)
        n_passes += compared.n_passes
        best = max([best, compared], key=lambda each: each.rank)
    return replace(best, n_passes=n_passes, optima=optima)


def _replace_optimum(optima: tuple[float, ...], expected: float, score: float) -> tuple[float, ...]:
    """Return scores with that of one optimum, from all runs that ended there, replaced by the score after recovery."""
    others = [value for value in optima if abs(value - expected) > _SAME_OPTIMUM]
    return tuple(sorted([score, *others], reverse=True))


def _run(problem: Problem, stopping: Stopping, start: Mixture | Fit, history: tuple[float, ...] = ()) -> Fit:
    return run_to_limit(
        problem.source,
        start,
        problem.m_step,
        tol=stopping.tol,
        max_iter=stopping.max_iter,
        history=history,
        watch=stopping.watch,
        accelerate=stopping.accelerate,
    )


def _recover_and_report(
    problem: Problem,
    stopping: Stopping,
    fit: Fit,
    optima: tuple[float, ...],
    n_passes: float,
    rng: np.random.Generator,
) -> FitReport:
    """Return the report of a fit after the recovery from degenerate components."""
    runs, m_step = Runs(problem, stopping), problem.m_step

    def go_on(start: Mixture, model: MStep) -> Fit:
        further = _run(problem.with_model(model), stopping, start)
        runs.count_passes(further.state.n_passes + 1, problem.source)
        return further

    try:
        ended = fit.status is Status.INTERRUPTED or stopping.max_iter == 0
        if not ended and find_degenerate(fit, m_step, problem.variances):
            fit = Exploration(problem, stopping).without_underpopulated(runs, fit, rng)
            fit, m_step = recover(fit, m_step, problem.variances, go_on)
    except KeyboardInterrupt:
        fit = replace(fit, status=Status.INTERRUPTED)
    score = penalized_log_posterior(problem, fit)
    n_passes += runs.ledger.n_passes
    return FitReport(fit, m_step, optima or (score,), n_passes, score, count_equal_rows(problem.source))
