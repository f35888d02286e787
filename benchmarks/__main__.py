"""Print a table of gaussmix beside scikit-learn."""

import argparse
import json
import platform
import subprocess
import sys

import joblib
import numpy as np
import sklearn
from threadpoolctl import threadpool_info

import gaussmix  # noqa: F401 - so that its libraries are among those reported
from benchmarks.workloads import WORKLOADS


def main() -> None:
    """Print the table, a line for each workload as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3, help="timings of each library, taken in turn (3)")
    parser.add_argument("--only", default="", help="only workloads whose name contains this")
    arguments = parser.parse_args()
    pools = threadpool_info()
    blas = {f"{pool['internal_api']} {pool['version']}, {pool['num_threads']} threads" for pool in pools}
    print(
        f"{joblib.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}, "
        f"scikit-learn {sklearn.__version__}; {'; '.join(sorted(blas))}\n"
    )
    print(
        "| shape (n, D, K) | scikit-learn, s/iteration | gaussmix, s/iteration | times faster "
        "| peak above the rows: scikit-learn, MB | gaussmix, MB | log-likelihoods differ by |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for index, workload in enumerate(WORKLOADS):
        if arguments.only in str(workload):
            print(line(index, arguments.repetitions), flush=True)


def line(index: int, repetitions: int) -> str:
    """One workload's line of the table, measured in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.measure", str(index), str(repetitions)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own
    result = json.loads(printed)
    theirs, ours = result["seconds"]["scikit-learn"], result["seconds"]["gaussmix"]
    peaks = result["peak"]
    return (
        f"| {result['workload']} | {theirs:.3f} | {ours:.4f} | {result['ratio']:.1f} "
        f"| {peaks['scikit-learn']:.0f} | {peaks['gaussmix']:.0f} | {result['difference']:.0e} |"
    )


if __name__ == "__main__":
    main()
