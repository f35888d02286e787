"""What is public has its place in the documentation."""

import re
from pathlib import Path

import pytest

import gaussmix
from gaussmix import datasets, plot

DOCS = Path(__file__).parents[1] / "docs"
API = {path.stem: path.read_text() for path in (DOCS / "api").glob("*.rst")}
MEMBERS = [name for name in vars(gaussmix.Mixture) if not name.startswith("_")]
FIELDS = set(gaussmix.Mixture.__dataclass_fields__)


def documented(text):
    return set(re.findall(r"\.\. auto\w+:: (?:gaussmix\.)?(\S+)", text))


@pytest.mark.parametrize("name", gaussmix.__all__)
def test_each_public_name_has_an_entry(name):
    assert name in documented("\n".join(API.values()))


@pytest.mark.parametrize("name", plot.__all__)
def test_each_picture_has_an_entry(name):
    assert name in documented(API["plot"])


@pytest.mark.parametrize("name", datasets.__all__)
def test_each_table_has_an_entry(name):
    assert name in documented(API["datasets"])


@pytest.mark.parametrize("name", [name for name in MEMBERS if name not in FIELDS])
def test_each_method_of_a_mixture_has_an_entry(name):
    assert f"Mixture.{name}" in documented(API["mixture"])


@pytest.mark.parametrize("page", [path.stem for path in DOCS.glob("*.md")])
def test_each_page_can_be_found(page):
    linked = (DOCS / "index.md").read_text() + (DOCS / "guide.md").read_text()
    assert page == "index" or re.search(rf"^(\w+ <)?{page}>?$", linked, re.MULTILINE)
