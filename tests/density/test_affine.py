import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, integral, matrices, mixture, vector
from gaussmix import Mixture

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


def named(rng, form, n_features=3, **options):
    model = mixture(rng, form, n_features=n_features, **options)
    return Mixture(model.weights, model.means, model.covariances, feature_names=list("abcdefg")[:n_features])


# --- Marginals -------------------------------------------------------------------------------------------------------


@forms
@given(seed=seeds)
def test_a_marginal_is_the_density_with_a_feature_integrated_out(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=3, spread=1.0)
    point = rng.normal(size=3)
    dropped = int(rng.integers(3))
    kept = [feature for feature in range(3) if feature != dropped]

    def along(values):
        rows = np.tile(point, (len(values), 1))
        rows[:, dropped] = values
        return model.pdf(rows)

    whole = integral(along, -40, 40)
    assert model.marginal(kept).pdf([point[kept]])[0] == pytest.approx(whole, rel=1e-8, abs=1e-12)


@forms
@given(seed=seeds)
def test_a_marginal_keeps_the_form_the_order_and_the_names(form, seed):
    rng = np.random.default_rng(seed)
    model = named(rng, form, 4)
    order = [int(feature) for feature in rng.permutation(4)[:3]]
    marginal = model.marginal(order)
    assert marginal.covariances.form == form.form
    assert marginal.feature_names == tuple("abcd"[feature] for feature in order)
    np.testing.assert_allclose(marginal.mean, model.mean[order])
    np.testing.assert_allclose(marginal.covariance, model.covariance[np.ix_(order, order)], rtol=1e-10, atol=1e-12)
    by_name = model.marginal(list(marginal.feature_names))
    np.testing.assert_array_equal(vector(by_name), vector(marginal))


@forms
def test_one_feature_may_be_named_alone(form):
    model = named(np.random.default_rng(0), form)
    np.testing.assert_array_equal(vector(model.marginal("b")), vector(model.marginal(1)))
    assert model.marginal("b").feature_names == ("b",)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (3, r"from 0 to 2 or one of the names 'a', 'b', 'c', got 3"),
        (-1, "got -1"),
        ("d", "got 'd'"),
        (True, "got True"),
        (0.0, r"got 0\.0"),
        (None, "got None"),
        ([0, "a"], r"different features, got \[0, 'a'\]"),
        ([], r"different features, got \[\]"),
    ],
)
def test_unknown_features_are_named(features, message):
    with pytest.raises(ValueError, match=message):
        named(np.random.default_rng(0), FORMS[0]).marginal(features)


def test_features_without_names_have_none():
    with pytest.raises(ValueError, match="these features have no names, got 'a'"):
        mixture(np.random.default_rng(0)).marginal("a")


# --- Affine maps -----------------------------------------------------------------------------------------------------


@forms
@given(seed=seeds, scale=st.sampled_from([1e-6, 1.0, 1e6]), offset=st.sampled_from([0.0, 1e8]))
def test_a_map_moves_the_density_with_the_rows(form, seed, scale, offset):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=3)
    matrix = scale * (rng.normal(size=(3, 3)) + 3.0 * np.eye(3))
    shift = scale * offset * rng.normal(size=3)
    rows = rng.normal(scale=3.0, size=(5, 3))
    mapped = model.transform(matrix, shift).logpdf(rows @ matrix.T + shift)
    tolerance = 1e-9 if offset == 0 else 1e-5  # what rows of that size can hold of the place within a component
    np.testing.assert_allclose(
        mapped, model.logpdf(rows) - np.linalg.slogdet(matrix)[1], rtol=tolerance, atol=tolerance
    )


@forms
@given(seed=seeds)
def test_a_projection_is_a_marginal_of_a_map(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, n_features=4)
    matrix = rng.normal(size=(4, 4))
    np.testing.assert_allclose(
        vector(model.transform(matrix[:2], 1.5)), vector(model.transform(matrix, 1.5).marginal([0, 1])), atol=1e-9
    )


@forms
def test_other_units_and_orders_keep_axes_along_the_coordinates(form):
    model = mixture(np.random.default_rng(0), form, n_features=3)
    mapped = model.transform([[0.0, 0.0, -2.0], [3.0, 0.0, 0.0]])
    wanted = {"spherical": "diag"}.get(form.form, form.form)
    assert mapped.covariances.form == wanted
    np.testing.assert_allclose(mapped.mean, [-2.0 * model.mean[2], 3.0 * model.mean[0]])
    expected = model.covariance[np.ix_([2, 0], [2, 0])] * [[4.0, -6.0], [-6.0, 9.0]]
    np.testing.assert_allclose(mapped.covariance, expected)


def test_a_map_may_name_its_features():
    model = mixture(np.random.default_rng(0))
    assert model.transform(np.eye(2)).feature_names is None
    assert model.transform(np.eye(2), feature_names=["u", "v"]).feature_names == ("u", "v")


@pytest.mark.parametrize(
    ("matrix", "offset", "message"),
    [
        (np.eye(3), 0.0, r"matrix must have shape \(M, 2\), with M at least 1, got \(3, 3\)"),
        (np.ones(2), 0.0, r"got \(2,\)"),
        (np.empty((0, 2)), 0.0, r"got \(0, 2\)"),
        ([[np.nan, 1.0]], 0.0, "matrix must be finite"),
        (np.eye(2), [1.0, 2.0, 3.0], r"offset must be a number or of shape \(2,\), got shape \(3,\)"),
        (np.eye(2), np.inf, "offset must be finite"),
        ([[1.0, 2.0], [2.0, 4.0]], 0.0, "matrix must have 2 linearly independent rows, got rank 1"),
        ([[1.0, 2.0], [0.0, 0.0]], 0.0, "got rank 1"),
        (np.ones((3, 2)), 0.0, "got rank 1"),
    ],
)
def test_maps_that_cannot_be_are_refused(matrix, offset, message):
    with pytest.raises(ValueError, match=message):
        mixture(np.random.default_rng(0)).transform(matrix, offset)


def test_independence_is_judged_in_the_units_of_the_features():
    model = Mixture([1.0], [[0.0, 0.0]], [np.diag([1.0, 1e40])])
    assert model.transform([[1.0, 1e-20], [1.0, -1e-20]]).n_features == 2
    large = model.transform([[1e200, 0.0], [0.0, 1e-200]])
    np.testing.assert_allclose(np.diagonal(large.covariances.factors[0]), [1e200, 1e-180])


# --- Noise -----------------------------------------------------------------------------------------------------------


@forms
@given(seed=seeds)
def test_noise_adds_its_covariance(form, seed):
    rng = np.random.default_rng(seed)
    model = named(rng, form)
    matrix = matrices(rng, 1, 3)[0]
    for noise in (0.7, rng.uniform(0.1, 2.0, 3), matrix, np.zeros((3, 3)), np.outer([1, 2, 3], [1, 2, 3])):
        noisy = model.convolve(noise)
        added = noise if np.ndim(noise) == 2 else np.broadcast_to(noise, 3) * np.eye(3)
        dense = model.covariances.dense(3, 3) + added
        np.testing.assert_allclose(noisy.covariances.dense(3, 3), dense, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(noisy.means, model.means)
        assert noisy.feature_names == ("a", "b", "c")


@forms
@given(seed=seeds)
def test_noise_of_very_different_sizes_is_all_added(form, seed):
    rng = np.random.default_rng(seed)
    units = np.diag([1e6, 1.0, 1e-6])
    model, noise = mixture(rng, form, n_features=3), matrices(rng, 1, 3)[0]
    mapped = model.transform(units).convolve(units @ noise @ units)
    np.testing.assert_allclose(vector(mapped), vector(model.convolve(noise).transform(units)), rtol=1e-9)


def test_noise_is_symmetric_up_to_rounding():
    noise = np.array([[1.0, 1e-17], [0.0, 1.0]])
    assert mixture(np.random.default_rng(0)).convolve(noise).n_features == 2


@given(seed=seeds)
def test_noise_is_a_convolution(seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_features=1)
    noise = Mixture([1.0], [[0.0]], [0.5])
    at = float(rng.normal(scale=3.0))
    whole = integral(lambda x: model.pdf(x[:, None]) * noise.pdf(at - x[:, None]), -40, 40)
    assert model.convolve(0.5).pdf([[at]])[0] == pytest.approx(whole, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        (-1.0, "no negative variance, got -1"),
        ([1.0, -0.5], "got -0.5"),
        (
            [[1.0, 2.0], [2.0, 1.0]],
            "no negative variance in any direction, got a correlation matrix with the eigenvalue -1",
        ),
        ([[1.0, 0.5], [0.5, 0.0]], "in any direction, got a correlation matrix with the eigenvalue -0.207"),
        ([[1.0, 0.5], [0.0, 1.0]], "must be symmetric"),
        (np.eye(3), r"of shape \(2,\) or \(2, 2\), got shape \(3, 3\)"),
        (np.nan, "must be finite"),
    ],
)
def test_noise_that_cannot_be_is_refused(noise, message):
    with pytest.raises(ValueError, match=message):
        mixture(np.random.default_rng(0)).convolve(noise)


# --- Independent features side by side -------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "right"), list(itertools.product(FORMS, FORMS)), ids=lambda form: form.__name__)
def test_independent_features_multiply_their_densities(left, right):
    rng = np.random.default_rng(0)
    first, second = mixture(rng, left), mixture(rng, right, n_components=2, n_features=3)
    rows = rng.normal(scale=3.0, size=(7, 5))
    joint = first.join(second)
    assert joint.n_components == 6
    np.testing.assert_allclose(joint.logpdf(rows), first.logpdf(rows[:, :2]) + second.logpdf(rows[:, 2:]))
    np.testing.assert_allclose(joint.means[4], [*first.means[2], *second.means[0]])


def test_several_mixtures_are_joined_in_their_order():
    rng = np.random.default_rng(0)
    some = [mixture(rng, n_components=k, n_features=d) for k, d in [(2, 1), (1, 2), (3, 1)]]
    at_once, in_turn = some[0].join(*some[1:]), some[0].join(some[1]).join(some[2])
    np.testing.assert_array_equal(vector(at_once), vector(in_turn))
    np.testing.assert_array_equal(vector(some[0].join()), vector(some[0]))


def test_names_are_joined_where_they_can_be():
    one = Mixture([1.0], [[0.0]], [1.0], feature_names=["a"])
    other = Mixture([1.0], [[0.0]], [1.0], feature_names=["b"])
    assert one.join(other).feature_names == ("a", "b")
    assert one.join(one).feature_names is None
    assert one.join(Mixture([1.0], [[0.0]], [1.0])).feature_names is None
