"""What a place where rows live must give, and what follows from it: passes over the rows, and samples of them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from operator import add
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

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
"""Responsibilities ``(b, K)`` of one block, from its place among the rows and the rows themselves."""

Chunk = AnyArray | tuple[AnyArray, AnyArray]
"""Rows ``(b, D)``, or rows and their weights ``(b,)``."""

_Answer = TypeVar("_Answer")

_TILE = 512  # rows; blocks are some multiple of it
_FEWEST_BLOCKS = 12  # of many rows
_MOST_FOR_SUMS = 8192  # rows, beside which sums over them cost little
_BLOCK_WORK = 2**22  # row-component-features, a few more for the exponential


class Block(NamedTuple):
    """Some rows of a source, one after the other.

    Attributes
    ----------
    rows : (b, D) ndarray
    weights : (b,) ndarray
    start : int
        The place of the first row among all rows.
    """

    rows: Rows
    weights: Floats
    start: int

    @property
    def span(self) -> slice:
        """The place of the rows among all rows."""
        return slice(self.start, self.start + len(self.rows))


@dataclass(frozen=True)
class _Extent:
    """What one pass over the chunks tells of the rows."""

    n_rows: int
    n_features: int
    weight: float
    dtype: np.dtype[Any]
    lowest: Floats
    highest: Floats


class Source(ABC):
    """Weighted rows that can be passed over again and again, chunk by chunk.

    A class of its own needs one method, :meth:`chunks`. The rows of one chunk at a time are held in memory, and a
    sample of some thousand rows.

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
        """Return the rows from first to last, in parts that fit in memory; each call begins anew.

        Returns
        -------
        iterable
            Arrays ``(b, D)`` of numbers, or pairs of such an array and the weights of its rows ``(b,)``. Parts may
            have different numbers of rows, and none.
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
        """The type of the numbers: float32 where all chunks have it, else float64."""
        return self._extent.dtype

    @property
    def largest(self) -> float:
        """The largest absolute value."""
        return float(max(self._extent.highest.max(), -self._extent.lowest.min()))

    @property
    def all_equal(self) -> bool:
        """Whether all rows are equal."""
        return bool((self._extent.lowest == self._extent.highest).all())

    @cached_property
    def _extent(self) -> _Extent:
        """Look at all chunks once, and refuse what is no row of numbers."""
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

    def arrays(self) -> Iterator[tuple[Rows, Floats]]:
        """Yield the rows of each chunk, in a precision that is computed in, and their weights."""
        yield from map(_parts, self.chunks())

    def groups(self, n_components: int = 1) -> Iterator[Sequence[Block]]:
        """Yield the blocks that a pass works on side by side, in order: those of one chunk.

        Parameters
        ----------
        n_components : int
            For how many components a block is worked on: with more, blocks have fewer rows.
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
        """Return the statistics of all rows under a mixture: one pass of the E-step, its blocks added in order."""
        n_components = mixture.n_components
        engine = self.engine_for(n_components)
        expect = engine.arithmetic.expect

        def block(one: Block) -> Statistics:
            return expect(mixture, one.rows, one.weights, moments)

        if not engine.side_by_side:
            return reduce(add, map(block, self.blocks(n_components)))
        _ = mixture.log_norms, mixture.covariances.whitening  # found once here, not by every thread
        return reduce(add, self._side_by_side(block, n_components))

    def reduce_about(self, origin: Floats, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics of all rows under a mixture, about given points ``(K, D)`` in place of its means.

        The responsibilities are those of :meth:`reduce`; the log-likelihoods are left at zero. EM asks for these
        statistics where the means of a start are so far from the rows that sums about them lose their digits.
        """

        def responsibilities(_span: slice, rows: Rows) -> Floats:
            return mixture.responsibilities(rows)

        return self.summarize(responsibilities, origin, moments)

    def engine_for(self, n_components: int) -> Engine:
        """Return the engine that works on the rows, for so many components."""
        return engine_for(self.engine, n_rows=self.n_rows, n_components=n_components, n_features=self.n_features)

    def summarize(self, assignment: Assignment, origin: Floats, moments: Moments) -> Statistics:
        """Return the statistics of all rows under given responsibilities, about `origin`."""

        def block(one: Block) -> Statistics:
            return reference.summarize(one.rows, one.weights, assignment(one.span, one.rows), origin, moments)

        with one_thread(self.n_rows * self.n_features * len(origin)):
            return reduce(add, map(block, self.blocks(len(origin))))

    def map(self, function: Callable[[Rows], AnyArray]) -> AnyArray:
        """Return the results of a function of the rows of each block, one after the other."""
        with one_thread(self.n_rows * self.n_features):
            return np.concatenate([function(block.rows) for block in self.blocks()])

    def total(self, function: Callable[[Rows, Floats], Floats]) -> Floats:
        """Return the sum of a function of each block's rows and weights, added in the order of the blocks."""
        with one_thread(self.n_rows * self.n_features):
            return reduce(add, (function(block.rows, block.weights) for block in self.blocks()))

    def sample(self, rng: np.random.Generator, n_rows: int) -> "ArraySource":
        """Return a random sample of the rows in memory, or all rows where there are no more.

        Rows of different weights are drawn as often as they weigh, and those drawn more than once weigh more.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_rows : int
            How many rows are drawn.
        """
        from gaussmix.sources.array import ArraySource  # noqa: PLC0415 - the array is a source

        parts = [(block.rows[places], weights) for block, places, weights in self._drawn(rng, n_rows)]
        rows = np.concatenate([rows for rows, _ in parts]).astype(self.dtype, copy=False)
        weights = np.concatenate([weights for _, weights in parts])
        return ArraySource(rows, weights, self.engine, self.n_threads)

    def _drawn(self, rng: np.random.Generator, n_rows: int) -> Iterator[tuple[Block, AnyArray, Floats]]:
        """Yield each block, the places in it of the rows that are drawn, and their weights in the sample."""
        if n_rows >= self.n_rows:
            yield from ((block, np.arange(len(block.rows)), block.weights) for block in self.blocks())
            return
        marks = self.weight * (np.arange(n_rows) + rng.random(n_rows)) / n_rows
        before, scale = 0.0, self.weight / self.n_rows
        for block in self.blocks():
            heights = before + np.cumsum(block.weights)
            its = marks[(marks >= before) & (marks < heights[-1])]
            before = float(heights[-1])
            places, counts = np.unique(np.searchsorted(heights, its, side="right"), return_counts=True)
            yield block, places, np.asarray(counts * scale)

    def _side_by_side(self, work: Callable[[Block], _Answer], n_components: int) -> Iterator[_Answer]:
        """Yield what is made of each block, in order; the blocks of a group are worked on at once."""
        for group in self.groups(n_components):
            yield from side_by_side(work, group, self.n_threads)


def _parts(chunk: Chunk) -> tuple[Rows, Floats]:
    """Return the rows of a chunk in a precision that is computed in, and their weights."""
    rows, weights = chunk if isinstance(chunk, tuple) else (chunk, None)
    rows = np.asarray(rows)
    if rows.dtype not in {np.dtype(np.float32), np.dtype(np.float64)} and rows.dtype.kind in "biuf":
        rows = rows.astype(np.float64)
    return rows, ones(len(rows)) if weights is None else np.asarray(weights, dtype=np.float64)


def _check(rows: Rows, weights: Floats, n_features: int, start: int) -> None:
    """Refuse a chunk that holds anything but rows of numbers and their weights."""
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
    """Return the weights of a block of unweighted rows, made once: memory for them would come fresh for each block."""
    made = np.ones(n_rows)
    made.flags.writeable = False
    return made


def rows_in_block(n_rows: int, n_components: int, n_features: int) -> int:
    """Return the rows in a block: about a millisecond of work, and enough of them to dwarf the sums at its end.

    Long enough to dwarf what a block costs in Python as well, short enough that threads end together.
    """
    for_time = _BLOCK_WORK // (n_components * (n_features + 4))
    for_sums = min(n_rows // _FEWEST_BLOCKS, _MOST_FOR_SUMS)
    return min(max(for_time, for_sums, _TILE) // _TILE, 128) * _TILE
