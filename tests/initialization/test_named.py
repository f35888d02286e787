"""The starts that have a name."""

import numpy as np
import pytest

from cases import clusters
from gaussmix.em.m_step import MStep
from gaussmix.initialization import NAMED_STARTS, make_user_start
from gaussmix.sources import ArraySource
from gaussmix.structures import named

NO_RIDGE = np.zeros(2)
MODEL = MStep(named("full"), NO_RIDGE)
kinds = pytest.mark.parametrize("kind", list(NAMED_STARTS))


def begun(origin, rows, seed=0, weights=None, k=3):
    return make_user_start(origin, ArraySource(rows, weights), k, MODEL, np.random.default_rng(seed))


@pytest.fixture
def rows():
    return clusters(np.random.default_rng(0), n=300)


@kinds
def test_every_kind_gives_a_mixture_inside_the_rows(kind, rows):
    first = begun(kind, rows)
    assert first.weights.sum() == pytest.approx(1.0)
    assert (first.means >= rows.min(axis=0)).all()
    assert (first.means <= rows.max(axis=0)).all()
    assert len(np.unique(first.means, axis=0)) == 3


@kinds
def test_the_seed_decides(kind, rows):
    np.testing.assert_array_equal(begun(kind, rows, 1).means, begun(kind, rows, 1).means)
    if kind != "kmeans":  # which finds the same clusters from any seed
        others = [begun(kind, rows, seed).means for seed in range(2, 8)]
        assert not all(np.array_equal(begun(kind, rows, 1).means, means) for means in others)


@kinds
def test_an_offset_changes_nothing(kind, rows):
    np.testing.assert_allclose(begun(kind, rows + 1e8).means - 1e8, begun(kind, rows).means, atol=1e-6)


def test_kmeans_uses_the_weights():
    rows = np.array([[0.0, 0.0], [1.0, 1.0], [10.0, 0.0], [11.0, 1.0], [10.0, 1.0]])
    weights = np.array([1.0, 3.0, 1.0, 1.0, 2.0])
    first = make_user_start(
        "kmeans", ArraySource(rows, weights), 2, MStep(named("spherical"), NO_RIDGE), np.random.default_rng(0)
    )
    expected = [np.average(part, axis=0, weights=w) for part, w in ((rows[:2], weights[:2]), (rows[2:], weights[2:]))]
    np.testing.assert_allclose(first.means[np.argsort(first.means[:, 0])], expected)


def test_a_large_table_is_started_from_a_sample():
    drawn = []

    class Watched(ArraySource):
        def sample(self, rng, n_rows):
            sample = super().sample(rng, n_rows)
            drawn.append(sample.n_rows)
            return sample

    source = Watched(clusters(np.random.default_rng(0), n=100_000, spread=30.0))
    for kind in NAMED_STARTS:
        first = make_user_start(kind, source, 3, MODEL, np.random.default_rng(0))
        assert first.weights.sum() == pytest.approx(1.0)
    assert max(drawn) == 2**16
