"""One workload in a process of its own: all libraries in turn, from the same start, on the same rows."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.peers import PEERS, Fitted, Peer
from benchmarks.workloads import Array, Parameters, Workload
from gaussmix import Mixture
from gaussmix.covariances import FORMS

T = TypeVar("T")

SHORT = 1  # iterations; what a fit costs besides its iterations is in both lengths, and falls out of their difference
LONG, FEWEST = 32, 4  # iterations more: of quick libraries, and of slow ones, whose starts take as long and vary
FIRST = 3  # iterations of the fit whose memory and log-likelihood are taken; gaussmix extrapolates after more
TOO_LONG = 2.5  # times the patience, after which a fit is not repeated
SCORED = 50_000  # rows whose log-likelihood is compared
WARM = 20_000  # rows of the fit before all others, in which libraries load and compile; more for many components
ENOUGH = 100  # of them for each component


@dataclass(frozen=True)
class Measured:
    """What one library did with one workload: seconds per iteration, one for each repetition, and megabytes."""

    seconds: tuple[float, ...] = ()
    n_iter: int = 0
    peak: float | None = None
    log_likelihood: float = np.nan  # of a row, on average
    failure: str = ""

    @property
    def median(self) -> float:
        """Seconds per iteration."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Line:
    """A workload and what each library did with it."""

    workload: Workload
    measured: dict[str, Measured]

    @classmethod
    def loaded(cls, line: dict[str, Any]) -> "Line":
        """A line from what JSON has kept of it."""
        measured = {name: Measured(**values) for name, values in line["measured"].items()}
        return cls(Workload(**line["workload"]), measured)


@dataclass(frozen=True)
class Contestant:
    """A library at one workload."""

    peer: Peer
    workload: Workload
    rows: Array
    start: Parameters

    def fit(self, n_iter: int, n_rows: int | None = None) -> Fitted:
        """Some iterations from the start."""
        return self.peer.fit(self.rows[:n_rows], self.workload.covariance_type, self.start, n_iter)

    def first(self, patience: float) -> Measured:
        """Memory and log-likelihood of a first fit, and how many iterations take so many seconds."""
        self.fit(SHORT, max(WARM, ENOUGH * self.workload.n_components))
        peak, (seconds, fitted) = with_peak(lambda: timed(lambda: self.fit(FIRST)))
        n_iter = int(np.clip(patience * FIRST / seconds, FEWEST, LONG))
        return Measured((), n_iter, peak, log_likelihood(self.workload, fitted.parameters, self.rows[:SCORED]))

    def first_or_failure(self, patience: float) -> Measured:
        """As `first`, or why there is none."""
        try:
            return self.first(patience)
        except Exception as error:  # noqa: BLE001 - whatever a library raises is what it did
            return Measured(failure=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")

    def seconds(self, n_iter: int) -> float:
        """Seconds per iteration: the difference of a long and a short fit."""
        (before, short), (seconds, long) = (timed(partial(self.fit, n)) for n in (SHORT, SHORT + n_iter))
        return (seconds - before) / (long.n_iter - short.n_iter)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Wall time of some work, and what comes of it."""
    begin = time.perf_counter()
    done = work()
    return time.perf_counter() - begin, done


def memory(kilobytes_of: str) -> float:
    """A line of this process's status in MB: ``VmRSS`` now, or ``VmHWM`` at the highest (Linux only)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kilobytes_of)) / 1000


def with_peak(work: Callable[[], T]) -> tuple[float | None, T]:
    """How many MB memory rises above what is held before, where the system tells, and what comes of the work."""
    forget = Path("/proc/self/clear_refs")
    if not forget.exists():
        return None, work()
    forget.write_text("5", encoding="ascii")
    before, done = memory("VmRSS"), work()
    return memory("VmHWM") - before, done


def log_likelihood(workload: Workload, parameters: Parameters, rows: Array) -> float:
    """Mean log-likelihood of rows, by one way for all libraries and in float64."""
    weights, means, covariances = (
        np.asarray(part, dtype=np.float64) for part in (parameters.weights, parameters.means, parameters.covariances)
    )
    if workload.covariance_type in {"full", "tied"}:
        covariances = (covariances + np.swapaxes(covariances, -1, -2)) / 2  # float32 leaves them not quite symmetric
    form = FORMS[workload.covariance_type]
    mixture = Mixture(weights / weights.sum(), means, form.from_covariances(covariances))
    return float(mixture.logpdf(rows.astype(np.float64)).mean())


def measure(workload: Workload, names: list[str], repetitions: int, patience: float) -> Line:
    """Measure each of the named libraries that has the workload's covariance type.

    The iterations of a fit take some `patience` seconds: slow libraries get fewer of them, and fewer repetitions where
    one alone takes longer.
    """
    rows, start = workload.draw()
    peers = [PEERS[name] for name in names if workload.covariance_type in PEERS[name].covariance_types]
    contestants = {peer.name: Contestant(peer, workload, rows, start) for peer in peers}
    measured = {name: contestant.first_or_failure(patience) for name, contestant in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    for repetition in range(repetitions):
        for name, one in measured.items():
            if not one.failure and (repetition == 0 or times[name][-1] * one.n_iter < TOO_LONG * patience):
                times[name].append(contestants[name].seconds(one.n_iter))
    return Line(workload, {name: replace(one, seconds=tuple(times[name])) for name, one in measured.items()})


def measured_alone(workload: Workload, names: list[str], repetitions: int, patience: float) -> Line:
    """As `measure`, in a process of its own, so that no workload finds memory or threads that another left."""
    task = json.dumps([asdict(workload), names, repetitions, patience])
    command = [sys.executable, "-m", "benchmarks.measure", task]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own
    return Line.loaded(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure what the argument says in JSON, and print JSON."""
    workload, *how = json.loads(sys.argv[1])
    print(json.dumps(asdict(measure(Workload(**workload), *how))))


if __name__ == "__main__":
    main()
