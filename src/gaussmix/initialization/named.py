"""Kinds of start by name: scikit-learn's, on the columns as they are."""

from collections.abc import Callable

import numpy as np

from gaussmix._types import Floats, Rows
from gaussmix.initialization.assignments import from_labels
from gaussmix.initialization.kmeans import assign_to_nearest, choose_seeds, kmeans
from gaussmix.sources import Assignment, Source

__all__ = ["NAMED_STARTS", "NamedStart"]

NamedStart = Callable[[Source, int, np.random.Generator], Assignment]
"""A way to find first responsibilities for K components, with a random generator."""

_SAMPLE = 2**16
_SAMPLE_PER_COMPONENT = 256
_DRAWN_AT_ONCE = 512  # rows: random numbers for more of them cost less for each


def _seeded(find: Callable[[Floats, Floats, int, np.random.Generator], Floats]) -> NamedStart:
    """A kind of start that finds K seeds on a centred sample and gives each row to the nearest one.

    The sample bounds the work and the memory on large data; it holds all rows up to 65 536, or 256 a component.
    Centring first keeps the squared distances right however far the rows lie from zero.
    """

    def kind(source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
        sample = source.sample(rng, max(_SAMPLE, _SAMPLE_PER_COMPONENT * n_components))
        rows, weights = sample.rows, sample.sample_weight
        origin = rows.mean(axis=0, dtype=np.float64)
        centres = find(rows - origin, weights, n_components, rng)
        return from_labels(source.map(lambda block: assign_to_nearest(block - origin, centres)), n_components)

    return kind


def _random_rows(rows: Floats, weights: Floats, n_components: int, rng: np.random.Generator) -> Floats:
    return np.asarray(rows[rng.choice(len(rows), size=n_components, replace=False, p=weights / weights.sum())])


def _random(_source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
    """Return random responsibilities. They follow from a row's place: each pass sees the same, however rows are cut."""
    seed = int(rng.integers(2**31))

    def drawn(span: slice, rows: Rows) -> Floats:
        first, last = span.start // _DRAWN_AT_ONCE, (span.start + len(rows) - 1) // _DRAWN_AT_ONCE
        shape = (_DRAWN_AT_ONCE, n_components)
        resp = np.concatenate([np.random.default_rng([seed, i]).random(shape) for i in range(first, last + 1)])
        resp = resp[span.start - first * _DRAWN_AT_ONCE :][: len(rows)]
        return np.asarray(resp / resp.sum(axis=1, keepdims=True))

    return drawn


NAMED_STARTS: dict[str, NamedStart] = {
    "kmeans": _seeded(kmeans),
    "k-means++": _seeded(choose_seeds),
    "random": _random,
    "random_from_data": _seeded(_random_rows),
}
