"""Mixtures of one component fewer, or one more, with the same mean and covariance."""

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import Full, triangle

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["agglomerated", "cheapest_merges", "merge_costs", "merged", "split"]

_NUMBERS_AT_ONCE = 2**20
_APART = 0.8  # standard deviations, of either half from the middle
_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of a variance, for each feature


def merge_costs(mixture: "Mixture") -> Floats:
    r"""What merging each pair of components would lose: Runnalls' bound on the divergence, ``(K, K)``, in nats.

    .. math:: B_{ij} = \tfrac12 \bigl( (w_i + w_j) \log\det \Sigma_{ij} - w_i \log\det \Sigma_i
        - w_j \log\det \Sigma_j \bigr)

    with the pair's own covariance :math:`\Sigma_{ij}`. On the diagonal and where both weigh nothing it is infinite.

    References
    ----------
    Runnalls (2007), IEEE Transactions on Aerospace and Electronic Systems 43.
    """
    left, right = np.triu_indices(mixture.n_components, 1)
    costs = np.full((mixture.n_components, mixture.n_components), np.inf)
    costs[left, right] = costs[right, left] = _Parts.of(mixture).costs(left, right)
    return costs


def cheapest_merges(mixture: "Mixture", n_merges: int) -> list["Mixture"]:
    """The mixtures in which two components are merged, for the pairs that lose least by it; see :func:`merge_costs`."""
    left, right = np.triu_indices(mixture.n_components, 1)
    cheapest = np.argsort(merge_costs(mixture)[left, right], kind="stable")[:n_merges]
    return [merged(mixture, int(left[pair]), int(right[pair])) for pair in cheapest]


def merged(mixture: "Mixture", i: int, j: int) -> "Mixture":
    """The mixture with components `i` and `j` replaced by one with their joint mean and covariance, at the end."""
    weights, apart = mixture.weights[[i, j]], mixture.means[[j]] - mixture.means[[i]]
    shares = weights / weights.sum() if weights.any() else np.full(2, 0.5)
    within = np.sqrt(shares)[:, None, None] * np.swapaxes(_triangles(mixture)[[i, j]], 1, 2)
    factor = triangle(np.concatenate([*within, np.sqrt(shares.prod()) * apart]))
    mean = mixture.means[[i]] + shares[1] * apart
    return _replaced(mixture, [i, j], weights.sum(keepdims=True), mean, factor[None])


def agglomerated(mixture: "Mixture", n_groups: int) -> Labels:
    """Which of G groups each component is in, ``(K,)``, when the cheapest pair is merged until G are left.

    The same merges as by :func:`cheapest_merges` one after the other; only the costs of the new component are found
    anew each time.
    """
    group = np.arange(mixture.n_components)
    alive = np.ones(len(group), dtype=bool)
    weights, means = mixture.weights.copy(), mixture.means.copy()
    dense = mixture.covariances.dense(*means.shape).copy()
    costs = merge_costs(mixture)
    for _ in range(len(group) - n_groups):
        i, j = np.unravel_index(np.argmin(costs), costs.shape)
        group[group == j], alive[j] = i, False
        pair = _Parts(weights, means, dense).pairs(np.array([i]), np.array([j]))
        weights[i], means[i], dense[i] = pair[0][0], pair[1][0], pair[2][0]
        costs[j], costs[:, j] = np.inf, np.inf
        others = np.flatnonzero(alive & (np.arange(len(group)) != i))
        costs[i, others] = costs[others, i] = _Parts(weights, means, dense).costs(np.full(len(others), i), others)
    return np.unique(group, return_inverse=True)[1]


def split(mixture: "Mixture", k: int) -> "Mixture":
    """The mixture with component `k` replaced by two halves along its longest axis, at the end.

    The longest is meant in units of the whole mixture's deviations, so that it does not depend on those of the
    features. It is found, and cut, by the Cholesky factor, which keeps the digits of the features with small units.
    """
    factor = _triangles(mixture)[k]
    deviations = np.sqrt(np.diagonal(mixture.covariance))
    longest = np.linalg.svd(factor / deviations[:, None])[2][0]
    apart = _APART * factor @ longest
    shorter = np.eye(len(factor)) - (1.0 - np.sqrt(1.0 - _APART**2)) * np.outer(longest, longest)
    half = triangle(shorter @ factor.T)
    weights, means = np.full(2, mixture.weights[k] / 2.0), mixture.means[k] + np.stack([apart, -apart])
    return _replaced(mixture, [k], weights, means, np.stack([half, half]))


class _Parts(NamedTuple):
    """Weights ``(K,)``, means ``(K, D)`` and covariances ``(K, D, D)`` of components."""

    weights: Floats
    means: Floats
    dense: Floats

    @classmethod
    def of(cls, mixture: "Mixture") -> Self:
        """The components of a mixture."""
        return cls(mixture.weights, mixture.means, mixture.covariances.dense(*mixture.means.shape))

    def pairs(self, left: Labels, right: Labels) -> tuple[Floats, Floats, Floats]:
        """Joint weights ``(P,)``, means ``(P, D)`` and covariances ``(P, D, D)`` of pairs of components."""
        weight = self.weights[left] + self.weights[right]
        share = np.divide(self.weights[right], weight, out=np.full(len(weight), 0.5), where=weight > 0)[:, None]
        apart = self.means[right] - self.means[left]
        between = (share * (1.0 - share))[:, :, None] * apart[:, :, None] * apart[:, None, :]
        within = (1.0 - share)[:, :, None] * self.dense[left] + share[:, :, None] * self.dense[right]
        return weight, self.means[left] + share * apart, within + between

    def costs(self, left: Labels, right: Labels) -> Floats:
        """Runnalls' bound for pairs of components, ``(P,)``."""
        alone = self.weights * _log_dets(self.dense)
        size = max(_NUMBERS_AT_ONCE // self.dense[0].size, 1)
        parts = [slice(first, first + size) for first in range(0, max(len(left), 1), size)]
        return np.concatenate([self._costs(left[part], right[part], alone) for part in parts])

    def _costs(self, left: Labels, right: Labels, alone: Floats) -> Floats:
        weight, _, covariance = self.pairs(left, right)
        lost = 0.5 * (weight * _log_dets(covariance) - alone[left] - alone[right])
        return np.where(weight > 0, lost, np.inf)


def _log_dets(covariances: Floats) -> Floats:
    """Log-determinants ``(P,)`` of covariances ``(P, D, D)``; what rounding has taken, its own size makes up for."""
    deviations = np.sqrt(np.einsum("pii->pi", covariances))
    correlations = covariances / deviations[:, :, None] / deviations[:, None, :]
    n_features = deviations.shape[1]
    open_ = correlations + _ROUNDING * n_features * np.eye(n_features)
    return np.asarray(np.linalg.slogdet(open_)[1] + 2.0 * np.log(deviations).sum(axis=1))


def _triangles(mixture: "Mixture") -> Floats:
    return mixture.covariances.triangles(mixture.n_components, mixture.n_features)


def _replaced(mixture: "Mixture", components: list[int], weights: Floats, means: Floats, factors: Floats) -> "Mixture":
    return type(mixture)(
        np.concatenate([np.delete(mixture.weights, components), weights]),
        np.concatenate([np.delete(mixture.means, components, axis=0), means]),
        Full(np.concatenate([np.delete(_triangles(mixture), components, axis=0), factors])),
        feature_names=mixture.feature_names,
    )
