"""The command `gaussmix impute` and its options."""

from typing import Annotated

import typer

from gaussmix.cli.options import (
    WRITING,
    File,
    Force,
    Keep,
    Model,
    ModelColumns,
    Out,
    Quiet,
    Written,
    command,
    one_of,
    switch,
)

__all__ = ["impute"]

_METHODS = ("mean", "mode", "sample")
"""The values of ``--method``."""

_MOST_DRAWS = 10_000
"""The largest number of filled tables that can be asked for: a slip of the keyboard must not fill the disk."""


@command
def impute(  # noqa: PLR0913 - the options of the command
    model: Model,
    file: File,
    *,
    columns: ModelColumns = None,
    method: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Values to fill in: mean for expected values, mode for the most probable values, sample for draws.",
            autocompletion=lambda: list(_METHODS),
        ),
    ] = "mean",
    draws: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=_MOST_DRAWS,
            help="Write so many filled tables, one below the other, with a column draw; for --method sample.",
            show_default="one table without this column",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed of draws.", show_default="new draws each time"),
    ] = None,
    written: Written,
    keep: Keep = None,
    append: Annotated[
        bool,
        switch("--append", says="Write all columns of the table, with the filled columns in place.", panel=WRITING),
    ] = False,
    out: Out = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Fill in missing values, given the observed values of the same row."""
    from gaussmix.cli import imputing, outputs  # noqa: PLC0415 - numpy and polars come with them

    filling = imputing.Filling(one_of(_METHODS, method, "--method"), draws, seed)
    if draws is not None and filling.method != "sample":
        raise typer.BadParameter("it is for --method sample.", param_hint="'--draws'")
    target, beside = outputs.Target(out, force), outputs.Beside(keep, append=append)
    imputing.impute(model, file, written.select_to_fill(columns), filling, target, beside, quiet=quiet)
