"""The gain of skipping negligible pairs: passes over separated data by three methods, in turn.

- *All pairs*: each row is evaluated under each component and adds to its moments, even with a tiny responsibility.
- *Not screened*: each row is evaluated under each component, and adds to the moments if its responsibility is not
  negligible.
- *Screened*: the default pass of gaussmix. Pairs that a bound proves to be negligible are not computed.

All methods use the same rows, the same mixture (the true parameters), the same blocks and the same threads. The
library has no option for the first two methods. Modified copies of the compiled kernels are loaded for them. In both
copies, the least number of features for the screen is too large to be reached; in the copy for all pairs, the threshold
for responsibilities is the smallest normal float too.

A pass over *overlapping data* of the same size, in which no pair can be skipped, is measured too. With up to 32
features this pass computes distances by a faster method, which would lose digits with the narrow components of
separated data: no pass of gaussmix over all pairs is faster.
"""

import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
from numba import njit

from benchmarks.experiments.experiment import Experiment
from benchmarks.measure import measure_time
from benchmarks.tables import Column, digits, exponent, seconds_and_ratio
from benchmarks.workloads import Workload
from gaussmix import Mixture
from gaussmix._threads import side_by_side
from gaussmix.covariances import Full
from gaussmix.engines.fused import engine as fused
from gaussmix.moments import FULL
from gaussmix.sources import ArraySource
from gaussmix.statistics import Statistics

Expect = Callable[..., Statistics]

KERNELS = "gaussmix.engines.fused"
NO_THRESHOLD = {"_functions": {"NEGLIGIBLE": sys.float_info.min}}
NO_SCREEN = {"screening": {"_FEWEST_FEATURES": 1_000}}
TURNS = 7
SIZES = ((200_000, 16, 32), (50_000, 16, 512), (100_000, 64, 16))


@dataclass(frozen=True)
class Screening:
    """Seconds of each pass, the share of skipped pairs, and the difference of the log-likelihoods.

    Attributes
    ----------
    case : str
        The workload.
    seconds : tuple of tuple of float
        Seconds for all pairs, not screened, screened, and overlapping data, measured in turn.
    skipped : float
        Share of the pairs that were skipped.
    difference : float
        Largest difference between the log-likelihoods of the first three passes, in nats per row.
    """

    case: str
    seconds: tuple[tuple[float, ...], ...]
    skipped: float
    difference: float


def copy_kernels(constants: dict[str, dict[str, float]]) -> Expect:
    """Return the function `expect` of a copy of the kernels with other constants; the copy is not cached on disk."""
    own = {name: module for name, module in sys.modules.items() if name.startswith(KERNELS)}
    for name in own:
        del sys.modules[name]
    try:
        functions: Any = import_module(f"{KERNELS}._functions")
        functions.kept_on_disk = njit(nogil=True)
        for module, values in constants.items():
            vars(import_module(f"{KERNELS}.{module}")).update(values)
        expect: Expect = import_module(f"{KERNELS}.engine").expect
    finally:
        sys.modules.update(own)
    return expect


@dataclass(frozen=True)
class Way:
    """A way to pass over all rows, as a step of EM does."""

    expect: Expect
    source: ArraySource
    mixture: Mixture

    def run(self) -> tuple[float, float]:
        """Return the log-likelihood and the share of skipped pairs."""
        blocks = list(side_by_side(self.block, list(self.source.spans(self.mixture.n_components))))
        n_pairs = self.source.n_rows * self.mixture.n_components
        return sum(block.log_likelihood for block in blocks), sum(block.skipped for block in blocks) / n_pairs

    def block(self, span: slice) -> Statistics:
        """Return the statistics of a block."""
        rows = self.source.rows[span]
        return self.expect(self.mixture, rows, np.ones(len(rows)), FULL)


def problem(workload: Workload) -> tuple[ArraySource, Mixture]:
    """Return the rows and the mixture at which EM starts."""
    rows, start = workload.draw()
    return ArraySource(rows), Mixture(start.weights, start.means, Full.from_covariances(start.covariances))


def measure(workload: Workload, turns: int = TURNS) -> Screening:
    """Measure passes in turn, after an uncounted pass of each method, which compiles the kernels."""
    apart, overlapping = problem(workload), problem(replace(workload, data="overlapping"))
    expects = copy_kernels(NO_THRESHOLD | NO_SCREEN), copy_kernels(NO_SCREEN), fused.expect
    ways = [*(Way(expect, *apart) for expect in expects), Way(fused.expect, *overlapping)]
    log_likelihoods, skipped = zip(*(way.run() for way in ways), strict=True)
    seconds = [[measure_time(way.run)[0] for way in ways] for _ in range(turns)]
    return Screening(
        workload.shape,
        tuple(zip(*seconds, strict=True)),
        skipped[2],
        float(np.ptp(log_likelihoods[:3])) / workload.n_rows,
    )


EXPERIMENT = Experiment(
    "Seconds of one pass over separated data (times as long as the screened one)",
    tuple(Workload("full", n, d, k, "separated") for n, d, k in SIZES),
    measure,
    Screening,
    [
        Column("(n, D, K)", lambda record: record.case),
        Column("screened", lambda record: digits(statistics.median(record.seconds[2]))),
        Column("not screened", lambda record: seconds_and_ratio(record.seconds[1], record.seconds[2])),
        Column("all pairs", lambda record: seconds_and_ratio(record.seconds[0], record.seconds[2])),
        Column("overlapping data", lambda record: seconds_and_ratio(record.seconds[3], record.seconds[2])),
        Column("pairs skipped", lambda record: f"{record.skipped:.1%}"),
        Column("difference, nats per row", lambda record: exponent(record.difference)),
    ],
)
