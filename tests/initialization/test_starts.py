import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from cases import MOMENTS, clusters, mixture
from gaussmix.em.m_step import MStep
from gaussmix.initialization import KINDS, assigned, column_moments, given, relative_ridge, start, tree
from gaussmix.initialization import means as means_under
from gaussmix.initialization.assignments import from_labels, of_clusters
from gaussmix.sources import ArraySource
from gaussmix.structures import named

FULL = named("full")
NO_RIDGE = np.zeros(2)
MODEL = MStep(FULL, NO_RIDGE)
kinds = pytest.mark.parametrize("kind", list(KINDS))


def begun(origin, rows, seed=0, weights=None, k=3):
    return given(origin, ArraySource(rows, weights), k, MODEL, np.random.default_rng(seed))


@pytest.fixture
def rows():
    return clusters(np.random.default_rng(0), n=300)


@kinds
def test_every_kind_gives_a_mixture_inside_the_rows(kind, rows):
    first = begun(kind, rows)
    assert first.weights.sum() == pytest.approx(1.0)
    assert (first.means >= rows.min(axis=0)).all()
    assert (first.means <= rows.max(axis=0)).all()
    assert len(np.unique(first.means, axis=0)) == 3


@kinds
def test_the_seed_decides(kind, rows):
    np.testing.assert_array_equal(begun(kind, rows, 1).means, begun(kind, rows, 1).means)
    if kind != "kmeans":  # which finds the same clusters from any seed
        others = [begun(kind, rows, seed).means for seed in range(2, 8)]
        assert not all(np.array_equal(begun(kind, rows, 1).means, means) for means in others)


@kinds
def test_an_offset_changes_nothing(kind, rows):
    np.testing.assert_allclose(begun(kind, rows + 1e8).means - 1e8, begun(kind, rows).means, atol=1e-6)


def test_kmeans_uses_the_weights():
    rows = np.array([[0.0, 0.0], [1.0, 1.0], [10.0, 0.0], [11.0, 1.0], [10.0, 1.0]])
    weights = np.array([1.0, 3.0, 1.0, 1.0, 2.0])
    first = given(
        "kmeans", ArraySource(rows, weights), 2, MStep(named("spherical"), NO_RIDGE), np.random.default_rng(0)
    )
    expected = [np.average(part, axis=0, weights=w) for part, w in ((rows[:2], weights[:2]), (rows[2:], weights[2:]))]
    np.testing.assert_allclose(first.means[np.argsort(first.means[:, 0])], expected)


def test_labels_and_responsibilities_say_the_same(rows):
    labels = np.arange(300) % 3
    by_labels, by_resp = begun(labels, rows), begun(np.eye(3)[labels], rows)
    np.testing.assert_allclose(by_labels.means, [rows[labels == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(by_resp.covariances.covariances, by_labels.covariances.covariances)


def test_a_mixture_is_taken_as_it_is(rows):
    known = mixture(np.random.default_rng(0))
    assert begun(known, rows) is known


def test_a_callable_may_return_any_start(rows):
    def halves(source, n_components, rng):
        assert isinstance(rng, np.random.Generator)
        return (np.arange(source.n_rows) * n_components) // source.n_rows

    np.testing.assert_array_equal(begun(halves, rows).means, begun(np.repeat([0, 1, 2], 100), rows).means)
    assert begun(lambda *_: "random", rows, 4).means.shape == (3, 2)


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (np.zeros(7, dtype=int), r"labels of shape \(300,\) or responsibilities of shape \(300, 3\), got shape \(7,\)"),
        (np.full(300, 3), "integers from 0 to 2, got int64 from 3 to 3"),
        (np.full(300, 0.5), "must be integers"),
        (np.full((300, 3), 0.5), "sum to 1"),
        (mixture(np.random.default_rng(0), n_components=4), "must have 3 components in 2 dimensions, got 4 in 2"),
    ],
)
def test_a_start_that_does_not_fit_is_named(origin, message, rows):
    with pytest.raises(ValueError, match=message):
        begun(origin, rows)


def test_a_large_table_is_started_from_a_sample():
    drawn = []

    class Watched(ArraySource):
        def sample(self, rng, n_rows):
            sample = super().sample(rng, n_rows)
            drawn.append(sample.n_rows)
            return sample

    source = Watched(clusters(np.random.default_rng(0), n=100_000, spread=30.0))
    for kind in KINDS:
        first = given(kind, source, 3, MODEL, np.random.default_rng(0))
        assert first.weights.sum() == pytest.approx(1.0)
    assert max(drawn) == 2**16


def test_column_moments_are_exact_far_from_zero():
    rows = np.random.default_rng(0).normal(size=(4000, 2)) * [1.0, 1e-3]
    mean, variance = column_moments(ArraySource(rows + 1e6))
    np.testing.assert_allclose(mean, rows.mean(axis=0) + 1e6, rtol=1e-15)
    exact = [exact_variance(column) for column in (rows + 1e6).T]
    np.testing.assert_allclose(variance, exact, rtol=1e-11)


def exact_variance(column):
    values = [Fraction(x) for x in column]
    mean = sum(values) / len(values)
    return float(sum((x - mean) ** 2 for x in values) / len(values))


def test_the_relative_ridge_follows_each_column():
    rows = np.random.default_rng(0).normal(size=(500, 2)) * [10.0, 1e-3]
    np.testing.assert_allclose(relative_ridge(ArraySource(rows), 0.5), 0.5 * rows.var(axis=0), rtol=0.2)
    uniform = np.random.default_rng(0).uniform(size=(500, 2)) * [10.0, 1e-3]  # its quartiles say more than its variance
    np.testing.assert_allclose(relative_ridge(ArraySource(uniform), 0.5), 0.5 * uniform.var(axis=0))


def test_one_row_far_out_does_not_lift_the_ridge():
    rows = np.random.default_rng(0).normal(size=(500, 1))
    far = relative_ridge(ArraySource(np.concatenate([rows, [[-999_999.0]]])))
    np.testing.assert_allclose(far, relative_ridge(ArraySource(rows)), rtol=0.2)


def test_the_relative_ridge_weighs_rows():
    rng = np.random.default_rng(0)
    rows, counts = rng.exponential(size=(60, 2)), rng.integers(0, 4, size=60)
    weighted = relative_ridge(ArraySource(rows, counts.astype(float)))
    np.testing.assert_allclose(weighted, relative_ridge(ArraySource(np.repeat(rows, counts, axis=0))), rtol=1e-10)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e8])
def test_a_constant_column_takes_the_ridge_of_the_others(constant):
    rows = np.column_stack([np.random.default_rng(0).normal(size=500), np.full(500, constant)])
    ridge = relative_ridge(ArraySource(rows), 1.0)
    np.testing.assert_allclose(ridge, ridge[0])
    np.testing.assert_allclose(ridge, rows[:, 0].var(), rtol=0.2)


def test_equal_rows_have_a_ridge_all_the_same():
    np.testing.assert_array_equal(relative_ridge(ArraySource(np.ones((9, 2))), 1e-6), 1e-6)


def test_assigned_reads_blocks():
    resp = np.eye(3)[np.arange(6) % 3]
    block = assigned(resp, 6, 3)(slice(2, 4), np.zeros((2, 2)))
    np.testing.assert_array_equal(block, resp[2:4])


# --- The tree ---------------------------------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)


@drawn(
    seed=seeds,
    moments=st.sampled_from(MOMENTS),
    n=st.integers(1, 60),
    offset=st.sampled_from([0.0, 1e6]),
    dtype=st.sampled_from([np.float64, np.float32]),
    weighted=st.booleans(),
)
def test_statistics_of_clusters_are_those_of_their_responsibilities(seed, moments, n, offset, dtype, weighted):
    rng = np.random.default_rng(seed)
    rows, labels = (rng.normal(size=(n, 3)) + offset).astype(dtype), rng.integers(5, size=n)
    source = ArraySource(rows, rng.uniform(0.5, 2.0, size=n) if weighted else None)
    found = of_clusters(source, labels, 5, moments)
    expected = source.summarize(from_labels(labels, 5), found.origin, moments)
    np.testing.assert_allclose(found.mass, expected.mass)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-12)
    np.testing.assert_allclose(found.first, 0.0, atol=1e-12 * n * max(offset, 1.0))
    np.testing.assert_allclose(found.second, expected.second, rtol=1e-9, atol=1e-12 * n)
    assert found.weight == pytest.approx(expected.weight)


def labels_of(partition, rows, k):
    """Labels ``(n,)`` out of the responsibilities of all rows, which must be of one cluster each."""
    resp = partition(k)(slice(0, len(rows)), rows)
    assert resp.shape == (len(rows), k)
    assert set(np.unique(resp)) <= {0.0, 1.0}
    assert (resp.sum(axis=1) == 1).all()
    return resp.argmax(axis=1)


def grown(rows, seed=0):
    return tree(ArraySource(rows), np.random.default_rng(seed))


def alike(left, right):
    """Whether two labellings are the same but for the names."""
    return len(np.unique(np.stack([left, right]), axis=1).T) == len(np.unique(left)) == len(np.unique(right))


@drawn(seed=seeds, n=st.integers(1, 40), n_features=st.integers(1, 4))
def test_the_tree_has_every_number_of_clusters_each_within_one_of_fewer(seed, n, n_features):
    rows = np.random.default_rng(seed).normal(size=(n, n_features))
    partition = grown(rows)
    cuts = [labels_of(partition, rows, k) for k in range(1, n + 1)]
    assert [len(np.unique(labels)) for labels in cuts] == list(range(1, n + 1))
    for fewer, more in itertools.pairwise(cuts):
        assert len(np.unique(np.stack([fewer, more]), axis=1).T) == len(np.unique(more))


@drawn(seed=seeds, k=st.integers(1, 6), n=st.sampled_from([120, 2600]))
def test_the_tree_finds_clusters_that_are_there(seed, k, n):
    rng = np.random.default_rng(seed)
    truth = np.arange(n) % k
    rows = rng.normal(size=(n, 2)) + 60.0 * np.array([[0, 0], [1, 1], [1, 0], [0, 1], [2, 0], [2, 1]])[truth]
    assert alike(labels_of(grown(rows), rows, k), truth)


@drawn(seed=seeds, units=st.lists(st.sampled_from([2.0**-20, 0.5, 1.0, 1024.0]), min_size=3, max_size=3))
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
    partition = tree(Watched(rows), np.random.default_rng(0))
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
    partition = tree(source, np.random.default_rng(0))
    labels = labels_of(partition, rows, 3)
    first = start(source, partition(3), 3, MODEL)
    np.testing.assert_allclose(first.means, [rows[labels == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(means_under(source, partition(3), 3), first.means)


def test_the_tree_is_better_than_chance_on_overlapping_clusters():
    rng = np.random.default_rng(0)
    rows, truth = mixture(rng, spread=6.0).sample(400, random_state=rng, return_components=True)
    assert adjusted_rand_score(truth, labels_of(grown(rows), rows, 3)) > 0.5
