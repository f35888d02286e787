"""What the machine can do at best, and how long an iteration would take at that."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import joblib
import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.workloads import Array, Workload

ORDER = 2048  # of the matrices whose product is timed
IN_CACHE = 16_384  # numbers whose exponentials are timed: with their results 256 kB, which the second cache holds
DTYPES = ("float64", "float32")

# Floating-point operations on a row, for D features and K components; a product and its sum count as two.
OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "full": lambda d, k: 2 * k * d**2,  # d² for the triangular product, d² for half of the symmetric moments
    "diag": lambda d, k: 8 * k * d,  # x and x² against K vectors each: 4 d for distances, 4 d for moments
    "tied": lambda d, k: d**2 + 4 * k * d,  # the row is whitened once; x against K means: 2 d, first moments: 2 d
    "spherical": lambda d, k: 4 * k * d,  # as tied, with nothing to whiten
}


@dataclass(frozen=True)
class Limits:
    """Operations per second of a matrix product on all cores, and exponentials per second on one, by precision."""

    cores: int
    product: dict[str, float]
    exponentials: dict[str, float]

    def seconds(self, workload: Workload) -> float:
        """The dense limit: each row meets each component at a matrix product's speed, and takes an exponential."""
        d, k, dtype = workload.n_features, workload.n_components, workload.dtype
        product = OPERATIONS[workload.covariance_type](d, k) / self.product[dtype]
        return workload.n_rows * (product + k / (self.cores * self.exponentials[dtype]))

    def table(self) -> str:
        """The limits in Markdown."""
        lines = [
            f"| {dtype} | {self.product[dtype] / 1e9:.0f} | {self.exponentials[dtype] / 1e6:.0f} |" for dtype in DTYPES
        ]
        head = (
            f"| | product of matrices of order {ORDER}, Gflop/s on {self.cores} cores | exponentials, M/s on one core |"
        )
        return "\n".join([head, "|---|---:|---:|", *lines])


def quickest(work: Callable[[], object], times: int) -> float:
    """The least seconds that some work takes: a limit is not a median."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def product_rate(dtype: str, cores: int) -> float:
    """Operations per second of a product of two square matrices."""
    left, right = np.random.default_rng(0).random((2, ORDER, ORDER)).astype(dtype)
    out = np.empty_like(left)
    with threadpool_limits(limits=cores, user_api="blas"):
        return 2 * ORDER**3 / quickest(lambda: np.matmul(left, right, out=out), 10)


def exponential_rate(dtype: str) -> float:
    """Exponentials per second on one core, of an array in its cache."""
    values: Array = np.linspace(-30, 0, IN_CACHE, dtype=dtype)
    out = np.empty_like(values)
    return IN_CACHE / quickest(lambda: np.exp(values, out=out), 1000)


def limits() -> Limits:
    """The limits of this machine, measured now; some two seconds."""
    cores = joblib.cpu_count()
    return Limits(
        cores,
        product={dtype: product_rate(dtype, cores) for dtype in DTYPES},
        exponentials={dtype: exponential_rate(dtype) for dtype in DTYPES},
    )
