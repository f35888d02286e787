"""Public names have their places in the documentation, and examples."""

import inspect
import pydoc
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


def public_callables():
    """Yield all documented functions and classes, and the methods of public classes.

    Methods that come from scikit-learn as they are (``get_params``, ``set_params``, metadata routing, ``score`` of a
    classifier) have scikit-learn's documentation, and no example of ours.
    """
    for name in sorted(documented(API["loop"])):
        yield name, pydoc.locate(f"gaussmix.{name}")
    for module in (gaussmix, plot, datasets):
        for name in module.__all__:
            public = getattr(module, name)
            yield name, public
            if inspect.isclass(public):
                yield from ((f"{name}.{part}", getattr(public, part)) for part in own_methods(public))


def own_methods(public):
    """Return the names of the public methods that a class has from this package."""
    ours = [base for base in public.__mro__ if base.__module__.startswith("gaussmix")]
    parts = {part for base in ours for part in vars(base) if not part.startswith("_")}
    return sorted(part for part in parts if callable(getattr(public, part)) and is_ours(getattr(public, part)))


def is_ours(method):
    return inspect.unwrap(method).__module__.startswith("gaussmix")


@pytest.mark.parametrize(("name", "public"), [pytest.param(*one, id=one[0]) for one in public_callables()])
def test_everything_public_has_an_example(name, public):
    """pytest runs the examples (``--doctest-modules``)."""
    _, _, examples = inspect.getdoc(public).partition("\nExamples\n--------\n")
    assert ">>> " in examples, name


@pytest.mark.parametrize("page", [path.stem for path in DOCS.glob("*.md")])
def test_each_page_can_be_found(page):
    linked = (DOCS / "index.md").read_text() + (DOCS / "guide.md").read_text()
    assert page == "index" or re.search(rf"^(\w+ <)?{page}>?$", linked, re.MULTILINE)
