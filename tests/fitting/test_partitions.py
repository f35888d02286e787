import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from cases import clusters, mixture
from gaussmix.em.m_step import MStep
from gaussmix.fitting import partitions
from gaussmix.fitting.partitions import overfitted_starts, partition_starts, same_solution
from gaussmix.initialization import relative_ridge
from gaussmix.initialization.kmeans import kmeans
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

seeds = st.integers(0, 2**32 - 1)
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)


def started(rows, n_components, most=10, structure="full", ridge=None, seed=0, weights=None, effort=1.0):
    source = ArraySource(rows, weights)
    return partition_starts(
        source, n_components, model_of(source, structure, ridge), np.random.default_rng(seed), effort
    )[:most]


def model_of(source, structure="full", ridge=None):
    return MStep(named(structure), relative_ridge(source) if ridge is None else np.full(source.n_features, ridge))


def log_likelihoods(mixtures, rows):
    return [float(one.logpdf(rows).mean()) for one in mixtures]


@settings(max_examples=10)
@given(seed=seeds, n_components=st.integers(2, 5), n_features=st.integers(1, 4), most=st.integers(1, 12))
def test_mixtures_are_of_the_size_that_is_asked_and_no_more_of_them(seed, n_components, n_features, most):
    rows = clusters(np.random.default_rng(seed), 200, 3, n_features)
    found = started(rows, n_components, most, seed=seed)
    assert 1 <= len(found) <= most
    for one in found:
        assert one.means.shape == (n_components, n_features)
        assert one.weights.sum() == pytest.approx(1.0)
        assert np.isfinite(one.logpdf(rows)).all()


@every_structure
def test_mixtures_have_the_covariances_of_the_structure(structure):
    rows = clusters(np.random.default_rng(0), 200)
    for one in started(rows, 3, 3, structure.name):
        assert isinstance(one.covariances, structure.form)


@settings(max_examples=10)
@given(seed=seeds)
def test_the_first_is_as_likely_as_any_where_clusters_are_far_apart(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(300, 2)) + 25.0 * np.array([[0, 0], [1, 0], [0, 1]])[np.arange(300) % 3]
    values = log_likelihoods(started(rows, 3, 30), rows)
    assert values[0] > max(values) - 1e-6


@settings(max_examples=10)
@given(seed=seeds)
def test_the_first_is_nearly_as_likely_as_any_where_clusters_overlap(seed):
    rows = clusters(np.random.default_rng(seed), 400)
    values = log_likelihoods(started(rows, 3, 30), rows)
    assert values[0] > max(values) - 0.1


def test_the_best_of_few_are_the_first_of_many():
    rows = clusters(np.random.default_rng(0), 300)
    many, few = started(rows, 3, 30), started(rows, 3, 4)
    assert log_likelihoods(few, rows) == log_likelihoods(many[:4], rows)


@pytest.mark.parametrize("wide", [5.0, 100.0])
def test_a_long_axis_hides_no_clusters(wide):
    rng = np.random.default_rng(0)
    labels = np.arange(600) % 2
    rows = rng.normal(size=(600, 2)) * [1.0, wide] + np.outer(labels, [8.0, 0.0])
    found = started(rows, 2, 1)[0].predict(rows)
    assert max((found == labels).mean(), (found != labels).mean()) > 0.99


def test_all_rows_equal_are_no_start():
    assert started(np.full((30, 2), 7.0), 3, ridge=1e-6) == []


def test_too_few_rows_for_covariances_are_no_start():
    assert started(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]]), 2, ridge=0.0) == []


def test_few_rows_are_a_start_where_a_ridge_holds_components_open():
    rows = np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]])
    found = started(rows, 2, ridge=1e-3)
    assert found
    for one in found:
        assert np.isfinite(one.logpdf(rows)).all()


def test_one_start_that_fails_costs_the_others_nothing():
    rng = np.random.default_rng(0)
    rows = np.concatenate([[[1e3, 1e3]], rng.normal(size=(120, 2)) + np.outer(np.arange(120) % 2, [9.0, 0.0])])
    for one in started(rows, 2, 30, ridge=0.0):
        assert one.weights.min() * len(rows) > 3


@settings(max_examples=5)
@given(seed=seeds)
def test_the_seed_decides(seed):
    rows = clusters(np.random.default_rng(0), 100)
    one, other = (log_likelihoods(started(rows, 3, seed=seed), rows) for _ in range(2))
    assert one == other


def test_a_constant_weight_changes_nothing():
    rows = clusters(np.random.default_rng(0), 200)
    plain, heavy = started(rows, 3), started(rows, 3, weights=np.full(200, 4.0))
    np.testing.assert_allclose(log_likelihoods(heavy, rows), log_likelihoods(plain, rows), rtol=1e-9)


def test_repeated_rows_are_clustered_without_a_warning():
    rows = np.repeat(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), 20, axis=0)
    for one in started(rows, 6, ridge=1e-6):
        assert one.n_components == 6


# --- Where there is much to do ---------------------------------------------------------------------------------------


def in_a_grid(rng, n=900, side=3, apart=9.0):
    """Rows of round clusters on a grid, and their means."""
    means = apart * np.array([[i, j] for i in range(side) for j in range(side)], dtype=float)
    return rng.normal(size=(n, 2)) + means[np.arange(n) % len(means)], means


@settings(max_examples=5)
@given(seed=seeds)
def test_too_many_components_leave_one_for_each_cluster_when_they_are_merged(seed):
    rows, means = in_a_grid(np.random.default_rng(seed))
    source = ArraySource(rows)
    found = list(overfitted_starts(source, 9, model_of(source), np.random.default_rng(seed)))
    assert [one.n_components for one in found] == [14, 14, 14]
    for one in found:
        distances = np.linalg.norm(one.reduce(9).means[:, None] - means, axis=2)
        assert len(set(distances.argmin(axis=1))) == 9
        assert distances.min(axis=1).max() < 1.0


def test_mixtures_of_too_many_components_are_made_when_they_are_asked_for(monkeypatch):
    rows, _ = in_a_grid(np.random.default_rng(0))
    made = []
    monkeypatch.setattr(partitions, "kmeans", lambda *arguments: made.append(1) or kmeans(*arguments))
    source = ArraySource(rows)
    found = overfitted_starts(source, 9, model_of(source), np.random.default_rng(0))
    assert not made
    next(found)
    assert len(made) == 1


def test_of_equal_rows_there_are_no_mixtures_of_too_many_components():
    source = ArraySource(np.full((30, 2), 7.0))
    assert list(overfitted_starts(source, 3, model_of(source, ridge=1e-6), np.random.default_rng(0))) == []


def turned(rng, rows):
    """Rows made white and turned, so that no column shows what they are like."""
    white = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[0] * np.sqrt(len(rows))
    return white @ np.linalg.qr(rng.normal(size=(rows.shape[1], rows.shape[1])))[0]


@pytest.mark.parametrize("seed", range(4))
def test_with_little_effort_clusters_along_one_direction_are_not_hidden_by_others(seed):
    rng = np.random.default_rng(seed)
    labels, rows = np.arange(4000) % 4, rng.normal(size=(4000, 20))
    rows[:, 0] += 6.0 * labels
    rows = turned(rng, rows)
    (found,) = started(rows, 4, effort=0.05, seed=seed)
    assert adjusted_rand_score(labels, found.predict(rows)) > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_with_little_effort_clusters_in_a_plane_are_looked_for_in_the_plane(seed):
    rng = np.random.default_rng(seed)
    labels, rows = np.arange(4000) % 4, rng.normal(size=(4000, 20))
    rows[:, :2] += 8.0 * np.array([[0, 0], [0, 1], [1, 0], [1, 1]])[labels]
    rows = turned(rng, rows)
    (found,) = started(rows, 4, effort=0.05, seed=seed)
    assert adjusted_rand_score(labels, found.predict(rows)) > 0.95


def test_a_mixture_is_like_itself_in_any_order_and_nearby_but_not_far_away():
    one = mixture(np.random.default_rng(0), n_components=4, spread=9.0)
    order = [2, 0, 3, 1]
    other = Mixture(one.weights[order], one.means[order], one.factors[order] @ np.swapaxes(one.factors[order], 1, 2))
    assert same_solution(one, other)
    along = one.factors[:, :, 0]  # a standard deviation of each component
    assert same_solution(one, Mixture(one.weights, one.means + 0.4 * along, one.covariances))
    assert not same_solution(one, Mixture(one.weights, one.means + 0.6 * along, one.covariances))


def test_two_components_are_not_like_one_in_the_place_of_both():
    one = Mixture([0.5, 0.5], [[0.0], [0.2]], [1.0, 1.0])
    assert not same_solution(one, Mixture([0.5, 0.5], [[0.1], [9.0]], [1.0, 1.0]))
