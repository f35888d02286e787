"""Missing values are filled in from their distribution, given the observed values of the row."""

import numpy as np
import pytest

from cases import FORMS, mixture


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
    for method in ("mean", "sample"):
        np.testing.assert_array_equal(fitted.impute(rows, method), rows)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "median"}, "method must be 'mean' or 'sample', got 'median'"),
        ({"n_draws": 3}, "n_draws is for method='sample', got n_draws=3 with method='mean'"),
        ({"method": "sample", "n_draws": 0}, "n_draws must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mixture(np.random.default_rng(0)).impute([[0.0, np.nan]], **options)
