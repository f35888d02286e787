"""The base class of sources, which turns chunks of rows into passes over the rows and samples of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._threads import one_thread, side_by_side
from gaussmix._types import AnyArray, Floats, Rows
from gaussmix.engines import AUTO, Engine, engine_for, reference
from gaussmix.mixture import Mixture
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

if TYPE_CHECKING:
    from gaussmix.sources.array import ArraySource

__all__ = ["Assignment", "Block", "Chunk", "Source", "rows_in_block"]

Assignment = Callable[[slice, Rows], Floats]
"""A function that returns the responsibilities ``(b, K)`` of a block, from its slice of all rows and its rows."""

Chunk = AnyArray | tuple[AnyArray, AnyArray]
"""Rows ``(b, D)``, or rows and their weights ``(b,)``."""

_Answer = TypeVar("_Answer")

# The number of rows in a block is a multiple of this.
_TILE = 512

# Large sources have at least this many blocks, so that all threads have work.
_FEWEST_BLOCKS = 12

# In blocks of this many rows, the cost of adding the statistics of blocks is small, so that larger blocks need not be.
_ROWS_FOR_SUMS = 8192

# The work for one block: rows times components times features, where the exponential counts as four more features.
_BLOCK_WORK = 2**22

# A block has at most this many tiles.
_MOST_TILES = 128


class Block(NamedTuple):
    """Consecutive rows of a source, with their weights.

    Attributes
    ----------
    rows : (b, D) ndarray
    weights : (b,) ndarray
    start : int
        The index of the first row among all rows.
    """

    rows: Rows
    weights: Floats
    start: int

    @property
    def span(self) -> slice:
        """The slice of the rows among all rows."""
        return slice(self.start, self.start + len(self.rows))


@dataclass(frozen=True)
class _Extent:
    """The size, the type and the range of the rows, from one pass over the chunks."""

    n_rows: int
    n_features: int
    weight: float
    dtype: np.dtype[Any]
    lowest: Floats
    highest: Floats


class Source(ABC):
    """Weighted rows that can be read several times, chunk by chunk.

    A subclass needs one method, :meth:`chunks`. Only one chunk at a time is in memory, and a sample of a few thousand
    rows.

    Examples
    --------
    Rows in an array on the disk, a few thousand at a time:

    >>> import numpy as np
    >>> from gaussmix import GaussianMixture
    >>> from gaussmix.sources import Source
    >>> class Saved(Source):
    ...     def __init__(self, path):
    ...         self.path = path
    ...     def chunks(self):
    ...         rows = np.load(self.path, mmap_mode="r")
    ...         for start in range(0, len(rows), 4096):
    ...             yield rows[start : start + 4096]
    """

    engine: str = AUTO
    n_threads: int | None = None

    @abstractmethod
    def chunks(self) -> Iterable[Chunk]:
        """Return all rows in order, in chunks that fit into memory; each call starts again with the first row.

        Returns
        -------
        iterable
            Arrays ``(b, D)`` of numbers, or pairs of such an array and the weights of its rows ``(b,)``. Chunks may
            have different numbers of rows, also none.
        """

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self._extent.n_rows

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self._extent.n_features

    @property
    def weight(self) -> float:
        """Total weight of the rows."""
        return self._extent.weight

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the numbers: float32 if all chunks have it, otherwise float64."""
        return self._extent.dtype

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return float(max(self._extent.highest.max(), -self._extent.lowest.min()))

    @property
    def all_equal(self) -> bool:
        """True if all rows are equal."""
        return bool((self._extent.lowest == self._extent.highest).all())

    @property
    def constant_columns(self) -> tuple[int, ...]:
        """The columns in which all rows are equal."""
        return tuple(np.flatnonzero(self._extent.lowest == self._extent.highest).tolist())

    @cached_property
    def _extent(self) -> _Extent:
        """Check and measure all chunks once; raise ``ValueError`` unless they hold rows of finite numbers."""
        n_rows, weight, types, extremes = 0, 0.0, set(), None
        for rows, weights in self.arrays():
            _check(rows, weights, rows.shape[-1] if extremes is None else extremes.shape[1], n_rows)
            if len(rows):
                own = np.stack([rows.min(axis=0), rows.max(axis=0)])
                extremes = (
                    own
                    if extremes is None
                    else np.stack([np.minimum(extremes[0], own[0]), np.maximum(extremes[1], own[1])])
                )
                types.add(rows.dtype)
            n_rows += len(rows)
            weight += float(weights.sum())
        if extremes is None:
            raise ValueError("A source must have at least one row, got none.")
        dtype = types.pop() if len(types) == 1 else np.dtype(np.float64)
        return _Extent(n_rows, extremes.shape[1], weight, dtype, extremes[0], extremes[1])

    @property
    def completed(self) -> "Source":
        """The rows with guesses in place of missing values; the source itself if it has none."""
        return self

    @property
    def unlabelled(self) -> "Source":
        """The rows without their classes; the source itself if it has none."""
        return self

    def arrays(self) -> Iterator[tuple[Rows, Floats]]:
        """Yield the rows of each chunk, as float32 or float64, and their weights."""
        yield from map(_split_chunk, self.chunks())

    def groups(self, n_components: int = 1) -> Iterator[Sequence[Block]]:
        """Yield groups of blocks that can be processed in parallel, in order: the blocks of each chunk.

        Parameters
        ----------
        n_components : int
            The number of components of the pass. With more components, blocks have fewer rows.
        """
        size, start = rows_in_block(self.n_rows, n_components, self.n_features), 0
        for rows, weights in self.arrays():
            ends = range(0, len(rows), size)
            yield [Block(rows[i : i + size], weights[i : i + size], start + i) for i in ends]
            start += len(rows)

    def blocks(self, n_components: int = 1) -> Iterator[Block]:
        """Yield the blocks, in order; see :meth:`groups`."""
        for group in self.groups(n_components):
            yield from group

    def reduce(self, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics of all rows under a mixture: one E-step, with the blocks added in order."""
        n_components = mixture.n_components
        engine = self.engine_for(n_components)
        expect = engine.arithmetic.expect

        def block(one: Block) -> Statistics:
            return expect(mixture, one.rows, one.weights, moments)

        if not engine.side_by_side:
            return reduce(add, map(block, self.blocks(n_components)))
        _ = mixture.log_norms, mixture.covariances.whitening  # cached here once, and not by each thread
        return reduce(add, self._map_in_parallel(block, n_components))

    def reduce_about(self, origin: Floats, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics of all rows under a mixture, about given points ``(K, D)`` in place of its means.

        The responsibilities are those of :meth:`reduce`; the log-likelihoods are left at zero. EM asks for these
        statistics where the means of a start are so far from the rows that sums about them lose their digits.
        """

        def responsibilities(_span: slice, rows: Rows) -> Floats:
            return mixture.responsibilities(rows)

        return self.summarize(responsibilities, origin, moments)

    def engine_for(self, n_components: int) -> Engine:
        """Return the engine for passes over the rows with a given number of components."""
        return engine_for(self.engine, n_rows=self.n_rows, n_components=n_components, n_features=self.n_features)

    def summarize(self, assignment: Assignment, origin: Floats, moments: Moments) -> Statistics:
        """Return the statistics of all rows under given responsibilities, about `origin`."""

        def block(one: Block) -> Statistics:
            return reference.summarize(one.rows, one.weights, assignment(one.span, one.rows), origin, moments)

        with one_thread(self.n_rows * self.n_features * len(origin)):
            return reduce(add, map(block, self.blocks(len(origin))))

    def map(self, function: Callable[[Rows], AnyArray]) -> AnyArray:
        """Return the concatenated results of a function of the rows of each block."""
        with one_thread(self.n_rows * self.n_features):
            return np.concatenate([function(block.rows) for block in self.blocks()])

    def total(self, function: Callable[[Rows, Floats], Floats]) -> Floats:
        """Return the sum of a function of each block's rows and weights, summed in the order of the blocks."""
        with one_thread(self.n_rows * self.n_features):
            return reduce(add, (function(block.rows, block.weights) for block in self.blocks()))

    def sample(self, rng: np.random.Generator, n_rows: int) -> "ArraySource":
        """Return a random sample of the rows in memory, or all rows if there are no more than that.

        Rows are drawn in proportion to their weights. A row that is drawn several times has a larger weight in
        the sample.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_rows : int
            The number of rows to draw.
        """
        from gaussmix.sources.array import ArraySource  # noqa: PLC0415 - the class is a subclass of this one

        parts = [(block.rows[places], weights) for block, places, weights in self._draw(rng, n_rows)]
        rows = np.concatenate([rows for rows, _ in parts]).astype(self.dtype, copy=False)
        weights = np.concatenate([weights for _, weights in parts])
        return ArraySource(rows, weights, self.engine, self.n_threads)

    def _draw(self, rng: np.random.Generator, n_rows: int) -> Iterator[tuple[Block, AnyArray, Floats]]:
        """Yield each block, the indices in the block of the rows that are drawn, and their weights in the sample."""
        if n_rows >= self.n_rows:
            yield from ((block, np.arange(len(block.rows)), block.weights) for block in self.blocks())
            return
        marks = self.weight * (np.arange(n_rows) + rng.random(n_rows)) / n_rows
        before, scale = 0.0, self.weight / self.n_rows
        for block in self.blocks():
            heights = before + np.cumsum(block.weights)
            own_marks = marks[(marks >= before) & (marks < heights[-1])]
            before = float(heights[-1])
            places, counts = np.unique(np.searchsorted(heights, own_marks, side="right"), return_counts=True)
            yield block, places, np.asarray(counts * scale)

    def _map_in_parallel(self, work: Callable[[Block], _Answer], n_components: int) -> Iterator[_Answer]:
        """Yield the results of `work` for each block, in order; the blocks of a group are processed in parallel."""
        for group in self.groups(n_components):
            yield from side_by_side(work, group, self.n_threads)


def _split_chunk(chunk: Chunk) -> tuple[Rows, Floats]:
    """Return the rows of a chunk as float32 or float64, and their weights."""
    rows, weights = chunk if isinstance(chunk, tuple) else (chunk, None)
    rows = np.asarray(rows)
    if rows.dtype not in {np.dtype(np.float32), np.dtype(np.float64)} and rows.dtype.kind in "biuf":
        rows = rows.astype(np.float64)
    return rows, ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)


def _check(rows: Rows, weights: Floats, n_features: int, start: int) -> None:
    """Raise ``ValueError`` unless a chunk holds rows of finite numbers and positive weights."""
    if rows.ndim != 2 or rows.shape[1] != n_features or rows.dtype.kind != "f":  # noqa: PLR2004 - rows and columns
        msg = (
            f"A chunk must hold rows of numbers, of shape (n, {n_features}), got {rows.dtype} of shape {rows.shape} "
            f"after {start} rows."
        )
        raise ValueError(msg)
    wrong = np.argwhere(~np.isfinite(rows))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise ValueError(f"X must be finite, but row {start + row} holds {rows[row, column]} in column {column}.")
    if weights.shape != (len(rows),) or not (np.isfinite(weights) & (weights > 0)).all():
        msg = f"Weights of a chunk must be {len(rows)} positive numbers, one for each row, after {start} rows."
        raise ValueError(msg)


@lru_cache(maxsize=4)
def ones(n_rows: int) -> Floats:
    """Return weights of one for a block of unweighted rows; cached, since new memory for each block takes time."""
    weights = np.ones(n_rows)
    weights.flags.writeable = False
    return weights


def rows_in_block(n_rows: int, n_components: int, n_features: int) -> int:
    """Return the number of rows in a block, which takes about a millisecond of work.

    The block is large enough that the costs of Python and of adding statistics are relatively small, and small enough
    that all threads end at about the same time.
    """
    for_time = _BLOCK_WORK // (n_components * (n_features + 4))
    for_sums = min(n_rows // _FEWEST_BLOCKS, _ROWS_FOR_SUMS)
    return min(max(for_time, for_sums, _TILE) // _TILE, _MOST_TILES) * _TILE
