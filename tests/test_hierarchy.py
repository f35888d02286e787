import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import xlogy

from cases import mixture
from gaussmix import Mixture, Tied
from gaussmix.hierarchy import Hierarchy, merge_components
from gaussmix.sources import ArraySource

MCLUST = json.loads((Path(__file__).parent / "reference" / "mclust_combi.json").read_text())
K = 6
seeds = st.integers(0, 2**32 - 1)


def problem(seed, n_components=K, n=150):
    """Overlapping components, rows from them, and weights."""
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_components=n_components, spread=1.5)
    return model, model.sample(n, random_state=rng), rng.uniform(0, 2, n)


def shared(resp, clusters):
    return np.stack([resp[:, clusters == g].sum(axis=1) for g in range(clusters.max() + 1)], axis=1)


def entropy(resp, weights, clusters):
    shares = shared(resp, clusters)
    return -(weights[:, None] * xlogy(shares, shares)).sum()


def joined(clusters, pair):
    """The partition in which two of the clusters are one."""
    return np.unique(np.where(clusters == pair[1], pair[0], clusters), return_inverse=True)[1]


def together(clusters):
    """Which components are in the same cluster: the partition without its numbers."""
    return clusters[:, None] == clusters


def by_hand(entropies):
    size = len(entropies)
    merges = [(0, k) for k in range(size - 1, 0, -1)]
    return Hierarchy(np.array(merges).reshape(-1, 2), np.array(entropies, dtype=float), np.full(size, 0.4))


@given(seed=seeds)
def test_entropies_are_their_formula(seed):
    model, rows, weights = problem(seed)
    hierarchy, resp = merge_components(model, ArraySource(rows, weights)), model.responsibilities(rows)
    expected = [entropy(resp, weights, hierarchy.clusters(g)) for g in range(1, K + 1)]
    np.testing.assert_allclose(hierarchy.entropies, expected, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(hierarchy.masses, weights @ resp)


@given(seed=seeds)
def test_each_step_is_the_best_of_all_pairs(seed):
    model, rows, weights = problem(seed)
    hierarchy, resp = merge_components(model, ArraySource(rows, weights)), model.responsibilities(rows)
    for g in range(K, 1, -1):
        finer, coarser = hierarchy.clusters(g), hierarchy.clusters(g - 1)
        best = min(entropy(resp, weights, joined(finer, pair)) for pair in combinations(range(g), 2))
        assert entropy(resp, weights, coarser) == pytest.approx(best, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_the_merges_are_those_of_the_slow_twin(seed):
    model, rows, weights = problem(seed)
    hierarchy, resp = merge_components(model, ArraySource(rows, weights)), model.responsibilities(rows)
    clusters = np.arange(K)
    for merge in hierarchy.merges:
        pairs = combinations(range(clusters.max() + 1), 2)
        pair = min(pairs, key=lambda pair: entropy(resp, weights, joined(clusters, pair)))
        assert merge.tolist() == [int(np.flatnonzero(clusters == g)[0]) for g in pair]
        clusters = joined(clusters, pair)
        np.testing.assert_array_equal(hierarchy.clusters(clusters.max() + 1), clusters)


@given(seed=seeds)
def test_joining_never_raises_the_entropy(seed):
    model, rows, weights = problem(seed)
    entropies = merge_components(model, ArraySource(rows, weights)).entropies
    assert entropies.shape == (K,)
    assert entropies[0] == 0
    assert (np.diff(entropies) >= 0).all()


@given(seed=seeds)
def test_each_partition_is_within_the_next_coarser_one(seed):
    model, rows, weights = problem(seed)
    hierarchy = merge_components(model, ArraySource(rows, weights))
    for g in range(1, K):
        coarser, finer = hierarchy.clusters(g), hierarchy.clusters(g + 1)
        assert (together(coarser) >= together(finer)).all()
        numbers, first = np.unique(coarser, return_index=True)
        assert numbers.tolist() == list(range(g))
        assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(hierarchy.clusters(K), np.arange(K))
    np.testing.assert_array_equal(hierarchy.clusters(1), np.zeros(K))


@given(seed=seeds)
def test_an_integer_weight_is_a_repeated_row(seed):
    model, rows, _ = problem(seed)
    weights = np.random.default_rng(seed).integers(0, 4, len(rows))
    weighted = merge_components(model, ArraySource(rows, weights.astype(float)))
    repeated = merge_components(model, ArraySource(np.repeat(rows, weights, axis=0)))
    np.testing.assert_allclose(weighted.entropies, repeated.entropies, rtol=1e-9)
    np.testing.assert_allclose(weighted.masses, repeated.masses, rtol=1e-9)
    np.testing.assert_array_equal(weighted.merges, repeated.merges)


@given(seed=seeds)
def test_the_order_of_components_and_rows_does_not_matter(seed):
    model, rows, weights = problem(seed)
    rng = np.random.default_rng(seed)
    order, shuffled = rng.permutation(K), rng.permutation(len(rows))
    dense = model.covariances.dense(K, 2)
    other = Mixture(model.weights[order], model.means[order], dense[order])
    plain = merge_components(model, ArraySource(rows, weights))
    moved = merge_components(other, ArraySource(rows[shuffled], weights[shuffled]))
    np.testing.assert_allclose(moved.entropies, plain.entropies, rtol=1e-9, atol=1e-12)
    for g in range(1, K + 1):
        np.testing.assert_array_equal(together(moved.clusters(g)), together(plain.clusters(g)[order]))


def test_overlapping_components_are_joined_before_a_distant_one():
    model = Mixture([0.3, 0.4, 0.3], [[0.0, 0.0], [20.0, 0.0], [1.0, 1.0]], [1.0, 1.0, 2.0])
    rows = model.sample(400, random_state=0)
    hierarchy = merge_components(model, ArraySource(rows))
    assert hierarchy.merges.tolist() == [[0, 2], [0, 1]]
    assert hierarchy.n_clusters == 2
    np.testing.assert_array_equal(hierarchy.clusters(2), [0, 1, 0])


def test_components_without_overlap_or_without_weight():
    model = Mixture([0.5, 0.0, 0.5, 0.0], [[0.0], [1.0], [1e6], [3.0]], [1.0, 1.0, 1.0, 1.0])
    hierarchy = merge_components(model, ArraySource(np.array([[0.0], [1e6]])))
    np.testing.assert_array_equal(hierarchy.entropies, np.zeros(4))
    assert hierarchy.merges.tolist() == [[0, 1], [0, 2], [0, 3]]


def test_float32_rows_give_the_same_partitions():
    model, rows, weights = problem(0)
    wide = merge_components(model, ArraySource(rows, weights))
    narrow = merge_components(model, ArraySource(rows.astype(np.float32), weights))
    np.testing.assert_array_equal(narrow.merges, wide.merges)
    np.testing.assert_allclose(narrow.entropies, wide.entropies, rtol=1e-4)


def test_one_and_two_components_are_left_as_they_are():
    for n_components in (1, 2):
        model, rows, _ = problem(0, n_components)
        hierarchy = merge_components(model, ArraySource(rows))
        assert hierarchy.n_components == hierarchy.n_clusters == n_components
        assert hierarchy.merges.shape == (n_components - 1, 2)
        np.testing.assert_array_equal(hierarchy.clusters(n_components), np.arange(n_components))


@pytest.mark.parametrize(
    ("entropies", "elbow"),
    [
        ([0, 1, 30], 2),
        ([0, 0, 0, 40, 80, 120], 3),
        ([0, 1, 2, 3, 40, 77], 4),
        ([0, 0.1, 0.2, 0.3, 0.4], 4),  # a straight line: the fewest joined
        ([0, 1, 2, 2.01], 3),
        ([0, 0, 0, 0], 4),  # no two share rows
        ([0, 20, 30, 30.007], 4),  # hardly any rows are shared: 0.007 nats for 0.8 rows
    ],
)
def test_the_elbow(entropies, elbow):
    assert by_hand(entropies).n_clusters == elbow


@pytest.mark.parametrize("n_components", [3, 4, 6])
def test_separated_components_stay_apart(n_components):
    angles = 2 * np.pi * np.arange(n_components) / n_components
    model = Mixture(
        np.full(n_components, 1 / n_components),
        40 * np.column_stack([np.cos(angles), np.sin(angles)]),
        np.ones(n_components),
    )
    hierarchy = merge_components(model, ArraySource(model.sample(300, random_state=0)))
    assert hierarchy.n_clusters == n_components


@given(st.lists(st.floats(0.01, 50), min_size=2, max_size=9))
def test_the_elbow_is_that_of_two_regressions(steps):
    entropies = np.concatenate([[0.0], np.cumsum(steps)])
    numbers = np.arange(1, len(entropies) + 1)

    def misfit(part):
        line = np.polyfit(numbers[part], entropies[part], 1)
        return ((entropies[part] - np.polyval(line, numbers[part])) ** 2).sum()

    misfits = {g: misfit(slice(g)) + misfit(slice(g - 1, None)) for g in range(2, len(entropies))}
    assert misfits[by_hand(entropies).n_clusters] <= min(misfits.values()) + 1e-9 * entropies[-1] ** 2


def test_old_faithful_against_mclust(faithful):
    """The labels that mclust's clustCombi gives, from the parameters that mclust fitted.

    mclust labels rows with the responsibilities of one M-step before the parameters that it gives. Its responsibilities
    differ from those of the parameters by up to 0.0082 (its published uncertainties against ours), so a label may
    differ where the two largest are within 0.0164 of each other: two rows of three clusters, no row of two.
    """
    model = Mixture(MCLUST["pro"], MCLUST["mean"], Tied.from_covariances(np.array(MCLUST["sigma"])))
    hierarchy = merge_components(model, ArraySource(faithful))
    assert hierarchy.merges.tolist() == [[0, 2], [0, 1]]
    assert hierarchy.n_clusters == 2
    for n_clusters, near in ((2, 0), (3, 2)):
        shares = shared(model.responsibilities(faithful), hierarchy.clusters(n_clusters))
        ordered = np.sort(shares, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > 0.0164
        labels = np.array(list(MCLUST["labels"][str(n_clusters)]), dtype=int) - 1
        assert (~clear).sum() == near
        np.testing.assert_array_equal(shares.argmax(axis=1)[clear], labels[clear])


def test_a_total_is_added_block_by_block_in_order():
    rows, first = np.arange(100_000.0)[:, None], []

    def block(rows, weights):
        first.append(rows[0, 0])
        return np.array([len(rows), weights @ rows[:, 0]])

    total = ArraySource(rows, np.full(100_000, 2.0)).total(block)
    np.testing.assert_allclose(total, [100_000, 2 * rows.sum()], rtol=1e-12)
    assert len(first) > 1
    assert first == sorted(first)


@pytest.mark.parametrize("n_clusters", [0, -1, 4])
def test_an_impossible_number_of_clusters_is_named(n_clusters):
    with pytest.raises(ValueError, match=f"n_clusters must be from 1 to 3, got {n_clusters}; components"):
        by_hand([0, 1, 2]).clusters(n_clusters)


def test_an_unknown_criterion_is_named():
    model, rows, _ = problem(0)
    with pytest.raises(ValueError, match="criterion must be one of entropy, got 'overlap'"):
        merge_components(model, ArraySource(rows), "overlap")


def test_rows_of_another_width_are_named():
    model, rows, _ = problem(0)
    with pytest.raises(ValueError, match="source must have 2 features, as many as the mixture, got 1"):
        merge_components(model, ArraySource(rows[:, :1]))
