"""Very many components: truncated EM of a million rows, from rows to labels.

With 1 000 components dense EM goes beside it from the same start; with 10 000 that would take an hour. Log-likelihoods
are exact ones, of all rows under all components.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from benchmarks.experiments.experiment import Experiment
from benchmarks.measure import timed, with_peak
from benchmarks.tables import Column, digits, megabytes
from benchmarks.workloads import Array, Workload
from gaussmix import GaussianMixture, Mixture
from gaussmix.em.m_step import MStep
from gaussmix.initialization import relative_ridge
from gaussmix.initialization.two_level_kmeans import start_from_two_levels
from gaussmix.sources import ArraySource
from gaussmix.structures import named

WARM = 2_000  # rows and a tenth as many components, in a fit that loads and compiles


@dataclass(frozen=True)
class Case:
    """A workload and whether dense EM goes from the same start."""

    workload: Workload
    algorithm: str
    same_start: bool

    def __str__(self) -> str:
        return f"{self.workload.shape}, {self.algorithm}"


@dataclass(frozen=True)
class Many:
    """Seconds from rows to labels, MB above the rows, passes over the rows, log-likelihood of a row on average."""

    case: str
    seconds: float
    peak: float | None
    passes: float
    log_likelihood: float


def start(rows: Array, n_components: int) -> Mixture:
    """The mixture that truncated EM would begin with by itself."""
    source = ArraySource(rows)
    m_step = MStep(named("diag"), relative_ridge(source))
    return start_from_two_levels(source, n_components, m_step, np.random.default_rng(0))


def measure(case: Case) -> Many:
    """One fit, its labels included."""
    rows, _ = case.workload.draw()
    options = {"covariance_type": "diag", "algorithm": case.algorithm, "random_state": 0}
    n_components = case.workload.n_components
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some components of thousands always end on a few rows
        GaussianMixture(WARM // 10, **options).fit_predict(rows[:WARM])
        begin = {"init_params": start(rows, n_components)} if case.same_start else {}
        model = GaussianMixture(n_components, **begin, **options)
        peak, (seconds, _) = with_peak(lambda: timed(lambda: model.fit_predict(rows)))
    return Many(str(case), seconds, peak, float(model.n_passes_), float(model.log_likelihood_))


def case(n_components: int, algorithm: str, *, same_start: bool) -> Case:
    """A million rows."""
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
        Column("(n, D, K)", lambda one: one.case),
        Column("seconds", lambda one: digits(one.seconds)),
        Column("MB above the rows", lambda one: megabytes(one.peak)),
        Column("passes", lambda one: f"{one.passes:.1f}"),
        Column("log-likelihood, nats per row", lambda one: f"{one.log_likelihood:.4f}"),
    ],
)
