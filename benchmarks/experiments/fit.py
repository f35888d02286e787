"""The default fit, from rows to a model, of gaussmix and of scikit-learn.

``GaussianMixture(K).fit(rows)`` of each library uses its own starts and its own stopping rule. A small fit runs first,
so that libraries are loaded and kernels are compiled. The same function computes both log-likelihoods, in float64, over
all rows.
"""

import statistics
import warnings
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

from benchmarks.experiments.experiment import Experiment
from benchmarks.measure import log_likelihood, measure_time
from benchmarks.tables import Column, digits, seconds_and_ratio
from benchmarks.workloads import DATA, SHAPES, Parameters, Workload

COUNTED = {"gaussmix": "n_passes_", "sklearn.mixture": "n_iter_"}
# Rows of the first fit, which loads libraries and kernels.
WARM = 20_000
# Timed fits of each library.
TURNS = 3


@dataclass(frozen=True)
class Case:
    """A workload, and the seed of the fit."""

    workload: Workload
    seed: int

    def __str__(self) -> str:
        return f"{self.workload}, seed {self.seed}"


@dataclass(frozen=True)
class Fits:
    """Seconds, mean log-likelihood of a row, and passes over the rows, of each library, gaussmix first."""

    case: str
    seconds: tuple[tuple[float, ...], ...]
    log_likelihood: tuple[float, ...]
    passes: tuple[int, ...]


def measure(case: Case, turns: int = TURNS) -> Fits:
    """Measure fits of the libraries in turn, all with the same seed, after a small fit of each library."""
    rows, _ = case.workload.draw()
    n_components = case.workload.n_components
    models = [import_module(module).GaussianMixture(n_components, random_state=case.seed) for module in COUNTED]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the fit of scikit-learn may reach its largest number of iterations
        for model in models:
            model.fit(rows[:WARM])
        seconds = [[measure_time(partial(model.fit, rows))[0] for model in models] for _ in range(turns)]
    return Fits(
        str(case),
        tuple(zip(*seconds, strict=True)),
        tuple(log_likelihood(case.workload, parameters(model), rows) for model in models),
        tuple(int(getattr(model, counted)) for model, counted in zip(models, COUNTED.values(), strict=True)),
    )


def parameters(model: Any) -> Parameters:  # noqa: ANN401 - of either library
    """Return the fitted parameters of a model."""
    return Parameters(model.weights_, model.means_, model.covariances_)


EXPERIMENT = Experiment(
    "Seconds of the default fit (times as long as gaussmix), its log-likelihood in nats per row, and its passes",
    tuple(Case(replace(SHAPES[0], data=data), seed) for data in DATA for seed in (0, 1)),
    measure,
    Fits,
    [
        Column("data", lambda record: record.case),
        Column("gaussmix", lambda record: digits(statistics.median(record.seconds[0]))),
        Column("scikit-learn", lambda record: seconds_and_ratio(record.seconds[1], record.seconds[0])),
        Column("nats, gaussmix", lambda record: f"{record.log_likelihood[0]:.4f}"),
        Column("less scikit-learn", lambda record: f"{record.log_likelihood[0] - record.log_likelihood[1]:+.4f}"),
        Column("passes, gaussmix", lambda record: str(record.passes[0])),
        Column("passes, scikit-learn", lambda record: str(record.passes[1])),
    ],
)
