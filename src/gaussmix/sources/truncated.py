"""Rows with candidate sets: truncated E-steps, in which a row has few candidate components."""

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

# A set of candidates has this many random components, so that new neighbours are found.
_RANDOM_CANDIDATES = 4


@dataclass(frozen=True, eq=False)
class TruncatedSource(Source):
    """Rows with candidate sets: the responsibilities of a row are zero outside its set of candidates.

    A pass gives a lower bound of the log-likelihood and the statistics of this bound. EM with fixed sets never lowers
    the bound.

    Parameters
    ----------
    whole : ArraySource
        The rows. Only one block at a time is copied.
    sets : CandidateSets
        The rows of each set, and their candidates.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.moments import SCALAR
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.sources.truncated import TruncatedSource
    >>> rows = ArraySource(np.array([[0.0], [1.0], [4.0]]))
    >>> mixture = Mixture([0.5, 0.5], [[0.0], [4.0]], [1.0, 1.0])
    >>> bound = TruncatedSource.among_themselves(rows, np.array([0, 0, 1]), 2).reduce(mixture, SCALAR).log_likelihood
    >>> bound < rows.reduce(mixture, SCALAR).log_likelihood
    True
    """

    whole: ArraySource
    sets: CandidateSets

    @classmethod
    def among_all(cls, whole: ArraySource, n_components: int) -> Self:
        """Return rows whose candidates are all components: passes are exact and slow."""
        every = np.arange(n_components)
        return cls(whole, CandidateSets.sharing(np.zeros((whole.n_rows, 2), dtype=np.intp), every[None], n_components))

    @classmethod
    def among_themselves(cls, whole: ArraySource, labels: Labels, n_components: int) -> Self:
        """Return rows whose only candidate is the component of their label: hard assignments."""
        every = np.arange(n_components)
        return cls(whole, CandidateSets.sharing(np.stack([labels, labels], axis=1), every[:, None], n_components))

    @classmethod
    def among_neighbours(
        cls, whole: ArraySource, mixture: Mixture, best: Labels, n_neighbours: int, rng: np.random.Generator
    ) -> Self:
        """Return rows whose candidates are the neighbours of their best component, and others.

        The others are the second best component of each row and a few random components.

        Parameters
        ----------
        whole : ArraySource
        mixture : Mixture
        best : (n, 2) ndarray of int
            The two most likely components of each row.
        n_neighbours : int
            The number of neighbours of each component, itself included.
        rng : numpy.random.Generator
            The generator of the random components.
        """
        n_components = mixture.n_components
        others = rng.integers(n_components, size=(n_components, _RANDOM_CANDIDATES))
        with one_thread():  # the order of equal neighbours must not depend on the number of threads
            proposals = np.concatenate([neighbours(mixture, n_neighbours), others], axis=1)
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
        """True if all rows are equal."""
        return self.whole.all_equal

    def reduce(self, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics of all rows under their candidates: one E-step, with blocks added in order."""
        arithmetic = self._arithmetic(mixture.n_components)

        def block(sets: CandidateSets) -> Statistics:
            part = self.whole.subset(sets.order)
            sums: Statistics = arithmetic.expect(mixture, part.rows, part.sample_weight, sets, moments)
            return sums

        return reduce(add, self._by_blocks(arithmetic.rows_at_once(mixture), mixture, block))

    def reduce_about(self, origin: Floats, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics that :meth:`reduce` does, about given points and without log-likelihoods."""

        def block(sets: CandidateSets) -> Statistics:
            part = self.whole.subset(sets.order)
            resp = reference_truncated.responsibilities(mixture, part.rows, sets)
            return reference.summarize(part.rows, part.sample_weight, resp, origin, moments)

        return reduce(add, self._by_blocks(reference_truncated.rows_at_once(mixture), mixture, block))

    def best_two(self, mixture: Mixture) -> Labels:
        """Return the most likely and the second most likely candidate of each row, ``(n, 2)``."""
        arithmetic = self._arithmetic(mixture.n_components)
        best = np.empty((self.n_rows, 2), dtype=np.intp)

        def block(sets: CandidateSets) -> None:
            best[sets.order] = arithmetic.best_two(mixture, self.whole.rows[sets.order], sets)

        for _ in self._by_blocks(arithmetic.rows_at_once(mixture), mixture, block):
            pass
        return best

    def _arithmetic(self, n_components: int) -> Any:  # noqa: ANN401 - a module
        """Return the module with the functions of the engine for candidate sets."""
        return self.whole.engine_for(n_components).among_candidates

    def _by_blocks(self, size: int, mixture: Mixture, work: Callable[[CandidateSets], _Answer]) -> Iterator[_Answer]:
        """Yield the results of `work` for blocks of `size` rows, in order."""
        parts = [self.sets.part(slice(i, min(i + size, self.n_rows))) for i in range(0, self.n_rows, size)]
        _ = mixture.log_norms, mixture.covariances.whitening  # cached here once, and not by each thread
        return side_by_side(work, parts, self.whole.n_threads)
