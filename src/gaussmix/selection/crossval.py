"""Cross-validated log-likelihood: how likely rows are under a mixture that has not seen them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from gaussmix.em import IllDefinedCovarianceError, MStep, run
from gaussmix.mixture import Mixture
from gaussmix.selection.candidate import Candidate
from gaussmix.sources import ArraySource
from gaussmix.statistics import SCALAR

__all__ = ["cross_validated"]

N_FOLDS = 10


def cross_validated(
    candidates: Sequence[Candidate],
    source: ArraySource,
    rng: np.random.Generator,
    *,
    tol: float,
    max_iter: int,
    n_folds: int = N_FOLDS,
) -> list[Candidate]:
    """The candidates with their held-out log-likelihoods.

    The rows are cut at random into as many parts, the same for all candidates. For each part the model is fitted to the
    other rows, from where the fit to all of them ended, and the part's log-likelihoods are added up. A model that
    cannot be fitted without some part has none.

    References
    ----------
    Smyth (2000), Statistics and Computing 10.
    """
    parts = _folds(source, min(n_folds, source.n_rows), rng)

    def held_out(m_step: MStep, start: Mixture) -> float | None:
        total = 0.0
        for rest, part in parts:
            try:
                fit = run(rest, start, m_step, tol=tol, max_iter=max_iter, accelerate=True)
            except IllDefinedCovarianceError:
                return None
            total += part.reduce(fit.state.mixture, SCALAR).log_likelihood
        return total

    return [replace(one, held_out=held_out(one.m_step, one.mixture)) if one.fit else one for one in candidates]


def _folds(source: ArraySource, n_folds: int, rng: np.random.Generator) -> list[tuple[ArraySource, ArraySource]]:
    """For each part of the rows, the others and the part."""
    order = rng.permutation(source.n_rows)
    ends = np.linspace(0, source.n_rows, n_folds + 1).astype(int)
    return [
        (source.subset(np.sort(np.delete(order, np.s_[start:end]))), source.subset(np.sort(order[start:end])))
        for start, end in pairwise(ends)
    ]
