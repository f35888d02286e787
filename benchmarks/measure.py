"""One workload in a process of its own: both libraries in turn, from the same start, on the same rows."""

import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.mixture import GaussianMixture as ScikitLearnMixture

from benchmarks.workloads import WORKLOADS, Workload
from gaussmix import GaussianMixture

SHORT = 1  # iterations; what a fit costs besides its iterations is in both lengths, and falls out of their difference


def fitted(kind: type[Any], workload: Workload, rows: np.ndarray, n_iter: int) -> Any:  # noqa: ANN401 - either library
    """A model after `n_iter` iterations from the workload's start."""
    model = kind(
        workload.n_components,
        covariance_type=workload.covariance_type,
        reg_covar=1e-6,
        tol=0.0,
        max_iter=n_iter,
        **workload.start(rows),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stopping at max_iter is the point
        return model.fit(rows)


def seconds(work: Callable[[], object]) -> float:
    """Wall time of some work."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def memory(kilobytes_of: str) -> float:
    """A line of this process's status in MB: ``VmRSS`` now, or ``VmHWM`` at the highest (Linux only)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(kilobytes_of)) / 1000


def peak_megabytes(work: Callable[[], object]) -> float:
    """How far memory rises above what is held before."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = memory("VmRSS")
    work()
    return memory("VmHWM") - before


def measure(workload: Workload, repetitions: int) -> dict[str, Any]:
    """Seconds per iteration, peak memory and log-likelihoods of both libraries."""
    rows = workload.rows()
    kinds = {"gaussmix": GaussianMixture, "scikit-learn": ScikitLearnMixture}
    long = {"gaussmix": 1 + 8, "scikit-learn": 1 + 2}
    fitted(GaussianMixture, workload, rows, 1)  # compile, or load what is compiled
    peaks = {name: peak_megabytes(lambda kind=kind: fitted(kind, workload, rows, 2)) for name, kind in kinds.items()}
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(repetitions):
        for name, kind in kinds.items():
            lengths = (SHORT, long[name])
            short, whole = (seconds(lambda n=n, kind=kind: fitted(kind, workload, rows, n)) for n in lengths)
            times[name].append((whole - short) / (long[name] - SHORT))
    per_iteration = {name: statistics.median(values) for name, values in times.items()}
    scores = {name: fitted(kind, workload, rows, 3).score(rows) for name, kind in kinds.items()}
    return {
        "workload": str(workload),
        "seconds": per_iteration,
        "ratio": statistics.median(a / b for a, b in zip(times["scikit-learn"], times["gaussmix"], strict=True)),
        "peak": peaks,
        "difference": abs(scores["gaussmix"] / scores["scikit-learn"] - 1),
        "log_likelihood": scores["gaussmix"],
    }


if __name__ == "__main__":
    print(json.dumps(measure(WORKLOADS[int(sys.argv[1])], int(sys.argv[2]))))
