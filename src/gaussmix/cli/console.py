"""What people see: the table of criteria, the chosen model, the parameters, progress and warnings."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Grid
from rich.text import Text

from gaussmix._types import Floats
from gaussmix.cli.errors import listed
from gaussmix.cli.json_output import Found, correlations, feature_names, standard_deviations, structure_name
from gaussmix.em import Status
from gaussmix.mixture import Mixture
from gaussmix.selection import Candidate

__all__ = ["fitted", "mixture", "title", "warn", "watched"]

_GAP = 2
_FEW_FEATURES = 3  # with more, correlations are printed as matrices
_SMALL, _LARGE = 1e-3, 1e7  # beyond these, numbers are written with an exponent
_MOST_DECIMALS = 9
_ENDS = {Status.ITERATION_LIMIT: "~", Status.BEHIND: "<"}
_NOTES = {
    "!": "has a component collapsed to the floor on variances, which criteria reward: passed over.",
    _ENDS[Status.ITERATION_LIMIT]: "did not converge; raise --max-iter to compare it fairly.",
    _ENDS[Status.BEHIND]: (
        "stopped early, where it was heading far behind the best; --no-stop-early fits it to the end."
    ),
}


@dataclass(frozen=True)
class _Line:
    """One line of a grid: what it is called, and its cells; a heading has none."""

    label: str
    cells: Sequence[str | Text] = ()


def title(criterion: str) -> str:
    """A criterion's name as people write it."""
    return "AICc" if criterion == "aicc" else criterion.upper()


def warn(warnings: Iterable[str]) -> None:
    """Print warnings on stderr, one line each."""
    console = _console(stderr=True)
    for warning in warnings:
        _say(console, Text.assemble(("Warning: ", "yellow"), _printable(warning)))


def watched(candidates: Iterator[Candidate], total: int) -> Iterator[Candidate]:
    """Candidates as they come, with a progress bar on stderr where that is a terminal."""
    console = _console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("Fitting", total=total)
        for candidate in candidates:
            progress.update(task, advance=1, description=f"Fitted {_named(candidate)}")
            yield candidate


def fitted(found: Found) -> None:
    """Print the answer of `gaussmix fit`."""
    console = _console()
    table = found.table
    weighing = "" if table.weights is None else f" of total weight {found.weight:g}"
    _say(console, f"{len(table.rows)} rows{weighing}, {_features(table.names)}")
    _criteria(console, found)
    _choice(console, found)
    _parameters(console, found.mixture)
    if found.model is not None:
        console.print()
        _say(console, f"Model written to {found.model}.")


def mixture(model: Mixture) -> None:
    """Print the parameters of a mixture."""
    console = _console()
    _say(console, f"{_components(model.n_components)}, {_features(feature_names(model))}")
    _parameters(console, model)


def _criteria(console: Console, found: Found) -> None:
    """The table: a row for each number of components, a column for each structure."""
    marks = {candidate: _marks(candidate, found.best) for candidate in found.candidates}
    width = max(map(len, marks.values()))
    names = list(dict.fromkeys(map(structure_name, found.candidates)))
    rows: dict[int, list[str | Text]] = {}
    for candidate in found.candidates:
        text = f"{candidate.criterion(found.criterion):.2f}" if candidate.fit else "-"
        style = "bold green" if candidate is found.best else ""
        rows.setdefault(candidate.n_components, []).append(Text(text + marks[candidate].ljust(width), style))
    console.print()
    _say(console, f"{title(found.criterion)} of K components, lower is better: * is the best")
    headers = [name + " " * width for name in names]
    _grid(console, "K", headers, [_Line(str(k), cells) for k, cells in rows.items()])
    for note in _notes(found, "".join(marks.values())):
        _say(console, note)


def _marks(candidate: Candidate, best: Candidate) -> str:
    """``*`` the best, ``!`` with a collapsed component, ``~`` not converged, ``<`` stopped early."""
    ended = _ENDS.get(candidate.fit.status, "") if candidate.fit else ""
    return "*" * (candidate is best) + "!" * bool(candidate.collapsed) + ended


def _notes(found: Found, marks: str) -> list[str]:
    """What the marks mean, and why cells are empty."""
    notes = [f"{mark} {note}" for mark, note in _NOTES.items() if mark in marks]
    if any(one.fit and np.isinf(one.criterion(found.criterion)) for one in found.candidates):
        notes.append(f"inf {title(found.criterion)} is infinite with about as many parameters as rows, or more.")
    n_rows = len(found.table.rows)
    lost = [candidate for candidate in found.candidates if candidate.fit is None]
    too_many = list(dict.fromkeys(str(one.n_components) for one in lost if one.n_components > n_rows))
    if too_many:
        notes.append(f"- {listed(too_many)} components need at least as many rows, got {n_rows}.")
    others = [one for one in lost if one.n_components <= n_rows]
    for reason in dict.fromkeys(one.reason for one in others):
        alike = [one for one in others if one.reason == reason]
        whole = dict.fromkeys(map(structure_name, alike)) if len(alike) > 1 else map(_named, alike)
        notes.append(f"- {listed(list(whole))}: {reason}")
    return notes


def _choice(console: Console, found: Found) -> None:
    """Name the best, and how far behind the next one is."""
    best, name = found.best, title(found.criterion)
    console.print()
    what = (
        f" (log-likelihood {best.log_likelihood:.2f}, {best.n_parameters} parameters, "
        f"{name} {best.criterion(found.criterion):.2f})."
    )
    _say(console, Text.assemble(f"Best by {name}: ", (_named(best), "bold green"), what))
    others = [one for one in found.candidates if one.fit and not one.collapsed and not _alike(one, best)]
    second = min(others, key=lambda one: one.criterion(found.criterion), default=best)
    behind = second.criterion(found.criterion) - best.criterion(found.criterion)
    if second is not best and np.isfinite(behind):
        most = "at most " * (_ENDS[Status.BEHIND] in _marks(second, best))
        _say(console, f"Next: {_named(second)}, {most}{behind:.2f} more.")


def _alike(one: Candidate, other: Candidate) -> bool:
    """Whether two cells are of the same model: with one component, many structures are."""
    single = one.n_components == other.n_components == 1
    return one is other or (single and one.n_parameters == other.n_parameters)


def _parameters(console: Console, model: Mixture) -> None:
    """Weights, means, standard deviations, and correlations where there are any."""
    names = [_printable(name) for name in feature_names(model)]
    inside = correlations(model)
    correlated = (inside != np.eye(model.n_features)).any()
    few = model.n_features <= _FEW_FEATURES
    console.print()
    lines = [*_moments(model, names), *(_pairs(names, inside) if correlated and few else ())]
    _grid(console, "component", [str(k) for k in range(model.n_components)], lines)
    if correlated and not few:
        _matrices(console, names, inside)


def _moments(model: Mixture, names: Sequence[str]) -> list[_Line]:
    """Each feature's mean and standard deviation with the same decimals: three digits of a typical deviation."""
    sds = standard_deviations(model)
    formats = [
        _format(float(np.median(sd)), float(np.abs([mean, sd]).max()))
        for mean, sd in zip(model.means.T, sds.T, strict=True)
    ]
    described = list(zip(names, formats, model.means.T, sds.T, strict=True))
    return [
        _Line("weight", [_decimal(weight, 3) for weight in model.weights]),
        _Line("mean"),
        *(_Line(f"  {name}", [text(value) for value in mean]) for name, text, mean, _ in described),
        _Line("standard deviation"),
        *(_Line(f"  {name}", [text(value) for value in sd]) for name, text, _, sd in described),
    ]


def _pairs(names: Sequence[str], inside: Floats) -> list[_Line]:
    """Correlations with a line for each pair of features."""
    pairs = [(i, j) for j in range(len(names)) for i in range(j)]
    cells = [[_correlation(value) for value in inside[:, i, j]] for i, j in pairs]
    labels = [f"  {names[i]}, {names[j]}" for i, j in pairs]
    return [_Line("correlation"), *map(_Line, labels, cells)]


def _matrices(console: Console, names: Sequence[str], inside: Floats) -> None:
    """Correlations as lower triangles: one for all components where they are the same, else one each."""
    shared = bool((inside == inside[0]).all())
    for k, matrix in enumerate(inside[:1] if shared else inside):
        console.print()
        _say(console, f"Correlations in {'every component' if shared else f'component {k}'}")
        lines = [
            _Line(name, [_correlation(value) if j < i else "" for j, value in enumerate(matrix[i, :-1])])
            for i, name in enumerate(names)
            if i
        ]
        _grid(console, "", names[:-1], lines)


def _grid(console: Console, corner: str, headers: Sequence[str], lines: Sequence[_Line]) -> None:
    """Print lines under headers, in as many panels side by side as the width asks for, one below the other."""
    label = min(max(cell_len(text) for text in (corner, *(line.label for line in lines))), console.width // 2)
    widths = [
        max(cell_len(header), *(cell_len(str(line.cells[c])) for line in lines if line.cells))
        for c, header in enumerate(headers)
    ]
    for i, columns in enumerate(_panels(widths, console.width - label)):
        if i:
            console.print()
        grid = Grid(box=None, pad_edge=False, padding=(0, 0, 0, _GAP), header_style="bold")
        grid.add_column(Text(corner), width=label, overflow="fold")
        for c in columns:
            grid.add_column(Text(headers[c]), justify="right", no_wrap=True)
        for line in lines:
            cells = [line.cells[c] for c in columns] if line.cells else []
            if not line.cells or any(map(str, cells)):
                grid.add_row(Text(line.label), *cells)
        console.print(grid)


def _panels(widths: Sequence[int], room: int) -> list[list[int]]:
    """Indices of columns, in as few panels as there is room for, with about as many columns in each."""
    columns = np.arange(len(widths))
    for n_panels in range(1, len(widths)):
        panels = [panel.tolist() for panel in np.array_split(columns, n_panels)]
        if all(sum(widths[c] + _GAP for c in panel) <= room for panel in panels):
            return panels
    return [[c] for c in range(len(widths))]


def _format(scale: float, largest: float) -> Callable[[float], str]:
    """How to write numbers so that three digits of `scale` are seen, the largest being as large as `largest`."""
    decimals = max(0, 2 - math.floor(math.log10(scale)))
    if largest < _SMALL or (largest >= _LARGE and not decimals):
        return "{:.3e}".format
    return partial(_decimal, decimals=min(decimals, _MOST_DECIMALS))


def _decimal(value: float, decimals: int) -> str:
    """A number with so many decimals; one that would look like zero is written with an exponent."""
    text = f"{value:.{decimals}f}"
    return f"{value:.1e}" if value and not float(text) else text


def _correlation(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # no minus before a zero


def _console(*, stderr: bool = False) -> Console:
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def _say(console: Console, sentence: str | Text) -> None:
    """Print a sentence: wrapped at words in a terminal, and as one line elsewhere."""
    console.print(sentence, soft_wrap=not console.is_terminal)


def _components(count: int) -> str:
    return f"{count} component{'s'[: count != 1]}"


def _named(candidate: Candidate) -> str:
    return f"{structure_name(candidate)}, {_components(candidate.n_components)}"


def _features(names: Sequence[str]) -> str:
    return f"{len(names)} feature{'s'[: len(names) != 1]}: {_printable(', '.join(names))}"


def _printable(text: str) -> str:
    """Text without what could steer a terminal: names come from files."""
    return "".join(char if char.isprintable() else "?" for char in text)
