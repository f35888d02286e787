"""Predictive distributions: where new rows lie when parameters are estimates."""

import numpy as np
import pytest
from scipy.stats import f, kstest
from scipy.stats import t as student

from cases import clusters
from cases import mixture as a_mixture
from gaussmix import Mixture
from gaussmix.covariances import FORMS, Full
from gaussmix.em.m_step import MStep
from gaussmix.estimators.predictive import Departure, Predictive
from gaussmix.initialization import responsibilities_from, start_from
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

EXACT = ["full", "tied", "diag", "spherical"]


def fitted(rows, structure):
    """One component with the likeliest parameters."""
    source = ArraySource(rows)
    alike = responsibilities_from(np.zeros(len(rows), np.intp), len(rows), 1)
    mixture = start_from(source, alike, 1, MStep(named(structure), np.zeros(rows.shape[1])))
    return mixture, Predictive.of(mixture, source, named(structure))


@pytest.mark.parametrize("structure", ["full", "diag", "spherical"])
def test_of_one_gaussian_new_rows_are_beyond_the_border_as_often_as_it_says(structure):
    """Over many tables of 12 rows, each with one new row; without the allowance it would be four times as often."""
    rng, share, n_tables = np.random.default_rng(0), 0.1, 1_000
    beyond = 0
    for _ in range(n_tables):
        rows = rng.normal(size=(13, 4))
        mixture, predictive = fitted(rows[:-1], structure)
        beyond += mixture.logpdf(rows[-1:])[0] < predictive.border(share, 2_000, rng)
    assert beyond / n_tables == pytest.approx(share, abs=5 * np.sqrt(share * (1 - share) / n_tables) + 0.005)


def test_of_one_gaussian_a_shared_covariance_is_its_own():
    rows = np.random.default_rng(0).normal(size=(12, 4))
    (full, border), (tied, other) = (
        (mixture, predictive.border(0.1, 2_000, np.random.default_rng(1)))
        for mixture, predictive in (fitted(rows, structure) for structure in ("full", "tied"))
    )
    np.testing.assert_allclose(tied.logpdf(rows), full.logpdf(rows), rtol=1e-12)
    assert other == pytest.approx(border, rel=1e-12)


def test_random_rows_of_a_full_covariance_have_hotellings_distances():
    rows = np.random.default_rng(0).normal(size=(15, 4))
    mixture, predictive = fitted(rows, "full")
    log_densities = predictive.sample_log_densities(20_000, np.random.default_rng(1))
    distances = 2.0 * (mixture.log_norms[0] - log_densities)
    assert kstest(distances * (15 - 4) / 16 / 4, f(4, 15 - 4).cdf).pvalue > 1e-6


def test_the_closed_form_is_the_quantile_of_random_rows():
    rows = np.random.default_rng(0).normal(size=(12, 3))
    for structure in ("full", "spherical"):
        _, predictive = fitted(rows, structure)
        log_densities = predictive.sample_log_densities(200_000, np.random.default_rng(1))
        border = predictive.border(0.05, 0, np.random.default_rng(2))
        assert np.mean(log_densities < border) == pytest.approx(0.05, abs=5 * np.sqrt(0.05 * 0.95 / 200_000))


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_of_many_rows_it_is_the_mixture(structure):
    rng = np.random.default_rng(0)
    mixture = a_mixture(rng, structure.form, 2, 3)
    predictive = Predictive(mixture, np.full(2, 1e9), structure)
    np.testing.assert_allclose(predictive.variance_factors(2), 1.0, atol=1e-7)
    border = predictive.border(0.1, 200_000, np.random.default_rng(1))
    level = mixture.level(0.9, n_samples=200_000, random_state=2)
    assert border == pytest.approx(level.value, abs=7 * level.standard_error)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_fewer_rows_are_beyond_a_border_for_fewer_rows(structure):
    mixture = a_mixture(np.random.default_rng(0), structure.form, 2, 3)
    borders = [
        Predictive(mixture, np.full(2, n), structure).border(0.1, 20_000, np.random.default_rng(1))
        for n in (6.0, 12.0, 1000.0)
    ]
    assert borders == sorted(borders)


def test_degrees_of_freedom_are_the_rows_less_means_and_axes():
    mixture = Mixture([0.5, 0.5], [[0.0] * 3, [9.0] * 3], [1.0, 1.0])
    degrees = {name: Predictive(mixture, np.array([10.0, 20.0]), named(name)).degrees.tolist() for name in EXACT}
    assert degrees == {
        "full": [10 - 3, 20 - 3],
        "tied": [30 - 2 - 3 + 1] * 2,
        "diag": [10 - 1, 20 - 1],
        "spherical": [(10 - 1) * 3, (20 - 1) * 3],
    }


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_conditional_covariances_alone_become_wider(form):
    mixture = a_mixture(np.random.default_rng(0), form, 2, 3)
    wide = Mixture(
        mixture.weights, mixture.means, mixture.covariances.with_inflated_residuals(2, np.array([4.0, 4.0]), 3)
    )
    before, after = (one.condition({0: 0.3, 1: -0.4}) for one in (mixture, wide))
    np.testing.assert_allclose(after.means, before.means)
    np.testing.assert_allclose(after.covariances.dense(2, 1), 4 * before.covariances.dense(2, 1))
    np.testing.assert_allclose(
        wide.marginal([0, 1]).covariances.dense(2, 2), mixture.marginal([0, 1]).covariances.dense(2, 2)
    )


@pytest.mark.parametrize(("n", "n_given"), [(12, 2), (14, 9), (40, 20)])
def test_least_squares_of_few_rows_is_as_wrong_as_it_says(n, n_given):
    """Between 90 and 93 % of new targets within 90 %, on average over 500 tables with a new row each."""
    rng, within, n_tables = np.random.default_rng(0), 0, 500
    for _ in range(n_tables):
        rows = rng.normal(size=(n + 1, n_given + 1))
        mixture, predictive = fitted(rows[:-1], "full")
        wide = mixture.covariances.with_inflated_residuals(n_given, predictive.variance_factors(n_given), n_given + 1)
        told = Mixture(mixture.weights, mixture.means, wide).condition(dict(enumerate(rows[-1, :-1])))
        low, high = told.ppf([0.05, 0.95])
        within += low <= rows[-1, -1] <= high
    error = 5 * np.sqrt(0.1 * 0.9 / n_tables)
    assert 0.895 - error < within / n_tables < 0.935 + error


# --- Rows that depart from the structure -----------------------------------------------------------------------------


def test_round_rows_depart_by_chance_alone():
    rng = np.random.default_rng(0)
    shares = [Departure.of(rng.normal(size=(40, 20)), np.ones(40)).share for _ in range(200)]
    assert np.mean(np.square(shares)) < 0.1
    assert np.mean(np.array(shares) > 0.6) < 0.01


def test_a_departure_of_many_rows_is_their_covariance():
    rng = np.random.default_rng(0)
    root = np.array([[1.5, 0.0], [0.9, 0.4]])
    departure = Departure.of(rng.normal(size=(100_000, 2)) @ root.T, np.ones(100_000))
    drawn = departure.transform(rng.standard_normal((100_000, 2)))
    np.testing.assert_allclose(np.cov(drawn.T), root @ root.T, atol=0.05)


def test_rows_that_count_twice_depart_as_two():
    rows = np.random.default_rng(0).normal(size=(8, 12)) * 2
    white = np.random.default_rng(1).normal(size=(5, 12))
    weighted = Departure.of(rows, np.repeat([1.0, 2.0], 4))
    repeated = Departure.of(np.repeat(rows, np.repeat([1, 2], 4), axis=0), np.ones(12))
    np.testing.assert_allclose(weighted.transform(white), repeated.transform(white), rtol=1e-9, atol=1e-9)


def test_a_part_has_its_own_rows():
    rows = clusters(np.random.default_rng(0), 90, 3, 2)
    mixture = a_mixture(np.random.default_rng(0), Full, 3, 2)
    whole = Predictive.of(mixture, ArraySource(rows), named("EVV"), with_departures=True)
    some = whole.subset(np.array([True, False, True]))
    np.testing.assert_array_equal(some.masses, whole.masses[[0, 2]])
    assert some.departures == (whole.departures[0], whole.departures[2])
    assert whole.masses.sum() == pytest.approx(90)


def test_a_t_distribution_in_one_dimension():
    _, predictive = fitted(np.array([[0.0], [1.0], [3.0], [4.0]]), "full")
    log_densities = predictive.sample_log_densities(100_000, np.random.default_rng(0))
    border = predictive.border(0.2, 0, np.random.default_rng(0))
    assert np.mean(log_densities < border) == pytest.approx(0.2, abs=0.007)
    spread = np.sqrt(2.5 * 5 / 3)  # S (n + 1) / (n - 1)
    edge = 2.0 + spread * student(3).ppf(0.9)
    assert predictive.mixture.logpdf([[edge]])[0] == pytest.approx(border, rel=1e-9)
