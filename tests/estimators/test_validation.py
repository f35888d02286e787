"""Validation of rows, targets, labels and weights: the same rules for all estimators and for mixtures."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from gaussmix import (
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    Mixture,
)
from gaussmix.diagnosis import diagnose
from gaussmix.weights import effective_size

pytestmark = pytest.mark.filterwarnings("ignore:Column 2 is rounded")  # labels, as a target of the regressor

FEW = {"covariance_type": ("full", "diag"), "random_state": 0}
ESTIMATORS = {
    "mixture": lambda **options: GaussianMixture(2, random_state=0, **options),
    "search": lambda **options: GaussianMixtureSearch([1, 2], structures=["full", "diag"], random_state=0, **options),
    "detector": lambda **options: GaussianMixtureOutlierDetector([1, 2], random_state=0, **options),
    "regressor": lambda **options: GaussianMixtureRegressor([1, 2], random_state=0, **options),
    "classifier": lambda **options: GaussianMixtureClassifier([1, 2], **FEW, **options),
    "classifier across": lambda **options: GaussianMixtureClassifier([1, 2], across_classes=True, **FEW, **options),
}
estimators = pytest.mark.parametrize("make", ESTIMATORS.values(), ids=ESTIMATORS.keys())


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    far = rng.random(300) < 0.3
    return np.where(far[:, None], rng.normal(5, 1, (300, 2)), rng.normal(0, 1, (300, 2))), far.astype(int)


def target_for(make, rows, labels):
    """Labels, or numbers for a regressor: a target of two values is a rounded column, of which a fit warns."""
    return rows[:, 0] if make is ESTIMATORS["regressor"] else labels


def bad_tables(rows):
    mask = np.zeros(rows.shape, dtype=bool)
    mask[3, 1] = True
    infinite = np.where(mask, np.inf, rows)
    return {
        "contains infinity in column 1": [infinite],
        "contains infinity in column 'b'": [pd.DataFrame(infinite, columns=["a", "b"])],
        "Complex data not supported": [rows + 1j],
        r"\.collect\(\)": [pl.DataFrame(rows, schema=["a", "b"]).lazy()],
    }


@pytest.mark.parametrize("name", ["detector", "regressor"])
def test_a_missing_value_is_one_in_any_container(name, table):
    make, (rows, labels) = ESTIMATORS[name], table
    labels = target_for(make, rows, labels)
    holed = np.where(np.arange(600).reshape(300, 2) == 7, np.nan, rows)
    plain = make().fit(holed, labels)
    for other in (
        pd.DataFrame(holed).convert_dtypes(),
        np.ma.masked_invalid(holed),
        np.where(np.isnan(holed), None, holed),
    ):
        with warnings.catch_warnings(action="ignore"):
            fitted = make().fit(other, labels)
            np.testing.assert_array_equal(fitted.mixture_.means, plain.mixture_.means)
            np.testing.assert_array_equal(fitted.predict(other), plain.predict(holed))


@estimators
def test_every_estimator_refuses_what_is_no_number(make, table):
    rows, labels = table
    labels = target_for(make, rows, labels)
    fitted = make().fit(rows, labels)
    for message, tables in bad_tables(rows).items():
        for bad in tables:
            for method in (lambda bad: make().fit(bad, labels), fitted.predict):
                with pytest.raises((ValueError, TypeError), match=f"X .*{message}|{message}.* X"):
                    method(bad)


@estimators
def test_every_estimator_reads_masked_arrays_without_a_masked_entry(make, table):
    rows, labels = table
    labels = target_for(make, rows, labels)
    plain, masked = make().fit(rows, labels), make().fit(np.ma.array(rows), np.ma.array(labels))
    np.testing.assert_array_equal(plain.mixture_.means, masked.mixture_.means)


@pytest.mark.parametrize("bad", [np.where(np.arange(300) == 3, np.inf, 1.0), np.ones(300) * 1j])
def test_targets_are_read_as_rows_are(table, bad):
    with pytest.raises(ValueError, match=r"y must be finite, but contains infinity|Complex data not supported: y"):
        GaussianMixtureRegressor(1).fit(table[0], bad)


def test_a_masked_label_is_a_missing_one(table):
    rows, labels = table
    with pytest.raises(ValueError, match="y has 1 masked entries of 300"):
        GaussianMixtureClassifier(1).fit(rows, np.ma.array(labels, mask=np.arange(300) == 3))


MIXTURE = Mixture([0.4, 0.6], [[0.0, 0.0], [5.0, 5.0]], [1.0, 2.0], feature_names=["a", "b"])
ONE = MIXTURE.marginal(0)
TAKING_VALUES = {
    "logpdf": MIXTURE.logpdf,
    "pdf": MIXTURE.pdf,
    "responsibilities": MIXTURE.responsibilities,
    "predict": MIXTURE.predict,
    "diagnose": lambda rows: diagnose(MIXTURE, rows),
    "transform": MIXTURE.transform,
    "convolve": MIXTURE.convolve,
    "cdf": ONE.cdf,
    "ppf": ONE.ppf,
    "interval": ONE.interval,
    "level": MIXTURE.level,
    "condition": lambda rows: MIXTURE.condition({"a": rows}),
    "conditional logpdf": lambda rows: MIXTURE.condition({"a": [0.0, 1.0]}).logpdf(rows),
    "box_probability": lambda rows: MIXTURE.box_probability(rows, 9.0),
    "box_probability, upper": lambda rows: MIXTURE.box_probability(-9.0, rows),
    "means": lambda rows: Mixture([0.5, 0.5], rows, [1.0, 1.0]),
    "weights": lambda rows: Mixture(rows, [[0.0], [1.0]], [1.0, 1.0]),
    "covariances": lambda rows: Mixture([0.5, 0.5], [[0.0], [1.0]], rows),
    "from_covariances": lambda rows: type(MIXTURE.covariances).from_covariances(rows),
}


TAKING_HOLES = {"logpdf", "pdf", "responsibilities", "predict", "diagnose"}


@pytest.mark.parametrize("name", TAKING_VALUES)
def test_every_method_of_a_mixture_refuses_what_is_no_number(name):
    method = TAKING_VALUES[name]
    rows = np.array([[0.1, 0.2], [0.3, 0.4]])
    with pytest.raises(ValueError, match="Complex data not supported"):
        method(rows + 0j)
    with pytest.raises(TypeError, match=r"\.collect\(\)"):
        method(pl.DataFrame(rows).lazy())
    masked = np.ma.array(rows, mask=[[False, False], [False, True]])
    if name in TAKING_HOLES:
        assert repr(method(masked)) == repr(method(np.where(masked.mask, np.nan, rows)))
        masked = np.where(masked.mask, np.inf, rows)
    with pytest.raises(ValueError, match=r"NaN|finite|positive|from 0 to 1|between 0 and 1|sum to 1|shape"):
        method(masked)


def test_columns_of_a_lazy_frame_are_not_asked_for():
    with pytest.raises(TypeError, match=r"rows is a LazyFrame.*rows\.collect\(\)"):
        MIXTURE.logpdf(pl.DataFrame({"a": [0.0], "b": [1.0]}).lazy())


# --- Far rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["reference", "fused"])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_answers_about_far_rows_are_finite(table, engine, covariance_type, dtype):
    model = GaussianMixture(2, covariance_type=covariance_type, engine=engine, random_state=0).fit(table[0])
    largest = float(np.finfo(dtype).max)
    far = np.array([[1e200, 0.0], [-1e300, 1e300], [largest, -largest], [1e160, 0.0], [0.0, 0.0]])
    rows = np.clip(np.tile(far, (50, 1)), -largest, largest).astype(dtype)
    weights = np.full(len(rows), 1e300)
    assert np.isfinite(model.score_samples(rows)).all()
    assert np.isfinite([model.score(rows), model.bic(rows), model.aic(rows), model.icl(rows)]).all()
    assert np.isfinite([model.score(rows, sample_weight=weights), model.bic(rows, sample_weight=weights)]).all()
    np.testing.assert_allclose(model.predict_proba(rows).sum(axis=1), 1.0, rtol=1e-6)


def test_the_score_of_far_rows_is_the_mean_of_what_they_saturate_at(table):
    model = GaussianMixture(2, random_state=0).fit(table[0])
    rows, weights = np.array([[1e200, 0.0], [0.0, 0.0], [-1e200, 0.0]]), [2.0, 5.0, 1.0]
    lowest = np.finfo(np.float64).min
    assert model.score(rows) == pytest.approx(2 / 3 * lowest)
    assert model.score(rows, sample_weight=weights) == pytest.approx(3 / 8 * lowest)
    assert model.score(rows[[0, 2]]) == lowest


# --- Weights ---------------------------------------------------------------------------------------------------------


def said_of_weights(function):
    """What is returned, and the warnings about weights."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = function()
    return found, [one for one in caught if "The weights sum to" in str(one.message)]


@estimators
def test_weights_that_sum_to_one_are_warned_about_once_on_the_users_line(make, table):
    rows, labels = table
    _, said = said_of_weights(lambda: make().fit(rows, labels, sample_weight=np.full(300, 1 / 300)))
    assert [(one.category, one.filename) for one in said] == [(UserWarning, __file__)]
    assert "sum to 1, less than the effective number of rows, 300" in str(said[0].message)
    assert "set weights_are='relative'" in str(said[0].message)


@estimators
def test_counts_and_relative_weights_are_not_warned_about(make, table):
    rows, labels = table
    counts = np.random.default_rng(0).integers(0, 4, size=300)
    for options, weights in (({}, counts), ({"weights_are": "relative"}, counts / counts.sum()), ({}, None)):
        model = make(**options)
        assert said_of_weights(lambda: model.fit(rows, labels, sample_weight=weights))[1] == []  # noqa: B023 - at once


@estimators
def test_relative_weights_are_counts_that_sum_to_the_effective_size(make, table):
    rows, labels = table
    labels = target_for(make, rows, labels)
    weights = np.random.default_rng(0).gamma(0.5, size=300)
    scaled = weights / weights.sum() * effective_size(weights)
    relative = make(weights_are="relative").fit(rows, labels, sample_weight=1e-9 * weights)
    counted = make().fit(rows, labels, sample_weight=scaled)
    np.testing.assert_allclose(relative.mixture_.means, counted.mixture_.means, rtol=1e-6)
    for name in ("bic", "aic", "icl", "score"):
        if hasattr(relative, "icl"):
            value = getattr(relative, name)(rows, sample_weight=weights)
            assert value == pytest.approx(getattr(counted, name)(rows, sample_weight=scaled), rel=1e-6)


def test_the_mean_log_density_does_not_depend_on_what_weights_are(table):
    rows, _ = table
    weights = np.random.default_rng(0).gamma(0.5, size=300) / 300
    model = GaussianMixture(2, random_state=0).fit(rows)
    score, said = said_of_weights(lambda: model.score(rows, sample_weight=weights))
    assert said == []
    relative = GaussianMixture(2, random_state=0, weights_are="relative").fit(rows)
    assert relative.score(rows, sample_weight=weights) == pytest.approx(score)
    for criterion in (model.bic, model.aic, model.icl, model.diagnose, model.merge_components):
        _, said = said_of_weights(lambda: criterion(rows, sample_weight=weights))  # noqa: B023 - called at once
        assert [one.filename for one in said] == [__file__]


def test_a_search_with_relative_weights_chooses_as_many_components_as_there_are():
    rng = np.random.default_rng(0)
    far = rng.random(500) < 0.3
    rows = np.where(far[:, None], rng.normal(5, 1, (500, 2)), rng.normal(0, 1, (500, 2)))
    search = GaussianMixtureSearch(range(1, 6), weights_are="relative", random_state=0)
    assert search.fit(rows, sample_weight=np.full(500, 1 / 500)).best_params_["n_components"] == 2


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.nan, "sample_weight must be finite, but contains NaN"),
        (np.inf, "sample_weight must be finite, but contains infinity"),
        (1e-320, "sample_weight is too small: it must sum to a finite number of at least 1e-280, got 3e-318"),
        (1e307, "sample_weight is too large: it must sum to a finite number of at least 1e-280, got inf"),
        (1j, "Complex data not supported: sample_weight"),
        (np.ma.array(np.ones(300), mask=np.arange(300) == 3), "sample_weight must be finite, but contains NaN"),
        (-1.0, "Negative values in data passed to `sample_weight`"),
    ],
)
def test_weights_that_are_none_are_refused_everywhere(table, weight, message):
    rows, labels = table
    model = GaussianMixture(2, random_state=0).fit(rows)
    for method in (model.score, model.bic, model.aic, model.icl, GaussianMixture(2).fit):
        with pytest.raises(ValueError, match=message):
            method(rows, sample_weight=weight)
    for make in ESTIMATORS.values():
        with pytest.raises(ValueError, match=message):
            make().fit(rows, labels, sample_weight=weight)


def test_what_weights_are_is_one_of_two_things(table):
    with pytest.raises(
        ValueError, match=r"weights_are.*must be a str among \{'counts', 'relative'\}|'relative', 'counts'"
    ):
        GaussianMixture(weights_are="shares").fit(table[0])


def test_a_search_takes_counts_near_the_largest_float(table):
    rows, _ = table
    few, huge = (
        GaussianMixtureSearch([1, 2], structures=["full", "diag"], random_state=0).fit(rows, sample_weight=weights)
        for weights in (None, np.full(len(rows), 1e300))
    )
    assert huge.best_params_["n_components"] == few.best_params_["n_components"] == 2
