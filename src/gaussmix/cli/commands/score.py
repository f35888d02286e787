"""The command `gaussmix score` and its options."""

from typing import Annotated

import typer

from gaussmix.cli.app import app
from gaussmix.cli.options import (
    Append,
    Decimal,
    DropMissing,
    Encoding,
    File,
    Force,
    Header,
    Json,
    Keep,
    Model,
    ModelColumns,
    Na,
    Out,
    Quiet,
    Separator,
    Skip,
    Strict,
    Strip,
    Weights,
    format_from,
    switch,
)

__all__ = ["score"]


@app.command()
def score(  # noqa: PLR0913 - the options of the command
    model: Model,
    file: File,
    *,
    columns: ModelColumns = None,
    weights: Weights = None,
    drop_missing: DropMissing = False,
    per_row: Annotated[bool, switch("--per-row", says="Write the log-density of each row.")] = False,
    separator: Separator = None,
    decimal: Decimal = None,
    na: Na = None,
    strip: Strip = None,
    encoding: Encoding = None,
    header: Header = None,
    skip: Skip = None,
    strict: Strict = False,
    keep: Keep = None,
    append: Append = False,
    out: Out = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Print the log-densities of rows under a model, in nats: their mean and sum, or each."""
    from gaussmix.cli import outputs, scoring, tables  # noqa: PLC0415 - numpy and polars come with them

    for option, given in (("--out", out), ("--keep", keep), ("--append", append)):
        if given and not per_row:
            raise typer.BadParameter("it is for --per-row; the summary goes to stdout.", param_hint=f"'{option}'")
    if json and per_row:
        raise typer.BadParameter("it prints the summary; --per-row writes a table.", param_hint="'--json'")
    written = format_from(
        separator=separator,
        decimal=decimal,
        na=na,
        strip=strip,
        encoding=encoding,
        header=header,
        skip=skip,
    )
    missing = tables.Missing.DROP if drop_missing else tables.Missing.REFUSE
    selection = tables.Selection(columns, weights, missing, strict, written)
    if per_row:
        beside = outputs.Beside(keep, append=append)
        scoring.score_rows(model, file, selection, outputs.Target(out, force), beside, quiet=quiet)
    else:
        scoring.score(model, file, selection, as_json=json, quiet=quiet)
