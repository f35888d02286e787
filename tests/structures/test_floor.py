"""The floor on covariances: every structure stays above it or near it, and what is above keeps its bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from cases import clusters, vector
from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.initialization import start_from
from gaussmix.initialization.assignments import from_labels
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

SEED = st.integers(0, 2**32 - 1)
STEP = 1.0 / 12.0
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
free = pytest.mark.parametrize("name", [one.name for one in STRUCTURES if one.takes_ratio])


def ratings(rng, n=200):
    """Two whole-number columns and a continuous one, and labels by the first: flat components."""
    rows = np.column_stack([rng.integers(0, 3, n), rng.integers(0, 9, n), rng.normal(size=n)]).astype(float)
    return rows, rows[:, 0].astype(int)


def model(structure, rounding, ridge=1e-6):
    return MStep(structure, np.full(3, ridge), rounding=np.array(rounding))


def smallest(mixture, floor):
    units = np.sqrt(floor)
    dense = mixture.covariances.dense(*mixture.means.shape) / np.outer(units, units)
    return np.linalg.eigvalsh(dense)[:, 0]


@free
@pytest.mark.parametrize("ridge", [0.0, 1e-6])
def test_no_component_is_below_the_floor(name, ridge):
    rows, labels = ratings(np.random.default_rng(0))
    fitted = start_from(ArraySource(rows), from_labels(labels, 3), 3, model(named(name), [STEP, STEP, 0.0], ridge))
    assert (smallest(fitted, np.array([STEP, STEP, 1e-9])) > 1.0 - 1e-9).all()


@every_structure
def test_flat_components_are_told_of_and_are_not_needles(structure):
    rows, labels = ratings(np.random.default_rng(0))
    m_step = model(structure, [STEP, STEP, 0.0])
    first = start_from(ArraySource(rows), from_labels(labels, 3), 3, m_step)
    statistics = ArraySource(rows).reduce(first, structure.moments)
    assert smallest(first, np.array([STEP, STEP, 1.0])).min() > 0.1
    assert bool(m_step.narrowed_by_rounding(statistics)) == (structure.moments.correlated or structure.name[1:] != "II")


@every_structure
@settings(max_examples=5)
@given(seed=SEED)
def test_a_floor_below_all_components_changes_no_bit(structure, seed):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, 120, 2, 3)
    labels = rng.integers(0, 2, 120)
    plain = start_from(ArraySource(rows), from_labels(labels, 2), 2, MStep(structure, np.full(3, 1e-6)))
    floored = start_from(ArraySource(rows), from_labels(labels, 2), 2, model(structure, [1e-8, 0.0, 1e-9]))
    np.testing.assert_array_equal(vector(plain), vector(floored))


@free
@settings(max_examples=5)
@given(seed=SEED)
def test_the_likelihood_never_falls_above_a_floor(name, seed):
    rows, labels = ratings(np.random.default_rng(seed))
    source, m_step = ArraySource(rows), model(named(name), [STEP, STEP, 0.0], 0.0)
    states = iterate(source, start_from(source, from_labels(labels, 3), 3, m_step), m_step)
    path = [next(states).log_likelihood for _ in range(12)]
    assert (np.diff(path) > -1e-10).all()


def test_the_covariance_above_a_floor_is_the_most_likely_one():
    """Against a general minimizer over ``F + R Rᵀ``."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 2)) @ np.array([[1.0, 0.9], [0.0, 0.05]])
    floor, scatter = np.array([0.1, 0.02]), np.cov(rows.T, bias=True)
    m_step = MStep(named("full"), np.zeros(2), rounding=floor)
    fitted = start_from(ArraySource(rows), from_labels(np.zeros(50, int), 1), 1, m_step).covariances.covariances[0]

    def loss(v):
        covariance = np.diag(floor) + (half := v.reshape(2, 2)) @ half.T
        return np.linalg.slogdet(covariance)[1] + np.trace(np.linalg.solve(covariance, scatter))

    found = min((minimize(loss, rng.normal(size=4), method="BFGS") for _ in range(5)), key=lambda one: one.fun)
    half = found.x.reshape(2, 2)
    np.testing.assert_allclose(fitted, np.diag(floor) + half @ half.T, atol=1e-4)
    value = np.linalg.slogdet(fitted)[1] + np.trace(np.linalg.solve(fitted, scatter))
    assert value <= found.fun + 1e-9
