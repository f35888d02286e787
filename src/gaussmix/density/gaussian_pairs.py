"""Closed forms for pairs of Gaussians: every component of one mixture beside every component of another."""

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
    "FARTHEST",
    "Gaussians",
    "bhattacharyya_distances",
    "kl_divergences",
    "log_overlaps",
    "pair",
    "squared_wasserstein_distances",
]

_NUMBERS_AT_ONCE = 2**20
FARTHEST = 1e150  # nats; what is more, or overflows, is taken for this, of which squares and sums stay finite


class Gaussians(NamedTuple):
    """The components of a mixture that weigh something: weights ``(K,)``, means ``(K, D)``, factors ``(K, D, D)``.

    The means are about an origin near them, so that a large offset takes no digits from their differences.
    """

    weights: Floats
    means: Floats
    factors: Floats

    @classmethod
    def of(cls, mixture: "Mixture", origin: Floats | None = None) -> Self:
        """Those of a mixture; the origin is its first mean, if no other is given."""
        heavy, means = mixture.weights > 0, mixture.means - (mixture.means[0] if origin is None else origin)
        factors = mixture.factors
        return cls(mixture.weights[heavy], means[heavy], factors[heavy])

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return int(self.means.shape[1])

    @property
    def log_dets(self) -> Floats:
        """``log det Σ_k`` as ``(K,)``."""
        return np.asarray(2.0 * np.log(np.diagonal(self.factors, axis1=1, axis2=2)).sum(axis=1))

    @property
    def roots(self) -> Floats:
        """``R_k`` with ``Σ_k = R_kᵀR_k``, ``(K, D, D)``."""
        return np.swapaxes(self.factors, 1, 2)

    @property
    def whole(self) -> "Gaussians":
        """The one Gaussian with the mean and covariance of the mixture."""
        shares, mean = np.sqrt(self.weights), self.weights @ self.means
        within = (shares[:, None, None] * self.roots).reshape(-1, self.n_features)
        factor = cholesky_of_gram(np.concatenate([within, shares[:, None] * (self.means - mean)]))
        return Gaussians(np.ones(1), mean[None], factor[None])

    def averaged(self, other: "Gaussians") -> "Gaussians":
        """The mixture of two mixtures, half of each."""
        both = [np.concatenate(arrays) for arrays in zip(self, other, strict=True)]
        return Gaussians(0.5 * both[0], both[1], both[2])

    def equals(self, other: "Gaussians") -> bool:
        """Whether all numbers are the same."""
        return all(np.array_equal(mine, theirs) for mine, theirs in zip(self, other, strict=True))

    def times(self, factor: float) -> "Gaussians":
        """Those of rows that are so many times as large."""
        return Gaussians(self.weights, self.means * factor, self.factors * factor)

    def some(self, which: slice | Labels) -> "Gaussians":
        """Some of the components."""
        return Gaussians(self.weights[which], self.means[which], self.factors[which])


def pair(mixture: "Mixture", other: "Mixture") -> tuple[Gaussians, Gaussians]:
    """The components of two mixtures, about one origin; raise ``ValueError`` if their features differ."""
    if other.n_features != mixture.n_features:
        msg = f"other must have {mixture.n_features} features as this mixture, got {other.n_features}; see marginal()."
        raise ValueError(msg)
    names, others = mixture.feature_names, other.feature_names
    if names and others and names != others:
        msg = f"other must have the features {names} in this order, got {others}; see marginal()."
        raise ValueError(msg)
    return Gaussians.of(mixture), Gaussians.of(other, mixture.means[0])


_OfPairs = Callable[[Gaussians, Gaussians], Floats]


def _in_blocks(closed_form: _OfPairs) -> _OfPairs:
    """The same, for so many components at once that the work stays small in memory."""

    @wraps(closed_form)
    def all_pairs(left: Gaussians, right: Gaussians) -> Floats:
        size = max(_NUMBERS_AT_ONCE // right.factors.size, 1)
        spans = [slice(first, first + size) for first in range(0, len(left.weights), size)]
        with np.errstate(over="ignore"):
            return np.concatenate([closed_form(left.some(span), right) for span in spans])

    return all_pairs


@_in_blocks
def kl_divergences(left: Gaussians, right: Gaussians) -> Floats:
    r"""Kullback-Leibler divergences of each pair, ``(K, K')``, in nats.

    .. math:: \tfrac12 \bigl( \lVert M_j^{-1} L_i \rVert^2 + \lVert M_j^{-1} (\mu_i - \nu_j) \rVert^2 - D
        + \log\det M_j M_j^\top - \log\det L_i L_i^\top \bigr)
    """
    metric = Full(right.factors)
    apart = metric.whiten(left.means - right.means[:, None])
    roots = metric.whiten(left.roots.reshape(1, -1, left.n_features))
    squares = (apart**2).sum(axis=2) + (roots**2).reshape(len(right.weights), len(left.weights), -1).sum(axis=2)
    return _distances(0.5 * (squares - left.n_features + right.log_dets[:, None] - left.log_dets).T)


@_in_blocks
def bhattacharyya_distances(left: Gaussians, right: Gaussians) -> Floats:
    r"""Bhattacharyya distances of each pair, ``(K, K')``, in nats: with the mean :math:`\bar\Sigma` of two covariances,

    .. math:: \tfrac18 \lVert \bar L^{-1} (\mu_i - \nu_j) \rVert^2 + \tfrac12 \log\det \bar\Sigma
        - \tfrac14 \log\det \Sigma_i - \tfrac14 \log\det \Sigma_j
    """  # noqa: D400 - the equation ends the sentence
    squares, log_dets = _midway(left, right)
    return _distances(squares / 8.0 + 0.5 * log_dets - 0.25 * (left.log_dets[:, None] + right.log_dets))


@_in_blocks
def log_overlaps(left: Gaussians, right: Gaussians) -> Floats:
    """Logarithms of the integrals of the product of each pair, ``(K, K')``."""
    squares, log_dets = _midway(left, right)
    return np.asarray(-0.5 * (left.n_features * np.log(4.0 * np.pi) + log_dets + 0.5 * np.minimum(squares, FARTHEST)))


@_in_blocks
def squared_wasserstein_distances(left: Gaussians, right: Gaussians) -> Floats:
    r"""Squared 2-Wasserstein distances of each pair, ``(K, K')``, in squared units of the rows.

    .. math:: \lVert \mu_i - \nu_j \rVert^2 + \min_{U^\top U = 1} \lVert L_i - M_j U \rVert^2

    The rotation is that of Procrustes, by the singular vectors of :math:`M_j^\top L_i`. The usual form of the second
    term, the Bures distance, is a difference of traces, and loses half of the digits where covariances are alike.
    """
    rotations = np.linalg.svd(right.roots @ left.factors[:, None])
    turned = right.factors @ (rotations.U @ rotations.Vh)
    apart = ((left.means[:, None] - right.means) ** 2).sum(axis=2)
    return np.asarray(apart + ((left.factors[:, None] - turned) ** 2).sum(axis=(2, 3)))


def _midway(left: Gaussians, right: Gaussians) -> tuple[Floats, Floats]:
    """Squared distances of the means in the metric of the mean covariance, and its log-determinants, ``(K, K')``."""
    shape, n_features = (len(left.weights), len(right.weights)), left.n_features
    both = np.broadcast_arrays(left.roots[:, None], right.roots)
    roots = np.sqrt(0.5) * np.concatenate(both, axis=2).reshape(-1, 2 * n_features, n_features)
    middle = Full(cholesky_of_gram(roots))
    white = middle.whiten((left.means[:, None] - right.means).reshape(-1, 1, n_features))
    return (white**2).sum(axis=(1, 2)).reshape(shape), middle.log_det(len(roots), n_features).reshape(shape)


def _distances(values: Floats) -> Floats:
    """Not below 0, where only rounding leads, and finite."""
    return np.clip(values, 0.0, FARTHEST)
