from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import clusters, mixture, vector
from gaussmix.em import iterate, run
from gaussmix.em.anderson import AndersonHistory
from gaussmix.em.m_step import MStep
from gaussmix.mixture import Mixture
from gaussmix.moments import DIAGONAL, FULL, POOLED, SCALAR
from gaussmix.sources import ArraySource
from gaussmix.statistics import Statistics
from gaussmix.structures import STRUCTURES

NO_RIDGE = np.zeros(2)
MOMENTS = [SCALAR, DIAGONAL, POOLED, FULL]
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
every_kind = pytest.mark.parametrize("moments", MOMENTS, ids=["scalar", "diagonal", "pooled", "full"])


def history_of(states):
    """Return the history of states, each one EM step after the state before."""
    history, before = AndersonHistory((states[0].statistics,)), states[0]
    for state in states[1:]:
        history, before = history.append(before.statistics, state.mixture, state.statistics), state
    return history


def near_the_limit(model, n_states, seed=0):
    """Return rows, consecutive states of EM close to its limit, and the state at the limit."""
    rng = np.random.default_rng(seed)
    source = ArraySource(clusters(rng, 600, spread=2.5))
    begin = run(source, mixture(rng, spread=2.5), model, tol=1e-4, max_iter=5000).state
    limit = run(source, begin, model, tol=1e-13, max_iter=20_000).state
    return source, list(islice(iterate(source, begin, model), n_states)), limit


@every_structure
def test_the_extrapolated_step_is_closer_to_the_limit_than_an_em_step(structure):
    model = MStep(structure, NO_RIDGE)
    source, states, limit = near_the_limit(model, 6)
    *known, following = states
    extrapolated = history_of(known).extrapolate(known[-1].mixture, np.inf)
    reached = next(iterate(source, model.maximize(extrapolated, known[-1].mixture.covariances), model))
    assert limit.log_likelihood - reached.log_likelihood < 0.9 * (limit.log_likelihood - following.log_likelihood)


def test_extrapolation_needs_two_residuals():
    model = MStep(STRUCTURES[0], NO_RIDGE)
    _, states, _ = near_the_limit(model, 3)
    assert history_of(states[:1]).extrapolate(states[0].mixture, 9.0) is None
    assert history_of(states[:2]).extrapolate(states[1].mixture, 9.0) is None
    assert history_of(states).extrapolate(states[2].mixture, 9.0) is not None
    assert history_of(states).last_pass.extrapolate(states[2].mixture, 9.0) is None


def sums(mass, moments, origin=0.0):
    """Return statistics of two components with the given masses and with unit variances."""
    mass = np.array(mass)
    zero = Statistics.zero(np.array([[origin, 0.0], [9.0, 0.0]]), moments)
    return replace(zero, mass=mass, second=moments.diagonal(mass, np.ones(2)), weight=float(mass.sum()))


def sizes(mass):
    return Mixture(np.array(mass) / np.sum(mass), [[0.0, 0.0], [9.0, 0.0]], [1.0, 1.0])


def history_of_masses(masses, moments):
    """Return a history in which only the masses change."""
    history = AndersonHistory((sums(masses[0], moments),))
    for before, after in pairwise(masses):
        history = history.append(sums(before, moments), sizes(after), sums(after, moments))
    return history


@every_kind
@settings(max_examples=10)
@given(factor=st.floats(0.05, 0.9), gap=st.floats(1.0, 20.0))
def test_a_geometric_sequence_is_extrapolated_to_its_limit(moments, factor, gap):
    masses = [(500.0 + gap * factor**i, 500.0 - gap * factor**i) for i in range(4)]
    extrapolated = history_of_masses(masses, moments).extrapolate(sizes(masses[-1]), np.inf)
    np.testing.assert_allclose(extrapolated.mass, [500.0, 500.0], rtol=1e-3)


@every_kind
def test_the_extrapolation_is_not_longer_than_max_length(moments):
    masses = [(500.0 + 9.0 * 0.9**i, 500.0 - 9.0 * 0.9**i) for i in range(4)]
    step = masses[3][0] - masses[2][0]
    for max_length in (0.5, 1.0, 4.0):
        extrapolated = history_of_masses(masses, moments).extrapolate(sizes(masses[-1]), max_length)
        assert extrapolated.mass[0] - masses[3][0] == pytest.approx(max_length * step, rel=0.02)


@every_kind
def test_growing_steps_are_continued_in_their_direction(moments):
    masses = [(500.0 - 0.5 * 1.3**i, 500.0 + 0.5 * 1.3**i) for i in range(4)]
    step = masses[3][0] - masses[2][0]
    extrapolated = history_of_masses(masses, moments).extrapolate(sizes(masses[-1]), 9.0)
    assert extrapolated.mass[0] - masses[3][0] == pytest.approx(4.0 * step)


@every_kind
def test_large_steps_empty_the_history(moments):
    masses = [(900.0, 100.0), (600.0, 400.0), (520.0, 480.0)]
    assert history_of_masses(masses, moments).extrapolate(sizes(masses[-1]), 9.0) is None


def test_residuals_that_overflow_empty_the_history():
    history = history_of_masses([(501.0, 499.0), (500.5, 499.5), (500.2, 499.8)], FULL)
    wild = replace(sums((500.0, 500.0), FULL), first=np.full((2, 2), 1e200))
    assert history.append(history.statistics[-1], sizes((1.0, 1.0)), wild).extrapolate(sizes((1.0, 1.0)), 9.0) is None


def test_the_origin_of_the_statistics_does_not_matter():
    masses = [(500.0 + 9.0 * 0.5**i, 500.0 - 9.0 * 0.5**i) for i in range(4)]
    history = history_of_masses(masses, FULL)
    moved = replace(history, statistics=tuple(one.about(one.origin + i) for i, one in enumerate(history.statistics)))
    some, other = (one.extrapolate(sizes(masses[-1]), 9.0) for one in (history, moved))
    model = MStep(STRUCTURES[0], NO_RIDGE)
    np.testing.assert_allclose(vector(model.maximize(other)), vector(model.maximize(some)), rtol=1e-9, atol=1e-9)
