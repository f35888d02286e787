"""How spread out a mixture is: its entropy."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import entr, logsumexp

from gaussmix._types import Floats, Seed
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.gaussian_pairs import Gaussians, bhattacharyya_distances, kl_divergences
from gaussmix.density.importance_sampling import log_affinities, mean_between
from gaussmix.density.monte_carlo import Draws

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["entropies", "entropy", "information"]

_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of a variance, for each feature


def entropy(mixture: "Mixture", *, n_samples: int = 100_000, random_state: Seed = None) -> Estimate:
    r"""Differential entropy, in nats: the mean of minus the log-density.

    .. math:: H(X) = \sum_k \pi_k \, \tfrac12 \log\det 2 \pi e \Sigma_k + H(\pi) - E[H(r(X))]

    What a label adds to a row, :math:`E[H(r(X))]`, is all that has no closed form: the mean entropy of the
    responsibilities, a number between 0 and log K. It is found by random draws between components, where it comes from.
    So the entropy is exact for one component, and nearly for components that stand apart.

    Parameters
    ----------
    n_samples : int, default 100_000
        How many rows to draw, some more where there are many pairs of components.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        With the bounds of Kolchinsky and Tracey, from the Bhattacharyya distances (lower) and the Kullback-Leibler
        divergences (upper) of all pairs of components. Of the same covariance, a Gaussian has the largest entropy: the
        upper bound is never above that.

    Raises
    ------
    ValueError
        If `n_samples` is less than 2.

    References
    ----------
    Kolchinsky & Tracey (2017), Entropy 19, 361.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> exact = Mixture([1.0], [[0.0]], [1.0]).entropy()
    >>> round(exact.value, 9), exact.standard_error
    (1.418938533, 0.0)
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [3.0, 0.0]], [1.0, 1.0])
    >>> found = mixture.entropy(random_state=0)
    >>> round(found.value, 2), found.standard_error < 0.001
    (3.3, True)
    """
    draws, components = Draws.of(n_samples, random_state), Gaussians.of(mixture)
    within = float(components.weights @ entropies(components))
    between = information(components)

    def draw() -> tuple[float, float]:
        left, error = _of_labels(draws, mixture, components)
        return within + float(entr(components.weights).sum()) - left, error

    return Estimate.within(Bounds(within + between.lower, within + between.upper), draw)


def information(components: Gaussians) -> Bounds:
    """Bounds of what a row says of its component, in nats: the entropy of the mixture beyond that of its components."""
    weights, log_weights = components.weights, np.log(components.weights)
    lower, upper = (
        -float(weights @ logsumexp(log_weights - distances(components, components), axis=1))
        for distances in (bhattacharyya_distances, kl_divergences)
    )
    gaussian = _largest_entropy(components) - float(weights @ entropies(components))
    return Bounds.tightest(Bounds(lower, upper), Bounds(0.0, gaussian), Bounds(0.0, float(entr(weights).sum())))


def _of_labels(draws: Draws, mixture: "Mixture", components: Gaussians) -> tuple[float, float]:
    """Mean entropy of the responsibilities, and its standard error.

    Rows are drawn from the sum over all pairs of ``sqrt(weight_i p_i weight_j p_j)``, to which the entropy is at most
    as log 2 to 1: so that components are seen to overlap also where hardly any rows of the mixture itself would tell.
    """
    affinities = log_affinities(components, components)
    affinities[np.tril_indices(len(affinities))] = -np.inf
    total = float(np.exp(logsumexp(affinities)))

    def values(rows: Floats) -> Floats:
        shares = mixture.responsibilities(rows)
        of_pairs = 0.5 * (np.sqrt(shares).sum(axis=1) ** 2 - 1.0)
        return np.asarray(np.divide(entr(shares).sum(axis=1), of_pairs, out=np.zeros(len(rows)), where=of_pairs > 0))

    mean, error = mean_between(draws, mixture, components, components, affinities, values)
    return total * mean, total * error


def entropies(components: Gaussians) -> Floats:
    """Entropy of each component, ``(K,)``."""
    return np.asarray(0.5 * (components.n_features * np.log(2.0 * np.pi * np.e) + components.log_dets))


def _largest_entropy(components: Gaussians) -> float:
    """That of a Gaussian with the covariance of the mixture; what rounding has taken, its own size makes up for."""
    factor, n_features = components.whole.factors[0], components.n_features
    lengths = np.hypot(np.diagonal(factor), np.sqrt(_ROUNDING * n_features) * np.abs(factor).sum(axis=1))
    return float(0.5 * n_features * np.log(2.0 * np.pi * np.e) + np.log(lengths).sum())
