import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = runpy.run_path(str(ROOT / "docs/console.py"))
PAGE = CONSOLE["PAGE"].read_text(encoding="utf-8")


def like(line, wanted):
    """Return whether lines have the same words, and the same numbers to three digits; unfinished fits to two."""
    ours, theirs = (re.split(r"[\s,()<*]+", text.strip()) for text in (line, wanted))
    digits = 2e-2 if "<" in wanted else 2e-3
    return len(ours) == len(theirs) and all(map(same, ours, theirs, [digits] * len(ours)))


def same(one, other, digits):
    try:
        return float(one) == pytest.approx(float(other), rel=digits, abs=digits)
    except ValueError:
        return one == other


def test_the_page_shows_what_the_commands_print():
    lines, wanted = CONSOLE["fill"](PAGE).splitlines(), PAGE.splitlines()
    assert len(lines) == len(wanted), "run: python docs/console.py"
    for one, other in zip(lines, wanted, strict=True):
        assert like(one, other), (one, other, "run: python docs/console.py")
    assert PAGE.count("$ gaussmix ") == 11


@pytest.mark.parametrize("command", ["fit", "predict", "score", "outliers", "sample", "show"])
def test_every_option_is_on_the_page(done, command):
    for option in set(re.findall(r"--[a-z-]+", done(command, "--help"))) - {"--help", "--n-samples"}:
        assert f"`{option}" in PAGE, option
