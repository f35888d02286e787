import numpy as np
import pytest

from gaussmix.em.m_step import MStep
from gaussmix.initialization.two_level_kmeans import cluster_in_two_levels, start_from_two_levels
from gaussmix.sources import ArraySource
from gaussmix.structures import named


def far_apart(n_clusters=100, times=30, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0)), axis=-1).reshape(-1, 2)[:n_clusters]
    return np.repeat(centres, times, axis=0) + rng.normal(scale=0.02, size=(n_clusters * times, 2))


def test_each_label_is_taken_and_clusters_far_apart_are_mostly_found():
    labels = cluster_in_two_levels(ArraySource(far_apart()), 100, np.random.default_rng(0))
    assert np.unique(labels).tolist() == list(range(100))
    whole = sum(len(np.unique(labels[30 * k : 30 * k + 30])) == 1 for k in range(100))
    assert whole > 60


@pytest.mark.parametrize("n_clusters", [1, 2, 3, 7, 40])
def test_any_number_of_clusters_fits(n_clusters):
    rows = np.random.default_rng(0).normal(size=(40, 3))
    labels = cluster_in_two_levels(ArraySource(rows), n_clusters, np.random.default_rng(1))
    assert labels.shape == (40,)
    assert labels.min() >= 0
    assert labels.max() < n_clusters


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_units_do_not_matter(scale):
    rows = np.random.default_rng(0).normal(size=(500, 3))
    plain = cluster_in_two_levels(ArraySource(rows), 20, np.random.default_rng(1))
    scaled = cluster_in_two_levels(
        ArraySource(rows * [1.0, scale, 1.0] + [0.0, scale, 3.0]), 20, np.random.default_rng(1)
    )
    np.testing.assert_array_equal(plain, scaled)


def test_rows_that_are_all_the_same_have_labels_too():
    labels = cluster_in_two_levels(ArraySource(np.ones((10, 2))), 3, np.random.default_rng(0))
    assert set(labels) == {0, 1, 2}


def test_the_start_is_what_one_m_step_makes_of_the_labels():
    rows = far_apart()
    labels = cluster_in_two_levels(ArraySource(rows), 100, np.random.default_rng(0))
    model = start_from_two_levels(ArraySource(rows), 100, MStep(named("diag"), np.zeros(2)), np.random.default_rng(0))
    for k in range(0, 100, 9):
        own = rows[labels == k]
        np.testing.assert_allclose(model.weights[k], len(own) / len(rows))
        np.testing.assert_allclose(model.means[k], own.mean(axis=0))
        np.testing.assert_allclose(model.covariances.covariances[k], own.var(axis=0), rtol=1e-9)
