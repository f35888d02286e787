"""The command `gaussmix score` and its options."""

from typing import Annotated

import typer

from gaussmix.cli.options import (
    File,
    Json,
    Model,
    ModelColumns,
    Quiet,
    Reading,
    Results,
    Weights,
    command,
    switch,
)

__all__ = ["score"]


@command
def score(
    model: Model,
    file: File,
    *,
    columns: ModelColumns = None,
    weights: Weights = None,
    reading: Reading,
    per_row: Annotated[bool, switch("--per-row", says="Write the log-density of each row.")] = False,
    results: Results,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the log-densities of rows under a model, in nats: their mean and sum, or each."""
    from gaussmix.cli import scoring  # noqa: PLC0415 - numpy and polars come with them

    for option, given in (("--out", results.out), ("--keep", results.keep), ("--append", results.append)):
        if given and not per_row:
            raise typer.BadParameter("it is for --per-row; the summary goes to stdout.", param_hint=f"'{option}'")
    if json and per_row:
        raise typer.BadParameter("it prints the summary; --per-row writes a table.", param_hint="'--json'")
    selection = reading.select(columns, weights)
    if per_row:
        scoring.score_rows(model, file, selection, results.target, results.beside, quiet=quiet)
    else:
        scoring.score(model, file, selection, as_json=json, quiet=quiet)
