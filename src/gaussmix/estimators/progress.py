"""The lines that a fit prints with `verbose`, as scikit-learn's do."""

from dataclasses import dataclass

import numpy as np

from gaussmix.em import State, Status
from gaussmix.fitting import Problem, Stopping
from gaussmix.fitting.fit import FitOnce
from gaussmix.fitting.report import FitReport
from gaussmix.fitting.starts import Start

__all__ = ["Progress"]


@dataclass(frozen=True)
class Progress:
    """The printing of a fit.

    Attributes
    ----------
    verbose : int
        0 prints nothing, 1 the initializations and some steps, 2 also the gains of these steps.
    interval : int
        Every how many steps a line is printed.
    """

    verbose: int
    interval: int

    def print(self, text: str) -> None:
        """Print a line, unless `verbose` is 0."""
        if self.verbose:
            print(text)  # noqa: T201 - the output of `verbose`

    def watch(self, state: State, gain: float) -> None:
        """Print every `interval`-th step."""
        if state.n_iter % self.interval == 0:
            self.print(f"  Iteration {state.n_iter}" + f"\t gain {gain:.5f}" * (self.verbose > 1))

    def announce(self, fit_once: FitOnce) -> FitOnce:
        """Return a function that fits from a start, and prints at the end whether the fit converged."""

        def fit(problem: Problem, stopping: Stopping, start: Start, rng: np.random.Generator) -> FitReport:
            report = fit_once(problem, stopping, start, rng)
            converged = report.fit.status is Status.CONVERGED
            self.print(f"Initialization {'converged' if converged else 'did not converge'}.")
            return report

        return fit
