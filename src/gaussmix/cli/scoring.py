"""The work of `gaussmix score`."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import typer

from gaussmix._types import Floats
from gaussmix.cli import console, json_output, outputs
from gaussmix.cli.models import load_model
from gaussmix.cli.outputs import Beside, Target
from gaussmix.cli.tables import Selection, Table, read_for

__all__ = ["score", "score_rows"]


@dataclass(frozen=True, eq=False)
class _Score:
    """Log-densities of rows ``(n,)``, in nats, and the weights of the rows."""

    log_densities: Floats
    weights: Floats | None

    @property
    def weight(self) -> float:
        return float(len(self.log_densities) if self.weights is None else self.weights.sum())

    @property
    def log_likelihood(self) -> float:
        with np.errstate(over="ignore"):  # of rows far beyond all components, the log-densities sum to minus infinity
            return float(self.log_densities.sum() if self.weights is None else self.weights @ self.log_densities)

    @property
    def record(self) -> json_output.Record:
        return {
            "rows": len(self.log_densities),
            "weight": self.weight,
            "mean_log_density": self.log_likelihood / self.weight,
            "log_likelihood": self.log_likelihood,
        }

    def print(self) -> None:
        typer.echo(f"rows              {len(self.log_densities)}")
        if self.weights is not None:
            typer.echo(f"total weight      {self.weight:g}")
        typer.echo(f"mean log-density  {self.log_likelihood / self.weight:.6f} nats per row")
        typer.echo(f"log-likelihood    {self.log_likelihood:.4f} nats")


def score(model: Path, file: str, selection: Selection, *, as_json: bool, quiet: bool) -> None:
    """Print the mean and the sum of the log-densities of rows."""
    table, log_densities = _log_densities(model, file, selection, quiet=quiet)
    scored = _Score(log_densities, table.weights)
    if as_json:
        outputs.print_json(scored.record)
    else:
        scored.print()


def score_rows(model: Path, file: str, selection: Selection, target: Target, beside: Beside, *, quiet: bool) -> None:
    """Write a table with ``log_density`` of each row."""
    target.check_table(file)
    beside.check()
    table, log_densities = _log_densities(model, file, selection, quiet=quiet)
    target.write_table(beside.join(table, pl.DataFrame({"log_density": log_densities})))


def _log_densities(model: Path, file: str, selection: Selection, *, quiet: bool) -> tuple[Table, Floats]:
    mixture = load_model(model, file)
    table = read_for(mixture, file, selection)
    console.print_reading(table, quiet=quiet)
    return table, mixture.logpdf(table.rows)
