"""Rows with missing values: what the observed values say, in any container, from any start, under any model."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from cases import mixture
from gaussmix import GaussianMixture, GaussianMixtureClassifier, GaussianMixtureSearch
from gaussmix.diagnosis import diagnose
from gaussmix.hierarchy import merge_components
from gaussmix.initialization.completion import complete_rows
from gaussmix.initialization.rounding import find_rounding
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import NAMES

TRUTH = mixture(np.random.default_rng(5), n_components=2, n_features=3, spread=4.0)
FOR_ONE_FEATURE = {"E", "V"}


def table(n=300, share=0.2, seed=0):
    """Rows with missing values at random, and the complete rows; each row keeps a value."""
    rng = np.random.default_rng(seed)
    rows = TRUTH.sample(n, random_state=rng)
    holes = rng.random(rows.shape) < share
    holes[np.arange(n), np.arange(n) % 3] = False
    return np.where(holes, np.nan, rows), rows


HOLED, COMPLETE = table()
MASK = np.isnan(HOLED)
NAMED = pd.DataFrame(HOLED, columns=["a", "b", "c"])


def fit(rows, **options):
    fit_options = {"sample_weight": options.pop("sample_weight", None)}
    return GaussianMixture(2, random_state=0, **options).fit(rows, **fit_options)


unnamed_or_unfinished = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:X (does not|has) .*feature names"
)

CONTAINERS = {
    "a masked array": lambda: np.ma.array(COMPLETE, mask=MASK),
    "None among objects": lambda: np.where(MASK, None, COMPLETE),
    "a frame of pandas": NAMED.copy,
    "nullable columns of pandas": NAMED.convert_dtypes,
    "pandas.NA among objects": lambda: NAMED.astype(object).where(~MASK, pd.NA),
    "nulls of polars": lambda: pl.DataFrame(HOLED, schema=["a", "b", "c"]).fill_nan(None),
    "lists": HOLED.tolist,
}


@unnamed_or_unfinished
@pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)
def test_a_missing_value_is_one_in_any_container(make):
    plain, rows = fit(HOLED, max_iter=3, init_params="kmeans"), make()
    model = fit(rows, max_iter=3, init_params="kmeans")
    np.testing.assert_array_equal(model.means_, plain.means_)
    np.testing.assert_array_equal(model.score_samples(rows), plain.score_samples(HOLED))
    np.testing.assert_array_equal(model.predict(rows), plain.predict(HOLED))


@pytest.mark.parametrize("name", sorted(set(NAMES) - FOR_ONE_FEATURE))
def test_every_structure_is_fitted(name):
    model = fit(HOLED, covariance_type=name, tol=1e-6)
    assert model.converged_
    assert model.lower_bound_ == pytest.approx(model.score(HOLED), rel=1e-10)
    assert model.lower_bound_ == pytest.approx(model.score_samples(HOLED).mean(), rel=1e-10)
    apart = np.abs(np.sort(model.means_, axis=0) - np.sort(TRUTH.means, axis=0))
    assert apart.max() < 0.5


def test_the_fit_is_near_that_of_the_complete_rows():
    model, other = fit(HOLED), fit(COMPLETE)
    order = np.argsort(model.means_[:, 0]), np.argsort(other.means_[:, 0])
    np.testing.assert_allclose(model.means_[order[0]], other.means_[order[1]], atol=0.3)
    np.testing.assert_allclose(model.covariances_[order[0]], other.covariances_[order[1]], atol=0.5)


OPTIONS = {
    "an exploration": {},
    "quick": {"effort": "quick"},
    "k-means": {"init_params": "kmeans"},
    "seeds": {"init_params": "k-means++"},
    "random rows": {"init_params": "random_from_data", "n_init": 4},
    "labels": {"init_params": TRUTH.predict(HOLED)},
    "a mixture": {"init_params": TRUTH},
    "a function": {"init_params": lambda *_: TRUTH},
    "means": {"means_init": TRUTH.means},
    "a weak prior": {"prior": "weak"},
    "mclust's prior": {"prior": "mclust"},
    "bounded eigenvalues": {"eigenvalue_ratio": 20.0},
    "equal weights": {"weights": "equal"},
    "a ridge": {"reg_covar": 1e-4},
    "no ridge": {"reg_covar": 0.0},
    "NumPy": {"engine": "reference"},
    "weights": {"sample_weight": np.linspace(0.5, 1.5, 300)},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options_of_a_fit_work_with_holes(options):
    model = fit(HOLED, **options)
    assert model.converged_
    assert np.diff(model.history_).min() > -1e-10
    order = np.argsort(model.means_[:, 0]), np.argsort(TRUTH.means[:, 0])
    np.testing.assert_allclose(model.means_[order[0]], TRUTH.means[order[1]], atol=0.5)


def test_single_precision_stays_single():
    model, other = fit(HOLED.astype(np.float32), tol=1e-8), fit(HOLED, tol=1e-8)
    assert model.means_.dtype == model.score_samples(HOLED.astype(np.float32)).dtype == np.float32
    assert model.lower_bound_ == pytest.approx(other.lower_bound_, rel=1e-4)


@unnamed_or_unfinished
def test_a_weight_counts_a_row_several_times():
    rows, counts = HOLED[:100], np.arange(100) % 3
    counted = fit(HOLED, init_params=TRUTH, tol=0.0, max_iter=3, sample_weight=np.pad(counts, (0, 200)))
    repeated = fit(np.repeat(rows, counts, axis=0), init_params=TRUTH, tol=0.0, max_iter=3)
    np.testing.assert_allclose(counted.means_, repeated.means_, rtol=1e-3)
    assert counted.score(rows, sample_weight=counts) == pytest.approx(counted.score(np.repeat(rows, counts, axis=0)))
    assert counted.bic(rows, counts) == pytest.approx(counted.bic(np.repeat(rows, counts, axis=0)))


@pytest.mark.parametrize("weights_are", ["counts", "relative"])
def test_rows_without_values_are_left_out_and_named(weights_are):
    empty = HOLED.copy()
    empty[[3, 7]] = np.nan
    rest, weights = np.delete(HOLED, [3, 7], axis=0), np.linspace(0.5, 1.5, 300)
    model = fit(rest, sample_weight=np.delete(weights, [3, 7]), weights_are=weights_are)
    with pytest.warns(
        UserWarning, match="X has no observed value in rows 3, 7, which are left out, as they say nothing"
    ):
        other = fit(empty, sample_weight=weights, weights_are=weights_are)
    np.testing.assert_array_equal(model.means_, other.means_)
    np.testing.assert_allclose(other.predict_proba(empty)[3], other.weights_)
    assert other.score_samples(empty)[7] == pytest.approx(0.0, abs=1e-12)
    with pytest.warns(UserWarning, match="no observed value in row 0, which is left out, as it says nothing"):
        score = other.score(np.concatenate([np.full((1, 3), np.nan), HOLED]))
    assert score == pytest.approx(other.score(HOLED))


def test_labels_of_rows_without_values_are_left_out_too():
    empty, labels = HOLED.copy(), TRUTH.predict(HOLED)
    empty[5] = np.nan
    with pytest.warns(UserWarning, match="in row 5"):
        model = fit(empty, init_params=labels)
    rest = fit(np.delete(HOLED, 5, axis=0), init_params=np.delete(labels, 5))
    np.testing.assert_array_equal(model.means_, rest.means_)


def test_a_column_without_values_is_an_error_that_names_it():
    with pytest.raises(ValueError, match="all values in column 'b' are missing; drop the column"):
        fit(NAMED.assign(b=np.nan))
    with pytest.raises(ValueError, match="all values in columns 0, 2 are missing"):
        fit(np.where([[True, False, True]], np.nan, COMPLETE))
    model = fit(COMPLETE)
    assert np.isfinite(model.score_samples(np.where([[True, False, True]], np.nan, COMPLETE))).all()


def test_the_search_chooses_the_planted_model():
    search = GaussianMixtureSearch([1, 2, 3], structures=["full", "diag", "tied"], random_state=0).fit(HOLED)
    assert search.best_params_["n_components"] == 2
    assert search.lower_bound_ == pytest.approx(search.score(HOLED), rel=1e-10)
    assert {one.n_components for one in search.results_.ranked} == {1, 2, 3}
    validated = GaussianMixtureSearch([1, 2], structures=["full"], criterion="cv", random_state=0).fit(HOLED)
    assert validated.best_params_["n_components"] == 2


def test_components_are_merged_and_diagnosed_by_the_observed_values():
    model = fit(HOLED)
    resp = model.mixture_.responsibilities(HOLED)
    hierarchy = model.merge_components(HOLED)
    entropy = -float((resp * np.log(np.where(resp > 0, resp, 1.0))).sum())
    assert hierarchy.entropies[-1] == pytest.approx(entropy, rel=1e-6)
    diagnosis = model.diagnose(HOLED)
    np.testing.assert_allclose(diagnosis.masses, resp.sum(axis=0), rtol=1e-9)
    source = IncompleteSource.of(HOLED)
    assert diagnose(model.mixture_, source).spurious == diagnosis.spurious == ()
    np.testing.assert_array_equal(merge_components(model.mixture_, source).merges, hierarchy.merges)


def test_estimators_say_that_they_take_missing_values():
    for estimator in (GaussianMixture(), GaussianMixtureSearch()):
        assert estimator.__sklearn_tags__().input_tags.allow_nan


def test_guesses_follow_the_observed_values():
    rng = np.random.default_rng(0)
    x = rng.normal(100.0, 2.0, 3000)
    rows = np.column_stack([x, 3.0 * x + rng.normal(0.0, 1.0, 3000), rng.integers(0, 2, 3000), np.full(3000, 7.0)])
    holes = rng.random(rows.shape) < 0.3
    guessed = complete_rows(IncompleteSource.of(np.where(holes, np.nan, rows))).rows
    np.testing.assert_array_equal(guessed[~holes], rows[~holes])
    np.testing.assert_allclose(np.cov(guessed[:, :2].T), np.cov(rows[:, :2].T), rtol=0.1)
    assert set(guessed[:, 2]) == {0.0, 1.0}
    assert set(guessed[:, 3]) == {7.0}
    weights = np.ones(3000)
    assert (find_rounding(guessed, np.sort(guessed, axis=0), weights, guessed.var(axis=0)).steps[:3] == [0, 0, 1]).all()


def test_a_fit_does_not_depend_on_units():
    model, other = fit(HOLED), fit(HOLED * [1e-6, 1.0, 1e3])
    np.testing.assert_allclose(other.means_, model.means_ * [1e-6, 1.0, 1e3], rtol=1e-5)


CLASSIFIERS = {
    "a class each": {"covariance_type": "full"},
    "chosen for each class": {"n_components": [1, 2], "covariance_type": ["full", "diag"]},
    "chosen by the number of rows": {},
    "a common covariance": {"covariance_type": "tied", "across_classes": True},
    "several components across": {"n_components": 2, "covariance_type": "tied", "across_classes": True},
}


def classified(n, seed):
    rng = np.random.default_rng(seed)
    rows, classes = TRUTH.sample(n, random_state=rng, return_components=True)
    holes = rng.random(rows.shape) < 0.25
    holes[np.arange(n), np.arange(n) % 3] = False
    return np.where(holes, np.nan, rows), np.array(["one", "two"])[classes]


@unnamed_or_unfinished
@pytest.mark.parametrize("options", CLASSIFIERS.values(), ids=CLASSIFIERS)
def test_classes_are_told_apart_by_the_observed_values(options):
    rows, classes = classified(200, 0)
    new, expected = classified(500, 1)
    model = GaussianMixtureClassifier(random_state=0, **options).fit(rows, classes)
    best = (np.array(["one", "two"])[TRUTH.predict(new)] == expected).mean()
    assert model.score(new, expected) > best - 0.03
    np.testing.assert_allclose(model.predict_proba(new).sum(axis=1), 1.0)
    np.testing.assert_array_equal(model.score_samples(new), model.mixture_.logpdf(new))


def test_a_class_without_values_in_a_column_is_named():
    rows, classes = classified(60, 0)
    rows[classes == "two", 1] = np.nan
    with pytest.raises(ValueError, match="all values of class two in column 1 are missing"):
        GaussianMixtureClassifier(1).fit(rows, classes)


def test_the_classifier_of_discriminant_analysis_has_the_likelihood_of_observed_values():
    """With one component for each class, the fit is that of each class by itself."""
    rows, classes = classified(300, 2)
    model = GaussianMixtureClassifier(1, covariance_type="full", random_state=0).fit(rows, classes)
    for label, mean in zip(model.component_classes_, model.mixture_.means, strict=True):
        own = GaussianMixture(1, random_state=0, tol=1e-10).fit(rows[classes == label])
        np.testing.assert_allclose(mean, own.means_[0], atol=0.01)
