"""Kinds of start by name: scikit-learn's, on the columns as they are."""

import warnings
from collections.abc import Callable
from typing import cast

import numpy as np
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin

from gaussmix._types import Floats, Rows
from gaussmix.sources import Assignment, Source
from gaussmix.starts.assignments import from_labels

__all__ = ["KINDS", "Kind"]

Kind = Callable[[Source, int, np.random.Generator], Assignment]
"""A way to find first responsibilities for K components, with a random generator."""

_SAMPLE = 2**16
_SAMPLE_PER_COMPONENT = 256


def _seeded(find: Callable[[Floats, Floats, int, int], Floats]) -> Kind:
    """A kind of start that finds K seeds on a centred sample and gives each row to the nearest one.

    The sample bounds the work and the memory on large data; it holds all rows up to 65 536, or 256 a component.
    Centring first keeps the squared distances right however far the rows lie from zero.
    """

    def kind(source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
        rows, weights = source.sample(rng, max(_SAMPLE, _SAMPLE_PER_COMPONENT * n_components))
        origin = rows.mean(axis=0, dtype=np.float64)
        seeds = find(rows - origin, weights, n_components, int(rng.integers(2**31)))
        return from_labels(source.map(lambda block: pairwise_distances_argmin(block - origin, seeds)), n_components)

    return kind


def _kmeans(rows: Floats, weights: Floats, n_components: int, seed: int) -> Floats:
    clusters = KMeans(n_components, n_init=1, random_state=seed)
    with warnings.catch_warnings():  # fewer distinct rows than components: the empty ones are the fit's to report
        warnings.simplefilter("ignore", ConvergenceWarning)
        clusters.fit(rows, sample_weight=weights)
    return cast("Floats", clusters.cluster_centers_)


def _kmeans_plusplus(rows: Floats, weights: Floats, n_components: int, seed: int) -> Floats:
    seeds, _ = kmeans_plusplus(rows, n_components, sample_weight=weights, random_state=seed)
    return cast("Floats", seeds)


def _random_rows(rows: Floats, weights: Floats, n_components: int, seed: int) -> Floats:
    chances = weights / weights.sum()
    chosen = np.random.default_rng(seed).choice(len(rows), size=n_components, replace=False, p=chances)
    return np.asarray(rows[chosen])


def _random(_source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
    """Responsibilities at random. A block's numbers follow from its place, so that each pass sees the same."""
    seed = int(rng.integers(2**31))

    def drawn(span: slice, rows: Rows) -> Floats:
        resp = np.random.default_rng([seed, span.start]).random((len(rows), n_components))
        return np.asarray(resp / resp.sum(axis=1, keepdims=True))

    return drawn


KINDS: dict[str, Kind] = {
    "kmeans": _seeded(_kmeans),
    "k-means++": _seeded(_kmeans_plusplus),
    "random": _random,
    "random_from_data": _seeded(_random_rows),
}
