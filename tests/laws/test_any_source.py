"""Laws of starts, fits and estimators on every source: they give what the same rows in an array give."""

from functools import cache

import numpy as np
import pytest

from cases import clusters
from gaussmix import GaussianMixture, GaussianMixtureSearch
from gaussmix.diagnosis import diagnose
from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.hierarchy import merge_components
from gaussmix.initialization import NAMED_STARTS, make_user_start, relative_ridge, rounding_of, ward_tree
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named
from source_registry import EVERY_SOURCE, SOURCES, Chunked, Table

sources = pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
every_source = pytest.mark.parametrize("make", EVERY_SOURCE.values(), ids=EVERY_SOURCE)
weighted = pytest.mark.parametrize("weigh", [False, True], ids=["plain", "weighted"])


@cache
def table(weigh, n=4000, n_features=3):
    rng = np.random.default_rng(5)
    rows = clusters(rng, n, 3, n_features)
    weights = rng.uniform(0.5, 2.0, n) if weigh else None
    for array in (rows, weights) if weigh else (rows,):
        array.flags.writeable = False
    return rows, weights


@sources
@weighted
@pytest.mark.parametrize("kind", sorted(NAMED_STARTS))
def test_starts_do_not_depend_on_how_rows_are_cut(make, weigh, kind, tmp_path):
    source = make(Table(*table(weigh), tmp_path))
    found, expected = start_of(source, kind), start_of_array(weigh, kind)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-9, atol=1e-9)


def start_of(source, kind):
    m_step = MStep(named("full"), relative_ridge(source))
    return make_user_start(kind, source, 3, m_step, np.random.default_rng(3))


@cache
def start_of_array(weigh, kind):
    return start_of(ArraySource(*table(weigh)), kind)


@sources
@weighted
def test_the_tree_and_the_rounding_of_columns_do_not_depend_on_how_rows_are_cut(make, weigh, tmp_path):
    source = make(Table(*table(weigh), tmp_path))
    for found, expected in zip(steps_and_cut(source, weigh), steps_and_cut_of_array(weigh), strict=True):
        np.testing.assert_array_equal(found, expected)


def steps_and_cut(source, weigh):
    """The steps of the columns, and the clusters of ten rows where the tree is cut."""
    cut = ward_tree(source, np.random.default_rng(0), 3)(3)
    return rounding_of(source).steps, cut(slice(0, 10), table(weigh)[0][:10])


@cache
def steps_and_cut_of_array(weigh):
    return steps_and_cut(ArraySource(*table(weigh)), weigh)


@every_source
@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_em_from_the_same_start_ends_at_the_same_mixture(make, structure, tmp_path):
    start, m_step, expected = fit_of_array(structure)
    found = run(make(Table(*table(weigh=True, n=1200), tmp_path)), start, m_step, tol=0.0, max_iter=5)
    assert found.state.log_likelihood == pytest.approx(expected.state.log_likelihood, rel=1e-9)
    np.testing.assert_allclose(found.state.mixture.means, expected.state.mixture.means, rtol=1e-6)


@cache
def fit_of_array(structure):
    """A start, an M-step, and the fit that they lead to."""
    source = ArraySource(*table(weigh=True, n=1200))
    m_step = MStep(structure, relative_ridge(source))
    start = make_user_start("kmeans", source, 3, m_step, np.random.default_rng(0))
    return start, m_step, run(source, start, m_step, tol=0.0, max_iter=5)


@sources
@weighted
def test_estimators_fit_and_answer(make, weigh, tmp_path):
    rows, weights = table(weigh)
    source = make(Table(rows, weights, tmp_path))
    model = GaussianMixture(3, random_state=0).fit(source)
    other = model_of_array(weigh)
    assert model.n_features_in_ == 3
    assert model.score(source) == pytest.approx(other.score(rows, sample_weight=weights), abs=2e-4)
    assert model.bic(source) == pytest.approx(model.bic(rows, sample_weight=weights), rel=1e-9)
    assert model.predict(rows).shape == (len(rows),)
    here, there = diagnose(model.mixture_, source), model.diagnose(rows, sample_weight=weights)
    np.testing.assert_allclose(here.masses, there.masses, rtol=1e-9)
    np.testing.assert_allclose(model.diagnose(source).additions, there.additions, rtol=1e-6, atol=1e-6)
    hierarchy = merge_components(model.mixture_, source)
    np.testing.assert_array_equal(hierarchy.merges, model.merge_components(rows, sample_weight=weights).merges)
    np.testing.assert_array_equal(hierarchy.merges, model.merge_components(source).merges)


@cache
def model_of_array(weigh):
    rows, weights = table(weigh)
    return GaussianMixture(3, random_state=0).fit(rows, sample_weight=weights)


@sources
def test_the_search_goes_through_any_rows(make, tmp_path):
    rows, _ = table(weigh=False, n=900)
    assert best_params(make(Table(rows, None, tmp_path))) == best_params_of_array()


def best_params(rows):
    search = GaussianMixtureSearch(range(1, 5), structures=["full", "tied", "diag"], random_state=0)
    return search.fit(rows).best_params_


@cache
def best_params_of_array():
    return best_params(table(weigh=False, n=900)[0])


@sources
def test_many_rows_are_explored_on_a_sample(make, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40_000, 2)) + 6.0 * rng.integers(0, 3, 40_000)[:, None]
    rows[:60] = rng.normal(size=(60, 2)) * 0.5 + [25.0, -15.0]  # a rare group
    rows = rng.permutation(rows)
    model = GaussianMixture(4, random_state=0).fit(make(Table(rows, None, tmp_path)))
    assert np.linalg.norm(model.means_ - [25.0, -15.0], axis=1).min() < 0.5
    assert model.weights_.min() * len(rows) == pytest.approx(60, abs=5)


def test_weights_beside_a_source_and_other_columns_are_refused():
    rows, _ = table(weigh=False, n=200)
    model = GaussianMixture(2, random_state=0).fit(Chunked(rows))
    with pytest.raises(ValueError, match="a source brings its own weights"):
        model.fit(Chunked(rows), sample_weight=np.ones(200))
    with pytest.raises(ValueError, match="X has 2 features, but GaussianMixture is expecting 3 features"):
        model.score(Chunked(rows[:, :2]))
    with pytest.raises(TypeError, match="algorithm='truncated' needs rows in an array"):
        GaussianMixture(2, algorithm="truncated").fit(Chunked(rows))
    with pytest.raises(TypeError, match="criterion='cv' needs rows in memory"):
        GaussianMixtureSearch([1, 2], criterion="cv").fit(Chunked(rows))
