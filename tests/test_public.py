import inspect
import subprocess
import sys
from functools import cache

import pytest

import gaussmix

NAMES = [
    "Bounds",
    "ConditionalMixtures",
    "Covariances",
    "Diagnosis",
    "Diagonal",
    "Estimate",
    "Full",
    "GaussianMixture",
    "GaussianMixtureClassifier",
    "GaussianMixtureImputer",
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
    "Hierarchy",
    "MissingSummary",
    "Mixture",
    "ModelFileError",
    "Modes",
    "NormalInverseWishart",
    "SearchResults",
    "Spherical",
    "Status",
    "Tied",
    "diagnose",
    "load",
    "missing_summary",
    "save",
]


def test_the_public_names():
    assert gaussmix.__all__ == NAMES


def public_callables():
    for name in NAMES:
        thing = getattr(gaussmix, name)
        yield name, thing
        if inspect.isclass(thing):
            members = ((part, getattr(thing, part)) for part in vars(thing) if not part.startswith("_"))
            yield from ((f"{name}.{part}", value) for part, value in members if callable(value))


@pytest.mark.parametrize(("name", "thing"), list(public_callables()))
def test_everything_public_is_documented(name, thing):
    assert inspect.getdoc(thing), name


@cache
def loaded_by(code):
    found = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(found.stdout.split())


HELP = (
    "import sys; sys.argv = ['gaussmix', '--help']; from gaussmix.cli import main\ntry: main()\nexcept SystemExit: pass"
)


@pytest.mark.parametrize("code", ["import gaussmix", HELP], ids=["package", "command"])
def test_neither_the_package_nor_the_help_of_its_command_loads_what_takes_long(code):
    assert not {"numpy", "scipy", "sklearn", "joblib", "gaussmix.mixture"} & loaded_by(code)


FIRST = """
import sys, gaussmix
for name in gaussmix.__all__:
    for loaded in [one for one in sys.modules if one.startswith("gaussmix.")]:
        del sys.modules[loaded]
    vars(gaussmix).pop(name, None)
    assert getattr(gaussmix, name).__name__ == name
"""


def test_each_public_name_may_be_the_first_that_is_asked_for():
    assert "gaussmix.mixture" in loaded_by(FIRST)


def test_an_estimator_loads_no_other():
    others = {f"gaussmix.estimators.{name}" for name in ("classifier", "imputer", "regressor", "outliers", "search")}
    assert not others & loaded_by("from gaussmix import GaussianMixture")


FIT = "import numpy, gaussmix; gaussmix.GaussianMixture(3).fit(numpy.random.default_rng(0).normal(size=(150, 4)))"
SLOW = {
    "gaussmix.selection.search",
    "numba",
    "matplotlib",
    "polars",
    "typer",
    "rich",
    "safetensors",
    "scipy.cluster",
    "sklearn.cluster",
}


def test_a_first_small_fit_waits_for_nothing_that_scikit_learns_own_does_not_load():
    """And so not for a compiler. lazy_loader is a third of a millisecond. What scikit-learn loads depends on what is
    installed: pandas, for one."""
    more = loaded_by(FIT) - loaded_by("import sklearn.mixture")
    assert {name for name in more if name.split(".")[0] != "gaussmix"} == {"lazy_loader"}


def test_a_first_small_fit_does_without_what_is_slow_to_load():
    assert not (SLOW & loaded_by(FIT)) - loaded_by("import sklearn.base")


_FIRST_TOUCHED_IN_THREADS = """
import threading, gaussmix
names, start = gaussmix.__all__, threading.Barrier(len(gaussmix.__all__))
failed = []
def touch(name):
    start.wait()
    try:
        getattr(gaussmix, name)
    except BaseException as error:
        failed.append(f"{name}: {error}")
threads = [threading.Thread(target=touch, args=(name,)) for name in names]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not failed, failed
"""


def test_names_may_be_touched_first_in_several_threads():
    subprocess.run([sys.executable, "-c", _FIRST_TOUCHED_IN_THREADS], check=True)  # noqa: S603 - this interpreter
