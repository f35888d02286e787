"""Measure fits of more columns than rows, compared with scikit-learn, and small fits on a busy machine.

python -m benchmarks.wide                # seconds and megabytes of wide fits, on one thread; two minutes
python -m benchmarks.wide busy           # small fits on an idle machine, and beside two busy processes; a minute
python -m benchmarks.wide --only diag    # the fits whose names contain "diag"

Each wide fit runs in a process of its own: a first time to load and compile, and then several times.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.mixture import GaussianMixture as TheirMixture
from sklearn.naive_bayes import GaussianNB
from threadpoolctl import threadpool_limits

from benchmarks.measure import measure_peak, measure_time
from gaussmix import GaussianMixture, GaussianMixtureClassifier, GaussianMixtureSearch

Array = np.ndarray[Any, np.dtype[Any]]

REPETITIONS = 5
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "OMP", "MKL", "NUMBA")}
# Number of busy processes.
N_BUSY = 2
BUSY_REPETITIONS = 15


class Fit(NamedTuple):
    """A fit: the numbers of rows and columns, and functions that make the estimators."""

    n_rows: int
    n_columns: int
    ours: Callable[[], Any]
    plain: Callable[[], Any] | None = None
    theirs: Callable[[], Any] | None = None


def _mixture(covariance_type: str, n_rows: int, n_columns: int, n_components: int = 2) -> Fit:
    """Return a fit of a mixture: the default, a start by k-means, and scikit-learn if it has the type."""
    options: dict[str, Any] = {"covariance_type": covariance_type, "random_state": 0}
    theirs = covariance_type in {"full", "tied", "diag", "spherical"}
    return Fit(
        n_rows,
        n_columns,
        lambda: GaussianMixture(n_components, **options),
        lambda: GaussianMixture(n_components, init_params="kmeans", **options),
        (lambda: TheirMixture(n_components, **options)) if theirs else None,
    )


FITS = {
    "diag, 100 x 10 000": _mixture("diag", 100, 10_000),
    "diag, 100 x 46 341": _mixture("diag", 100, 46_341),
    "diag, 2000 x 500": _mixture("diag", 2000, 500),
    "spherical, 100 x 10 000": _mixture("spherical", 100, 10_000),
    "naive Bayes, 60 x 5000": Fit(60, 5000, GaussianMixtureClassifier.naive_bayes, None, GaussianNB),
    "full, 100 x 1000": _mixture("full", 100, 1000),
    "tied, 100 x 1000": _mixture("tied", 100, 1000),
    "EVE, 20 x 60": _mixture("EVE", 20, 60),
    "VVE, 60 x 20, K = 5": _mixture("VVE", 60, 20, 5),
    "search, 60 x 20": Fit(60, 20, lambda: GaussianMixtureSearch(random_state=0)),
}


def _rows(fit: Fit) -> tuple[Array, Array]:
    """Draw the rows of two groups, and labels."""
    rows = np.random.default_rng(0).normal(size=(fit.n_rows, fit.n_columns))
    rows[: fit.n_rows // 2] += 0.5
    return rows, np.arange(fit.n_rows) < fit.n_rows // 2


def _measured(name: str, which: str) -> tuple[float, float | None]:
    """Return the shortest time of several fits, in seconds, and the megabytes by which a fit increases memory."""
    fit = FITS[name]
    rows, labels = _rows(fit)
    again = partial(getattr(fit, which)().fit, rows, labels if name.startswith("naive") else None)
    again()  # loads and compiles
    peak, _ = measure_peak(again)
    return min(measure_time(again)[0] for _ in range(REPETITIONS)), peak


def wide(only: str) -> None:
    """Print seconds and megabytes of each fit, compared with scikit-learn."""
    print("| fit | gaussmix | from k-means | scikit-learn | ratio | ratio from k-means | ratio of memory |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, fit in FITS.items():
        if only not in name:
            continue
        measured = {}
        for which in ("ours", "plain", "theirs"):
            if getattr(fit, which) is not None:
                command = [sys.executable, "-m", "benchmarks.wide", "--one", name, which]
                done = subprocess.run(  # noqa: S603 - this program itself
                    command, env={**os.environ, **ONE_THREAD}, capture_output=True, check=True, text=True
                )
                measured[which] = json.loads(done.stdout)
        cells = [f"{s:.3g} s, {mb:.0f} MB" if (s, mb) != (0, 0) else "" for s, mb in map(_or_nothing(measured), PARTS)]
        ratios = [""] * 3
        if "theirs" in measured:
            (ours, memory), (theirs, their_memory) = measured["ours"], measured["theirs"]
            ratios[0] = f"{ours / theirs:.1f}"
            ratios[1] = f"{measured['plain'][0] / theirs:.1f}" if "plain" in measured else ""
            ratios[2] = f"{memory / max(their_memory, 1.0):.1f}"
        print("| " + " | ".join([name, *cells, *ratios]) + " |", flush=True)


PARTS = ("ours", "plain", "theirs")


def _or_nothing(measured: dict[str, tuple[float, float]]) -> Callable[[str], tuple[float, float]]:
    return lambda which: measured.get(which, (0, 0))


# --- Busy machines ---------------------------------------------------------------------------------------------------


def _small() -> dict[str, tuple[Array, Callable[[], Any]]]:
    """Return small tables, and functions that make their estimators."""
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(150, 4)) + 4.0 * (np.arange(150) // 50)[:, None]
    far = np.vstack([rng.normal(size=(200, 2)), 1e3 + rng.normal(size=(3, 2))])
    few = rng.normal(size=(20, 60))
    few[:10] += 0.8
    fits: dict[str, tuple[Array, Callable[[], Any]]] = {
        "full, 150 x 4": (groups, lambda: GaussianMixture(3, random_state=0)),
        "full, 203 x 2, three rows far out": (far, lambda: GaussianMixture(3, random_state=0)),
    }
    for kind in ("full", "tied", "diag", "EVE"):
        fits[f"{kind}, 20 x 60"] = few, lambda kind=kind: GaussianMixture(2, covariance_type=kind, random_state=0)
    return fits


def _work() -> None:
    """Multiply matrices forever, on one thread."""
    square = np.random.default_rng(0).normal(size=(500, 500))
    with threadpool_limits(1):
        while True:
            square @ square


@contextmanager
def _beside(n_processes: int) -> Iterator[None]:
    """Keep cores busy with processes while the context is active."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_work, daemon=True) for _ in range(n_processes)]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _fit(make: Callable[[], Any], rows: Array) -> None:
    make().fit(rows)


def busy() -> None:
    """Print the median and the longest time of small fits, alone and beside busy processes."""

    def seconds() -> dict[str, list[float]]:
        return {
            name: [measure_time(partial(_fit, make, rows))[0] for _ in range(BUSY_REPETITIONS)]
            for name, (rows, make) in _small().items()
        }

    seconds()
    alone = seconds()
    with _beside(N_BUSY):
        seconds()
        beside = seconds()
    print("| fit | alone | beside | ratio | longest beside |\n|---|---:|---:|---:|---:|")
    for name, times in alone.items():
        first, second = np.median(times), np.median(beside[name])
        print(f"| {name} | {first:.3g} s | {second:.3g} s | {second / first:.1f} | {max(beside[name]):.3g} s |")


def main() -> None:
    """Run the measurement that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", choices=["wide", "busy"], default="wide")
    parser.add_argument("--only", default="", help="only fits whose names contain this text")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    if asked.one:
        print(json.dumps(_measured(*asked.one)))
    elif asked.kind == "busy":
        busy()
    else:
        wide(asked.only)


if __name__ == "__main__":
    main()
