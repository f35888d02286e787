"""Make many starts from partitions of a sample, each by k-means and one M-step."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from math import ceil
from typing import NamedTuple

import numpy as np

from gaussmix._types import Labels, Rows
from gaussmix.covariances import Full, stays_diagonal
from gaussmix.density.reduction import agglomerate
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.initialization.assignments import start_from_clusters
from gaussmix.initialization.kmeans import assign_to_nearest, kmeans
from gaussmix.initialization.projection_pursuit import pursue_directions
from gaussmix.initialization.whitening import Whitening
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["overfitted_starts", "partition_starts", "same_solution"]

# The numbers of clusters of the partitions in each view, in units of K. More than K clusters are merged to K.
_CLUSTERS_PER_COMPONENT = (2, 3, 1, 2, 3, 1, 1)

# K-means takes at most this many steps: EM improves the partition afterwards.
_STEPS = 12

# K-means and the views use a random sample of this many rows, or of this many for each cluster, whichever is larger.
_SAMPLE = 2**12
_SAMPLE_PER_CLUSTER = 128

# Overfitted starts have this many times K components.
_OVERFITTED = 1.5

# Two means closer than this many standard deviations belong to the same component of a solution.
_SAME_MEAN = 0.5

# In the score, the rows of a cluster beyond the fewest that a covariance needs count as at least one plus this share of
# the fewest.
_SMALLEST_FREE_SHARE = 0.1

# Clusters are looked for in at most this many pursued directions.
_MAX_DIRECTIONS = 3

# A direction shows clusters clearly if its kurtosis is below this share of the smallest, negative kurtosis.
_CLEAR = 0.5


class _View(NamedTuple):
    """Coordinates for k-means, and the numbers of clusters of its partitions, in units of K."""

    whitening: Whitening
    multiples: tuple[int, ...]


def overfitted_starts(
    sample: ArraySource, n_components: int, m_step: MStep, rng: np.random.Generator
) -> Iterator[Mixture]:
    """Yield mixtures of 1.5 K components, by k-means in each view with all directions.

    After a few steps of EM, the components of such a mixture can be merged to K more reliably than clusters can. The
    parameters are those of :func:`partition_starts`.
    """
    subsample, n_more = _draw_subsample(sample, n_components, rng), ceil(_OVERFITTED * n_components)
    for view in _make_full_views(sample, subsample, n_components, m_step, effort=0.0):
        try:
            labels = _cluster(sample, subsample, view.whitening, n_more, 1, m_step, rng)
            mixture = start_from_clusters(sample, labels, n_more, m_step)
        except (IllDefinedCovarianceError, np.linalg.LinAlgError):
            continue
        yield mixture


def partition_starts(
    sample: ArraySource, n_components: int, m_step: MStep, rng: np.random.Generator, effort: float
) -> list[Mixture]:
    """Return starts from partitions, those with the highest predicted log-likelihood first.

    Rows are clustered by k-means in several coordinates: unscaled, half-whitened, whitened, and along the one, two and
    three directions with the smallest kurtosis. Some partitions have 2 K or 3 K clusters, of which those are merged
    that lose the least log-likelihood. The predicted log-likelihood of a partition is that of the rows with their
    labels, minus the expected overfitting of small clusters.

    Parameters
    ----------
    sample : ArraySource
        Rows to cluster.
    n_components : int
        K.
    m_step : MStep
        The model.
    rng : numpy.random.Generator
        The generator for k-means and projection pursuit.
    effort : float
        The share of all partitions that are made, at most 1.
    """
    subsample = _draw_subsample(sample, n_components, rng)
    scored: list[tuple[float, Mixture]] = []
    seen = set()
    for view in _make_views(sample, subsample, n_components, m_step, effort, rng):
        for multiple in view.multiples:
            with suppress(IllDefinedCovarianceError, np.linalg.LinAlgError):
                labels = _cluster(sample, subsample, view.whitening, n_components, multiple, m_step, rng)
                if labels.tobytes() not in seen:
                    seen.add(labels.tobytes())
                    mixture = start_from_clusters(sample, labels, n_components, m_step)
                    scored.append((_predict_score(mixture, m_step, sample), mixture))
    scored.sort(key=lambda pair: -pair[0])
    return [mixture for _, mixture in scored]


def same_solution(mixture: Mixture, other: Mixture) -> bool:
    """Return true if the components of two mixtures correspond one to one, with means within half a deviation."""
    apart = other.means - mixture.means[:, None]
    squares = (np.asarray(mixture.covariances.whiten(apart)) ** 2).sum(axis=2)
    own = squares.argmin(axis=1)
    return len(set(own)) == mixture.n_components and bool(squares.min(axis=1).max() < _SAME_MEAN**2)


def _draw_subsample(sample: ArraySource, n_components: int, rng: np.random.Generator) -> ArraySource:
    """Return the rows for k-means: all rows, or a random sample."""
    most = max(_SAMPLE, _SAMPLE_PER_CLUSTER * max(_CLUSTERS_PER_COMPONENT) * n_components)
    if sample.n_rows <= most:
        return sample
    return sample.sample(rng, most)


def _make_views(
    sample: ArraySource,
    subsample: ArraySource,
    n_components: int,
    m_step: MStep,
    effort: float,
    rng: np.random.Generator,
) -> Iterator[_View]:
    """Yield the views, those with all directions first."""
    full = _make_full_views(sample, subsample, n_components, m_step, effort)
    yield from full
    if full and not _has_no_axes(m_step, sample.n_features):
        yield from _make_directed_views(subsample, full[-1].whitening, n_components, effort, rng)


def _has_no_axes(m_step: MStep, n_features: int) -> bool:
    """Return true if the covariances are diagonal, so that rows are clustered without rotation."""
    return stays_diagonal(m_step.structure.form, n_features)


def _make_full_views(
    sample: ArraySource, subsample: ArraySource, n_components: int, m_step: MStep, effort: float
) -> list[_View]:
    """Return the views with all directions, the whitened view last; no views if all rows are equal."""
    rows, weights = subsample.rows, subsample.sample_weight
    if _has_no_axes(m_step, sample.n_features):
        scaled = Whitening.of_columns(rows, weights)
        if not scaled.linear.any():
            return []
        return [_View(one, (1,)) for one in (_unscaled(scaled, rows), scaled)]
    white = Whitening.along_principal_axes(rows, weights, 1.0)
    if not white.linear.size:
        return []
    fewest = Full.fewest_rows(sample.n_features)
    multiples = tuple(
        multiple
        for multiple in _CLUSTERS_PER_COMPONENT[: int(effort * len(_CLUSTERS_PER_COMPONENT))]
        if multiple == 1 or multiple * n_components * fewest <= sample.n_rows
    )
    between = Whitening.along_principal_axes(rows, weights, 0.5)
    return [_View(whitening, multiples) for whitening in (_unscaled(white, rows), between, white)]


def _unscaled(whitening: Whitening, rows: Rows) -> Whitening:
    """Return the map that centres the columns and scales all of them by one factor, so that squares do not overflow."""
    largest = np.abs(rows - whitening.centre).max()
    return replace(whitening, linear=np.full(rows.shape[1], 1.0 / (largest if largest > 0 else 1.0)))


def _make_directed_views(
    subsample: ArraySource, white: Whitening, n_components: int, effort: float, rng: np.random.Generator
) -> Iterator[_View]:
    """Yield the views along the directions with the smallest kurtosis.

    With little effort, there is one view: along the directions whose kurtosis is below half of the smallest kurtosis.
    The other directions contain mostly noise.
    """
    small = subsample.sample(rng, _SAMPLE)
    rows, weights = white.transform(small.rows), small.sample_weight
    directions = pursue_directions(rows, weights, min(_MAX_DIRECTIONS, n_components - 1), rng)
    kurtosis = weights @ np.square(np.square(rows @ directions)) / weights.sum() - 3.0
    n_found, clear = len(kurtosis), kurtosis <= _CLEAR * kurtosis[0]
    n_clear = int(np.logical_and.accumulate(clear).sum())
    nearest_first = sorted(range(1, 1 + n_found), key=lambda n_directions: abs(n_directions - n_clear))
    for n_directions in sorted(nearest_first[: ceil(effort * n_found)]):
        yield _View(replace(white, linear=white.linear @ directions[:, :n_directions]), (1,))


def _cluster(
    sample: ArraySource,
    subsample: ArraySource,
    whitening: Whitening,
    n_components: int,
    multiple: int,
    m_step: MStep,
    rng: np.random.Generator,
) -> Labels:
    """Return labels of the rows by k-means; if there are more than K clusters, the cheapest merges reduce them."""
    points = whitening.transform(subsample.rows)
    centres = kmeans(points, subsample.sample_weight, min(multiple * n_components, len(points)), rng, _STEPS)
    labels = _number_by_first_row(
        assign_to_nearest(points if subsample is sample else whitening.transform(sample.rows), centres)
    )
    n_clusters = int(labels.max()) + 1
    if n_clusters <= n_components:
        return labels
    mixture = start_from_clusters(sample, labels, n_clusters, m_step)
    return _number_by_first_row(agglomerate(mixture, n_components)[labels])


def _number_by_first_row(labels: Labels) -> Labels:
    """Return the labels with clusters numbered by their first rows, so that equal partitions have equal labels."""
    _, first, places = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[places])


def _predict_score(mixture: Mixture, m_step: MStep, sample: ArraySource) -> float:
    """Return the predicted log-likelihood per new row with its label, up to a constant, in nats.

    The log-likelihood of a Gaussian with p parameters, fitted to n rows, exceeds that of n new rows by about
    ``p n / (n - D - 2)`` nats (Hurvich & Tsai 1989, Biometrika 76, for one feature).
    """
    n_components, n_features = mixture.means.shape
    nonempty = mixture.weights > 0
    weights, log_det = mixture.weights[nonempty], mixture.covariances.log_det(n_components, n_features)[nonempty]
    label = float((weights * (np.log(weights) - 0.5 * log_det)).sum())
    structure = m_step.structure
    count = structure.n_covariance_parameters
    own = n_features + count(2, n_features) - count(1, n_features)
    fewest = structure.form.fewest_rows(n_features)
    free = np.maximum(weights * sample.sample_weight.sum() - fewest, _SMALLEST_FREE_SHARE * fewest + 1.0)
    return float(label - own * (weights / free).sum())
