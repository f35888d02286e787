from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MOMENTS, mixture
from gaussmix.engines import reference
from gaussmix.moments import FULL, SCALAR
from gaussmix.statistics import ADDITIVE, Statistics

seeds = st.integers(0, 2**32 - 1)
kinds = pytest.mark.parametrize("moments", MOMENTS, ids=lambda kind: type(kind).__name__)


def drawn(seed, moments, n=40, n_components=3, n_features=2):
    """A mixture, weighted rows, and their statistics."""
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_components=n_components, n_features=n_features)
    rows = rng.normal(scale=3, size=(n, n_features))
    weights = rng.uniform(0.1, 3, size=n)
    return model, rows, weights, reference.expect(model, rows, weights, moments)


def assert_same(left, right, rtol=1e-10):
    for field in ADDITIVE:
        np.testing.assert_allclose(getattr(left, field), getattr(right, field), rtol=rtol, atol=1e-9, err_msg=field)


@kinds
@given(seed=seeds, cut=st.integers(0, 40))
def test_adding_is_concatenating(moments, seed, cut):
    model, rows, weights, whole = drawn(seed, moments)
    parts = [reference.expect(model, rows[part], weights[part], moments) for part in (slice(cut), slice(cut, None))]
    assert_same(parts[0] + parts[1], whole)
    assert_same(parts[1] + parts[0], whole)


@kinds
@given(seed=seeds)
def test_a_commutative_group(moments, seed):
    model, rows, weights, a = drawn(seed, moments)
    b, c = (reference.expect(model, rows[part], weights[part], moments) for part in (slice(9), slice(9, 20)))
    zero = Statistics.zero(a.origin, moments)
    assert_same((a + b) + c, a + (b + c))
    assert_same(a + zero, a)
    assert_same((a + b) - b, a)
    assert_same(a - a, zero)


@kinds
@given(seed=seeds, factor=st.floats(0.1, 10))
def test_scaling_is_weighing(moments, seed, factor):
    model, rows, weights, sums = drawn(seed, moments)
    assert_same(sums.scale(factor), reference.expect(model, rows, factor * weights, moments))


@kinds
@given(seed=seeds)
def test_every_sum_over_the_rows_is_added_scaled_and_joined(moments, seed):
    *_, sums = drawn(seed, moments)
    sums = replace(sums, skipped=7.0)
    numbers = {one.name for one in fields(sums)} - {"origin", "moments"}
    assert numbers == set(ADDITIVE)
    twice = sums + sums
    for name in numbers:
        value = getattr(sums, name)
        np.testing.assert_allclose(getattr(twice, name), 2.0 * value)
        np.testing.assert_allclose(getattr(sums.scale(3.0), name), 3.0 * value)
        np.testing.assert_allclose(getattr(twice - sums, name), value)
        joined = getattr(Statistics.joined([sums, sums]), name)
        by_component = np.ndim(value) > 0 and not (name == "second" and moments.pooled)
        np.testing.assert_allclose(joined, np.concatenate([value, value]) if by_component else 2.0 * value)


@kinds
@given(seed=seeds)
def test_an_origin_may_move(moments, seed):
    model, rows, weights, sums = drawn(seed, moments)
    elsewhere = model.means + np.random.default_rng(seed).normal(size=model.means.shape)
    resp, _ = reference.responsibilities(model, rows)
    there = reference.summarize(rows, weights, resp, elsewhere, moments)
    moved = sums.about(elsewhere)
    np.testing.assert_allclose(moved.first, there.first, atol=1e-9)
    np.testing.assert_allclose(moved.second, there.second, rtol=1e-9, atol=1e-9)
    assert_same(moved.about(model.means), sums, rtol=1e-9)
    np.testing.assert_allclose(moved.means, sums.means)


@kinds
@given(seed=seeds)
def test_each_kind_is_a_part_of_the_full_moments(moments, seed):
    *_, part = drawn(seed, moments)
    *_, full = drawn(seed, FULL)
    np.testing.assert_allclose(part.second, moments.extract(full.second), rtol=1e-10, atol=1e-12)


@kinds
@given(seed=seeds)
def test_the_kept_part_of_matrices(moments, seed):
    matrices = np.random.default_rng(seed).normal(size=(3, 2, 2))
    parts = {
        0: np.trace(matrices, axis1=1, axis2=2),
        1: np.diagonal(matrices, axis1=1, axis2=2),
        2: matrices.sum(axis=0),
        3: matrices,
    }
    expected = parts[MOMENTS.index(moments)]
    np.testing.assert_array_equal(moments.extract(matrices), expected)
    assert expected.shape == moments.zero(3, 2).shape


@kinds
def test_blurring_adds_variance(moments):
    *_, sums = drawn(1, moments)
    ridged = sums.with_ridge(np.array([0.5, 2.0]))
    added = np.eye(2) * [0.5, 2.0] * sums.mass[:, None, None]
    np.testing.assert_allclose(ridged.second - sums.second, moments.extract(added))


def test_moments_keep_their_digits_far_from_zero():
    rng = np.random.default_rng(0)
    near = rng.normal(size=(5000, 2))
    resp = np.ones((5000, 1))
    sums = [
        reference.summarize(rows, np.ones(5000), resp, rows.mean(axis=0, keepdims=True), FULL)
        for rows in (near, near + 1e8)
    ]
    covariances = [one.about(one.means).second / 5000 for one in sums]
    np.testing.assert_allclose(covariances[1], covariances[0], atol=1e-7)  # the rows themselves are rounded to 1e-8


def test_different_origins_do_not_add():
    *_, a = drawn(1, SCALAR)
    *_, b = drawn(2, SCALAR)
    with pytest.raises(ValueError, match="different origins"):
        a + b


def test_different_kinds_do_not_add():
    *_, a = drawn(1, SCALAR)
    *_, b = drawn(1, FULL)
    with pytest.raises(ValueError, match="different kinds"):
        a + b
