"""The progress of a search on stderr: a bar in a terminal, else a line every few seconds."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from gaussmix.cli.console import candidate_name, stream
from gaussmix.selection import Candidate, Watch

__all__ = ["show_progress"]

_SECONDS = 5.0
"""The time between two lines of progress where stderr is no terminal, in seconds."""

_BAR_WIDTH = 16
"""The width of the bar, in characters: with the longest texts beside it, a line has fewer than 80."""

_FEWEST_FOR_ESTIMATE = 3
"""The number of evaluations from which on the time left is estimated: the first ones load the compiled engine."""


@dataclass
class _Clock:
    """The evaluations that are done, and the time that they took."""

    total: int
    done: int = 0
    last: str = ""
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """The time since the beginning, in seconds."""
        return time.monotonic() - self.began

    @property
    def left(self) -> str:
        """The estimated time to the end, as ``about 20 s left``; empty as long as there is no estimate."""
        if self.done < _FEWEST_FOR_ESTIMATE:
            return ""
        return f"about {_duration(self.seconds * (self.total - self.done) / self.done)} left"

    def __str__(self) -> str:
        parts = [f"{self.done} of {self.total} models in {_duration(self.seconds)}", self.left, self.last]
        return ", ".join(part for part in parts if part)


def _duration(seconds: float) -> str:
    """Return a time span in its largest unit that fits, as ``40 s``, ``3 min`` or ``2.5 h``."""
    if seconds < 100:  # noqa: PLR2004 - up to here seconds are easier to read than minutes
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004 - as above


@contextmanager
def show_progress(total: int, *, quiet: bool) -> Iterator[Watch]:
    """Show progress on stderr, and yield the function that moves it on by one model."""
    console, clock = stream(stderr=True), _Clock(total)

    def watch(candidate: Candidate) -> None:
        clock.done += 1
        clock.last = candidate_name(candidate)

    if quiet:
        yield watch
    else:
        with _bar(console, clock) if console.is_terminal else _lines(console, clock):
            yield watch


class _Said(ProgressColumn):
    """A text that is made anew whenever the bar is drawn."""

    def __init__(self, text: Callable[[], str]) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._text = text

    def render(self, task: Task) -> Text:
        return Text(self._text())


class _Share(BarColumn):
    """A bar that follows the clock."""

    def __init__(self, clock: _Clock) -> None:
        super().__init__(bar_width=_BAR_WIDTH)
        self._clock = clock

    def render(self, task: Task) -> ProgressBar:
        task.completed = self._clock.done
        return super().render(task)


@contextmanager
def _bar(console: Console, clock: _Clock) -> Iterator[None]:
    columns = (
        _Said(lambda: f"Fitted {clock.last}" if clock.last else "Fitting"),
        _Share(clock),
        _Said(lambda: f"{clock.done}/{clock.total}"),
        _Said(lambda: ", ".join(part for part in (_duration(clock.seconds), clock.left) if part)),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        bar.add_task("Fitting", total=clock.total)
        yield


@contextmanager
def _lines(console: Console, clock: _Clock) -> Iterator[None]:
    """Print a line every few seconds, in a thread of its own: a single model may take longer."""
    ended = threading.Event()

    def print_lines() -> None:
        while not ended.wait(_SECONDS):
            console.print(f"Fitting: {clock}", soft_wrap=True)

    thread = threading.Thread(target=print_lines, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
