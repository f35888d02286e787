"""The named starts, as in scikit-learn, on unscaled columns."""

from collections.abc import Callable

import numpy as np

from gaussmix._types import Floats, Rows
from gaussmix.initialization.assignments import from_labels
from gaussmix.initialization.kmeans import assign_to_nearest, choose_seeds, kmeans
from gaussmix.sources import Assignment, Source

__all__ = ["NAMED_STARTS", "NamedStart"]

NamedStart = Callable[[Source, int, np.random.Generator], Assignment]
"""A function that returns first responsibilities of the rows of a source for K components."""

# Seeds are found on a random sample of this many rows, or of this many for each component, whichever is larger.
_SAMPLE = 2**16
_SAMPLE_PER_COMPONENT = 256

# Random responsibilities are drawn for this many rows at a time: the setup of a generator is expensive.
_DRAWN_AT_ONCE = 512


def _make_seeded_start(find: Callable[[Floats, Floats, int, np.random.Generator], Floats]) -> NamedStart:
    """Return a start that finds K seeds on a centred sample and assigns each row to the nearest seed.

    The sample bounds time and memory for large data. Centring keeps the digits of squared distances if the rows are far
    from zero.
    """

    def start(source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
        sample = source.sample(rng, max(_SAMPLE, _SAMPLE_PER_COMPONENT * n_components))
        rows, weights = sample.rows, sample.sample_weight
        origin = rows.mean(axis=0, dtype=np.float64)
        centres = find(rows - origin, weights, n_components, rng)
        return from_labels(source.map(lambda block: assign_to_nearest(block - origin, centres)), n_components)

    return start


def _draw_rows(rows: Floats, weights: Floats, n_components: int, rng: np.random.Generator) -> Floats:
    return np.asarray(rows[rng.choice(len(rows), size=n_components, replace=False, p=weights / weights.sum())])


def _draw_responsibilities(_source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
    """Return random responsibilities, which depend on the index of a row and not on the blocks of a pass."""
    seed = int(rng.integers(2**31))

    def draw(span: slice, rows: Rows) -> Floats:
        first, last = span.start // _DRAWN_AT_ONCE, (span.start + len(rows) - 1) // _DRAWN_AT_ONCE
        shape = (_DRAWN_AT_ONCE, n_components)
        resp = np.concatenate([np.random.default_rng([seed, i]).random(shape) for i in range(first, last + 1)])
        resp = resp[span.start - first * _DRAWN_AT_ONCE :][: len(rows)]
        return np.asarray(resp / resp.sum(axis=1, keepdims=True))

    return draw


NAMED_STARTS: dict[str, NamedStart] = {
    "kmeans": _make_seeded_start(kmeans),
    "k-means++": _make_seeded_start(choose_seeds),
    "random": _draw_responsibilities,
    "random_from_data": _make_seeded_start(_draw_rows),
}
"""The starts that a user can ask for by name."""
