"""What one pass over the rows leaves behind, and how rich its second moments are."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np

from gaussmix._types import Floats

__all__ = ["ADDITIVE", "DIAGONAL", "FULL", "POOLED", "SCALAR", "Moments", "Statistics"]


class Moments(ABC):
    """How much of the outer products ``(x - o)(x - o)ᵀ`` is kept: a linear map, applied to each component.

    A structure asks for the poorest kind that its M-step can live on, and the pass over the rows sums no more.

    Attributes
    ----------
    name : str
        The name of the one value of the kind in this module: a pickled kind is loaded as that value.
    correlated : bool
        Whether products of different features are kept.
    """

    name: ClassVar[str]
    correlated: ClassVar[bool]

    def __reduce__(self) -> str:
        return self.name

    @abstractmethod
    def zero(self, n_components: int, n_features: int) -> Floats:
        """Second moments of no rows at all."""

    @abstractmethod
    def outer(self, a: Floats, b: Floats) -> Floats:
        """The kept part of ``a_k b_kᵀ`` for each component; `a` and `b` are ``(K, D)``."""

    @abstractmethod
    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        """The kept part of ``mass_k · diag(variances)``; `mass` is ``(K,)``, `variances` ``(D,)``."""

    @abstractmethod
    def spread(self, second: Floats) -> Floats:
        """The diagonals in second moments of this kind; of traces, the traces."""

    @abstractmethod
    def widened(self, second: Floats, shares: Floats) -> Floats:
        """The second moments with a share ``(K,)`` of each variance added to it; of a pooled one, the largest share."""

    def joined(self, parts: Sequence[Floats]) -> Floats:
        """The second moments of several sets of components, one after the other; pooled ones are added."""
        return np.concatenate(parts)

    @abstractmethod
    def sums(self, centred: Floats, weights: Floats) -> Floats:
        """The kept part of ``Σ_i weights_ki centred_ki centred_kiᵀ``, for rows ``(K, n, D)`` and weights ``(K, n)``."""

    @abstractmethod
    def with_eigenvalues(self, second: Floats, change: Callable[[Floats], Floats]) -> Floats:
        """The same axes, with other eigenvalues: `change` gets all, a row for each matrix, and gives as many.

        Traces count as one eigenvalue each.
        """

    @abstractmethod
    def floored(self, second: Floats, mass: Floats, floor: Floats) -> Floats:
        """Return the second moments widened until no covariance ``second_k / mass_k`` is below ``diag(floor)``.

        Of all covariances above the floor, the widened one is the most likely: its eigenvalues in units of the floor
        are cut off below one. Moments above the floor keep their bits.

        Parameters
        ----------
        second : ndarray
            Second moments about the means.
        mass : (K,) ndarray
            Masses, all positive.
        floor : (D,) ndarray
            Variances, all positive.
        """

    @abstractmethod
    def weightless_dof(self, n_features: int) -> float:
        """The degrees of freedom with which a conjugate prior on one covariance weighs nothing.

        An inverse Wishart density is ``det(Σ)^(-(dof + D + 1) / 2)`` times an exponential, an inverse gamma density of
        half as many degrees of freedom ``variance^(-(dof + 2) / 2)`` times one, and the normal density of a row
        ``det(Σ)^(-1/2)`` times one.
        """

    def dof_per_row(self, n_features: int) -> float:
        """How many more degrees of freedom weigh as much as one row: one for each coordinate that a variance is of."""
        return 1.0

    def add_rows(self, second: Floats, k: int, centred: Floats, weights: Floats) -> None:
        """Add such sums for the rows ``(n, D)`` of component `k` to `second`, in place."""
        second[k] += self.sums(centred[None], weights[None])[0]


@final
class _Scalar(Moments):
    """The trace alone: shape ``(K,)``."""

    name = "SCALAR"
    correlated = False

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros(n_components)

    def outer(self, a: Floats, b: Floats) -> Floats:
        return np.asarray(np.einsum("kd,kd->k", a, b))

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return np.asarray(mass * variances.sum())

    def spread(self, second: Floats) -> Floats:
        return second

    def widened(self, second: Floats, shares: Floats) -> Floats:
        return second * (1.0 + shares)

    def sums(self, centred: Floats, weights: Floats) -> Floats:
        return np.asarray(np.einsum("knd,knd->k", centred * weights[:, :, None], centred))

    def with_eigenvalues(self, second: Floats, change: Callable[[Floats], Floats]) -> Floats:
        return change(second[:, None])[:, 0]

    def floored(self, second: Floats, mass: Floats, floor: Floats) -> Floats:
        return np.asarray(np.maximum(second, mass * (len(floor) * floor.max())))

    def weightless_dof(self, n_features: int) -> float:
        return -2.0

    def dof_per_row(self, n_features: int) -> float:
        return float(n_features)


@final
class _Diagonal(Moments):
    """The diagonal: shape ``(K, D)``."""

    name = "DIAGONAL"
    correlated = False

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros((n_components, n_features))

    def outer(self, a: Floats, b: Floats) -> Floats:
        return a * b

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return mass[:, None] * variances

    def spread(self, second: Floats) -> Floats:
        return second

    def widened(self, second: Floats, shares: Floats) -> Floats:
        return second * (1.0 + shares[:, None])

    def sums(self, centred: Floats, weights: Floats) -> Floats:
        return np.asarray(np.einsum("knd,knd->kd", centred * weights[:, :, None], centred))

    def with_eigenvalues(self, second: Floats, change: Callable[[Floats], Floats]) -> Floats:
        return change(second)

    def floored(self, second: Floats, mass: Floats, floor: Floats) -> Floats:
        return np.asarray(np.maximum(second, mass[:, None] * floor))

    def weightless_dof(self, n_features: int) -> float:
        return -2.0


@final
class _Pooled(Moments):
    """The whole product, summed over components: shape ``(D, D)``."""

    name = "POOLED"
    correlated = True

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros((n_features, n_features))

    def outer(self, a: Floats, b: Floats) -> Floats:
        return a.T @ b

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return np.diag(mass.sum() * variances)

    def spread(self, second: Floats) -> Floats:
        return np.diagonal(second)

    def widened(self, second: Floats, shares: Floats) -> Floats:
        return np.asarray(second * (1.0 + shares.max() * np.eye(len(second))))

    def joined(self, parts: Sequence[Floats]) -> Floats:
        return np.asarray(np.sum(parts, axis=0))

    def sums(self, centred: Floats, weights: Floats) -> Floats:
        flat = centred.reshape(-1, centred.shape[2])
        return np.asarray((flat.T * weights.ravel()) @ flat)

    def with_eigenvalues(self, second: Floats, change: Callable[[Floats], Floats]) -> Floats:
        return np.asarray(FULL.with_eigenvalues(second[None], change)[0])

    def floored(self, second: Floats, mass: Floats, floor: Floats) -> Floats:
        return np.asarray(FULL.floored(second[None], mass.sum(keepdims=True), floor)[0])

    def weightless_dof(self, n_features: int) -> float:
        return -(n_features + 1.0)

    def add_rows(self, second: Floats, k: int, centred: Floats, weights: Floats) -> None:
        second += self.sums(centred[None], weights[None])


@final
class _Full(Moments):
    """The whole product of each component: shape ``(K, D, D)``."""

    name = "FULL"
    correlated = True

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros((n_components, n_features, n_features))

    def outer(self, a: Floats, b: Floats) -> Floats:
        return a[:, :, None] * b[:, None, :]

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return mass[:, None, None] * np.diag(variances)

    def spread(self, second: Floats) -> Floats:
        return np.diagonal(second, axis1=1, axis2=2)

    def widened(self, second: Floats, shares: Floats) -> Floats:
        return second * (1.0 + shares[:, None, None] * np.eye(second.shape[1]))

    def sums(self, centred: Floats, weights: Floats) -> Floats:
        return np.asarray(np.swapaxes(centred * weights[:, :, None], 1, 2) @ centred)

    def with_eigenvalues(self, second: Floats, change: Callable[[Floats], Floats]) -> Floats:
        values, axes = np.linalg.eigh(second)
        changed = change(values)
        same = (changed == values).all(axis=1)[:, None, None]
        return np.asarray(np.where(same, second, (axes * changed[:, None, :]) @ np.swapaxes(axes, 1, 2)))

    def floored(self, second: Floats, mass: Floats, floor: Floats) -> Floats:
        units = np.sqrt(mass)[:, None] * np.sqrt(floor)
        products = units[:, :, None] * units[:, None, :]
        values, axes = np.linalg.eigh(second / products)
        wide = np.min(values, axis=1, keepdims=True)[:, :, None] >= 1.0
        widened = (axes * np.maximum(values, 1.0)[:, None, :]) @ np.swapaxes(axes, 1, 2)
        return np.asarray(np.where(wide, second, products * widened))

    def weightless_dof(self, n_features: int) -> float:
        return -(n_features + 1.0)


_FAR = 1e6

SCALAR, DIAGONAL, POOLED, FULL = _Scalar(), _Diagonal(), _Pooled(), _Full()

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
    classification : float
        Weighted sum of each row's largest ``log(weight_k · density_k)``: the log-likelihood of the most probable
        labels, from which ICL is made.
    weight : float
        Total weight of the rows: their number, where all weigh one.
    moments : Moments
        How much of the second moments is kept.
    skipped : float
        Pairs of a row and a component that were proven to be negligible, and not computed.
    """

    origin: Floats
    mass: Floats = field(metadata=_SUM)
    first: Floats = field(metadata=_SUM)
    second: Floats = field(metadata=_SUM)
    log_likelihood: float = field(metadata=_SUM)
    classification: float = field(metadata=_SUM)
    weight: float = field(metadata=_SUM)
    moments: Moments
    skipped: float = field(default=0.0, metadata=_SUM)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, tuple(getattr(self, one.name) for one in fields(self))

    @classmethod
    def zero(cls, origin: Floats, moments: Moments) -> Self:
        """The statistics of no rows: the neutral element of ``+``."""
        n_components, n_features = origin.shape
        return cls(
            origin=origin,
            mass=np.zeros(n_components),
            first=np.zeros((n_components, n_features)),
            second=moments.zero(n_components, n_features),
            log_likelihood=0.0,
            classification=0.0,
            weight=0.0,
            moments=moments,
        )

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The statistics of the components of all parts, one after the other, where each part has rows of its own."""
        moments = parts[0].moments
        values = {name: [getattr(part, name) for part in parts] for name in ("origin", *ADDITIVE)}
        second = moments.joined(values.pop("second"))
        joined: dict[str, Any] = {
            name: np.concatenate(some) if np.ndim(some[0]) else sum(some) for name, some in values.items()
        }
        return cls(**joined, second=second, moments=moments)

    def __add__(self, other: Self) -> Self:
        """The statistics of both sets of rows; both must be about the same origin."""
        return self._combined(other, 1.0)

    def __sub__(self, other: Self) -> Self:
        """These statistics without the rows of `other`."""
        return self._combined(other, -1.0)

    def _combined(self, other: Self, sign: float) -> Self:
        if self.moments is not other.moments:
            msg = "Statistics with different kinds of second moments cannot be added."
            raise ValueError(msg)
        if self.origin is not other.origin and not np.array_equal(self.origin, other.origin):
            msg = "Statistics about different origins cannot be added; bring one to the other's with .about(origin)."
            raise ValueError(msg)
        return replace(self, **{name: getattr(self, name) + sign * getattr(other, name) for name in ADDITIVE})

    def scale(self, factor: float) -> Self:
        """The same rows, each weighing `factor` times as much."""
        return replace(self, **{name: factor * getattr(self, name) for name in ADDITIVE})

    @cached_property
    def floored_mass(self) -> Floats:
        """The masses, with a rounding error of the whole in place of zero: a divisor for empty components too."""
        return np.where(self.mass > 0, self.mass, np.finfo(np.float64).eps * self.weight)

    @property
    def means(self) -> Floats:
        """Component means ``(K, D)``; a component without mass stays at its origin."""
        return self.origin + self.first / self.floored_mass[:, None]

    @property
    def far_off(self) -> bool:
        """Whether the means lie so far from the origin that moving there costs more than a third of the digits."""
        lost = self.moments.spread(self._between)
        return bool((lost > _FAR * np.abs(self.moments.spread(self.second) - lost)).any())

    @property
    def _between(self) -> Floats:
        """The part of the second moments that is only the distance of the means from the origin."""
        return self.moments.outer(self.first, self.first / self.floored_mass[:, None])

    def central(self) -> Self:
        """The same rows, with moments about their own means."""
        return replace(self, origin=self.means, first=np.zeros_like(self.first), second=self.second - self._between)

    def about(self, origin: Floats) -> Self:
        """The same rows, with moments about another origin ``(K, D)``."""
        shift = origin - self.origin
        moved = self.mass[:, None] * shift
        outer = self.moments.outer
        return replace(
            self,
            origin=origin,
            first=self.first - moved,
            second=self.second - outer(self.first, shift) - outer(shift, self.first) + outer(moved, shift),
        )

    def blurred(self, variances: Floats) -> Self:
        """The same rows, each spread by independent noise of the given variances ``(D,)``: a ridge on covariances."""
        return replace(self, second=self.second + self.moments.diagonal(self.floored_mass, variances))

    def widened(self, shares: Floats) -> Self:
        """The same rows, with variances larger by a share ``(K,)`` of themselves, and no larger covariances."""
        return replace(self, second=self.moments.widened(self.second, shares))


def _restored(*values: Any) -> Statistics:  # noqa: ANN401 - of any field
    """Return statistics that were pickled, with arrays that cannot be written to."""
    statistics = Statistics(*values)
    for array in (statistics.origin, statistics.mass, statistics.first, statistics.second):
        array.flags.writeable = False
    return statistics


ADDITIVE = tuple(one.name for one in fields(Statistics) if one.metadata.get("additive"))
"""The fields of :class:`Statistics` that are sums over the rows."""
