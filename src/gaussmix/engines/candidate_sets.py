"""Candidate sets: the components under which the truncated E-step evaluates the rows of a group."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._types import Flags, Labels

__all__ = ["CandidateSets"]


@dataclass(frozen=True, eq=False)
class CandidateSets:
    """C groups of rows, each with its candidates: the only components under which the rows of the group are evaluated.

    Each component appears at most once in a set.

    Attributes
    ----------
    order : (n,) ndarray of int
        Indices of the rows, set by set.
    starts : (C + 1,) ndarray of int
        Position in `order` of the first row of each set, and the number of rows.
    members : (M,) ndarray of int
        Indices of the candidates, set by set.
    member_starts : (C + 1,) ndarray of int
        Position in `members` of the first candidate of each set, and the number of members.

    References
    ----------
    Forster & Lücke (2018), Can clustering scale sublinearly with its clusters? A variational EM acceleration of GMMs
    and k-means. AISTATS 84.
    """

    order: Labels
    starts: Labels
    members: Labels
    member_starts: Labels

    @classmethod
    def sharing(cls, best: Labels, proposals: Labels, n_components: int) -> Self:
        """Return candidate sets, one for the rows with the same most probable component.

        The candidates of a set are the two most probable components of each row of the set, and the proposals.

        Parameters
        ----------
        best : (n, 2) ndarray of int
            The two most probable components of each row; the first component is also the index of the set of the row.
        proposals : (C, G) ndarray of int
            Components to add to the candidates of each set.
        n_components : int
            Number of components, K.
        """
        n_sets, n_proposals = proposals.shape
        own = best[:, 0]
        numbers = np.concatenate([own, own, np.repeat(np.arange(n_sets), n_proposals)])
        pairs = np.unique(numbers * n_components + np.concatenate([own, best[:, 1], proposals.ravel()]))
        order, edges = np.argsort(own, kind="stable"), np.arange(n_sets + 1)
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
    def n_pairs(self) -> int:
        """Number of pairs of a row and a candidate."""
        return int(np.diff(self.starts) @ np.diff(self.member_starts))

    def part(self, span: slice) -> Self:
        """Return the candidate sets of the rows in a span of `order`; the first and the last set may be cut."""
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
        """Yield the span in `order` and the candidates of each set."""
        for c in range(len(self.starts) - 1):
            members = self.members[self.member_starts[c] : self.member_starts[c + 1]]
            yield slice(int(self.starts[c]), int(self.starts[c + 1])), members

    def mask(self, n_components: int) -> Flags:
        """Return True for the candidates of each row, ``(n, K)``; the rows are in the order of `order`."""
        is_candidate = np.zeros((self.n_rows, n_components), dtype=bool)
        for span, members in self:
            is_candidate[span, members] = True
        return is_candidate
