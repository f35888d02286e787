"""GaussianMixtureRegressor: the conditional distribution of a mixture of features and targets."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.integrate import cumulative_trapezoid, trapezoid
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.utils.estimator_checks import estimator_checks_generator

from gaussmix import GaussianMixtureRegressor

FEW = {"n_components": range(1, 5), "random_state": 0}


@pytest.fixture(scope="module")
def bent():
    """A bend, with more noise on one side of it."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, size=(400, 1))
    return x, np.abs(x[:, 0]) + rng.normal(size=400) * np.where(x[:, 0] > 0, 0.3, 0.1)


@pytest.fixture(scope="module")
def fitted(bent):
    return GaussianMixtureRegressor(**FEW).fit(*bent)


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(GaussianMixtureRegressor((1, 2)))),
    ids=lambda part: getattr(getattr(part, "func", None), "__name__", ""),
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # some checks have a handful of rows
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("columns", [slice(0, 1), slice(0, 3)])
def test_one_component_is_least_squares(columns):
    data, target = load_diabetes(return_X_y=True)
    rows, targets = data[:, 3:], np.column_stack([target, data[:, :2]])[:, columns]
    ours = GaussianMixtureRegressor(1, reg_covar=0).fit(rows, targets)
    theirs = LinearRegression().fit(rows, targets)
    mean, std = ours.predict(rows, return_std=True)
    np.testing.assert_allclose(mean, theirs.predict(rows), rtol=1e-9, atol=1e-9)
    n, d = rows.shape
    left = ((targets - theirs.predict(rows)) ** 2).sum(axis=0) / (n - d - 1)  # the unbiased variance
    of_t, of_slopes = (n - d - 1) / (n - d - 3), (1 + 1 / n) * (n - 2) / (n - d - 2)
    np.testing.assert_allclose(std, np.broadcast_to(np.sqrt(left * of_t * of_slopes), std.shape), rtol=1e-9)


def test_predictions_are_moments_and_quantiles_of_the_conditional_density(fitted):
    grid = np.linspace(-4, 8, 20_001)
    for x in (-2.5, 0.1, 1.7):
        density = fitted.mixture_.pdf(np.column_stack([np.full(len(grid), x), grid]))
        density /= trapezoid(density, grid)
        mean, std = fitted.predict([[x]], return_std=True)
        assert mean[0] == pytest.approx(trapezoid(grid * density, grid), abs=1e-6)
        assert std[0] == pytest.approx(np.sqrt(trapezoid((grid - mean[0]) ** 2 * density, grid)), abs=1e-6)
        below = cumulative_trapezoid(density, grid, initial=0.0)
        np.testing.assert_allclose(
            np.interp(fitted.predict_quantiles([[x]])[0], grid, below), [0.05, 0.5, 0.95], atol=1e-5
        )


def test_it_bends_where_a_line_cannot(fitted, bent):
    assert fitted.score(*bent) > 0.9
    assert fitted.best_params_["n_components"] == fitted.mixture_.n_components > 1
    std = fitted.predict([[-2.0], [2.0]], return_std=True)[1]
    assert std[0] < 0.2 < std[1]


def test_nine_rows_of_ten_are_within_their_intervals(fitted):
    rng = np.random.default_rng(1)
    x = rng.uniform(-3, 3, size=(4000, 1))
    y = np.abs(x[:, 0]) + rng.normal(size=4000) * np.where(x[:, 0] > 0, 0.3, 0.1)
    low, high = fitted.predict_quantiles(x, [0.05, 0.95]).T
    assert np.mean((low <= y) & (y <= high)) == pytest.approx(0.9, abs=0.04)


def test_several_targets_are_answered_together():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2))
    targets = np.column_stack([rows.sum(axis=1), rows[:, 0] ** 2]) + 0.1 * rng.normal(size=(300, 2))
    model = GaussianMixtureRegressor(2, random_state=0).fit(rows, targets)
    mean, std = model.predict(rows[:7], return_std=True)
    assert mean.shape == std.shape == (7, 2)
    assert model.predict_quantiles(rows[:7], [0.1, 0.5, 0.9]).shape == (7, 2, 3)
    medians = model.predict_quantiles(rows[:7], 0.5)
    assert medians.shape == (7, 2)
    given = model.condition(rows[:7])
    np.testing.assert_allclose(mean, given.mean)
    for i, one in enumerate(given):
        np.testing.assert_allclose([one.marginal(r).cdf([medians[i, r]])[0] for r in (0, 1)], 0.5, atol=1e-8)
        np.testing.assert_allclose(std[i] ** 2, np.diagonal(one.covariance), rtol=1e-9)


def test_a_column_of_targets_stays_a_column(bent):
    x, y = bent
    flat, column = (GaussianMixtureRegressor(2, random_state=0).fit(x, targets) for targets in (y, y[:, None]))
    assert column.predict(x[:5]).shape == (5, 1)
    assert column.predict_quantiles(x[:5]).shape == (5, 1, 3)
    np.testing.assert_array_equal(column.predict(x[:5])[:, 0], flat.predict(x[:5]))


@pytest.mark.parametrize("unit", [1e-6, 1e4])
def test_units_do_not_matter(bent, unit):
    x, y = bent
    plain = GaussianMixtureRegressor(2, random_state=0).fit(x, y)
    scaled = GaussianMixtureRegressor(2, random_state=0).fit(unit * x + 100 * unit, y / unit - 7)
    again = (scaled.predict(unit * x + 100 * unit) + 7) * unit
    np.testing.assert_allclose(again, plain.predict(x), rtol=1e-3, atol=1e-3)  # both within tol of the same optimum


def test_what_the_features_are_like_is_left_out_of_the_choice():
    """Three clusters of rows on one plane: a density needs three components, a prediction needs one."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 2)) + 8 * rng.integers(0, 3, size=(300, 1))
    target = rows @ [1.0, -2.0] + rng.normal(size=300)
    model = GaussianMixtureRegressor(range(1, 4), criterion="bic", random_state=0).fit(rows, target)
    assert model.best_params_ == {"n_components": 1, "covariance_type": "full"}


def test_structures_are_chosen_too():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 2)) + 8 * rng.integers(0, 2, size=(200, 1))
    target = rows @ [1.0, -2.0] + rng.normal(size=200)
    model = GaussianMixtureRegressor(2, covariance_type=["EII", "tied"], random_state=0).fit(rows, target)
    assert model.best_params_ == {"n_components": 2, "covariance_type": "tied"}


def test_all_structures_are_those_of_features_and_targets_together():
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    model = GaussianMixtureRegressor(1, covariance_type="all").fit(x[:, None], 2 * x + rng.normal(size=200))
    assert model.score(x[:, None], 2 * x) > 0.9  # the two that are left for one feature know of no slope


def test_weights_count_as_rows(bent):
    x, y = bent
    counts = np.random.default_rng(0).integers(0, 3, len(x))
    model = GaussianMixtureRegressor([1, 2], random_state=0)
    weighted, repeated = clone(model), clone(model)
    weighted.fit(x, y, sample_weight=counts)
    repeated.fit(np.repeat(x, counts, axis=0), np.repeat(y, counts))
    np.testing.assert_allclose(
        weighted.predict(x), repeated.predict(x), atol=1e-3
    )  # both within tol of the same optimum


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (pd.Series([1.0, 3.0, 2.0, 5.0, 4.0], name="price"), ("price",)),
        (pd.Series([1.0, 3.0, 2.0, 5.0, 4.0]), ("y",)),
        (pl.Series("price", [1.0, 3.0, 2.0, 5.0, 4.0]), ("price",)),
        (pl.Series([1.0, 3.0, 2.0, 5.0, 4.0]), ("y",)),
        ([1.0, 3.0, 2.0, 5.0, 4.0], ("y",)),
        (pd.DataFrame({"price": [1.0, 3, 2, 5, 4], "rent": [2.0, 1, 4, 3, 0]}), ("price", "rent")),
        (np.array([[1.0, 3, 2, 5, 4], [2.0, 1, 4, 3, 0]]).T, ("y0", "y1")),
    ],
)
def test_names_travel_with_the_mixture(y, names):
    frame = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0, 6.0]})
    model = GaussianMixtureRegressor(1, covariance_type="full").fit(frame, y)
    assert model.mixture_.feature_names == ("size", *names)
    at_three = model.mixture_.condition({"size": 3.0})
    np.testing.assert_allclose(at_three.mean, model.predict(frame)[2].ravel())


@pytest.mark.parametrize(
    ("parameters", "message"), [({"criterion": "icl"}, "criterion"), ({"n_components": 0}, "n_components")]
)
def test_errors_say_what_is_wrong(bent, parameters, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixtureRegressor(**parameters).fit(*bent)


def test_before_a_fit_there_is_nothing_to_say(bent):
    for method in ("predict", "predict_quantiles", "condition"):
        with pytest.raises(NotFittedError):
            getattr(GaussianMixtureRegressor(), method)(bent[0])
