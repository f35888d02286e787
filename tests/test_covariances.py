import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, covariances
from gaussmix import Diagonal, Full, Spherical, Tied
from gaussmix.covariances import NotPositiveDefiniteError

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


@forms
@given(seed=seeds, n_components=st.integers(1, 4), n_features=st.integers(1, 5))
def test_every_verb_agrees_with_the_dense_matrices(form, seed, n_components, n_features):
    rng = np.random.default_rng(seed)
    stored = covariances(rng, form, n_components, n_features)
    dense = stored.dense(n_components, n_features)
    rows = rng.normal(size=(n_components, 7, n_features))
    assert stored.factors.shape == form.shape(n_components, n_features) == stored.covariances.shape
    np.testing.assert_allclose(stored.log_det(n_components, n_features), np.linalg.slogdet(dense)[1], atol=1e-10)
    white = stored.whiten(rows)
    distance = np.einsum("knd,knd->kn", rows @ np.linalg.inv(dense), rows)
    np.testing.assert_allclose((white**2).sum(axis=2), distance, rtol=1e-9)
    for k in range(n_components):
        np.testing.assert_allclose(stored.colour(k, white[k]), rows[k], atol=1e-10)


@forms
@given(seed=seeds)
def test_precisions_are_inverse_and_lead_back(form, seed):
    stored = covariances(np.random.default_rng(seed), form, 3, 4)
    again = form.from_precisions(stored.precisions)
    np.testing.assert_allclose(again.covariances, stored.covariances, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(again.precisions_cholesky, stored.precisions_cholesky, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("form", [Tied, Full])
def test_precisions_cholesky_is_upper(form):
    upper = covariances(np.random.default_rng(0), form, 2, 3).precisions_cholesky
    np.testing.assert_array_equal(upper, np.triu(upper))


@pytest.mark.parametrize(
    ("form", "values", "message"),
    [
        (Spherical, [1.0, 0.0], "variances of component 1 .* positive and finite, got 0.0"),
        (Diagonal, [[1.0, 1.0], [1.0, -2.0]], "variances of component 1"),
        (Full, [np.eye(2), [[1.0, 2.0], [2.0, 1.0]]], "of component 1 .* smallest eigenvalue is -1"),
        (Full, [np.eye(2), [[1.0, 0.5], [0.2, 1.0]]], "of component 1 .* not symmetric"),
        (Tied, [[1.0, np.nan], [np.nan, 1.0]], "of all components .* NaN"),
    ],
)
def test_what_is_no_covariance_is_named(form, values, message):
    with pytest.raises(NotPositiveDefiniteError, match=message):
        form.from_covariances(np.array(values))


@pytest.mark.parametrize(
    ("form", "values", "message"),
    [
        (Diagonal, [[1.0, -1.0]], "'diag precision' should be positive"),
        (Tied, [[1.0, 2.0], [2.0, 1.0]], "'tied precision' should be symmetric, positive-definite"),
        (Full, [[[1.0, 0.5], [0.0, 1.0]]], "'full precision' should be symmetric, positive-definite"),
    ],
)
def test_what_is_no_precision_is_named(form, values, message):
    with pytest.raises(ValueError, match=message):
        form.from_precisions(np.array(values))


@pytest.mark.parametrize(
    ("form", "values", "wanted"),
    [
        (Spherical, 1.0, r"\(K,\), got \(\)"),
        (Diagonal, [1.0, 2.0], r"\(K, D\), got \(2,\)"),
        (Tied, [[1.0, 0.0]], r"\(D, D\), got \(1, 2\)"),
        (Full, np.eye(2), r"\(K, D, D\), got \(2, 2\)"),
    ],
)
def test_an_array_of_another_shape_is_refused(form, values, wanted):
    for make in (form.from_covariances, form.from_precisions):
        with pytest.raises(ValueError, match=f"{form.__name__} takes an array of shape {wanted}"):
            make(values)


@forms
def test_lists_will_do(form):
    stored = covariances(np.random.default_rng(0), form, 2, 3)
    by_lists = form.from_covariances(stored.covariances.tolist()), form.from_precisions(stored.precisions.tolist())
    for one in by_lists:
        np.testing.assert_allclose(one.factors, stored.factors)


@pytest.mark.parametrize("form", [Tied, Full], ids=lambda form: form.__name__)
def test_symmetry_of_precisions_is_judged_in_their_units(form):
    wrong = np.array([[[1.0, 0.5], [0.2, 1.0]]]) * 1e-12
    with pytest.raises(ValueError, match="should be symmetric"):
        form.from_precisions(wrong[0] if form is Tied else wrong)


@pytest.mark.parametrize(
    ("form", "values"),
    [(Spherical, [1.0, -1.0]), (Diagonal, [[0.0, 1.0]]), (Tied, np.ones((2, 2))), (Full, [[[np.nan]]]), (Full, [1.0])],
)
def test_what_is_no_factor_is_refused(form, values):
    with pytest.raises(NotPositiveDefiniteError, match=rf"use {form.__name__}\.from_covariances"):
        form(values)


def test_factors_cannot_be_changed():
    deviations = np.array([1.0, 2.0])
    stored = Spherical(deviations)
    deviations[:] = 100.0
    np.testing.assert_array_equal(stored.factors, [1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        stored.factors[0] = 5.0
