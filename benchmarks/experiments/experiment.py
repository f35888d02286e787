"""A few cases, each measured in a process of its own, and a table of what came of them."""

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
    """What is measured, and how it is told.

    Attributes
    ----------
    caption : str
        What the table shows, in a sentence.
    cases : tuple
        What is measured, one after the other; ``str`` of each is its name.
    measure : callable
        From a case to its record.
    record : type
        A frozen dataclass of numbers, texts and tuples of them, which JSON can keep.
    columns : list of Column
        The table, whose lines are records.
    """

    caption: str
    cases: tuple[Any, ...]
    measure: Callable[[Any], R]
    record: type[R]
    columns: list[Column[R]]

    def run(self, cases: Iterable[Any], machine: dict[str, Any], path: Path) -> None:
        """Measure cases; print and keep each line as it comes."""
        print(f"{self.caption}:\n\n{head(self.columns)}", flush=True)
        records: list[R] = []
        for case in cases:
            records.append(alone(self.measure, case))
            print(row(self.columns, records[-1]), flush=True)
            self.save(path, machine, records)

    def save(self, path: Path, machine: dict[str, Any], records: list[R]) -> None:
        """Write what was measured, and on what."""
        kept = {"machine": machine, "records": [asdict(record) for record in records]}  # type: ignore[call-overload]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    def load(self, path: Path) -> tuple[dict[str, Any], list[R]]:
        """What was written."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept["machine"], [self.record(**record) for record in kept["records"]]

    def told(self, records: list[R]) -> str:
        """The table under its caption."""
        return f"{self.caption}:\n\n{table(self.columns, records)}"


def alone(measure: Callable[[Any], R], case: object) -> R:
    """A record made in a process of its own, so that no case finds memory, threads or kernels that another left."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, case).result()
