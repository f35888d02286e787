"""Experiments: cases, each measured in a process of its own, and a table of their records."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Generic, TypeVar

from benchmarks.tables import Column, head, row, table

R = TypeVar("R")


@dataclass(frozen=True)
class Experiment(Generic[R]):
    """An experiment: its cases, the function that measures a case, and the table of the records.

    Attributes
    ----------
    caption : str
        Title of the table.
    cases : tuple
        Cases, measured one after the other; ``str(case)`` is the name of a case.
    measure : callable
        Function that measures a case and returns its record.
    record : type
        Class of the records: a frozen dataclass of numbers, texts and tuples of these, which JSON can store.
    columns : list of Column
        Columns of the table; each record is a line.
    """

    caption: str
    cases: tuple[Any, ...]
    measure: Callable[[Any], R]
    record: type[R]
    columns: list[Column[R]]

    def run(self, cases: Iterable[Any], machine: dict[str, Any], path: Path) -> None:
        """Measure cases; print and save each record when it is complete."""
        print(f"{self.caption}:\n\n{head(self.columns)}", flush=True)
        records: list[R] = []
        for case in cases:
            records.append(run_in_process(self.measure, case))
            print(row(self.columns, records[-1]), flush=True)
            self.save(path, machine, records)

    def save(self, path: Path, machine: dict[str, Any], records: list[R]) -> None:
        """Write the records and the description of the machine to a file."""
        kept = {"machine": machine, "records": [asdict(record) for record in records]}  # type: ignore[call-overload]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    def load(self, path: Path) -> tuple[dict[str, Any], list[R]]:
        """Return the description of the machine and the records from a file."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept["machine"], [self.record(**record) for record in kept["records"]]

    def markdown(self, records: list[R]) -> str:
        """Return the caption and the table."""
        return f"{self.caption}:\n\n{table(self.columns, records)}"


def run_in_process(measure: Callable[[Any], R], case: object) -> R:
    """Measure a case in a process of its own, so that memory, threads and kernels of other cases have no effect."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, case).result()
