"""Starts that a user gives: labels, responsibilities, a mixture or a function."""

import numpy as np
import pytest

from cases import clusters, mixture
from gaussmix.em.m_step import MStep
from gaussmix.initialization import make_user_start
from gaussmix.sources import ArraySource
from gaussmix.structures import named

MODEL = MStep(named("full"), np.zeros(2))


def begun(origin, rows, seed=0, weights=None, k=3):
    return make_user_start(origin, ArraySource(rows, weights), k, MODEL, np.random.default_rng(seed))


@pytest.fixture
def rows():
    return clusters(np.random.default_rng(0), n=300)


def test_labels_and_responsibilities_say_the_same(rows):
    labels = np.arange(300) % 3
    by_labels, by_resp = begun(labels, rows), begun(np.eye(3)[labels], rows)
    np.testing.assert_allclose(by_labels.means, [rows[labels == k].mean(axis=0) for k in range(3)])
    np.testing.assert_allclose(by_resp.covariances.covariances, by_labels.covariances.covariances)


def test_a_mixture_is_taken_as_it_is(rows):
    known = mixture(np.random.default_rng(0))
    assert begun(known, rows) is known


def test_a_callable_may_return_any_start(rows):
    def halves(source, n_components, rng):
        assert isinstance(rng, np.random.Generator)
        return (np.arange(source.n_rows) * n_components) // source.n_rows

    np.testing.assert_array_equal(begun(halves, rows).means, begun(np.repeat([0, 1, 2], 100), rows).means)
    assert begun(lambda *_: "random", rows, 4).means.shape == (3, 2)


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (np.zeros(7, dtype=int), r"labels of shape \(300,\) or responsibilities of shape \(300, 3\), got shape \(7,\)"),
        (np.full(300, 3), "integers from 0 to 2, got int64 from 3 to 3"),
        (np.full(300, 0.5), "must be integers"),
        (np.full((300, 3), 0.5), "sum to 1"),
        (mixture(np.random.default_rng(0), n_components=4), "must have 3 components in 2 dimensions, got 4 in 2"),
    ],
)
def test_a_start_that_does_not_fit_is_named(origin, message, rows):
    with pytest.raises(ValueError, match=message):
        begun(origin, rows)
