"""LabelledSource: each row belongs to the components of its own class, and to no other."""

from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, MOMENTS, mixture
from gaussmix import GaussianMixture
from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.engines import reference
from gaussmix.mixture import Mixture
from gaussmix.sources import LabelledSource
from gaussmix.structures import STRUCTURES, named


def labelled(rng, n=60, n_features=2, sizes=(2, 1, 3)):
    rows = 3 * rng.normal(size=(n, n_features))
    labels = np.arange(n) % len(sizes)
    return LabelledSource(rows, rng.uniform(0.5, 2.0, n), labels=labels, sizes=sizes)


def slow(source, fitted, moments):
    """Statistics with responsibilities written out: those of components of other classes are zero."""
    belongs = np.repeat(np.arange(len(source.sizes)), source.sizes) == source.labels[:, None]
    joint = np.where(belongs, np.exp(reference.log_joint(fitted, source.rows)), 0.0)
    density = joint.sum(axis=1)
    resp = joint / density[:, None]
    sums = reference.summarize(source.rows, source.weights, resp, fitted.means, moments)
    return sums, source.weights @ np.log(density), source.weights @ np.log(joint.max(axis=1))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moments", MOMENTS)
@given(seed=st.integers(0, 2**32 - 1), n_features=st.integers(1, 4))
def test_a_row_is_of_the_components_of_its_class(form, moments, seed, n_features):
    rng = np.random.default_rng(seed)
    source = labelled(rng, n_features=n_features)
    fitted = mixture(rng, form, 6, n_features, spread=1.0)
    sums, log_likelihood, classification = slow(source, fitted, moments)
    ours = source.reduce(fitted, moments)
    assert ours.moments is moments
    np.testing.assert_array_equal(ours.origin, fitted.means)
    for name in ("mass", "first", "second", "weight"):
        np.testing.assert_allclose(getattr(ours, name), getattr(sums, name), rtol=1e-9, atol=1e-9)
    assert ours.log_likelihood == pytest.approx(log_likelihood, rel=1e-12)
    assert ours.classification_log_likelihood == pytest.approx(classification, rel=1e-12)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_the_likelihood_of_rows_and_classes_never_falls(structure):
    rng = np.random.default_rng(0)
    source = labelled(rng, n=200, n_features=3)
    states = islice(iterate(source, mixture(rng, n_components=6, n_features=3), MStep(structure, np.zeros(3))), 8)
    values = [state.log_likelihood for state in states]
    assert all(after >= before - 1e-10 for before, after in pairwise(values))
    assert values[-1] > values[0]


def test_classes_keep_their_share_of_the_weight():
    rng = np.random.default_rng(0)
    source = labelled(rng, n=90)
    *_, last = islice(iterate(source, mixture(rng, n_components=6), MStep(STRUCTURES[-1], np.zeros(2))), 3)
    shares = np.bincount(source.labels, source.weights) / source.weights.sum()
    np.testing.assert_allclose(np.add.reduceat(last.mixture.weights, [0, 2, 3]), shares, rtol=1e-12)


def test_some_rows_keep_their_labels():
    source = labelled(np.random.default_rng(0))
    some = source.subset(np.array([5, 0, 7]))
    np.testing.assert_array_equal(some.labels, source.labels[[5, 0, 7]])
    np.testing.assert_array_equal(some.weights, source.weights[[5, 0, 7]])


@pytest.mark.parametrize("moments", MOMENTS)
def test_a_pass_about_other_points_keeps_to_the_classes(moments):
    rng = np.random.default_rng(3)
    source, fitted = labelled(rng), mixture(rng, FORMS[3], 6, 2, spread=1.0)
    origin = rng.normal(size=(6, 2))
    found, expected = source.reduce_about(origin, fitted, moments), source.reduce(fitted, moments).about(origin)
    for name in ("origin", "mass", "first", "second", "weight"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-9)


def test_a_start_far_from_all_rows_keeps_to_the_classes():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(80, 1)), np.arange(80) % 2
    source = LabelledSource(rows + 1e6, labels=labels, sizes=(1, 1))
    start = Mixture([0.5, 0.5], [[0.0], [1.0]], [1.0, 1.0])
    _, state = islice(iterate(source, start, MStep(named("full"), np.zeros(1))), 2)
    expected = [source.rows[labels == label].mean() for label in (0, 1)]
    np.testing.assert_allclose(state.mixture.means[:, 0], expected, rtol=1e-12)


def test_an_estimator_fits_rows_of_classes_with_one_component_each():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(90, 2)) + 5.0 * np.repeat([[0.0], [1.0]], 45, axis=0), np.repeat([0, 1], 45)
    model = GaussianMixture(2, random_state=0).fit(LabelledSource(rows, labels=labels, sizes=(1, 1)))
    np.testing.assert_allclose(model.means_, [rows[labels == k].mean(axis=0) for k in range(2)], rtol=1e-6)
