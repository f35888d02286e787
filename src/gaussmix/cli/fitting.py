"""`gaussmix fit`: read a table, search, and say what was found."""

from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaussmix._types import Floats
from gaussmix.cli import console, json_output, outputs
from gaussmix.cli.errors import CommandError
from gaussmix.cli.outputs import Target
from gaussmix.cli.tables import Selection, Table, read
from gaussmix.initialization import models
from gaussmix.mixture import Mixture
from gaussmix.selection import Candidate, Search, best, cautions_about
from gaussmix.selection.effort import search_source
from gaussmix.sources import ArraySource
from gaussmix.structures import Structure, every, named
from gaussmix.weights import scale_to_effective_size, warn_of_shortfall

__all__ = ["ALL", "Request", "fit"]

ALL = "all"
"""In place of a structure's name: all that differ."""

_USUAL = ("full", "tied", "diag", "spherical")
_MOST_FEATURES = 20  # with more, all structures take long, and most of those left out are slow to maximize
_FLAT = 2.0  # a variance over the floor, which is one of the two
_FEWEST_ROWS = 2


@dataclass(frozen=True)
class Request:
    """What to search through, and how.

    Attributes
    ----------
    n_components : tuple of int
        Numbers of components, ascending.
    structures : tuple of str or None
        Names of shapes of the covariances, or :data:`ALL`; None for what suits the number of columns.
    equal_weights : bool
        Whether all mixing proportions are 1 / K.
    relative_weights : bool
        Whether the weights of the rows only compare rows, and are scaled to sum to their effective number.
    criterion : str
        A name from :data:`gaussmix.selection.CRITERIA`.
    seed : int
        Seed of the starts.
    n_init, n_walks, stop_early, max_iter, tol
        As for :class:`gaussmix.selection.Search`.
    """

    n_components: tuple[int, ...]
    structures: tuple[str, ...] | None
    equal_weights: bool
    relative_weights: bool
    criterion: str
    seed: int
    n_init: int
    n_walks: int
    stop_early: bool
    max_iter: int
    tol: float


def fit(path: Path, selection: Selection, request: Request, target: Target, *, as_json: bool) -> None:
    """Read a file, search, write the chosen model to the target and print what was found."""
    target.check()
    table = _counted(_usable(path, read(path, selection)), relative=request.relative_weights)
    before = (*table.notes, *_constant(table))
    console.warn(before)
    found = _find(path, table, request)
    target.write_model(found.mixture)
    answer = replace(found, warnings=(*before, *found.warnings), model=target.path)
    if as_json:
        outputs.print_json(json_output.of_fit(answer))
    else:
        console.fitted(answer)
    console.warn(found.warnings)


def _usable(path: Path, table: Table) -> Table:
    """The rows that weigh something; a fit needs two of them."""
    if table.weights is not None:
        present = table.weights > 0
        table = replace(table, rows=table.rows[present], weights=table.weights[present])
    if len(table.rows) < _FEWEST_ROWS:
        raise CommandError(f"{path}: a fit needs at least {_FEWEST_ROWS} rows, got {len(table.rows)}.")
    return table


def _counted(table: Table, *, relative: bool) -> Table:
    """Return the table with weights that count rows; a note says where they may be no counts."""
    if table.weights is None:
        return table
    if relative:
        return replace(table, weights=scale_to_effective_size(table.weights))
    said = warn_of_shortfall(table.weights, "add --relative-weights")
    return replace(table, notes=(*table.notes, said)) if said else table


def _find(path: Path, table: Table, request: Request) -> json_output.Found:
    """Search, and choose."""
    search = _search(path, table, request)
    source = search.source
    visits = console.watched(search.visits(np.random.default_rng(request.seed)), search.n_visits)
    candidates = tuple({(cell.structure, cell.n_components): cell for cell in visits}.values())
    chosen = _chosen(path, candidates, request.criterion)
    mixture, floor = chosen.mixture, chosen.m_step.ridge
    named = Mixture(mixture.weights, mixture.means, mixture.covariances, feature_names=table.names)
    warnings = (
        *_at_the_edge(chosen, request),
        *cautions_about(chosen, source, table.names),
        *_dependent(named, floor, ~_is_constant(table)),
    )
    return json_output.Found(table, request.criterion, candidates, chosen, named, warnings)


def _search(path: Path, table: Table, request: Request) -> Search:
    """What to search through, for these rows."""
    structures = _structures(path, request.structures, len(table.names))
    source, n_workers = search_source(ArraySource(table.rows, table.weights), request.n_components, len(structures))
    return Search(
        source,
        request.n_components,
        models(structures, source, equal_weights=request.equal_weights),
        criterion=request.criterion,
        stop_early=request.stop_early,
        n_init=request.n_init,
        n_walks=request.n_walks,
        tol=request.tol,
        max_iter=request.max_iter,
        n_workers=n_workers,
    )


def _structures(path: Path, names: tuple[str, ...] | None, n_features: int) -> tuple[Structure, ...]:
    """The structures of these names, each once."""
    names = names or ((ALL,) if n_features <= _MOST_FEATURES else _USUAL)
    try:
        found = [every(n_features) if name == ALL else (named(name, n_features),) for name in names]
    except ValueError as error:
        raise CommandError(f"{path}: {error}") from error
    return tuple(dict.fromkeys(chain(*found)))


def _chosen(path: Path, candidates: tuple[Candidate, ...], criterion: str) -> Candidate:
    """The best; some there must be."""
    fitted = [one for one in candidates if one.fit]
    if fitted and all(np.isinf(one.criterion(criterion)) for one in fitted):
        msg = (
            f"{path}: {console.title(criterion)} is infinite for every model that was tried: each has about as many "
            "parameters as there are rows, or more; try fewer --components, or choose by another --criterion."
        )
        raise CommandError(msg)
    try:
        return best(candidates, criterion)
    except ValueError as error:
        raise CommandError(f"{path}: no model could be fitted. {error}") from error


def _is_constant(table: Table) -> NDArray[np.bool_]:
    return np.asarray(table.rows.min(axis=0) == table.rows.max(axis=0))


def _constant(table: Table) -> list[str]:
    return [
        f"Column {table.names[d]!r} is constant: every value is {table.rows[0, d]:g}. It tells components nothing "
        "apart; leave it out with --columns."
        for d in np.flatnonzero(_is_constant(table))
    ]


def _at_the_edge(chosen: Candidate, request: Request) -> list[str]:
    k, (fewest, most) = chosen.n_components, (request.n_components[0], request.n_components[-1])
    if fewest == most or fewest < k < most or k == 1:
        return []
    edge = "most" if k == most else "fewest"
    return [f"The chosen model has {k} components, the {edge} that were tried; widen --components to see beyond."]


def _dependent(mixture: Mixture, floor: Floats, varying: NDArray[np.bool_]) -> list[str]:
    """Warn where all rows together have no more spread than the floor on variances in some direction."""
    units = np.sqrt(floor[varying])
    spread = np.linalg.eigvalsh(mixture.covariance[np.ix_(varying, varying)] / np.outer(units, units))
    if not (spread < _FLAT).any():
        return []
    return [
        "Some columns follow from others, so that the rows are flat in some direction; leave them out with --columns."
    ]
