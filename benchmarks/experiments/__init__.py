"""The experiments: measurements other than iterations. To add an experiment, write a file and add an entry here."""

from typing import Any

from benchmarks.experiments import fit, many, screening, startup
from benchmarks.experiments.experiment import Experiment

__all__ = ["EXPERIMENTS", "Experiment"]

EXPERIMENTS: dict[str, Experiment[Any]] = {
    "fit": fit.EXPERIMENT,
    "screening": screening.EXPERIMENT,
    "startup": startup.EXPERIMENT,
    "many": many.EXPERIMENT,
}
