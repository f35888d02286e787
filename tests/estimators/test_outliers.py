"""GaussianMixtureOutlierDetector: the border is where it is said to be."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import f, multivariate_normal
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import estimator_checks_generator

from cases import clusters
from gaussmix import GaussianMixtureOutlierDetector

ONE = {"n_components": 1, "random_state": 0}
TWO = {"n_components": 2, "random_state": 0}
few_rows = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(estimator_checks_generator(GaussianMixtureOutlierDetector((1, 2)))),
    ids=lambda part: getattr(getattr(part, "func", None), "__name__", ""),
)
@few_rows  # some checks have a handful of rows
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@settings(max_examples=10)
@given(n=st.integers(30, 80), contamination=st.floats(0.001, 0.5), seed=st.integers(0, 2**32 - 1))
def test_contamination_is_the_share_of_the_training_rows_that_are_flagged(n, contamination, seed):
    rows = np.random.default_rng(seed).normal(size=(n, 2))
    flagged = GaussianMixtureOutlierDetector(contamination=contamination, **ONE).fit_predict(rows) == -1
    assert flagged.sum() == np.floor(contamination * n + 1e-6)


def test_the_rows_that_are_flagged_are_the_least_likely(faithful):
    detector = GaussianMixtureOutlierDetector(contamination=0.1, **TWO).fit(faithful)
    log_densities, flagged = detector.score_samples(faithful), detector.predict(faithful) == -1
    np.testing.assert_array_equal(log_densities, detector.mixture_.logpdf(faithful))
    assert log_densities[flagged].max() < detector.offset_ < log_densities[~flagged].min()
    np.testing.assert_array_equal(detector.decision_function(faithful), log_densities - detector.offset_)


def test_rows_with_equal_densities_are_not_told_apart():
    rows = np.array([[-1.0], [1.0], [-1.0], [1.0]])
    assert (GaussianMixtureOutlierDetector(contamination=0.25, **ONE).fit_predict(rows) == 1).all()


def test_weights_count_as_rows():
    rng = np.random.default_rng(0)
    rows, counts = clusters(rng, 80), rng.integers(0, 3, 80)
    detector = GaussianMixtureOutlierDetector(contamination=0.2, reg_covar=0, **ONE)
    weighted = detector.fit(rows, sample_weight=counts)
    offset, flagged = weighted.offset_, weighted.predict(rows)
    repeated = detector.fit(np.repeat(rows, counts, axis=0))
    assert offset == pytest.approx(repeated.offset_, rel=1e-9)
    np.testing.assert_array_equal(flagged, repeated.predict(rows))


@pytest.mark.parametrize("threshold", [0.5, 0.01, 1e-6])
@pytest.mark.parametrize("n", [20, 200])
def test_the_border_of_one_gaussian_is_that_of_hotellings_distance(threshold, n):
    """A new row's distance from the mean of n others, in units of their covariance S with divisor n - 1, is known.

    ``n / (n + 1) (n - D) / (D (n - 1)) d²`` has an F-distribution with D and n - D degrees of freedom.
    """
    rows = np.random.default_rng(0).normal(size=(n, 3))
    detector = GaussianMixtureOutlierDetector(threshold=threshold, reg_covar=0, covariance_type="full", **ONE).fit(rows)
    unbiased = (n + 1) / n * 3 * (n - 1) / (n - 3) * f.isf(threshold, 3, n - 3)
    gaussian = multivariate_normal(rows.mean(axis=0), np.cov(rows.T, bias=True))
    expected = gaussian.logpdf(gaussian.mean) - n / (n - 1) * unbiased / 2
    assert detector.offset_ == pytest.approx(expected, rel=1e-9)


def test_of_many_rows_the_threshold_is_the_probability_beyond_the_border():
    rows = clusters(np.random.default_rng(0), 20_000, 2)
    detector = GaussianMixtureOutlierDetector(threshold=0.05, **TWO).fit(rows)
    flagged = detector.predict(detector.mixture_.sample(200_000, random_state=1)) == -1
    assert flagged.mean() == pytest.approx(0.05, abs=0.004)  # five standard errors of both draws


def test_a_small_threshold_takes_as_many_random_rows_as_it_needs():
    rows = clusters(np.random.default_rng(0), 20_000, 2)  # so many that the parameters are known
    detector = GaussianMixtureOutlierDetector(threshold=3e-5, reg_covar=0, **TWO).fit(rows)
    level = detector.mixture_.level(1 - 3e-5, n_samples=4_000_000, random_state=1)
    assert detector.offset_ == pytest.approx(level.value, abs=1.0)  # five standard errors at a hundred rows are 0.5


def test_the_threshold_is_one_per_cent_where_nothing_is_said(faithful):
    plain, said = (GaussianMixtureOutlierDetector(threshold=share, **TWO).fit(faithful) for share in (None, 0.01))
    assert plain.offset_ == said.offset_


def test_a_row_where_none_is_wanted_is_found(faithful):
    detector = GaussianMixtureOutlierDetector(range(1, 4), random_state=0).fit(faithful)
    np.testing.assert_array_equal(
        detector.predict([[2.0, 55.0], [4.5, 80.0], [2.0, 80.0], [1e200, 0.0]]), [1, 1, -1, -1]
    )
    assert detector.best_params_["n_components"] == detector.mixture_.n_components > 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # a component on a single row
@pytest.mark.parametrize("covariance_type", ["full", "diag", "tied"])
@pytest.mark.parametrize("n_components", [3, range(2, 5)])
@pytest.mark.parametrize("strange", [[[2.0, 120.0]], [[2.0, 1e5]], [[2.0, 120.0], [2.01, 120.5]]])
@pytest.mark.parametrize("seed", range(3))
def test_training_rows_are_found_though_they_have_a_component_of_their_own(
    faithful, covariance_type, n_components, strange, seed
):
    detector = GaussianMixtureOutlierDetector(
        n_components, covariance_type=covariance_type, threshold=0.003, random_state=seed
    )  # at 0.001 a component of 17 rows reaches as far as the strange ones, as little as is known of it
    flagged = detector.fit_predict(np.concatenate([faithful, strange])) == -1
    assert flagged[len(faithful) :].all()
    assert flagged.sum() < 5 + len(strange)


def test_a_component_of_many_rows_stays_however_flat():
    """Three rows of ten are zero, as where a gauge shows nothing: that is how these rows are."""
    rows = np.random.default_rng(0).normal(5, 1, size=(200, 2))
    rows[::3, 1] = 0.0
    with pytest.warns(ConvergenceWarning, match="spread in some direction is from reg_covar alone"):
        detector = GaussianMixtureOutlierDetector(**TWO).fit(rows)
    assert detector.mixture_.n_components == 2
    assert (detector.predict(rows) == 1).mean() > 0.97


@pytest.mark.parametrize("unit", [1e-6, 1e3])
def test_units_do_not_matter(faithful, unit):
    flagged = [
        GaussianMixtureOutlierDetector(contamination=0.05, **TWO).fit_predict(rows)
        for rows in (faithful, unit * faithful + 1e4 * unit)
    ]
    np.testing.assert_array_equal(*flagged)


def test_names_travel_with_the_mixture(faithful):
    frame = pd.DataFrame(faithful, columns=["eruptions", "waiting"])
    detector = GaussianMixtureOutlierDetector(**ONE).fit(frame)
    assert detector.mixture_.feature_names == ("eruptions", "waiting")
    assert list(detector.feature_names_in_) == ["eruptions", "waiting"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"contamination": 0.1, "threshold": 0.1}, "contamination or threshold, not both, got contamination=0.1 and"),
        ({"contamination": 0.6}, "contamination"),
        ({"threshold": 0.6}, "threshold"),
        ({"threshold": 1e-7}, "threshold"),
        ({"n_components": [1, 0]}, "n_components must be integers from 1 upwards, at least one, got 0"),
        ({"n_components": []}, "at least one, got"),
        ({"covariance_type": "round"}, "covariance_type must be 'auto', 'all', or one or several of .*, got 'round'"),
        ({"covariance_type": []}, "covariance_type must be"),
        ({"criterion": "luck"}, "criterion"),
    ],
)
def test_errors_say_what_is_wrong(faithful, parameters, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixtureOutlierDetector(**parameters).fit(faithful)


def test_before_a_fit_there_is_nothing_to_say(faithful):
    for method in ("predict", "decision_function", "score_samples"):
        with pytest.raises(NotFittedError):
            getattr(GaussianMixtureOutlierDetector(), method)(faithful)
