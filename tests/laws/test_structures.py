"""Laws that every structure obeys, for all numbers of components and features; a new structure is tested too."""

import itertools
import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import clusters, vector
from equicorrelated import Equicorrelated
from gaussmix.em import iterate, run
from gaussmix.em.m_step import MStep
from gaussmix.engines import reference
from gaussmix.initialization import responsibilities_from, start_from
from gaussmix.mixture import Mixture
from gaussmix.priors import NormalInverseWishart, scaled
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES

EXAMPLE = Equicorrelated(0.3)
"""A structure with a parameter, which obeys the laws like those that are registered."""

ALL = (*STRUCTURES, EXAMPLE)
every_structure = pytest.mark.parametrize("structure", ALL, ids=lambda structure: structure.name)
with_prior = pytest.mark.parametrize(
    "structure", [one for one in ALL if one.takes_prior], ids=lambda structure: structure.name
)


@dataclass(frozen=True)
class Problem:
    """Numbers of components and features, and a generator of rows of clusters and of responsibilities."""

    n_components: int
    n_features: int
    rng: np.random.Generator

    def rows(self, n):
        return clusters(self.rng, n, self.n_components, self.n_features)

    def responsibilities(self, n):
        return self.rng.dirichlet(np.ones(self.n_components), size=n)

    @property
    def no_ridge(self):
        return np.zeros(self.n_features)

    def start(self, source, resp, m_step):
        """Return the mixture of one M-step from responsibilities."""
        return start_from(
            source, responsibilities_from(resp, source.n_rows, self.n_components), self.n_components, m_step
        )

    def plain_start(self, rows, resp, structure):
        """Return the mixture of one M-step without a ridge."""
        return self.start(ArraySource(rows), resp, MStep(structure, self.no_ridge))


problems = st.builds(
    lambda n_components, n_features, seed: Problem(n_components, n_features, np.random.default_rng(seed)),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(0, 2**32 - 1),
)
few_examples = settings(max_examples=10)  # for each of 15 structures, or of 57 pairs
PROBLEM = Problem(3, 2, np.random.default_rng(0))


def after(source, first, m_step, steps):
    """Return the last state of some EM steps from a mixture."""
    return next(itertools.islice(iterate(source, first, m_step), steps, None))


def assert_same(left, right, rtol=1e-7):
    np.testing.assert_allclose(vector(left), vector(right), rtol=rtol, atol=1e-9)


def expected_log_likelihood(rows, resp, model):
    """Return the objective of the M-step: the responsibilities' average of the joint log-density."""
    return float((resp * reference.log_joint(model, rows)).sum())


@every_structure
@given(problem=problems)
def test_the_log_likelihood_never_falls(structure, problem):
    source, m_step = ArraySource(problem.rows(120)), MStep(structure, problem.no_ridge)
    first = problem.start(source, problem.responsibilities(120), m_step)
    fit = run(source, first, m_step, tol=0.0, max_iter=15)  # up to where a component collapses
    assert (np.diff(fit.history) >= -1e-12).all()


@every_structure
@given(problem=problems)
def test_the_m_step_is_a_maximum(structure, problem):
    """No mixture of this structure near the maximum is better: not one made from slightly different statistics."""
    rows, resp = problem.rows(100), problem.responsibilities(100)
    best = expected_log_likelihood(rows, resp, problem.plain_start(rows, resp, structure))
    for _ in range(5):
        nudged = 0.98 * resp + 0.02 * problem.responsibilities(100)
        near = problem.plain_start(rows, nudged, structure)
        assert expected_log_likelihood(rows, resp, near) <= best + 1e-9


@pytest.mark.parametrize("structure", [one for one in ALL if not one.iterates], ids=lambda one: one.name)
@given(problem=problems)
def test_a_closed_form_needs_no_guess(structure, problem):
    source, m_step = ArraySource(problem.rows(100)), MStep(structure, problem.no_ridge)
    near, first = (problem.start(source, problem.responsibilities(100), m_step) for _ in range(2))
    statistics = after(source, first, m_step, 0).statistics
    guessed, alone = (m_step.maximize(statistics, guess) for guess in (near.covariances, None))
    np.testing.assert_array_equal(vector(guessed), vector(alone))


NESTED = [(small, large) for small, large in itertools.permutations(ALL, 2) if large.contains(small)]


@pytest.mark.parametrize(("small", "large"), NESTED, ids=lambda structure: structure.name)
@few_examples
@given(problem=problems)
def test_a_nested_structure_never_beats_the_larger(small, large, problem):
    rows, resp = problem.rows(100), problem.responsibilities(100)
    values = [
        expected_log_likelihood(rows, resp, problem.plain_start(rows, resp, structure)) for structure in (small, large)
    ]
    assert values[0] <= values[1] + 1e-9
    shape = problem.n_components, problem.n_features
    assert small.n_covariance_parameters(*shape) <= large.n_covariance_parameters(*shape)


@every_structure
@few_examples
@given(problem=problems)
def test_an_integer_weight_is_a_repeated_row_and_zero_is_none(structure, problem):
    rows, resp, m_step = problem.rows(60), problem.responsibilities(60), MStep(structure, problem.no_ridge)
    counts = problem.rng.integers(0, 4, size=60)
    weighted = ArraySource(rows, counts.astype(float))
    repeated = ArraySource(np.repeat(rows, counts, axis=0))
    states = [
        after(source, problem.start(source, first, m_step), m_step, 4)
        for source, first in ((weighted, resp), (repeated, np.repeat(resp, counts, axis=0)))
    ]
    assert_same(states[0].mixture, states[1].mixture)
    assert states[0].statistics.log_likelihood == pytest.approx(states[1].statistics.log_likelihood)
    assert states[0].statistics.weight == states[1].statistics.weight


@every_structure
@few_examples
@given(problem=problems)
def test_permuting_rows_features_or_components_permutes_the_answer(structure, problem):
    rows, resp, m_step = problem.rows(80), problem.responsibilities(80), MStep(structure, problem.no_ridge)
    order, features, components = map(problem.rng.permutation, (80, problem.n_features, problem.n_components))
    plain, permuted = (
        after(ArraySource(x), problem.start(ArraySource(x), r, m_step), m_step, 4).mixture
        for x, r in ((rows, resp), (rows[order][:, features], resp[order][:, components]))
    )
    dense = plain.covariances.dense(*plain.means.shape)[components][:, features][:, :, features]
    assert_same(permuted, Mixture(plain.weights[components], plain.means[components][:, features], dense))


@every_structure
@few_examples
@given(problem=problems, scale=st.sampled_from([1e-6, 1e-3, 10.0, 1e6]), shift=st.sampled_from([0.0, -5.0, 1e4]))
def test_scaling_and_shifting_the_rows_maps_the_fit(structure, problem, scale, shift):
    rows, resp = problem.rows(80), problem.responsibilities(80)
    ridge = 1e-3 * rows.var(axis=0)
    plain, mapped = (
        after(source, problem.start(source, resp, m_step), m_step, 4)
        for source, m_step in (
            (ArraySource(rows), MStep(structure, ridge)),
            (ArraySource(scale * rows + scale * shift), MStep(structure, scale**2 * ridge)),
        )
    )
    np.testing.assert_allclose(mapped.mixture.means / scale - shift, plain.mixture.means, rtol=1e-6, atol=1e-6)
    dense = [state.mixture.covariances.dense(*state.mixture.means.shape) for state in (mapped, plain)]
    np.testing.assert_allclose(dense[0] / scale**2, dense[1], rtol=1e-6, atol=1e-8)
    shifted = plain.log_likelihood - problem.n_features * np.log(scale)
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
        assignment = responsibilities_from(moved, 40, n_components)
        return vector(start_from(source, assignment, n_components, model))

    h, expected = 1e-6, model.n_parameters(n_components, n_features)
    directions = [(rng.normal(size=rows.shape), rng.normal(size=resp.shape)) for _ in range(expected + 10)]
    jacobian = np.array([(fitted((h * a, h * b)) - fitted((-h * a, -h * b))) / (2 * h) for a, b in directions])
    singular = np.linalg.svd(jacobian, compute_uv=False)
    assert (singular > 1e-6 * singular[0]).sum() == expected


@every_structure
def test_a_component_without_rows_stays_and_harms_nothing(structure):
    rows = PROBLEM.rows(50)
    resp = np.zeros((50, 3))
    resp[:25, 0] = resp[25:, 1] = 1.0
    source, m_step = ArraySource(rows), MStep(structure, 1e-6 * rows.var(axis=0))
    last = after(source, PROBLEM.start(source, resp, m_step), m_step, 3)
    assert last.mixture.weights[2] == 0
    assert np.isfinite(vector(last.mixture)).all()
    assert np.isfinite(last.log_likelihood)


@every_structure
@given(problem=problems)
def test_maximize_does_not_depend_on_the_origin(structure, problem):
    rows, resp, shape = problem.rows(50), problem.responsibilities(50), (problem.n_components, problem.n_features)
    fits = [
        MStep(structure, problem.no_ridge).maximize(
            reference.summarize(rows, np.ones(50), resp, origin, structure.moments)
        )
        for origin in (np.zeros(shape), problem.rng.normal(size=shape))
    ]
    assert_same(*fits)


@every_structure
def test_it_says_what_it_is(structure):
    assert structure.name
    assert structure.description
    covariances = PROBLEM.plain_start(PROBLEM.rows(50), PROBLEM.responsibilities(50), structure).covariances
    assert isinstance(covariances, structure.form)
    assert structure == pickle.loads(pickle.dumps(structure))  # noqa: S301 - our own bytes
    assert sum(structure == other for other in ALL) == 1
    assert structure.contains(structure)


def random_prior(problem, rows, structure, shrinkage):
    rng, covariance = problem.rng, np.atleast_2d(np.cov(rows.T))
    weak = scaled("weak", rows.mean(axis=0), covariance, problem.n_components, structure)
    return NormalInverseWishart(rows[0], shrinkage, weak.dof + rng.uniform(-0.5, 9), rng.uniform(0.1, 9) * covariance)


def posteriors(problem, source, resp, m_step, steps):
    """Return log-likelihoods and log-priors of some EM steps together, per row."""
    first = problem.start(source, resp, m_step)
    states = itertools.islice(iterate(source, first, m_step), steps)
    return [state.log_likelihood + m_step.log_prior(state.mixture) / source.n_rows for state in states]


@with_prior
@few_examples
@given(problem=problems, shrinkage=st.sampled_from([0.0, 0.01, 5.0]), equal_weights=st.booleans())
def test_the_log_posterior_never_falls(structure, problem, shrinkage, equal_weights):
    rows, resp = problem.rows(60), problem.responsibilities(60)
    m_step = MStep(structure, problem.no_ridge, equal_weights, random_prior(problem, rows, structure, shrinkage))
    assert (np.diff(posteriors(problem, ArraySource(rows), resp, m_step, 15)) >= -1e-12).all()


@with_prior
@few_examples
@given(problem=problems)
def test_the_m_step_with_a_prior_is_a_maximum(structure, problem):
    rows, resp = problem.rows(60), problem.responsibilities(60)
    m_step = MStep(structure, problem.no_ridge, prior=random_prior(problem, rows, structure, 2.0))

    def objective(first):
        model = problem.start(ArraySource(rows), first, m_step)
        return expected_log_likelihood(rows, resp, model) + m_step.log_prior(model)

    best = objective(resp)
    for _ in range(5):
        assert objective(0.98 * resp + 0.02 * problem.responsibilities(60)) <= best + 1e-9


@with_prior
@given(problem=problems)
def test_a_prior_of_nothing_changes_nothing(structure, problem):
    source, resp, n_features = ArraySource(problem.rows(60)), problem.responsibilities(60), problem.n_features
    weightless = structure.moments.weightless_dof(n_features)
    nothing = NormalInverseWishart(np.ones(n_features), 0.0, weightless, np.zeros((n_features, n_features)))
    models = [MStep(structure, problem.no_ridge, prior=prior) for prior in (None, nothing)]
    fits = [problem.start(source, resp, m_step) for m_step in models]
    assert_same(*fits, rtol=1e-12)
    assert models[1].log_prior(fits[0]) == 0


@with_prior
@given(problem=problems)
def test_rows_and_prior_twice_give_the_same_fit(structure, problem):
    rows, resp = problem.rows(60), problem.responsibilities(60)
    plain = random_prior(problem, rows, structure, 0.0)
    weightless = structure.moments.weightless_dof(problem.n_features)
    twice = NormalInverseWishart(plain.mean, 0.0, weightless + 2 * (plain.dof - weightless), 2 * plain.scale)
    fits = [
        problem.start(ArraySource(rows, np.full(60, weight)), resp, MStep(structure, problem.no_ridge, prior=prior))
        for weight, prior in ((1.0, plain), (2.0, twice))
    ]
    assert_same(*fits)


@with_prior
@given(problem=problems)
def test_an_integer_weight_is_a_repeated_row_under_a_prior_too(structure, problem):
    rows, resp = problem.rows(60), problem.responsibilities(60)
    counts = problem.rng.integers(0, 4, size=60)
    m_step = MStep(structure, problem.no_ridge, prior=random_prior(problem, rows, structure, 2.0))
    sources = ArraySource(rows, counts.astype(float)), ArraySource(np.repeat(rows, counts, axis=0))
    fits = [
        problem.start(source, first, m_step)
        for source, first in zip(sources, (resp, np.repeat(resp, counts, axis=0)), strict=True)
    ]
    assert_same(*fits)
