"""K-means by Lloyd's algorithm, from seeds by k-means++.

To import scikit-learn's implementation takes as long as a small fit with all its starts.
"""

from math import log

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats, Labels, Rows

__all__ = ["assign_to_nearest", "choose_seeds", "kmeans"]

# Lloyd's algorithm ends after this many steps at the latest.
_MAX_STEPS = 300

# Seeds are chosen from a random sample of this many rows, or of this many for each seed, whichever is larger.
_SEED_ROWS = 2**11
_ROWS_PER_SEED = 64

# Lloyd's algorithm has converged when the squared steps of all centres sum to less than this share of the mean variance
# of the columns.
_TOLERANCE = 1e-4

# Squared distances below this share of the squared norm of a point are rounding errors, and count as zero.
_ROUNDING = 64 * float(np.finfo(np.float64).eps)

# Up to this many columns, one weighted count for each column is faster than a matrix product with the shares.
_FEW_COLUMNS = 64

# A block of many columns has at most this many values: one megabyte, which fits into the second-level cache of a core.
_VALUES_PER_BLOCK = 2**17

# At most this many distances are computed at a time, so that they fit into the cache of a core.
_DISTANCES_PER_BLOCK = 2**16


def kmeans(
    points: Floats, weights: Floats, n_clusters: int, rng: np.random.Generator, max_steps: int = _MAX_STEPS
) -> Floats:
    """Return the centres ``(K, R)`` of clusters, by Lloyd's algorithm from the seeds of :func:`choose_seeds`.

    Parameters
    ----------
    points : (n, R) ndarray
        Rows whose mean is close to zero compared with the distances between them.
    weights : (n,) ndarray
        The weight of each row: the number of rows that it stands for.
    n_clusters : int
        K, at most n. If there are fewer distinct rows, several centres are equal.
    rng : numpy.random.Generator
        The generator for the seeds.
    max_steps : int
        The largest number of steps.

    References
    ----------
    Lloyd (1982), IEEE Transactions on Information Theory 28.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.initialization.kmeans import kmeans
    >>> points = np.array([[-5.0], [-4.0], [4.0], [5.0]])
    >>> np.sort(kmeans(points, np.ones(4), 2, np.random.default_rng(0)), axis=0)
    array([[-4.5],
           [ 4.5]])
    """
    shares = weights / weights.sum()
    narrow = points.shape[1] <= _FEW_COLUMNS
    columns = np.ascontiguousarray((points * shares[:, None]).T) if narrow else None
    tolerance = _TOLERANCE * float((shares @ points**2).mean())
    with one_thread(points.size * n_clusters):
        chosen = _choose_rows(len(points), max(_SEED_ROWS, _ROWS_PER_SEED * n_clusters), rng)
        centres = choose_seeds(points[chosen], weights[chosen], n_clusters, rng)
        for _ in range(max_steps):
            moved = _move_centres(points, shares, columns, centres)
            step = float(((moved - centres) ** 2).sum())
            centres = moved
            if step <= tolerance:
                break
    return centres


def _choose_rows(n_rows: int, most: int, rng: np.random.Generator) -> Labels | slice:
    """Return the indices of all rows, or of a random sample of `most` rows."""
    return slice(None) if n_rows <= most else rng.choice(n_rows, most, replace=False)


def _move_centres(points: Floats, shares: Floats, columns: Floats | None, centres: Floats) -> Floats:
    """Return the means of the rows nearest to each centre; a centre without rows moves to a row far from its centre."""
    labels, sums = _assign_and_sum(points, shares, columns, centres)
    mass = np.bincount(labels, shares, len(centres))
    empty = np.flatnonzero(mass == 0)
    moved = np.asarray(sums / np.where(mass > 0, mass, 1.0)[:, None])
    if empty.size:
        farthest = np.argsort(-shares * ((points - centres[labels]) ** 2).sum(axis=1), kind="stable")
        moved[empty] = points[farthest[: empty.size]]
    return moved


def _assign_and_sum(points: Floats, shares: Floats, columns: Floats | None, centres: Floats) -> tuple[Labels, Floats]:
    """Return the nearest centre of each point, and the sum of each cluster's points times their shares, ``(K, R)``.

    Few columns are summed one by one, from their products with the shares ``(R, n)``. Many are summed by a product of
    matrices for each block of rows, while the block is in the cache.
    """
    n_clusters = len(centres)
    if columns is not None:
        labels = assign_to_nearest(points, centres)
        return labels, np.stack([np.bincount(labels, column, n_clusters) for column in columns], axis=1)
    numbers, sums, labels = np.arange(n_clusters)[:, None], np.zeros_like(centres), np.empty(len(points), dtype=np.intp)
    size = max(_VALUES_PER_BLOCK // points.shape[1], 1)
    for first in range(0, len(points), size):
        block = slice(first, first + size)
        labels[block] = assign_to_nearest(points[block], centres)
        sums += np.where(labels[block] == numbers, shares[block], 0.0) @ points[block]
    return labels, sums


def choose_seeds(points: Floats, weights: Floats, n_clusters: int, rng: np.random.Generator) -> Floats:
    """Return K points ``(K, R)`` that are far apart, by greedy k-means++.

    For each seed, several points are drawn with probabilities proportional to their squared distances from the seeds
    before. The drawn point that leaves the smallest sum of squared distances becomes the seed.

    References
    ----------
    Arthur & Vassilvitskii (2007), Proceedings of the 18th ACM-SIAM Symposium on Discrete Algorithms: k-means++.
    """
    shares = weights / weights.sum()
    squares = (points**2).sum(axis=1)
    n_tries = 2 + int(log(n_clusters))
    chosen = _draw(shares, 1, rng)
    left = _squared_distances(points, squares, chosen)[0]
    for _ in range(1, n_clusters):
        chances = shares * left
        tries = _draw(chances if chances.any() else shares, n_tries, rng)
        lefts = np.minimum(_squared_distances(points, squares, tries), left)
        best = int(np.argmin(lefts @ shares))
        left = lefts[best]
        chosen = np.append(chosen, tries[best])
    return np.asarray(points[chosen])


def _draw(chances: Floats, n_tries: int, rng: np.random.Generator) -> Labels:
    """Return random indices ``(T,)`` with probabilities proportional to `chances`."""
    heights = np.cumsum(chances)
    return np.asarray(np.searchsorted(heights, (1.0 - rng.random(n_tries)) * heights[-1]))


def _squared_distances(points: Floats, squares: Floats, chosen: Labels) -> Floats:
    """Return the squared distances ``(T, n)`` of all points from chosen ones; zero where they are rounding errors."""
    products = points[chosen] @ points.T
    return np.maximum(squares[chosen, None] + (1.0 - _ROUNDING) * squares - 2.0 * products, 0.0)


def assign_to_nearest(points: Rows, centres: Floats) -> Labels:
    """Return the index of the nearest centre of each point, ``(n,)``; the lowest index if several are equally near."""
    size = max(_DISTANCES_PER_BLOCK // len(centres), 1)
    half_squares = 0.5 * (centres**2).sum(axis=1)
    blocks = (points[first : first + size] for first in range(0, len(points), size))
    return np.concatenate([(half_squares - block @ centres.T).argmin(axis=1) for block in blocks])
