"""Partition rows into any number of clusters by one hierarchical clustering."""

from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import pdist

from gaussmix._types import Labels
from gaussmix.initialization.assignments import from_labels
from gaussmix.initialization.kmeans import assign_to_nearest
from gaussmix.sources import Assignment, Source

__all__ = ["ward_tree"]

# The tree is of a random sample of this many rows, or of as many rows as there are clusters, whichever is larger.
# Memory and time grow with the square of this number.
_TREE_ROWS = 2000
_EPS = float(np.finfo(np.float64).eps)


def ward_tree(source: Source, rng: np.random.Generator, most: int = 1) -> Callable[[int], Assignment]:
    """Return a function that partitions the rows into any number of clusters, by one tree of Ward's method.

    Columns are scaled to unit standard deviation, and principal axes to the square root of their standard deviations.
    So distances do not depend on units, and neither one long axis nor noise in short axes dominates (Scrucca & Raftery
    2015, Advances in Data Analysis and Classification 9). The tree is of a sample of 2000 rows, or of as many rows as
    there are clusters; each other row joins the nearest cluster.

    Parameters
    ----------
    source : Source
        The rows.
    rng : numpy.random.Generator
        The generator for the sample.
    most : int
        The largest K of the partitions.

    Returns
    -------
    callable
        A function from K to first responsibilities.
    """
    from scipy.cluster.hierarchy import linkage  # noqa: PLC0415 - slow to import, and only searches and classifiers need it

    rows = source.sample(rng, max(_TREE_ROWS, most)).rows
    centre = rows.mean(axis=0, dtype=np.float64)
    deviations = rows.std(axis=0, dtype=np.float64)
    centred = (rows - centre) / np.where(deviations > 0, deviations, 1.0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    scale = np.where(lengths > _EPS * lengths[0] * len(rows), np.sqrt(lengths), np.inf)
    linear = (axes / scale[:, None]).T / np.where(deviations > 0, deviations, 1.0)[:, None]
    points = (rows - centre) @ linear
    merges = linkage(pdist(points), "ward")[:, :2].astype(np.intp) if len(rows) > 1 else np.empty((0, 2), np.intp)

    def partition(n_clusters: int) -> Assignment:
        if n_clusters > len(rows):
            raise ValueError(
                f"A tree of {len(rows)} rows cannot have {n_clusters} clusters; set most to at least {n_clusters}."
            )
        labels = _cut(merges, len(rows), n_clusters)
        if len(rows) == source.n_rows:
            return from_labels(labels, n_clusters)
        centres = np.stack([points[labels == k].mean(axis=0) for k in range(n_clusters)])
        labels = source.map(lambda block: assign_to_nearest((block - centre) @ linear, centres))
        return from_labels(labels, n_clusters)

    return partition


def _cut(merges: Labels, n_rows: int, n_clusters: int) -> Labels:
    """Return the labels of the rows after all but the last ``n_clusters - 1`` merges of a tree."""
    cluster = np.arange(n_rows + len(merges))
    for i in range(n_rows - n_clusters - 1, -1, -1):  # from the top, so that the label of the merged cluster is known
        cluster[merges[i]] = cluster[n_rows + i]
    return np.unique(cluster[:n_rows], return_inverse=True)[1]
