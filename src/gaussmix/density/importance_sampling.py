"""Draws between components: rows from where densities overlap, however little that is."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import logsumexp

from gaussmix._types import Floats
from gaussmix.covariances import Covariances, Full
from gaussmix.density.gaussian_pairs import Gaussians, bhattacharyya_distances
from gaussmix.density.monte_carlo import Draws
from gaussmix.linalg import cholesky_of_gram

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["log_affinities", "mean_between", "overlaps"]

_NEGLIGIBLE = 1e-16


def log_affinities(p: Gaussians, q: Gaussians) -> Floats:
    r"""Logarithms of :math:`\int \sqrt{\pi_i p_i(x) \, \rho_j q_j(x)} \, dx` for each pair, ``(K, K')``."""
    return 0.5 * (np.log(p.weights)[:, None] + np.log(q.weights)) - bhattacharyya_distances(p, q)


def mean_between(
    draws: Draws, mixture: "Mixture", p: Gaussians, q: Gaussians, affinities: Floats, values: Callable[[Floats], Floats]
) -> tuple[float, float]:
    r"""Mean of a function of rows under the geometric means of pairs of components, and its standard error.

    The density of the rows is proportional to the sum of :math:`\sqrt{\pi_i p_i \, \rho_j q_j}` over the pairs. The
    logarithms of their affinities are given; minus infinity leaves a pair out. The components are about the first mean
    of the mixture.
    """
    shares = np.exp(affinities - logsumexp(affinities))
    left, right = np.nonzero(shares > _NEGLIGIBLE)
    kept = shares[left, right]
    means, covariances = _geometric_means(p.some(left), q.some(right))
    return draws.mean(type(mixture)(kept / kept.sum(), mixture.means[0] + means, covariances), values)


def overlaps(mixture: "Mixture", other: "Mixture", rows: Floats) -> Floats:
    """``sqrt(p q)`` of two mixtures over the sum of the same for all pairs of components, ``(n,)``.

    By the inequality of Cauchy and Schwarz this is from one down to the inverse square root of the number of pairs.
    """
    mine, theirs = (np.sqrt(one.responsibilities(rows)).sum(axis=1) for one in (mixture, other))
    return np.asarray(1.0 / (mine * theirs))


def _geometric_means(left: Gaussians, right: Gaussians) -> tuple[Floats, Covariances]:
    """Means and covariances of the Gaussians that ``sqrt(p q)`` of each pair is proportional to.

    Such a Gaussian is what is known of a row from p, of twice the covariance, once a like one from q is the same row.
    """
    n_pairs, n_features = left.means.shape
    mine, theirs = left.roots, -right.roots
    roots = np.block([[mine, mine], [theirs, np.zeros_like(theirs)]])
    differences, rows = list(range(n_features)), list(range(n_features, 2 * n_features))
    gain, covariances = Full(np.sqrt(2.0) * cholesky_of_gram(roots)).conditional(differences, rows, n_pairs)
    return left.means + np.einsum("pij,pj->pi", gain, right.means - left.means), covariances
