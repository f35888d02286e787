"""The first fit of a small table, as a whole process: start of Python, imports, rows from a file, fit.

New processes of the two libraries take turns. Both read the rows by ``numpy.load``, and both use modules that are
compiled to bytecode, like an installed package: gaussmix, which is imported from a working copy, may write bytecode.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_iris

from benchmarks.experiments.experiment import Experiment
from benchmarks.measure import measure_time
from benchmarks.tables import Column, digits, seconds_and_ratio

MODULES = ("gaussmix", "sklearn.mixture")
TURNS = 15
SCRIPT = """
import sys
import numpy
from {module} import GaussianMixture
GaussianMixture(3, random_state=0).fit(numpy.load(sys.argv[1]))
"""


@dataclass(frozen=True)
class Startup:
    """Seconds of each process of each library, gaussmix first."""

    case: str
    seconds: tuple[tuple[float, ...], tuple[float, ...]]


def process(module: str, path: Path) -> float:
    """Return the seconds of a process."""
    command = [sys.executable, "-c", SCRIPT.format(module=module), str(path)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return measure_time(lambda: subprocess.run(command, check=True, env=environment))[0]  # noqa: S603 - our own


def measure(case: str, turns: int = TURNS) -> Startup:
    """Measure processes in turn, after an uncounted process of each library, which brings files into memory."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.npy"
        np.save(path, load_iris().data)
        _, *seconds = ([process(module, path) for module in MODULES] for _ in range(turns + 1))
    ours, theirs = zip(*seconds, strict=True)
    return Startup(case, (ours, theirs))


EXPERIMENT = Experiment(
    f"Seconds of a whole process (times as long as gaussmix), the median of {TURNS}",
    ("iris (150, 4, 3)",),
    measure,
    Startup,
    [
        Column("(n, D, K)", lambda record: record.case),
        Column("gaussmix", lambda record: digits(statistics.median(record.seconds[0]))),
        Column("scikit-learn", lambda record: seconds_and_ratio(record.seconds[1], record.seconds[0])),
    ],
)
