"""Partition rows into very many clusters by k-means in two levels."""

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.covariances import Spherical
from gaussmix.em.m_step import MStep
from gaussmix.initialization.column_moments import anchor
from gaussmix.initialization.kmeans import assign_to_nearest, kmeans
from gaussmix.initialization.whitening import Whitening
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR, Moments
from gaussmix.sources import ArraySource, Source
from gaussmix.sources.truncated import TruncatedSource
from gaussmix.statistics import Statistics

__all__ = ["cluster_in_two_levels", "start_from_two_levels"]

# K-means works on a random sample of this many rows, or of this many for each cluster, whichever is larger.
_SAMPLE = 2**16
_SAMPLE_PER_CLUSTER = 32

# The first level works on this many rows for each of its clusters.
_SAMPLE_PER_OUTER = 256

# The exponent of whitening: halfway between columns in standard units, 0, and white rows, 1.
_WHITENESS = 0.5


def start_from_two_levels(source: ArraySource, n_components: int, m_step: MStep, rng: np.random.Generator) -> Mixture:
    """Return the mixture that one M-step makes from the labels of :func:`cluster_in_two_levels`."""
    rows = TruncatedSource.among_themselves(source, cluster_in_two_levels(source, n_components, rng), n_components)

    def summarize(means: Floats, moments: Moments) -> Statistics:
        return rows.reduce(Mixture(np.full(n_components, 1.0 / n_components), means, unit_covariances), moments)

    # A row with one candidate has responsibility one for it, whatever the covariances.
    unit_covariances = Spherical(np.ones(n_components))
    means = summarize(np.repeat(anchor(source), n_components, axis=0), SCALAR).means
    statistics = summarize(means, m_step.moments)
    return m_step.maximize(statistics, m_step.pooled_guess(statistics))


def cluster_in_two_levels(source: Source, n_clusters: int, rng: np.random.Generator) -> Labels:
    """Return labels ``(n,)`` of very many clusters: k-means into the square root of their number, then within each.

    K-means works on a sample in partly whitened coordinates, which do not depend on the units of the columns. The
    number of second-level clusters within a first-level cluster is proportional to its number of sampled rows.

    References
    ----------
    Nistér & Stewénius (2006), IEEE Conference on Computer Vision and Pattern Recognition: hierarchical k-means.

    Parameters
    ----------
    source : Source
        The rows.
    n_clusters : int
        K, at most n.
    rng : numpy.random.Generator
        The generator for the sample and the seeds.
    """
    sample = source.sample(rng, max(_SAMPLE, _SAMPLE_PER_CLUSTER * n_clusters))
    rows, weights = sample.rows, sample.sample_weight
    with one_thread():
        whitening = Whitening.along_principal_axes(rows, weights, _WHITENESS)
        points = whitening.transform(rows)
        if not points.shape[1]:  # all rows are the same
            return np.arange(source.n_rows) % n_clusters
        outer, counts = _cluster_outer(points, weights, n_clusters, rng)
        labels = assign_to_nearest(points, outer)
        inner = [_cluster_inner(points, weights, labels == c, count, rng) for c, count in enumerate(counts)]
        firsts = np.cumsum(counts) - counts

        def label(block: Rows) -> Labels:
            points = whitening.transform(block)
            first = assign_to_nearest(points, outer)
            second = np.empty(len(block), dtype=np.intp)
            for c in np.unique(first):
                here = first == c
                second[here] = firsts[c] + assign_to_nearest(points[here], inner[c])
            return second

        return np.asarray(source.map(label))


def _cluster_outer(points: Floats, weights: Floats, n_clusters: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Return the centres of the first level, and the number of second-level clusters of each, at least 1."""
    n_outer = round(n_clusters**0.5)
    chosen = rng.permutation(len(points))[: _SAMPLE_PER_OUTER * n_outer]
    centres = kmeans(points[chosen], weights[chosen], n_outer, rng)
    counts = _allot(n_clusters, np.bincount(assign_to_nearest(points, centres), minlength=n_outer))
    return centres[counts > 0], counts[counts > 0]


def _cluster_inner(points: Floats, weights: Floats, here: Flags, n_clusters: int, rng: np.random.Generator) -> Floats:
    centre = points[here].mean(axis=0)
    return np.asarray(centre + kmeans(points[here] - centre, weights[here], n_clusters, rng))


def _allot(n_clusters: int, sizes: Labels) -> Labels:
    """Return the number of clusters of each group, proportional to its size; at most its number of rows."""
    exact = n_clusters * sizes / sizes.sum()
    counts: Labels = np.floor(exact).astype(np.intp)
    counts[np.argsort(counts - exact, kind="stable")[: n_clusters - counts.sum()]] += 1
    return counts
