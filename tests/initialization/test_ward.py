"""Ward's tree: partitions of the rows into any number of clusters."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from cases import clusters, mixture
from gaussmix.em.m_step import MStep
from gaussmix.initialization import compute_means, start_from, ward_tree
from gaussmix.sources import ArraySource
from gaussmix.structures import named

seeds = st.integers(0, 2**32 - 1)


@pytest.fixture
def rows():
    return clusters(np.random.default_rng(0), n=300)


def labels_of(partition, rows, k):
    """Labels ``(n,)`` out of the responsibilities of all rows, which must be of one cluster each."""
    resp = partition(k)(slice(0, len(rows)), rows)
    assert resp.shape == (len(rows), k)
    assert set(np.unique(resp)) <= {0.0, 1.0}
    assert (resp.sum(axis=1) == 1).all()
    return resp.argmax(axis=1)


def grown(rows, seed=0):
    return ward_tree(ArraySource(rows), np.random.default_rng(seed))


def alike(left, right):
    """Whether two labellings are the same but for the names."""
    return len(np.unique(np.stack([left, right]), axis=1).T) == len(np.unique(left)) == len(np.unique(right))


@given(seed=seeds, n=st.integers(1, 40), n_features=st.integers(1, 4))
def test_the_tree_has_every_number_of_clusters_each_within_one_of_fewer(seed, n, n_features):
    rows = np.random.default_rng(seed).normal(size=(n, n_features))
    partition = grown(rows)
    cuts = [labels_of(partition, rows, k) for k in range(1, n + 1)]
    assert [len(np.unique(labels)) for labels in cuts] == list(range(1, n + 1))
    for fewer, more in itertools.pairwise(cuts):
        assert len(np.unique(np.stack([fewer, more]), axis=1).T) == len(np.unique(more))


@given(seed=seeds, k=st.integers(1, 6), n=st.sampled_from([120, 2600]))
def test_the_tree_finds_clusters_that_are_there(seed, k, n):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    rows = rng.normal(size=(n, 2)) + 60.0 * np.array([[0, 0], [1, 1], [1, 0], [0, 1], [2, 0], [2, 1]])[truth]
    assert alike(labels_of(grown(rows), rows, k), truth)


@given(seed=seeds, units=st.lists(st.sampled_from([2.0**-20, 0.5, 1.0, 1024.0]), min_size=3, max_size=3))
def test_the_tree_knows_no_units(seed, units):
    rows = clusters(np.random.default_rng(seed), n=80, n_features=3)
    plain, scaled = grown(rows), grown(rows * units)
    for k in (2, 5, 9):
        assert alike(labels_of(plain, rows, k), labels_of(scaled, rows * units, k))


@pytest.mark.parametrize("units", [[1e-9, 1.0], [3.0, 1e7], [0.3, 0.7]])
def test_the_tree_of_well_separated_rows_knows_no_units_at_all(units):
    rows = clusters(np.random.default_rng(0), n=2500, spread=40.0)
    found = [labels_of(grown(x), x, 3) for x in (rows, rows * units + 5.0)]
    assert alike(*found)


def test_the_tree_of_a_large_table_is_of_a_sample():
    drawn_rows = []

    class Watched(ArraySource):
        def sample(self, rng, n_rows):
            sample = super().sample(rng, n_rows)
            drawn_rows.append(sample.n_rows)
            return sample

    rows = clusters(np.random.default_rng(0), n=5000)
    partition = ward_tree(Watched(rows), np.random.default_rng(0))
    for k in (1, 2, 7, 40):
        labels = labels_of(partition, rows, k)
        assert len(np.unique(labels)) == k
        blocks = [partition(k)(slice(i, i + 700), rows[i : i + 700]).argmax(axis=1) for i in range(0, 5000, 700)]
        np.testing.assert_array_equal(np.concatenate(blocks), labels)
    assert drawn_rows == [2000]


def test_the_seed_decides_about_the_sample():
    rows = clusters(np.random.default_rng(0), n=3000, spread=1.0)
    one, same, other = (labels_of(grown(rows, seed), rows, 5) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not alike(one, other)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e8])
def test_a_constant_column_is_nothing_to_the_tree(constant):
    rows = clusters(np.random.default_rng(0), n=200, spread=20.0)
    wide = np.column_stack([rows[:, :1], np.full(200, constant), rows[:, 1:]])
    assert alike(labels_of(grown(wide), wide, 3), labels_of(grown(rows), rows, 3))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
@pytest.mark.parametrize("n", [1, 9, 2000])
def test_the_tree_cuts_equal_rows_into_any_number_of_clusters(n, value):
    rows = np.full((n, 2), value)
    partition = grown(rows)
    for k in {1, min(2, n), min(9, n)}:
        assert len(np.unique(labels_of(partition, rows, k))) == k


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
def test_equal_rows_of_a_large_table_go_to_one_cluster_of_the_tree(value):
    rows = np.full((2500, 2), value)
    partition = grown(rows)
    for k in (1, 2, 9):
        assert len(np.unique(labels_of(partition, rows, k))) == 1


@pytest.mark.parametrize("n", [10, 2500])
def test_repeated_rows_stay_together_while_there_are_clusters_for_them(n):
    rows = np.repeat([[0.0, 0.0], [1.0, 3.0]], n // 2, axis=0)
    partition = grown(rows)
    assert alike(labels_of(partition, rows, 2), np.repeat([0, 1], n // 2))
    labels_of(partition, rows, 4)


def test_as_many_clusters_as_the_sample_and_no_more():
    rows = np.random.default_rng(0).normal(size=(2100, 2))
    assert len(np.unique(labels_of(grown(rows), rows, 2000))) == 2000


def test_more_clusters_than_the_sample_are_refused_or_found_but_no_accident():
    rows = np.random.default_rng(0).normal(size=(2100, 2))
    try:
        labels_of(grown(rows), rows, 2050)
    except ValueError as error:
        assert "2050" in str(error)  # noqa: PT017 - either is right


def test_single_precision_has_the_same_tree():
    rows = clusters(np.random.default_rng(0), n=300, spread=20.0).astype(np.float32)
    single, double = (labels_of(grown(x), x, 3) for x in (rows, rows.astype(np.float64)))
    assert alike(single, double)
    long = clusters(np.random.default_rng(1), n=3000, spread=40.0).astype(np.float32)
    assert alike(*(labels_of(grown(x), x, 3) for x in (long, long.astype(np.float64))))


def test_the_tree_far_from_zero_is_the_same():
    rows = clusters(np.random.default_rng(0), n=200, spread=20.0)
    assert alike(labels_of(grown(rows + 1e8), rows + 1e8, 3), labels_of(grown(rows), rows, 3))


def test_the_tree_is_a_start(rows):
    source = ArraySource(rows)
    partition = ward_tree(source, np.random.default_rng(0))
    labels = labels_of(partition, rows, 3)
    first = start_from(source, partition(3), 3, MStep(named("full"), np.zeros(2)))
    np.testing.assert_allclose(first.means, [rows[labels == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(compute_means(source, partition(3), 3), first.means)


def test_the_tree_is_better_than_chance_on_overlapping_clusters():
    rng = np.random.default_rng(0)
    rows, truth = mixture(rng, spread=6.0).sample(400, random_state=rng, return_components=True)
    assert adjusted_rand_score(truth, labels_of(grown(rows), rows, 3)) > 0.5
