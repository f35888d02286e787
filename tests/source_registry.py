"""All places where rows may lie: each is registered once, and every law of sources runs on each."""

from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gaussmix.engines import AUTO
from gaussmix.sources import ArraySource, LabelledSource, Source
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.sources.truncated import TruncatedSource

_FILES = count()  # a new file for each table: an older one may still be mapped


class Table(NamedTuple):
    """Rows, and how a source is to work on them.

    Attributes
    ----------
    rows : (n, D) ndarray
    weights : (n,) ndarray, optional
    folder : Path
        Where a source may write a file.
    n_components : int
        The number of components of the mixtures to come.
    engine : str
    n_threads : int, optional
    """

    rows: Any
    weights: Any
    folder: Path
    n_components: int = 3
    engine: str = AUTO
    n_threads: int | None = None


class Chunked(Source):
    """A source as a user writes it: rows in parts of given sizes."""

    def __init__(self, rows, weights=None, ends=()):
        self.rows, self.weights, self.ends = rows, weights, ends

    def chunks(self):
        for part in np.split(np.arange(len(self.rows)), self.ends):
            yield self.rows[part] if self.weights is None else (self.rows[part], self.weights[part])


class Saved(Source):
    """A source as a user writes it: rows in a file, a few hundred at a time."""

    def __init__(self, path, weights=None):
        self.path, self.weights = path, weights

    def chunks(self):
        rows = np.load(self.path, mmap_mode="r")
        for start in range(0, len(rows), 777):
            part = slice(start, start + 777)
            yield rows[part] if self.weights is None else (rows[part], self.weights[part])


def _saved(table: Table) -> Path:
    """Write the rows to a new file."""
    path = table.folder / f"rows-{next(_FILES)}.npy"
    np.save(path, table.rows)
    return path


def _array(rows: Any, table: Table) -> ArraySource:
    return ArraySource(rows, table.weights, table.engine, table.n_threads)


def _strided(table: Table) -> ArraySource:
    wide = np.zeros((2 * len(table.rows), 2 * table.rows.shape[1]), dtype=table.rows.dtype)
    wide[::2, 1::2] = table.rows
    return _array(wide[::2, 1::2], table)


def _foreign(source: Source, table: Table) -> Source:
    source.engine, source.n_threads = table.engine, table.n_threads
    return source


def _chunked(ends: Callable[[int], Any], table: Table) -> Source:
    return _foreign(Chunked(table.rows, table.weights, ends(len(table.rows))), table)


def _of_one_class(table: Table) -> LabelledSource:
    labels = np.zeros(len(table.rows), dtype=np.intp)
    given = table.rows, table.weights, table.engine, table.n_threads
    return LabelledSource(*given, labels=labels, sizes=(table.n_components,))


SOURCES: dict[str, Callable[[Table], Source]] = {
    "array": lambda table: _array(table.rows, table),
    "strided array": _strided,
    "memory-mapped array": lambda table: _array(np.load(_saved(table), mmap_mode="r"), table),
    "one chunk": partial(_chunked, lambda _: ()),
    "uneven chunks": partial(_chunked, lambda n: sorted((1, 1, min(n, 40), min(n, 41), n // 2, n))),
    "many chunks": partial(_chunked, lambda n: range(50, n, 50)),
    "rows that may have missing values": lambda table: IncompleteSource.of(
        np.asarray(table.rows), table.weights, table.engine, table.n_threads
    ),
    "file": lambda table: _foreign(Saved(_saved(table), table.weights), table),
}
"""The sources that serve mixtures of any number of components."""

OF_GIVEN_SIZE: dict[str, Callable[[Table], Source]] = {
    "rows of one class": _of_one_class,
    "rows that look at all components": lambda table: TruncatedSource.among_all(
        _array(table.rows, table), table.n_components
    ),
}
"""The sources that are made for mixtures of `n_components` components."""

EVERY_SOURCE = SOURCES | OF_GIVEN_SIZE
