"""What is gained by leaving out what cannot matter: one pass over separated data in three ways, in turn.

- *All pairs*: each row meets each component and adds to its moments, however small its responsibility is.
- *Not screened*: each row meets each component, and adds to the moments of those to which it matters.
- *Screened*: gaussmix's own pass. Pairs that a bound proves negligible are not computed.

All three see the same rows under the same mixture, the truth, in the same blocks and threads. There is no option for
the first two, as nobody would want them: other copies of the compiled kernels are loaded, in which the fewest features
that are screened are more than there are, or also the threshold for responsibilities is the smallest number there is,
and nothing else is changed.

Beside them is a pass over *overlapping data* of the same size, where nothing can be skipped. With up to 32 features
distances are computed in a quicker way there, which would lose digits where components are as narrow as in separated
data: no pass of gaussmix over all pairs is faster than that.
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
from benchmarks.measure import timed
from benchmarks.tables import Column, beside, digits, exponent
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
    """Seconds of each pass, and what became of them.

    Attributes
    ----------
    case : str
        The workload.
    seconds : tuple of tuple of float
        Of all pairs, not screened, screened, and of overlapping data, taken in turn.
    skipped : float
        Share of pairs that were not looked at.
    difference : float
        The largest difference between log-likelihoods of the first three, in nats per row.
    """

    case: str
    seconds: tuple[tuple[float, ...], ...]
    skipped: float
    difference: float


def copied(constants: dict[str, dict[str, float]]) -> Expect:
    """`expect` of another copy of the kernels, in some of whose modules constants are others; not kept on disk."""
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
    """One pass over all rows like that of a step of EM."""

    expect: Expect
    source: ArraySource
    mixture: Mixture

    def run(self) -> tuple[float, float]:
        """The log-likelihood and the share of pairs skipped."""
        found = list(side_by_side(self.block, list(self.source.spans(self.mixture.n_components))))
        n_pairs = self.source.n_rows * self.mixture.n_components
        return sum(one.log_likelihood for one in found), sum(one.skipped for one in found) / n_pairs

    def block(self, span: slice) -> Statistics:
        """Statistics of one block."""
        rows = self.source.rows[span]
        return self.expect(self.mixture, rows, np.ones(len(rows)), FULL)


def problem(workload: Workload) -> tuple[ArraySource, Mixture]:
    """The rows, and where EM starts."""
    rows, start = workload.draw()
    return ArraySource(rows), Mixture(start.weights, start.means, Full.from_covariances(start.covariances))


def measure(workload: Workload, turns: int = TURNS) -> Screening:
    """Passes in turn, after one of each that is not counted, in which kernels are compiled."""
    apart, overlapping = problem(workload), problem(replace(workload, data="overlapping"))
    expects = copied(NO_THRESHOLD | NO_SCREEN), copied(NO_SCREEN), fused.expect
    ways = [*(Way(expect, *apart) for expect in expects), Way(fused.expect, *overlapping)]
    log_likelihoods, skipped = zip(*(way.run() for way in ways), strict=True)
    seconds = [[timed(way.run)[0] for way in ways] for _ in range(turns)]
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
        Column("(n, D, K)", lambda one: one.case),
        Column("screened", lambda one: digits(statistics.median(one.seconds[2]))),
        Column("not screened", lambda one: beside(one.seconds[1], one.seconds[2])),
        Column("all pairs", lambda one: beside(one.seconds[0], one.seconds[2])),
        Column("overlapping data", lambda one: beside(one.seconds[3], one.seconds[2])),
        Column("pairs skipped", lambda one: f"{one.skipped:.1%}"),
        Column("difference, nats per row", lambda one: exponent(one.difference)),
    ],
)
