"""Rows in an array: in memory or memory-mapped, of either precision, in any layout."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from operator import add
from typing import Self

import numpy as np

from gaussmix._threads import one_thread, side_by_side
from gaussmix._types import AnyArray, Engine, Floats, Labels, Rows
from gaussmix.expectation import choose, reference
from gaussmix.mixture import Mixture
from gaussmix.sources.base import Assignment
from gaussmix.statistics import Moments, Statistics

__all__ = ["ArraySource"]

_TILE = 512  # rows; blocks are some multiple of it
_FEWEST_BLOCKS = 12  # of many rows
_MOST_FOR_SUMS = 8192  # rows, beside which sums over them cost little
_BLOCK_WORK = 2**22  # row-component-features, a few more for the exponential


@dataclass(frozen=True, eq=False)
class ArraySource:
    """Rows ``(n, D)`` of float32 or float64 and their weights; the rows are read where they lie, never copied whole.

    Parameters
    ----------
    rows : (n, D) ndarray
        C- or Fortran-ordered, strided, read-only or memory-mapped.
    weights : (n,) ndarray, optional
        How many rows each row stands for; by default one.
    engine : {"auto", "reference", "fused"}
        Which twin of the E-step to use.
    n_threads : int, optional
        Blocks worked on at once; by default as many as :func:`~gaussmix._threads.usable_threads` says. It changes no
        bit of any answer.
    """

    rows: Rows
    weights: Floats | None = None
    engine: Engine = "auto"
    n_threads: int | None = None

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return int(self.rows.shape[1])

    @property
    def some_weights(self) -> Floats:
        """The weights of the rows, ``(n,)``: ones where none were given."""
        return self._weights(slice(None))

    def spans(self, n_components: int = 1) -> Iterator[slice]:
        """The blocks. They depend on the shape of the problem alone, so that sums over them always round alike."""
        size = _block_size(self.n_rows, n_components, self.n_features)
        return (slice(start, min(start + size, self.n_rows)) for start in range(0, self.n_rows, size))

    def reduce(self, mixture: Mixture, moments: Moments) -> Statistics:
        """Statistics of all rows under `mixture`: one pass of the E-step, its blocks side by side, added in order."""
        expect = choose(self.engine, n_rows=self.n_rows, n_components=mixture.n_components, n_features=self.n_features)

        def block(span: slice) -> Statistics:
            rows = self.rows[span]
            weights = _ones(len(rows)) if self.weights is None else self.weights[span]
            return expect(mixture, rows, weights, moments)

        spans = list(self.spans(mixture.n_components))
        if expect is reference.expect:
            return reduce(add, map(block, spans))
        _ = mixture.log_norms, mixture.covariances.whitening  # found once here, not by every thread
        return reduce(add, side_by_side(block, spans, self.n_threads))

    def summarize(self, assignment: Assignment, origin: Floats, moments: Moments) -> Statistics:
        """Statistics of all rows under given responsibilities, about `origin`."""

        def block(span: slice) -> Statistics:
            rows = self.rows[span]
            return reference.summarize(rows, self._weights(span), assignment(span, rows), origin, moments)

        with one_thread(self.rows.size * len(origin)):
            return reduce(add, map(block, self.spans(len(origin))))

    def map(self, function: Callable[[Rows], AnyArray]) -> AnyArray:
        """Results of a function of each block, one after the other."""
        with one_thread(self.rows.size):
            return np.concatenate([function(self.rows[span]) for span in self.spans()])

    def total(self, function: Callable[[Rows, Floats], Floats]) -> Floats:
        """Sum over the blocks of a function of a block's rows and weights, added in the order of the blocks."""
        with one_thread(self.rows.size):
            return reduce(add, (function(self.rows[span], self._weights(span)) for span in self.spans()))

    def sample(self, rng: np.random.Generator, n_rows: int) -> tuple[Rows, Floats]:
        """Rows and weights of a random sample, or all rows where there are no more.

        Rows of different weights are drawn as often as they weigh, and those drawn more than once weigh more.
        """
        if n_rows >= self.n_rows:
            return self.rows, self._weights(slice(None))
        if self.weights is None:
            chosen = np.sort(rng.choice(self.n_rows, size=n_rows, replace=False))
            return self.rows[chosen], np.ones(n_rows)
        heights = np.cumsum(self.weights)
        drawn = np.searchsorted(heights, heights[-1] * (np.arange(n_rows) + rng.random()) / n_rows)
        chosen, counts = np.unique(np.minimum(drawn, self.n_rows - 1), return_counts=True)
        return self.rows[chosen], counts * (heights[-1] / self.n_rows)

    def subset(self, rows: Labels) -> Self:
        """Some of the rows, by their indices, with their weights."""
        return replace(self, rows=self.rows[rows], weights=None if self.weights is None else self.weights[rows])

    def weighted(self, factors: Floats) -> Self:
        """The same rows, each weighing so many times as much as before."""
        return replace(self, weights=factors if self.weights is None else factors * self.weights)

    def _weights(self, span: slice) -> Floats:
        return np.ones(len(self.rows[span])) if self.weights is None else self.weights[span]


@lru_cache(maxsize=4)
def _ones(n_rows: int) -> Floats:
    """The weights of a block of unweighted rows, made once: memory for them would come fresh for each block."""
    ones = np.ones(n_rows)
    ones.flags.writeable = False
    return ones


def _block_size(n_rows: int, n_components: int, n_features: int) -> int:
    """Rows in a block: about a millisecond of work, and enough of them to dwarf the sums that are added up at its end.

    Long enough to dwarf what a block costs in Python as well, short enough that threads end together.
    """
    for_time = _BLOCK_WORK // (n_components * (n_features + 4))
    for_sums = min(n_rows // _FEWEST_BLOCKS, _MOST_FOR_SUMS)
    return min(max(for_time, for_sums, _TILE) // _TILE, 128) * _TILE
