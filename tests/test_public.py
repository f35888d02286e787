import inspect
import subprocess
import sys

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
    "GaussianMixtureOutlierDetector",
    "GaussianMixtureRegressor",
    "GaussianMixtureSearch",
    "Hierarchy",
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


def loaded_by(code):
    found = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(found.stdout.split())


HEAVY = {"numba", "matplotlib", "polars", "pandas", "typer", "rich", "safetensors"}


def test_importing_loads_nothing_heavy_that_scikit_learn_does_not():
    assert not (HEAVY & loaded_by("import gaussmix")) - loaded_by("import sklearn.mixture")


def test_a_small_fit_waits_for_no_compiler():
    fit = "gaussmix.GaussianMixture(2).fit(numpy.random.default_rng(0).normal(size=(99, 2)))"
    assert "numba" not in loaded_by(f"import gaussmix, numpy; {fit}")
