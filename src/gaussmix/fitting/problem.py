"""The problem that a fit solves: rows, a number of components and a model; and when its runs stop."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from gaussmix._types import Floats
from gaussmix.em import State
from gaussmix.em.m_step import MStep
from gaussmix.initialization.columns import relative_ridge
from gaussmix.sources import Source

__all__ = ["Problem", "Stopping", "ignore"]

_FEWEST_ROWS = 1e-6  # rows below which a component of any structure is empty


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows, a number of components, and the model to fit.

    Attributes
    ----------
    source : Source
        The rows.
    n_components : int
        K.
    m_step : MStep
        The model.
    variances : (D,) ndarray
        The scale of the columns: variances that a few rows far out do not lift, all positive.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.fitting import Problem
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = np.random.default_rng(0).normal(size=(100, 2))
    >>> problem = Problem.of(ArraySource(rows), 3, MStep(named("full"), ridge=np.full(2, 1e-6)))
    >>> problem.n_components, problem.n_parameters
    (3, 17)
    """

    source: Source
    n_components: int
    m_step: MStep
    variances: Floats

    @classmethod
    def of(cls, source: Source, n_components: int, m_step: MStep) -> Self:
        """Return the problem with the scale of its columns measured."""
        return cls(source, n_components, m_step, relative_ridge(source, 1.0))

    def with_model(self, m_step: MStep) -> Self:
        """Return the problem with another model for the same rows."""
        return replace(self, m_step=m_step)

    @property
    def n_parameters(self) -> int:
        """Number of free parameters of the mixture."""
        return self.m_step.n_parameters(self.n_components, self.source.n_features)

    @property
    def fewest_rows(self) -> float:
        """Number of rows below which a component has too few for a covariance of its own, or none."""
        return max(self.m_step.structure.form.fewest_rows(self.source.n_features), _FEWEST_ROWS)


def ignore(_state: State, _gain: float) -> None:
    """Do nothing with a state."""


@dataclass(frozen=True, eq=False)
class Stopping:
    """The rules by which a run of EM stops, and the watcher of its steps.

    Attributes
    ----------
    tol : float
        Distance to the limit of the log-likelihood, in nats per row.
    max_iter : int
        Largest number of M-steps.
    watch : callable
        Called with each state of a long run and its gain in log-likelihood.
    accelerate : bool
        Whether long runs are accelerated; see :func:`gaussmix.em.run`.

    Examples
    --------
    >>> from gaussmix.fitting import Stopping
    >>> Stopping(tol=1e-4, max_iter=100).max_iter
    100
    """

    tol: float
    max_iter: int
    watch: Callable[[State, float], None] = ignore
    accelerate: bool = True
