"""Starting points for modal EM: the means, and points on the ridgelines between them."""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from gaussmix._types import Floats, Labels
from gaussmix.density.log_density_geometry import LogDensityGeometry

__all__ = ["starting_points"]

# Each component is paired with at most so many of its nearest components.
_NEIGHBOURS = 16
# A ridgeline is evaluated at these 17 shares of its second component, closest together near both ends.
_SHARES = expit(np.linspace(-8.0, 8.0, 17))


def starting_points(geometry: LogDensityGeometry) -> Floats:
    r"""Return points ``(m, D)`` near which modes may be.

    At a mode the gradient of the density is zero. The mode is therefore the mean of the components' means, weighted by
    their precisions times shares :math:`\alpha_k` that sum to one:

    .. math:: x(\alpha) = \Bigl( \sum_k \alpha_k \Sigma_k^{-1} \Bigr)^{-1} \sum_k \alpha_k \Sigma_k^{-1} \mu_k

    A single share of one gives a mean. Two positive shares give the ridgeline of two components, on which all modes of
    these two lie: each ridgeline contributes the points where the density of the whole mixture has a maximum along it.
    For more than two components, the point of equal shares of a component and its nearest components is added: a mode
    can lie there that no single component and no pair makes.

    References
    ----------
    Ray & Lindsay (2005), Annals of Statistics 33.
    Carreira-Perpiñán & Williams (2003), An isotropic Gaussian mixture can have more modes than components, Informatics
    Research Report EDI-INF-RR-0185, University of Edinburgh.
    """
    n_components = len(geometry.means)
    between = [points for k in range(n_components) for points in _points_around(geometry, k, _nearest(geometry, k))]
    return np.concatenate([geometry.means, *between])


def _points_around(geometry: LogDensityGeometry, k: int, others: Labels) -> Iterator[Floats]:
    yield _equal_share_points(geometry, k, others[: geometry.means.shape[1]])
    yield _local_maxima(geometry, _ridgelines(geometry, k, others))


def _nearest(geometry: LogDensityGeometry, k: int) -> Labels:
    """Return the components nearest to `k`, in the metric of the sum of the two covariances."""
    differences = (geometry.means - geometry.means[k])[:, :, None]
    own, theirs = geometry.precisions[k], geometry.precisions
    with np.errstate(over="ignore", invalid="ignore"):
        distances = np.swapaxes(own @ differences, 1, 2) @ np.linalg.solve(own + theirs, theirs @ differences)
    order = np.argsort(distances[:, 0, 0], kind="stable")
    return np.asarray(order[(order != k) & np.isfinite(distances[order, 0, 0])][:_NEIGHBOURS])


def _equal_share_points(geometry: LogDensityGeometry, k: int, others: Labels) -> Floats:
    """Return the points of equal shares of component `k` and the first one, two, three, … of the others."""
    precisions, pulls = geometry.precisions[others], _pulls(geometry, k, others)
    total = geometry.precisions[k] + np.cumsum(precisions, axis=0)
    return np.asarray(geometry.means[k] + np.linalg.solve(total, np.cumsum(pulls, axis=0))[:, :, 0])


def _ridgelines(geometry: LogDensityGeometry, k: int, others: Labels) -> Floats:
    """Return points ``(17, m, D)`` on the ridgelines from component `k` to each of the others."""
    share = _SHARES[:, None, None, None]
    total = (1.0 - share) * geometry.precisions[k] + share * geometry.precisions[others]
    return np.asarray(geometry.means[k] + np.linalg.solve(total, share * _pulls(geometry, k, others))[..., 0])


def _pulls(geometry: LogDensityGeometry, k: int, others: Labels) -> Floats:
    """Return the precisions of the others times their means about the mean of component `k`, ``(m, D, 1)``."""
    return np.asarray(geometry.precisions[others] @ (geometry.means[others] - geometry.means[k])[:, :, None])


def _local_maxima(geometry: LogDensityGeometry, ridgelines: Floats) -> Floats:
    """Return the points ``(t, D)`` of ridgelines ``(17, m, D)`` that are at least as dense as both neighbours."""
    heights = geometry.log_density(ridgelines.reshape(-1, ridgelines.shape[2])).reshape(ridgelines.shape[:2])
    inner = (heights[1:-1] >= heights[:-2]) & (heights[1:-1] >= heights[2:])
    return np.asarray(ridgelines[1:-1][inner])
