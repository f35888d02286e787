"""How far apart two mixtures are: the distance of Bhattacharyya, which is that of Hellinger in other words."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, logsumexp

from gaussmix._types import Floats, Seed
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.gaussian_pairs import Gaussians, bhattacharyya_distances, pair
from gaussmix.density.importance_sampling import log_affinities, mean_between, overlaps
from gaussmix.density.monte_carlo import Draws
from gaussmix.density.transport import cheapest_coupling

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["bhattacharyya", "bounds"]


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
        How many rows to draw, from each of the two or between them, some more where there are rare components.
    random_state : int, Generator or None, default None
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
    least = -float(logsumexp(log_affinities(p, q)))
    similar = np.exp(distances.min() - distances)
    coupled = distances.min() - np.log((cheapest_coupling(-similar, p.weights, q.weights) * similar).sum())
    return Bounds.tightest(Bounds(max(least, 0.0), coupled), Bounds(0.0, least + 0.5 * np.log(distances.size)))


def _unlike(log_ratios: Floats) -> Floats:
    """What BC lacks to one."""
    return np.asarray((np.sqrt(expit(log_ratios)) - np.sqrt(expit(-log_ratios))) ** 2)


def _drawn_from_both(draws: Draws, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    lacking, error = draws.mean_of_both(mixture, other, _unlike)
    return -float(np.log1p(-lacking)), error / (1.0 - lacking)


def _drawn_between(draws: Draws, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    p, q = pair(mixture, other)
    affinities = log_affinities(p, q)
    share, error = mean_between(draws, mixture, p, q, affinities, lambda rows: overlaps(mixture, other, rows))
    return -float(logsumexp(affinities) + np.log(share)), error / share
