"""The most probable missing values of rows, given the observed values: the maxima of their conditional densities."""

from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.density.log_density_geometry import LogDensityGeometry, fix_coordinates
from gaussmix.density.modal_em import run_modal_em
from gaussmix.engines.incomplete import condition_pieces

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["find_most_probable"]

_LEAST_PEAK = 1e-4
"""The smallest height of a component's peak in a conditional density, relative to the density at the best conditional
mean, with which the component is a start: lower components change the height of the maximum by less than this."""

_LEAST_PAIR = 0.1
"""The smallest density at the point of equal shares of two components, relative to the best conditional mean, with
which the point is a start. A mode where two components cross is near this point, and nearly as high there."""

_FARTHEST = -1e300
"""The log-density below which rows keep the conditional mean of their nearest component: distances overflow there."""


def find_most_probable(mixture: "Mixture", rows: Rows) -> Floats:
    """Return rows ``(n, D)`` with their most probable values in place of missing values (NaN).

    Modal EM ascends the conditional density of each row from the conditional means of its components, and from points
    between two components, where components that cross can have their highest mode. The highest end is the answer.

    Raises
    ------
    ValueError
        If a covariance is so close to singular that the direction of ascent is lost to rounding.
    """
    filled = np.array(rows, dtype=np.float64)
    holed = np.flatnonzero(np.isnan(filled).any(axis=1))
    if not len(holed):
        return filled
    geometry = LogDensityGeometry.from_mixture(mixture, by_feature=True)
    for piece in condition_pieces(mixture, filled[holed]):
        members = holed[piece.members]
        free = np.isnan(filled[members])
        means = (piece.centred + mixture.means[:, None])[mixture.weights > 0]
        best = geometry.restore(_climb(geometry, _standardize(geometry, means), free))
        filled[members] = np.where(free, best, filled[members])
    return filled


def _climb(geometry: LogDensityGeometry, means: Floats, free: Flags) -> Floats:
    """Return the highest point ``(m, D)`` that ascents reach for each row, from conditional means ``(K, m, D)``."""
    n_components, n_rows, n_features = means.shape
    joint = geometry.log_joint(means.reshape(-1, n_features)).reshape(n_components, n_rows, n_components)
    heights = np.logaddexp.reduce(joint, axis=2)
    nearest = heights.argmax(axis=0)
    best, highest = means[nearest, np.arange(n_rows)], heights.max(axis=0)
    peaks = np.einsum("kmk->km", joint)
    starting = (peaks >= highest + np.log(_LEAST_PEAK)) & (highest > _FARTHEST)
    components, row = np.nonzero(starting)
    between, row_between = _points_between(geometry, means, starting, free)
    high = geometry.log_density(between) >= highest[row_between] + np.log(_LEAST_PAIR)
    starts = np.concatenate([means[components, row], between[high]])
    of_row = np.concatenate([row, row_between[high]])
    ends = run_modal_em(geometry, starts, free[of_row])
    order = np.lexsort((ends.log_density, of_row))
    last = np.flatnonzero(np.diff(of_row[order], append=-1))
    best[of_row[order[last]]] = ends.points[order[last]]
    return np.asarray(best)


def _points_between(geometry: LogDensityGeometry, means: Floats, starting: Flags, free: Flags) -> tuple[Floats, Labels]:
    """Return the points of equal shares of each two starting components of each row, ``(p, D)``, and their rows.

    A point is the mean of the two conditional means, weighted by the conditional precisions: the middle of the
    ridgeline (Ray & Lindsay 2005).
    """
    first, second = np.triu_indices(len(means), 1)
    pair, row = np.nonzero(starting[first] & starting[second])
    points = np.empty((len(pair), means.shape[2]))
    for start in range(0, len(pair), geometry.block_size):
        span = slice(start, start + geometry.block_size)
        one, other, own = first[pair[span]], second[pair[span]], free[row[span]]
        total = fix_coordinates(geometry.precisions[one] + geometry.precisions[other], own)
        apart = means[other, row[span]] - means[one, row[span]]
        pull = np.where(own, (geometry.precisions[other] @ apart[:, :, None])[:, :, 0], 0.0)
        points[span] = means[one, row[span]] + np.linalg.solve(total, pull[:, :, None])[:, :, 0]
    return points, row


def _standardize(geometry: LogDensityGeometry, means: Floats) -> Floats:
    """Map conditional means ``(K, m, D)`` into the coordinates of the geometry."""
    return geometry.standardize(means.reshape(-1, means.shape[2])).reshape(means.shape)
