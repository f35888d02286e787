"""Many partitions of a sample, at the price of k-means: where the runs that race begin."""

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

_FINENESSES = (2, 3, 1, 2, 3, 1, 1)  # times K: clusters in each of the three kinds of coordinates, then merged
_STEPS = 12  # of k-means: EM sees to the rest
_ENOUGH = 2**12  # rows for coordinates and k-means, or ...
_ENOUGH_PER_CLUSTER = 128  # ... of each cluster
_FULLER = 1.5  # times K: components to go on with for some steps, before they are merged
_NEAR = 0.5  # standard deviations, between two means of one component
_LITTLE = 0.1  # of the fewest rows: where there are fewer still, they promise no less
_PURSUED = 3  # the most directions in which clusters are looked for
_CLEAR = 0.5  # of the smallest kurtosis: directions in which the rows clearly fall apart


class _View(NamedTuple):
    """Coordinates to look for clusters in, and into how many times K of them, one after the other."""

    coordinates: Whitening
    finenesses: tuple[int, ...]


def overfitted_starts(
    sample: ArraySource, n_components: int, m_step: MStep, rng: np.random.Generator
) -> Iterator[Mixture]:
    """Mixtures of half as many components again as are wanted, by k-means in each of the whole views.

    After some steps of EM, they tell better which components belong together than clusters do. Each is made when it is
    asked for; the parameters are those of :func:`partition_starts`.
    """
    some, n_more = _some(sample, n_components, rng), ceil(_FULLER * n_components)
    for view in _whole(sample, some, n_components, m_step, effort=0.0):
        try:
            labels = _partition(sample, some, view.coordinates, n_more, 1, m_step, rng)
            mixture = start_from_clusters(sample, labels, n_more, m_step)
        except (IllDefinedCovarianceError, np.linalg.LinAlgError):
            continue
        yield mixture


def partition_starts(
    sample: ArraySource, n_components: int, m_step: MStep, rng: np.random.Generator, effort: float
) -> list[Mixture]:
    """The mixtures that partitions make, the most promising first.

    Rows are clustered by k-means in several coordinates: as they are, halfway to white, white, and along the one, two
    and three directions in which they most fall apart. Some partitions are into two or three times too many clusters,
    of which those are merged whose union loses least. What a partition promises is the log-likelihood of the rows with
    their labels, less what clusters of few rows gain by chance.

    Parameters
    ----------
    sample : ArraySource
        Rows to cluster.
    n_components : int
        K.
    m_step : MStep
        The model.
    rng : numpy.random.Generator
        For k-means and the pursuit.
    effort : float
        The share of all partitions that is looked at, at most 1.
    """
    some = _some(sample, n_components, rng)
    found: list[tuple[float, Mixture]] = []
    seen = set()
    for view in _views(sample, some, n_components, m_step, effort, rng):
        for fineness in view.finenesses:
            with suppress(IllDefinedCovarianceError, np.linalg.LinAlgError):
                labels = _partition(sample, some, view.coordinates, n_components, fineness, m_step, rng)
                if labels.tobytes() not in seen:
                    seen.add(labels.tobytes())
                    mixture = start_from_clusters(sample, labels, n_components, m_step)
                    found.append((_promise(mixture, m_step, sample), mixture))
    found.sort(key=lambda pair: -pair[0])
    return [mixture for _, mixture in found]


def same_solution(mixture: Mixture, other: Mixture) -> bool:
    """Whether each component has one of the other mixture for its own, whose mean is within a deviation of its own."""
    apart = other.means - mixture.means[:, None]
    squares = (np.asarray(mixture.covariances.whiten(apart)) ** 2).sum(axis=2)
    own = squares.argmin(axis=1)
    return len(set(own)) == mixture.n_components and bool(squares.min(axis=1).max() < _NEAR**2)


def _some(sample: ArraySource, n_components: int, rng: np.random.Generator) -> ArraySource:
    """The rows that k-means works on: all, or enough of them."""
    enough = max(_ENOUGH, _ENOUGH_PER_CLUSTER * max(_FINENESSES) * n_components)
    if sample.n_rows <= enough:
        return sample
    return sample.sample(rng, enough)


def _views(
    sample: ArraySource,
    some: ArraySource,
    n_components: int,
    m_step: MStep,
    effort: float,
    rng: np.random.Generator,
) -> Iterator[_View]:
    """The coordinates to cluster in, the whole views first."""
    whole = _whole(sample, some, n_components, m_step, effort)
    yield from whole
    if whole and not _columns_alone(m_step, sample.n_features):
        yield from _along_directions(some, whole[-1].coordinates, n_components, effort, rng)


def _columns_alone(m_step: MStep, n_features: int) -> bool:
    """Return whether rows are clustered in their columns alone: the model knows no axes, and to find them is dear."""
    return stays_diagonal(m_step.structure.form, n_features)


def _whole(sample: ArraySource, some: ArraySource, n_components: int, m_step: MStep, effort: float) -> list[_View]:
    """The views with all directions in them, the white one last; none where all rows are equal."""
    rows, weights = some.rows, some.sample_weight
    if _columns_alone(m_step, sample.n_features):
        scaled = Whitening.of_columns(rows, weights)
        if not scaled.linear.any():
            return []
        return [_View(one, (1,)) for one in (_unscaled(scaled, rows), scaled)]
    white = Whitening.along_principal_axes(rows, weights, 1.0)
    if not white.linear.size:
        return []
    fewest = Full.fewest_rows(sample.n_features)
    finenesses = tuple(
        fineness
        for fineness in _FINENESSES[: int(effort * len(_FINENESSES))]
        if fineness == 1 or fineness * n_components * fewest <= sample.n_rows
    )
    between = Whitening.along_principal_axes(rows, weights, 0.5)
    return [_View(coordinates, finenesses) for coordinates in (_unscaled(white, rows), between, white)]


def _unscaled(coordinates: Whitening, rows: Rows) -> Whitening:
    """Return the columns as they are, about the same centre, in a unit in which squares do not overflow."""
    largest = np.abs(rows - coordinates.centre).max()
    return replace(coordinates, linear=np.full(rows.shape[1], 1.0 / (largest if largest > 0 else 1.0)))


def _along_directions(
    some: ArraySource, white: Whitening, n_components: int, effort: float, rng: np.random.Generator
) -> Iterator[_View]:
    """The views along the few directions in which the rows most fall apart.

    With little effort, the view along those whose kurtosis lies at least half as far below zero as the first one's: in
    the others there is noise, and clusters cannot be told from it.
    """
    few = some.sample(rng, _ENOUGH)
    rows, weights = white.transform(few.rows), few.sample_weight
    directions = pursue_directions(rows, weights, min(_PURSUED, n_components - 1), rng)
    kurtosis = weights @ np.square(np.square(rows @ directions)) / weights.sum() - 3.0
    n_found, clear = len(kurtosis), kurtosis <= _CLEAR * kurtosis[0]
    n_clear = int(np.logical_and.accumulate(clear).sum())
    nearest_first = sorted(range(1, 1 + n_found), key=lambda n_directions: abs(n_directions - n_clear))
    for n_directions in sorted(nearest_first[: ceil(effort * n_found)]):
        yield _View(replace(white, linear=white.linear @ directions[:, :n_directions]), (1,))


def _partition(
    sample: ArraySource,
    some: ArraySource,
    coordinates: Whitening,
    n_components: int,
    fineness: int,
    m_step: MStep,
    rng: np.random.Generator,
) -> Labels:
    """Labels of the rows, by k-means and, if that is too fine, the cheapest merges of its clusters."""
    points = coordinates.transform(some.rows)
    centres = kmeans(points, some.sample_weight, min(fineness * n_components, len(points)), rng, _STEPS)
    labels = _by_first_row(assign_to_nearest(points if some is sample else coordinates.transform(sample.rows), centres))
    n_clusters = int(labels.max()) + 1
    if n_clusters <= n_components:
        return labels
    mixture = start_from_clusters(sample, labels, n_clusters, m_step)
    return _by_first_row(agglomerate(mixture, n_components)[labels])


def _by_first_row(labels: Labels) -> Labels:
    """The same clusters, numbered by their first rows: equal partitions have equal labels."""
    _, first, places = np.unique(labels, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[places])


def _promise(mixture: Mixture, m_step: MStep, sample: ArraySource) -> float:
    """Log-likelihood per row of rows with the labels that the mixture is of, but for a constant, on rows like them.

    A Gaussian with p parameters, fitted to n rows, promises about ``p n / (n - D - 2)`` nats too much for as many
    others (Hurvich & Tsai 1989, Biometrika 76, for one feature).
    """
    n_components, n_features = mixture.means.shape
    some = mixture.weights > 0
    weights, log_det = mixture.weights[some], mixture.covariances.log_det(n_components, n_features)[some]
    label = float((weights * (np.log(weights) - 0.5 * log_det)).sum())
    structure = m_step.structure
    count = structure.n_covariance_parameters
    own = n_features + count(2, n_features) - count(1, n_features)
    fewest = structure.form.fewest_rows(n_features)
    free = np.maximum(weights * sample.sample_weight.sum() - fewest, _LITTLE * fewest + 1.0)
    return float(label - own * (weights / free).sum())
