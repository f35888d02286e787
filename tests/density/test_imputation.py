"""Missing values are filled in from their distribution, given the observed values of the row."""

import numpy as np
import pytest

from cases import FORMS, mixture
from gaussmix import Mixture


def holed(fitted, n=60):
    rng = np.random.default_rng(1)
    rows = fitted.sample(n, random_state=rng)
    return np.where(rng.random(rows.shape) < 0.4, np.nan, rows)


@pytest.mark.parametrize("form", FORMS)
def test_means_and_covariances_are_those_of_the_conditional_distribution(form):
    fitted = mixture(np.random.default_rng(0), form, 3, 3, spread=1.5)
    rows = holed(fitted)
    filled, covariances = fitted.impute(rows, return_covariance=True)
    for row, one, covariance in zip(rows, filled, covariances, strict=True):
        seen, hidden = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        np.testing.assert_array_equal(one[seen], row[seen])
        assert not covariance[seen].any()
        assert not covariance[:, seen].any()
        if hidden.size:
            given = fitted.condition({int(d): float(row[d]) for d in seen}) if seen.size else fitted
            np.testing.assert_allclose(one[hidden], given.mean, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(covariance[np.ix_(hidden, hidden)], given.covariance, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_draws_have_the_conditional_mean_and_covariance(form):
    fitted = mixture(np.random.default_rng(0), form, 3, 3, spread=1.5)
    rows, n_draws = holed(fitted, 12), 4000
    mean, covariance = fitted.impute(rows, return_covariance=True)
    drawn = fitted.impute(rows, "sample", n_draws=n_draws, random_state=0)
    assert drawn.shape == (n_draws, *rows.shape)
    scale = np.sqrt(np.maximum(np.diagonal(covariance, axis1=1, axis2=2), 0.0))
    assert (np.abs(drawn.mean(axis=0) - mean) <= 5 * scale / np.sqrt(n_draws) + 1e-12).all()
    apart = drawn - mean
    found = np.einsum("sni,snj->nij", apart, apart) / n_draws
    np.testing.assert_allclose(found, covariance, atol=0.12 * scale.max() ** 2)


@pytest.mark.parametrize("form", FORMS)
def test_modes_are_the_highest_points_of_the_conditional_density(form):
    fitted = mixture(np.random.default_rng(0), form, 4, 3, spread=2.0)
    rows = holed(fitted)
    filled = fitted.impute(rows, "mode")
    for row, one in zip(rows, filled, strict=True):
        seen = np.flatnonzero(~np.isnan(row))
        np.testing.assert_array_equal(one[seen], row[seen])
        if 0 < seen.size < 3:
            given = fitted.condition({int(d): float(row[d]) for d in seen})
            highest = given.modes(n_samples=300, random_state=0)
            unknown = np.setdiff1d(np.arange(3), seen)
            assert given.logpdf([one[unknown]])[0] == pytest.approx(highest.log_densities[0], abs=1e-9)


def test_the_highest_mode_can_be_where_two_components_cross():
    across, along = np.diag([1.0, 1.0, 0.01]), np.diag([1.0, 0.01, 1.0])
    crossing = Mixture([0.5, 0.5], [[0.0, 0.0, 0.9], [0.0, 0.9, 0.0]], [along, across])
    (row,) = crossing.impute([[0.0, np.nan, np.nan]], "mode")
    highest = crossing.condition({0: 0.0}).modes(random_state=0)
    np.testing.assert_allclose(row[1:], highest.locations[0], atol=1e-6)
    assert (np.abs(row[1:]) < 0.1).all()


def test_the_mode_of_an_empty_row_is_that_of_the_mixture():
    fitted = mixture(np.random.default_rng(0), FORMS[0], 3, 3, spread=1.5)
    (row,) = fitted.impute(np.full((1, 3), np.nan), "mode")
    np.testing.assert_allclose(row, fitted.modes(random_state=0).locations[0], atol=1e-6)


def test_modes_of_rows_far_from_all_components_are_finite():
    fitted = mixture(np.random.default_rng(0), FORMS[0], 3, 3, spread=1.5)
    filled = fitted.impute([[1e200, np.nan, np.nan], [1e9, np.nan, 0.0], [0.0, np.nan, 0.0]], "mode")
    assert np.isfinite(filled).all()
    np.testing.assert_array_equal(filled[2], fitted.impute([[0.0, np.nan, 0.0]], "mode")[0])


def test_modes_stay_those_of_the_rows_in_other_units():
    fitted = mixture(np.random.default_rng(0), FORMS[0], 3, 3, spread=1.5)
    units = np.array([1e-6, 1.0, 1e7])
    rows = holed(fitted)
    scaled = fitted.transform(np.diag(units)).impute(rows * units, "mode")
    np.testing.assert_allclose(scaled / units, fitted.impute(rows, "mode"), rtol=1e-6, atol=1e-6)


def test_a_component_of_weight_zero_has_no_mode():
    empty = Mixture([1.0, 0.0], [[0.0, 0.0], [5.0, 5.0]], [1.0, 1.0])
    np.testing.assert_allclose(empty.impute([[5.0, np.nan]], "mode"), [[5.0, 0.0]], atol=1e-9)


def test_the_same_seed_gives_the_same_draws():
    fitted = mixture(np.random.default_rng(0))
    rows = holed(fitted)
    once = fitted.impute(rows, "sample", random_state=3)
    np.testing.assert_array_equal(once, fitted.impute(rows, "sample", random_state=3))
    np.testing.assert_array_equal(once, fitted.impute(rows, "sample", n_draws=1, random_state=3)[0])
    assert (once != fitted.impute(rows, "sample", random_state=4)).any()


def test_complete_rows_stay_as_they_are():
    fitted = mixture(np.random.default_rng(0))
    rows = fitted.sample(5, random_state=0)
    for method in ("mean", "mode", "sample"):
        np.testing.assert_array_equal(fitted.impute(rows, method), rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "median"}, "method must be one of mean, mode, sample, got 'median'"),
        ({"n_draws": 3}, "n_draws is for method='sample', got n_draws=3 with method='mean'"),
        ({"method": "sample", "n_draws": 0}, "n_draws must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mixture(np.random.default_rng(0)).impute([[0.0, np.nan]], **options)
