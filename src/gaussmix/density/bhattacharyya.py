"""The Bhattacharyya distance between mixtures, from which the Hellinger distance follows."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logsumexp

from gaussmix._types import Floats, Seed
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.features import match
from gaussmix.density.gaussian_pairs import CentredGaussians, bhattacharyya_distances, centre_pair
from gaussmix.density.importance_sampling import importance_weights, log_affinities, mean_over_pairs
from gaussmix.density.monte_carlo import MonteCarlo
from gaussmix.density.transport import cheapest_coupling

if TYPE_CHECKING:
    from gaussmix.mixture import HasMixture, Mixture

__all__ = ["bhattacharyya", "bounds"]


def bhattacharyya(
    mixture: "Mixture", other: "Mixture | HasMixture", *, n_samples: int = 100_000, random_state: Seed = None
) -> Estimate:
    r"""Return the Bhattacharyya distance between this mixture p and another mixture q, in nats.

    .. math:: B(p, q) = -\log BC(p, q), \qquad BC(p, q) = \int \sqrt{p(x) \, q(x)} \, dx

    The distance is 0 for equal mixtures, and has no upper limit. The Hellinger distance is :math:`\sqrt{1 - e^{-B}}`.
    If a row comes from p or q with equal probability, the best guess of its source is wrong with probability
    :math:`e^{-B} / 2` at most. The distance has a closed form if both mixtures have one component.

    Parameters
    ----------
    other : Mixture or fitted estimator
        The mixture q, of the same features. Features are compared by name, if both mixtures have names.
    n_samples : int, default 100_000
        Number of rows to draw, from each of the two mixtures or between them; slightly more if components are rare.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        The distance, with bounds from the coefficients of all pairs of components: BC is at least their mean under any
        coupling, and the best coupling is used. BC is at most :math:`\sum_{ij} \sqrt{\pi_i \rho_j} \, BC_{ij}`, and at
        least this sum divided by the square root of the number of pairs.

    Raises
    ------
    ValueError
        If the features differ, or `n_samples` is less than 2.

    Notes
    -----
    If the lower bound of the distance is zero, rows are drawn from p and from q. If it is positive, such rows would
    hardly ever fall where both densities matter. The rows are then drawn from the geometric means of all pairs of
    components, and the relative error of BC is small at any distance.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> near, far = Mixture([1.0], [[0.0]], [1.0]), Mixture([1.0], [[4.0]], [1.0])
    >>> round(near.bhattacharyya(far).value, 9)
    2.0
    """
    theirs = match(mixture, other)
    monte_carlo, (p, q) = MonteCarlo.from_seed(n_samples, random_state), centre_pair(mixture, theirs)
    proven = bounds(p, q)
    draw = _estimate_over_pairs if proven.lower > 0 else _estimate_from_both
    return Estimate.from_bounds(proven, lambda: draw(monte_carlo, mixture, theirs))


def bounds(p: CentredGaussians, q: CentredGaussians) -> Bounds:
    """Return bounds of the distance, from the distances of all pairs of components."""
    if p.equals(q):
        return Bounds(0.0, 0.0)
    distances = bhattacharyya_distances(p, q)
    least = -float(logsumexp(log_affinities(p, q)))
    similar = np.exp(distances.min() - distances)
    coupled = distances.min() - np.log((cheapest_coupling(-similar, p.weights, q.weights) * similar).sum())
    return Bounds.intersect(Bounds(max(least, 0.0), coupled), Bounds(0.0, least + 0.5 * np.log(distances.size)))


def _dissimilarity(log_ratios: Floats) -> Floats:
    """Return the function of the log-ratios whose mean under the average of p and q is ``1 - BC``."""
    return np.asarray((np.sqrt(expit(log_ratios)) - np.sqrt(expit(-log_ratios))) ** 2)


def _estimate_from_both(monte_carlo: MonteCarlo, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    complement, error = monte_carlo.mean_of_log_ratios(mixture, other, _dissimilarity)
    return -float(np.log1p(-complement)), error / (1.0 - complement)


def _estimate_over_pairs(monte_carlo: MonteCarlo, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    p, q = centre_pair(mixture, other)
    affinities = log_affinities(p, q)
    share, error = mean_over_pairs(
        monte_carlo, mixture, p, q, affinities, lambda rows: importance_weights(mixture, other, rows)
    )
    return -float(logsumexp(affinities) + np.log(share)), error / share
