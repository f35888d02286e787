"""Small groups in large tables."""

import numpy as np
import pytest

from gaussmix import GaussianMixture, Mixture
from gaussmix.covariances import NotPositiveDefiniteError
from gaussmix.em import Status
from gaussmix.fitting import rare_groups

BULK = 150_000


def table(seed, n_features, n_rare, apart, bulk=1):
    """Rows of some large clusters, and of a small one beside the outermost; and where the small one is."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(bulk, n_features)) * 3.0
    direction = rng.normal(size=n_features)
    direction /= np.linalg.norm(direction)
    place = centres[np.argmax(centres @ direction)] + apart * direction
    rows = rng.normal(size=(BULK, n_features)) + centres[rng.integers(0, bulk, BULK)]
    return rng.permutation(np.vstack([rows, rng.normal(place, 0.5, (n_rare, n_features))])), place


@pytest.mark.parametrize(
    ("n_features", "n_rare", "apart", "bulk"),
    [
        (2, 75, 16.0, 1),
        (2, 40, 8.0, 2),
        (5, 80, 9.0, 2),
        (4, 300, 7.0, 3),
    ],
)
def test_a_rare_group_gets_a_component(n_features, n_rare, apart, bulk):
    rows, place = table(1, n_features, n_rare, apart, bulk)
    model = GaussianMixture(bulk + 1, random_state=0).fit(rows)
    k = int(np.linalg.norm(model.means_ - place, axis=1).argmin())
    assert np.linalg.norm(model.means_[k] - place) < 0.5
    assert 0.6 * n_rare < model.weights_[k] * len(rows) < 1.7 * n_rare
    assert model.status_ is Status.CONVERGED


def test_no_component_among_rows_has_weight_zero():
    rows, _ = table(2, 2, 75, 16.0)
    model = GaussianMixture(2, random_state=1).fit(rows)
    weights = np.maximum(model.weights_, 1e-6)
    other = Mixture(weights / weights.sum(), model.means_, model.covariances_)
    assert other.logpdf(rows).mean() <= model.score(rows) + 1e-9


def test_more_components_than_clusters_do_not_rest_on_a_few_rows():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(BULK, 4)) + 5.0 * rng.normal(size=(3, 4))[rng.integers(0, 3, BULK)]
    model = GaussianMixture(6, random_state=0).fit(rows)
    assert model.weights_.min() * BULK > 60


def test_rows_without_a_rare_group_are_fitted_as_well_as_from_the_truth():
    rows, _ = table(3, 3, 0, 0.0, 3)
    model = GaussianMixture(3, random_state=0).fit(rows)
    plain = GaussianMixture(3, random_state=0, init_params="kmeans").fit(rows)
    assert model.score(rows) >= plain.score(rows) - 1e-3


def test_a_mixture_that_cannot_be_merged_is_kept(monkeypatch):
    def singular(*_):
        raise NotPositiveDefiniteError

    rows, _ = table(1, 2, 75, 16.0)
    monkeypatch.setattr(rare_groups, "cheapest_merges", singular)
    assert np.isfinite(GaussianMixture(2, random_state=0).fit(rows).score(rows))
