import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import xlogy

from cases import FORMS, MOMENTS, clusters, mixture
from gaussmix import Mixture
from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.engines import reference
from gaussmix.initialization import responsibilities_from, start_from
from gaussmix.moments import FULL, SCALAR
from gaussmix.selection.criteria import CRITERIA, aic, aicc, bic, caic, entropy_r2, icl, sabic
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES

every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
seeds = st.integers(0, 2**32 - 1)
K, D = 3, 2


@pytest.mark.parametrize("weighted", [False, True])
def test_the_criteria_are_their_formulas(weighted):
    rng = np.random.default_rng(0)
    model, rows = mixture(rng), rng.normal(scale=3, size=(50, 2))
    weights = rng.integers(1, 4, size=50).astype(float) if weighted else np.ones(50)
    sums = reference.expect(model, rows, weights, SCALAR)
    n, p = weights.sum(), 7
    log_likelihood = weights @ model.logpdf(rows)
    certainty = weights @ np.log(model.responsibilities(rows).max(axis=1))
    assert aic(sums, p) == pytest.approx(-2 * log_likelihood + 2 * p)
    assert aicc(sums, p) == pytest.approx(-2 * log_likelihood + 2 * p + 2 * p * (p + 1) / (n - p - 1))
    assert bic(sums, p) == pytest.approx(-2 * log_likelihood + p * np.log(n))
    assert caic(sums, p) == pytest.approx(-2 * log_likelihood + p * (np.log(n) + 1))
    assert icl(sums, p) == pytest.approx(bic(sums, p) - 2 * certainty)
    assert sabic(sums, p) == pytest.approx(-2 * log_likelihood + p * np.log((n + 2) / 24))


def test_every_criterion_goes_by_its_function_s_name():
    assert {name: function.__name__ for name, function in CRITERIA.items()} == {name: name for name in CRITERIA}


@pytest.mark.parametrize(("n_parameters", "finite"), [(7, True), (8, True), (9, False), (10, False), (50, False)])
def test_aicc_is_infinite_with_too_few_rows(n_parameters, finite):
    rng = np.random.default_rng(0)
    sums = reference.expect(mixture(rng), rng.normal(size=(10, 2)), np.ones(10), SCALAR)
    assert np.isfinite(aicc(sums, n_parameters)) == finite
    assert aicc(sums, n_parameters) > aic(sums, n_parameters)


@given(seed=seeds)
def test_icl_is_never_below_bic_and_equals_it_for_one_component(seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(scale=3, size=(30, 2))
    for k in (1, 3):
        sums = reference.expect(mixture(rng, n_components=k), rows, np.ones(30), SCALAR)
        assert icl(sums, 5) >= bic(sums, 5) - 1e-9
    one = reference.expect(mixture(rng, n_components=1), rows, np.ones(30), SCALAR)
    assert icl(one, 5) == pytest.approx(bic(one, 5))


def directly(model, rows, weights):
    """The formula, from the responsibilities themselves."""
    resp = model.responsibilities(rows)
    return 1.0 + weights @ xlogy(resp, resp).sum(axis=1) / (weights.sum() * np.log(model.n_components))


@every_structure
@settings(max_examples=10)
@given(seed=seeds, weighted=st.booleans(), offset=st.sampled_from([0.0, 1e6]))
def test_entropy_r2_is_its_formula_on_the_way_of_a_fit(structure, seed, weighted, offset):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, n=90, spread=2.0) + offset
    weights = rng.uniform(0.1, 3.0, size=90) if weighted else np.ones(90)
    source, m_step = ArraySource(rows, weights), MStep(structure, np.full(D, 1e-6))
    first = start_from(source, responsibilities_from(rng.dirichlet(np.ones(K), size=90), 90, K), K, m_step)
    for state in itertools.islice(iterate(source, first, m_step), 4):
        value = entropy_r2(state.mixture, state.statistics)
        assert value == pytest.approx(directly(state.mixture, rows, weights), abs=1e-8)
        assert -1e-9 <= value <= 1 + 1e-9


@pytest.mark.parametrize(("form", "moments"), list(zip(FORMS, MOMENTS, strict=True)), ids=["VII", "VVI", "EEE", "VVV"])
@given(seed=seeds)
def test_entropy_r2_is_its_formula_for_every_form(form, moments, seed):
    rng = np.random.default_rng(seed)
    model, rows = mixture(rng, form, 4, 3), rng.normal(scale=3, size=(40, 3))
    sums = reference.expect(model, rows, np.ones(40), moments)
    assert entropy_r2(model, sums) == pytest.approx(directly(model, rows, np.ones(40)), abs=1e-9)


def test_entropy_r2_runs_from_none_to_one():
    rng = np.random.default_rng(0)
    rows, ones = rng.normal(size=(50, 2)), np.ones(50)
    one, alike, apart = (
        Mixture([1.0], [[0.0, 0.0]], [np.eye(2)]),
        Mixture([0.5, 0.5], np.zeros((2, 2)), [np.eye(2)] * 2),
        Mixture([0.5, 0.5], [[0.0, 0.0], [900.0, 0.0]], [np.eye(2)] * 2),
    )
    assert entropy_r2(one, reference.expect(one, rows, ones, FULL)) == 1.0
    assert entropy_r2(alike, reference.expect(alike, rows, ones, FULL)) == pytest.approx(0.0, abs=1e-12)
    assert entropy_r2(apart, reference.expect(apart, rows, ones, FULL)) == pytest.approx(1.0, abs=1e-12)


def test_a_component_without_weight_harms_no_entropy():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 2))
    model = Mixture([0.4, 0.6, 0.0], [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [np.eye(2)] * 3)
    sums = reference.expect(model, rows, np.ones(50), FULL)
    assert entropy_r2(model, sums) == pytest.approx(directly(model, rows, np.ones(50)), abs=1e-12)
