"""EM steps of many mixtures at once, against the steps of one mixture at a time."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from numpy.testing import assert_allclose

from gaussmix import Mixture
from gaussmix.density.reduction import reduce
from gaussmix.em import iterate, run
from gaussmix.em.batch import BatchEM, MixtureBatch, merge_to
from gaussmix.em.m_step import MStep
from gaussmix.initialization import make_user_start
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, Structure, named

N_STEPS = 6
CLOSED = [structure for structure in STRUCTURES if not structure.iterates]
ITERATED = [structure for structure in STRUCTURES if structure.iterates]


def rows_with_weights(n_features: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of three overlapping components of different sizes, far from zero, with weights."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, 150)
    rows = rng.normal(size=(150, n_features)) * np.array([0.5, 1.0, 2.0])[labels, None] + 2.0 * labels[:, None] + 100.0
    return rows, rng.uniform(0.5, 2.0, len(rows))


def batch_of(mixtures: list[Mixture], em: BatchEM) -> MixtureBatch:
    return MixtureBatch.of(mixtures, correlated=em.correlated)


def problem(
    structure: Structure, n_features: int, n_starts: int = 3
) -> tuple[ArraySource, MStep, BatchEM, list[Mixture]]:
    rows, weights = rows_with_weights(n_features)
    source, m_step = ArraySource(rows, weights), MStep(structure, np.full(n_features, 1e-4))
    rng = np.random.default_rng(1)
    starts = [make_user_start("kmeans", source, 3, m_step, rng) for _ in range(n_starts - 1)]
    starts.append(make_user_start("random_from_data", source, 3, m_step, rng))
    return source, m_step, BatchEM(rows, weights, structure, m_step.ridge), starts


@pytest.mark.parametrize("n_features", [1, 2, 4])
@pytest.mark.parametrize("structure", CLOSED, ids=lambda structure: structure.name)
def test_steps_of_a_batch_are_the_steps_of_each_mixture(structure: Structure, n_features: int) -> None:
    source, m_step, em, starts = problem(structure, n_features)
    batch, log_likelihood, mass = em.run(batch_of(starts, em), N_STEPS)
    for i, start in enumerate(starts):
        *_, before, after = islice(iterate(source, start, m_step), N_STEPS + 1)
        assert_allclose(log_likelihood[i], before.statistics.log_likelihood, rtol=1e-9)
        assert_allclose(mass[i], before.statistics.mass, rtol=1e-6, atol=1e-6)
        mixture = batch.mixture(i)
        assert_allclose(mixture.weights, after.mixture.weights, atol=1e-7)
        assert_allclose(mixture.means, after.mixture.means, rtol=1e-7)
        shape = mixture.means.shape
        assert_allclose(mixture.covariances.dense(*shape), after.mixture.covariances.dense(*shape), atol=1e-6)


@pytest.mark.parametrize("n_features", [2, 4])
@pytest.mark.parametrize("structure", ITERATED, ids=lambda structure: structure.name)
def test_shorter_m_steps_increase_the_log_likelihood(structure: Structure, n_features: int) -> None:
    _, _, em, starts = problem(structure, n_features)
    em = BatchEM(em.rows, em.sample_weight, structure, np.zeros(n_features))
    batch, values = em.run(batch_of(starts[:2], em), 1)[0], []
    for _ in range(20):
        batch, log_likelihood, _ = em.run(batch, 1)
        values.append(log_likelihood)
    assert (np.diff(values, axis=0) >= -1e-8 * np.abs(values[0])).all()


@pytest.mark.parametrize("n_features", [2, 4])
@pytest.mark.parametrize("structure", ITERATED, ids=lambda structure: structure.name)
def test_shorter_m_steps_stay_at_the_limit_of_the_exact_steps(structure: Structure, n_features: int) -> None:
    source, _, em, starts = problem(structure, n_features)
    em = BatchEM(em.rows, em.sample_weight, structure, np.zeros(n_features))
    limit = run(source, starts[0], MStep(structure, np.zeros(n_features)), tol=1e-13, max_iter=20_000).state
    _, log_likelihood, _ = em.run(batch_of([limit.mixture], em), 20)
    assert_allclose(log_likelihood[0], limit.statistics.log_likelihood, rtol=1e-7)


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("name", ["VVV", "VVI", "EEE"])
def test_a_floor_is_that_of_the_m_step(name: str, n_features: int) -> None:
    structure = named(name)
    source, m_step, em, starts = problem(structure, n_features)
    least = np.full(n_features, 1.2)  # above the variances of the narrow components, below those of the wide one
    m_step = replace(m_step, rounding=least)
    em = replace(em, least=least)
    batch, log_likelihood, _ = em.run(batch_of(starts, em), N_STEPS)
    for i, start in enumerate(starts):
        *_, before, after = islice(iterate(source, start, m_step), N_STEPS + 1)
        assert_allclose(log_likelihood[i], before.statistics.log_likelihood, rtol=1e-9)
        shape = after.mixture.means.shape
        dense = batch.mixture(i).covariances.dense(*shape)
        assert_allclose(dense, after.mixture.covariances.dense(*shape), atol=1e-6)
        assert np.linalg.eigvalsh(dense).min() > 1.2 * (1.0 - 1e-9)


def test_equal_weights_stay_equal() -> None:
    rows, weights = rows_with_weights(2)
    em = BatchEM(rows, weights, STRUCTURES[-1], np.full(2, 1e-4), equal_weights=True)
    _, _, _, starts = problem(STRUCTURES[-1], 2)
    batch, _, _ = em.run(batch_of(starts, em), 3)
    assert_allclose(batch.weights, 1.0 / 3.0)


@pytest.mark.parametrize("correlated", [True, False])
def test_merging_in_a_batch_is_the_merging_of_each_mixture(*, correlated: bool) -> None:
    rng = np.random.default_rng(3)
    mixtures = []
    for _ in range(4):
        halves = rng.normal(size=(6, 2, 2))
        covariances = halves @ halves.transpose(0, 2, 1) + 0.1 * np.eye(2)
        mixtures.append(Mixture(rng.dirichlet(np.ones(6)), 3.0 * rng.normal(size=(6, 2)), covariances))
    shape = mixtures[0].means.shape
    dense = np.stack([mixture.covariances.dense(*shape) for mixture in mixtures])
    values = dense if correlated else np.diagonal(dense, axis1=2, axis2=3)
    batch = MixtureBatch(
        np.stack([mixture.weights for mixture in mixtures]), np.stack([mixture.means for mixture in mixtures]), values
    )
    merged = merge_to(3, batch)
    assert_allclose(merged.weights.sum(axis=1), 1.0)
    means = (batch.weights[..., None] * batch.means).sum(axis=1)
    assert_allclose((merged.weights[..., None] * merged.means).sum(axis=1), means)
    if correlated:
        for i, mixture in enumerate(mixtures):
            alone = reduce(mixture, 3)
            order, own = np.argsort(alone.weights), np.argsort(merged.weights[i])
            assert_allclose(merged.means[i][own], alone.means[order])
            assert_allclose(merged.covariances[i][own], alone.covariances.dense(3, 2)[order])
