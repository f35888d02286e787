"""The command `gaussmix sample` and its options."""

from typing import Annotated

import typer

from gaussmix.cli.options import Force, Model, Out, command, switch

__all__ = ["sample"]

_MOST_ROWS = 10**9
"""The largest number of rows that can be asked for: a thousand million rows fill the memory of most machines."""


@command
def sample(
    model: Model,
    *,
    n: Annotated[int, typer.Option("-n", "--n-samples", metavar="N", min=1, max=_MOST_ROWS, help="Number of rows.")],
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed.", show_default="new rows each time")
    ] = None,
    component: Annotated[
        bool, switch("--component", says="Also write the component that each row is drawn from.")
    ] = False,
    out: Out = None,
    force: Force = False,
) -> None:
    """Draw new rows from a model."""
    from gaussmix.cli import outputs, sampling  # noqa: PLC0415 - numpy and polars come with them

    sampling.sample(model, n, seed, outputs.Target(out, force), with_component=component)
