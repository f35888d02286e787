"""Importance sampling between components: draw rows where two densities overlap, even if they hardly do."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from gaussmix._types import Floats
from gaussmix.covariances import Covariances, Full
from gaussmix.density.gaussian_pairs import CentredGaussians, bhattacharyya_distances
from gaussmix.density.monte_carlo import MonteCarlo
from gaussmix.linalg import cholesky_of_gram

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["importance_weights", "log_affinities", "mean_over_pairs"]

# A pair is left out if its share of the sum of all affinities is at most this.
_NEGLIGIBLE = 1e-16


def log_affinities(p: CentredGaussians, q: CentredGaussians) -> Floats:
    r"""Return the logarithm of :math:`\int \sqrt{\pi_i p_i(x) \, \rho_j q_j(x)} \, dx` for each pair, ``(K, K')``."""
    return 0.5 * (np.log(p.weights)[:, None] + np.log(q.weights)) - bhattacharyya_distances(p, q)


def mean_over_pairs(
    monte_carlo: MonteCarlo,
    mixture: "Mixture",
    p: CentredGaussians,
    q: CentredGaussians,
    affinities: Floats,
    values: Callable[[Floats], Floats],
) -> tuple[float, float]:
    r"""Estimate the mean of a function of rows under the geometric means of pairs of components.

    The rows are drawn from the density that is proportional to the sum of :math:`\sqrt{\pi_i p_i \, \rho_j q_j}` over
    the pairs. Return the mean and its standard error.

    Parameters
    ----------
    monte_carlo : MonteCarlo
    mixture : Mixture
        The means of p and q are relative to its first mean.
    p, q : CentredGaussians
        The components.
    affinities : (K, K') ndarray
        Their logarithmic affinities, see :func:`log_affinities`; minus infinity leaves a pair out.
    values : callable
        The function of the rows, ``(b, D) -> (b,)``.
    """
    shares = np.exp(affinities - logsumexp(affinities))
    left, right = np.nonzero(shares > _NEGLIGIBLE)
    weights = shares[left, right]
    means, covariances = _geometric_means(p.subset(left), q.subset(right))
    proposal = type(mixture)(weights / weights.sum(), mixture.means[0] + means, covariances)
    return monte_carlo.mean(proposal, values)


def importance_weights(mixture: "Mixture", other: "Mixture", rows: Floats) -> Floats:
    r"""Return ``sqrt(p q)`` of two mixtures, divided by the sum of ``sqrt(p_i q_j)`` over all pairs, ``(n,)``.

    By the inequality of Cauchy and Schwarz, this is at most one and at least one over the square root of the number of
    pairs.
    """
    mine, theirs = (np.sqrt(each.responsibilities(rows)).sum(axis=1) for each in (mixture, other))
    return np.asarray(1.0 / (mine * theirs))


def _geometric_means(left: CentredGaussians, right: CentredGaussians) -> tuple[Floats, Covariances]:
    """Return the means and covariances of the CentredGaussians that are proportional to ``sqrt(p q)`` of each pair.

    Each is a conditional distribution: that of a row of p with twice its covariance, given that an independent row of q
    with twice its covariance is equal.
    """
    n_pairs, n_features = left.means.shape
    mine, theirs = left.roots, -right.roots
    roots = np.block([[mine, mine], [theirs, np.zeros_like(theirs)]])
    differences, rows = list(range(n_features)), list(range(n_features, 2 * n_features))
    gain, covariances = Full(np.sqrt(2.0) * cholesky_of_gram(roots)).conditional(differences, rows, n_pairs)
    return left.means + np.einsum("pij,pj->pi", gain, right.means - left.means), covariances
