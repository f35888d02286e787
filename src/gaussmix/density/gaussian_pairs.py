"""Closed forms for pairs of Gaussians: each component of one mixture with each component of another."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import Full
from gaussmix.linalg import cholesky_of_gram

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = [
    "MAX_DISTANCE",
    "CentredGaussians",
    "bhattacharyya_distances",
    "centre_pair",
    "kl_divergences",
    "log_product_integrals",
    "squared_wasserstein_distances",
]

# An array of intermediate results holds at most about so many numbers.
_NUMBERS_AT_ONCE = 2**20
MAX_DISTANCE = 1e150
"""Largest distance in nats. Larger ones, and those that overflow, are replaced by it, so that squares stay finite."""


class CentredGaussians(NamedTuple):
    """The components of positive weight: weights ``(K,)``, means ``(K, D)``, Cholesky factors ``(K, D, D)``.

    The means are relative to an origin near them, so that their differences keep all digits if the offset is large.
    """

    weights: Floats
    means: Floats
    factors: Floats

    @classmethod
    def from_mixture(cls, mixture: "Mixture", origin: Floats | None = None) -> Self:
        """Return the components of a mixture; the origin is its first mean by default."""
        positive, means = mixture.weights > 0, mixture.means - (mixture.means[0] if origin is None else origin)
        factors = mixture.factors
        return cls(mixture.weights[positive], means[positive], factors[positive])

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return int(self.means.shape[1])

    @property
    def log_dets(self) -> Floats:
        """The log-determinants of the covariances, ``(K,)``."""
        return np.asarray(2.0 * np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1))

    @property
    def roots(self) -> Floats:
        """The square roots ``R_k`` of the covariances, ``Σ_k = R_kᵀR_k``, ``(K, D, D)``."""
        return np.swapaxes(self.factors, 1, 2)

    @property
    def moment_match(self) -> "CentredGaussians":
        """The single Gaussian with the mean and covariance of the mixture."""
        shares, mean = np.sqrt(self.weights), self.weights @ self.means
        within = (shares[:, None, None] * self.roots).reshape(-1, self.n_features)
        factor = cholesky_of_gram(np.concatenate([within, shares[:, None] * (self.means - mean)]))
        return CentredGaussians(np.ones(1), mean[None], factor[None])

    def average(self, other: "CentredGaussians") -> "CentredGaussians":
        """Return the mixture of two mixtures with weights of one half."""
        both = [np.concatenate(arrays) for arrays in zip(self, other, strict=True)]
        return CentredGaussians(0.5 * both[0], both[1], both[2])

    def equals(self, other: "CentredGaussians") -> bool:
        """Return True if all numbers are equal."""
        return all(np.array_equal(mine, theirs) for mine, theirs in zip(self, other, strict=True))

    def scale(self, factor: float) -> "CentredGaussians":
        """Return the components of the rows multiplied by a factor."""
        return CentredGaussians(self.weights, self.means * factor, self.factors * factor)

    def subset(self, selected: slice | Labels) -> "CentredGaussians":
        """Return the selected components; their weights are not rescaled."""
        return CentredGaussians(self.weights[selected], self.means[selected], self.factors[selected])


def centre_pair(mixture: "Mixture", other: "Mixture") -> tuple[CentredGaussians, CentredGaussians]:
    """Return the components of two mixtures of the same features relative to one origin."""
    return CentredGaussians.from_mixture(mixture), CentredGaussians.from_mixture(other, mixture.means[0])


_ClosedForm = Callable[[CentredGaussians, CentredGaussians], Floats]


def _evaluate_in_blocks(closed_form: _ClosedForm) -> _ClosedForm:
    """Decorate a closed form: evaluate it for blocks of components, so that the memory stays small."""

    @wraps(closed_form)
    def all_pairs(left: CentredGaussians, right: CentredGaussians) -> Floats:
        size = max(_NUMBERS_AT_ONCE // right.factors.size, 1)
        spans = [slice(first, first + size) for first in range(0, len(left.weights), size)]
        with np.errstate(over="ignore"):
            return np.concatenate([closed_form(left.subset(span), right) for span in spans])

    return all_pairs


@_evaluate_in_blocks
def kl_divergences(left: CentredGaussians, right: CentredGaussians) -> Floats:
    r"""Return the Kullback-Leibler divergence of each pair, ``(K, K')``, in nats.

    .. math:: \tfrac12 \bigl( \lVert M_j^{-1} L_i \rVert^2 + \lVert M_j^{-1} (\mu_i - \nu_j) \rVert^2 - D
        + \log\det M_j M_j^\top - \log\det L_i L_i^\top \bigr)
    """
    metric = Full(right.factors)
    apart = metric.whiten(left.means - right.means[:, None])
    roots = metric.whiten(left.roots.reshape(1, -1, left.n_features))
    squares = (apart**2).sum(axis=2) + (roots**2).reshape(len(right.weights), len(left.weights), -1).sum(axis=2)
    return _distances(0.5 * (squares - left.n_features + right.log_dets[:, None] - left.log_dets).T)


@_evaluate_in_blocks
def bhattacharyya_distances(left: CentredGaussians, right: CentredGaussians) -> Floats:
    r"""Return the Bhattacharyya distance of each pair, ``(K, K')``, in nats.

    .. math:: \tfrac18 \lVert \bar L^{-1} (\mu_i - \nu_j) \rVert^2 + \tfrac12 \log\det \bar\Sigma
        - \tfrac14 \log\det \Sigma_i - \tfrac14 \log\det \Sigma_j

    Here :math:`\bar\Sigma = \bar L \bar L^\top` is the mean of the two covariances.
    """
    squares, log_dets = _midway(left, right)
    return _distances(squares / 8.0 + 0.5 * log_dets - 0.25 * (left.log_dets[:, None] + right.log_dets))


@_evaluate_in_blocks
def log_product_integrals(left: CentredGaussians, right: CentredGaussians) -> Floats:
    """Return the logarithm of the integral of the product of the two densities of each pair, ``(K, K')``."""
    squares, log_dets = _midway(left, right)
    return np.asarray(
        -0.5 * (left.n_features * np.log(4.0 * np.pi) + log_dets + 0.5 * np.minimum(squares, MAX_DISTANCE))
    )


@_evaluate_in_blocks
def squared_wasserstein_distances(left: CentredGaussians, right: CentredGaussians) -> Floats:
    r"""Return the squared 2-Wasserstein distance of each pair, ``(K, K')``, in squared units of the rows.

    .. math:: \lVert \mu_i - \nu_j \rVert^2 + \min_{U^\top U = 1} \lVert L_i - M_j U \rVert^2

    The rotation solves the Procrustes problem, by the singular vectors of :math:`M_j^\top L_i`. The usual form of the
    second term, the Bures distance, is a difference of traces, and loses half of the digits if the covariances are
    nearly equal.
    """
    rotations = np.linalg.svd(right.roots @ left.factors[:, None])
    turned = right.factors @ (rotations.U @ rotations.Vh)
    apart = ((left.means[:, None] - right.means) ** 2).sum(axis=2)
    return np.asarray(apart + ((left.factors[:, None] - turned) ** 2).sum(axis=(2, 3)))


def _midway(left: CentredGaussians, right: CentredGaussians) -> tuple[Floats, Floats]:
    """Return the squared Mahalanobis distance of the means under the mean covariance, and its log-determinant.

    Both are ``(K, K')``.
    """
    shape, n_features = (len(left.weights), len(right.weights)), left.n_features
    both = np.broadcast_arrays(left.roots[:, None], right.roots)
    roots = np.sqrt(0.5) * np.concatenate(both, axis=2).reshape(-1, 2 * n_features, n_features)
    middle = Full(cholesky_of_gram(roots))
    white = middle.whiten((left.means[:, None] - right.means).reshape(-1, 1, n_features))
    return (white**2).sum(axis=(1, 2)).reshape(shape), middle.log_det(len(roots), n_features).reshape(shape)


def _distances(values: Floats) -> Floats:
    """Return the distances clipped to at least 0, against rounding, and to at most ``MAX_DISTANCE``."""
    return np.clip(values, 0.0, MAX_DISTANCE)
