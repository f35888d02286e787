"""Laws that every structure obeys; a new one is tested here as soon as it is registered."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import clusters, vector
from gaussmix.em import iterate, run
from gaussmix.em.m_step import MStep
from gaussmix.engines import reference
from gaussmix.initialization import assigned, start
from gaussmix.mixture import Mixture
from gaussmix.priors import NormalInverseWishart, scaled
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES

every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
with_prior = pytest.mark.parametrize(
    "structure", [one for one in STRUCTURES if one.takes_prior], ids=lambda structure: structure.name
)
seeds = st.integers(0, 2**32 - 1)
K, D = 3, 2
NO_RIDGE = np.zeros(D)


def responsibilities(rng, n):
    return rng.dirichlet(np.ones(K), size=n)


def after(source, first, structure, steps, ridge=NO_RIDGE):
    """The states of some EM steps, the start's first."""
    return list(itertools.islice(iterate(source, first, MStep(structure, ridge)), steps + 1))


def started(source, resp, structure, ridge=NO_RIDGE):
    return start(source, assigned(resp, source.n_rows, K), K, MStep(structure, ridge))


def same(left, right, rtol=1e-7):
    np.testing.assert_allclose(vector(left), vector(right), rtol=rtol, atol=1e-9)


def expected_log_likelihood(rows, resp, model):
    """What the M-step maximizes: the responsibilities' average of the joint log-density."""
    return float((resp * reference.log_joint(model, rows)).sum())


@every_structure
@given(seed=seeds)
def test_the_log_likelihood_never_falls(structure, seed):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, n=120)
    source = ArraySource(rows)
    first = started(source, responsibilities(rng, 120), structure)
    fit = run(source, first, MStep(structure, NO_RIDGE), tol=0.0, max_iter=15)  # up to where a component collapses
    assert (np.diff(fit.history) >= -1e-12).all()


@every_structure
@given(seed=seeds)
def test_the_m_step_is_a_maximum(structure, seed):
    """No mixture of this structure near the maximum is better: not one made from slightly different statistics."""
    rng = np.random.default_rng(seed)
    rows = clusters(rng, n=100)
    resp = responsibilities(rng, 100)
    source = ArraySource(rows)
    best = expected_log_likelihood(rows, resp, started(source, resp, structure))
    for _ in range(5):
        nudged = 0.98 * resp + 0.02 * responsibilities(rng, 100)
        assert expected_log_likelihood(rows, resp, started(source, nudged, structure)) <= best + 1e-9


@pytest.mark.parametrize("structure", [one for one in STRUCTURES if not one.iterates], ids=lambda one: one.name)
@given(seed=seeds)
def test_a_closed_form_needs_no_guess(structure, seed):
    rng = np.random.default_rng(seed)
    resp = responsibilities(rng, 100)
    source = ArraySource(clusters(rng, n=100))
    near = started(source, responsibilities(rng, 100), structure).covariances
    statistics = after(source, started(source, resp, structure), structure, 0)[0].statistics
    model = MStep(structure, NO_RIDGE)
    guessed, alone = (model.maximize(statistics, guess) for guess in (near, None))
    np.testing.assert_array_equal(vector(guessed), vector(alone))


FREER = {("E", "E"), ("I", "I"), ("V", "V"), ("E", "V"), ("I", "E"), ("I", "V")}
NESTED = [
    (small, large)
    for small, large in itertools.permutations(STRUCTURES, 2)
    if FREER.issuperset(zip(small.name, large.name, strict=True))
]


@pytest.mark.parametrize(("small", "large"), NESTED, ids=lambda structure: structure.name)
@settings(max_examples=10)  # for each of 56 pairs
@given(seed=seeds)
def test_a_nested_structure_never_beats_the_larger(small, large, seed):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, n=100)
    resp = responsibilities(rng, 100)
    values = [
        expected_log_likelihood(rows, resp, started(ArraySource(rows), resp, structure)) for structure in (small, large)
    ]
    assert values[0] <= values[1] + 1e-9
    assert small.n_covariance_parameters(K, D) <= large.n_covariance_parameters(K, D)


@every_structure
@given(seed=seeds)
def test_an_integer_weight_is_a_repeated_row_and_zero_is_none(structure, seed):
    rng = np.random.default_rng(seed)
    rows, resp = clusters(rng, n=60), responsibilities(rng, 60)
    counts = rng.integers(0, 4, size=60)
    weighted = ArraySource(rows, counts.astype(float))
    repeated = ArraySource(np.repeat(rows, counts, axis=0))
    states = [
        after(source, started(source, first, structure), structure, 4)[-1]
        for source, first in ((weighted, resp), (repeated, np.repeat(resp, counts, axis=0)))
    ]
    same(states[0].mixture, states[1].mixture)
    assert states[0].statistics.log_likelihood == pytest.approx(states[1].statistics.log_likelihood)
    assert states[0].statistics.weight == states[1].statistics.weight


@every_structure
@given(seed=seeds)
def test_permuting_rows_features_or_components_permutes_the_answer(structure, seed):
    rng = np.random.default_rng(seed)
    rows, resp = clusters(rng, n=80), responsibilities(rng, 80)
    order, features, components = rng.permutation(80), rng.permutation(D), rng.permutation(K)
    plain, permuted = (
        after(ArraySource(x), started(ArraySource(x), r, structure), structure, 4)[-1].mixture
        for x, r in ((rows, resp), (rows[order][:, features], resp[order][:, components]))
    )
    dense = plain.covariances.dense(K, D)[components][:, features][:, :, features]
    same(permuted, Mixture(plain.weights[components], plain.means[components][:, features], dense))


@every_structure
@given(seed=seeds, scale=st.sampled_from([1e-6, 1e-3, 10.0, 1e6]), shift=st.sampled_from([0.0, -5.0, 1e4]))
def test_scaling_and_shifting_the_rows_maps_the_fit(structure, seed, scale, shift):
    rng = np.random.default_rng(seed)
    rows, resp = clusters(rng, n=80), responsibilities(rng, 80)
    ridge = 1e-3 * rows.var(axis=0)
    plain = after(ArraySource(rows), started(ArraySource(rows), resp, structure, ridge), structure, 4, ridge)[-1]
    mapped_source, mapped_ridge = ArraySource(scale * rows + scale * shift), scale**2 * ridge
    mapped = after(mapped_source, started(mapped_source, resp, structure, mapped_ridge), structure, 4, mapped_ridge)[-1]
    np.testing.assert_allclose(mapped.mixture.means / scale - shift, plain.mixture.means, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(
        mapped.mixture.covariances.dense(K, D) / scale**2, plain.mixture.covariances.dense(K, D), rtol=1e-6, atol=1e-8
    )
    shifted = plain.log_likelihood - D * np.log(scale)
    assert mapped.log_likelihood == pytest.approx(shifted, abs=1e-6)


@every_structure
@pytest.mark.parametrize(
    ("n_components", "n_features", "equal_weights"),
    [(1, 1, False), (1, 3, False), (2, 1, False), (3, 2, False), (3, 2, True), (2, 4, False)],
)
def test_the_number_of_parameters_is_the_rank_of_the_jacobian(structure, n_components, n_features, equal_weights):
    """Fits to nearby data differ in as many directions as there are free parameters."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(40, n_features))
    resp = rng.dirichlet(np.ones(n_components), size=40)
    model = MStep(structure, np.zeros(n_features), equal_weights)

    def fitted(step):
        nudge, share = step
        moved = resp * np.exp(share)
        moved /= moved.sum(axis=1, keepdims=True)
        source = ArraySource(rows + nudge)
        assignment = assigned(moved, 40, n_components)
        return vector(start(source, assignment, n_components, model))

    h, expected = 1e-6, model.n_parameters(n_components, n_features)
    directions = [(rng.normal(size=rows.shape), rng.normal(size=resp.shape)) for _ in range(expected + 10)]
    jacobian = np.array([(fitted((h * a, h * b)) - fitted((-h * a, -h * b))) / (2 * h) for a, b in directions])
    singular = np.linalg.svd(jacobian, compute_uv=False)
    assert (singular > 1e-6 * singular[0]).sum() == expected


@every_structure
def test_a_component_without_rows_stays_and_harms_nothing(structure):
    rng = np.random.default_rng(0)
    rows = clusters(rng, n=50)
    resp = np.zeros((50, K))
    resp[:25, 0] = resp[25:, 1] = 1.0
    ridge = 1e-6 * rows.var(axis=0)
    last = after(ArraySource(rows), started(ArraySource(rows), resp, structure, ridge), structure, 3, ridge)[-1]
    assert last.mixture.weights[2] == 0
    assert np.isfinite(vector(last.mixture)).all()
    assert np.isfinite(last.log_likelihood)


@every_structure
def test_maximize_does_not_depend_on_the_origin(structure):
    rng = np.random.default_rng(0)
    rows, resp = clusters(rng, n=50), responsibilities(rng, 50)
    fits = [
        MStep(structure, NO_RIDGE).maximize(reference.summarize(rows, np.ones(50), resp, origin, structure.moments))
        for origin in (np.zeros((K, D)), rng.normal(size=(K, D)))
    ]
    same(*fits)


@every_structure
def test_it_says_what_it_is(structure):
    assert len(structure.name) == 3
    assert structure.description
    covariances = started(
        ArraySource(clusters(np.random.default_rng(0), n=50)), responsibilities(np.random.default_rng(1), 50), structure
    ).covariances
    assert isinstance(covariances, structure.form)


def some_prior(rng, rows, structure, shrinkage):
    covariance = np.cov(rows.T)
    weak = scaled("weak", rows.mean(axis=0), covariance, K, structure)
    return NormalInverseWishart(rows[0], shrinkage, weak.dof + rng.uniform(-0.5, 9), rng.uniform(0.1, 9) * covariance)


def posteriors(source, resp, m_step, steps):
    """Log-likelihoods and log-priors of some EM steps together, per row."""
    first = start(source, assigned(resp, source.n_rows, K), K, m_step)
    states = itertools.islice(iterate(source, first, m_step), steps)
    return [state.log_likelihood + m_step.log_prior(state.mixture) / source.n_rows for state in states]


@with_prior
@given(seed=seeds, shrinkage=st.sampled_from([0.0, 0.01, 5.0]), equal_weights=st.booleans())
def test_the_log_posterior_never_falls(structure, seed, shrinkage, equal_weights):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, n=60)
    m_step = MStep(structure, NO_RIDGE, equal_weights, some_prior(rng, rows, structure, shrinkage))
    assert (np.diff(posteriors(ArraySource(rows), responsibilities(rng, 60), m_step, 15)) >= -1e-12).all()


@with_prior
@given(seed=seeds)
def test_the_m_step_with_a_prior_is_a_maximum(structure, seed):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, n=60)
    resp, source = responsibilities(rng, 60), ArraySource(rows)
    m_step = MStep(structure, NO_RIDGE, prior=some_prior(rng, rows, structure, 2.0))

    def reached(first):
        model = start(source, assigned(first, 60, K), K, m_step)
        return expected_log_likelihood(rows, resp, model) + m_step.log_prior(model)

    best = reached(resp)
    for _ in range(5):
        assert reached(0.98 * resp + 0.02 * responsibilities(rng, 60)) <= best + 1e-9


@with_prior
@given(seed=seeds)
def test_a_prior_of_nothing_changes_nothing(structure, seed):
    rng = np.random.default_rng(seed)
    source, resp = ArraySource(clusters(rng, n=60)), responsibilities(rng, 60)
    nothing = NormalInverseWishart(np.ones(D), 0.0, structure.moments.weightless_dof(D), np.zeros((D, D)))
    fits = [
        start(source, assigned(resp, 60, K), K, MStep(structure, NO_RIDGE, prior=prior)) for prior in (None, nothing)
    ]
    same(*fits, rtol=1e-12)
    assert MStep(structure, NO_RIDGE, prior=nothing).log_prior(fits[0]) == 0


@with_prior
@given(seed=seeds)
def test_rows_and_prior_twice_give_the_same_fit(structure, seed):
    rng = np.random.default_rng(seed)
    rows, resp = clusters(rng, n=60), responsibilities(rng, 60)
    plain = some_prior(rng, rows, structure, 0.0)
    weightless = structure.moments.weightless_dof(D)
    twice = NormalInverseWishart(plain.mean, 0.0, weightless + 2 * (plain.dof - weightless), 2 * plain.scale)
    fits = [
        start(ArraySource(rows, np.full(60, weight)), assigned(resp, 60, K), K, MStep(structure, NO_RIDGE, prior=prior))
        for weight, prior in ((1.0, plain), (2.0, twice))
    ]
    same(*fits)


@with_prior
@given(seed=seeds)
def test_an_integer_weight_is_a_repeated_row_under_a_prior_too(structure, seed):
    rng = np.random.default_rng(seed)
    rows, resp = clusters(rng, n=60), responsibilities(rng, 60)
    counts = rng.integers(0, 4, size=60)
    m_step = MStep(structure, NO_RIDGE, prior=some_prior(rng, rows, structure, 2.0))
    sources = ArraySource(rows, counts.astype(float)), ArraySource(np.repeat(rows, counts, axis=0))
    fits = [
        start(source, assigned(first, source.n_rows, K), K, m_step)
        for source, first in zip(sources, (resp, np.repeat(resp, counts, axis=0)), strict=True)
    ]
    same(*fits)
