"""Cross-validated log-likelihood: how likely rows are under mixtures that have not seen them."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from gaussmix.moments import SCALAR
from gaussmix.selection.candidate import Candidate
from gaussmix.selection.search import Search
from gaussmix.sources import ArraySource, Source
from gaussmix.structures import Structure

__all__ = ["N_FOLDS", "cross_validated"]

N_FOLDS = 5


def cross_validated(
    candidates: Sequence[Candidate], search: Search, source: Source, rng: np.random.Generator
) -> list[Candidate]:
    """The candidates of a search with their held-out log-likelihoods.

    The rows are cut at random into five parts, the same for all candidates. For each part the whole search is made
    on the other rows, so that nothing that was fitted or started from has seen it, and its log-likelihoods under each
    model are added up. A model that could not be fitted without some part has none.

    References
    ----------
    Smyth (2000), Statistics and Computing 10.
    """
    if not isinstance(source, ArraySource):
        raise TypeError(
            "criterion='cv' needs rows in memory, which can be cut into parts; choose by another criterion."
        )
    held_out: dict[tuple[Structure, int], float | None] = {(one.structure, one.n_components): 0.0 for one in candidates}
    for rest, part in _folds(source, rng):
        fold = replace(search, source=rest, n_walks=1, stop_early=False)
        cells = {(one.structure, one.n_components): one for one in fold.visits(rng)}
        for key, cell in cells.items():
            so_far = held_out[key]
            if so_far is not None:
                held_out[key] = so_far + part.reduce(cell.mixture, SCALAR).log_likelihood if cell.fit else None
    return [replace(one, held_out=held_out[one.structure, one.n_components]) for one in candidates]


def _folds(source: ArraySource, rng: np.random.Generator) -> Iterator[tuple[ArraySource, ArraySource]]:
    """For each part of the rows, the others and the part."""
    order = rng.permutation(source.n_rows)
    ends = np.linspace(0, source.n_rows, min(N_FOLDS, source.n_rows) + 1).astype(int)
    for start, end in pairwise(ends):
        rest = np.sort(np.concatenate([order[:start], order[end:]]))
        yield source.subset(rest), source.subset(np.sort(order[start:end]))
