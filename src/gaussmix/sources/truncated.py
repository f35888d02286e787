"""Rows that look at some of the components only."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Self, TypeVar

import numpy as np

from gaussmix._threads import one_thread, side_by_side
from gaussmix._types import Floats, Labels
from gaussmix.density.neighbours import neighbours
from gaussmix.engines import reference, reference_truncated
from gaussmix.engines.candidate_sets import CandidateSets
from gaussmix.mixture import Mixture
from gaussmix.moments import Moments
from gaussmix.sources.array import ArraySource
from gaussmix.sources.base import Chunk, Source
from gaussmix.statistics import Statistics

__all__ = ["TruncatedSource"]

_Answer = TypeVar("_Answer")
_STRANGERS = 4


@dataclass(frozen=True, eq=False)
class TruncatedSource(Source):
    """Rows in sets: each can only have come from the candidates of its cell.

    What a pass sums up is a lower bound of the log-likelihood, and the statistics belong to that bound. With the same
    sets EM never lowers it.

    Parameters
    ----------
    whole : ArraySource
        The rows, which stay where they lie; a block of them is copied at a time.
    sets : CandidateSets
        Which rows are together, and what they look at.
    """

    whole: ArraySource
    sets: CandidateSets

    @classmethod
    def among_all(cls, whole: ArraySource, n_components: int) -> Self:
        """Each row looks at all components: an exact pass, and a dear one."""
        every = np.arange(n_components)
        return cls(whole, CandidateSets.sharing(np.zeros((whole.n_rows, 2), dtype=np.intp), every[None], n_components))

    @classmethod
    def among_themselves(cls, whole: ArraySource, labels: Labels, n_components: int) -> Self:
        """Each row looks at the component of its label alone: hard assignments, of which there may be very many."""
        every = np.arange(n_components)
        return cls(whole, CandidateSets.sharing(np.stack([labels, labels], axis=1), every[:, None], n_components))

    @classmethod
    def among_neighbours(
        cls, whole: ArraySource, mixture: Mixture, best: Labels, n_neighbours: int, rng: np.random.Generator
    ) -> Self:
        """The rows of a component look at its neighbours, at the second best of each of them, and at a few strangers.

        Parameters
        ----------
        whole : ArraySource
        mixture : Mixture
        best : (n, 2) ndarray of int
            The two components that each row holds for the likeliest.
        n_neighbours : int
            How many neighbours each component has, itself among them.
        rng : numpy.random.Generator
            For the strangers.
        """
        n_components = mixture.n_components
        strangers = rng.integers(n_components, size=(n_components, _STRANGERS))
        with one_thread():  # so that their order does not depend on how many there are
            proposals = np.concatenate([neighbours(mixture, n_neighbours), strangers], axis=1)
        return cls(whole, CandidateSets.sharing(best, proposals, n_components))

    @property
    def n_candidates(self) -> float:
        """The average number of candidates of a row."""
        return self.sets.n_pairs / self.n_rows

    def chunks(self) -> Iterable[Chunk]:
        """Return the rows and their weights."""
        return self.whole.chunks()

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.whole.n_rows

    @property
    def n_features(self) -> int:
        """Number of columns."""
        return self.whole.n_features

    @property
    def all_equal(self) -> bool:
        """Whether all rows are equal."""
        return self.whole.all_equal

    def reduce(self, mixture: Mixture, moments: Moments) -> Statistics:
        """Statistics of all rows under `mixture`, each under its candidates: one pass, added in order."""
        twin = self._twin(mixture.n_components)

        def block(sets: CandidateSets) -> Statistics:
            part = self.whole.subset(sets.order)
            sums: Statistics = twin.expect(mixture, part.rows, part.some_weights, sets, moments)
            return sums

        return reduce(add, self._by_blocks(twin.rows_at_once(mixture), mixture, block))

    def reduce_about(self, origin: Floats, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics that :meth:`reduce` does, about given points and without log-likelihoods."""

        def block(sets: CandidateSets) -> Statistics:
            part = self.whole.subset(sets.order)
            resp = reference_truncated.responsibilities(mixture, part.rows, sets)
            return reference.summarize(part.rows, part.some_weights, resp, origin, moments)

        return reduce(add, self._by_blocks(reference_truncated.rows_at_once(mixture), mixture, block))

    def best_two(self, mixture: Mixture) -> Labels:
        """The likeliest and the second likeliest candidate of each row, ``(n, 2)``."""
        twin = self._twin(mixture.n_components)
        best = np.empty((self.n_rows, 2), dtype=np.intp)

        def block(sets: CandidateSets) -> None:
            best[sets.order] = twin.best_two(mixture, self.whole.rows[sets.order], sets)

        for _ in self._by_blocks(twin.rows_at_once(mixture), mixture, block):
            pass
        return best

    def _twin(self, n_components: int) -> Any:  # noqa: ANN401 - a module
        """Return the arithmetic that pays. The plain one takes as long as if each row looked at all components."""
        return self.whole.engine_for(n_components).among_candidates

    def _by_blocks(self, size: int, mixture: Mixture, work: Callable[[CandidateSets], _Answer]) -> Iterator[_Answer]:
        """Yield answers for blocks of so many rows, in order. The size depends on the shape of the problem alone."""
        parts = [self.sets.part(slice(i, min(i + size, self.n_rows))) for i in range(0, self.n_rows, size)]
        _ = mixture.log_norms, mixture.covariances.whitening  # found once here, not by every thread
        return side_by_side(work, parts, self.whole.n_threads)
