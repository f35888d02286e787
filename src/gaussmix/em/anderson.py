"""Further than EM's own steps: where the statistics of the last few passes lead."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats
from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics

__all__ = ["Trail"]

_REMEMBERED = 3  # differences, beside the last
_PLATEAU_LEAP = 4.0  # last steps
_STRAIGHT = 5e-3  # nats per row: where a step gains no more, EM's path does not bend much
_TOO_SHORT = 0.5  # of a step of EM, which never goes too far
_SAME = 1e-8  # of a difference, which differs too little from others to tell anything


@dataclass(frozen=True, eq=False)
class Trail:
    r"""The last few passes: what each has found under its mixture, and how that differs from what this was made of.

    EM is at its end where the statistics S that a pass finds are those that its mixture was made of. With the
    differences :math:`r_i` of some passes, least of them is left at

    .. math:: \sum_i a_i S_i, \qquad a = \arg\min \Bigl| \sum_i a_i r_i \Bigr|, \qquad \sum_i a_i = 1

    which is Anderson's acceleration. What is found may be added and scaled as it is; M-steps are only made of it.

    Attributes
    ----------
    found : tuple of Statistics
        Of the passes, the last at the end.
    differences : tuple of ndarray
        Of the last of these passes, in deviations.

    References
    ----------
    Anderson (1965), Journal of the ACM 12. For EM: Henderson & Varadhan (2019), Journal of Computational and Graphical
    Statistics 28.
    """

    found: tuple[Statistics, ...]
    differences: tuple[Floats, ...] = ()

    def to(self, made_of: Statistics, mixture: Mixture, found: Statistics) -> Self:
        """The trail with one pass more, without what is too long ago; it begins where the path does not bend much."""
        with np.errstate(all="ignore"):
            difference = _in_deviations(found - made_of.about(found.origin), mixture, found)
            gain = difference @ difference / (2.0 * found.weight)  # at least, where it is small
        straight = (*self.differences[-_REMEMBERED:], difference) if 0.0 < gain < _STRAIGHT else ()
        return type(self)((*self.found[-_REMEMBERED:], found), straight)

    @property
    def end(self) -> Self:
        """The last pass alone."""
        return type(self)(self.found[-1:], self.differences[-1:])

    def further(self, mixture: Mixture, longest: float) -> Statistics | None:
        """Statistics ahead of the last ones, at most so many of the last steps; none where the trail does not show any.

        A step of EM never goes too far, but away from a plateau. So where the leap would be much shorter, it goes on in
        the direction of the last step.

        Parameters
        ----------
        mixture : Mixture
            Of the last pass.
        longest : float
            How many times the last step it may be.
        """
        if len(self.differences) < 2:  # noqa: PLR2004 - to see how they change
            return None
        last, step = self.found[-1], self.differences[-1]
        found = [one.about(last.origin) for one in self.found[-len(self.differences) :]]
        ahead = Statistics.zero(last.origin, last.moments)
        for share, (before, after) in zip(self._shares, pairwise(found), strict=True):
            ahead += (after - before).scale(-share)
        beyond = _in_deviations(ahead, mixture, last)
        if (step + beyond) @ step < _TOO_SHORT * (step @ step):
            return last + (last - found[-2]).scale(min(_PLATEAU_LEAP, longest))
        size, most = float(np.linalg.norm(beyond)), longest * float(np.linalg.norm(step))
        return last + (ahead.scale(most / size) if size > most else ahead)

    @property
    def _shares(self) -> Floats:
        """How much of each change from one difference to the next, taken off the last, leaves least of it."""
        changes = np.diff(np.array(self.differences), axis=0)
        with one_thread(changes.size * len(changes)):
            return np.asarray(np.linalg.lstsq(changes.T, self.differences[-1], rcond=_SAME)[0])


def _in_deviations(change: Statistics, mixture: Mixture, near: Statistics) -> Floats:
    """Masses, first moments and variances in a change of statistics, all in their own deviations by chance, ``(P,)``.

    Other products of features are left out: these tell enough.
    """
    mass, moments = near.floored_mass, near.moments
    root = np.sqrt(mass)
    n_summed = moments.spread(moments.diagonal(mass, np.ones(mixture.n_features)))
    spread = moments.spread(near.second)
    first = mixture.covariances.whiten((change.first / root[:, None])[:, None])
    second = np.divide(moments.spread(change.second), spread, out=np.zeros_like(spread), where=spread > 0)
    return np.concatenate([change.mass / root, first.ravel(), (second * np.sqrt(n_summed / 2.0)).ravel()])
