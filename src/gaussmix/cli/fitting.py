"""The command `gaussmix fit`: read a table, search, write the model, and print the results."""

import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import polars as pl
import typer

from gaussmix.cli import console, json_output, outputs, progress
from gaussmix.cli.errors import INTERRUPTED, CommandError
from gaussmix.cli.json_output import FitReport
from gaussmix.cli.outputs import Target
from gaussmix.cli.tables import Selection, Table, read
from gaussmix.cli.tables.columns import as_option
from gaussmix.estimators.search import GaussianMixtureSearch
from gaussmix.estimators.validation import CHECKED
from gaussmix.selection import ALL, Search, Watch
from gaussmix.sources import Source
from gaussmix.weights import describe_shortfall

__all__ = ["CHECKED", "CommandSearch", "Shown", "fit"]

_WIDE_STRUCTURES = ("full", "tied", "diag", "spherical")
"""The structures for wide tables: the four of scikit-learn."""

_MOST_FEATURES = 20
"""The largest number of columns with which all structures are searched by default. With more columns a search through
all of them takes long, and most of the other structures need an iterative M-step."""

_FEWEST_ROWS = 3
"""The smallest number of rows of positive weight that a fit needs: two rows have no shape."""


_WORDS_OF_OPTIONS = (
    (", or set a smaller reg_covar", ""),  # the command has no such option
    ("reg_covar", "the ridge"),
    ("raise max_iter or tol", "raise --max-iter or --tol"),
)
"""Words of Python in the warnings of a search, and the words for them on the command line."""


class CommandSearch(GaussianMixtureSearch):
    """The search, with a progress bar on stderr; with no structures given, it chooses them by the number of columns."""

    def _progress(self, search: Search, total: int) -> AbstractContextManager[Watch]:
        return progress.show_progress(total, quiet=not self.verbose)

    def _notes_on_columns(self, source: Source) -> list[str]:
        return []  # the command has named constant columns before the search, with the option that leaves them out


@dataclass(frozen=True)
class Shown:
    """The form of the output: JSON, and without the table of all models, or without notes and progress."""

    as_json: bool
    brief: bool
    quiet: bool


def fit(file: str, selection: Selection, search: CommandSearch, target: Target, shown: Shown) -> None:
    """Read a file, search, write the chosen model to the target, and print the results.

    Raises
    ------
    CommandError
        If the file cannot be read or its rows cannot be fitted, or the model cannot be written.
    typer.Exit
        If Ctrl-C ended the search early, after the best model so far was written and printed.
    """
    target.check(file)
    table = read(file, selection)
    name = table.raw.name
    if table.n_rows < _FEWEST_ROWS:
        raise CommandError(f"{name}: a fit needs at least {_FEWEST_ROWS} rows, got {table.n_rows}.")
    console.print_reading(table, quiet=shown.quiet)
    notes = [*_shortfall(table, search), *_constant_columns(table)]
    console.print_warnings(notes)
    said = _run(name, table, search)
    report = FitReport(table, search, (*table.warnings, *notes, *said))
    target.write_model(report.mixture)
    report = replace(report, model=target.path)
    if shown.as_json:
        outputs.print_json(json_output.fit_record(report))
    else:
        console.print_fit(report, brief=shown.brief)
    console.print_warnings(said)
    if report.results.interrupted:
        raise typer.Exit(INTERRUPTED)


def _run(name: str, table: Table, search: CommandSearch) -> list[str]:
    """Fit the search to a table, and return its warnings in sentences."""
    if not search.structures:
        search.set_params(structures=ALL if len(table.names) <= _MOST_FEATURES else _WIDE_STRUCTURES)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            search.fit(table.frame, sample_weight=table.weights)
    except ValueError as error:
        raise CommandError(f"{name}: {error}") from error
    said = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    for warning in caught:
        if not issubclass(warning.category, UserWarning):  # none for the user of the command
            warnings.warn_explicit(str(warning.message), warning.category, warning.filename, warning.lineno)
    return [_in_words_of_options(sentence) for sentence in (*said, *search.results_.warnings)]


def _in_words_of_options(sentence: str) -> str:
    """Return a warning of the search with options in place of parameters."""
    for parameter, option in _WORDS_OF_OPTIONS:
        sentence = sentence.replace(parameter, option)
    return sentence


def _shortfall(table: Table, search: CommandSearch) -> list[str]:
    """Return a warning where the weights are said to be counts, and seem not to be."""
    if table.weights is None or search.weights_are != CHECKED:
        return []
    said = describe_shortfall(table.weights, "add --relative-weights")
    return [said] if said else []


def _constant(table: Table) -> dict[str, float]:
    """Return the constant columns of a table by name, with their values."""
    rows = table.positive_weight_rows.fill_nan(None)
    alike = rows.select(pl.all().min() == pl.all().max()).row(0)
    return {name: rows[name][0] for name, constant in zip(table.names, alike, strict=True) if constant}


def _constant_columns(table: Table) -> list[str]:
    """Return a warning for each constant column."""
    constant = _constant(table)
    others = [name for name in table.names if name not in constant]
    remedy = f"; leave it out, as with {as_option(others)}" if others else ""
    return [
        f"Column {name!r} is constant: every value is {value:.15g}. It cannot separate components{remedy}."
        for name, value in constant.items()
    ]
