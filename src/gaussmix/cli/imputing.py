"""The work of `gaussmix impute`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gaussmix._types import Floats
from gaussmix.cli import console
from gaussmix.cli.models import load_model
from gaussmix.cli.outputs import Beside, Target
from gaussmix.cli.tables import Selection, Table, read_for
from gaussmix.cli.tables.rows import count_holes, list_holes
from gaussmix.density.imputation import Method
from gaussmix.mixture import Mixture

__all__ = ["Filling", "impute"]

_WORDS: dict[Method, str] = {"mean": "expected values", "mode": "most probable values", "sample": "draws"}


@dataclass(frozen=True)
class Filling:
    """The options that say what to fill in.

    Attributes
    ----------
    method : {"mean", "mode", "sample"}
    n_draws : int or None
        Number of filled tables; None for one table without a column that counts them.
    seed : int or None
        Seed of the draws.
    """

    method: Method
    n_draws: int | None
    seed: int | None

    def fill(self, mixture: Mixture, table: Table) -> Floats:
        """Return filled tables ``(n_draws, n, D)``, or one table as ``(1, n, D)``."""
        filled = mixture.impute(table.rows, self.method, n_draws=self.n_draws, random_state=self.seed)
        return filled if self.n_draws is not None else filled[None]


def impute(
    model: Path, file: str, selection: Selection, filling: Filling, target: Target, beside: Beside, *, quiet: bool
) -> None:
    """Write a table with values in place of missing values."""
    target.check_table(file)
    beside.check()
    mixture = load_model(model, file)
    table = read_for(mixture, file, selection)
    console.print_reading(table, quiet=quiet)
    frames = [_frame(table, rows, beside) for rows in filling.fill(mixture, table)]
    if not quiet:
        console.print_note(_note(table, filling.method))
    target.write_table(frames[0] if filling.n_draws is None else _stack(frames))


def _frame(table: Table, rows: Floats, beside: Beside) -> pl.DataFrame:
    """Return the filled columns behind the columns that are kept, or in their places among all columns."""
    filled = pl.from_numpy(np.asarray(rows), schema=list(table.names), orient="row")
    if not beside.append:
        return beside.join(table, filled)
    return table.raw.original.with_columns(filled.select(list(count_holes(table.frame))))


def _stack(frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Return filled tables one below the other, with a first column that counts them from 1."""
    name = "draw"
    while name in frames[0].columns:
        name += "_"
    counted = [frame.select(pl.lit(i).alias(name), pl.all()) for i, frame in enumerate(frames, start=1)]
    return pl.concat(counted)


def _note(table: Table, method: Method) -> str:
    """Return a sentence on the values that were filled in."""
    counts = count_holes(table.frame)
    if not counts:
        return "No value is missing: the rows are written as they are."
    total = sum(counts.values())
    values = "1 missing value is" if total == 1 else f"{total} missing values are"
    return f"{values} filled in by {_WORDS[method]}: {list_holes(counts)}."
