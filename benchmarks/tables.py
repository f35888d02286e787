"""Tables of the measurements in Markdown."""

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
    """A column of a table: its title, and a function that returns the text for a line."""

    title: str
    cell: Callable[[T], str]


def head(columns: list[Column[T]]) -> str:
    """Return the two lines of the head of a table."""
    titles = " | ".join(column.title for column in columns)
    return f"| {titles} |\n|---|{'---:|' * (len(columns) - 1)}"


def row(columns: list[Column[T]], line: T) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(column.cell(line) for column in columns)} |"


def table(columns: list[Column[T]], lines: list[T]) -> str:
    """Return a table with its head."""
    return "\n".join([head(columns), *(row(columns, line) for line in lines)])


def shape() -> Column[Line]:
    """Return the column with the shape of the workload."""
    return Column("(n, D, K)", lambda line: line.workload.shape)


def times(names: list[str], limits: Limits) -> list[Column[Line]]:
    """Return the columns of seconds per iteration: the dense limit, gaussmix, and the other libraries with ratios."""

    def limit(line: Line) -> float:
        return limits.seconds(line.workload)

    return [
        shape(),
        Column("dense limit", lambda line: digits(limit(line))),
        Column(OURS, cell_of(OURS, lambda measured, _: digits(measured.median))),
        Column("share of the limit", cell_of(OURS, lambda measured, line: f"{limit(line) / measured.median:.0%}")),
        *(Column(name, cell_of(name, seconds_and_ratio_to_ours)) for name in names if name != OURS),
    ]


def agreement(names: list[str]) -> list[Column[Line]]:
    """Return the columns of memory above the rows, and of differences between log-likelihoods."""
    return [
        *(Column(f"MB, {name}", cell_of(name, lambda measured, _: megabytes(measured.peak))) for name in names),
        *(Column(f"less {name}", differs_from(name)) for name in names if name != OURS),
    ]


def cell_of(name: str, text: Callable[[Measured, Line], str]) -> Callable[[Line], str]:
    """Return a function for a column about a library: empty text without a measurement, "fails" after an error."""

    def cell(line: Line) -> str:
        measured = line.measured.get(name)
        return "" if measured is None else "fails" if measured.failure else text(measured, line)

    return cell


def ratio(line: Line, name: str) -> float:
    """Return the time of a library divided by the time of gaussmix; NaN if either was not measured."""
    ours, theirs = (line.measured[library].seconds if library in line.measured else () for library in (OURS, name))
    return median_ratio(theirs, ours)


def median_ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """Return the median ratio of times that were measured in turn; NaN without times."""
    ratios = [slow / fast for slow, fast in zip(theirs, ours, strict=False)]
    return statistics.median(ratios) if ratios else math.nan


def seconds_and_ratio_to_ours(measured: Measured, line: Line) -> str:
    """Return the seconds of another library, with the ratio to gaussmix if that was measured."""
    return seconds_and_ratio(measured.seconds, line.measured[OURS].seconds if OURS in line.measured else ())


def seconds_and_ratio(theirs: Sequence[float], ours: Sequence[float]) -> str:
    """Return median seconds and their ratio to ours; in bold if the ratio is below one."""
    text, times = digits(statistics.median(theirs)), median_ratio(theirs, ours)
    text = text if math.isnan(times) else f"{text} ({digits(times, 2)}{TIMES})"
    return f"**{text}**" if times < 1 else text


def losses(lines: list[Line], names: list[str]) -> list[str]:
    """Return a sentence for each workload and library that is faster than gaussmix, the fastest first."""
    lost = [(ratio(line, name), line.workload, name) for line in lines for name in names if ratio(line, name) < 1]
    return [
        f"{workload}: {name} takes {times:.0%} of gaussmix's time."
        for times, workload, name in sorted(lost, key=lambda loss: loss[0])
    ]


def differs_from(name: str) -> Callable[[Line], str]:
    """Return a function for a column of differences between log-likelihoods, in nats per row."""
    return cell_of(name, lambda measured, line: exponent(line.measured[OURS].log_likelihood - measured.log_likelihood))


def exponent(difference: float) -> str:
    """Return a small number as text; empty text for NaN."""
    return "" if math.isnan(difference) else f"{difference:.0e}"


def megabytes(peak: float | None) -> str:
    """Return memory in MB as text; empty text if the system does not tell."""
    return "" if peak is None else f"{peak:.0f}"


def digits(number: float, n_digits: int = 3) -> str:
    """Return a positive number as text with `n_digits` significant digits."""
    places = n_digits - 1 - math.floor(math.log10(number)) if number > 0 else n_digits
    return f"{number:.{max(places, 0)}f}"
