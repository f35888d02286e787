from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import clusters, mixture, vector
from gaussmix.em import iterate, run
from gaussmix.em.anderson import Trail
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


def walked(states):
    """The trail of some states, each an EM step after the other."""
    trail, before = Trail((states[0].statistics,)), states[0]
    for state in states[1:]:
        trail, before = trail.to(before.statistics, state.mixture, state.statistics), state
    return trail


def near_the_limit(model, n_states, seed=0):
    """Rows, and a few states of EM that shrinks towards its limit; and the limit itself."""
    rng = np.random.default_rng(seed)
    source = ArraySource(clusters(rng, 600, spread=2.5))
    begin = run(source, mixture(rng, spread=2.5), model, tol=1e-4, max_iter=5000).state
    limit = run(source, begin, model, tol=1e-13, max_iter=20_000).state
    return source, list(islice(iterate(source, begin, model), n_states)), limit


@every_structure
def test_where_it_leads_is_nearer_to_the_limit_than_the_next_step(structure):
    model = MStep(structure, NO_RIDGE)
    source, states, limit = near_the_limit(model, 6)
    *known, following = states
    further = walked(known).further(known[-1].mixture, np.inf)
    reached = next(iterate(source, model.maximize(further, known[-1].mixture.covariances), model))
    assert limit.log_likelihood - reached.log_likelihood < 0.9 * (limit.log_likelihood - following.log_likelihood)


def test_two_steps_are_needed():
    model = MStep(STRUCTURES[0], NO_RIDGE)
    _, states, _ = near_the_limit(model, 3)
    assert walked(states[:1]).further(states[0].mixture, 9.0) is None
    assert walked(states[:2]).further(states[1].mixture, 9.0) is None
    assert walked(states).further(states[2].mixture, 9.0) is not None
    assert walked(states).end.further(states[2].mixture, 9.0) is None


def sums(mass, moments, origin=0.0):
    """Statistics of two components with unit variances about their means, by their masses."""
    mass = np.array(mass)
    zero = Statistics.zero(np.array([[origin, 0.0], [9.0, 0.0]]), moments)
    return replace(zero, mass=mass, second=moments.diagonal(mass, np.ones(2)), weight=float(mass.sum()))


def sizes(mass):
    return Mixture(np.array(mass) / np.sum(mass), [[0.0, 0.0], [9.0, 0.0]], [1.0, 1.0])


def along(masses, moments):
    """A trail on which nothing but masses changes."""
    trail = Trail((sums(masses[0], moments),))
    for before, after in pairwise(masses):
        trail = trail.to(sums(before, moments), sizes(after), sums(after, moments))
    return trail


@every_kind
@settings(max_examples=10)
@given(factor=st.floats(0.05, 0.9), gap=st.floats(1.0, 20.0))
def test_a_geometric_sequence_leads_to_its_limit(moments, factor, gap):
    masses = [(500.0 + gap * factor**i, 500.0 - gap * factor**i) for i in range(4)]
    further = along(masses, moments).further(sizes(masses[-1]), np.inf)
    np.testing.assert_allclose(further.mass, [500.0, 500.0], rtol=1e-3)


@every_kind
def test_it_leads_no_further_than_it_may(moments):
    masses = [(500.0 + 9.0 * 0.9**i, 500.0 - 9.0 * 0.9**i) for i in range(4)]
    step = masses[3][0] - masses[2][0]
    for longest in (0.5, 1.0, 4.0):
        further = along(masses, moments).further(sizes(masses[-1]), longest)
        assert further.mass[0] - masses[3][0] == pytest.approx(longest * step, rel=0.02)


@every_kind
def test_steps_that_grow_lead_on_in_their_direction(moments):
    masses = [(500.0 - 0.5 * 1.3**i, 500.0 + 0.5 * 1.3**i) for i in range(4)]
    step = masses[3][0] - masses[2][0]
    further = along(masses, moments).further(sizes(masses[-1]), 9.0)
    assert further.mass[0] - masses[3][0] == pytest.approx(4.0 * step)


@every_kind
def test_large_steps_are_not_remembered(moments):
    masses = [(900.0, 100.0), (600.0, 400.0), (520.0, 480.0)]
    assert along(masses, moments).further(sizes(masses[-1]), 9.0) is None


def test_steps_that_are_no_numbers_are_not_remembered():
    trail = along([(501.0, 499.0), (500.5, 499.5), (500.2, 499.8)], FULL)
    wild = replace(sums((500.0, 500.0), FULL), first=np.full((2, 2), 1e200))
    assert trail.to(trail.found[-1], sizes((1.0, 1.0)), wild).further(sizes((1.0, 1.0)), 9.0) is None


def test_the_origin_changes_nothing():
    masses = [(500.0 + 9.0 * 0.5**i, 500.0 - 9.0 * 0.5**i) for i in range(4)]
    trail = along(masses, FULL)
    moved = replace(trail, found=tuple(one.about(one.origin + i) for i, one in enumerate(trail.found)))
    some, other = (one.further(sizes(masses[-1]), 9.0) for one in (trail, moved))
    model = MStep(STRUCTURES[0], NO_RIDGE)
    np.testing.assert_allclose(vector(model.maximize(other)), vector(model.maximize(some)), rtol=1e-9, atol=1e-9)
