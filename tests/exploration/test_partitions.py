import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import clusters
from gaussmix.exploration.partitions import begun
from gaussmix.m_step import MStep
from gaussmix.sources import ArraySource
from gaussmix.starts import relative_ridge
from gaussmix.structures import STRUCTURES, named

seeds = st.integers(0, 2**32 - 1)
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)


def started(rows, n_components, most=10, structure="full", ridge=None, seed=0, weights=None):
    source = ArraySource(rows, weights)
    model = MStep(named(structure), relative_ridge(source) if ridge is None else np.full(rows.shape[1], ridge))
    return begun(
        source, n_components, model, np.random.default_rng(seed), most, lambda mixture: mixture.reduce(n_components)
    )


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
