"""`gaussmix fit`: read a table, search, and say what was found."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaussmix._types import Floats
from gaussmix.cli import outputs, records, show
from gaussmix.cli.errors import CommandError, listed
from gaussmix.cli.outputs import Target
from gaussmix.cli.tables import Selection, Table, read
from gaussmix.mixture import Mixture
from gaussmix.selection import Candidate, best, search
from gaussmix.sources import ArraySource
from gaussmix.starts import relative_ridge
from gaussmix.structures import Structure

__all__ = ["Request", "collapsed", "fit"]

_RELATIVE_RIDGE = 1e-6
_COLLAPSED = 2.0  # a variance over its floor: below this, the floor is most of it
_FEWEST_ROWS = 2


@dataclass(frozen=True)
class Request:
    """What to search through, and how.

    Attributes
    ----------
    n_components : tuple of int
        Numbers of components, ascending.
    structures : tuple of Structure
        Shapes of the covariances.
    criterion : str
        A name from :data:`gaussmix.selection.CRITERIA`.
    seed : int
        Seed of the starts.
    n_init, max_iter, tol
        As for :func:`gaussmix.selection.search`.
    """

    n_components: tuple[int, ...]
    structures: tuple[Structure, ...]
    criterion: str
    seed: int
    n_init: int
    max_iter: int
    tol: float


def fit(path: Path, selection: Selection, request: Request, target: Target, *, as_json: bool) -> None:
    """Read a file, search, write the chosen model to the target and print what was found."""
    target.check()
    table = _usable(path, read(path, selection))
    before = (*table.notes, *_constant(table))
    show.warn(before)
    found = _find(path, table, request)
    target.write_model(found.mixture)
    answer = replace(found, warnings=(*before, *found.warnings), model=target.path)
    if as_json:
        outputs.print_json(records.of_fit(answer))
    else:
        show.fitted(answer)
    show.warn(found.warnings)


def _usable(path: Path, table: Table) -> Table:
    """The rows that weigh something; a fit needs two of them."""
    if table.weights is not None:
        present = table.weights > 0
        table = replace(table, rows=table.rows[present], weights=table.weights[present])
    if len(table.rows) < _FEWEST_ROWS:
        raise CommandError(f"{path} has {len(table.rows)} row to fit; a fit needs at least {_FEWEST_ROWS}.")
    return table


def _find(path: Path, table: Table, request: Request) -> records.Found:
    """Search, and choose."""
    source = ArraySource(table.rows, table.weights)
    floor = relative_ridge(source, _RELATIVE_RIDGE)
    cells = search(
        source,
        request.n_components,
        request.structures,
        ridge=floor,
        rng=np.random.default_rng(request.seed),
        n_init=request.n_init,
        tol=request.tol,
        max_iter=request.max_iter,
    )
    candidates = tuple(show.watched(cells, len(request.n_components) * len(request.structures)))
    try:
        chosen = best(candidates, request.criterion)
    except ValueError as error:
        raise CommandError(f"{path}: no model could be fitted. {error}") from error
    mixture = chosen.mixture
    named = Mixture(mixture.weights, mixture.means, mixture.covariances, feature_names=table.names)
    warnings = (*_at_the_edge(chosen, request), *collapsed(named, floor, ~_is_constant(table)))
    return records.Found(table, request.criterion, candidates, chosen, named, warnings)


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


def collapsed(mixture: Mixture, floor: Floats, varying: NDArray[np.bool_]) -> list[str]:
    """Warn of components that only the floor on variances holds open: their likelihood has no bound but the floor.

    Parameters
    ----------
    mixture : Mixture
        The fitted mixture.
    floor : (D,) ndarray
        Variances that were added to the covariances' diagonals.
    varying : (D,) ndarray of bool
        The features to look at: those that are not constant.
    """
    scale = np.sqrt(floor[varying])
    dense = mixture.covariances.dense(mixture.n_components, mixture.n_features)
    relative = dense[:, varying][:, :, varying] / np.outer(scale, scale)
    smallest = np.linalg.eigvalsh(relative).min(axis=1, initial=np.inf)
    flat = [str(k) for k in np.flatnonzero(smallest < _COLLAPSED)]
    if not flat:
        return []
    if len(flat) == mixture.n_components:
        warning = (
            "Every component is flat in some direction: columns depend on each other, or the rows are too few for so "
            "many components. Leave columns out with --columns, or try fewer components."
        )
    else:
        warning = (
            f"Component{'s'[: len(flat) > 1]} {listed(flat)} {'have' if len(flat) > 1 else 'has'} collapsed: in some "
            "direction only the floor on variances is left, and criteria reward that. Do not trust this choice; try "
            "fewer components, or --structure tied."
        )
    return [warning]
