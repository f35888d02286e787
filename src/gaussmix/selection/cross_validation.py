"""Cross-validation: the log-likelihood of rows under mixtures that were fitted to other rows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from gaussmix.moments import SCALAR
from gaussmix.selection.candidate import CROSS_VALIDATION, Candidate
from gaussmix.selection.results import SearchResults
from gaussmix.selection.search import Search
from gaussmix.selection.sweeps import Watch, fit_models, ignore
from gaussmix.sources import ArraySource, Source
from gaussmix.structures import Structure

__all__ = ["N_FOLDS", "cross_validate", "n_evaluations"]

N_FOLDS = 5
"""The number of parts into which the rows are cut."""

_PerModel = dict[tuple[Structure, int], float]


def n_evaluations(search: Search, n_repeats: int = 1) -> int:
    """Return the number of evaluations in a cross-validated search that is not interrupted."""
    return search.n_evaluations + n_repeats * N_FOLDS * replace(search, n_walks=1).n_evaluations


def cross_validate(
    search: Search,
    rng: np.random.Generator,
    watch: Watch = ignore,
    *,
    n_repeats: int = 1,
    criterion: str = CROSS_VALIDATION,
) -> SearchResults:
    """Return all models of a search with their best fits and their held-out log-likelihoods.

    The rows are cut at random into five parts, the same for all models. For each part, the whole search is repeated on
    the other rows, so that no fit and no start depends on the part; the log-likelihoods of the part under each model
    are added up. A model that could not be fitted without one of the parts has no held-out log-likelihood. No run is
    pruned.

    Where Ctrl-C is pressed, the results say that the search was interrupted, and no model has a held-out
    log-likelihood.

    Parameters
    ----------
    search : Search
        The settings.
    rng : numpy.random.Generator
        For the starts and the parts.
    watch : callable, optional
        Called with the model after each evaluation: :func:`n_evaluations` times, unless interrupted.
    n_repeats : int
        Cuts of the rows into parts. Held-out log-likelihoods are averaged over the cuts.
    criterion : str
        The criterion of the results: ``"cv"`` or ``"cv_1se"``.

    Raises
    ------
    TypeError
        If the rows are not in memory.

    References
    ----------
    Smyth (2000), Statistics and Computing 10.
    """
    source = search.source
    if not isinstance(source, ArraySource):
        raise TypeError(
            f"criterion={criterion!r} needs rows in memory, which can be cut into parts; choose by another criterion."
        )
    search = replace(search, stop_early=False)
    results = replace(fit_models(search, rng, watch), criterion=criterion)
    if results.interrupted:
        return results
    parts: list[list[_PerModel]] = []
    for _ in range(n_repeats):
        parts.append([])
        for rest, part in _folds(source, rng):
            gains = _held_out(replace(search, source=rest, n_walks=1), part, rng, watch)
            if gains is None:
                return replace(results, interrupted=True)
            parts[-1].append(gains)
    return replace(results, candidates=tuple(_with_held_out(results.candidates, parts)))


def _held_out(search: Search, part: Source, rng: np.random.Generator, watch: Watch) -> _PerModel | None:
    """Return the log-likelihood of a part of the rows under each model of a search through the others, in nats.

    It is NaN where a model could not be fitted. The function returns None where Ctrl-C was pressed.
    """
    try:
        fold = fit_models(search, rng, watch)
        if fold.interrupted:
            return None
        return {_key(one): _log_likelihood(one, part) for one in fold.candidates}
    except KeyboardInterrupt:  # in the passes over the part
        return None


def _with_held_out(candidates: Sequence[Candidate], parts: list[list[_PerModel]]) -> list[Candidate]:
    """Return the models with their held-out log-likelihoods; with none where a part could not be predicted.

    The standard error of the difference to the best model is that of a sum over the parts of one cut, from the spread
    of the parts. More cuts do not make it smaller: they all divide the same rows.
    """
    values = np.array([[[part[_key(one)] for part in cut] for cut in parts] for one in candidates])  # (M, cuts, parts)
    sums = values.sum(axis=2).mean(axis=1)
    if np.isnan(sums).all():
        return [replace(one, held_out=None) for one in candidates]
    n_parts = values.shape[2]
    differences = values - values[np.nanargmax(sums)]
    spread = differences.var(axis=2, ddof=1) if n_parts > 1 else np.zeros(values.shape[:2])
    errors = np.sqrt(n_parts * spread.mean(axis=1))
    return [
        replace(one, held_out=None if np.isnan(total) else float(total), held_out_error=float(error))
        for one, total, error in zip(candidates, sums, errors, strict=True)
    ]


def _key(one: Candidate) -> tuple[Structure, int]:
    return one.structure, one.n_components


def _log_likelihood(candidate: Candidate, part: Source) -> float:
    """Return the log-likelihood of rows under a model, in nats; NaN where the model has no fit."""
    return part.reduce(candidate.mixture, SCALAR).log_likelihood if candidate.fit else np.nan


def _folds(source: ArraySource, rng: np.random.Generator) -> Iterator[tuple[ArraySource, ArraySource]]:
    """Yield the rows outside of each part, and the part."""
    order = rng.permutation(source.n_rows)
    ends = np.linspace(0, source.n_rows, min(N_FOLDS, source.n_rows) + 1).astype(int)
    for start, end in pairwise(ends):
        rest = np.sort(np.concatenate([order[:start], order[end:]]))
        yield source.subset(rest), source.subset(np.sort(order[start:end]))
