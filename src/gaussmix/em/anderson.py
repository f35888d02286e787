"""Anderson acceleration of EM: extrapolate the statistics of the last few passes."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats
from gaussmix.em.standard_errors import standardize
from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics

__all__ = ["AndersonHistory"]

# The history keeps the last residual and at most this many residuals before it.
_EARLIER_RESIDUALS = 3

# On a plateau, the extrapolated step is this many times the last change of the statistics.
_PLATEAU_STEP = 4.0

# The history begins where a step of EM gains less than this many nats per row: before, the path of EM bends, and
# extrapolated steps led to lower optima.
_LARGEST_GAIN = 5e-3

# An extrapolated step that is shorter than this share of EM's own step shows a plateau: EM overshoots nowhere else.
_SHORTEST_STEP = 0.5

# Least squares ignores combinations of residual differences whose singular values are below this share of the largest.
_SMALLEST_SINGULAR_VALUE = 1e-8


@dataclass(frozen=True, eq=False)
class AndersonHistory:
    r"""The statistics and the residuals of the last few passes, as Anderson acceleration needs them.

    A pass maps statistics to statistics: an M-step makes a mixture from the first, and the E-step under this mixture
    gives the second, :math:`S_i`. The residual :math:`r_i` is the difference between the two. EM has converged where it
    is zero. Anderson acceleration combines the passes so that the combined residual is as small as possible:

    .. math:: S = \sum_i a_i S_i, \qquad a = \arg\min \Bigl| \sum_i a_i r_i \Bigr|, \qquad \sum_i a_i = 1

    Statistics, unlike the parameters of a mixture, may be added and scaled. The M-step turns the combined statistics
    into a mixture of any structure.

    Attributes
    ----------
    statistics : tuple of Statistics
        The statistics that each pass gave, the last pass at the end.
    residuals : tuple of ndarray
        The standardized residuals of the last of these passes, ``(P,)`` each.

    References
    ----------
    Anderson (1965), Journal of the ACM 12; Walker & Ni (2011), SIAM Journal on Numerical Analysis 49. For EM: Henderson
    & Varadhan (2019), Journal of Computational and Graphical Statistics 28.
    """

    statistics: tuple[Statistics, ...]
    residuals: tuple[Floats, ...] = ()

    def append(self, made_from: Statistics, mixture: Mixture, statistics: Statistics) -> Self:
        """Return the history with one more pass, and without the passes that are too old.

        A pass with a large step empties the list of residuals.

        Parameters
        ----------
        made_from : Statistics
            The statistics from which the M-step made the mixture.
        mixture : Mixture
            The mixture of the pass.
        statistics : Statistics
            The statistics of the rows under the mixture.
        """
        with np.errstate(all="ignore"):
            residual = standardize(statistics - made_from.about(statistics.origin), mixture, statistics, products=False)
            gain = residual @ residual / (2.0 * statistics.weight)  # a lower bound of the gain, where it is small
        residuals = (*self.residuals[-_EARLIER_RESIDUALS:], residual) if 0.0 < gain < _LARGEST_GAIN else ()
        return type(self)((*self.statistics[-_EARLIER_RESIDUALS:], statistics), residuals)

    @property
    def last_pass(self) -> Self:
        """The history of the last pass alone."""
        return type(self)(self.statistics[-1:], self.residuals[-1:])

    def extrapolate(self, mixture: Mixture, max_length: float) -> Statistics | None:
        """Return the extrapolated statistics; None where there are fewer than two residuals.

        EM overshoots only where it leaves a plateau. If the extrapolated step is shorter than half of EM's own step, or
        reverses it, a plateau is assumed, and the extrapolated step continues in the direction of the last step.

        Parameters
        ----------
        mixture : Mixture
            The mixture of the last pass.
        max_length : float
            The largest length of the extrapolation, in lengths of the last step of EM.
        """
        if len(self.residuals) < 2:  # noqa: PLR2004 - a difference needs two residuals
            return None
        last, step = self.statistics[-1], self.residuals[-1]
        passes = [one.about(last.origin) for one in self.statistics[-len(self.residuals) :]]
        correction = Statistics.zero(last.origin, last.moments)
        for coefficient, (before, after) in zip(self._mixing_coefficients, pairwise(passes), strict=True):
            correction += (after - before).scale(-coefficient)
        standardized = standardize(correction, mixture, last, products=False)
        if (step + standardized) @ step < _SHORTEST_STEP * (step @ step):
            return last + (last - passes[-2]).scale(min(_PLATEAU_STEP, max_length))
        length, longest = float(np.linalg.norm(standardized)), max_length * float(np.linalg.norm(step))
        return last + (correction.scale(longest / length) if length > longest else correction)

    @property
    def _mixing_coefficients(self) -> Floats:
        """The least-squares weights of the residual differences that minimize the combined residual."""
        differences = np.diff(np.array(self.residuals), axis=0)
        with one_thread(differences.size * len(differences)):
            return np.asarray(np.linalg.lstsq(differences.T, self.residuals[-1], rcond=_SMALLEST_SINGULAR_VALUE)[0])
