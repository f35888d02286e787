"""The first fit of a small table, as a whole process: Python, imports, rows from a file, a fit.

Fresh processes of either library take turns. Both get the rows the same way, by ``numpy.load``, and both find their
modules compiled to bytecode, as an installed package has them: ours, read from a working copy, may write it.
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
from benchmarks.measure import timed
from benchmarks.tables import Column, beside, digits

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
    """Seconds of each process of either library, ours first."""

    case: str
    seconds: tuple[tuple[float, ...], tuple[float, ...]]


def process(module: str, path: Path) -> float:
    """Seconds of a process."""
    command = [sys.executable, "-c", SCRIPT.format(module=module), str(path)]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return timed(lambda: subprocess.run(command, check=True, env=environment))[0]  # noqa: S603 - our own


def measure(case: str, turns: int = TURNS) -> Startup:
    """Processes in turn, after one of each that is not counted, in which files come into memory."""
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
        Column("(n, D, K)", lambda one: one.case),
        Column("gaussmix", lambda one: digits(statistics.median(one.seconds[0]))),
        Column("scikit-learn", lambda one: beside(one.seconds[1], one.seconds[0])),
    ],
)
