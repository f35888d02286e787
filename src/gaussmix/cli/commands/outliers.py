"""The command `gaussmix outliers` and its options."""

from typing import Annotated

import typer

from gaussmix.cli.options import (
    Columns,
    Components,
    File,
    Quiet,
    Reading,
    Results,
    Weights,
    command,
    numbers_of_components,
)

__all__ = ["outliers"]


@command
def outliers(
    file: File,
    *,
    columns: Columns = None,
    components: Components = "1:9",
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
    reading: Reading,
    results: Results,
    quiet: Quiet = False,
) -> None:
    """Flag the rows where the density of a fitted mixture is low."""
    from gaussmix.cli import detecting  # noqa: PLC0415 - numpy and polars come with them

    if threshold is not None and contamination is not None:
        raise typer.BadParameter("give it or --threshold, not both.", param_hint="'--contamination'")
    detector = detecting.detector(numbers_of_components(components), threshold, contamination, seed)
    detecting.flag(file, reading.select(columns, weights), detector, results.target, results.beside, quiet=quiet)
