"""Measurement of a workload in a process of its own: all libraries in turn, with the same start and the same rows."""

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

# Iterations of the short fit. The time of a short and of a long fit contains the same overhead, which their difference
# cancels.
SHORT = 1
# Largest and least number of iterations by which the long fit is longer. Slow libraries need several, because their
# overhead is as long as an iteration and varies.
LONG, FEWEST = 32, 4
# Iterations of the fit whose memory and log-likelihood are measured; with more, gaussmix would use acceleration.
FIRST = 3
# Multiple of the patience beyond which a fit is not repeated.
TOO_LONG = 2.5
# Rows whose log-likelihood is compared.
SCORED = 50_000
# Least number of rows, in total and for each component, of the first fit, in which libraries load and compile.
WARM, ENOUGH = 20_000, 100


@dataclass(frozen=True)
class Measured:
    """The measurement of a library with a workload: seconds per iteration of each repetition, and megabytes."""

    seconds: tuple[float, ...] = ()
    n_iter: int = 0
    peak: float | None = None
    log_likelihood: float = np.nan  # mean over the rows, in nats
    failure: str = ""

    @property
    def median(self) -> float:
        """Median seconds per iteration."""
        return statistics.median(self.seconds)


@dataclass(frozen=True)
class Line:
    """A workload, and the measurement of each library."""

    workload: Workload
    measured: dict[str, Measured]

    @classmethod
    def from_json(cls, line: dict[str, Any]) -> "Line":
        """Return a line from its JSON."""
        measured = {name: Measured(**values) for name, values in line["measured"].items()}
        return cls(Workload(**line["workload"]), measured)


@dataclass(frozen=True)
class Contestant:
    """A library with a workload."""

    peer: Peer
    workload: Workload
    rows: Array
    start: Parameters

    def fit(self, n_iter: int, n_rows: int | None = None) -> Fitted:
        """Run `n_iter` iterations from the start, on the first `n_rows` rows."""
        return self.peer.fit(self.rows[:n_rows], self.workload.covariance_type, self.start, n_iter)

    def first(self, patience: float) -> Measured:
        """Measure memory and log-likelihood of a first fit, and the number of iterations in `patience` seconds."""
        self.fit(SHORT, max(WARM, ENOUGH * self.workload.n_components))
        peak, (seconds, fitted) = measure_peak(lambda: measure_time(lambda: self.fit(FIRST)))
        n_iter = int(np.clip(patience * FIRST / seconds, FEWEST, LONG))
        return Measured((), n_iter, peak, log_likelihood(self.workload, fitted.parameters, self.rows[:SCORED]))

    def first_or_failure(self, patience: float) -> Measured:
        """Return the result of `first`, or the error that it raised."""
        try:
            return self.first(patience)
        except Exception as error:  # noqa: BLE001 - any error of a library is its result
            return Measured(failure=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")

    def seconds(self, n_iter: int) -> float:
        """Return the seconds per iteration, from the difference between a long and a short fit."""
        (before, short), (seconds, long) = (measure_time(partial(self.fit, n)) for n in (SHORT, SHORT + n_iter))
        return (seconds - before) / (long.n_iter - short.n_iter)


def measure_time(work: Callable[[], T]) -> tuple[float, T]:
    """Return the wall time of a function call, and its result."""
    begin = time.perf_counter()
    done = work()
    return time.perf_counter() - begin, done


def memory(kilobytes_of: str) -> float:
    """Return the memory of this process in MB: ``VmRSS``, the present memory, or ``VmHWM``, the peak (Linux only)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kilobytes_of)) / 1000


def measure_peak(work: Callable[[], T]) -> tuple[float | None, T]:
    """Return the increase of memory during a function call in MB, None if the system does not tell, and the result."""
    forget = Path("/proc/self/clear_refs")
    if not forget.exists():
        return None, work()
    forget.write_text("5", encoding="ascii")
    before, done = memory("VmRSS"), work()
    return memory("VmHWM") - before, done


def log_likelihood(workload: Workload, parameters: Parameters, rows: Array) -> float:
    """Return the mean log-likelihood of rows, by the same function for all libraries, in float64."""
    weights, means, covariances = (
        np.asarray(part, dtype=np.float64) for part in (parameters.weights, parameters.means, parameters.covariances)
    )
    if workload.covariance_type in {"full", "tied"}:
        covariances = (covariances + np.swapaxes(covariances, -1, -2)) / 2  # in float32 they are not exactly symmetric
    form = FORMS[workload.covariance_type]
    mixture = Mixture(weights / weights.sum(), means, form.from_covariances(covariances))
    return float(mixture.logpdf(rows.astype(np.float64)).mean())


def measure(workload: Workload, names: list[str], repetitions: int, patience: float) -> Line:
    """Measure each of the named libraries that has the workload's covariance type.

    The iterations of a fit take about `patience` seconds: slow libraries run fewer iterations, and fewer repetitions if
    a fit takes longer.
    """
    rows, start = workload.draw()
    peers = [PEERS[name] for name in names if workload.covariance_type in PEERS[name].covariance_types]
    contestants = {peer.name: Contestant(peer, workload, rows, start) for peer in peers}
    measured = {name: contestant.first_or_failure(patience) for name, contestant in contestants.items()}
    times: dict[str, list[float]] = {name: [] for name in names}
    for repetition in range(repetitions):
        for name, measurement in measured.items():
            if not measurement.failure and (
                repetition == 0 or times[name][-1] * measurement.n_iter < TOO_LONG * patience
            ):
                times[name].append(contestants[name].seconds(measurement.n_iter))
    return Line(workload, {name: replace(first, seconds=tuple(times[name])) for name, first in measured.items()})


def measure_alone(workload: Workload, names: list[str], repetitions: int, patience: float) -> Line:
    """Call `measure` in a process of its own, so that memory and threads of other workloads have no effect."""
    task = json.dumps([asdict(workload), names, repetitions, patience])
    command = [sys.executable, "-m", "benchmarks.measure", task]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own
    return Line.from_json(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure the workload that the argument describes in JSON, and print the result as JSON."""
    workload, *how = json.loads(sys.argv[1])
    print(json.dumps(asdict(measure(Workload(**workload), *how))))


if __name__ == "__main__":
    main()
