"""The command `gaussmix predict` and its options."""

from gaussmix.cli.options import (
    File,
    Model,
    ModelColumns,
    Quiet,
    Reading,
    Results,
    command,
)

__all__ = ["predict"]


@command
def predict(
    model: Model,
    file: File,
    *,
    columns: ModelColumns = None,
    reading: Reading,
    results: Results,
    quiet: Quiet = False,
) -> None:
    """Give each row its most probable component, and the probability of every component."""
    from gaussmix.cli import predicting  # noqa: PLC0415 - numpy and polars come with them

    predicting.predict(model, file, reading.select(columns), results.target, results.beside, quiet=quiet)
