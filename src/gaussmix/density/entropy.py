"""The differential entropy of a mixture."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import entr, logsumexp

from gaussmix._types import Floats, Seed
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.gaussian_pairs import CentredGaussians, bhattacharyya_distances, kl_divergences
from gaussmix.density.importance_sampling import log_affinities, mean_over_pairs
from gaussmix.density.monte_carlo import MonteCarlo

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["component_entropies", "entropy", "information_bounds"]

# Rounding changes a variance by at most this fraction for each feature.
_ROUNDING = 4 * float(np.finfo(np.float64).eps)


def entropy(mixture: "Mixture", *, n_samples: int = 100_000, random_state: Seed = None) -> Estimate:
    r"""Return the differential entropy in nats, the mean of minus the log-density.

    .. math:: H(X) = \sum_k \pi_k \, \tfrac12 \log\det 2 \pi e \Sigma_k + H(\pi) - E[H(r(X))]

    The last term, :math:`E[H(r(X))]`, has no closed form: it is the mean entropy of the responsibilities, a number
    between 0 and log K. It is estimated from random rows between the components, where the responsibilities are
    uncertain. The entropy is therefore exact for one component, and nearly exact for well separated components.

    Parameters
    ----------
    n_samples : int, default 100_000
        Number of rows to draw; slightly more if there are many pairs of components.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        The entropy, with the bounds of Kolchinsky and Tracey, from the Bhattacharyya distances (lower) and the
        Kullback-Leibler divergences (upper) of all pairs of components. The upper bound is at most the entropy of the
        Gaussian with the same covariance, which has the largest entropy.

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
    >>> entropy = mixture.entropy(random_state=0)
    >>> round(entropy.value, 2), entropy.standard_error < 0.001
    (3.3, True)
    """
    monte_carlo, components = MonteCarlo.from_seed(n_samples, random_state), CentredGaussians.from_mixture(mixture)
    within = float(components.weights @ component_entropies(components))
    between = information_bounds(components)

    def draw() -> tuple[float, float]:
        remaining, error = _label_entropy(monte_carlo, mixture, components)
        return within + float(entr(components.weights).sum()) - remaining, error

    return Estimate.from_bounds(Bounds(within + between.lower, within + between.upper), draw)


def information_bounds(components: CentredGaussians) -> Bounds:
    """Return bounds of the mutual information of a row and its component, in nats.

    It is the entropy of the mixture less the mean entropy of its components.
    """
    weights, log_weights = components.weights, np.log(components.weights)
    lower, upper = (
        -float(weights @ logsumexp(log_weights - distances(components, components), axis=1))
        for distances in (bhattacharyya_distances, kl_divergences)
    )
    gaussian = _largest_entropy(components) - float(weights @ component_entropies(components))
    return Bounds.intersect(Bounds(lower, upper), Bounds(0.0, gaussian), Bounds(0.0, float(entr(weights).sum())))


def _label_entropy(monte_carlo: MonteCarlo, mixture: "Mixture", components: CentredGaussians) -> tuple[float, float]:
    """Estimate the mean entropy of the responsibilities, and its standard error.

    Rows are drawn from the density that is proportional to the sum over all pairs of ``sqrt(w_i p_i w_j p_j)``. The
    density times the entropy of the responsibilities is at most log 2 times this sum, so that the estimate is precise
    even if hardly any row of the mixture itself falls between the components.
    """
    affinities = log_affinities(components, components)
    affinities[np.tril_indices(len(affinities))] = -np.inf
    total = float(np.exp(logsumexp(affinities)))

    def values(rows: Floats) -> Floats:
        shares = mixture.responsibilities(rows)
        of_pairs = 0.5 * (np.sqrt(shares).sum(axis=1) ** 2 - 1.0)
        return np.asarray(np.divide(entr(shares).sum(axis=1), of_pairs, out=np.zeros(len(rows)), where=of_pairs > 0))

    mean, error = mean_over_pairs(monte_carlo, mixture, components, components, affinities, values)
    return total * mean, total * error


def component_entropies(components: CentredGaussians) -> Floats:
    """Return the entropy of each component, ``(K,)``."""
    return np.asarray(0.5 * (components.n_features * np.log(2.0 * np.pi * np.e) + components.log_dets))


def _largest_entropy(components: CentredGaussians) -> float:
    """Return the entropy of a Gaussian with the covariance of the mixture, increased by the size of rounding."""
    factor, n_features = components.moment_match.factors[0], components.n_features
    lengths = np.hypot(np.diagonal(factor), np.sqrt(_ROUNDING * n_features) * np.abs(factor).sum(axis=1))
    return float(0.5 * n_features * np.log(2.0 * np.pi * np.e) + np.log(lengths).sum())
