"""The output for people: the table of criteria, the chosen model, its parameters, progress and warnings."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from gaussmix._types import Floats
from gaussmix.cli.errors import listed, printable
from gaussmix.cli.json_output import FitReport, correlations, feature_names, standard_deviations
from gaussmix.cli.tables import Table
from gaussmix.em import Status
from gaussmix.mixture import Mixture
from gaussmix.selection import CROSS_VALIDATION, WITHIN_ONE_ERROR, Candidate

__all__ = ["candidate_name", "print_fit", "print_mixture", "print_note", "print_reading", "print_warnings", "stream"]

_GAP = 2
"""The number of spaces between two columns of a table."""

_FEW_FEATURES = 3
"""The largest number of features with which each correlation has a line of its own; of more features, correlations are
printed as matrices."""

_SMALL, _LARGE = 1e-3, 1e7
"""Bounds of the absolute values that are written without an exponent."""

_MOST_DECIMALS = 9
"""The largest number of decimals of a number without an exponent."""

_ENDS = {Status.ITERATION_LIMIT: "~", Status.BEHIND: "<"}
"""The marks in the table of criteria of fits that did not converge."""

_NOTES = {
    "!": "has a component collapsed to the floor on variances, which criteria reward: passed over.",
    "?": "has a component on too few rows, or too many parameters for the rows, which criteria reward: passed over.",
    _ENDS[Status.ITERATION_LIMIT]: "did not converge; raise --max-iter to compare it fairly.",
    _ENDS[Status.BEHIND]: (
        "stopped early, where it was heading far behind the best; --no-stop-early fits it to the end."
    ),
}
"""The marks in the table of criteria and their explanations below the table."""


_TITLES = {"aicc": "AICc", WITHIN_ONE_ERROR: "CV"}
"""The names of criteria that are not written in capitals."""

_WITHOUT_A_PART = "CV is infinite where the model could not be fitted without one of the five parts of the rows."

_INFINITE = {
    "aicc": "AICc is infinite with about as many parameters as rows, or more.",
    CROSS_VALIDATION: _WITHOUT_A_PART,
    WITHIN_ONE_ERROR: _WITHOUT_A_PART,
}
"""The explanations of infinite values of criteria."""


@dataclass(frozen=True)
class _Line:
    """One line of a grid: its label and its cells; a heading has no cells."""

    label: str
    cells: Sequence[str | Text] = ()


def _title(criterion: str) -> str:
    """Return the name of a criterion as people write it."""
    return _TITLES.get(criterion, criterion.upper())


def print_warnings(warnings: Iterable[str]) -> None:
    """Print warnings on stderr, one line each."""
    console = stream(stderr=True)
    for warning in warnings:
        _say(console, Text.assemble(("Warning: ", "yellow"), printable(warning)))


def print_reading(table: Table, *, quiet: bool) -> None:
    """Print on stderr how a table was read, and warnings about it."""
    for note in () if quiet else table.notes:
        print_note(note)
    print_warnings(table.warnings)


def print_note(note: str) -> None:
    """Print a sentence on stderr."""
    _say(stream(stderr=True), Text.assemble(("Note: ", "cyan"), printable(note)))


def print_fit(report: FitReport, *, brief: bool) -> None:
    """Print the results of `gaussmix fit`; a brief output has no table of all models and no correlations."""
    console = stream()
    table = report.table
    total = "" if table.weights is None else f" of total weight {report.weight:g}"
    _features(console, f"{table.n_rows} rows{total}", table.names)
    if not brief:
        _criteria(console, report)
    _choice(console, report)
    _parameters(console, report.mixture, brief=brief)
    if report.model is not None:
        console.print()
        _say(console, f"Model written to {report.model}.")


def print_mixture(model: Mixture, *, brief: bool) -> None:
    """Print the parameters of a mixture; a brief output has no correlations."""
    console = stream()
    _features(console, _components(model.n_components), feature_names(model))
    _parameters(console, model, brief=brief)


def _criteria(console: Console, report: FitReport) -> None:
    """Print the table of criteria: a row for each number of components, a column for each structure."""
    results, best = report.results, report.results.best
    marks = {candidate: _marks(candidate, best) for candidate in results.candidates}
    width = max(map(len, marks.values()))
    names = list(dict.fromkeys(one.structure_name for one in results.candidates))
    rows: dict[int, dict[str, str | Text]] = {}
    for candidate in results.candidates:
        text = f"{candidate.criterion(results.criterion):.2f}" if candidate.fit else "-"
        style = "bold green" if candidate is best else ""
        row = rows.setdefault(candidate.n_components, {})
        row[candidate.structure_name] = Text(text + marks[candidate].ljust(width), style)
    console.print()
    chosen = (
        "has the fewest parameters within one standard error"
        if results.criterion == WITHIN_ONE_ERROR
        else "is the best"
    )
    _say(console, f"{_title(results.criterion)} of K components, lower is better: * {chosen}")
    headers = [name + " " * width for name in names]
    lines = [_Line(str(k), [row.get(name, "") for name in names]) for k, row in rows.items()]
    _grid(console, "K", headers, lines)
    for note in _notes(report, "".join(marks.values())):
        _say(console, note)


def _marks(candidate: Candidate, best: Candidate) -> str:
    """Return ``*`` for the best, and the marks of :data:`_NOTES` that a model has."""
    ended = _ENDS.get(candidate.fit.status, "") if candidate.fit else ""
    passed_over = {"collapsed": "!", "spurious": "?"}.get(candidate.status, "")
    return "*" * (candidate is best) + passed_over + ended


def _notes(report: FitReport, marks: str) -> list[str]:
    """Return the explanations of the marks, and the reasons of models without a value."""
    results, n_rows = report.results, report.table.n_rows
    notes = [f"{mark} {note}" for mark, note in _NOTES.items() if mark in marks]
    if any(one.fit and np.isinf(one.criterion(results.criterion)) for one in results.candidates):
        notes.append(f"inf {_INFINITE[results.criterion]}")
    lost = [candidate for candidate in results.candidates if candidate.fit is None]
    too_many = list(dict.fromkeys(str(one.n_components) for one in lost if one.n_components > n_rows))
    if too_many:
        notes.append(f"- {listed(too_many)} components need at least as many rows, got {n_rows}.")
    others = [one for one in lost if one.n_components <= n_rows]
    for reason in dict.fromkeys(one.reason for one in others):
        alike = [one for one in others if one.reason == reason]
        names = dict.fromkeys(one.structure_name for one in alike) if len(alike) > 1 else map(candidate_name, alike)
        notes.append(f"- {listed(list(names))}: {reason}")
    return notes


def _choice(console: Console, report: FitReport) -> None:
    """Print the best model, the next one, and the difference of their criteria."""
    results = report.results
    best, criterion, name = results.best, results.criterion, _title(results.criterion)
    console.print()
    if results.interrupted:
        _say(console, f"Unfinished: Ctrl-C ended the search after {len(results.ranked)} models.")
    what = (
        f" (log-likelihood {best.log_likelihood:.2f}, {best.n_parameters} parameters, "
        f"{name} {best.criterion(criterion):.2f})."
    )
    _say(console, Text.assemble(f"Best by {name}: ", (candidate_name(best), "bold green"), what))
    for second in results.runners_up[:1]:
        behind = second.criterion(criterion) - best.criterion(criterion)
        most = "at most " * (_ENDS[Status.BEHIND] in _marks(second, best))
        _say(console, f"Next: {candidate_name(second)}, {most}{abs(behind):.2f} {'more' if behind >= 0 else 'less'}.")


def _parameters(console: Console, model: Mixture, *, brief: bool) -> None:
    """Print weights, means, standard deviations, and correlations unless all are 0 or the output is brief."""
    names = [printable(name) for name in feature_names(model)]
    inside = correlations(model)
    correlated = bool((inside != np.eye(model.n_features)).any()) and not brief
    few = model.n_features <= _FEW_FEATURES
    console.print()
    lines = [*_moments(model, names), *(_pairs(names, inside) if correlated and few else ())]
    _grid(console, "component", [str(k) for k in range(model.n_components)], lines)
    if correlated and not few:
        _matrices(console, names, inside)


def _moments(model: Mixture, names: Sequence[str]) -> list[_Line]:
    """Return the lines of weights, means and standard deviations; the numbers of a line have the same decimals.

    The decimals show three digits of the median standard deviation of the feature.
    """
    sds = standard_deviations(model)
    scales = np.median(sds, axis=0)
    return [
        _Line("weight", _numbers(model.weights, 0.1)),
        _Line("mean"),
        *(
            _Line(f"  {name}", [_format(scale, float(np.abs([mean, sd]).max()))(value) for value in mean])
            for name, scale, mean, sd in zip(names, scales, model.means.T, sds.T, strict=True)
        ),
        _Line("standard deviation"),
        *(
            _Line(f"  {name}", _numbers(sd, scale, float(np.abs(mean).max())))
            for name, scale, mean, sd in zip(names, scales, model.means.T, sds.T, strict=True)
        ),
    ]


def _numbers(values: Floats, scale: float, largest: float = 0.0) -> list[str]:
    """Return positive numbers with three digits of `scale`; of the smallest of them, where it would look like zero."""
    top, smallest = max(largest, float(values.max())), float(values.min())
    texts = [_format(scale, top)(value) for value in values]
    if smallest > 0 and not all(float(text) for text in texts):
        texts = [_format(smallest, top)(value) for value in values]
    return texts if smallest <= 0 or all(float(text) for text in texts) else [f"{value:.3e}" for value in values]


def _pairs(names: Sequence[str], inside: Floats) -> list[_Line]:
    """Return the lines of the correlations: a line for each pair of features."""
    pairs = [(i, j) for j in range(len(names)) for i in range(j)]
    cells = [[_correlation(value) for value in inside[:, i, j]] for i, j in pairs]
    labels = [f"  {names[i]}, {names[j]}" for i, j in pairs]
    return [_Line("correlation"), *map(_Line, labels, cells)]


def _matrices(console: Console, names: Sequence[str], inside: Floats) -> None:
    """Print correlations as lower triangles: one for each component, or one where all components have the same."""
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
    """Print lines under headers; columns that do not fit into the width are printed in further panels below."""
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
        _print_grid(console, grid)


def _print_grid(console: Console, grid: Grid) -> None:
    """Print a grid, in a file without blanks at the ends of lines."""
    if console.is_terminal:
        console.print(grid)
        return
    with console.capture() as captured:
        console.print(grid)
    _say(console, "\n".join(line.rstrip() for line in captured.get().splitlines()))


def _panels(widths: Sequence[int], room: int) -> list[list[int]]:
    """Return the indices of the columns of each panel: as few panels as the width allows, with about equal numbers."""
    columns = np.arange(len(widths))
    for n_panels in range(1, len(widths)):
        panels = [panel.tolist() for panel in np.array_split(columns, n_panels)]
        if all(sum(widths[c] + _GAP for c in panel) <= room for panel in panels):
            return panels
    return [[c] for c in range(len(widths))]


def _format(scale: float, largest: float) -> Callable[[float], str]:
    """Return a format for numbers of at most `largest`, with decimals that show three digits of `scale`."""
    decimals = max(0, 2 - math.floor(math.log10(scale)))
    if largest < _SMALL or (largest >= _LARGE and not decimals):
        return "{:.3e}".format
    return partial(_decimal, decimals=min(decimals, _MOST_DECIMALS))


def _decimal(value: float, decimals: int) -> str:
    """Return a number with so many decimals, and without a minus before a zero."""
    return f"{round(value, decimals) + 0.0:.{decimals}f}"


def _correlation(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # no minus before a zero


def stream(*, stderr: bool = False) -> Console:
    """Return the console that prints on stdout or stderr, without the markup that names of columns may imitate."""
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)


def _say(console: Console, sentence: str | Text) -> None:
    """Print a sentence: wrapped at words in a terminal, else in one line."""
    console.print(sentence, soft_wrap=not console.is_terminal)


def _components(count: int) -> str:
    return f"{count} component{'s'[: count != 1]}"


def candidate_name(candidate: Candidate) -> str:
    """Return the structure and the number of components of a model, as ``tied, 3 components``."""
    return f"{candidate.structure_name}, {_components(candidate.n_components)}"


def _features(console: Console, before: str, names: Sequence[str]) -> None:
    """Print the number of features and their names, in lines of the width of the terminal."""
    line = f"{before}, {len(names)} feature{'s'[: len(names) != 1]}: {printable(', '.join(names))}"
    console.print(Text(line), soft_wrap=len(names) <= _FEW_FEATURES)
