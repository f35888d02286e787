"""The commands on a model file: `gaussmix predict`, `score`, `sample` and `show`."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import typer

from gaussmix._types import Floats
from gaussmix.cli import console, json_output, outputs
from gaussmix.cli.errors import CommandError
from gaussmix.cli.outputs import Target
from gaussmix.cli.tables import Selection, read_for
from gaussmix.mixture import Mixture
from gaussmix.persist import ModelFileError, load

__all__ = ["predict", "sample", "score", "show_model"]


def predict(model: Path, file: Path, selection: Selection, target: Target) -> None:
    """Write a table with ``component`` and the probabilities ``p0``, ``p1``, ... of each row."""
    target.check_table()
    mixture = _mixture(model)
    table = read_for(mixture, file, selection)
    console.print_warnings(table.notes)
    resp = mixture.responsibilities(table.rows)
    probabilities = {f"p{k}": resp[:, k] for k in range(mixture.n_components)}
    target.write_table(pl.DataFrame({"component": resp.argmax(axis=1), **probabilities}))


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


def score(model: Path, file: Path, selection: Selection, target: Target, *, per_row: bool, as_json: bool) -> None:
    """Print the mean and the sum of the log-densities of rows, or write a table of ``log_density``."""
    target.check_table()
    mixture = _mixture(model)
    table = read_for(mixture, file, selection)
    console.print_warnings(table.notes)
    scored = _Score(mixture.logpdf(table.rows), table.weights)
    if per_row:
        target.write_table(pl.DataFrame({"log_density": scored.log_densities}))
    elif as_json:
        outputs.print_json(scored.record)
    else:
        scored.print()


def sample(model: Path, n_samples: int, seed: int | None, target: Target) -> None:
    """Write a table of new rows, each with the component that it was drawn from."""
    target.check_table()
    mixture = _mixture(model)
    rows, labels = mixture.sample(n_samples, random_state=seed, return_components=True)
    names = json_output.feature_names(mixture)
    last = "component"
    while last in names:
        last += "_"
    target.write_table(pl.from_numpy(rows, schema=list(names), orient="row").with_columns(pl.Series(last, labels)))


def show_model(model: Path, *, as_json: bool) -> None:
    """Print a model's parameters."""
    mixture = _mixture(model)
    if as_json:
        outputs.print_json(json_output.mixture_record(mixture))
    else:
        console.print_mixture(mixture)


def _mixture(model: Path) -> Mixture:
    try:
        return load(model)
    except ModelFileError as error:
        raise CommandError(str(error)) from error
