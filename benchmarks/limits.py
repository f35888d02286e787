"""Limits of the machine, and the time of an iteration at these limits."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import joblib
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.workloads import Array, Workload

# Rows and columns of the matrices whose product is timed.
ORDER = 2048
# Numbers whose exponentials are timed: with their results they take 256 kB, which the second cache holds.
IN_CACHE = 16_384
DTYPES = ("float64", "float32")

# Floating-point operations on a row, for D features and K components; a product and its sum count as two.
OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "full": lambda d, k: 2 * k * d**2,  # d² for the triangular product, d² for half of the symmetric moments
    "diag": lambda d, k: 8 * k * d,  # x and x² against K vectors each: 4 d for distances, 4 d for moments
    "tied": lambda d, k: d**2 + 4 * k * d,  # the row is whitened once; x against K means: 2 d, first moments: 2 d
    "spherical": lambda d, k: 4 * k * d,  # like tied, without whitening
}


@dataclass(frozen=True)
class Limits:
    """Operations per second of matrix products on all cores, and exponentials per second on one core, by precision."""

    cores: int
    product: dict[str, float]
    exponentials: dict[str, float]

    def seconds(self, workload: Workload) -> float:
        """Return the dense limit: the time of all pairs of a row and a component at the rates of the machine."""
        d, k, dtype = workload.n_features, workload.n_components, workload.dtype
        product = OPERATIONS[workload.covariance_type](d, k) / self.product[dtype]
        return workload.n_rows * (product + k / (self.cores * self.exponentials[dtype]))

    def table(self) -> str:
        """Return the limits as a table in Markdown."""
        lines = [
            f"| {dtype} | {self.product[dtype] / 1e9:.0f} | {self.exponentials[dtype] / 1e6:.0f} |" for dtype in DTYPES
        ]
        head = (
            f"| | product of matrices of order {ORDER}, Gflop/s on {self.cores} cores | exponentials, M/s on one core |"
        )
        return "\n".join([head, "|---|---:|---:|", *lines])


def quickest(work: Callable[[], object], times: int) -> float:
    """Return the shortest time of several calls, in seconds: a limit is not a median."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def product_rate(dtype: str, cores: int) -> float:
    """Return the operations per second of a product of two square matrices."""
    left, right = np.random.default_rng(0).random((2, ORDER, ORDER)).astype(dtype)
    out = np.empty_like(left)
    with threadpool_limits(limits=cores, user_api="blas"):
        return 2 * ORDER**3 / quickest(lambda: np.matmul(left, right, out=out), 10)


def exponential_rate(dtype: str) -> float:
    """Return the exponentials per second on one core, for an array that its cache holds."""
    values: Array = np.linspace(-30, 0, IN_CACHE, dtype=dtype)
    out = np.empty_like(values)
    return IN_CACHE / quickest(lambda: np.exp(values, out=out), 1000)


def limits() -> Limits:
    """Measure the limits of this machine; about two seconds."""
    cores = joblib.cpu_count()
    return Limits(
        cores,
        product={dtype: product_rate(dtype, cores) for dtype in DTYPES},
        exponentials={dtype: exponential_rate(dtype) for dtype in DTYPES},
    )
