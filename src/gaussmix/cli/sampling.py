"""The work of `gaussmix sample`."""

from pathlib import Path

import polars as pl

from gaussmix.cli.json_output import feature_names
from gaussmix.cli.models import load_model
from gaussmix.cli.outputs import Target

__all__ = ["sample"]


def sample(model: Path, n_samples: int, seed: int | None, target: Target, *, with_component: bool) -> None:
    """Write a table of new rows, and the component that each row was drawn from if asked for."""
    target.check_table()
    mixture = load_model(model)
    rows, labels = mixture.sample(n_samples, random_state=seed, return_components=True)
    names = feature_names(mixture)
    frame = pl.from_numpy(rows, schema=list(names), orient="row")
    if with_component:
        last = "component"
        while last in names:
            last += "_"
        frame = frame.with_columns(pl.Series(last, labels))
    target.write_table(frame)
