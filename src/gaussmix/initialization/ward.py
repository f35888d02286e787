"""Partitions into any number of clusters, from one tree."""

from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import pdist

from gaussmix._types import Labels
from gaussmix.initialization.assignments import from_labels
from gaussmix.initialization.kmeans import assign_to_nearest
from gaussmix.sources import Assignment, Source

__all__ = ["ward_tree"]

_SAMPLE_OF_TREE = 2000
_EPS = float(np.finfo(np.float64).eps)


def ward_tree(source: Source, rng: np.random.Generator, most: int = 1) -> Callable[[int], Assignment]:
    """Partitions into any number of clusters, from one tree: Ward's, in coordinates that know no units.

    Columns are brought to one standard deviation, and principal axes to the square root of theirs: halfway to white,
    which neither lets one long axis rule nor blows up noise (Scrucca & Raftery 2015, Advances in Data Analysis and
    Classification 9). The tree is of a sample of 2000 rows, or as many as the clusters; other rows go to the nearest
    cluster.

    Parameters
    ----------
    source : Source
        The rows.
    rng : numpy.random.Generator
        For the sample.
    most : int
        The largest number of clusters that will be asked for.

    Returns
    -------
    callable
        From K to first responsibilities.
    """
    from scipy.cluster.hierarchy import linkage  # noqa: PLC0415 - only searches and classifiers grow trees

    rows = source.sample(rng, max(_SAMPLE_OF_TREE, most)).rows
    centre = rows.mean(axis=0, dtype=np.float64)
    deviations = rows.std(axis=0, dtype=np.float64)
    centred = (rows - centre) / np.where(deviations > 0, deviations, 1.0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    scale = np.where(lengths > _EPS * lengths[0] * len(rows), np.sqrt(lengths), np.inf)
    turn = (axes / scale[:, None]).T / np.where(deviations > 0, deviations, 1.0)[:, None]
    points = (rows - centre) @ turn
    merges = linkage(pdist(points), "ward")[:, :2].astype(np.intp) if len(rows) > 1 else np.empty((0, 2), np.intp)

    def partition(n_clusters: int) -> Assignment:
        if n_clusters > len(rows):
            raise ValueError(
                f"A tree of {len(rows)} rows has no {n_clusters} clusters; ask for a larger one with most."
            )
        labels = _cut(merges, len(rows), n_clusters)
        if len(rows) == source.n_rows:
            return from_labels(labels, n_clusters)
        centres = np.stack([points[labels == k].mean(axis=0) for k in range(n_clusters)])
        near = source.map(lambda block: assign_to_nearest((block - centre) @ turn, centres))
        return from_labels(near, n_clusters)

    return partition


def _cut(merges: Labels, n_rows: int, n_clusters: int) -> Labels:
    """Labels of the rows when all but the last ``n_clusters - 1`` merges of a tree are done."""
    cluster = np.arange(n_rows + len(merges))
    for i in range(n_rows - n_clusters - 1, -1, -1):  # from the top, so that a cluster's own place is known already
        cluster[merges[i]] = cluster[n_rows + i]
    return np.unique(cluster[:n_rows], return_inverse=True)[1]
