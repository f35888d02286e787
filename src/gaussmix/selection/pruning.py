"""The pruning rule of a search: stop EM runs that are heading far behind the best model so far."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gaussmix.selection.candidate import Candidate, best_sound
from gaussmix.selection.criteria import CRITERIA
from gaussmix.statistics import Statistics

__all__ = ["CAUTION", "FEWEST_STEPS", "Pruning", "margin_for", "statistics_at_limit"]

_MARGIN = 10.0
"""The constant part of the margin, in units of a criterion: Kass & Raftery (1995) call 10 very strong evidence."""

_MARGIN_PER_ROW = 0.05
"""The part of the margin that grows with the total weight of the rows, in units of a criterion per row: about the most
that another start gains on the tables of ``benchmarks/search.py``."""

FEWEST_STEPS = 6
"""EM steps before which no run is stopped for being behind: on a plateau, the first gains say nothing of the limit, and
after three steps, estimates are too small by hundreds of nats."""

CAUTION = 2.5
"""The factor by which an estimated distance to the limit is multiplied before a run is stopped: a run may still gain so
many times what Aitken's extrapolation says."""


@dataclass(frozen=True)
class Pruning:
    """A bound on the criterion that a run must be heading for, or else is stopped.

    Attributes
    ----------
    criterion : str
        A name from :data:`~gaussmix.selection.criteria.CRITERIA`.
    best : float
        The criterion of the best model so far; infinite where no run is to be stopped.
    margin : float
        The distance to `best`, in units of the criterion, from which on a run is stopped.
    """

    criterion: str
    best: float = np.inf
    margin: float = 1.0

    @classmethod
    def against_best(cls, candidates: Iterable[Candidate], criterion: str) -> Self:
        """Return the rule that measures runs by the best of these models; it stops no run if no model is sound."""
        best = best_sound(candidates, criterion)
        if best is None or not best.sound:
            return cls(criterion)
        return cls(criterion, best.criterion(criterion), margin_for(best.statistics.weight))

    def margins_behind(self, limit: Statistics, n_parameters: int) -> float:
        """Return how far behind the best model a run is at its limit, in units of the margin.

        Parameters
        ----------
        limit : Statistics
            The statistics at the limit of the run: see :func:`statistics_at_limit`.
        n_parameters : int
            Number of free parameters of the model.
        """
        return (CRITERIA[self.criterion](limit, n_parameters) - self.best) / self.margin


def margin_for(weight: float) -> float:
    """Return the distance to the best model from which on a run is stopped, for rows of so much weight."""
    return _MARGIN + _MARGIN_PER_ROW * weight


def statistics_at_limit(statistics: Statistics, distance: float) -> Statistics:
    """Return statistics with the log-likelihoods that EM may reach at its limit.

    Parameters
    ----------
    statistics : Statistics
        Sums over the rows under the current mixture.
    distance : float
        Estimated distance of the log-likelihood to its limit, in nats per row.
    """
    gain = CAUTION * distance * statistics.weight
    return replace(
        statistics,
        log_likelihood=statistics.log_likelihood + gain,
        classification_log_likelihood=statistics.classification_log_likelihood + gain,
    )
