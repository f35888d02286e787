"""The command `gaussmix outliers` and its options."""

from typing import Annotated

import typer

from gaussmix.cli.app import app
from gaussmix.cli.options import (
    Append,
    Columns,
    Decimal,
    DropMissing,
    Encoding,
    File,
    Force,
    Header,
    Keep,
    Na,
    Out,
    Quiet,
    Separator,
    Skip,
    Strict,
    Strip,
    Weights,
    format_from,
    numbers_of_components,
)

__all__ = ["outliers"]


@app.command()
def outliers(  # noqa: PLR0913 - the options of the command
    file: File,
    *,
    columns: Columns = None,
    components: Annotated[
        str, typer.Option(metavar="K", help="Numbers of components: 3, or 1:9 with both ends, or 2,4,8.")
    ] = "1:9",
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            min=1e-6,
            max=0.5,
            help="Probability that a new row from the same distribution is flagged.",
            show_default="0.01",
        ),
    ] = None,
    contamination: Annotated[
        float | None,
        typer.Option(metavar="P", min=0, max=0.5, help="Share of the rows to flag, in place of --threshold."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed.")] = 0,
    weights: Weights = None,
    drop_missing: DropMissing = False,
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
    quiet: Quiet = False,
) -> None:
    """Flag the rows where the density of a fitted mixture is low."""
    from gaussmix.cli import detecting, outputs, tables  # noqa: PLC0415 - numpy and polars come with them

    if threshold is not None and contamination is not None:
        raise typer.BadParameter("give it or --threshold, not both.", param_hint="'--contamination'")
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
    beside = outputs.Beside(keep, append=append)
    detector = detecting.detector(numbers_of_components(components), threshold, contamination, seed)
    detecting.flag(file, selection, detector, outputs.Target(out, force), beside, quiet=quiet)
