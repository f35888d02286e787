import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris

from cases import clusters
from gaussmix.initialization.kmeans import _move_centres, assign_to_nearest, choose_seeds, kmeans

numbers = st.integers(0, 2**32 - 1)


def drawn(seed, n=150, n_components=4, n_features=3):
    """Rows about zero, and weights of which some are nothing."""
    rng = np.random.default_rng(seed)
    rows = clusters(rng, n, n_components, n_features)
    return rows - rows.mean(axis=0), rng.integers(0, 4, n).astype(float)


def scatter(rows, weights, centres):
    return float(weights @ cdist(rows, centres, "sqeuclidean").min(axis=1))


@given(seed=numbers, k=st.integers(1, 200))
def test_the_nearest_is_the_one_at_the_least_distance(seed, k):
    rows, _ = drawn(seed, n=2000)
    centres = np.random.default_rng(seed).normal(scale=4.0, size=(k, 3))
    np.testing.assert_array_equal(assign_to_nearest(rows, centres), cdist(rows, centres).argmin(axis=1))


@given(seed=numbers, k=st.integers(1, 8))
def test_one_step_more_changes_next_to_nothing(seed, k):
    rows, weights = drawn(seed)
    centres = kmeans(rows, weights, k, np.random.default_rng(seed))
    labels = cdist(rows, centres).argmin(axis=1)
    means = [np.average(rows[labels == j], axis=0, weights=weights[labels == j]) for j in range(k)]
    variance = np.average(rows**2, axis=0, weights=weights).mean()
    assert ((means - centres) ** 2).sum() <= 1e-3 * variance


@given(seed=numbers, k=st.integers(1, 8))
def test_steps_from_the_seeds_make_clusters_tighter(seed, k):
    rows, weights = drawn(seed)
    first, last = (find(rows, weights, k, np.random.default_rng(seed)) for find in (choose_seeds, kmeans))
    assert scatter(rows, weights, last) <= scatter(rows, weights, first) * (1 + 1e-12)


@given(seed=numbers, k=st.integers(1, 30))
def test_seeds_are_different_rows_that_weigh_something(seed, k):
    rows, weights = drawn(seed)
    found = choose_seeds(rows, weights, k, np.random.default_rng(seed))
    places = cdist(found, rows).argmin(axis=1)
    np.testing.assert_array_equal(rows[places], found)
    assert len(set(places)) == k
    assert weights[places].all()


def test_clusters_are_as_tight_as_those_of_scikit_learn():
    rows = load_iris().data - load_iris().data.mean(axis=0)
    weights = np.ones(len(rows))
    ours = min(scatter(rows, weights, kmeans(rows, weights, 5, np.random.default_rng(seed))) for seed in range(20))
    theirs = KMeans(5, n_init=20, random_state=0).fit(rows).inertia_
    assert abs(ours - theirs) < 1e-2 * theirs


def test_three_distinct_rows_are_three_clusters():
    rows = np.repeat([[-1.0], [0.0], [9.0]], 5, axis=0)
    for seed in range(20):
        assert scatter(rows, np.ones(15), kmeans(rows, np.ones(15), 3, np.random.default_rng(seed))) < 1e-12


def test_fewer_distinct_rows_than_clusters_are_all_centres():
    rows = np.repeat([[-1.0, 0.0], [1.0, 0.0]], 5, axis=0)
    centres = kmeans(rows, np.ones(10), 4, np.random.default_rng(0))
    assert centres.shape == (4, 2)
    assert scatter(rows, np.ones(10), centres) == 0.0


def test_powers_of_two_change_nothing():
    rows, weights = drawn(0)
    plain, scaled = (kmeans(rows * unit, weights, 4, np.random.default_rng(0)) for unit in (1.0, 2.0**100))
    np.testing.assert_array_equal(scaled, plain * 2.0**100)


def test_a_cluster_that_has_become_empty_moves_to_the_row_farthest_from_its_centre():
    rows, shares = np.array([[0.0], [1.0], [8.0]]), np.full(3, 1 / 3)
    moved = _move_centres(rows, shares, (rows * shares[:, None]).T, np.array([[0.0], [100.0]]))
    np.testing.assert_allclose(moved, [[3.0], [8.0]])
