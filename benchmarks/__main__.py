"""Measure gaussmix, the other libraries that are installed, and the limits of the machine.

python -m benchmarks                      # the grid: seconds per iteration, memory, agreement; half an hour
python -m benchmarks slopes               # growth of the seconds with n, D and K; three minutes
python -m benchmarks limits               # only the limits of the machine; seconds
python -m benchmarks fit                  # the default fit; five minutes
python -m benchmarks screening            # the gain of skipping negligible pairs; two minutes
python -m benchmarks startup              # the first fit of a small table, as a whole process; a minute
python -m benchmarks many                 # ten thousand components; ten minutes
python -m benchmarks.page                 # docs/performance.md from the stored results

Tables are printed line by line, and stored as JSON in a folder.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.experiments import EXPERIMENTS
from benchmarks.limits import limits
from benchmarks.machine import machine, sentence
from benchmarks.measure import measure_alone
from benchmarks.peers import PEERS
from benchmarks.results import Results
from benchmarks.tables import AGREEMENT, SECONDS, agreement, head, row, times
from benchmarks.workloads import GRID, SWEEPS, Workload

T = TypeVar("T")

FOLDER = Path("build/benchmarks")


def begin_results(names: list[str]) -> Results:
    """Measure and print the machine and its limits; return results without lines."""
    results = Results(machine(names), limits())
    missing = [name for name, peer in PEERS.items() if not peer.available()]
    print(sentence(results.machine))
    print(f"Not installed, and omitted: {', '.join(missing) or 'none'}.\n\n{results.limits.table()}\n", flush=True)
    return results


def run(workloads: Iterable[Workload], arguments: argparse.Namespace, file: str, patience: float) -> None:
    """Measure workloads one after the other; print and save each line when it is complete."""
    results = begin_results(arguments.peers)
    columns = [*times(results.names, results.limits), *agreement(results.names)]
    kind = ""
    for workload in workloads:
        if workload.kind != kind:
            kind = workload.kind
            print(f"\n{kind.capitalize()}. {SECONDS}. {AGREEMENT}.\n\n{head(columns)}", flush=True)
        try:
            line = measure_alone(workload, results.names, arguments.repetitions, patience)
        except subprocess.CalledProcessError as error:  # out of memory, most likely
            print(f"{workload}: ended with {error.returncode}, no line", file=sys.stderr, flush=True)
            continue
        for name, measurement in line.measured.items():
            if measurement.failure:
                print(f"{workload}: {name} fails: {measurement.failure}", file=sys.stderr, flush=True)
        print(row(columns, line), flush=True)
        results.lines.append(line)
        results.save(arguments.out / file)


def select_cases(cases: Iterable[T], only: str) -> list[T]:
    """Return the cases whose names contain all words."""
    return [case for case in cases if all(word in str(case) for word in only.split())]


def grid(arguments: argparse.Namespace) -> None:
    """Measure the grid."""
    run(select_cases(GRID, arguments.only), arguments, "grid.json", patience=4.0)


def slopes(arguments: argparse.Namespace) -> None:
    """Measure the sweeps over n, D and K."""
    sweeps = dict.fromkeys(workload for sweep in SWEEPS.values() for workload in sweep)
    run(select_cases(sweeps, arguments.only), arguments, "slopes.json", patience=1.0)


def only_limits(arguments: argparse.Namespace) -> None:
    """Measure only the limits of the machine."""
    begin_results(arguments.peers).save(arguments.out / "limits.json")


def experiment(name: str, arguments: argparse.Namespace) -> None:
    """Run an experiment."""
    description, chosen = machine(arguments.peers), EXPERIMENTS[name]
    print(f"{sentence(description)}\n", flush=True)
    chosen.run(select_cases(chosen.cases, arguments.only), description, arguments.out / f"{name}.json")


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "grid": grid,
    "slopes": slopes,
    "limits": only_limits,
    **{name: partial(experiment, name) for name in EXPERIMENTS},
}


def peers(text: str) -> list[str]:
    """Return the names of libraries from the command line, gaussmix first."""
    names = ["gaussmix", *(name for name in text.split(",") if name != "gaussmix")]
    if not all(name in PEERS and PEERS[name].available() for name in names):
        installed = ", ".join(name for name, peer in PEERS.items() if peer.available())
        msg = f"must be names of installed libraries, separated by commas, from {installed}; got {text}"
        raise argparse.ArgumentTypeError(msg)
    return names


def main() -> None:
    """Run the measurement that the command line names."""
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, formatter_class=formatter)
    installed = ",".join(name for name, peer in PEERS.items() if peer.available())
    parser.add_argument("command", nargs="?", default="grid", choices=COMMANDS)
    parser.add_argument("--only", default="", help="only cases whose names contain all these words")
    parser.add_argument("--peers", type=peers, default=installed, help="libraries to measure (all that are installed)")
    parser.add_argument(
        "--repetitions", type=int, default=3, help="timings of each library in grid and slopes, in turn (3)"
    )
    parser.add_argument("--out", type=Path, default=FOLDER, help=f"folder for the results ({FOLDER})")
    arguments = parser.parse_args()
    COMMANDS[arguments.command](arguments)


if __name__ == "__main__":
    main()
