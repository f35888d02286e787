import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = runpy.run_path(str(ROOT / "docs/console.py"))
PAGES = {path.name: path.read_text(encoding="utf-8") for path in CONSOLE["PAGES"]}
COMMANDS = {"command-line.md": 12, "index.md": 1, "README.md": 1}


def like(line, wanted):
    """Return whether lines have the same words, and the same numbers to three digits; unfinished fits to two."""
    ours, theirs = (re.split(r"[\s,()<*]+", text.strip()) for text in (line, wanted))
    digits = 2e-2 if "<" in wanted else 2e-3
    return len(ours) == len(theirs) and all(map(same, ours, theirs, [digits] * len(ours)))


def same(one, other, digits):
    try:
        return one == other or float(one) == pytest.approx(float(other), rel=digits, abs=digits)
    except ValueError:
        return False


@pytest.mark.parametrize("name", PAGES)
def test_pages_show_what_the_commands_print(name):
    lines, wanted = CONSOLE["fill"](PAGES[name]).splitlines(), PAGES[name].splitlines()
    assert len(lines) == len(wanted), "run: python docs/console.py"
    for one, other in zip(lines, wanted, strict=True):
        assert like(one, other), (one, other, "run: python docs/console.py")
    assert PAGES[name].count("$ gaussmix ") == COMMANDS[name]


@pytest.mark.parametrize("command", ["fit", "predict", "impute", "score", "outliers", "sample", "show"])
def test_every_option_is_on_the_page(done, command):
    for option in set(re.findall(r"--[a-z-]+", done(command, "--help"))) - {"--help", "--n-samples"}:
        assert f"`{option}" in PAGES["command-line.md"], option
