"""Write the results into docs/performance.md, tables, picture and list of losses, and into the table of the README.

python -m benchmarks.page                 # from the results of the page, in docs/performance
python -m benchmarks.page FOLDER          # from new results, which replace the results in docs/performance

The text between two comments of the page is replaced, and the other text is not changed. Results that are missing in
the folder are not changed either.
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


def fill_parts(text: str, parts: dict[str, str]) -> str:
    """Return the text with each part inserted between the two comments with its name."""
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, found_begin, rest = text.partition(begin)
        _, found_end, after = rest.partition(end)
        if not (found_begin and found_end):
            msg = f"The page must have the comments {begin} and {end}; write them where the part belongs."
            raise ValueError(msg)
        text = f"{before}{begin}\n\n{part}\n\n{end}{after}"
    return text


def tables(grid: Results) -> str:
    """Return two tables for each kind of data: times, and memory and agreement."""
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
    """Return the parts of the page, from the results in a folder; experiments without results are omitted."""
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
    """Return the part of the README: the times for the first kind of data."""
    grid = Results.load(folder / "grid.json")
    _, lines = next(iter(grid.groups()))
    return {"speed": table(times(grid.names, grid.limits), lines)}


def experiment(name: str, folder: Path, grid: Results) -> str:
    """Return the table of an experiment, and its machine if the grid was measured on another machine."""
    machine, records = EXPERIMENTS[name].load(folder / f"{name}.json")
    part = EXPERIMENTS[name].markdown(records)
    return part if machine == grid.machine else f"{part}\n\nMeasured on {sentence(machine)}"


def main() -> None:
    """Copy the results, draw the picture, and write the page and the README."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER, help=f"folder with the results ({FOLDER})")
    folder = parser.parse_args().folder.resolve()
    for file in FILES:
        if folder != FOLDER and (folder / file).exists():
            copyfile(folder / file, FOLDER / file)
    draw(Results.load(FOLDER / "slopes.json"), FOLDER / "slopes.png")
    for page, made in ((PAGE, parts(FOLDER)), (README, short(FOLDER))):
        page.write_text(fill_parts(page.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
