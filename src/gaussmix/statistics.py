"""Sums over the rows, from which an M-step makes the next mixture."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Floats, Labels
from gaussmix.moments import Moments

__all__ = ["ADDITIVE", "Statistics"]

_FAR = 1e6
"""The squared distance of a mean from the origin, in units of a variance, above which moving the origin to the mean
costs more than six of the sixteen digits of the variance."""

_SUM = {"additive": True}  # marks the fields of statistics that are sums over the rows


@dataclass(frozen=True, eq=False)
class Statistics:
    r"""Sufficient statistics of weighted rows under given responsibilities, about a fixed origin.

    .. math::

        m_k = \sum_i w_i r_{ik}, \qquad
        f_k = \sum_i w_i r_{ik} (x_i - o_k), \qquad
        S_k = \sum_i w_i r_{ik} (x_i - o_k)(x_i - o_k)^\top

    Statistics about one origin form a commutative group under ``+``: blocks of rows may be summed in any grouping, on
    any machine, and taken out again. The origin is the means of the mixture that gave the responsibilities, so that
    the sums lose nothing however far the data lie from zero; :meth:`about` moves it.

    Attributes
    ----------
    origin : (K, D)
        The point about which each component's moments are taken.
    mass : (K,)
        Sum of the weighted responsibilities.
    first : (K, D)
        First moments.
    second : ndarray
        Second moments, in the shape of `moments`: ``(K,)``, ``(K, D)``, ``(D, D)`` or ``(K, D, D)``.
    log_likelihood : float
        Weighted sum of the log-densities, in nats, of the mixture *that gave the responsibilities*.
    classification_log_likelihood : float
        Weighted sum of each row's largest ``log(weight_k · density_k)``, in nats: the log-likelihood of the rows and
        their most probable labels (Celeux & Govaert 1992), from which ICL is computed.
    weight : float
        Total weight of the rows: their number, where all weigh one.
    moments : Moments
        How much of the second moments is kept.
    skipped : float
        Number of pairs of a row and a component that were not computed, as they were proven to be negligible.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.moments import FULL
    >>> rows = ArraySource(np.array([[1.0], [2.0], [3.0], [7.0], [8.0], [9.0]]))
    >>> start = Mixture([0.5, 0.5], [[2.0], [5.0]], [4.0, 4.0])
    >>> statistics = rows.reduce(start, FULL)
    >>> statistics.weight, (statistics + statistics).weight
    (6.0, 12.0)
    """

    origin: Floats
    mass: Floats = field(metadata=_SUM)
    first: Floats = field(metadata=_SUM)
    second: Floats = field(metadata=_SUM)
    log_likelihood: float = field(metadata=_SUM)
    classification_log_likelihood: float = field(metadata=_SUM)
    weight: float = field(metadata=_SUM)
    moments: Moments
    skipped: float = field(default=0.0, metadata=_SUM)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, tuple(getattr(self, one.name) for one in fields(self))

    @classmethod
    def zero(cls, origin: Floats, moments: Moments) -> Self:
        """Return the statistics of no rows: the neutral element of ``+``."""
        n_components, n_features = origin.shape
        return cls(
            origin=origin,
            mass=np.zeros(n_components),
            first=np.zeros((n_components, n_features)),
            second=moments.zero(n_components, n_features),
            log_likelihood=0.0,
            classification_log_likelihood=0.0,
            weight=0.0,
            moments=moments,
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the statistics of the components of all parts, part by part; no row may belong to two parts."""
        moments = parts[0].moments
        values = {name: [getattr(part, name) for part in parts] for name in ("origin", *ADDITIVE)}
        second = moments.joined(values.pop("second"))
        joined: dict[str, Any] = {
            name: np.concatenate(some) if np.ndim(some[0]) else sum(some) for name, some in values.items()
        }
        return cls(**joined, second=second, moments=moments)

    def __add__(self, other: Self) -> Self:
        """Return the statistics of both sets of rows; both must be about the same origin."""
        return self._combined(other, 1.0)

    def __sub__(self, other: Self) -> Self:
        """Return these statistics without the rows of `other`."""
        return self._combined(other, -1.0)

    def _combined(self, other: Self, sign: float) -> Self:
        if self.moments != other.moments:
            msg = "Statistics with different kinds of second moments cannot be added."
            raise ValueError(msg)
        if self.origin is not other.origin and not np.array_equal(self.origin, other.origin):
            msg = "Statistics about different origins cannot be added; bring one to the other's with .about(origin)."
            raise ValueError(msg)
        return replace(self, **{name: getattr(self, name) + sign * getattr(other, name) for name in ADDITIVE})

    def scale(self, factor: float) -> Self:
        """Return the statistics of the same rows with weights multiplied by a factor."""
        return replace(self, **{name: factor * getattr(self, name) for name in ADDITIVE})

    def select(self, components: Labels) -> Self:
        """Return the statistics with all components in another order; `components` is a permutation."""
        return replace(
            self,
            origin=self.origin[components],
            mass=self.mass[components],
            first=self.first[components],
            second=self.moments.select(self.second, components),
        )

    @cached_property
    def floored_mass(self) -> Floats:
        """The masses as divisors: an empty component gets a rounding error of the total weight in place of zero."""
        return np.where(self.mass > 0, self.mass, np.finfo(np.float64).eps * self.weight)

    @property
    def means(self) -> Floats:
        """Component means, ``(K, D)``; the mean of a component without mass is its origin."""
        return self.origin + self.first / self.floored_mass[:, None]

    @property
    def far_off(self) -> bool:
        """True where the means are so far from the origin that :meth:`central` loses over a third of the digits."""
        lost = self.moments.spread(self._between)
        return bool((lost / _FAR > np.abs(self.moments.spread(self.second) - lost)).any())

    @property
    def _between(self) -> Floats:
        """The part of the second moments that comes from the distance of the means from the origin."""
        return self.moments.outer(self.first, self.first / self.floored_mass[:, None])

    def central(self) -> Self:
        """Return the statistics of the same rows about their own means."""
        return replace(self, origin=self.means, first=np.zeros_like(self.first), second=self.second - self._between)

    def about(self, origin: Floats) -> Self:
        """Return the statistics of the same rows about another origin ``(K, D)``."""
        shift = origin - self.origin
        moved = self.mass[:, None] * shift
        outer = self.moments.outer
        return replace(
            self,
            origin=origin,
            first=self.first - moved,
            second=self.second - outer(self.first, shift) - outer(shift, self.first) + outer(moved, shift),
        )

    def with_ridge(self, variances: Floats) -> Self:
        """Return statistics whose covariances have variances ``(D,)`` added to their diagonals.

        They are the expected statistics of the same rows with independent noise of these variances.
        """
        return replace(self, second=self.second + self.moments.diagonal(self.floored_mass, variances))

    def inflated(self, shares: Floats) -> Self:
        """Return statistics with all variances multiplied by ``1 + shares``, ``(K,)``, and the same covariances."""
        return replace(self, second=self.moments.inflated(self.second, shares))


def _restored(*values: Any) -> Statistics:  # noqa: ANN401 - of any field
    """Return statistics that were pickled, with arrays that cannot be written to."""
    statistics = Statistics(*values)
    for array in (statistics.origin, statistics.mass, statistics.first, statistics.second):
        array.flags.writeable = False
    return statistics


ADDITIVE = tuple(one.name for one in fields(Statistics) if one.metadata.get("additive"))
"""The fields of :class:`Statistics` that are sums over the rows."""
