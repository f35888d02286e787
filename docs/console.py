"""The outputs of commands on the pages: ``python docs/console.py`` writes them anew.

The site calls `fill` when it is built, so that it shows the outputs of the code that ships; a test compares them with
those on the pages.
"""

import re
import shlex
import shutil
import tempfile
from contextlib import chdir
from pathlib import Path

from typer.testing import CliRunner

from gaussmix.cli.commands import app
from gaussmix.datasets import load_faithful

DOCS = Path(__file__).parent
PAGES = (DOCS / "command-line.md", DOCS / "index.md", DOCS.parent / "README.md")
CARS = "name,speed,gears\nbeetle,1.5,4\nvan,2.5,4\nbus,3.5,5\nmini,2,4\n"
EUROPE = "Länge;Gewicht\n1,25;1.012,5\n1,31;998\n2,5;2.040,25\n2,61;1.999,5\n"
HOLES = "date,eruptions,waiting\n2024-05-01,1.9,\n2024-05-02,,82\n2024-05-03,4.2,75\n2024-05-04,,58\n"

_PROGRESS = "Fitting: "
"""The start of lines that depend on the speed of the machine."""

_BLOCK = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)
_COMMAND = re.compile(r"^\$ gaussmix (.*)\n((?:[^$].*\n|\n)*)", re.MULTILINE)


def fill(page: str) -> str:
    """Return a page with the outputs of its commands; commands that need other programs stand without one."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        shutil.copy(load_faithful().filename, folder)
        Path("cars.csv").write_text(CARS, encoding="utf-8")
        Path("holes.csv").write_text(HOLES, encoding="utf-8")
        Path("europe.csv").write_text(EUROPE, encoding="latin-1")
        return _BLOCK.sub(lambda block: _COMMAND.sub(_with_output, block[0]), page)


def _with_output(match: re.Match[str]) -> str:
    command, _, program = match[1].partition(" | ")
    if program and not program.startswith("head"):
        return match[0]
    result = CliRunner().invoke(app, shlex.split(command))
    said = [line for line in result.stderr.splitlines() if not line.startswith(_PROGRESS)]
    lines = [*said, *result.stdout.splitlines()[: int(program.removeprefix("head -n ")) if program else None]]
    return "\n".join([f"$ gaussmix {match[1]}", *lines, ""])


if __name__ == "__main__":
    for path in PAGES:
        path.write_text(fill(path.read_text(encoding="utf-8")), encoding="utf-8")
