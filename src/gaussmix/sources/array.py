"""Rows in an array: in memory or memory-mapped, of either precision, in any layout."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.engines import AUTO
from gaussmix.sources.base import Block, Chunk, Source, ones, rows_in_block

__all__ = ["ArraySource"]


@dataclass(frozen=True, eq=False)
class ArraySource(Source):
    """Rows ``(n, D)`` of float32 or float64 and their weights; the rows are read where they lie, never copied whole.

    Parameters
    ----------
    rows : (n, D) ndarray
        C- or Fortran-ordered, strided, read-only or memory-mapped.
    weights : (n,) ndarray, optional
        How many rows each row stands for; by default one.
    engine : str
        The engine of the E-step, by its name in :data:`~gaussmix.engines.base.ENGINES`, or ``"auto"``.
    n_threads : int, optional
        Blocks worked on at once; by default as many as :func:`~gaussmix._threads.usable_threads` says. It changes no
        bit of any answer.
    """

    rows: Rows
    weights: Floats | None = None
    engine: str = AUTO
    n_threads: int | None = None

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows and their weights, as one chunk."""
        yield self.rows, self.sample_weight

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return int(self.rows.shape[1])

    @property
    def weight(self) -> float:
        """Total weight of the rows."""
        return float(len(self.rows) if self.weights is None else self.weights.sum())

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers."""
        return self.rows.dtype

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return max(float(self.rows.max()), -float(self.rows.min()))

    @property
    def all_equal(self) -> bool:
        """Whether all rows are equal."""
        rows = self.rows
        return bool((rows[0] == rows[-1]).all() and (rows == rows[0]).all())

    @property
    def sample_weight(self) -> Floats:
        """The weights of the rows, ``(n,)``: ones where none were given."""
        return np.ones(len(self.rows)) if self.weights is None else self.weights

    def spans(self, n_components: int = 1) -> Iterator[slice]:
        """Yield the places of the blocks.

        They depend on the shape of the problem alone, so that sums over the blocks always round alike.
        """
        size = rows_in_block(self.n_rows, n_components, self.n_features)
        return (slice(start, min(start + size, self.n_rows)) for start in range(0, self.n_rows, size))

    def groups(self, n_components: int = 1) -> Iterator[Sequence[Block]]:
        """Yield all blocks as one group: views of the rows, all of which may be worked on side by side."""
        yield [self._block(span) for span in self.spans(n_components)]

    def _block(self, span: slice) -> Block:
        rows = self.rows[span]
        return Block(rows, ones(len(rows)) if self.weights is None else self.weights[span], span.start)

    def sample(self, rng: np.random.Generator, n_rows: int) -> Self:
        """Return a random sample of the rows, or the rows themselves where there are no more.

        Rows of different weights are drawn as often as they weigh, and those drawn more than once weigh more. What
        goes with the rows goes with the sample.
        """
        if n_rows >= self.n_rows:
            return self
        if self.weights is None:
            return self.subset(np.sort(rng.choice(self.n_rows, size=n_rows, replace=False)))
        heights = np.cumsum(self.weights)
        drawn = np.searchsorted(heights, heights[-1] * (np.arange(n_rows) + rng.random()) / n_rows)
        chosen, counts = np.unique(np.minimum(drawn, self.n_rows - 1), return_counts=True)
        return replace(self.subset(chosen), weights=counts * (heights[-1] / self.n_rows))

    def subset(self, rows: Labels) -> Self:
        """Return some of the rows, by their indices, with their weights."""
        return replace(self, rows=self.rows[rows], weights=None if self.weights is None else self.weights[rows])

    def component_groups(self, n_components: int) -> "Sequence[tuple[ArraySource, slice]]":
        """Return the rows that only some of the components may have made, and these components: here, all and all.

        Parameters
        ----------
        n_components : int
            K.
        """
        return [(self, slice(0, n_components))]

    def weighted(self, factors: Floats) -> Self:
        """Return the same rows, each weighing so many times as much as before."""
        return replace(self, weights=factors if self.weights is None else factors * self.weights)
