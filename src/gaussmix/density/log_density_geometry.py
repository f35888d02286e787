"""The density as a landscape: what it looks like around points, in coordinates that do not depend on units."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy.linalg import solve_triangular

from gaussmix._types import Flags, Floats
from gaussmix.linalg import cholesky_of_gram

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Place", "Terrain"]

_NUMBERS_AT_ONCE = 2**18
_ROUNDING = float(np.finfo(np.float64).eps)
_LOWEST = float(np.finfo(np.float64).min)
_WORST_CONDITION = 1e14


class Place(NamedTuple):
    """The density around n points.

    Attributes
    ----------
    log_density : (n,) ndarray
    log_resp : (n, K) ndarray
        Logarithms of the responsibilities.
    scores : (n, K, D) ndarray
        Slopes of the components' log-densities, ``Σ_k⁻¹ (μ_k - x)``.
    slope : (n, D) ndarray
        Of the mixture's log-density: the mean score.
    precision : (n, D, D) ndarray
        The mean inverse covariance. It is the metric of the climb.
    """

    log_density: Floats
    log_resp: Floats
    scores: Floats
    slope: Floats
    precision: Floats

    def some(self, which: Flags) -> "Place":
        """The same at some of the points."""
        return Place(*(array[which] for array in self))


@dataclass(frozen=True, eq=False)
class Terrain:
    """The components that weigh anything, in coordinates of their own.

    In these the heaviest has the mean zero, and the mean covariance is one.

    Attributes
    ----------
    centre, factor : (D,), (D, D) ndarray
        The heaviest component's mean, and the lower Cholesky factor of the mean covariance.
    log_norms : (K,) ndarray
        As :attr:`Mixture.log_norms`: log-densities remain those of the rows.
    means : (K, D) ndarray
    roots : (K, D, D) ndarray
        Upper triangles U with ``Σ_k⁻¹ = U Uᵀ``.
    precisions : (K, D, D) ndarray
        ``Σ_k⁻¹``, a rounding larger on the diagonal, so that every mean of them has a Cholesky factor.
    """

    centre: Floats
    factor: Floats
    log_norms: Floats
    means: Floats
    roots: Floats
    precisions: Floats

    @classmethod
    def of(cls, mixture: "Mixture") -> Self:
        """Those of a mixture; raise ``ValueError`` where a covariance is too near to singular for climbing."""
        heavy, unit = mixture.weights > 0, np.eye(mixture.n_features)
        centre, factor = mixture.means[mixture.weights.argmax()], _within(mixture)
        units = np.broadcast_to(unit, (mixture.n_components, *unit.shape))
        roots = factor.T @ mixture.covariances.whiten(units)[heavy]
        _check_conditions(roots)
        means = solve_triangular(factor, (mixture.means[heavy] - centre).T, lower=True).T
        open_ = 1.0 + 4.0 * _ROUNDING * mixture.n_features * unit
        precisions = roots @ np.swapaxes(roots, 1, 2) * open_
        return cls(centre, factor, mixture.log_norms[heavy], means, roots, precisions)

    def inward(self, rows: Floats) -> Floats:
        """Rows in these coordinates, ``(n, D)``."""
        return np.asarray(solve_triangular(self.factor, (rows - self.centre).T, lower=True).T)

    def outward(self, points: Floats) -> Floats:
        """The reverse of :meth:`inward`."""
        return np.asarray(self.centre + points @ self.factor.T)

    @property
    def block(self) -> int:
        """How many points to take at once."""
        n_components, n_features = self.means.shape
        return max(_NUMBERS_AT_ONCE // int(n_features * max(n_components, n_features)), 1)

    def log_density(self, points: Floats) -> Floats:
        """Log-densities ``(n,)``."""
        return self._shares(self._white(points))[0]

    def at(self, points: Floats) -> Place:
        """What there is around points ``(n, D)``."""
        white = self._white(points)
        log_density, log_resp = self._shares(white)
        scores = -np.swapaxes(white @ np.swapaxes(self.roots, 1, 2), 0, 1)
        resp = np.exp(log_resp)
        precision = np.tensordot(resp, self.precisions, axes=1)
        return Place(log_density, log_resp, scores, (resp[:, None] @ scores)[:, 0], precision)

    def lengths(self, steps: Floats) -> Floats:
        """Squared lengths of steps ``(n, D)`` in each component's deviations: ``(n, K)``."""
        return np.asarray(((steps @ self.roots) ** 2).sum(axis=2).T)

    def _white(self, points: Floats) -> Floats:
        return np.asarray((points - self.means[:, None]) @ self.roots)

    def _shares(self, white: Floats) -> tuple[Floats, Floats]:
        with np.errstate(over="ignore"):
            joint = (self.log_norms[:, None] - 0.5 * np.einsum("knd,knd->kn", white, white)).T
        joint = np.maximum(joint, _LOWEST)
        largest = joint.max(axis=1, keepdims=True)
        log_density = largest + np.log(np.exp(joint - largest).sum(axis=1, keepdims=True))
        return log_density[:, 0], joint - log_density


def _within(mixture: "Mixture") -> Floats:
    """The Cholesky factor of the mean covariance, without the products."""
    factors = mixture.factors
    return cholesky_of_gram(np.concatenate([*(np.sqrt(mixture.weights)[:, None, None] * np.swapaxes(factors, 1, 2))]))


def _check_conditions(roots: Floats) -> None:
    """Raise where the metric would have lost all digits in some direction."""
    lengths = np.linalg.svd(roots, compute_uv=False)
    conditions = (lengths[:, 0] / lengths[:, -1]) ** 2
    if conditions.max() > _WORST_CONDITION:
        msg = (
            f"modes needs covariances with condition numbers of at most {_WORST_CONDITION:.0e} where their mean is "
            f"one, got {conditions.max():.1e}; widen the narrowest directions, or leave their features out by "
            "mixture.marginal(features)."
        )
        raise ValueError(msg)
