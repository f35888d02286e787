"""The patterns of missing values: which rows miss which features."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Flags, Labels

__all__ = ["Patterns"]


@dataclass(frozen=True, eq=False)
class Patterns:
    """Rows sorted by the features that they miss.

    Attributes
    ----------
    kinds : (P, D) ndarray of bool
        The patterns: True for each missing feature.
    order : (n,) ndarray of int
        The indices of the rows, sorted by pattern; rows of the same pattern keep their order.
    ends : (P + 1,) ndarray of int
        The place in `order` at which the rows of each pattern begin, and the number of rows.
    """

    kinds: Flags
    order: Labels
    ends: Labels

    @classmethod
    def of(cls, missing: Flags) -> Self:
        """Return the patterns of a mask ``(n, D)``."""
        packed = np.packbits(missing, axis=1)
        _, first, labels = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        labels = labels.reshape(-1)
        order = np.argsort(labels, kind="stable")
        ends = np.searchsorted(labels[order], np.arange(len(first) + 1))
        return cls(missing[first], order, ends)

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def sizes(self) -> Labels:
        """The number of rows of each pattern, ``(P,)``."""
        return np.diff(self.ends)

    @cached_property
    def labels(self) -> Labels:
        """The pattern of each row in `order`, ``(n,)``."""
        return np.repeat(np.arange(len(self)), self.sizes)

    @cached_property
    def first(self) -> Labels:
        """The features of each pattern, the observed features first, ``(P, D)``."""
        return np.argsort(self.kinds, axis=1, kind="stable")

    @cached_property
    def back(self) -> Labels:
        """The places of the features in :attr:`first`, ``(P, D)``."""
        return np.argsort(self.first, axis=1)

    @cached_property
    def n_given(self) -> Labels:
        """The number of observed features of each pattern, ``(P,)``."""
        return np.asarray(self.kinds.shape[1] - self.kinds.sum(axis=1))

    @cached_property
    def given(self) -> Flags:
        """True for the places in :attr:`first` that hold observed features, ``(P, D)``."""
        return np.asarray(np.arange(self.kinds.shape[1]) < self.n_given[:, None])

    def members(self, p: int) -> Labels:
        """Return the indices of the rows of a pattern."""
        return self.order[self.ends[p] : self.ends[p + 1]]

    def pieces(self, size: int) -> "Iterator[Patterns]":
        """Yield parts of at most so many rows, in order; a pattern may be in several parts."""
        if 0 < len(self.order) <= size:
            yield self
            return
        for start in range(0, len(self.order), size):
            stop = min(start + size, len(self.order))
            low = int(np.searchsorted(self.ends, start, side="right")) - 1
            high = int(np.searchsorted(self.ends, stop, side="left"))
            ends = np.clip(self.ends[low : high + 1], start, stop) - start
            yield Patterns(self.kinds[low:high], self.order[start:stop], ends)

    def select(self, chosen: Flags) -> "Patterns":
        """Return the patterns with a flag ``(P,)``, with their rows."""
        if chosen.all():
            return self
        sizes = self.sizes[chosen]
        order = self.order[np.repeat(chosen, self.sizes)]
        return Patterns(self.kinds[chosen], order, np.concatenate([[0], np.cumsum(sizes)]))

    def by_size(self) -> "Patterns":
        """Return the patterns by decreasing number of rows."""
        ranks = np.argsort(-self.sizes, kind="stable")
        order = np.concatenate([self.members(p) for p in ranks])
        return Patterns(self.kinds[ranks], order, np.concatenate([[0], np.cumsum(self.sizes[ranks])]))
