"""The regressor with missing features and targets, and the outlier detector with missing values."""

import numpy as np
import pytest
from scipy.stats import binom

from gaussmix import GaussianMixtureOutlierDetector, GaussianMixtureRegressor, Mixture
from gaussmix.estimators.density_scale import DensityScale
from gaussmix.estimators.predictive import Predictive
from gaussmix.sources import ArraySource
from gaussmix.structures import named

COVARIANCE = np.array([[1.0, 0.6, 0.8], [0.6, 1.0, 0.5], [0.8, 0.5, 1.0]])
TRUTH = Mixture([1.0], [[1.0, 2.0, 3.0]], COVARIANCE[None])


def table(n, share, seed=0):
    """Return features with missing values, and a target."""
    rng = np.random.default_rng(seed)
    rows = TRUTH.sample(n, random_state=rng)
    features = np.where(rng.random((n, 2)) < share, np.nan, rows[:, :2])
    return features, rows[:, 2]


def regressor(**options):
    return GaussianMixtureRegressor(1, covariance_type="full", random_state=0, **options)


def test_predictions_are_those_of_the_truth_given_the_observed_features():
    features, target = table(4000, 0.3)
    model = regressor().fit(features, target)
    new = np.array([[2.0, 1.0], [2.0, np.nan], [np.nan, 1.0], [np.nan, np.nan]])
    expected = TRUTH.condition({0: new[:, 0], 1: new[:, 1]})
    mean, std = model.predict(new, return_std=True)
    np.testing.assert_allclose(mean, expected.mean[:, 0], atol=0.1)
    np.testing.assert_allclose(std, np.sqrt(expected.covariance[:, 0, 0]), rtol=0.05)
    np.testing.assert_allclose(model.predict_quantiles(new, [0.1, 0.9]), expected.ppf([0.1, 0.9]), atol=0.15)


def test_intervals_hold_the_targets_whichever_features_are_missing():
    model = regressor().fit(*table(60, 0.3))
    features, target = table(3000, 0.3, seed=1)
    low, high = model.predict_quantiles(features, [0.05, 0.95]).T
    for kind in ([False, False], [True, False], [False, True], [True, True]):
        rows = (np.isnan(features) == kind).all(axis=1)
        assert 0.85 < np.mean((low <= target)[rows] & (target <= high)[rows]) < 0.97


def test_rows_without_a_target_inform_the_distribution_of_the_features():
    features, target = table(400, 0.0)
    half = np.where(np.arange(400) < 200, target, np.nan)
    model, alone = regressor().fit(features, half), regressor().fit(features[:200], target[:200])
    np.testing.assert_allclose(model.mixture_.means[0, :2], features.mean(axis=0), rtol=1e-6)
    # The fits end within 1e-6 nats per row of the limit: so the mean is within sqrt(2e-6) standard deviations.
    np.testing.assert_allclose(model.predict(features[:5]), alone.predict(features[:5]), atol=2e-3)
    np.testing.assert_allclose(  # the rows without a target say nothing about the conditional variance
        model.predict(features[:5], return_std=True)[1], alone.predict(features[:5], return_std=True)[1], rtol=1e-3
    )


def test_several_targets_may_be_missing_apart():
    features, target = table(300, 0.1)
    targets = np.column_stack([target, 2.0 * target + np.random.default_rng(0).normal(size=300)])
    targets[::5, 0] = targets[1::5, 1] = np.nan
    model = regressor().fit(features, targets)
    assert model.predict(features).shape == (300, 2)
    assert 0.3 < model.score(features, targets) < 1.0


def test_a_score_leaves_out_rows_without_a_target():
    features, target = table(300, 0.2)
    model = regressor().fit(features, target)
    half, weights = np.where(np.arange(300) < 200, target, np.nan), np.arange(300) + 1.0
    assert model.score(features, half) == pytest.approx(model.score(features[:200], target[:200]))
    weighted = model.score(features, half, sample_weight=weights)
    assert weighted == pytest.approx(model.score(features[:200], target[:200], weights[:200]))
    with pytest.raises(ValueError, match="y must have a row without missing values"):
        model.score(features, np.full(300, np.nan))


def test_few_rows_with_missing_values_are_fitted_and_checked():
    features, target = table(40, 0.3)
    half = np.where(np.arange(40) % 4 == 0, np.nan, target)
    model = GaussianMixtureRegressor(random_state=0, n_components=[1, 2]).fit(features, half)
    assert np.isfinite(model.predict(features)).all()


def test_columns_and_targets_without_a_value_are_errors():
    features, target = table(30, 0.0)
    with pytest.raises(ValueError, match="y must have a known value of each target"):
        regressor().fit(features, np.full(30, np.nan))
    with pytest.raises(ValueError, match="all values in column 1 are missing"):
        regressor().fit(np.where([True, False], features, np.nan), target)
    with pytest.raises(ValueError, match="all values in column 1 are missing"):
        GaussianMixtureOutlierDetector(1).fit(np.where([True, False], features, np.nan))
    with pytest.warns(UserWarning, match="no observed value in row 2"):
        regressor().fit(
            np.vstack([features[:2], [[np.nan] * 2], features[3:]]), np.where(np.arange(30) == 2, np.nan, target)
        )


# --- The detector ----------------------------------------------------------------------------------------------------

PAIR = Mixture([0.7, 0.3], [[0.0, 0.0, 0.0], [6.0, 4.0, -5.0]], [COVARIANCE, 0.5 * COVARIANCE])


def holed(n, seed, share=0.3):
    rng = np.random.default_rng(seed)
    rows = PAIR.sample(n, random_state=rng)
    missing = rng.random(rows.shape) < share
    missing[missing.all(axis=1), 0] = False
    return np.where(missing, np.nan, rows)


@pytest.mark.parametrize(("n_components", "threshold"), [(2, 0.05), (2, 0.01)])
def test_a_threshold_is_the_share_of_new_rows_whichever_values_are_missing(n_components, threshold):
    detector = GaussianMixtureOutlierDetector(
        n_components, covariance_type="full", threshold=threshold, random_state=0
    ).fit(holed(3000, 0))
    rows = holed(12_000, 1)
    flagged, number = detector.predict(rows) == -1, np.isnan(rows).sum(axis=1)
    for missing in range(3):
        own = flagged[number == missing]
        assert 0.7 * threshold < own.mean() < 1.4 * threshold
        assert binom.sf(own.sum(), len(own), 1.5 * threshold) > 1e-3


def test_a_contamination_is_the_share_of_the_training_rows():
    rows = holed(500, 0)
    detector = GaussianMixtureOutlierDetector(2, covariance_type="full", contamination=0.1, random_state=0).fit(rows)
    assert (detector.predict(rows) == -1).sum() == 50
    np.testing.assert_array_equal(detector.score_samples(rows) - detector.offset_, detector.decision_function(rows))


def test_scores_of_rows_have_the_tail_probabilities_of_complete_rows():
    structure, source = named("full"), ArraySource(PAIR.sample(5000, random_state=0))
    scale = DensityScale(Predictive.of(PAIR, source, structure), 20_000, seed=1)
    rows = holed(4000, 2)
    complete = PAIR.logpdf(PAIR.sample(20_000, random_state=3))
    for share in (0.02, 0.2, 0.5, 0.8):
        border = np.quantile(complete, share)
        for kind in ([True, False, False], [False, True, True]):
            own = scale.score(rows[(np.isnan(rows) == kind).all(axis=1)])
            assert np.mean(own < border) == pytest.approx(share, abs=4.0 * np.sqrt(share * (1 - share) / len(own)))


def test_a_far_value_has_a_low_score_and_nothing_observed_an_ordinary_one():
    detector = GaussianMixtureOutlierDetector(2, covariance_type="full", random_state=0).fit(holed(800, 0))
    values = detector.decision_function([[np.nan, 1e3, np.nan], [np.nan, 2e3, np.nan], [np.nan, np.nan, np.nan]])
    assert values[1] < values[0] < 0 < values[2]
    assert detector.predict(holed(50, 5)).tolist() == detector.predict(holed(50, 5)).tolist()


def test_a_detector_of_few_rows_takes_missing_values():
    rows = holed(60, 0)
    detector = GaussianMixtureOutlierDetector([1, 2], random_state=0).fit(rows)
    assert 0.5 < np.mean(detector.predict(holed(2000, 1)) == 1) <= 1.0
