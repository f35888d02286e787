"""Measure the first large fit with an empty compiler cache, and the same fit with a filled cache.

python -m benchmarks.compile              # a full fit of 200 000 rows, 16 features, 32 components; a minute

Each fit runs in a process of its own. The difference between the two lines is the work of the compiler. Seconds of
the processor are printed in addition to the wall time, because they depend less on other processes; the fit itself may
use several threads. The compiled kernels are named, each with the number of its variants.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

SCRIPT = """
import json, sys, time
import numpy as np
from gaussmix import GaussianMixture

n_rows, n_features, n_components, spread = (float(text) for text in sys.argv[1].split(","))
shape, rng = (int(n_rows), int(n_features)), np.random.default_rng(0)
means = rng.normal(scale=spread, size=(int(n_components), int(n_features)))
rows = means[rng.integers(0, len(means), shape[0])] + rng.normal(size=shape)
wall, processor = time.perf_counter(), time.process_time()
model = GaussianMixture(len(means), random_state=0).fit(rows)
wall, processor = time.perf_counter() - wall, time.process_time() - processor

kernels = {}
for name in ("_kernels", "_products", "_screened", "_candidates"):
    module = sys.modules.get("gaussmix.engines.fused." + name)
    for kernel in vars(module).values() if module else ():
        if getattr(getattr(kernel, "stats", None), "cache_misses", None):
            kernels[kernel.py_func.__name__] = sum(kernel.stats.cache_misses.values())
print(json.dumps([wall, processor, kernels, model.lower_bound_]))
"""


def first_fit(case: str, cache: str) -> tuple[float, float, dict[str, int], float]:
    """Return wall time, processor time, the variants compiled of each function, and the log-likelihood per row."""
    done = subprocess.run(  # noqa: S603 - our own
        [sys.executable, "-c", SCRIPT, case],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
    )
    wall, processor, kernels, score = json.loads(done.stdout)
    return wall, processor, kernels, score


def main() -> None:
    """Print a line for the empty cache and a line for the filled cache."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compile", description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="200000,16,32,4", help="rows, features, components, spread of the means")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        for state in ("empty", "filled"):
            wall, processor, kernels, score = first_fit(arguments.case, cache)
            names = ", ".join(f"{name} ({count})" for name, count in kernels.items()) or "none"
            print(f"{state:6} cache: {wall:.1f} s, {processor:.1f} s of the processor; log-likelihood {score:.12g}")
            print(f"  compiled: {names}")


if __name__ == "__main__":
    main()
