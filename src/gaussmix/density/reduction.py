"""Merge and split components of a mixture; its mean and covariance stay the same."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.arguments import check_count
from gaussmix.covariances import Covariances, Diagonal, Full, stays_diagonal
from gaussmix.linalg import cholesky_of_gram

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["agglomerate", "cheapest_merges", "merge", "merge_costs", "reduce", "split"]

# An array of intermediate results holds at most about so many numbers.
_NUMBERS_AT_ONCE = 2**20
# Each half of a split component is so many standard deviations from the component's mean.
_SHIFT = 0.8
# Rounding changes a variance by at most this fraction for each feature.
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def merge_costs(mixture: "Mixture") -> Floats:
    r"""Return the cost of merging each pair of components: Runnalls' bound on the divergence, ``(K, K)``, in nats.

    .. math:: B_{ij} = \tfrac12 \bigl( (w_i + w_j) \log\det \Sigma_{ij} - w_i \log\det \Sigma_i
        - w_j \log\det \Sigma_j \bigr)

    Here :math:`\Sigma_{ij}` is the joint covariance of the pair. The cost is infinite on the diagonal, and for pairs
    with weights of zero.

    References
    ----------
    Runnalls (2007), IEEE Transactions on Aerospace and Electronic Systems 43.
    """
    return _Components.from_mixture(mixture).all_costs()


def cheapest_merges(mixture: "Mixture", n_merges: int) -> list["Mixture"]:
    """Return the mixtures after one merge, for the pairs of lowest cost in :func:`merge_costs`, the cheapest first."""
    left, right = np.triu_indices(mixture.n_components, 1)
    cheapest = np.argsort(merge_costs(mixture)[left, right], kind="stable")[:n_merges]
    return [merge(mixture, int(left[pair]), int(right[pair])) for pair in cheapest]


def merge(mixture: "Mixture", i: int, j: int) -> "Mixture":
    """Replace two components by a component with their joint weight, mean and covariance, in the last position.

    The mean and the covariance of the whole mixture stay the same.

    Parameters
    ----------
    i, j : int
        Two different components, from 0 to K - 1.

    Returns
    -------
    Mixture
        The mixture of K - 1 components, with full covariances. Diagonal covariances of more than 64 features stay
        diagonal: the variance of each feature stays the same, and covariances between features are ignored.

    Raises
    ------
    ValueError
        If `i` and `j` are equal, or there is no such component.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.2, 0.5, 0.3], [[0.0], [9.0], [1.0]], [1.0, 1.0, 1.0])
    >>> mixture.merge(0, 2).means
    array([[9. ],
           [0.6]])
    """
    i, j = _check_component(mixture, "i", i), _check_component(mixture, "j", j)
    if i == j:
        msg = f"i and j must be two different components, got {i} twice."
        raise ValueError(msg)
    others = [[k] for k in range(mixture.n_components) if k not in {i, j}]
    return _merge_groups(mixture, [*others, [i, j]])


def reduce(mixture: "Mixture", n_components: int) -> "Mixture":
    """Return a similar mixture with fewer components, and with the same mean and covariance.

    The pair with the smallest Runnalls' bound on the divergence is merged, until `n_components` remain.

    Parameters
    ----------
    n_components : int
        The number of components to keep, from 1 to K.

    Returns
    -------
    Mixture
        The reduced mixture, with full covariances. Diagonal covariances of more than 64 features stay diagonal, see
        :meth:`merge`.

    Raises
    ------
    ValueError
        If `n_components` is not from 1 to K.

    References
    ----------
    Runnalls (2007), IEEE Transactions on Aerospace and Electronic Systems 43.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.2, 0.5, 0.3], [[0.0], [9.0], [1.0]], [1.0, 1.0, 1.0])
    >>> mixture.reduce(2).means
    array([[0.6],
           [9. ]])
    """
    n_components = check_count("n_components", n_components, 1, mixture.n_components, ", as components are only merged")
    groups = agglomerate(mixture, n_components)
    return _merge_groups(mixture, [np.flatnonzero(groups == g).tolist() for g in range(n_components)])


def agglomerate(mixture: "Mixture", n_groups: int) -> Labels:
    """Return the group of each component, ``(K,)``, after merging the cheapest pair until G groups remain.

    The merges are those of repeated calls of :func:`cheapest_merges`, but after each merge only the costs of the new
    component are computed again.
    """
    group = np.arange(mixture.n_components)
    alive = np.ones(len(group), dtype=bool)
    components = _Components(*(array.copy() for array in _Components.from_mixture(mixture)))
    costs = components.all_costs()
    for _ in range(len(group) - n_groups):
        i, j = np.unravel_index(np.argmin(costs), costs.shape)
        group[group == j], alive[j] = i, False
        pair = components.merge_pairs(np.array([i]), np.array([j]))
        for array, merged in zip(components, (*pair, _log_dets(pair[2])), strict=True):
            array[i] = merged[0]
        costs[j], costs[:, j] = np.inf, np.inf
        others = np.flatnonzero(alive & (np.arange(len(group)) != i))
        costs[i, others] = costs[others, i] = components.costs(np.full(len(others), i), others)
    return np.unique(group, return_inverse=True)[1]


def split(mixture: "Mixture", k: int) -> "Mixture":
    """Replace a component by two halves along its longest axis, in the last two positions.

    The mean and the covariance of the whole mixture stay the same. The longest axis is measured in units of the
    mixture's standard deviations, so that it does not depend on the units of the features.

    Parameters
    ----------
    k : int
        The component, from 0 to K - 1.

    Returns
    -------
    Mixture
        The mixture of K + 1 components, with full covariances. Diagonal covariances of more than 64 features stay
        diagonal.

    Raises
    ------
    ValueError
        If there is no such component.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> Mixture([1.0], [[5.0]], [1.0]).split(0).means
    array([[5.8],
           [4.2]])
    """
    k = _check_component(mixture, "k", k)
    diagonal = stays_diagonal(mixture.covariances, mixture.n_features)
    apart, covariances = _split_feature(mixture, k) if diagonal else _split_axis(mixture, k)
    weights, means = np.full(2, mixture.weights[k] / 2.0), mixture.means[k] + np.stack([apart, -apart])
    return type(mixture)(
        np.concatenate([np.delete(mixture.weights, k), weights]),
        np.concatenate([np.delete(mixture.means, k, axis=0), means]),
        covariances,
        feature_names=mixture.feature_names,
    )


def _split_axis(mixture: "Mixture", k: int) -> tuple[Floats, Covariances]:
    """Return the shift ``(D,)`` of either half along the longest axis, and all covariances after the split.

    The covariances come from Cholesky factors, which keep the digits of features in small units.
    """
    factor = mixture.factors[k]
    deviations = np.sqrt(np.diagonal(mixture.covariance))
    longest = np.linalg.svd(factor / deviations[:, None])[2][0]
    shorter = np.eye(len(factor)) - (1.0 - np.sqrt(1.0 - _SHIFT**2)) * np.outer(longest, longest)
    half = cholesky_of_gram(shorter @ factor.T)
    factors = np.concatenate([np.delete(mixture.factors, k, axis=0), half[None], half[None]])
    return _SHIFT * factor @ longest, Full(factors)


def _split_feature(mixture: "Mixture", k: int) -> tuple[Floats, Covariances]:
    """Return the shift and the covariances for diagonal covariances; the longest axis is then a feature."""
    deviations = mixture.covariances.variances(mixture.n_components, mixture.n_features) ** 0.5
    half, apart = deviations[k].copy(), np.zeros(mixture.n_features)
    longest = int(np.argmax(half / np.sqrt(mixture.variances)))
    apart[longest] = _SHIFT * half[longest]
    half[longest] *= np.sqrt(1.0 - _SHIFT**2)
    return apart, Diagonal(np.concatenate([np.delete(deviations, k, axis=0), half[None], half[None]]))


class _Components(NamedTuple):
    """Weights ``(K,)``, means ``(K, D)`` and covariances ``(K, D, D)`` of components, and the log-determinants.

    For diagonal covariances of many features, variances ``(K, D)`` replace the covariances.
    """

    weights: Floats
    means: Floats
    spreads: Floats
    log_dets: Floats

    @classmethod
    def from_mixture(cls, mixture: "Mixture") -> Self:
        """Return the components of a mixture."""
        covariances, shape = mixture.covariances, mixture.means.shape
        spreads = (covariances.variances if stays_diagonal(covariances, shape[1]) else covariances.dense)(*shape)
        return cls(mixture.weights, mixture.means, spreads, _log_dets(spreads))

    def merge_pairs(self, left: Labels, right: Labels) -> tuple[Floats, Floats, Floats]:
        """Return the joint weights ``(P,)``, means ``(P, D)`` and covariances or variances of pairs of components."""
        weight = self.weights[left] + self.weights[right]
        share = np.divide(self.weights[right], weight, out=np.full(len(weight), 0.5), where=weight > 0)[:, None]
        apart = self.means[right] - self.means[left]
        mean = self.means[left] + share * apart
        if self.spreads.ndim == 2:  # noqa: PLR2004 - variances
            within = (1.0 - share) * self.spreads[left] + share * self.spreads[right]
            return weight, mean, within + share * (1.0 - share) * np.square(apart)
        between = (share * (1.0 - share))[:, :, None] * apart[:, :, None] * apart[:, None, :]
        within = (1.0 - share)[:, :, None] * self.spreads[left] + share[:, :, None] * self.spreads[right]
        return weight, mean, within + between

    def all_costs(self) -> Floats:
        """Return the costs of all pairs, ``(K, K)``, see :func:`merge_costs`."""
        n_components = len(self.weights)
        left, right = np.triu_indices(n_components, 1)
        costs = np.full((n_components, n_components), np.inf)
        costs[left, right] = costs[right, left] = self.costs(left, right)
        return costs

    def costs(self, left: Labels, right: Labels) -> Floats:
        """Return Runnalls' bound for pairs of components, ``(P,)``."""
        alone = self.weights * self.log_dets
        size = max(_NUMBERS_AT_ONCE // self.spreads[0].size, 1)
        blocks = [slice(first, first + size) for first in range(0, max(len(left), 1), size)]
        return np.concatenate([self._costs(left[block], right[block], alone) for block in blocks])

    def _costs(self, left: Labels, right: Labels, alone: Floats) -> Floats:
        weight, _, covariance = self.merge_pairs(left, right)
        loss = 0.5 * (weight * _log_dets(covariance) - alone[left] - alone[right])
        return np.where(weight > 0, loss, np.inf)


def _log_dets(covariances: Floats) -> Floats:
    """Return the log-determinants ``(P,)`` of covariances ``(P, D, D)`` or variances ``(P, D)``.

    The diagonals of the correlations are increased by the size of rounding, which keeps them positive definite.
    """
    if covariances.ndim == 2:  # noqa: PLR2004 - variances
        return np.asarray(np.log(covariances).sum(axis=1))
    deviations = np.sqrt(np.einsum("pii->pi", covariances))
    correlations = covariances / deviations[:, :, None] / deviations[:, None, :]
    n_features = deviations.shape[1]
    increased = correlations + _ROUNDING * n_features * np.eye(n_features)
    return np.asarray(np.linalg.slogdet(increased)[1] + 2.0 * np.log(deviations).sum(axis=1))


def _check_component(mixture: "Mixture", name: str, component: int) -> int:
    """Return the index of a component; raise ``ValueError`` if there is no such component."""
    return check_count(
        name, component, 0, mixture.n_components - 1, f"; the mixture has {mixture.n_components} components"
    )


def _merge_groups(mixture: "Mixture", groups: Sequence[Sequence[int]]) -> "Mixture":
    """Return the mixture with a component for each group, with the group's weight, mean and covariance."""
    covariances = mixture.covariances
    diagonal = stays_diagonal(covariances, mixture.n_features)
    spreads = covariances.variances(*mixture.means.shape) if diagonal else mixture.factors
    form, joint = (Diagonal.from_covariances, _joint_variances) if diagonal else (Full, _joint_factor)
    merged = [
        _moments(mixture.weights[group], mixture.means[group], spreads[group], joint) for group in map(list, groups)
    ]
    weights, means, joint_spreads = map(np.stack, zip(*merged, strict=True))
    return type(mixture)(weights, means, form(joint_spreads), feature_names=mixture.feature_names)


def _moments(
    weights: Floats, means: Floats, spreads: Floats, joint: Callable[[Floats, Floats, Floats], Floats]
) -> tuple[Floats, Floats, Floats]:
    """Return the joint weight, mean ``(D,)`` and spread of components; weights that are all zero count as equal."""
    if len(weights) == 1:
        return weights[0], means[0], spreads[0]
    weight = weights.sum()
    shares = weights / weight if weight > 0 else np.full(len(weights), 1.0 / len(weights))
    mean = means[0] + shares @ (means - means[0])
    return weight, mean, joint(shares, means - mean, spreads)


def _joint_variances(shares: Floats, apart: Floats, variances: Floats) -> Floats:
    """Return the joint variances ``(D,)`` of components with means ``(K, D)`` about the joint mean."""
    return np.asarray(shares @ (variances + np.square(apart)))


def _joint_factor(shares: Floats, apart: Floats, triangles: Floats) -> Floats:
    """Return the Cholesky factor ``(D, D)`` of the joint covariance, from those of the components ``(K, D, D)``."""
    within = np.sqrt(shares)[:, None, None] * np.swapaxes(triangles, 1, 2)
    between = np.sqrt(shares)[:, None] * apart
    return cholesky_of_gram(np.concatenate([*within, between]))
