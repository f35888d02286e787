"""Local expansions of a log-density, in coordinates that do not depend on the units of the features."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from scipy.linalg import solve_triangular

from gaussmix._types import Flags, Floats
from gaussmix.linalg import cholesky_of_gram

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["LocalExpansion", "LogDensityGeometry", "fix_coordinates"]

# An array of intermediate results holds at most about so many numbers.
_NUMBERS_AT_ONCE = 2**18
_ROUNDING = float(np.finfo(np.float64).eps)
_LOWEST = float(np.finfo(np.float64).min)
# Covariances may have condition numbers up to this limit; beyond it the metric loses all digits in a direction.
_MAX_CONDITION = 1e14


class LocalExpansion(NamedTuple):
    """The log-density and its first derivatives at n points.

    Attributes
    ----------
    log_density : (n,) ndarray
    log_resp : (n, K) ndarray
        Logarithms of the responsibilities.
    component_scores : (n, K, D) ndarray
        Gradients of the components' log-densities, ``Σ_k⁻¹ (μ_k - x)``.
    score : (n, D) ndarray
        Gradient of the mixture's log-density: the mean of the component scores under the responsibilities.
    precision : (n, D, D) ndarray
        The mean inverse covariance under the responsibilities. It is the metric of the ascent.
    """

    log_density: Floats
    log_resp: Floats
    component_scores: Floats
    score: Floats
    precision: Floats

    def subset(self, selected: Flags) -> "LocalExpansion":
        """Return the expansion at the selected points."""
        return LocalExpansion(*(array[selected] for array in self))


@dataclass(frozen=True, eq=False)
class LogDensityGeometry:
    """The components of positive weight, in standardized coordinates.

    In these coordinates the heaviest component has the mean zero, and the mean covariance is the identity.

    Attributes
    ----------
    centre, factor : (D,), (D, D) ndarray
        The heaviest component's mean, and the lower Cholesky factor of the mean covariance.
    log_norms : (K,) ndarray
        The same as :attr:`Mixture.log_norms`: log-densities remain those of the rows.
    means : (K, D) ndarray
    roots : (K, D, D) ndarray
        Upper triangles U with ``Σ_k⁻¹ = U Uᵀ``.
    precisions : (K, D, D) ndarray
        ``Σ_k⁻¹``, with the diagonal increased by rounding, so that every mean of them has a Cholesky factor.
    """

    centre: Floats
    factor: Floats
    log_norms: Floats
    means: Floats
    roots: Floats
    precisions: Floats

    @classmethod
    def from_mixture(cls, mixture: "Mixture", *, by_feature: bool = False) -> Self:
        """Return the geometry of a mixture; raise ``ValueError`` if a covariance is too close to singular.

        With `by_feature`, the coordinates are the features in units of their standard deviations within components, so
        that features can be fixed.
        """
        positive, unit = mixture.weights > 0, np.eye(mixture.n_features)
        centre = mixture.means[mixture.weights.argmax()]
        factor = np.diag(_deviations_within(mixture)) if by_feature else _mean_covariance_factor(mixture)
        units = np.broadcast_to(unit, (mixture.n_components, *unit.shape))
        roots = factor.T @ mixture.covariances.whiten(units)[positive]
        _check_conditions(roots)
        means = solve_triangular(factor, (mixture.means[positive] - centre).T, lower=True).T
        increase = 1.0 + 4.0 * _ROUNDING * mixture.n_features * unit
        precisions = roots @ np.swapaxes(roots, 1, 2) * increase
        return cls(centre, factor, mixture.log_norms[positive], means, roots, precisions)

    def standardize(self, rows: Floats) -> Floats:
        """Map rows ``(n, D)`` into these coordinates."""
        return np.asarray(solve_triangular(self.factor, (rows - self.centre).T, lower=True).T)

    def restore(self, points: Floats) -> Floats:
        """Map points ``(n, D)`` back to rows: the inverse of :meth:`standardize`."""
        return np.asarray(self.centre + points @ self.factor.T)

    @property
    def block_size(self) -> int:
        """Number of points to evaluate at once."""
        n_components, n_features = self.means.shape
        return max(_NUMBERS_AT_ONCE // int(n_features * max(n_components, n_features)), 1)

    def log_density(self, points: Floats) -> Floats:
        """Return the log-densities ``(n,)`` at points ``(n, D)``."""
        return self._normalize(self._whiten(points))[0]

    def log_joint(self, points: Floats) -> Floats:
        """Return the logarithms of weight times component density at points ``(n, D)``, ``(n, K)``."""
        return self._log_joint(self._whiten(points))

    def expand(self, points: Floats, free: Flags | None = None) -> LocalExpansion:
        """Return the local expansion at points ``(n, D)``.

        Along coordinates that are not `free` ``(n, D)``, scores are 0, and the metric is that of independent
        coordinates with variance 1.
        """
        white = self._whiten(points)
        log_density, log_resp = self._normalize(white)
        component_scores = -np.swapaxes(white @ np.swapaxes(self.roots, 1, 2), 0, 1)
        resp = np.exp(log_resp)
        precision = np.tensordot(resp, self.precisions, axes=1)
        if free is not None:
            component_scores = np.where(free[:, None], component_scores, 0.0)
            precision = fix_coordinates(precision, free)
        score = (resp[:, None] @ component_scores)[:, 0]
        return LocalExpansion(log_density, log_resp, component_scores, score, precision)

    def squared_lengths(self, steps: Floats) -> Floats:
        """Return the squared Mahalanobis lengths ``(n, K)`` of steps ``(n, D)`` under each component."""
        return np.asarray(((steps @ self.roots) ** 2).sum(axis=2).T)

    def _whiten(self, points: Floats) -> Floats:
        return np.asarray((points - self.means[:, None]) @ self.roots)

    def _normalize(self, white: Floats) -> tuple[Floats, Floats]:
        """Return the log-densities ``(n,)`` and the logarithms of the responsibilities ``(n, K)``."""
        joint = self._log_joint(white)
        largest = joint.max(axis=1, keepdims=True)
        log_density = largest + np.log(np.exp(joint - largest).sum(axis=1, keepdims=True))
        return log_density[:, 0], joint - log_density

    def _log_joint(self, white: Floats) -> Floats:
        with np.errstate(over="ignore"):
            joint = (self.log_norms[:, None] - 0.5 * np.einsum("knd,knd->kn", white, white)).T
        return np.asarray(np.maximum(joint, _LOWEST))


def fix_coordinates(matrices: Floats, free: Flags) -> Floats:
    """Return matrices ``(n, D, D)`` with the rows and columns of the identity where coordinates are not free."""
    return np.where(free[:, :, None] & free[:, None], matrices, np.eye(free.shape[1]))


def _deviations_within(mixture: "Mixture") -> Floats:
    """Return the standard deviation of each feature within components, ``(D,)``."""
    variances = mixture.covariances.variances(mixture.n_components, mixture.n_features)
    return np.sqrt(mixture.weights @ variances)


def _mean_covariance_factor(mixture: "Mixture") -> Floats:
    """Return the Cholesky factor of the mean covariance, without forming the covariances themselves."""
    factors = mixture.factors
    return cholesky_of_gram(np.concatenate([*(np.sqrt(mixture.weights)[:, None, None] * np.swapaxes(factors, 1, 2))]))


def _check_conditions(roots: Floats) -> None:
    """Raise ``ValueError`` if the metric would lose all digits in a direction."""
    lengths = np.linalg.svd(roots, compute_uv=False)
    conditions = (lengths[:, 0] / lengths[:, -1]) ** 2
    if conditions.max() > _MAX_CONDITION:
        msg = (
            f"modes need covariances with condition numbers of at most {_MAX_CONDITION:.0e}, relative to their mean, "
            f"got {conditions.max():.1e}; widen the narrowest directions, or remove their features with "
            "mixture.marginal(features)."
        )
        raise ValueError(msg)
