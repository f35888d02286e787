"""Rows in groups, each with the components that its rows are looked at under."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._types import Flags, Labels

__all__ = ["Cells"]


@dataclass(frozen=True, eq=False)
class Cells:
    """C groups of rows, and the candidates that the rows of each share: components, each at most once.

    Attributes
    ----------
    order : (n,) ndarray of int
        Indices of the rows, cell by cell.
    starts : (C + 1,) ndarray of int
        Where the rows of each cell begin in the order, and where the last ones end.
    members : (M,) ndarray of int
        The candidates, cell by cell.
    member_starts : (C + 1,) ndarray of int
        Where those of each cell begin, and where the last ones end.
    """

    order: Labels
    starts: Labels
    members: Labels
    member_starts: Labels

    @classmethod
    def sharing(cls, best: Labels, proposals: Labels, n_components: int) -> Self:
        """Cells of the rows that have one component as their best; they share what each of them has, and more.

        Parameters
        ----------
        best : (n, 2) ndarray of int
            The two components that each row holds for the likeliest; the first is the cell.
        proposals : (C, G) ndarray of int
            Components that the rows of a cell are to look at besides.
        n_components : int
            K.
        """
        n_cells, n_proposals = proposals.shape
        own = best[:, 0]
        cell = np.concatenate([own, own, np.repeat(np.arange(n_cells), n_proposals)])
        pairs = np.unique(cell * n_components + np.concatenate([own, best[:, 1], proposals.ravel()]))
        order, edges = np.argsort(own, kind="stable"), np.arange(n_cells + 1)
        return cls(
            order=order,
            starts=np.searchsorted(own[order], edges),
            members=pairs % n_components,
            member_starts=np.searchsorted(pairs, edges * n_components),
        )

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.order)

    @property
    def n_looks(self) -> int:
        """How many pairs of a row and a candidate there are."""
        return int(np.diff(self.starts) @ np.diff(self.member_starts))

    def part(self, span: slice) -> Self:
        """The cells of some of the rows, by their places in the order; a cell may be cut."""
        first = int(np.searchsorted(self.starts, span.start, side="right")) - 1
        last = int(np.searchsorted(self.starts, span.stop, side="left"))
        member_starts = self.member_starts[first : last + 1]
        return type(self)(
            order=self.order[span],
            starts=np.clip(self.starts[first : last + 1], span.start, span.stop) - span.start,
            members=self.members[member_starts[0] : member_starts[-1]],
            member_starts=member_starts - member_starts[0],
        )

    def __iter__(self) -> Iterator[tuple[slice, Labels]]:
        """Places in the order, and candidates, of each cell."""
        for c in range(len(self.starts) - 1):
            members = self.members[self.member_starts[c] : self.member_starts[c + 1]]
            yield slice(int(self.starts[c]), int(self.starts[c + 1])), members

    def mask(self, n_components: int) -> Flags:
        """Which components each row looks at, in the order: ``(n, K)``."""
        looked_at = np.zeros((self.n_rows, n_components), dtype=bool)
        for span, members in self:
            looked_at[span, members] = True
        return looked_at
