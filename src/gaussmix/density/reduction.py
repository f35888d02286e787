"""Mixtures of one component fewer, or one more, with the same mean and covariance."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import Covariances, Diagonal, Full, stays_diagonal
from gaussmix.linalg import cholesky_of_gram

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["agglomerated", "cheapest_merges", "merge", "merge_costs", "reduce", "split"]

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
    return _Parts.of(mixture).costs_of_all()


def cheapest_merges(mixture: "Mixture", n_merges: int) -> list["Mixture"]:
    """The mixtures in which two components are merged, for the pairs that lose least by it; see :func:`merge_costs`."""
    left, right = np.triu_indices(mixture.n_components, 1)
    cheapest = np.argsort(merge_costs(mixture)[left, right], kind="stable")[:n_merges]
    return [merge(mixture, int(left[pair]), int(right[pair])) for pair in cheapest]


def merge(mixture: "Mixture", i: int, j: int) -> "Mixture":
    """Replace two components by one, at the end, with their joint weight, mean and covariance.

    The mean and the covariance of the whole mixture stay as they are.

    Parameters
    ----------
    i, j : int
        Two different components, from 0 to K - 1.

    Returns
    -------
    Mixture
        With one component fewer, and full covariances. Diagonal ones of more than 64 features stay diagonal: the
        variance of each feature stays as it is, and covariances between features are left out.

    Raises
    ------
    ValueError
        If the components are equal or there is no such component.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.2, 0.5, 0.3], [[0.0], [9.0], [1.0]], [1.0, 1.0, 1.0])
    >>> mixture.merge(0, 2).means
    array([[9. ],
           [0.6]])
    """
    _check_components(mixture, i, j)
    if i == j:
        msg = f"i and j must be two different components, got {i} twice."
        raise ValueError(msg)
    others = [[k] for k in range(mixture.n_components) if k not in {i, j}]
    return _joined(mixture, [*others, [i, j]])


def reduce(mixture: "Mixture", n_components: int) -> "Mixture":
    """The mixture with fewer components, of the same mean and covariance, that is near in divergence.

    The pair that loses least by it is merged, again and again, in the order of Runnalls' bound on the divergence.

    Parameters
    ----------
    n_components : int
        How many to keep, from 1 to K.

    Returns
    -------
    Mixture
        With full covariances; diagonal ones of more than 64 features stay diagonal, as in :meth:`merge`.

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
    if not 1 <= n_components <= mixture.n_components:
        msg = f"n_components must be from 1 to {mixture.n_components}, the number that there are, got {n_components}."
        raise ValueError(msg)
    groups = agglomerated(mixture, n_components)
    return _joined(mixture, [np.flatnonzero(groups == g).tolist() for g in range(n_components)])


def agglomerated(mixture: "Mixture", n_groups: int) -> Labels:
    """Which of G groups each component is in, ``(K,)``, when the cheapest pair is merged until G are left.

    The same merges as by :func:`cheapest_merges` one after the other; only the costs of the new component are found
    anew each time.
    """
    group = np.arange(mixture.n_components)
    alive = np.ones(len(group), dtype=bool)
    parts = _Parts(*(part.copy() for part in _Parts.of(mixture)))
    costs = parts.costs_of_all()
    for _ in range(len(group) - n_groups):
        i, j = np.unravel_index(np.argmin(costs), costs.shape)
        group[group == j], alive[j] = i, False
        pair = parts.pairs(np.array([i]), np.array([j]))
        for part, of_pair in zip(parts, (*pair, _log_dets(pair[2])), strict=True):
            part[i] = of_pair[0]
        costs[j], costs[:, j] = np.inf, np.inf
        others = np.flatnonzero(alive & (np.arange(len(group)) != i))
        costs[i, others] = costs[others, i] = parts.costs(np.full(len(others), i), others)
    return np.unique(group, return_inverse=True)[1]


def split(mixture: "Mixture", k: int) -> "Mixture":
    """Replace a component by two halves of it along its longest axis, at the end.

    The mean and the covariance of the whole mixture stay as they are. The longest axis is meant in units of the whole
    mixture's deviations, so that it does not depend on those of the features.

    Parameters
    ----------
    k : int
        The component, from 0 to K - 1.

    Returns
    -------
    Mixture
        With one component more, and full covariances; diagonal ones of more than 64 features stay diagonal.

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
    _check_components(mixture, k)  # by the Cholesky factor, which keeps the digits of features in small units
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
    """Return how far halves across the longest axis lie from the middle, ``(D,)``, and all covariances after."""
    factor = mixture.factors[k]
    deviations = np.sqrt(np.diagonal(mixture.covariance))
    longest = np.linalg.svd(factor / deviations[:, None])[2][0]
    shorter = np.eye(len(factor)) - (1.0 - np.sqrt(1.0 - _APART**2)) * np.outer(longest, longest)
    half = cholesky_of_gram(shorter @ factor.T)
    factors = np.concatenate([np.delete(mixture.factors, k, axis=0), half[None], half[None]])
    return _APART * factor @ longest, Full(factors)


def _split_feature(mixture: "Mixture", k: int) -> tuple[Floats, Covariances]:
    """Return the same of diagonal covariances, whose longest axis is a feature."""
    deviations = mixture.covariances.variances(mixture.n_components, mixture.n_features) ** 0.5
    half, apart = deviations[k].copy(), np.zeros(mixture.n_features)
    longest = int(np.argmax(half / np.sqrt(mixture.variances)))
    apart[longest] = _APART * half[longest]
    half[longest] *= np.sqrt(1.0 - _APART**2)
    return apart, Diagonal(np.concatenate([np.delete(deviations, k, axis=0), half[None], half[None]]))


class _Parts(NamedTuple):
    """Weights ``(K,)``, means ``(K, D)`` and covariances ``(K, D, D)`` of components, and the log-determinants.

    Of diagonal covariances of many features, the variances ``(K, D)`` take the place of the covariances.
    """

    weights: Floats
    means: Floats
    spreads: Floats
    log_dets: Floats

    @classmethod
    def of(cls, mixture: "Mixture") -> Self:
        """The components of a mixture."""
        covariances, shape = mixture.covariances, mixture.means.shape
        spreads = (covariances.variances if stays_diagonal(covariances, shape[1]) else covariances.dense)(*shape)
        return cls(mixture.weights, mixture.means, spreads, _log_dets(spreads))

    def pairs(self, left: Labels, right: Labels) -> tuple[Floats, Floats, Floats]:
        """Joint weights ``(P,)``, means ``(P, D)`` and covariances, as of the components, of pairs of components."""
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

    def costs_of_all(self) -> Floats:
        """As of :func:`merge_costs`."""
        n_components = len(self.weights)
        left, right = np.triu_indices(n_components, 1)
        costs = np.full((n_components, n_components), np.inf)
        costs[left, right] = costs[right, left] = self.costs(left, right)
        return costs

    def costs(self, left: Labels, right: Labels) -> Floats:
        """Runnalls' bound for pairs of components, ``(P,)``."""
        alone = self.weights * self.log_dets
        size = max(_NUMBERS_AT_ONCE // self.spreads[0].size, 1)
        parts = [slice(first, first + size) for first in range(0, max(len(left), 1), size)]
        return np.concatenate([self._costs(left[part], right[part], alone) for part in parts])

    def _costs(self, left: Labels, right: Labels, alone: Floats) -> Floats:
        weight, _, covariance = self.pairs(left, right)
        lost = 0.5 * (weight * _log_dets(covariance) - alone[left] - alone[right])
        return np.where(weight > 0, lost, np.inf)


def _log_dets(covariances: Floats) -> Floats:
    """Log-determinants ``(P,)`` of covariances ``(P, D, D)`` or variances ``(P, D)``.

    What rounding has taken from covariances, its own size makes up for.
    """
    if covariances.ndim == 2:  # noqa: PLR2004 - variances
        return np.asarray(np.log(covariances).sum(axis=1))
    deviations = np.sqrt(np.einsum("pii->pi", covariances))
    correlations = covariances / deviations[:, :, None] / deviations[:, None, :]
    n_features = deviations.shape[1]
    open_ = correlations + _ROUNDING * n_features * np.eye(n_features)
    return np.asarray(np.linalg.slogdet(open_)[1] + 2.0 * np.log(deviations).sum(axis=1))


def _check_components(mixture: "Mixture", *components: int) -> None:
    if not all(0 <= k < mixture.n_components for k in components):
        msg = f"components must be from 0 to {mixture.n_components - 1}, got {', '.join(map(str, components))}."
        raise ValueError(msg)


def _joined(mixture: "Mixture", groups: Sequence[Sequence[int]]) -> "Mixture":
    """The mixture with one component for each group of components, with the group's weight, mean and covariance."""
    covariances = mixture.covariances
    diagonal = stays_diagonal(covariances, mixture.n_features)
    spreads = covariances.variances(*mixture.means.shape) if diagonal else mixture.factors
    form, joint = (Diagonal.from_covariances, _joint_variances) if diagonal else (Full, _joint_factor)
    parts = [
        _moments(mixture.weights[group], mixture.means[group], spreads[group], joint) for group in map(list, groups)
    ]
    weights, means, joined = map(np.stack, zip(*parts, strict=True))
    return type(mixture)(weights, means, form(joined), feature_names=mixture.feature_names)


def _moments(
    weights: Floats, means: Floats, spreads: Floats, joint: Callable[[Floats, Floats, Floats], Floats]
) -> tuple[Floats, Floats, Floats]:
    """Joint weight, mean ``(D,)`` and spread of components; those without weight count alike."""
    if len(weights) == 1:
        return weights[0], means[0], spreads[0]
    weight = weights.sum()
    shares = weights / weight if weight > 0 else np.full(len(weights), 1.0 / len(weights))
    mean = means[0] + shares @ (means - means[0])
    return weight, mean, joint(shares, means - mean, spreads)


def _joint_variances(shares: Floats, apart: Floats, variances: Floats) -> Floats:
    """Return the joint variances ``(D,)`` of components with means ``(K, D)`` about the joint one."""
    return np.asarray(shares @ (variances + np.square(apart)))


def _joint_factor(shares: Floats, apart: Floats, triangles: Floats) -> Floats:
    """Return the Cholesky factor ``(D, D)`` of their joint covariance, from their own ``(K, D, D)``."""
    within = np.sqrt(shares)[:, None, None] * np.swapaxes(triangles, 1, 2)
    between = np.sqrt(shares)[:, None] * apart
    return cholesky_of_gram(np.concatenate([*within, between]))
