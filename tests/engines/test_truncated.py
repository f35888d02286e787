"""Rows that look at some components only: the twins against each other, and laws of the bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, MOMENTS, mixture
from gaussmix import Mixture
from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.engines import reference
from gaussmix.engines import reference_truncated as truncated
from gaussmix.engines.candidate_sets import CandidateSets
from gaussmix.engines.fused import truncated as truncated_fused
from gaussmix.priors import scaled
from gaussmix.sources import ArraySource
from gaussmix.sources.truncated import TruncatedSource
from gaussmix.structures import named

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
kinds = pytest.mark.parametrize("moments", MOMENTS, ids=lambda kind: type(kind).__name__)
engines = pytest.mark.parametrize("engine", ["reference", "fused"])
FIELDS = ("mass", "first", "second", "log_likelihood", "classification_log_likelihood", "weight")
STRUCTURES = ("spherical", "diag", "tied", "full")


def candidate_sets(rng, n, n_components, n_proposals=3):
    """Return rows in the groups of any components, each with some candidates."""
    best = rng.integers(n_components, size=(n, 1)).repeat(2, axis=1)
    best[::9, 1] = rng.integers(n_components)
    return CandidateSets.sharing(best, rng.integers(n_components, size=(n_components, n_proposals)), n_components)


def problem(form=FORMS[1], n=3000, n_components=12, n_features=5, offset=0.0, seed=0):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_components, n_features, offset=offset)
    rows = model.sample(n, random_state=rng) + rng.normal(scale=0.3, size=(n, n_features))
    return rng, model, rows, rng.uniform(0.0, 2.0, n)


def assert_equal_sums(one, other, rtol):
    scale = float(np.abs(other.second).max())
    for field in FIELDS:
        mine, theirs = getattr(one, field), getattr(other, field)
        np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=rtol * scale, err_msg=field)


# --- Candidate sets --------------------------------------------------------------------------------------------------


def test_a_row_looks_at_its_best_two_and_at_what_its_group_proposes():
    found = CandidateSets.sharing(np.array([[2, 0], [0, 0], [2, 1]]), np.array([[3], [3], [2]]), 4)
    assert found.order.tolist() == [1, 0, 2]
    assert found.mask(4).tolist() == [[True, False, False, True], [True, True, True, False], [True, True, True, False]]
    assert found.n_pairs == 8


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 9))
def test_parts_of_sets_look_at_what_the_whole_does(seed, n, n_components):
    rng = np.random.default_rng(seed)
    whole = candidate_sets(rng, n, n_components)
    first, last = np.sort(rng.choice(n + 1, 2, replace=False))
    part = whole.part(slice(first, last))
    np.testing.assert_array_equal(part.order, whole.order[first:last])
    np.testing.assert_array_equal(part.mask(n_components), whole.mask(n_components)[first:last])


# --- The twins -------------------------------------------------------------------------------------------------------


@forms
@kinds
@pytest.mark.parametrize("n_features", [1, 5, 8])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_twins_agree(form, moments, n_features, dtype):
    rng, model, rows, weights = problem(form, n=700, n_features=n_features)
    rows, some = rows.astype(dtype), candidate_sets(rng, 700, 12)
    sums = [twin.expect(model, rows, weights, some, moments) for twin in (truncated_fused, truncated)]
    assert_equal_sums(*sums, rtol=1e-10)
    best = [twin.best_two(model, rows, some) for twin in (truncated_fused, truncated)]
    np.testing.assert_array_equal(*best)


@forms
def test_an_offset_costs_no_digits(form):
    rng, model, rows, weights = problem(form, n=700, offset=1e6)
    some = candidate_sets(rng, 700, 12)
    sums = [twin.expect(model, rows, weights, some, MOMENTS[3]) for twin in (truncated_fused, truncated)]
    assert_equal_sums(*sums, rtol=1e-10)


@forms
def test_rows_whose_squared_distances_overflow_have_a_bound(form):
    rng, model, rows, weights = problem(form, n=100)
    model, rows = Mixture(model.weights, 1e-10 * model.means, model.covariances.times(1e-10)), 1e-10 * rows
    rows[7], weights[7] = 1e150, 0.5
    some = candidate_sets(rng, 100, 12)
    sums = [twin.expect(model, rows, weights, some, MOMENTS[0]) for twin in (truncated_fused, truncated)]
    assert np.isfinite(sums[0].log_likelihood)
    np.testing.assert_allclose(sums[0].mass, sums[1].mass, rtol=1e-10)


def test_best_two_are_the_largest_of_the_candidates():
    rng, model, rows, _ = problem(n=500)
    some = candidate_sets(rng, 500, 12)
    joint = np.where(some.mask(12), reference.log_joint(model, rows), -np.inf)
    expected = np.argsort(-joint, axis=1)[:, :2]
    np.testing.assert_array_equal(truncated.best_two(model, rows, some), expected)


@pytest.mark.parametrize("twin", [truncated, truncated_fused])
def test_a_row_with_one_candidate_has_it_twice(twin):
    _, model, rows, _ = problem(n=24)
    labels = np.arange(24) % 12
    some = CandidateSets.sharing(np.stack([labels, labels], axis=1), np.arange(12)[:, None], 12)
    np.testing.assert_array_equal(twin.best_two(model, rows[some.order], some), np.sort(labels)[:, None].repeat(2, 1))


# --- The source ------------------------------------------------------------------------------------------------------


@forms
@kinds
@engines
def test_rows_that_look_at_all_components_give_the_exact_pass(form, moments, engine):
    _, model, rows, weights = problem(form)
    whole = ArraySource(rows, weights, "reference")
    every = TruncatedSource.among_all(ArraySource(rows, weights, engine), 12)
    assert_equal_sums(every.reduce(model, moments), whole.reduce(model, moments), rtol=1e-12)


@forms
def test_the_number_of_threads_changes_no_bit(form):
    rng, model, rows, weights = problem(form, n=40_000)
    some = candidate_sets(rng, 40_000, 12)
    runs = [TruncatedSource(ArraySource(rows, weights, "fused", n), some) for n in (1, 2, 5)]
    sums = [run.reduce(model, MOMENTS[3]) for run in runs]
    best = [run.best_two(model) for run in runs]
    for i in (1, 2):
        np.testing.assert_array_equal(best[i], best[0])
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(sums[i], field), getattr(sums[0], field))


@engines
def test_an_integer_weight_is_a_repeated_row(engine):
    rng, model, rows, _ = problem(n=400)
    times = rng.integers(1, 4, 400)
    best, proposals = rng.integers(12, size=(400, 2)), rng.integers(12, size=(12, 3))
    weighted = TruncatedSource(
        ArraySource(rows, times.astype(float), engine), CandidateSets.sharing(best, proposals, 12)
    )
    again = np.repeat(np.arange(400), times)
    repeated = TruncatedSource(
        ArraySource(rows[again], None, engine), CandidateSets.sharing(best[again], proposals, 12)
    )
    assert_equal_sums(weighted.reduce(model, MOMENTS[1]), repeated.reduce(model, MOMENTS[1]), rtol=1e-10)


@kinds
@engines
def test_a_pass_about_other_points_has_the_same_candidates(moments, engine):
    rng, model, rows, weights = problem(FORMS[3])
    source = TruncatedSource(ArraySource(rows, weights, engine), candidate_sets(rng, 3000, 12))
    origin = model.means + rng.normal(size=model.means.shape)
    found, expected = source.reduce_about(origin, model, moments), source.reduce(model, moments).about(origin)
    for name in ("origin", "mass", "first", "second", "weight"):
        right = getattr(expected, name)
        np.testing.assert_allclose(getattr(found, name), right, rtol=1e-9, atol=1e-9 * np.abs(right).max())


def test_hard_assignments_give_each_component_its_own_rows():
    _, model, rows, weights = problem()
    labels = np.random.default_rng(1).integers(12, size=len(rows))
    sums = TruncatedSource.among_themselves(ArraySource(rows, weights), labels, 12).reduce(model, MOMENTS[1])
    for k in range(12):
        own, heavy = rows[labels == k], weights[labels == k]
        np.testing.assert_allclose(sums.mass[k], heavy.sum())
        np.testing.assert_allclose(sums.means[k], np.average(own, axis=0, weights=heavy))


# --- The bound -------------------------------------------------------------------------------------------------------


@forms
@engines
def test_the_bound_is_one_and_more_candidates_raise_it(form, engine):
    rng, model, rows, weights = problem(form)
    best, proposals = rng.integers(12, size=(len(rows), 1)).repeat(2, axis=1), rng.integers(12, size=(12, 11))
    whole = ArraySource(rows, weights, engine)
    bounds = [
        TruncatedSource(whole, CandidateSets.sharing(best, proposals[:, :n], 12))
        .reduce(model, MOMENTS[0])
        .log_likelihood
        for n in (1, 3, 6, 11)
    ]
    exact = whole.reduce(model, MOMENTS[0]).log_likelihood
    assert np.all(np.diff([*bounds, exact]) >= -1e-9 * abs(exact))
    assert bounds[0] < exact


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("prior", ["weak", None])
def test_no_step_lowers_the_bound_while_old_candidates_are_kept(name, prior):
    rng, model, rows, weights = problem(named(name).form)
    whole = ArraySource(rows, weights, "fused")
    about = scaled(prior, rows.mean(axis=0), np.cov(rows.T), 12, named(name)) if prior else None
    m_step = MStep(named(name), np.zeros(5), prior=about)
    best, proposals = rng.integers(12, size=(len(rows), 1)).repeat(2, axis=1), rng.integers(12, size=(12, 9))
    bounds, mixed = [], model
    for n in (2, 4, 9):
        steps = iterate(TruncatedSource(whole, CandidateSets.sharing(best, proposals[:, :n], 12)), mixed, m_step)
        for _ in range(4):
            state = next(steps)
            bounds.append(state.log_posterior)
        mixed = state.mixture
    assert np.all(np.diff(bounds) >= -1e-10)
