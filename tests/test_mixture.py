import dataclasses

import mpmath
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from cases import FORMS, covariances, lattice, mixture
from gaussmix import Diagonal, Full, Mixture, Tied
from gaussmix.engines import ENGINES, assessment

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


def exact_logpdf(model, row):
    """The log-density to fifty digits, from the covariances that the mixture holds."""
    with mpmath.workdps(400):
        total = mpmath.mpf(0)
        for weight, mean, factor in zip(model.weights, model.means, triangles(model), strict=True):
            lower = mpmath.matrix(factor.tolist())
            centred = mpmath.matrix([mpmath.mpf(x) - mpmath.mpf(m) for x, m in zip(row, mean, strict=True)])
            white = mpmath.lu_solve(lower, centred)
            log_det = 2 * sum(mpmath.log(lower[i, i]) for i in range(len(row)))
            distance = sum(value**2 for value in white)
            log_norm = -(len(row) * mpmath.log(2 * mpmath.pi) + log_det) / 2
            total += mpmath.mpf(weight) * mpmath.exp(log_norm - distance / 2)
        return float(mpmath.log(total))


def triangles(model):
    """The Cholesky factors, written out as ``(K, D, D)``."""
    factors = model.covariances.factors
    shape = (model.n_components, model.n_features, model.n_features)
    if isinstance(model.covariances, Tied | Full):
        return np.broadcast_to(factors, shape)
    scales = factors[:, None, None] if factors.ndim == 1 else factors[:, :, None]
    return np.broadcast_to(scales, shape) * np.eye(shape[1])


@forms
@given(seed=seeds, far=st.sampled_from([1.0, 10.0, 1e3, 1e8]))
def test_log_densities_are_exact_also_far_out(form, seed, far):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form)
    row = far * rng.normal(size=2)
    np.testing.assert_allclose(model.logpdf([row])[0], exact_logpdf(model, row), rtol=1e-12)


@given(seed=seeds, condition=st.sampled_from([1e6, 1e12, 1e20]))
def test_log_densities_are_exact_for_nearly_singular_covariances(seed, condition):
    rng = np.random.default_rng(seed)
    factors = np.tril(rng.normal(size=(2, 3, 3)))
    factors[:, [0, 1, 2], [0, 1, 2]] = [1.0, 1.0, 1.0 / np.sqrt(condition)]
    model = Mixture([0.4, 0.6], rng.normal(size=(2, 3)), Full(factors))
    row = rng.normal(size=3)
    np.testing.assert_allclose(model.logpdf([row])[0], exact_logpdf(model, row), rtol=1e-9)


@forms
def test_one_component_is_scipys_normal(form):
    model = mixture(np.random.default_rng(0), form, n_components=1, n_features=3)
    rows = np.random.default_rng(1).normal(size=(20, 3))
    normal = stats.multivariate_normal(model.means[0], model.covariances.dense(1, 3)[0])
    np.testing.assert_allclose(model.logpdf(rows), normal.logpdf(rows))
    np.testing.assert_allclose(model.pdf(rows), normal.pdf(rows))


@pytest.mark.parametrize("distance", [1e160, 1e200, 1e300])
@forms
def test_very_far_rows_are_finite_and_shared_out(form, distance):
    model = mixture(np.random.default_rng(3), form)
    rows = distance * np.array([[1.0, 0.0], [-1.0, 1.0], [0.3, -0.7]])
    assert np.isfinite(model.logpdf(rows)).all()
    resp = model.responsibilities(rows)
    assert np.isfinite(resp).all()
    np.testing.assert_allclose(resp.sum(axis=1), 1.0)


def test_a_very_far_row_belongs_to_the_widest_component_in_its_direction():
    model = Mixture([0.5, 0.5], [[0.0, 0.0], [1.0, 1.0]], [[[4.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 4.0]]])
    np.testing.assert_array_equal(model.predict([[1e200, 0.0], [0.0, 1e200]]), [0, 1])
    np.testing.assert_array_equal(model.responsibilities([[1e200, 0.0]]), [[1.0, 0.0]])


def test_a_component_of_weight_zero_gets_nothing():
    model = Mixture([0.0, 1.0], [[0.0], [5.0]], [1.0, 1.0])
    np.testing.assert_array_equal(model.responsibilities([[0.0], [1e200]]), [[0.0, 1.0], [0.0, 1.0]])


@forms
@given(seed=seeds)
def test_responsibilities_are_bayes_rule(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form)
    rows = rng.normal(scale=3, size=(9, 2))
    dense = model.covariances.dense(3, 2)
    parts = zip(model.weights, model.means, dense, strict=True)
    joint = np.stack([w * stats.multivariate_normal(m, c).pdf(rows) for w, m, c in parts], axis=1)
    resp = model.responsibilities(rows)
    np.testing.assert_allclose(resp, joint / joint.sum(axis=1, keepdims=True), rtol=1e-8, atol=1e-12)
    np.testing.assert_array_equal(model.predict(rows), resp.argmax(axis=1))


@forms
def test_density_integrates_to_one(form):
    model = mixture(np.random.default_rng(5), form, spread=1.0)
    points, cell = lattice(model)
    assert cell * model.pdf(points).sum() == pytest.approx(1.0, abs=1e-9)


@forms
@given(seed=seeds)
def test_factors_are_roots_of_the_covariances(form, seed):
    model = mixture(np.random.default_rng(seed), form, 3, 4)
    np.testing.assert_array_equal(model.factors, np.tril(model.factors))
    roots = model.factors @ model.factors.transpose(0, 2, 1)
    np.testing.assert_allclose(roots, model.covariances.dense(3, 4), rtol=1e-12, atol=1e-14)


def test_nothing_can_be_changed():
    means = np.zeros((2, 2))
    model = Mixture([0.5, 0.5], means, [1.0, 2.0])
    means[0] = 7.0
    assert not model.means.any()
    with pytest.raises(ValueError, match="read-only"):
        model.means[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        model.covariance[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.means = means


@pytest.mark.parametrize(
    ("shape", "form"), [((3,), "spherical"), ((3, 2), "diag"), ((2, 2), "tied"), ((3, 2, 2), "full")]
)
def test_the_shape_of_covariances_says_how_they_are_stored(shape, form):
    values = np.ones(shape) if form in {"spherical", "diag"} else np.broadcast_to(np.eye(2), shape)
    assert Mixture([0.2, 0.3, 0.5], np.zeros((3, 2)), values).covariances.form == form


def test_as_many_components_as_features_must_be_said():
    values = np.array([[2.0, 0.5], [0.5, 1.0]])
    with pytest.raises(ValueError, match="could be diagonals or one shared matrix"):
        Mixture([0.5, 0.5], np.zeros((2, 2)), values)
    assert Mixture([0.5, 0.5], np.zeros((2, 2)), Tied.from_covariances(values)).covariances.form == "tied"
    assert Mixture([0.5, 0.5], np.zeros((2, 2)), Diagonal.from_covariances(values)).covariances.form == "diag"


@pytest.mark.parametrize(
    ("weights", "means", "values", "message"),
    [
        ([0.5, 0.6], [[0.0], [1.0]], [1.0, 1.0], "weights must be at least 0 and sum to 1"),
        ([1.5, -0.5], [[0.0], [1.0]], [1.0, 1.0], "weights must be at least 0"),
        ([1.0], [[0.0], [1.0]], [1.0, 1.0], r"weights must have shape \(2,\)"),
        ([0.5, np.nan], [[0.0], [1.0]], [1.0, 1.0], "weights must be at least 0"),
        ([0.5, 0.5], [0.0, 1.0], [1.0, 1.0], r"means must have shape \(n_components, n_features\), got \(2,\)"),
        ([0.5, 0.5], [[0.0], [np.inf]], [1.0, 1.0], "means must be finite"),
        ([0.5, 0.5], [[0.0], [1.0]], [1.0, -1.0], "variances of component 1"),
        ([0.5, 0.5], [[0.0], [1.0]], [1.0] * 5, r"one of the shapes .* got \(5,\)"),
        ([0.5, 0.5], [[0.0], [1.0]], Diagonal(np.ones((3, 1))), r"Diagonal covariances .* shape \(2, 1\)"),
    ],
)
def test_parameters_that_are_no_mixture_are_named(weights, means, values, message):
    with pytest.raises(ValueError, match=message):
        Mixture(weights, means, values)


def test_weights_in_single_precision_are_scaled_to_one():
    weights = np.array([0.1, 0.2, 0.7], dtype=np.float32)
    model = Mixture(weights, np.array([[0.0], [1.0], [2.0]]) + 1e8, [1.0, 1.0, 1.0])
    assert model.weights.sum() == pytest.approx(1.0, rel=1e-15)
    assert model.mean[0] - 1e8 == pytest.approx(1.6, rel=1e-6)
    assert model.cdf(np.inf) == pytest.approx(1.0, rel=1e-15)
    assert model.highest_density(1.0 - 1e-9).shape == (1, 2)
    np.testing.assert_array_equal(Mixture(model.weights, model.means, model.covariances).weights, model.weights)


@pytest.mark.parametrize("names", [["a"], ["a", "a"], "ab", [0, 1]])
def test_feature_names_must_fit(names):
    with pytest.raises(ValueError, match="feature_names must be 2 different names"):
        Mixture([1.0], [[0.0, 0.0]], [1.0], feature_names=names)


@pytest.mark.parametrize(
    ("rows", "message"),
    [([0.0, 1.0], r"shape \(n, 2\)"), ([[0.0]], r"got \(1, 1\)"), ([[0.0, np.inf]], "finite")],
)
def test_rows_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        Mixture([1.0], [[0.0, 0.0]], [1.0]).logpdf(rows)


def test_the_columns_of_a_table_are_found_by_name():
    table = pd.DataFrame({"x": [0.0, 1.0], "y": [5.0, 6.0]})
    model = Mixture([1.0], [[0.0, 5.0]], [1.0], feature_names=["x", "y"])
    np.testing.assert_array_equal(model.logpdf(table), model.logpdf(table.to_numpy()))
    np.testing.assert_array_equal(model.logpdf(table.set_axis([0, 1], axis=1)), model.logpdf(table))
    for other in (table[["y", "x"]], table.assign(z="a text"), table.assign(z=0.0)[["z", "y", "x"]]):
        np.testing.assert_array_equal(model.logpdf(other), model.logpdf(table))


@pytest.mark.parametrize(("n_components", "n_features"), [(2, 3), (40, 50)])
def test_blocks_take_the_same_memory_for_many_components(n_components, n_features, monkeypatch):
    rng, sizes, whiten = np.random.default_rng(0), [], Diagonal.whiten
    rows, model = rng.normal(size=(5000, n_features)), mixture(rng, Diagonal, n_components, n_features)

    def whiten_and_count(self, centred):
        sizes.append(centred.size)
        return whiten(self, centred)

    monkeypatch.setattr(Diagonal, "whiten", whiten_and_count)
    monkeypatch.setattr(assessment, "engine_for", lambda *_, **__: ENGINES["reference"])
    model.logpdf(rows)
    assert sum(sizes) == rows.size * n_components
    assert max(sizes) <= 2**20


def test_blocks_of_rows_are_put_together_in_order():
    rng = np.random.default_rng(0)
    model = mixture(rng)
    rows = rng.normal(size=(10_000, 2))
    few = slice(8_190, 8_200)
    np.testing.assert_array_equal(model.logpdf(rows)[few], model.logpdf(rows[few]))
    np.testing.assert_allclose(model.responsibilities(rows)[few], model.responsibilities(rows[few]), rtol=1e-12)


def test_float32_rows_are_read_as_they_are():
    rng = np.random.default_rng(0)
    model = mixture(rng, offset=1000.0)
    rows = (rng.normal(size=(50, 2)) + 1000.0).astype(np.float32)
    np.testing.assert_allclose(model.logpdf(rows), model.logpdf(rows.astype(np.float64)), rtol=1e-12)


def test_forms_that_hold_the_same_covariances_agree():
    rng = np.random.default_rng(0)
    tied = covariances(rng, Tied, 3, 2)
    means, rows = rng.normal(size=(3, 2)), rng.normal(size=(20, 2))
    weights = [0.2, 0.3, 0.5]
    full = Full.from_covariances(tied.dense(3, 2))
    np.testing.assert_allclose(Mixture(weights, means, tied).logpdf(rows), Mixture(weights, means, full).logpdf(rows))


def test_a_mixture_prints_in_a_few_lines():
    many = Mixture(np.full(30, 1 / 30), np.zeros((30, 12)), np.ones(30))
    first, header, *lines = repr(many).splitlines()
    assert first == "Mixture of 30 components in 12 dimensions, spherical covariances"
    assert header.split()[:2] == ["component", "weight"]
    assert header.endswith("... and 7 more")
    assert len(lines) == 9
    assert lines[-1] == "... and 22 more components"
    assert "1 component in 1 dimension, full" in repr(Mixture([1.0], [[0.0]], [[[4.0]]]))
    assert repr(Mixture([1.0], [[0.0]], [[[4.0]]], feature_names=["width"])).split()[-3:] == ["0", "±", "2"]
