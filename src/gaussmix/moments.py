"""The kinds of second moments that a pass sums: traces, diagonals, one matrix for all components, or one for each."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, final

import numpy as np

from gaussmix._types import Floats, Labels

__all__ = ["DIAGONAL", "FULL", "POOLED", "SCALAR", "Moments"]


class Moments(ABC):
    """A kind of second moments: the part of the outer products ``(x - o)(x - o)ᵀ`` that is summed for each component.

    A structure asks for the smallest kind that its M-step needs, and the pass over the rows sums no more.

    Attributes
    ----------
    name : str
        The name of the one value of the kind in this module: a pickled kind is loaded as that value.
    correlated : bool
        True where products of different features are kept.
    pooled : bool
        True where the second moments of all components are added up.
    """

    name: ClassVar[str]
    correlated: ClassVar[bool]
    pooled: ClassVar[bool] = False

    def __reduce__(self) -> str:
        return self.name

    @abstractmethod
    def zero(self, n_components: int, n_features: int) -> Floats:
        """Return the second moments of no rows."""

    @abstractmethod
    def outer(self, a: Floats, b: Floats) -> Floats:
        """Return the kept part of ``a_k b_kᵀ`` for each component; `a` and `b` are ``(K, D)``."""

    @abstractmethod
    def extract(self, matrices: Floats) -> Floats:
        """Return the kept part of given matrices ``(K, D, D)``: their traces, diagonals or sum, or the matrices.

        An E-step whose rows are known with an uncertainty adds the kept part of their conditional covariances to the
        sums over the expected rows.
        """

    @abstractmethod
    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        """Return ``mass_k · diag(variances)`` in the shape of this kind; `mass` is ``(K,)``, `variances` ``(D,)``."""

    @abstractmethod
    def spread(self, second: Floats) -> Floats:
        """Return the diagonals in second moments of this kind; where traces are kept, the traces."""

    @abstractmethod
    def inflated(self, second: Floats, shares: Floats) -> Floats:
        """Return second moments with variances multiplied by ``1 + shares``, ``(K,)``; pooled ones by the largest."""

    def select(self, second: Floats, components: Labels) -> Floats:
        """Return the second moments of some components, in their order; pooled ones stay."""
        return np.asarray(second[components])

    def joined(self, parts: Sequence[Floats]) -> Floats:
        """Return the second moments of the components of all parts, part by part; pooled ones are added."""
        return np.concatenate(parts)

    @abstractmethod
    def sums(self, centred: Floats, weights: Floats) -> Floats:
        """Return the kept part of ``Σ_i weights_ki centred_ki centred_kiᵀ``; rows ``(K, n, D)``, weights ``(K, n)``."""

    @abstractmethod
    def with_eigenvalues(self, second: Floats, change: Callable[[Floats], Floats]) -> Floats:
        """Return second moments with the same eigenvectors and changed eigenvalues.

        Parameters
        ----------
        second : ndarray
            Second moments of this kind.
        change : callable
            A function from all eigenvalues, a row for each matrix, to as many new ones. A trace is one eigenvalue.
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
        """Return the degrees of freedom at which a conjugate prior on one covariance has no influence on a fit.

        An inverse Wishart density is ``det(Σ)^(-(dof + D + 1) / 2)`` times an exponential, an inverse gamma density of
        half as many degrees of freedom ``variance^(-(dof + 2) / 2)`` times one, and the normal density of a row
        ``det(Σ)^(-1/2)`` times one.
        """

    def dof_per_row(self, n_features: int) -> float:
        """Return the degrees of freedom that weigh as much as a row: the number of features that share a variance."""
        return 1.0

    def add_rows(self, second: Floats, k: int, centred: Floats, weights: Floats) -> None:
        """Add the sums for rows ``(n, D)`` of component `k` to `second`, in place."""
        second[k] += self.sums(centred[None], weights[None])[0]


@final
class _Scalar(Moments):
    """The traces: shape ``(K,)``."""

    name = "SCALAR"
    correlated = False

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros(n_components)

    def outer(self, a: Floats, b: Floats) -> Floats:
        return np.asarray(np.einsum("kd,kd->k", a, b))

    def extract(self, matrices: Floats) -> Floats:
        return np.asarray(np.trace(matrices, axis1=1, axis2=2))

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return np.asarray(mass * variances.sum())

    def spread(self, second: Floats) -> Floats:
        return second

    def inflated(self, second: Floats, shares: Floats) -> Floats:
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
    """The diagonals: shape ``(K, D)``."""

    name = "DIAGONAL"
    correlated = False

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros((n_components, n_features))

    def outer(self, a: Floats, b: Floats) -> Floats:
        return a * b

    def extract(self, matrices: Floats) -> Floats:
        return np.diagonal(matrices, axis1=1, axis2=2)

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return mass[:, None] * variances

    def spread(self, second: Floats) -> Floats:
        return second

    def inflated(self, second: Floats, shares: Floats) -> Floats:
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
    """The matrices, summed over components: shape ``(D, D)``."""

    name = "POOLED"
    correlated = True
    pooled = True

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros((n_features, n_features))

    def outer(self, a: Floats, b: Floats) -> Floats:
        return a.T @ b

    def extract(self, matrices: Floats) -> Floats:
        return np.asarray(matrices.sum(axis=0))

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return np.diag(mass.sum() * variances)

    def spread(self, second: Floats) -> Floats:
        return np.diagonal(second)

    def inflated(self, second: Floats, shares: Floats) -> Floats:
        return np.asarray(second * (1.0 + shares.max() * np.eye(len(second))))

    def select(self, second: Floats, components: Labels) -> Floats:
        return second

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
    """The matrix of each component: shape ``(K, D, D)``."""

    name = "FULL"
    correlated = True

    def zero(self, n_components: int, n_features: int) -> Floats:
        return np.zeros((n_components, n_features, n_features))

    def outer(self, a: Floats, b: Floats) -> Floats:
        return a[:, :, None] * b[:, None, :]

    def extract(self, matrices: Floats) -> Floats:
        return matrices

    def diagonal(self, mass: Floats, variances: Floats) -> Floats:
        return mass[:, None, None] * np.diag(variances)

    def spread(self, second: Floats) -> Floats:
        return np.diagonal(second, axis1=1, axis2=2)

    def inflated(self, second: Floats, shares: Floats) -> Floats:
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


SCALAR, DIAGONAL, POOLED, FULL = _Scalar(), _Diagonal(), _Pooled(), _Full()
