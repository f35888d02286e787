"""The imputer fills in values as its mixture does, and works as a transformer of scikit-learn."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from cases import mixture
from gaussmix import GaussianMixture, GaussianMixtureImputer

TRUTH = mixture(np.random.default_rng(5), n_components=2, n_features=3, spread=4.0)
NAMES = ["a", "b", "c"]


def table(n=200, share=0.2):
    """Rows with missing values at random, and the complete rows; each row keeps a value."""
    rng = np.random.default_rng(0)
    rows = TRUTH.sample(n, random_state=rng)
    holes = rng.random(rows.shape) < share
    holes[np.arange(n), np.arange(n) % 3] = False
    return np.where(holes, np.nan, rows), rows


HOLED, COMPLETE = table()
MASK = np.isnan(HOLED)
FITTED = GaussianMixtureImputer(2, random_state=0).fit(HOLED)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # tables with a few equal values
@parametrize_with_checks([GaussianMixtureImputer(2, covariance_type="tied")])
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


def test_values_are_those_of_the_mixture():
    filled = FITTED.transform(HOLED)
    np.testing.assert_array_equal(filled[~MASK], HOLED[~MASK])
    np.testing.assert_array_equal(filled, FITTED.mixture_.impute(HOLED))


def test_the_error_is_near_that_of_the_true_mixture():
    filled, best = FITTED.transform(HOLED), TRUTH.impute(HOLED)
    errors, least = (np.sqrt(np.mean((one - COMPLETE)[MASK] ** 2)) for one in (filled, best))
    assert errors < 1.1 * least < 0.5 * COMPLETE.std()


def test_the_default_chooses_the_number_of_components():
    imputer = GaussianMixtureImputer(range(1, 4), random_state=0).fit(HOLED)
    assert imputer.best_params_["n_components"] == 2
    assert imputer.mixture_.n_components == 2


def test_draws_differ_from_call_to_call_and_repeat_with_the_seed():
    first, second = (GaussianMixtureImputer(2, sample_posterior=True, random_state=3).fit(HOLED) for _ in range(2))
    once = first.transform(HOLED)
    np.testing.assert_array_equal(once, second.transform(HOLED))
    assert (once[MASK] != first.transform(HOLED)[MASK]).all()
    np.testing.assert_array_equal(once[~MASK], HOLED[~MASK])


def test_new_rows_may_miss_other_values():
    np.testing.assert_array_equal(FITTED.transform([[np.nan, np.nan, np.nan]]), FITTED.mixture_.impute([[np.nan] * 3]))
    np.testing.assert_array_equal(FITTED.transform(COMPLETE), COMPLETE)


def test_complete_training_rows_are_fine():
    imputer = GaussianMixtureImputer(2, add_indicator=True, random_state=0).fit(COMPLETE)
    np.testing.assert_array_equal(imputer.transform(COMPLETE), COMPLETE)
    assert np.isfinite(imputer.transform(HOLED)).all()
    assert imputer.get_feature_names_out().tolist() == ["x0", "x1", "x2"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_precision_of_the_rows_stays(dtype):
    imputer = GaussianMixtureImputer(2, add_indicator=True, random_state=0).fit(HOLED.astype(dtype))
    assert imputer.transform(HOLED.astype(dtype)).dtype == dtype


@pytest.mark.parametrize(
    "make",
    [
        lambda: pd.DataFrame(HOLED, columns=NAMES),
        lambda: pd.DataFrame(HOLED, columns=NAMES).convert_dtypes(),
        lambda: pl.DataFrame(HOLED, schema=NAMES).fill_nan(None),
    ],
    ids=["pandas", "nullable", "polars"],
)
@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_frames_go_in_and_out(make, container):
    imputer = GaussianMixtureImputer(2, add_indicator=True, random_state=0).set_output(transform=container)
    filled = imputer.fit_transform(make())
    names = [*NAMES, *(f"missingindicator_{name}" for name in NAMES)]
    assert list(filled.columns) == names
    assert imputer.get_feature_names_out().tolist() == names
    assert imputer.mixture_.feature_names == tuple(NAMES)
    values = np.asarray(filled, dtype=float)
    np.testing.assert_allclose(values[:, :3], FITTED.transform(HOLED), rtol=1e-9)
    np.testing.assert_array_equal(values[:, 3:], MASK)


@pytest.mark.parametrize("keep", [True, False])
def test_a_feature_without_observed_values_is_dropped_or_filled_in_by_zero(keep):
    rows = pd.DataFrame(np.insert(HOLED, 1, np.nan, axis=1), columns=["a", "empty", "b", "c"])
    imputer = GaussianMixtureImputer(2, keep_empty_features=keep, random_state=0)
    if keep:
        imputer.fit(rows)
    else:
        with pytest.warns(UserWarning, match="X has no observed value in column empty: dropped"):
            imputer.fit(rows)
    filled = imputer.transform(rows)
    expected = FITTED.transform(HOLED)
    np.testing.assert_allclose(filled, np.insert(expected, 1, 0.0, axis=1) if keep else expected, rtol=1e-9)
    assert imputer.get_feature_names_out().tolist() == (list(rows.columns) if keep else NAMES)
    if keep:
        np.testing.assert_array_equal(imputer.transform(rows.assign(empty=5.0))[:, 1], 5.0)


def test_weights_count_rows():
    weights = np.arange(len(HOLED)) % 3
    weighted = GaussianMixtureImputer(1, random_state=0).fit(HOLED, sample_weight=weights)
    repeated = GaussianMixtureImputer(1, random_state=0).fit(np.repeat(HOLED, weights, axis=0))
    filled = weighted.transform(HOLED)
    np.testing.assert_allclose(filled, repeated.transform(HOLED), atol=0.01)  # fits end within 1e-6 nats of the limit
    unweighted = GaussianMixtureImputer(1, random_state=0).fit_transform(HOLED)
    assert np.abs(filled - unweighted).max() > 0.1


def test_a_row_without_observed_values_is_named_and_gets_the_mean():
    rows = np.vstack([np.full((1, 3), np.nan), HOLED])
    with pytest.warns(UserWarning, match="X has no observed value in row 0, which is left out"):
        imputer = GaussianMixtureImputer(2, random_state=0).fit(rows)
    np.testing.assert_allclose(imputer.transform(rows)[0], imputer.mixture_.mean)


def test_it_stands_in_pipelines_and_searches():
    target = COMPLETE @ [1.0, 2.0, 3.0]
    pipeline = make_pipeline(StandardScaler(), GaussianMixtureImputer(random_state=0), LinearRegression())
    search = GridSearchCV(pipeline, {"gaussianmixtureimputer__n_components": [1, 2]}, cv=3).fit(HOLED, target)
    assert search.best_params_ == {"gaussianmixtureimputer__n_components": 2}


def test_it_stands_in_a_column_transformer():
    rows = pd.DataFrame(HOLED, columns=NAMES).assign(other="text").dropna(subset=["a", "c"], how="all")
    imputer = GaussianMixtureImputer(1, random_state=0)
    columns = ColumnTransformer([("filled", imputer, ["a", "c"])], remainder="drop", verbose_feature_names_out=False)
    filled = columns.set_output(transform="pandas").fit_transform(rows)
    assert list(filled.columns) == ["a", "c"]
    assert not filled.isna().any(axis=None)


def test_all_structures_with_a_prior_are_those_that_take_one():
    imputer = GaussianMixtureImputer(1, covariance_type="all", random_state=0).fit(HOLED)
    assert imputer.best_params_["n_components"] == 1
    with pytest.raises(ValueError, match="prior"):
        clone(imputer).set_params(covariance_type="VVE").fit(HOLED)
    assert clone(imputer).set_params(covariance_type="VVE", prior=None).fit(HOLED).best_params_ == {
        "n_components": 1,
        "covariance_type": "VVE",
    }


def test_without_a_prior_the_fit_is_that_of_the_mixture_estimator():
    imputer = GaussianMixtureImputer(2, covariance_type="diag", prior=None, random_state=0).fit(HOLED)
    model = GaussianMixture(2, covariance_type="diag", tol=1e-6, max_iter=1000, random_state=0).fit(HOLED)
    np.testing.assert_allclose(np.sort(imputer.mixture_.means, axis=0), np.sort(model.means_, axis=0), rtol=1e-3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter of GaussianMixtureImputer must be"),
        ({"covariance_type": "round"}, "covariance_type must be 'auto', 'all', or one or several of"),
        ({"sample_posterior": "yes"}, "'sample_posterior' parameter of GaussianMixtureImputer must be"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixtureImputer(**options).fit(HOLED)


def test_rows_that_cannot_be_used_are_refused():
    with pytest.raises(ValueError, match="X must have observed values, but all values are missing"):
        GaussianMixtureImputer().fit(np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="X must be finite"):
        FITTED.transform([[np.inf, 0.0, 0.0]])
