"""A partition into very many clusters, in two levels."""

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

_SAMPLE = 2**16
_SAMPLE_PER_CLUSTER = 32
_SAMPLE_PER_OUTER = 256
_HALFWAY = 0.5  # to white


def start_from_two_levels(source: ArraySource, n_components: int, m_step: MStep, rng: np.random.Generator) -> Mixture:
    """The mixture that one M-step makes of :func:`cluster_in_two_levels`."""
    rows = TruncatedSource.among_themselves(source, cluster_in_two_levels(source, n_components, rng), n_components)

    def seen_from(means: Floats, moments: Moments) -> Statistics:
        return rows.reduce(Mixture(np.full(n_components, 1.0 / n_components), means, round_ones), moments)

    round_ones = Spherical(np.ones(n_components))  # a row that looks at one component belongs to it, whatever it is
    means = seen_from(np.repeat(anchor(source), n_components, axis=0), SCALAR).means
    statistics = seen_from(means, m_step.moments)
    return m_step.maximize(statistics, m_step.pooled_guess(statistics))


def cluster_in_two_levels(source: Source, n_clusters: int, rng: np.random.Generator) -> Labels:
    """Labels ``(n,)`` of very many clusters: k-means into the square root of their number, and within each of these.

    K-means sees a sample, in coordinates that know no units. Each cluster of the first level is cut into as many as
    its part of the sample is worth.

    Parameters
    ----------
    source : Source
        The rows.
    n_clusters : int
        K, at most n.
    rng : numpy.random.Generator
        For the sample and the seeds.
    """
    sample = source.sample(rng, max(_SAMPLE, _SAMPLE_PER_CLUSTER * n_clusters))
    rows, weights = sample.rows, sample.sample_weight
    with one_thread():
        coordinates = Whitening.along_principal_axes(rows, weights, _HALFWAY)
        points = coordinates.transform(rows)
        if not points.shape[1]:  # all rows are the same
            return np.arange(source.n_rows) % n_clusters
        outer, counts = _outer(points, weights, n_clusters, rng)
        labels = assign_to_nearest(points, outer)
        inner = [_inner(points, weights, labels == c, count, rng) for c, count in enumerate(counts)]
        firsts = np.cumsum(counts) - counts

        def label(block: Rows) -> Labels:
            points = coordinates.transform(block)
            first = assign_to_nearest(points, outer)
            found = np.empty(len(block), dtype=np.intp)
            for c in np.unique(first):
                here = first == c
                found[here] = firsts[c] + assign_to_nearest(points[here], inner[c])
            return found

        return np.asarray(source.map(label))


def _outer(points: Floats, weights: Floats, n_clusters: int, rng: np.random.Generator) -> tuple[Floats, Labels]:
    """Centres of the first level, and into how many clusters each of them is to be cut: one, at least."""
    n_outer = round(n_clusters**0.5)
    some = rng.permutation(len(points))[: _SAMPLE_PER_OUTER * n_outer]
    centres = kmeans(points[some], weights[some], n_outer, rng)
    counts = _shared_out(n_clusters, np.bincount(assign_to_nearest(points, centres), minlength=n_outer))
    return centres[counts > 0], counts[counts > 0]


def _inner(points: Floats, weights: Floats, here: Flags, n_clusters: int, rng: np.random.Generator) -> Floats:
    centre = points[here].mean(axis=0)
    return np.asarray(centre + kmeans(points[here] - centre, weights[here], n_clusters, rng))


def _shared_out(n_clusters: int, sizes: Labels) -> Labels:
    """How many of the clusters each group of rows gets: by its size, and none more than it has rows."""
    exact = n_clusters * sizes / sizes.sum()
    counts: Labels = np.floor(exact).astype(np.intp)
    counts[np.argsort(counts - exact, kind="stable")[: n_clusters - counts.sum()]] += 1
    return counts
