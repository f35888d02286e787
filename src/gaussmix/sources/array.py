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
    """Rows ``(n, D)`` of float32 or float64 in an array, and their weights; the array is never copied as a whole.

    Parameters
    ----------
    rows : (n, D) ndarray
        C- or Fortran-ordered, strided, read-only or memory-mapped.
    weights : (n,) ndarray, optional
        The weight of each row: the number of rows that it stands for; by default 1.
    engine : str
        The name of the engine of the E-step in :data:`~gaussmix.engines.base.ENGINES`, or ``"auto"``.
    n_threads : int, optional
        Number of blocks that are processed at the same time; by default that of
        :func:`~gaussmix._threads.usable_threads`. Answers do not depend on it, to the last bit.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.sources import ArraySource
    >>> source = ArraySource(np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 1.0, 2.0]))
    >>> source.n_rows, source.weight
    (3, 4.0)
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
        """True if all rows are equal."""
        rows = self.rows
        return bool((rows[0] == rows[-1]).all() and (rows == rows[0]).all())

    @property
    def sample_weight(self) -> Floats:
        """The weights of the rows, ``(n,)``; ones by default."""
        return np.ones(len(self.rows)) if self.weights is None else self.weights

    @property
    def completed(self) -> "ArraySource":
        """The rows with guesses in place of missing values; the source itself if it has none."""
        return self

    @property
    def observed(self) -> Rows:
        """The rows, with NaN in place of missing values."""
        return self.rows

    def spans(self, n_components: int = 1) -> Iterator[slice]:
        """Yield the slices of the blocks.

        They depend only on the shape of the problem, so that sums over blocks always have the same rounding errors.
        """
        size = rows_in_block(self.n_rows, n_components, self.n_features)
        return (slice(start, min(start + size, self.n_rows)) for start in range(0, self.n_rows, size))

    def groups(self, n_components: int = 1) -> Iterator[Sequence[Block]]:
        """Yield all blocks as one group. Blocks are views of the rows and can be processed in parallel."""
        yield [self._block(span) for span in self.spans(n_components)]

    def _block(self, span: slice) -> Block:
        rows = self.rows[span]
        return Block(rows, ones(len(rows)) if self.weights is None else self.weights[span], span.start)

    def sample(self, rng: np.random.Generator, n_rows: int) -> Self:
        """Return a random sample of the rows, or the source itself if it has no more rows than that.

        Rows are drawn in proportion to their weights. A row that is drawn several times has a larger weight in
        the sample. Other data of the rows, such as labels, are sampled with them.
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
        """Return the rows with given indices, with their weights."""
        return replace(self, rows=self.rows[rows], weights=None if self.weights is None else self.weights[rows])

    def select_features(self, features: Sequence[int]) -> Self:
        """Return the rows with the given features only, and their weights."""
        return replace(self, rows=self.rows[:, features])

    def component_groups(self, n_components: int) -> "Sequence[tuple[ArraySource, slice]]":
        """Return groups of rows with the components that they can come from: here one group, and all components.

        Parameters
        ----------
        n_components : int
            K.
        """
        return [(self, slice(0, n_components))]

    def weighted(self, factors: Floats) -> Self:
        """Return the rows with their weights multiplied by factors ``(n,)``."""
        return replace(self, weights=factors if self.weights is None else factors * self.weights)
