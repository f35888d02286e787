"""The progress of a fit: the lines that it prints with `verbose`, and the tasks that callbacks see."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from gaussmix.em import State, Status
from gaussmix.estimators.callbacks import Task
from gaussmix.fitting import Problem, Stopping
from gaussmix.fitting.fit import FitOnce
from gaussmix.fitting.report import FitReport
from gaussmix.fitting.starts import Start
from gaussmix.mixture import Mixture

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """The printing of a fit, and its callbacks.

    Attributes
    ----------
    verbose : int
        0 prints nothing, 1 the starts and some steps, 2 also the gains and times of these steps.
    interval : int
        Every how many steps a line is printed.
    task : Task
        The whole fit.
    attributes : callable
        Function that maps a mixture to the attributes of an estimator with this mixture.
    shift : float
        The log-likelihood per row of the user's rows, less that of the rows of the problem.
    begin : float
        The time at which the fit began, in seconds.
    """

    verbose: int
    interval: int
    task: Task
    attributes: Callable[[Mixture], dict[str, Any]]
    shift: float = 0.0
    begin: float = field(default_factory=perf_counter)

    def print(self, text: str) -> None:
        """Print a line, unless `verbose` is 0."""
        if self.verbose:
            print(text)  # noqa: T201 - the output of `verbose`

    def watch(self, start: Task, state: State, gain: float) -> None:
        """Print every `interval`-th step, and show each step to callbacks.

        Raises
        ------
        KeyboardInterrupt
            If a callback asks to stop: the fit then ends as after Ctrl-C, with the best fit so far.
        """
        if state.n_iter % self.interval == 0:
            self.print(f"  Iteration {state.n_iter}" + self._details(state, gain) * (self.verbose > 1))
        if start.begin("EM step").end(lambda: self.attributes(state.mixture)):
            raise KeyboardInterrupt

    def _details(self, state: State, gain: float) -> str:
        level = state.log_posterior + self.shift
        return f"\t log-likelihood {level:.5f}\t gain {gain:.5f}\t {self._seconds:.1f} s"

    @property
    def _seconds(self) -> float:
        return perf_counter() - self.begin

    def announce(self, fit_once: FitOnce) -> FitOnce:
        """Return a function that fits from a start, shows its steps, and prints its end."""

        def fit(problem: Problem, stopping: Stopping, start: Start, rng: np.random.Generator) -> FitReport:
            task = self.task.begin("start", n_subtasks=None)
            report = fit_once(problem, replace(stopping, watch=partial(self.watch, task)), start, rng)
            converged = report.fit.status is Status.CONVERGED
            self.print(
                f"Initialization {'converged' if converged else 'did not converge'}: log-likelihood "
                f"{report.fit.state.log_posterior + self.shift:.5f} after {report.fit.state.n_iter} iterations, in all "
                f"{report.n_passes:.0f} passes over the rows and {self._seconds:.1f} s."
            )
            ask_to_stop = task.end(lambda: self.attributes(report.fit.state.mixture))
            return report.interrupted if ask_to_stop else report

        return fit
