from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from cases import clusters, matrices, mixture
from gaussmix import Mixture
from gaussmix._threads import side_by_side
from gaussmix.density.reduction import merge, merge_costs, split
from gaussmix.em.m_step import MStep
from gaussmix.engines import assessment, base
from gaussmix.engines.assessment import responsibilities
from gaussmix.fitting import regularize
from gaussmix.fitting.split_candidates import SplitCandidate, cost_of_splits, split_candidates
from gaussmix.fitting.split_merge import moves
from gaussmix.initialization.assignments import start_from_clusters
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

seeds = st.integers(0, 2**32 - 1)
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
MODEL = MStep(named("full"), np.full(2, 1e-6))


def component(model, k):
    dense = model.covariances.dense(model.n_components, model.n_features)
    return Mixture([1.0], model.means[[k]], dense[[k]])


def exact_halves(model, gains):
    """Halves with the moments of their components, said to gain so much."""
    return [SplitCandidate(gain, split(component(model, k), 0)) for k, gain in enumerate(gains)]


def two_and_one(rng, n=600, apart=7.0):
    """Rows of two clusters and, far away, of one; and a mixture of two components, the first over both."""
    rows = rng.normal(size=(n, 2))
    rows[: n // 3, 0] += apart
    rows[: n // 3 * 2, 1] += 50.0
    ends = rows[: n // 3 * 2], rows[n // 3 * 2 :]
    means, dense = [end.mean(axis=0) for end in ends], [np.cov(end.T) for end in ends]
    return rows, Mixture([2 / 3, 1 / 3], means, dense)


# --- Halves ----------------------------------------------------------------------------------------------------------


@settings(max_examples=10)
@given(seed=seeds)
def test_two_clusters_gain_more_by_a_cut_than_one(seed):
    rng = np.random.default_rng(seed)
    rows, model = two_and_one(rng)
    both, one = split_candidates(ArraySource(rows), model, MODEL, rng)
    assert both.gain > 10 * max(one.gain, 0.0)
    assert both.gain > 0.2
    np.testing.assert_allclose(np.sort(both.mixture.means[:, 0]), [0.0, 7.0], atol=0.5)


def test_halves_are_found_where_only_their_covariances_fall_apart():
    rng = np.random.default_rng(0)
    axis = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    rows = rng.normal(size=(1500, 6)) + 8.0 * (np.arange(1500) % 2)[:, None] * axis[0]
    turned = rows @ np.linalg.cholesky(np.linalg.inv(np.cov(rows.T)))
    model = Mixture([1.0], turned.mean(axis=0)[None], np.cov(turned.T)[None])
    (found,) = split_candidates(ArraySource(turned), model, MStep(named("full"), np.full(6, 1e-6)), rng)
    assert found.gain > 0.4


@every_structure
@settings(max_examples=4)
@given(seed=seeds)
def test_the_gain_is_the_difference_of_two_log_likelihoods(structure, seed):
    rng = np.random.default_rng(seed)
    rows, model = clusters(rng, 200, n_components=2), mixture(rng)
    weights = rng.uniform(0.5, 2.0, size=200)
    model_step = replace(MODEL, structure=structure)
    resp = model.responsibilities(rows)
    for k, found in enumerate(split_candidates(ArraySource(rows, weights), model, model_step, rng)):
        if found is None:
            continue
        local = weights * np.where(resp[:, k] > 1e-2, resp[:, k], 0.0)
        gained = local @ (found.mixture.logpdf(rows) - component(model, k).logpdf(rows))
        assert found.gain == pytest.approx(gained / weights.sum(), rel=1e-9, abs=1e-10)


@every_structure
def test_both_halves_have_rows_enough(structure):
    rng = np.random.default_rng(0)
    rows, model = two_and_one(rng)
    for found in split_candidates(ArraySource(rows), model, replace(MODEL, structure=structure), rng):
        assert found.mixture.n_components == 2
        assert found.mixture.weights.sum() == pytest.approx(1.0)
        assert found.mixture.weights.min() * len(rows) > structure.form.fewest_rows(2)


def test_components_of_too_few_rows_are_not_cut():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(size=(100, 2)), rng.normal(size=(7, 2)) + 100.0])
    model = Mixture([0.9, 0.1], [[0.0, 0.0], [100.0, 100.0]], np.repeat(np.eye(2)[None], 2, axis=0))
    large, small = split_candidates(ArraySource(rows), model, MODEL, rng)
    assert large is not None
    assert small is None


def test_a_component_without_rows_is_not_cut():
    rng = np.random.default_rng(0)
    model = Mixture([0.5, 0.5], [[0.0, 0.0], [1e3, 1e3]], np.repeat(np.eye(2)[None], 2, axis=0))
    assert split_candidates(ArraySource(rng.normal(size=(100, 2))), model, MODEL, rng)[1] is None


def test_a_cut_that_leaves_no_spread_is_none():
    rows = np.concatenate([np.repeat([[0.0, 0.0], [1.0, 3.0]], 30, axis=0), 50 + np.eye(2).repeat(20, axis=0)])
    model = Mixture([0.6, 0.4], [[0.5, 1.5], [50.5, 50.5]], np.repeat(np.eye(2)[None] * 3, 2, axis=0))
    no_ridge = replace(MODEL, ridge=np.zeros(2))
    assert split_candidates(ArraySource(rows), model, no_ridge, np.random.default_rng(0)) == [None, None]


def many_rows_of_one_and_few_of_two(rng, n=30_000, n_few=300, n_features=40):
    """Rows of two clusters and, far away, few of two more; and labels that do not tell these two apart."""
    labels = np.repeat([0, 1, 2], [n // 2, n // 2 - n_few, n_few])
    rows = rng.normal(size=(n, n_features))
    rows[:, 0] += 50.0 * labels
    rows[-n_few // 2 :, 1] += 12.0
    return rows, labels


def labelled(rows, labels, name, weights=None):
    """A source, a mixture with a component for each label, and the model."""
    source, model = ArraySource(rows, weights), MStep(named(name), np.full(rows.shape[1], 1e-6))
    return source, start_from_clusters(source, labels, int(labels.max()) + 1, model), model


def test_halves_of_a_small_component_are_found_among_many_rows():
    rng = np.random.default_rng(0)
    rows, labels = many_rows_of_one_and_few_of_two(rng)
    source, model, m_step = labelled(rows, labels, "full")
    *_, small = split_candidates(source, model, m_step, rng)
    assert small is not None
    assert adjusted_rand_score(np.repeat([0, 1], 150), small.mixture.predict(rows[-300:])) == 1.0
    two = small.mixture.logpdf(rows[-300:]).sum() - component(model, 2).logpdf(rows[-300:]).sum()
    assert small.gain == pytest.approx(two / len(rows), rel=0.05)


@pytest.mark.parametrize("name", ["full", "diag", "spherical", "tied", "VEV"])
def test_halves_of_some_rows_gain_no_more_by_chance_than_halves_of_all(name):
    rng = np.random.default_rng(0)
    source, model, m_step = labelled(*many_rows_of_one_and_few_of_two(rng), name)
    found = split_candidates(source, model, m_step, rng)[:2]
    by_chance = 0.5 * named(name).n_covariance_parameters(2, 40) + 40
    assert any(found)
    assert all(abs(half.gain) < 3.0 * by_chance / source.n_rows for half in found if half)  # some stand for 3.7 each


@pytest.mark.parametrize("name", ["full", "diag", "spherical", "tied"])
@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_halves_of_some_rows_gain_as_much_as_halves_of_all(monkeypatch, name, weight):
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [30_000, 9_000, 1_000])
    rows = rng.normal(size=(40_000, 8))
    rows[:, 0] += 30.0 * labels
    rows[:15_000, 1] += 5.0
    problem = labelled(rows, labels, name, np.full(40_000, weight))
    some = split_candidates(*problem, np.random.default_rng(0))[0]
    monkeypatch.setattr("gaussmix.fitting.split_candidates._ENOUGH", 40_000)
    whole = split_candidates(*problem, np.random.default_rng(0))[0]
    assert some.gain == pytest.approx(whole.gain, rel=0.05)
    assert some.gain > 0.2


def test_a_component_that_no_row_is_most_probably_of_is_looked_at_like_the_others():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(20_000, 2)) + np.outer(np.arange(20_000) % 2, [9.0, 0.0])
    model = Mixture([0.5, 0.3, 0.2], [[9.0, 0.0], [0.0, 0.0], [0.1, 0.0]], np.eye(2))
    assert set(model.predict(rows)) == {0, 1}
    for half in split_candidates(ArraySource(rows), model, replace(MODEL, structure=named("tied")), rng):
        assert half is None or abs(half.gain) < 1e-2


def test_halves_of_a_held_component_are_held():
    rng = np.random.default_rng(0)
    rows = np.repeat([[0.0, 0.0], [1.0, 3.0]], 30, axis=0)
    model = Mixture([1.0], [[0.5, 1.5]], np.eye(2)[None])
    bare = replace(MODEL, ridge=np.zeros(2))
    assert split_candidates(ArraySource(rows), model, bare, rng) == [None]
    (found,) = split_candidates(ArraySource(rows), model, regularize(bare, (0,), 1, np.ones(2)), rng)
    assert np.isfinite(found.mixture.logpdf(rows)).all()


def test_only_the_most_promising_components_of_many_are_cut():
    rng = np.random.default_rng(0)
    places = 40.0 * np.arange(24)
    rows = np.column_stack([rng.normal(size=2400) + np.repeat(places, 100), rng.normal(size=2400)])
    rows[:300, 1] += 9.0 * (np.arange(300) % 2)
    model = Mixture(
        np.full(24, 1 / 24), *zip(*((r.mean(axis=0), np.cov(r.T)) for r in np.split(rows, 24)), strict=True)
    )
    found = split_candidates(ArraySource(rows), model, MODEL, rng)
    assert sum(half is not None for half in found) <= 16
    assert all(found[k].gain > 0.01 for k in range(3))


def test_many_rows_are_cut_by_a_sample(monkeypatch):
    rng = np.random.default_rng(0)
    rows, model = two_and_one(rng, 30_000)
    asked = []
    monkeypatch.setattr(
        "gaussmix.fitting.split_candidates.responsibilities",
        lambda one, some, n_threads: asked.append(len(some)) or responsibilities(one, some, n_threads),
    )
    both, one = split_candidates(ArraySource(rows), model, MODEL, rng)
    assert both.gain > 10 * max(one.gain, 0.0)
    (n_rows,) = asked
    assert 2**13 <= n_rows < 2 * 2**13


def test_many_rows_are_looked_at_on_as_many_threads_as_the_source_has(monkeypatch):
    rng = np.random.default_rng(0)
    source, model, m_step = labelled(*many_rows_of_one_and_few_of_two(rng), "full")
    asked = []
    monkeypatch.setattr(base, "_SMALL", 0)  # numbers, below which there are no threads
    monkeypatch.setattr(
        assessment,
        "side_by_side",
        lambda work, parts, n_threads: asked.append(n_threads) or side_by_side(work, parts, n_threads),
    )
    split_candidates(replace(source, n_threads=1), model, m_step, rng)
    assert len(asked) > 2
    assert set(asked) == {1}


def test_what_halves_cost_grows_little_with_the_rows():
    model = two_and_one(np.random.default_rng(0))[1]
    some, many, very_many = (
        n_rows * cost_of_splits(ArraySource(np.zeros((n_rows, 2))), model, MODEL) for n_rows in (8000, 80_000, 160_000)
    )
    assert some == 8000 * 16.0
    assert many - some < 2 * some
    assert very_many - many == 80_000  # each row's component is looked up


# --- Moves -----------------------------------------------------------------------------------------------------------


@given(seed=seeds, n_components=st.integers(3, 6), n_features=st.integers(1, 4))
def test_moves_keep_number_weight_mean_and_covariance(seed, n_components, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_components=n_components, n_features=n_features)
    some = list(moves(model, exact_halves(model, rng.uniform(1.0, 9.0, size=n_components))))
    assert some
    for moved in some:
        assert moved.means.shape == model.means.shape
        assert moved.weights.sum() == pytest.approx(1.0, abs=1e-12)
        np.testing.assert_allclose(moved.mean, model.mean, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(moved.covariance, model.covariance, rtol=1e-9, atol=1e-9)


@given(seed=seeds, n_components=st.integers(3, 6))
def test_the_most_promising_comes_first(seed, n_components):
    rng = np.random.default_rng(seed)
    model, gains = mixture(rng, n_components=n_components), rng.uniform(2.0, 9.0, size=n_components)
    costs, some = merge_costs(model), exact_halves(model, gains)
    first = next(moves(model, some))
    triples = (
        (gains[k] - costs[i, j], i, j, k)
        for i in range(n_components)
        for j in range(i + 1, n_components)
        for k in set(range(n_components)) - {i, j}
    )
    _, i, j, k = max(triples)
    expected = np.concatenate(
        [merge(model, i, j).means[[-1]], some[k].mixture.means, np.delete(model.means, [i, j, k], 0)]
    )
    np.testing.assert_allclose(np.sort(first.means, axis=0), np.sort(expected, axis=0), rtol=1e-9, atol=1e-9)


@given(seed=seeds)
def test_each_split_is_offered_once_and_promises_never_grow(seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_components=5)
    some = exact_halves(model, rng.uniform(1.0, 9.0, size=5))
    offered = [
        [k for k in range(5) if np.isin(some[k].mixture.means, moved.means).all()] for moved in moves(model, some)
    ]
    assert all(len(splits) == 1 for splits in offered)
    assert len({splits[0] for splits in offered}) == len(offered) <= 5


def test_a_doomed_component_is_merged_first():
    dense = np.repeat(np.eye(2)[None], 4, axis=0)
    model = Mixture([0.3, 0.3, 0.3, 0.1], [[0.0, 0.0], [2.0, 0.0], [90.0, 0.0], [0.0, 400.0]], dense)
    some = exact_halves(model, [0.0, 0.0, 1.0, -np.inf])
    usual, doomed = next(moves(model, some)), next(moves(model, some, (3,)))
    assert [0.0, 400.0] in usual.means.tolist()
    assert [0.0, 400.0] not in doomed.means.tolist()
    assert doomed.means.shape == model.means.shape


@pytest.mark.parametrize("n_components", [1, 2])
def test_fewer_than_three_components_have_no_moves(n_components):
    model = mixture(np.random.default_rng(0), n_components=n_components)
    assert list(moves(model, exact_halves(model, np.full(n_components, 99.0)))) == []


def test_where_nothing_can_be_cut_there_are_no_moves():
    assert list(moves(mixture(np.random.default_rng(0)), [None, None, None])) == []


def test_moves_that_promise_a_great_loss_are_not_made():
    dense = np.repeat(np.eye(2)[None], 3, axis=0)
    model = Mixture(np.full(3, 1 / 3), [[0.0, 0.0], [1e3, 0.0], [0.0, 1e3]], dense)
    assert list(moves(model, exact_halves(model, np.full(3, 0.1)))) == []
    assert len(list(moves(model, exact_halves(model, np.full(3, 99.0))))) == 3


@given(seed=seeds)
def test_rows_in_other_units_have_the_same_moves(seed):
    rng = np.random.default_rng(seed)
    model, units = mixture(rng, n_components=4), np.array([1e-5, 1e4])
    dense = model.covariances.dense(4, 2) * np.outer(units, units)
    scaled = Mixture(model.weights, model.means * units, (dense + dense.transpose(0, 2, 1)) / 2)
    gains = rng.uniform(1.0, 9.0, size=4)
    one, other = (next(moves(each, exact_halves(each, gains))) for each in (model, scaled))
    np.testing.assert_allclose(np.sort(other.means / units, axis=0), np.sort(one.means, axis=0), rtol=1e-6, atol=1e-6)


def test_moves_take_covariances_of_any_kind():
    rng = np.random.default_rng(0)
    model = Mixture(np.full(3, 1 / 3), rng.normal(size=(3, 2)), matrices(rng, 1, 2)[0])
    for moved in moves(model, exact_halves(model, np.full(3, 9.0))):
        np.testing.assert_allclose(moved.covariance, model.covariance, rtol=1e-9)
