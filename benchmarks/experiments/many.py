"""Many components: truncated EM of a million rows, from rows to labels.

With 1 000 components, dense EM is measured too, from the same start; with 10 000 components it would take an hour.
Log-likelihoods are exact: all rows are evaluated under all components.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from benchmarks.experiments.experiment import Experiment
from benchmarks.measure import measure_peak, measure_time
from benchmarks.tables import Column, digits, megabytes
from benchmarks.workloads import Array, Workload
from gaussmix import GaussianMixture, Mixture
from gaussmix.em.m_step import MStep
from gaussmix.initialization import relative_ridge
from gaussmix.initialization.two_level_kmeans import start_from_two_levels
from gaussmix.sources import ArraySource
from gaussmix.structures import named

# Rows of the first fit, which loads and compiles; it has ten rows for each component.
WARM = 2_000


@dataclass(frozen=True)
class Case:
    """A workload, the algorithm, and whether the fit begins from the start of truncated EM that is made beforehand."""

    workload: Workload
    algorithm: str
    same_start: bool

    def __str__(self) -> str:
        return f"{self.workload.shape}, {self.algorithm}"


@dataclass(frozen=True)
class Many:
    """Seconds from rows to labels, MB above the rows, passes over the rows, and mean log-likelihood of a row."""

    case: str
    seconds: float
    peak: float | None
    passes: float
    log_likelihood: float


def start(rows: Array, n_components: int) -> Mixture:
    """Return the default start of truncated EM."""
    source = ArraySource(rows)
    m_step = MStep(named("diag"), relative_ridge(source))
    return start_from_two_levels(source, n_components, m_step, np.random.default_rng(0))


def measure(case: Case) -> Many:
    """Measure a fit, including the labels of the rows."""
    rows, _ = case.workload.draw()
    options = {"covariance_type": "diag", "algorithm": case.algorithm, "random_state": 0}
    n_components = case.workload.n_components
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of thousands of components, some always have few rows
        GaussianMixture(WARM // 10, **options).fit_predict(rows[:WARM])
        begin = {"init_params": start(rows, n_components)} if case.same_start else {}
        model = GaussianMixture(n_components, **begin, **options)
        peak, (seconds, _) = measure_peak(lambda: measure_time(lambda: model.fit_predict(rows)))
    return Many(str(case), seconds, peak, float(model.n_passes_), float(model.log_likelihood_))


def case(n_components: int, algorithm: str, *, same_start: bool) -> Case:
    """Return a case with a million rows."""
    return Case(Workload("diag", 1_000_000, 16, n_components, "separated"), algorithm, same_start)


EXPERIMENT = Experiment(
    "Very many components, from rows to labels",
    (
        case(1_000, "truncated", same_start=True),
        case(1_000, "em", same_start=True),
        case(10_000, "truncated", same_start=False),
    ),
    measure,
    Many,
    [
        Column("(n, D, K)", lambda record: record.case),
        Column("seconds", lambda record: digits(record.seconds)),
        Column("MB above the rows", lambda record: megabytes(record.peak)),
        Column("passes", lambda record: f"{record.passes:.1f}"),
        Column("log-likelihood, nats per row", lambda record: f"{record.log_likelihood:.4f}"),
    ],
)
