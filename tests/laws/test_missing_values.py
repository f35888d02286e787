"""Every public method that takes rows takes rows with missing values, and uses the observed values of each row."""

import inspect
import warnings

import numpy as np
import pytest

import gaussmix
from cases import mixture
from gaussmix import (
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    Mixture,
    diagnose,
    missing_summary,
)
from gaussmix.hierarchy import merge_components
from gaussmix.sources.incomplete import IncompleteSource

TRUTH = mixture(np.random.default_rng(5), n_components=2, n_features=3, spread=4.0)
ROWS = TRUTH.sample(150, random_state=0)
HOLED = ROWS.copy()
HOLED[::7, 0] = np.nan
HOLED[3::14, 1:] = np.nan
FEW = np.vstack([HOLED[:4], [[np.nan] * 3]])
TARGET = ROWS @ [1.0, -2.0, 0.5] + np.random.default_rng(1).normal(size=150)
LABELS = TRUTH.predict(ROWS)


def fitted():
    """Return fitted estimators, by the name of their class."""
    return {
        "Mixture": TRUTH,
        "GaussianMixture": GaussianMixture(2, random_state=0).fit(HOLED),
        "GaussianMixtureSearch": GaussianMixtureSearch([1, 2], structures=["full"], random_state=0).fit(HOLED),
        "GaussianMixtureClassifier": GaussianMixtureClassifier(1, covariance_type="full", random_state=0).fit(
            HOLED, LABELS
        ),
        "GaussianMixtureOutlierDetector": GaussianMixtureOutlierDetector(2, covariance_type="full", random_state=0).fit(
            HOLED
        ),
        "GaussianMixtureRegressor": GaussianMixtureRegressor(2, covariance_type="full", random_state=0).fit(
            HOLED, TARGET
        ),
    }


MODELS = fitted()
OF_ALL_ROWS = {
    "fit",
    "fit_predict",
    "fit_transform",
    "score",
    "aic",
    "bic",
    "icl",
    "diagnose",
    "merge_components",
}
"""Methods whose result is about all rows together."""


def methods():
    """Return the class and the name of each public method that takes rows."""
    for name, model in MODELS.items():
        for method in dir(type(model)):
            function = getattr(type(model), method)
            if method.startswith("_") or not callable(function):
                continue
            if {"X", "rows"} & set(list(inspect.signature(function).parameters)[1:2]):
                yield name, method


def of_each(answer):
    """Return the answers of the rows, in an array whose first axis is the rows."""
    if isinstance(answer, gaussmix.ConditionalMixtures):
        return answer.mean
    return np.asarray(answer[0] if isinstance(answer, tuple) else answer)


@pytest.mark.parametrize(("name", "method"), [pair for pair in methods() if pair[1] not in OF_ALL_ROWS])
def test_the_answer_of_a_row_is_that_of_the_row_alone(name, method):
    ask = getattr(MODELS[name], method)
    together, alone = of_each(ask(FEW)), np.concatenate([of_each(ask(row[None])) for row in FEW])
    if together.dtype.kind in "iuU":
        np.testing.assert_array_equal(together, alone)
    else:
        np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-12)
        assert np.isfinite(together).all()


@pytest.mark.parametrize(("name", "method"), [pair for pair in methods() if pair[1] in OF_ALL_ROWS])
def test_methods_of_all_rows_take_missing_values(name, method):
    model, target = MODELS[name], {"GaussianMixtureRegressor": TARGET, "GaussianMixtureClassifier": LABELS}.get(name)
    with warnings.catch_warnings(action="ignore"):
        answer = getattr(model, method)(HOLED, *() if target is None else (target,))
    assert answer is not None
    if isinstance(answer, float):
        assert np.isfinite(answer)


def test_functions_of_a_mixture_and_rows_take_missing_values():
    assert diagnose(TRUTH, HOLED).spurious == ()
    assert missing_summary(HOLED).n_rows == 150
    assert merge_components(TRUTH, IncompleteSource.of(HOLED)).n_components == 2


@pytest.mark.parametrize("method", ["logpdf", "pdf", "responsibilities"])
def test_densities_are_those_of_the_observed_values(method):
    for row in FEW[:4]:
        known = np.flatnonzero(~np.isnan(row)).tolist()
        expected = getattr(TRUTH.marginal(known), method)(row[None, known])
        np.testing.assert_allclose(getattr(TRUTH, method)(row[None]), expected, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in MODELS if name != "Mixture"])
def test_estimators_say_that_they_take_missing_values(name):
    assert MODELS[name].__sklearn_tags__().input_tags.allow_nan


def test_the_mixture_has_methods_that_take_rows():
    assert {method for name, method in methods() if name == "Mixture"} == {
        "logpdf",
        "pdf",
        "responsibilities",
        "predict",
        "impute",
    }
    assert isinstance(TRUTH, Mixture)
