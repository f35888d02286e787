"""Tables in Markdown of what was measured."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.limits import Limits
from benchmarks.measure import Line, Measured

OURS = "gaussmix"


@dataclass(frozen=True)
class Column:
    """A title, and the text of a cell in each line."""

    title: str
    cell: Callable[[Line], str]


def head(columns: list[Column]) -> str:
    """The two lines above a table."""
    titles = " | ".join(column.title for column in columns)
    return f"| {titles} |\n|---|{'---:|' * (len(columns) - 1)}"


def row(columns: list[Column], line: Line) -> str:
    """A line of a table."""
    return f"| {' | '.join(column.cell(line) for column in columns)} |"


def table(columns: list[Column], lines: list[Line]) -> str:
    """A whole table."""
    return "\n".join([head(columns), *(row(columns, line) for line in lines)])


def shape() -> Column:
    """What is measured."""
    return Column("(n, D, K)", lambda line: line.workload.shape)


def times(names: list[str], limits: Limits) -> list[Column]:
    """Seconds per iteration beside the dense limit, and how many times faster gaussmix is than each of the others."""

    def limit(line: Line) -> float:
        return limits.seconds(line.workload)

    return [
        shape(),
        Column("dense limit, s", lambda line: digits(limit(line))),
        *(Column(f"{name}, s", of(name, lambda one, _: digits(one.median))) for name in names),
        Column("share of the limit", of(OURS, lambda one, line: f"{limit(line) / one.median:.0%}")),
        *(Column(f"times faster than {name}", faster_than(name)) for name in names if name != OURS),
    ]


def agreement(names: list[str]) -> list[Column]:
    """Memory above the rows, and how far the others' log-likelihoods are from gaussmix's."""
    return [
        *(Column(f"peak of {name}, MB", of(name, lambda one, _: megabytes(one.peak))) for name in names),
        *(Column(f"log-likelihood less {name}'s, nats per row", differs_from(name)) for name in names if name != OURS),
    ]


def of(name: str, text: Callable[[Measured, Line], str]) -> Callable[[Line], str]:
    """Cells about one library: empty where it has no such model, and a word where it failed."""

    def cell(line: Line) -> str:
        one = line.measured.get(name)
        return "" if one is None else "fails" if one.failure else text(one, line)

    return cell


def ratio(line: Line, name: str) -> float:
    """How many times faster gaussmix is, by what was timed side by side; NaN where there is nothing to compare."""
    ours, theirs = (line.measured[one].seconds if one in line.measured else () for one in (OURS, name))
    ratios = [slow / fast for slow, fast in zip(theirs, ours, strict=False)]
    return statistics.median(ratios) if ratios else math.nan


def faster_than(name: str) -> Callable[[Line], str]:
    """Cells with how many times faster gaussmix is than another."""
    return of(name, lambda _, line: "" if math.isnan(ratio(line, name)) else f"{ratio(line, name):.1f}")


def differs_from(name: str) -> Callable[[Line], str]:
    """Cells with the difference of two log-likelihoods, in nats per row."""
    return of(name, lambda one, line: exponent(line.measured[OURS].log_likelihood - one.log_likelihood))


def exponent(difference: float) -> str:
    """A small number, where it is one."""
    return "" if math.isnan(difference) else f"{difference:.0e}"


def megabytes(peak: float | None) -> str:
    """Memory, where the system tells."""
    return "" if peak is None else f"{peak:.0f}"


def digits(seconds: float) -> str:
    """Seconds with three digits."""
    return f"{seconds:#.3g}".rstrip(".")
