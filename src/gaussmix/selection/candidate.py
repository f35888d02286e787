"""One cell of a search: a structure with a number of components, and the best fit of it so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from gaussmix.em import Fit, Status
from gaussmix.em.m_step import MStep
from gaussmix.mixture import Mixture
from gaussmix.selection.criteria import CRITERIA, entropy_r2
from gaussmix.statistics import Statistics
from gaussmix.structures import Structure

__all__ = ["CROSS_VALIDATION", "NAMES", "Candidate", "best", "rank"]

CROSS_VALIDATION = "cv"
NAMES = (*CRITERIA, CROSS_VALIDATION)
"""All that a model can be chosen by."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One cell of a search.

    Attributes
    ----------
    m_step : MStep
        The model: structure, ridge, and whether the weights are equal.
    n_components : int
        Number of components.
    fit : Fit or None
        The best fit of this cell; None where none could be fitted.
    reason : str
        Why there is no fit; empty where there is one.
    collapsed : tuple of int
        Components that only the ridge holds open; see :func:`~gaussmix.diagnosis.degenerate`.
    cells_gain : float or None
        By how much the log-likelihood is larger than that of the cells that values are rounded to, in nats; None where
        no column is rounded. See :meth:`~gaussmix.initialization.rounding.Rounding.gain`.
    held_out : float or None
        Cross-validated log-likelihood of all rows, in nats, where it was asked for.
    n_passes : int
        Passes over the rows, in all fits of this cell.
    seconds : float
        Time that they took.
    """

    m_step: MStep
    n_components: int
    fit: Fit | None = None
    reason: str = ""
    collapsed: tuple[int, ...] = ()
    cells_gain: float | None = None
    held_out: float | None = None
    n_passes: int = 0
    seconds: float = 0.0

    @property
    def structure(self) -> Structure:
        """The shapes that the covariances may take."""
        return self.m_step.structure

    @property
    def mixture(self) -> Mixture:
        """The fitted mixture."""
        return self._fitted.state.mixture

    @property
    def statistics(self) -> Statistics:
        """What the rows look like under the fitted mixture."""
        return self._fitted.state.statistics

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of all rows, in nats."""
        return self.statistics.log_likelihood

    @property
    def entropy_r2(self) -> float:
        """How certain the responsibilities are; see :func:`~gaussmix.selection.criteria.entropy_r2`."""
        return entropy_r2(self.mixture, self.statistics)

    @property
    def n_parameters(self) -> int:
        """Number of free parameters."""
        return self.m_step.n_parameters(self.n_components, self.mixture.n_features)

    @property
    def status(self) -> str:
        """How it ended, in a word or two: the rest is in :attr:`reason` and in the fit's own status."""
        if self.fit is None:
            return "failed"
        if self.collapsed:
            return "collapsed"
        return "held" if self.held else _WORDS[self.fit.status]

    @cached_property
    def rounding_gain(self) -> float:
        """What narrow components gain from the rounding of the columns, in nats: no fit is chosen for that."""
        if self.cells_gain is not None:
            return self.cells_gain
        return self.m_step.rounding_gain(self.mixture, self.statistics.mass)

    @property
    def held(self) -> tuple[int, ...]:
        """Components that would have collapsed, and that a prior worth one row holds open."""
        return self.m_step.held

    @property
    def worth(self) -> float:
        """Log-likelihood of all rows less :attr:`rounding_gain`, in nats."""
        return self.log_likelihood - self.rounding_gain

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """What fits of this cell are compared by: that there is one, without a collapsed component, then worth."""
        return (self.fit is not None, not self.collapsed, -np.inf if self.fit is None else self.worth)

    def criterion(self, name: str) -> float:
        """The value of a criterion; lower is better, infinite where there is none.

        Parameters
        ----------
        name : str
            One of :data:`~gaussmix.selection.criteria.CRITERIA`, or ``"cv"``: minus twice the cross-validated
            log-likelihood.
        """
        if name == CROSS_VALIDATION:
            return np.inf if self.held_out is None else -2.0 * self.held_out
        return np.inf if self.fit is None else CRITERIA[name](self.statistics, self.n_parameters)

    def comparable(self, name: str) -> float:
        """Return the value of a criterion without what narrow components gain from the rounding of the columns.

        Models are compared by it. Where no column is rounded, it is the value of the criterion.
        """
        value = self.criterion(name)
        return value if self.fit is None or name == CROSS_VALIDATION else value + 2.0 * self.rounding_gain

    @property
    def _fitted(self) -> Fit:
        if self.fit is None:
            raise ValueError(self.reason)
        return self.fit


_WORDS = {Status.CONVERGED: "converged", Status.ITERATION_LIMIT: "max_iter", Status.BEHIND: "stopped early"}


def rank(criterion: str, one: Candidate) -> tuple[bool, bool, bool, float, float]:
    """What candidates are sorted by: that there is a value, of no collapsed component, and how low it is.

    Values that differ by rounding are of one model under several names, as with one component; the plainest is first.
    """
    value = one.comparable(criterion)
    return (one.fit is None, not np.isfinite(value), bool(one.collapsed), round(value, 6), one.structure.freedom)


def best(candidates: Sequence[Candidate], criterion: str) -> Candidate:
    """The candidate with the lowest criterion, of those without a collapsed component where there are such.

    Raises
    ------
    ValueError
        If none could be fitted, in which case the message is the first one's reason, or none has a finite criterion.
    """
    chosen = min(candidates, key=partial(rank, criterion))
    if chosen.fit is None:
        raise ValueError(chosen.reason)
    if not np.isfinite(chosen.criterion(criterion)):
        msg = (
            f"No model has a finite {criterion}: there are too few rows for so many parameters; choose by another "
            "criterion, or try simpler structures."
        )
        raise ValueError(msg)
    return chosen
