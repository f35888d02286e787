"""The prior towards a common covariance: its strength against numerical integration, and what it does."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import adjusted_rand_score

from gaussmix import GaussianMixture
from gaussmix.em.m_step import MStep
from gaussmix.fitting.problem import Stopping
from gaussmix.fitting.shrinkage import _log_evidence, fit_shrinkage, max_strength
from gaussmix.initialization import relative_ridge
from gaussmix.sources import ArraySource
from gaussmix.structures import named


def groups(seed, n_components, n_features, per_component, apart, scales=(1.0, 1.0, 1.0, 1.0)):
    """Rows of round groups so many deviations apart, on average, and their labels."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_components, n_features)) * apart / np.sqrt(2 * n_features)
    labels = np.arange(n_components * per_component) % n_components
    noise = rng.normal(size=(len(labels), n_features)) * np.array(scales)[labels][:, None]
    return noise + centres[labels], labels


def made(rows, n_components, name="full", **options):
    source = ArraySource(rows)
    m_step = MStep(named(name), relative_ridge(source), **options)
    return fit_shrinkage(source, n_components, m_step, Stopping(1e-4, 100))


def test_the_evidence_is_the_integral_of_the_likelihood_over_the_prior():
    """In one dimension, where it can be integrated: rows about their mean, a normal density, an inverse gamma prior."""
    rng = np.random.default_rng(0)
    values, target = rng.normal(size=8), 0.7
    scatter = ((values - values.mean()) ** 2).sum()
    variances = np.geomspace(1e-4, 1e4, 400_001)

    def integral(n_rows):
        prior = stats.invgamma.pdf(variances, (n_rows + 2.0) / 2.0, scale=n_rows * target / 2.0)
        likelihood = (2.0 * np.pi * variances) ** (-7 / 2) * np.exp(-0.5 * scatter / variances)
        return np.log(np.trapezoid(prior * likelihood, variances))

    ours = [_log_evidence(n_rows, np.array([[scatter / target]]), np.array([8.0])) for n_rows in (0.5, 3.0, 20.0)]
    theirs = [integral(n_rows) for n_rows in (0.5, 3.0, 20.0)]
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-4)


@pytest.mark.parametrize(
    ("weight", "n_components", "n_features", "rows"),
    [
        (100.0, 2, 10, 640.0),
        (160.0, 2, 10, 640.0),
        (200.0, 2, 10, 256.0),
        (239.9, 2, 10, 0.5),
        (240.0, 2, 10, 0.0),
        (1000.0, 2, 10, 0.0),
        (20.0, 2, 10, 0.0),
        (100.0, 1, 50, 0.0),
    ],
)
def test_the_prior_may_be_strong_where_rows_are_few_and_is_none_where_they_are_plenty(
    weight, n_components, n_features, rows
):
    assert max_strength(weight, n_components, n_features) == pytest.approx(rows, abs=0.1)


def test_there_is_no_prior_where_rows_are_plenty_or_the_structure_is_not_full():
    rows, _ = groups(0, 2, 5, 30, 10.0)
    assert made(rows, 2) is not None
    assert made(np.vstack([rows, rows + 1e-3]), 2) is None
    assert all(made(rows, 2, name) is None for name in ("tied", "diag", "spherical", "EEV"))
    assert made(rows, 2, eigenvalue_ratio=5.0) is None


def test_the_prior_is_strong_for_covariances_that_are_alike_and_weak_for_others():
    alike, different = (made(groups(0, 2, 10, 40, 30.0, scales)[0], 2).n_rows for scales in ((1.0, 1.0), (1.0, 6.0)))
    assert alike > 300
    assert different < 0.2 * alike


def test_the_prior_does_not_depend_on_the_seed_and_follows_units():
    rows, _ = groups(1, 3, 8, 20, 12.0)
    first, second = (GaussianMixture(3, random_state=seed).fit(rows) for seed in (0, 1))
    assert first.objective_ == pytest.approx(second.objective_, abs=1e-3)
    np.testing.assert_array_equal(first.shrinkage_.prior.scale, second.shrinkage_.prior.scale)
    scaled = GaussianMixture(3, random_state=0).fit(rows * 1e3)
    assert scaled.score(rows * 1e3) == pytest.approx(first.score(rows) - 8 * np.log(1e3), abs=1e-3)


@pytest.mark.parametrize(
    ("n_components", "n_features", "per_component", "apart"),
    [
        (2, 50, 200, 15.0),
        (2, 50, 100, 15.0),
        (3, 50, 200, 10.0),
        (2, 30, 120, 8.0),
        (3, 30, 67, 7.7),
        (2, 10, 40, 8.0),
    ],
)
def test_groups_that_k_means_finds_are_found(n_components, n_features, per_component, apart):
    rows, labels = groups(3, n_components, n_features, per_component, apart)
    model = GaussianMixture(n_components, random_state=0).fit(rows)
    plain = GaussianMixture(n_components, random_state=0, init_params="kmeans").fit(rows)
    assert adjusted_rand_score(labels, model.predict(rows)) >= adjusted_rand_score(labels, plain.predict(rows)) - 0.02
    assert adjusted_rand_score(labels, model.predict(rows)) > 0.9
    assert model.objective_ >= plain.objective_ - 1e-3
    assert "draws each covariance towards their common one" in model.message_


def test_new_rows_are_likelier_than_under_maximum_likelihood():
    rows, _ = groups(4, 2, 20, 50, 10.0)
    new, _ = groups(4, 2, 20, 50, 10.0)
    new = new[::-1] + np.random.default_rng(9).normal(size=new.shape) * 0.1
    test_rows = groups(4, 2, 20, 500, 10.0)[0][100:]
    shrunken, plain = (GaussianMixture(2, random_state=0, prior=prior).fit(rows) for prior in ("auto", None))
    assert shrunken.score(test_rows) > plain.score(test_rows) + 0.5
