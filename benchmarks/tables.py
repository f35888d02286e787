"""Tables in Markdown of what was measured."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmarks.limits import Limits
from benchmarks.measure import Line, Measured

OURS = "gaussmix"
TIMES = "\N{MULTIPLICATION SIGN}"
SECONDS = "Seconds per iteration (times as long as gaussmix)"
AGREEMENT = "Peak memory above the rows in MB; log-likelihood of gaussmix less that of another in nats per row"


T = TypeVar("T")


@dataclass(frozen=True)
class Column(Generic[T]):
    """A title, and the text of a cell in each line."""

    title: str
    cell: Callable[[T], str]


def head(columns: list[Column[T]]) -> str:
    """The two lines above a table."""
    titles = " | ".join(column.title for column in columns)
    return f"| {titles} |\n|---|{'---:|' * (len(columns) - 1)}"


def row(columns: list[Column[T]], line: T) -> str:
    """A line of a table."""
    return f"| {' | '.join(column.cell(line) for column in columns)} |"


def table(columns: list[Column[T]], lines: list[T]) -> str:
    """A whole table."""
    return "\n".join([head(columns), *(row(columns, line) for line in lines)])


def shape() -> Column[Line]:
    """What is measured."""
    return Column("(n, D, K)", lambda line: line.workload.shape)


def times(names: list[str], limits: Limits) -> list[Column[Line]]:
    """Seconds per iteration beside the dense limit, and how many times as long each of the others takes."""

    def limit(line: Line) -> float:
        return limits.seconds(line.workload)

    return [
        shape(),
        Column("dense limit", lambda line: digits(limit(line))),
        Column(OURS, of(OURS, lambda one, _: digits(one.median))),
        Column("share of the limit", of(OURS, lambda one, line: f"{limit(line) / one.median:.0%}")),
        *(Column(name, of(name, beside_ours)) for name in names if name != OURS),
    ]


def agreement(names: list[str]) -> list[Column[Line]]:
    """Memory above the rows, and how far the others' log-likelihoods are from gaussmix's."""
    return [
        *(Column(f"MB, {name}", of(name, lambda one, _: megabytes(one.peak))) for name in names),
        *(Column(f"less {name}", differs_from(name)) for name in names if name != OURS),
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
    return longer(theirs, ours)


def longer(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """How many times as long as ours something takes, by what was timed in turn; NaN where nothing was."""
    ratios = [slow / fast for slow, fast in zip(theirs, ours, strict=False)]
    return statistics.median(ratios) if ratios else math.nan


def beside_ours(one: Measured, line: Line) -> str:
    """Seconds of another library beside gaussmix's, where it has any."""
    return beside(one.seconds, line.measured[OURS].seconds if OURS in line.measured else ())


def beside(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """Seconds, and how many times as long as ours they are; in bold where they are shorter."""
    told, times = digits(statistics.median(theirs)), longer(theirs, ours)
    told = told if math.isnan(times) else f"{told} ({digits(times, 2)}{TIMES})"
    return f"**{told}**" if times < 1 else told


def losses(lines: list[Line], names: list[str]) -> list[str]:
    """Where another library is faster, the worst first."""
    lost = [(ratio(line, name), line.workload, name) for line in lines for name in names if ratio(line, name) < 1]
    return [
        f"{workload}: {name} takes {times:.0%} of gaussmix's time."
        for times, workload, name in sorted(lost, key=lambda one: one[0])
    ]


def differs_from(name: str) -> Callable[[Line], str]:
    """Cells with the difference of two log-likelihoods, in nats per row."""
    return of(name, lambda one, line: exponent(line.measured[OURS].log_likelihood - one.log_likelihood))


def exponent(difference: float) -> str:
    """A small number, where it is one."""
    return "" if math.isnan(difference) else f"{difference:.0e}"


def megabytes(peak: float | None) -> str:
    """Memory, where the system tells."""
    return "" if peak is None else f"{peak:.0f}"


def digits(number: float, n_digits: int = 3) -> str:
    """A positive number with so many digits."""
    places = n_digits - 1 - math.floor(math.log10(number)) if number > 0 else n_digits
    return f"{number:.{max(places, 0)}f}"
