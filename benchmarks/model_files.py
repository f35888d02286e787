"""Read hostile model files, and measure the memory: ``python -m benchmarks.model_files --mutations 100000``.

Each file has a checksum that agrees with its content. The run fails if reading raises anything but the documented
error, or takes more than ten times the size of the file.
"""

import argparse
import collections
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np

import gaussmix

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from model_file_mutations import BOMBS, MOST_MEMORY, mutate, originals


def read(path: Path) -> str:
    """Return what reading a file gives."""
    try:
        gaussmix.load(path)
    except gaussmix.ModelFileError:
        return "ModelFileError"
    except Exception as error:  # noqa: BLE001 - counted
        return f"{type(error).__name__}: {error}"
    return "mixture"


def read_mutations(path: Path, n: int, seed: int) -> bool:
    """Read n mutations, print the results, and return whether all are documented."""

    def content(mixture: gaussmix.Mixture) -> bytes:
        gaussmix.save(mixture, path, overwrite=True)
        return path.read_bytes()

    files, rng = originals(content), np.random.default_rng(seed)
    results: collections.Counter[str] = collections.Counter()
    for i in range(n):
        path.write_bytes(mutate(files[i % len(files)], rng)[1])
        results[read(path)] += 1
    for result, count in results.most_common():
        print(f"{count:8d}  {result}")
    return set(results) <= {"ModelFileError", "mixture"}


def read_bombs(path: Path, n: int) -> bool:
    """Read a file of each kind with n values, print memory and seconds, and return whether all are within the bound."""
    within = True
    for name, make in BOMBS.items():
        path.write_bytes(make(n))
        size, begin = path.stat().st_size, time.process_time()
        read(path)  # once for the time, and once for the memory
        seconds = time.process_time() - begin
        tracemalloc.start()
        read(path)
        ratio = tracemalloc.get_traced_memory()[1] / size
        tracemalloc.stop()
        within &= ratio <= MOST_MEMORY
        print(f"{name:26s} {size / 1e6:7.1f} MB  {ratio:5.1f} times its size in memory  {seconds:6.2f} s")
    return within


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--values", type=int, default=2_000_000, help="the number of values in a hostile file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.gmx"
        documented = read_mutations(target, options.mutations, options.seed)
        sys.exit(not (read_bombs(target, options.values) and documented))
