"""The results of a run, stored as JSON."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.limits import Limits
from benchmarks.measure import Line


@dataclass
class Results:
    """The machine, its limits, and the lines measured so far."""

    machine: dict[str, Any]
    limits: Limits
    lines: list[Line] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The libraries, gaussmix first."""
        return list(self.machine["libraries"])

    def groups(self) -> Iterator[tuple[str, list[Line]]]:
        """Yield the lines of each kind of data and precision."""
        for kind in dict.fromkeys(line.workload.kind for line in self.lines):
            yield kind, [line for line in self.lines if line.workload.kind == kind]

    def save(self, path: Path) -> None:
        """Write the results to a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Read results from a file."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(kept["machine"], Limits(**kept["limits"]), [Line.from_json(line) for line in kept["lines"]])
