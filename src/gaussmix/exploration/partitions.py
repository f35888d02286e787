"""Many partitions of a sample, at the price of k-means: where the runs that race begin."""

from collections.abc import Iterator
from math import ceil
from typing import NamedTuple

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats, Labels
from gaussmix.density.reduction import agglomerated
from gaussmix.diagnosis import fewest_rows
from gaussmix.m_step import IllDefinedCovarianceError, MStep
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.starts import start
from gaussmix.starts.assignments import from_labels
from gaussmix.starts.coordinates import Coordinates
from gaussmix.starts.kmeans import kmeans, nearest
from gaussmix.starts.pursuit import pursued

__all__ = ["begun"]

_DIRECT = 3  # partitions into K clusters, in each of the three kinds of coordinates
_FINER = (2, 3, 2, 3)  # ... and into so many times K, which are then merged
_MANY = 64  # components, above which there are fewer partitions
_LITTLE = 0.1  # of the fewest rows: where there are fewer still, they promise no less
_PURSUED = 3  # the most directions in which clusters are looked for


class _View(NamedTuple):
    """Points ``(n, R)`` to look for clusters in, and how often into how many times K of them."""

    points: Floats
    finenesses: tuple[int, ...]


def begun(sample: ArraySource, n_components: int, m_step: MStep, rng: np.random.Generator, most: int) -> list[Mixture]:
    """The mixtures that the most promising partitions make, the most promising first.

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
    most : int
        How many mixtures to return.
    """
    found = []
    seen = set()
    with one_thread(sample.rows.size * n_components * max(_FINER)):
        for view in _views(sample, n_components, rng):
            for fineness in view.finenesses:
                try:
                    labels = _partition(view.points, sample, n_components, fineness, m_step, rng)
                    if labels.tobytes() in seen:
                        continue
                    seen.add(labels.tobytes())
                    mixture = start(sample, from_labels(labels, n_components), n_components, m_step, quickly=True)
                except (IllDefinedCovarianceError, np.linalg.LinAlgError):
                    continue
                found.append((_promise(mixture, m_step, sample), mixture))
    found.sort(key=lambda pair: -pair[0])
    return [mixture for _, mixture in found[:most]]


def _views(sample: ArraySource, n_components: int, rng: np.random.Generator) -> Iterator[_View]:
    """The coordinates to cluster in."""
    rows, weights = sample.rows, sample.some_weights
    white = Coordinates.along_principal_axes(rows, weights, 1.0)
    if not white.turn.size:  # all rows are equal
        return
    fewest = fewest_rows(sample.n_features)
    finer = tuple(f for f in _FINER if f * n_components * fewest <= sample.n_rows)
    effort = min(1.0, _MANY / n_components)
    often = (1,) * ceil(effort * _DIRECT) + finer[: ceil(effort * len(finer))]
    centred = rows - white.centre
    largest = np.abs(centred).max()
    yield _View(centred / (largest if largest > 0 else 1.0), often)
    yield _View(Coordinates.along_principal_axes(rows, weights, 0.5).of(rows), often)
    points = white.of(rows)
    yield _View(points, often)
    directions = pursued(points, weights, min(_PURSUED, n_components - 1), rng)
    for n_directions in range(1, directions.shape[1] + 1):
        yield _View(points @ directions[:, :n_directions], (1,))


def _partition(
    points: Floats, sample: ArraySource, n_components: int, fineness: int, m_step: MStep, rng: np.random.Generator
) -> Labels:
    """Labels of the rows, by k-means and, if that is too fine, the cheapest merges of its clusters."""
    centres = kmeans(points, sample.some_weights, min(fineness * n_components, len(points)), rng)
    labels = _by_first_row(nearest(points, centres))
    n_clusters = int(labels.max()) + 1
    if n_clusters <= n_components:
        return labels
    mixture = start(sample, from_labels(labels, n_clusters), n_clusters, m_step, quickly=True)
    return _by_first_row(agglomerated(mixture, n_components)[labels])


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
    fewest = fewest_rows(n_features, structure.form)
    free = np.maximum(weights * sample.some_weights.sum() - fewest, _LITTLE * fewest + 1.0)
    return float(label - own * (weights / free).sum())
