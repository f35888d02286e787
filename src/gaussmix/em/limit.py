"""A test of the curvature, which tells the limit of a run from a saddle point, and goes on where there is no limit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaussmix._threads import one_thread
from gaussmix.em.curvature import Curvature, measure_curvature, squared_length
from gaussmix.em.loop import Fit, Maximizer, State, Status, extend, run, try_statistics
from gaussmix.mixture import Mixture
from gaussmix.sources import Source
from gaussmix.statistics import Statistics

__all__ = ["run_to_limit"]

_MOST_ROWS = 20_000
"""Rows of a table up to which the curvature is measured. Runs over larger tables begin at optima of samples."""

_MOST_TESTS = 12
"""Tests of one run. A run that was at a saddle point or too far from its limit in all of them ends where it is."""

_FIRST_TOL = 4.0
"""Estimated distance to the limit, in units of `tol`, at which the curvature is measured for the first time."""

_SHARE_OF_TOL = 0.05
"""Share of `tol` below which a run ends. The distance is a bound with a rate that is estimated from below: with a share
of 0.2, 2.3 % of 172 fits ended further than `tol` from their limits, and with this share 0.6 %
(`python -m benchmarks.stopping promise --every 7`)."""

_SMALLEST_REDUCTION, _LARGEST_REDUCTION = 0.5, 1e-3
"""Factors between which one test lowers the estimated distance at which the run is tested again."""

_PLATEAU_RATE = 0.99
"""Rate of convergence above which a step along the slowest direction is tried."""

_ROUNDING = 1e-15
"""Gain to come, in nats per row, that is rounding."""

_CHANGES = (0.5, 0.125, 0.03125, 0.0078125)
"""Lengths of steps along the slowest direction, in standard errors of one row times the root of the number of rows."""

_LEAST_GAIN = 0.1
"""Share of `tol` that a step along the slowest direction must gain."""


def run_to_limit(
    source: Source,
    start: Mixture | State | Fit,
    m_step: Maximizer,
    *,
    tol: float,
    max_iter: int,
    history: Sequence[float] = (),
    watch: Callable[[State, float], None] = lambda _state, _gain: None,
    accelerate: bool = False,
) -> Fit:
    """Run EM until a test of the curvature shows that its limit is near.

    Small steps do not show a limit: near a saddle point, gains shrink to 1e-9 nats per row before they grow again. So
    the test takes one EM step, whose residual r bounds the distance to the limit by the largest eigenvalue of the
    Jacobian of EM (:class:`~gaussmix.em.curvature.Curvature`). An eigenvalue above 1 tells a saddle point: an
    accelerated run then leaves it along the eigenvector, to the better side.

    Parameters
    ----------
    source : Source
        The rows. The curvature is measured on tables of up to 20 000 rows.
    start : Mixture, State or Fit
        The start, as of :func:`run`. A fit that has converged is tested at once. A fit that stopped early, or at its
        limit of steps, goes on. Any other fit is returned as it is.
    m_step : Maximizer
        The model.
    tol : float
        Distance to the limit of the log-posterior, in nats per row.
    max_iter : int
        Largest number of M-steps, those of `start` among them.
    history : sequence of float
        As of :func:`run`.
    watch : callable
        Called with each state of the run and its gain in log-posterior.
    accelerate : bool
        Whether to extrapolate, and to leave saddle points; without, the run consists of EM steps alone.

    Returns
    -------
    Fit
        The fit with the whole history. The passes of the tests count as refused.

    Examples
    --------
    Two components that are nearly equal are near a saddle point, where EM can hardly tell them apart:

    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.em import run, run_to_limit
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = ArraySource(np.array([[1.0], [2.0], [3.0], [7.0], [8.0], [9.0]]))
    >>> start = Mixture([0.5, 0.5], [[4.999], [5.001]], [9.0, 9.0])
    >>> model = {"m_step": MStep(named("spherical"), ridge=np.zeros(1)), "tol": 1e-4, "max_iter": 100}
    >>> fit = run(rows, start, **model)
    >>> fit.status.name, fit.state.mixture.means.round(2).tolist()
    ('CONVERGED', [[5.0], [5.0]])
    >>> fit = run_to_limit(rows, fit, **model, accelerate=True)
    >>> sorted(fit.state.mixture.means.round(2).tolist())
    [[2.0], [8.0]]
    """
    mixture = start if isinstance(start, Mixture) else (start.state if isinstance(start, Fit) else start).mixture
    to_test = tol > 0.0 and source.n_rows <= _MOST_ROWS and mixture.n_components > 1
    limited = _Run(source, m_step, tol, max_iter, watch, accelerate)
    if not isinstance(start, Fit) or start.status in {Status.ITERATION_LIMIT, Status.BEHIND}:
        start = limited.run(start, _FIRST_TOL * tol if to_test else tol, history)
    return limited.end_at_limit(start) if to_test else start


@dataclass(frozen=True)
class _Test:
    """A test at a state: the residual of its step, and the curvature.

    Attributes
    ----------
    gain : float
        A lower bound on the distance to the limit in nats per row, from the residual.
    curvature : Curvature
        The curvature at this state, or at a state before it with a larger residual.
    is_new : bool
        True if the curvature was measured at this state.
    """

    gain: float
    curvature: Curvature
    is_new: bool

    @property
    def distance(self) -> float:
        """An upper bound on the distance to the limit, in nats per row; infinite at a saddle point."""
        return self.gain / (1.0 - self.curvature.rate) if self.curvature.rate < 1.0 else np.inf


@dataclass(frozen=True)
class _Run:
    """A run with its model and its stopping rule; see :func:`run_to_limit`."""

    source: Source
    m_step: Maximizer
    tol: float
    max_iter: int
    watch: Callable[[State, float], None]
    accelerate: bool

    def end_at_limit(self, fit: Fit) -> Fit:
        """Return the fit that goes on from a fit until a test shows that its limit is near."""
        estimated, test = _FIRST_TOL * self.tol, None
        for _ in range(_MOST_TESTS):
            if fit.status is not Status.CONVERGED or fit.state.n_iter >= self.max_iter:
                break
            before, fit = fit.state, self._take_step(fit)
            if fit.status is not Status.ITERATION_LIMIT:
                break
            try:
                test = self._test(before, fit.state, test)
            except KeyboardInterrupt:
                return replace(fit, status=Status.INTERRUPTED)
            except ValueError:  # changed statistics belong to no mixture
                return self.run(fit, self.tol)
            fit = _add_passes(fit, test.curvature.n_passes) if test.is_new else fit
            left = self._leave_plateau(fit, test.curvature) if test.is_new else None
            if left:
                fit, estimated, test = left, _FIRST_TOL * self.tol, None
            elif test.distance < _SHARE_OF_TOL * self.tol or test.gain < _ROUNDING:
                return replace(fit, status=Status.CONVERGED)
            else:
                reduction = _SHARE_OF_TOL * self.tol / test.distance
                estimated *= min(max(reduction, _LARGEST_REDUCTION), _SMALLEST_REDUCTION)
            fit = self.run(fit, estimated)
        too_far = fit.status is Status.CONVERGED and fit.distance > self.tol
        return replace(fit, status=Status.ITERATION_LIMIT) if too_far else fit

    def run(self, start: Mixture | State | Fit, tol: float, history: Sequence[float] = ()) -> Fit:
        """Return the fit of a run whose end is estimated from its gains."""
        return run(
            self.source,
            start,
            self.m_step,
            tol=tol,
            max_iter=self.max_iter,
            history=history,
            watch=self.watch,
            accelerate=self.accelerate,
        )

    def _take_step(self, fit: Fit) -> Fit:
        """Return the fit after one more EM step."""
        return run(self.source, fit, self.m_step, tol=0.0, max_iter=fit.state.n_iter + 1, watch=self.watch)

    def _test(self, before: State, state: State, last: _Test | None) -> _Test:
        """Return the test at a state that one EM step made from another state.

        A curvature that is known from the test before is not measured again, unless the residual has grown.
        """
        gain = _gain_to_come(before, state)
        if last and gain <= last.gain:
            return _Test(gain, last.curvature, is_new=False)

        def em_step(statistics: Statistics) -> Statistics:
            mixture = self.m_step.maximize(statistics, state.mixture.covariances)
            return self.source.reduce(mixture, self.m_step.moments)

        rng = np.random.default_rng(0)
        with one_thread(self.source.n_rows * self.source.n_features**2), np.errstate(all="ignore"):
            curvature = measure_curvature(em_step, before.statistics, state.mixture, state.statistics, rng)
        return _Test(gain, curvature, is_new=True)

    def _leave_plateau(self, fit: Fit, curvature: Curvature) -> Fit | None:
        """Return the better fit of two at both sides of a plateau, on the slowest direction; None if neither gains."""
        if not self.accelerate or curvature.rate < _PLATEAU_RATE:
            return None
        root, n_passes = np.sqrt(fit.state.statistics.weight), 0
        for size in _CHANGES:
            changes = [curvature.direction.scale(sign * size * root) for sign in (-1.0, 1.0)]
            tried = [try_statistics(self.source, fit.state, fit.state.statistics + one, self.m_step) for one in changes]
            states = [state for state in tried if state]
            n_passes += len(states)
            best = max(states, key=lambda state: state.log_posterior, default=fit.state)
            if best.log_posterior > fit.state.log_posterior + _LEAST_GAIN * self.tol:
                return _add_passes(extend(self.source, fit, best), n_passes - 1)
        return None


def _gain_to_come(before: State, after: State) -> float:
    """Return a lower bound on the distance to the limit, in nats per row, where the distance is small.

    The bound is half the squared length of the residual: the change of the statistics in the last step, in standard
    errors.
    """
    with np.errstate(all="ignore"):  # residuals of rows far out overflow, and are not near a limit
        residual = after.statistics - before.statistics.about(after.statistics.origin)
        return squared_length(residual, after.mixture, after.statistics) / (2.0 * after.statistics.weight)


def _add_passes(fit: Fit, n_passes: int) -> Fit:
    return replace(fit, state=replace(fit.state, n_refused=fit.state.n_refused + n_passes))
