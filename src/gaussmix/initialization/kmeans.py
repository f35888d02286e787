"""K-means. To load scikit-learn's, with all its other clusterings, takes as long as a small fit with all its starts."""

from math import log

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats, Labels, Rows

__all__ = ["assign_to_nearest", "choose_seeds", "kmeans"]

_MOST_STEPS = 300
_ENOUGH = 2**11  # rows that seeds are chosen from, or ...
_ENOUGH_PER_SEED = 64  # ... for each of them
_STILL = 1e-4  # of the mean variance of the columns: the squared steps of all centres together
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
_MANY_COLUMNS = 64  # above which a product with K rows of shares sums faster than a count for each column
_VALUES_AT_ONCE = 2**17  # of many columns: a megabyte, which the second cache of a core holds
_AT_ONCE = 2**16  # distances, which a core's own cache holds


def kmeans(
    points: Floats, weights: Floats, n_clusters: int, rng: np.random.Generator, most_steps: int = _MOST_STEPS
) -> Floats:
    """Centres ``(K, R)`` of clusters, by Lloyd's algorithm from :func:`choose_seeds` among some of the rows.

    Parameters
    ----------
    points : (n, R) ndarray
        Rows whose mean is near zero, in comparison with their distances from each other.
    weights : (n,) ndarray
        How many rows each row stands for.
    n_clusters : int
        K, at most n. Where there are fewer distinct rows, some centres are equal.
    rng : numpy.random.Generator
        For the seeds.
    most_steps : int
        After which it ends, whether or not the centres still move.

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
    narrow = points.shape[1] <= _MANY_COLUMNS
    columns = np.ascontiguousarray((points * shares[:, None]).T) if narrow else None
    still = _STILL * float((shares @ points**2).mean())
    with one_thread(points.size * n_clusters):
        some = _some(len(points), max(_ENOUGH, _ENOUGH_PER_SEED * n_clusters), rng)
        centres = choose_seeds(points[some], weights[some], n_clusters, rng)
        for _ in range(most_steps):
            moved = _moved(points, shares, columns, centres)
            step = float(((moved - centres) ** 2).sum())
            centres = moved
            if step <= still:
                break
    return centres


def _some(n_rows: int, enough: int, rng: np.random.Generator) -> Labels | slice:
    """All rows, or enough of them."""
    return slice(None) if n_rows <= enough else rng.choice(n_rows, enough, replace=False)


def _moved(points: Floats, shares: Floats, columns: Floats | None, centres: Floats) -> Floats:
    """The means of the rows that are nearest to each centre; one without rows goes to a row far from its own."""
    labels, sums = _clusters(points, shares, columns, centres)
    mass = np.bincount(labels, shares, len(centres))
    empty = np.flatnonzero(mass == 0)
    moved = np.asarray(sums / np.where(mass > 0, mass, 1.0)[:, None])
    if empty.size:
        lonely = np.argsort(-shares * ((points - centres[labels]) ** 2).sum(axis=1), kind="stable")
        moved[empty] = points[lonely[: empty.size]]
    return moved


def _clusters(points: Floats, shares: Floats, columns: Floats | None, centres: Floats) -> tuple[Labels, Floats]:
    """Return the nearest centre of each point, and the sum of each cluster's points times their shares, ``(K, R)``.

    Few columns are summed one by one, from their products with the shares ``(R, n)``. Many are summed by a product of
    matrices for each block of rows, while the block is in the cache.
    """
    n_clusters = len(centres)
    if columns is not None:
        labels = assign_to_nearest(points, centres)
        return labels, np.stack([np.bincount(labels, column, n_clusters) for column in columns], axis=1)
    numbers, sums, labels = np.arange(n_clusters)[:, None], np.zeros_like(centres), np.empty(len(points), dtype=np.intp)
    size = max(_VALUES_AT_ONCE // points.shape[1], 1)
    for first in range(0, len(points), size):
        block = slice(first, first + size)
        labels[block] = assign_to_nearest(points[block], centres)
        sums += np.where(labels[block] == numbers, shares[block], 0.0) @ points[block]
    return labels, sums


def choose_seeds(points: Floats, weights: Floats, n_clusters: int, rng: np.random.Generator) -> Floats:
    """K of the points ``(K, R)``, far apart: each of several drawn by their squared distances from those before.

    Of the drawn, the one is taken that leaves the least squared distances.

    References
    ----------
    Arthur & Vassilvitskii (2007), Proceedings of the 18th ACM-SIAM Symposium on Discrete Algorithms: k-means++.
    """
    shares = weights / weights.sum()
    squares = (points**2).sum(axis=1)
    n_tries = 2 + int(log(n_clusters))
    chosen = _drawn(shares, 1, rng)
    left = _squared_distances(points, squares, chosen)[0]
    for _ in range(1, n_clusters):
        chances = shares * left
        tries = _drawn(chances if chances.any() else shares, n_tries, rng)
        lefts = np.minimum(_squared_distances(points, squares, tries), left)
        best = int(np.argmin(lefts @ shares))
        left = lefts[best]
        chosen = np.append(chosen, tries[best])
    return np.asarray(points[chosen])


def _drawn(chances: Floats, n_tries: int, rng: np.random.Generator) -> Labels:
    """Indices ``(T,)`` by chances that need not sum to one, none of a row without a chance."""
    heights = np.cumsum(chances)
    return np.asarray(np.searchsorted(heights, (1.0 - rng.random(n_tries)) * heights[-1]))


def _squared_distances(points: Floats, squares: Floats, chosen: Labels) -> Floats:
    """Squared distances ``(T, n)`` of all points from the chosen; zero where they are lost in rounding."""
    products = points[chosen] @ points.T
    return np.maximum(squares[chosen, None] + (1.0 - _ROUNDING) * squares - 2.0 * products, 0.0)


def assign_to_nearest(points: Rows, centres: Floats) -> Labels:
    """Index of the centre nearest to each point, ``(n,)``; the first of several."""
    size = max(_AT_ONCE // len(centres), 1)
    half_squares = 0.5 * (centres**2).sum(axis=1)
    blocks = (points[first : first + size] for first in range(0, len(points), size))
    return np.concatenate([(half_squares - block @ centres.T).argmin(axis=1) for block in blocks])
