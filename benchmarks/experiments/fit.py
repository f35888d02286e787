"""The whole default fit, from rows to a model, beside scikit-learn's.

``GaussianMixture(K).fit(rows)`` of either library, each with its own starts and its own rule to stop by. A small fit
comes first, so that libraries are loaded and kernels compiled. Both log-likelihoods are computed by the same function,
in float64, over all rows.
"""

import statistics
import warnings
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.experiments.experiment import Experiment
from benchmarks.measure import log_likelihood, timed
from benchmarks.tables import Column, beside, digits
from benchmarks.workloads import DATA, SHAPES, Parameters, Workload

COUNTED = {"gaussmix": "n_passes_", "sklearn.mixture": "n_iter_"}
WARM = 20_000  # rows
TURNS = 3


@dataclass(frozen=True)
class Case:
    """A workload and a seed of the fit."""

    workload: Workload
    seed: int

    def __str__(self) -> str:
        return f"{self.workload}, seed {self.seed}"


@dataclass(frozen=True)
class Fits:
    """Of either library, ours first: seconds, log-likelihood of a row on average, and passes over the rows."""

    case: str
    seconds: tuple[tuple[float, ...], ...]
    log_likelihood: tuple[float, ...]
    passes: tuple[int, ...]


def measure(case: Case, turns: int = TURNS) -> Fits:
    """Fits in turn, which are the same each time, after a small one of each."""
    rows, _ = case.workload.draw()
    n_components = case.workload.n_components
    models = [import_module(module).GaussianMixture(n_components, random_state=case.seed) for module in COUNTED]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn's may stop at its largest number of iterations
        for model in models:
            model.fit(rows[:WARM])
        seconds = [[timed(partial(model.fit, rows))[0] for model in models] for _ in range(turns)]
    return Fits(
        str(case),
        tuple(zip(*seconds, strict=True)),
        tuple(log_likelihood(case.workload, parameters(model), rows) for model in models),
        tuple(int(getattr(model, counted)) for model, counted in zip(models, COUNTED.values(), strict=True)),
    )


def parameters(model: Any) -> Parameters:  # noqa: ANN401 - of either library
    """What a model was fitted to be."""
    return Parameters(model.weights_, model.means_, model.covariances_)


EXPERIMENT = Experiment(
    "Seconds of the default fit (times as long as gaussmix), its log-likelihood in nats per row, and its passes",
    tuple(Case(replace(SHAPES[0], data=data), seed) for data in DATA for seed in (0, 1)),
    measure,
    Fits,
    [
        Column("data", lambda one: one.case),
        Column("gaussmix", lambda one: digits(statistics.median(one.seconds[0]))),
        Column("scikit-learn", lambda one: beside(one.seconds[1], one.seconds[0])),
        Column("nats, gaussmix", lambda one: f"{one.log_likelihood[0]:.4f}"),
        Column("less scikit-learn", lambda one: f"{one.log_likelihood[0] - one.log_likelihood[1]:+.4f}"),
        Column("passes, gaussmix", lambda one: str(one.passes[0])),
        Column("passes, scikit-learn", lambda one: str(one.passes[1])),
    ],
)
