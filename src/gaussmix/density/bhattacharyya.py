"""How far apart two mixtures are: the distance of Bhattacharyya, which is that of Hellinger in other words."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logsumexp

from gaussmix._types import Floats, Seed
from gaussmix.covariances import Covariances, Full, triangle
from gaussmix.density.draws import Draws
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.gaussians import Gaussians, bhattacharyya_distances, pair
from gaussmix.density.transport import cheapest_coupling

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["bhattacharyya", "bounds"]

_NEGLIGIBLE = 1e-16


def bhattacharyya(
    mixture: "Mixture", other: "Mixture", *, n_samples: int = 100_000, random_state: Seed = None
) -> Estimate:
    r"""Bhattacharyya distance between this mixture p and another, q, in nats.

    .. math:: B(p, q) = -\log BC(p, q), \qquad BC(p, q) = \int \sqrt{p(x) \, q(x)} \, dx

    From 0, where they are the same, without limit. It gives the Hellinger distance :math:`\sqrt{1 - e^{-B}}`. With
    equal odds, a row's source is guessed wrongly at most with probability :math:`e^{-B} / 2`. Closed form where both
    have one component.

    Parameters
    ----------
    other : Mixture
        The mixture q, of the same features.
    n_samples : int, default 100_000
        How many rows to draw, some more where there are rare components.
    random_state : int, Generator or None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        Its bounds come from the coefficients of all pairs of components: BC is at least their mean under any coupling,
        of which the best is taken; it is at most :math:`\sum_{ij} \sqrt{\pi_i \rho_j} \, BC_{ij}`, and at least that
        divided by the square root of the number of pairs.

    Raises
    ------
    ValueError
        If the features differ, or `n_samples` is less than 2.

    Notes
    -----
    Where p and q overlap, rows are drawn from both. Where they are proven to be apart, rows from either would hardly
    ever fall where both densities matter; then they are drawn from the geometric means of all pairs of components, and
    the relative error of BC is small at any distance.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> near, far = Mixture([1.0], [[0.0]], [1.0]), Mixture([1.0], [[4.0]], [1.0])
    >>> round(near.bhattacharyya(far).value, 9)
    2.0
    """
    draws, (p, q) = Draws.of(n_samples, random_state), pair(mixture, other)
    proven = bounds(p, q)
    draw = _drawn_between if proven.lower > 0 else _drawn_from_both
    return Estimate.within(proven, lambda: draw(draws, mixture, other))


def bounds(p: Gaussians, q: Gaussians) -> Bounds:
    """Bounds of the distance from those of all pairs of components."""
    if p.equals(q):
        return Bounds(0.0, 0.0)
    distances = bhattacharyya_distances(p, q)
    least = -float(logsumexp(_log_shares(p, q)))
    similar = np.exp(distances.min() - distances)
    coupled = distances.min() - np.log((cheapest_coupling(-similar, p.weights, q.weights) * similar).sum())
    return Bounds.tightest(Bounds(max(least, 0.0), coupled), Bounds(0.0, least + 0.5 * np.log(distances.size)))


def _log_shares(p: Gaussians, q: Gaussians) -> Floats:
    """Logarithms of ``sqrt(weight_i weight_j) BC_ij``: what a pair adds to the upper bound of BC."""
    return 0.5 * (np.log(p.weights)[:, None] + np.log(q.weights)) - bhattacharyya_distances(p, q)


def _unlike(log_ratios: Floats) -> Floats:
    """What BC lacks to one."""
    return np.asarray((np.sqrt(expit(log_ratios)) - np.sqrt(expit(-log_ratios))) ** 2)


def _drawn_from_both(draws: Draws, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    lacking, error = draws.mean_of_both(mixture, other, _unlike)
    return -float(np.log1p(-lacking)), error / (1.0 - lacking)


def _drawn_between(draws: Draws, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    """The upper bound of BC, times the mean of ``sqrt(p q) / sum_ij sqrt(weight_i p_i weight_j q_j)``.

    The mean is over rows of the density that is proportional to the denominator. By the inequality of Cauchy and
    Schwarz its values are from one down to the inverse square root of the number of pairs.
    """
    p, q = pair(mixture, other)
    log_shares = _log_shares(p, q)
    log_total = float(logsumexp(log_shares))

    def values(rows: Floats) -> Floats:
        mine, theirs = (np.sqrt(one.responsibilities(rows)).sum(axis=1) for one in (mixture, other))
        return np.asarray(1.0 / (mine * theirs))

    share, error = draws.mean(_between(mixture, p, q, np.exp(log_shares - log_total)), values)
    return -log_total - float(np.log(share)), error / share


def _between(mixture: "Mixture", p: Gaussians, q: Gaussians, shares: Floats) -> "Mixture":
    """The geometric means of pairs of components, but of those without a share in what is drawn."""
    left, right = np.nonzero(shares > _NEGLIGIBLE)
    kept = shares[left, right]
    means, covariances = _geometric(p.some(left), q.some(right))
    return type(mixture)(kept / kept.sum(), mixture.means[0] + means, covariances)


def _geometric(left: Gaussians, right: Gaussians) -> tuple[Floats, Covariances]:
    """Means and covariances of the Gaussians that ``sqrt(p q)`` of each pair is proportional to.

    Such a Gaussian is what is known of a row from p, of twice the covariance, once a like one from q is the same row.
    """
    n_pairs, n_features = left.means.shape
    mine, theirs = left.roots, -right.roots
    roots = np.block([[mine, mine], [theirs, np.zeros_like(theirs)]])
    differences, rows = list(range(n_features)), list(range(n_features, 2 * n_features))
    gain, covariances = Full(np.sqrt(2.0) * triangle(roots)).conditional(differences, rows, n_pairs)
    return left.means + np.einsum("pij,pj->pi", gain, right.means - left.means), covariances
