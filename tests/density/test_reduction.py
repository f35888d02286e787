import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, mixture
from gaussmix import Mixture
from gaussmix.density.reduction import agglomerate, cheapest_merges, merge, merge_costs, split

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
sizes = {"n_components": st.integers(2, 6), "n_features": st.integers(1, 4)}


def same_moments(left, right):
    assert left.weights.sum() == pytest.approx(1.0, abs=1e-12)
    np.testing.assert_allclose(left.mean, right.mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(left.covariance, right.covariance, rtol=1e-10, atol=1e-10)


def log_det_of(model):
    """Return half of the weighted log-determinants, which a merge increases by its cost."""
    dense = model.covariances.dense(model.n_components, model.n_features)
    return 0.5 * float(model.weights @ np.linalg.slogdet(dense)[1])


def slow_cost(model, i, j):
    """Return Runnalls' bound from the mixture of the pair."""
    dense = model.covariances.dense(model.n_components, model.n_features)[[i, j]]
    weights, means = model.weights[[i, j]], model.means[[i, j]]
    total = weights.sum()
    pair = Mixture(weights / total, means, dense).covariance
    apart = sum(w * np.linalg.slogdet(c)[1] for w, c in zip(weights, dense, strict=True))
    return 0.5 * (total * np.linalg.slogdet(pair)[1] - apart)


@every_form
@given(seed=seeds, **sizes)
def test_merging_keeps_weight_mean_and_covariance(form, seed, n_components, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_components, n_features)
    i, j = rng.choice(n_components, size=2, replace=False)
    fewer = merge(model, int(i), int(j))
    assert fewer.n_components == n_components - 1
    same_moments(fewer, model)
    assert fewer.weights[-1] == pytest.approx(model.weights[i] + model.weights[j])
    np.testing.assert_array_equal(fewer.means[:-1], np.delete(model.means, [i, j], axis=0))


@every_form
@given(seed=seeds, **sizes)
def test_splitting_keeps_weight_mean_and_covariance(form, seed, n_components, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_components, n_features)
    k = int(rng.integers(n_components))
    more = split(model, k)
    assert more.n_components == n_components + 1
    same_moments(more, model)
    np.testing.assert_array_equal(more.weights[-2:], model.weights[k] / 2)
    assert not np.allclose(more.means[-1], more.means[-2])


@every_form
@given(seed=seeds, **sizes)
def test_merging_what_was_split_gives_it_back(form, seed, n_components, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_components, n_features)
    again = merge(split(model, n_components - 1), n_components - 1, n_components)
    np.testing.assert_allclose(again.weights, model.weights)
    np.testing.assert_allclose(again.means, model.means, atol=1e-12)
    dense = [one.covariances.dense(n_components, n_features) for one in (again, model)]
    np.testing.assert_allclose(*dense, rtol=1e-9, atol=1e-12)


@every_form
@given(seed=seeds, **sizes)
def test_the_costs_are_runnalls_bound(form, seed, n_components, n_features):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features)
    costs = merge_costs(model)
    assert costs.shape == (n_components, n_components)
    np.testing.assert_array_equal(costs, costs.T)
    assert (np.diagonal(costs) == np.inf).all()
    for i, j in itertools.combinations(range(n_components), 2):
        assert costs[i, j] == pytest.approx(slow_cost(model, i, j), rel=1e-9, abs=1e-11)
    assert (costs >= -1e-12).all()


@every_form
@given(seed=seeds, **sizes)
def test_the_cheapest_merges_come_first(form, seed, n_components, n_features):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features)
    all_pairs = n_components * (n_components - 1) // 2
    found = [log_det_of(one) - log_det_of(model) for one in cheapest_merges(model, all_pairs + 3)]
    brute = sorted(slow_cost(model, i, j) for i, j in itertools.combinations(range(n_components), 2))
    np.testing.assert_allclose(found, brute, rtol=1e-8, atol=1e-10)
    assert len(cheapest_merges(model, 1)) == 1


@given(seed=seeds)
def test_equal_components_merge_for_nothing(seed):
    one = mixture(np.random.default_rng(seed), n_components=2, n_features=3)
    dense = one.covariances.dense(2, 3)
    model = Mixture([0.2, 0.3, 0.5], one.means[[0, 0, 1]], dense[[0, 0, 1]])
    assert merge_costs(model)[0, 1] == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(sorted(cheapest_merges(model, 1)[0].weights), [0.5, 0.5])


@given(seed=seeds, scale=st.sampled_from([1e-6, 1.0, 1e6]), **sizes)
def test_the_costs_do_not_depend_on_coordinates(seed, scale, n_components, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_components=n_components, n_features=n_features)
    turn = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    linear = scale * rng.uniform(0.1, 10.0, size=n_features)[:, None] * turn
    dense = linear @ model.covariances.dense(n_components, n_features) @ linear.T
    dense = (dense + dense.transpose(0, 2, 1)) / 2
    mapped = Mixture(model.weights, model.means @ linear.T + scale * rng.normal(size=n_features), dense)
    np.testing.assert_allclose(merge_costs(mapped), merge_costs(model), rtol=1e-7, atol=1e-9)


@given(seed=seeds)
def test_permuting_components_permutes_the_costs(seed):
    rng = np.random.default_rng(seed)
    model, order = mixture(rng, n_components=5), rng.permutation(5)
    permuted = Mixture(model.weights[order], model.means[order], model.covariances.dense(5, 2)[order])
    np.testing.assert_allclose(merge_costs(permuted), merge_costs(model)[order][:, order], rtol=1e-9, atol=1e-12)


@every_form
def test_components_without_weight_harm_nothing(form):
    some = mixture(np.random.default_rng(0), form, 4, 2)
    model = Mixture([0.6, 0.0, 0.4, 0.0], some.means, some.covariances)
    costs = merge_costs(model)
    assert costs[1, 3] == np.inf
    np.testing.assert_allclose(costs[[0, 0, 2, 2], [1, 3, 1, 3]], 0.0, atol=1e-12)
    for i, j in itertools.combinations(range(4), 2):
        same_moments(merge(model, i, j), model)
    for k in range(4):
        same_moments(split(model, k), model)
    last = cheapest_merges(model, 6)[-1]
    assert np.isfinite(last.means).all()


def test_one_component_has_nothing_to_merge_with():
    model = mixture(np.random.default_rng(0), n_components=1)
    assert merge_costs(model).tolist() == [[np.inf]]
    assert cheapest_merges(model, 3) == []


def test_the_mixture_given_is_left_as_it_is_and_names_travel():
    some = mixture(np.random.default_rng(0))
    model = Mixture(some.weights, some.means, some.covariances, feature_names=("a", "b"))
    before = [array.copy() for array in (model.weights, model.means, model.covariances.dense(3, 2))]
    assert merge(model, 0, 2).feature_names == split(model, 1).feature_names == ("a", "b")
    for array, old in zip((model.weights, model.means, model.covariances.dense(3, 2)), before, strict=True):
        np.testing.assert_array_equal(array, old)


# --- Agglomeration ---------------------------------------------------------------------------------------------------


def agglomerate_slowly(model, n_groups):
    """Return sets of components, joined by repeated cheapest merges."""
    groups = [{k} for k in range(model.n_components)]
    while len(groups) > n_groups:
        costs = merge_costs(model)
        i, j = min(itertools.combinations(range(len(groups)), 2), key=lambda pair: costs[pair])
        (joined,) = cheapest_merges(model, 1)
        np.testing.assert_array_equal(merge(model, i, j).means, joined.means)
        groups = [group for k, group in enumerate(groups) if k not in {i, j}] + [groups[i] | groups[j]]
        model = joined
    return groups


def as_sets(labels):
    return {frozenset(np.flatnonzero(labels == g).tolist()) for g in range(labels.max() + 1)}


@every_form
@given(seed=seeds, n_components=st.integers(1, 9), n_features=st.integers(1, 4), n_groups=st.integers(1, 9))
def test_agglomerating_is_merging_the_cheapest_pair_again_and_again(form, seed, n_components, n_features, n_groups):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features)
    labels = agglomerate(model, n_groups)
    assert labels.shape == (n_components,)
    assert set(labels.tolist()) == set(range(min(n_groups, n_components)))
    assert as_sets(labels) == {frozenset(group) for group in agglomerate_slowly(model, n_groups)}


def test_pieces_of_clusters_find_together():
    rng = np.random.default_rng(0)
    centres = np.repeat([[0.0, 0.0], [50.0, 0.0], [0.0, 50.0]], 4, axis=0)
    model = Mixture(np.full(12, 1 / 12), centres + rng.normal(size=(12, 2)), np.repeat(np.eye(2)[None], 12, axis=0))
    assert as_sets(agglomerate(model, 3)) == {frozenset(range(k, k + 4)) for k in (0, 4, 8)}


def test_as_many_groups_as_components_are_the_components():
    assert agglomerate(mixture(np.random.default_rng(0), n_components=4), 4).tolist() == [0, 1, 2, 3]


def test_components_without_weight_join_others_and_keep_them_apart():
    some = mixture(np.random.default_rng(0), n_components=6)
    model = Mixture([0.5, 0.0, 0.0, 0.5, 0.0, 0.0], some.means, some.covariances)
    labels = agglomerate(model, 2)
    assert labels[0] != labels[3]
    assert set(labels.tolist()) == {0, 1}


@given(seed=seeds)
def test_agglomerating_leaves_the_mixture_as_it_is(seed):
    model = mixture(np.random.default_rng(seed), n_components=5)
    before = [array.copy() for array in (model.weights, model.means, model.covariances.dense(5, 2))]
    agglomerate(model, 2)
    for array, old in zip((model.weights, model.means, model.covariances.dense(5, 2)), before, strict=True):
        np.testing.assert_array_equal(array, old)


# --- Reduction -------------------------------------------------------------------------------------------------------


@every_form
@given(seed=seeds, n_components=st.integers(1, 7), n_features=st.integers(1, 3), left=st.integers(1, 7))
def test_reducing_is_merging_the_cheapest_pair_again_and_again(form, seed, n_components, n_features, left):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features)
    left = min(left, n_components)
    fewer, slow = model.reduce(left), model
    while slow.n_components > left:
        (slow,) = cheapest_merges(slow, 1)
    assert fewer.n_components == left
    same_moments(fewer, model)
    order, slow_order = np.argsort(fewer.means[:, 0]), np.argsort(slow.means[:, 0])
    np.testing.assert_allclose(fewer.weights[order], slow.weights[slow_order], rtol=1e-9)
    np.testing.assert_allclose(fewer.means[order], slow.means[slow_order], rtol=1e-9, atol=1e-12)
    dense = [one.covariances.dense(left, n_features) for one in (fewer, slow)]
    np.testing.assert_allclose(dense[0][order], dense[1][slow_order], rtol=1e-8, atol=1e-11)


@every_form
def test_reducing_to_one_gives_the_gaussian_with_the_same_moments(form):
    model = mixture(np.random.default_rng(0), form, 5, 3)
    (mean,), (covariance,) = model.reduce(1).means, model.reduce(1).covariances.dense(1, 3)
    np.testing.assert_allclose(mean, model.mean)
    np.testing.assert_allclose(covariance, model.covariance)


def test_components_that_are_not_there_are_named():
    model = mixture(np.random.default_rng(0))
    with pytest.raises(ValueError, match="j must be from 0 to 2, got 3; the mixture has 3 components"):
        model.merge(0, 3)
    with pytest.raises(ValueError, match="two different components, got 1 twice"):
        model.merge(1, 1)
    with pytest.raises(ValueError, match="k must be from 0 to 2, got -1"):
        model.split(-1)
    for wrong in (0, 4):
        with pytest.raises(ValueError, match=f"n_components must be from 1 to 3, got {wrong}, as components"):
            model.reduce(wrong)
