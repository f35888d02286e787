"""What is measured besides iterations. A new one is a file of its own, and a place here."""

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
