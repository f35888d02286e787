"""Draw the pictures of the documentation, or check that those in the repository are what the scripts draw.

    pip install -e ".[docs]"
    python docs/pictures/make.py               # all, in half a minute
    python docs/pictures/make.py race grid     # some
    python docs/pictures/make.py --check       # compare with the repository, and exit with 1 if a picture differs

The modules beside this file draw the pictures. Seeds are fixed.
"""

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import explained
import matplotlib as mpl
import plotting
from joblib import Parallel, delayed
from matplotlib import pyplot as plt
from matplotlib.testing.compare import compare_images
from matplotlib.testing.exceptions import ImageComparisonFailure
from style import STYLE

import optimum

FOLDER = Path(__file__).parent
PICTURES = optimum.PICTURES | explained.PICTURES | plotting.PICTURES
TOLERANCE = 1.0
"""The largest root mean square of the differences of pixels, of 255: fonts of another version differ by less, and a
digit that differs gives more."""


def draw(name: str, folder: Path) -> None:
    """Draw a picture into a folder."""
    mpl.use("agg")
    with mpl.rc_context(STYLE), warnings.catch_warnings(action="ignore"):
        figure = PICTURES[name]()
        figure.savefig(folder / f"{name}.png")
        plt.close(figure)


def draw_all(names: list[str], folder: Path) -> None:
    """Draw pictures on all cores."""
    Parallel(n_jobs=-1)(delayed(draw)(name, folder) for name in names)


def compare(names: list[str]) -> list[str]:
    """Return a line for each picture of the repository that differs from what its script draws."""
    with tempfile.TemporaryDirectory() as folder:
        draw_all(names, Path(folder))
        found = {name: difference(FOLDER / f"{name}.png", Path(folder, f"{name}.png")) for name in names}
    return [f"{name}.png {text}; run: python docs/pictures/make.py {name}" for name, text in found.items() if text]


def difference(kept: Path, drawn: Path) -> str:
    """Return what distinguishes two pictures, or an empty text."""
    if not kept.exists():
        return "is not in the repository"
    try:
        found = compare_images(kept, drawn, TOLERANCE, in_decorator=True)
    except ImageComparisonFailure:
        return "has another size than what its script draws"
    return f"differs from what its script draws by {found['rms']:.1f} of 255" if found else ""


def main() -> int:
    """Draw or compare the pictures that were asked for."""
    parser = argparse.ArgumentParser(description="Draw pictures of the documentation.")
    parser.add_argument("names", nargs="*", default=list(PICTURES), help=", ".join(PICTURES))
    parser.add_argument("--check", action="store_true", help="compare with the pictures in the repository")
    arguments = parser.parse_args()
    if not arguments.check:
        draw_all(arguments.names, FOLDER)
        return 0
    orphans = {path.stem for path in FOLDER.glob("*.png")} - set(PICTURES)
    differences = [*compare(arguments.names), *(f"{name}.png is drawn by no script" for name in sorted(orphans))]
    print(*differences, sep="\n", end="\n" if differences else "")
    return len(differences) > 0


if __name__ == "__main__":
    sys.exit(main())
