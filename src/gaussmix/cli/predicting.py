"""The work of `gaussmix predict`."""

from pathlib import Path

import polars as pl

from gaussmix.cli import console
from gaussmix.cli.models import load_model
from gaussmix.cli.outputs import Beside, Target
from gaussmix.cli.tables import Selection, read_for

__all__ = ["predict"]


def predict(model: Path, file: str, selection: Selection, target: Target, beside: Beside, *, quiet: bool) -> None:
    """Write a table with ``component`` and the probabilities ``p0``, ``p1``, ... of each row."""
    target.check_table(file)
    beside.check()
    mixture = load_model(model, file)
    table = read_for(mixture, file, selection)
    console.print_reading(table, quiet=quiet)
    resp = mixture.responsibilities(table.rows)
    probabilities = {f"p{k}": resp[:, k] for k in range(mixture.n_components)}
    results = pl.DataFrame({"component": resp.argmax(axis=1), **probabilities})
    target.write_table(beside.join(table, results))
