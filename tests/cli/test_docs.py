import re
import shlex
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/command-line.md").read_text()
EXAMPLES = [
    (command, printed)
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for command, printed in re.findall(r"^\$ gaussmix (.*)\n((?:[^$].*\n|\n)*)", block, re.MULTILINE)
    if "| jq" not in command
]
CRITERIA = re.compile(r"\d +\d+\.\d\d[ *<]")  # a line of their table


def like(line, wanted):
    """Return whether two lines have the same words and, to three digits, the same numbers; of criteria, as many."""
    if CRITERIA.match(wanted):
        return len(line.split()) == len(wanted.split())
    ours, theirs = ([number(word) for word in re.split(r"[\s,()]+", text.strip())] for text in (line, wanted))
    return len(ours) == len(theirs) and all(map(same, ours, theirs))


def number(word):
    try:
        return float(word)
    except ValueError:
        return word


def same(one, other):
    return one == (pytest.approx(other, rel=2e-3, abs=2e-3) if isinstance(other, float) else other)


def test_the_page_shows_what_the_commands_print(gaussmix, monkeypatch, tmp_path):
    shutil.copy(ROOT / "examples/data/faithful.csv", tmp_path)
    (tmp_path / "cars.csv").write_text("speed,gears,name\n1,2,3\n1,2,beetle\n")
    monkeypatch.chdir(tmp_path)
    assert len(EXAMPLES) == 8
    for command, printed in EXAMPLES:
        arguments, _, filtered = command.partition(" | ")
        result = gaussmix(*shlex.split(arguments))
        lines, expected = (result.stdout + result.stderr).splitlines(), printed.splitlines()
        if filtered:
            lines = lines[: int(filtered.removeprefix("head -n "))]
        assert len(lines) == len(expected), command
        for line, wanted in zip(lines, expected, strict=True):
            assert like(line, wanted), (command, line, wanted)


def test_every_option_of_fit_is_on_the_page(done):
    for option in set(re.findall(r"--[a-z-]+", done("fit", "--help"))) - {"--help"}:
        assert f"`{option}" in PAGE, option
