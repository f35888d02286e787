"""Where to look for modes: on the ridges between the means."""

from collections.abc import Iterator

import numpy as np
from scipy.special import expit

from gaussmix._types import Floats, Labels
from gaussmix.density.log_density_geometry import Terrain

__all__ = ["starts"]

_NEIGHBOURS = 16
_LINE = expit(np.linspace(-8.0, 8.0, 17))


def starts(terrain: Terrain) -> Floats:
    r"""Points ``(m, D)`` from which to climb: where modes may be.

    At a mode the density's slope is zero, which makes it the mean of the components' means, weighted by their
    precisions times shares :math:`\alpha_k` that sum to one:

    .. math:: x(\alpha) = \Bigl( \sum_k \alpha_k \Sigma_k^{-1} \Bigr)^{-1} \sum_k \alpha_k \Sigma_k^{-1} \mu_k

    With one share that is a mean, with two the ridgeline between two components, on which all modes of the two lie: of
    each, those points are taken where the density of the whole mixture is highest along it. Of more than two, the
    middle of each component and its nearest is taken: a mode can lie there that no single component and no pair makes.

    References
    ----------
    Ray & Lindsay (2005), Annals of Statistics 33.
    Carreira-Perpiñán & Williams (2003), An isotropic Gaussian mixture can have more modes than components, Informatics
    Research Report EDI-INF-RR-0185, University of Edinburgh.
    """
    between = [points for k in range(len(terrain.means)) for points in _around(terrain, k, _nearest(terrain, k))]
    return np.concatenate([terrain.means, *between])


def _around(terrain: Terrain, k: int, others: Labels) -> Iterator[Floats]:
    yield _middles(terrain, k, others[: terrain.means.shape[1]])
    yield _tops(terrain, _ridgelines(terrain, k, others))


def _nearest(terrain: Terrain, k: int) -> Labels:
    """The components other than `k` that are nearest to it, in the deviations of the sum of a row from each."""
    apart = (terrain.means - terrain.means[k])[:, :, None]
    own, theirs = terrain.precisions[k], terrain.precisions
    with np.errstate(over="ignore", invalid="ignore"):
        distances = np.swapaxes(own @ apart, 1, 2) @ np.linalg.solve(own + theirs, theirs @ apart)
    order = np.argsort(distances[:, 0, 0], kind="stable")
    return np.asarray(order[(order != k) & np.isfinite(distances[order, 0, 0])][:_NEIGHBOURS])


def _middles(terrain: Terrain, k: int, others: Labels) -> Floats:
    """The points of component `k` and the first one, two, three, … of the others with equal shares."""
    precisions, pulls = terrain.precisions[others], _pulls(terrain, k, others)
    total = terrain.precisions[k] + np.cumsum(precisions, axis=0)
    return np.asarray(terrain.means[k] + np.linalg.solve(total, np.cumsum(pulls, axis=0))[:, :, 0])


def _ridgelines(terrain: Terrain, k: int, others: Labels) -> Floats:
    """Points from component `k` to each of the others, ``(17, m, D)``."""
    share = _LINE[:, None, None, None]
    total = (1.0 - share) * terrain.precisions[k] + share * terrain.precisions[others]
    return np.asarray(terrain.means[k] + np.linalg.solve(total, share * _pulls(terrain, k, others))[..., 0])


def _pulls(terrain: Terrain, k: int, others: Labels) -> Floats:
    return np.asarray(terrain.precisions[others] @ (terrain.means[others] - terrain.means[k])[:, :, None])


def _tops(terrain: Terrain, lines: Floats) -> Floats:
    """Where along lines ``(17, m, D)`` the density is higher than before and after, ``(t, D)``."""
    heights = terrain.log_density(lines.reshape(-1, lines.shape[2])).reshape(lines.shape[:2])
    inner = (heights[1:-1] >= heights[:-2]) & (heights[1:-1] >= heights[2:])
    return np.asarray(lines[1:-1][inner])
