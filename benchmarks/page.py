"""Make docs/performance.md from kept results: tables, picture, and the list of what is lost; and the README's table.

python -m benchmarks.page                 # from docs/performance, where the page's results are
python -m benchmarks.page FOLDER          # from new runs, whose results are kept there from then on

What stands between two comments of the page is replaced, and the rest is left as it is. So are results that are not in
the folder.
"""

import argparse
from pathlib import Path
from shutil import copyfile

from benchmarks.experiments import EXPERIMENTS
from benchmarks.machine import sentence
from benchmarks.results import Results
from benchmarks.slopes import draw
from benchmarks.tables import AGREEMENT, SECONDS, agreement, losses, shape, table, times

README = Path(__file__).parents[1] / "README.md"
PAGE = README.parent / "docs" / "performance.md"
FOLDER = PAGE.with_suffix("")
FILES = [f"{name}.json" for name in ("grid", "slopes", *EXPERIMENTS)]


def filled(text: str, parts: dict[str, str]) -> str:
    """The text with each part between the comments of its name."""
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, begun, rest = text.partition(begin)
        _, ended, after = rest.partition(end)
        if not (begun and ended):
            msg = f"The page must have the comments {begin} and {end}; write them where the part shall stand."
            raise ValueError(msg)
        text = f"{before}{begin}\n\n{part}\n\n{end}{after}"
    return text


def tables(grid: Results) -> str:
    """Two tables for each kind of data: times, and what else was measured."""
    parts = []
    for kind, lines in grid.groups():
        parts += [
            f"### {kind.capitalize()}",
            f"{SECONDS}:",
            table(times(grid.names, grid.limits), lines),
            f"{AGREEMENT}:",
            table([shape(), *agreement(grid.names)], lines),
        ]
    return "\n\n".join(parts)


def parts(folder: Path) -> dict[str, str]:
    """What is written into the page, from the results in a folder; experiments that are not there are left out."""
    grid, slopes = (Results.load(folder / f"{name}.json") for name in ("grid", "slopes"))
    lost = losses([*grid.lines, *slopes.lines], grid.names)
    return {
        "machine": f"{sentence(grid.machine)}\n\n{grid.limits.table()}",
        "grid": tables(grid),
        "losses": "\n".join(f"- {loss}" for loss in lost)
        or "No library is faster at any line of the grid, and at no point of the pictures.",
        **{name: experiment(name, folder, grid) for name in EXPERIMENTS if (folder / f"{name}.json").exists()},
    }


def short(folder: Path) -> dict[str, str]:
    """What is written into the README: seconds of the first kind of data."""
    grid = Results.load(folder / "grid.json")
    _, lines = next(iter(grid.groups()))
    return {"speed": table(times(grid.names, grid.limits), lines)}


def experiment(name: str, folder: Path, grid: Results) -> str:
    """The table of an experiment, and the machine where it is not that of the grid."""
    machine, records = EXPERIMENTS[name].load(folder / f"{name}.json")
    told = EXPERIMENTS[name].told(records)
    return told if machine == grid.machine else f"{told}\n\nMeasured on {sentence(machine)}"


def main() -> None:
    """Keep the results, draw the picture, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help=f"where results are kept ({FOLDER})")
    folder = parser.parse_args().folder.resolve()
    for file in FILES:
        if folder != FOLDER and (folder / file).exists():
            copyfile(folder / file, FOLDER / file)
    draw(Results.load(FOLDER / "slopes.json"), FOLDER / "slopes.png")
    for page, made in ((PAGE, parts(FOLDER)), (README, short(FOLDER))):
        page.write_text(filled(page.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
