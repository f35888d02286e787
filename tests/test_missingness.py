"""The summary of missing values: patterns, and Little's test against an independent computation."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, chi2

from gaussmix import missing_summary

APPLES = np.array(
    [
        [8, 6, 11, 22, 14, 17, 18, 24, 19, 23, 26, 40, 4, 4, 5, 6, 8, 10],
        [59, 58, 56, 53, 50, 45, 43, 42, 39, 38, 30, 27, *[np.nan] * 6],
    ]
).T
"""Apple crops: sizes, and percentages of wormy fruits (Little & Rubin 2019, table 7.4; Snedecor & Cochran 1967)."""


def holed(rng, n=200, n_features=4, share=0.25):
    """Return normal rows with correlations and values that are missing completely at random."""
    rows = rng.normal(size=(n, n_features)) @ rng.normal(size=(n_features, n_features)) + 100.0
    return np.where(rng.random(rows.shape) < share, np.nan, rows)


def expect_row(row, mean, covariance):
    """Return the expected values of a row and of its products, given its observed values, by plain inversion."""
    known = ~np.isnan(row)
    filled, noise = np.where(known, row, mean), np.zeros_like(covariance)
    if not known.all():
        slopes = covariance[np.ix_(~known, known)] @ np.linalg.inv(covariance[np.ix_(known, known)])
        filled[~known] += slopes @ (row - mean)[known]
        noise[np.ix_(~known, ~known)] = covariance[np.ix_(~known, ~known)] - slopes @ covariance[np.ix_(known, ~known)]
    return filled, noise


def fit_by_rows(rows, steps=400):
    """Return the mean and the covariance with the highest likelihood, by EM, row by row."""
    mean, covariance = np.nanmean(rows, axis=0), np.diag(np.nanvar(rows, axis=0))
    for _ in range(steps):
        filled, noise = map(np.array, zip(*(expect_row(row, mean, covariance) for row in rows), strict=True))
        before, mean = covariance, filled.mean(axis=0)
        covariance = (filled - mean).T @ (filled - mean) / len(rows) + noise.mean(axis=0)
        if np.abs(covariance - before).max() < 1e-11:
            break
    return mean, covariance


def little(rows, mean, covariance):
    """Return the statistic and the degrees of freedom of Little's test, in the words of the paper."""
    unbiased, statistic, degrees = covariance * len(rows) / (len(rows) - 1), 0.0, -rows.shape[1]
    for kind in {tuple(row) for row in np.isnan(rows)}:
        known, members = ~np.array(kind), (np.isnan(rows) == kind).all(axis=1)
        apart = rows[members][:, known].mean(axis=0) - mean[known]
        statistic += members.sum() * apart @ np.linalg.inv(unbiased[np.ix_(known, known)]) @ apart
        degrees += known.sum()
    return statistic, degrees


@pytest.mark.parametrize("seed", range(3))
def test_the_test_is_that_of_a_fit_row_by_row(seed):
    rows = holed(np.random.default_rng(seed), n=60, n_features=3)
    rows = rows[~np.isnan(rows).all(axis=1)]
    summary = missing_summary(rows)
    statistic, degrees = little(rows, *fit_by_rows(rows))
    assert summary.statistic == pytest.approx(statistic, rel=1e-6)
    assert summary.degrees_of_freedom == degrees
    assert summary.p_value == pytest.approx(chi2.sf(statistic, degrees), rel=1e-5)


def test_the_test_has_a_closed_form_if_one_of_two_features_has_missing_values():
    size, complete = APPLES[:, 0], APPLES[:12]
    slope = np.cov(complete.T, ddof=0)[0, 1] / complete[:, 0].var()
    mean = [size.mean(), complete[:, 1].mean() + slope * (size.mean() - complete[:, 0].mean())]
    residual = (complete[:, 1] - complete[:, 1].mean() - slope * (complete[:, 0] - complete[:, 0].mean())).var()
    covariance = size.var() * np.array([[1.0, slope], [slope, slope**2]]) + [[0.0, 0.0], [0.0, residual]]
    np.testing.assert_allclose([*mean, covariance[1, 1]], [14.7222, 49.3333, 114.694], rtol=1e-4)  # Little & Rubin
    statistic, degrees = little(APPLES, np.array(mean), covariance)
    summary = missing_summary(APPLES)
    assert summary.statistic == pytest.approx(statistic, rel=1e-7)
    assert summary.degrees_of_freedom == degrees == 1


def test_p_values_are_uniform_if_values_are_missing_completely_at_random():
    rng = np.random.default_rng(0)
    p_values = [missing_summary(holed(rng, n=300, n_features=3)).p_value for _ in range(100)]
    for share in (0.05, 0.5):
        below = np.sum(np.array(p_values) < share)
        assert binom.cdf(below, 100, share) > 1e-3
        assert binom.sf(below - 1, 100, share) > 1e-3


def test_the_test_rejects_if_another_value_explains_which_values_are_missing():
    rng = np.random.default_rng(0)
    rows = rng.multivariate_normal([0.0, 0.0], [[1.0, 0.7], [0.7, 1.0]], size=200)
    rows[rng.random(200) < 1.0 / (1.0 + np.exp(-2.0 * rows[:, 0])), 1] = np.nan
    summary = missing_summary(rows)
    assert summary.p_value < 1e-6
    assert "not missing completely at random" in repr(summary)


def test_units_do_not_change_the_test():
    rows = holed(np.random.default_rng(1))
    plain, scaled = missing_summary(rows), missing_summary(rows * [1e-6, 1.0, 1e6, 10.0] + [0.0, 1e4, 0.0, 0.0])
    assert scaled.statistic == pytest.approx(plain.statistic, rel=1e-6)


def test_constant_columns_and_copies_of_columns_do_not_change_the_test():
    rows = holed(np.random.default_rng(2), n_features=3)
    plain = missing_summary(rows)
    more = missing_summary(np.column_stack([rows, np.full(len(rows), 7.0), 2.0 * rows[:, 0] - 3.0]))
    assert more.statistic == pytest.approx(plain.statistic, rel=1e-5)
    assert more.degrees_of_freedom == plain.degrees_of_freedom


@pytest.mark.parametrize(
    "rows",
    [np.ones((5, 2)), [[1.0, 2.0], [2.0, 4.0]], [[1.0, np.nan], [np.nan, 2.0]], np.full((3, 2), np.nan)],
    ids=["constant", "complete", "two rows", "nothing"],
)
def test_there_is_no_test_without_two_patterns_and_enough_rows(rows):
    summary = missing_summary(rows)
    assert np.isnan(summary.p_value)
    assert np.isnan(summary.statistic)
    assert summary.degrees_of_freedom == 0
    assert "needs two patterns" in repr(summary)


def test_patterns_are_counted_and_ordered_by_their_rows():
    rows = pd.DataFrame(
        {"a": [1.0, None, None, 4.0, 5.0], "b": [1.0, 2.0, 3.5, None, None], "c": [1.0, 2.0, 3.0, 4.0, None]}
    )
    summary = missing_summary(pd.concat([rows, rows.iloc[1:3] + 1.0]))
    assert summary.counts.tolist() == [4, 1, 1, 1]
    assert summary.missing[0].tolist() == [True, False, False]
    assert summary.n_missing.tolist() == [4, 2, 1]
    assert summary.n_rows == 7
    assert summary.feature_names == ("a", "b", "c")
    assert summary.to_pandas()["missing"][0] == ["a"]
    assert summary.to_polars()["rows"].to_list() == [4, 1, 1, 1]


def test_many_patterns_and_features_are_printed_in_short():
    rows = np.random.default_rng(0).normal(size=(40, 20))
    rows[np.arange(40) % 20, np.arange(40) % 20] = np.nan
    rows[0, :12] = np.nan
    text = repr(missing_summary(rows))
    assert "other patterns" in text
    assert max(map(len, text.splitlines())) < 120


def test_rows_must_be_a_table_of_numbers():
    with pytest.raises(
        ValueError, match=r"X must have shape \(n, D\), with at least one row and one column, got \(3,\)"
    ):
        missing_summary([1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="infinity"):
        missing_summary([[1.0], [np.inf]])
