import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import entr

from cases import FORMS, lattice, mixture
from gaussmix import Diagonal, Mixture
from gaussmix.density.entropy import information_bounds
from gaussmix.density.gaussian_pairs import CentredGaussians

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
spreads = st.sampled_from([0.3, 1.0, 4.0])


def integrated(model):
    rows, cell = lattice(model)
    return float(entr(model.pdf(rows)).sum()) * cell


def of_one(factor):
    return 0.5 * len(factor) * (1.0 + np.log(2 * np.pi)) + np.log(np.diagonal(factor)).sum()


@every_form
@given(seed=seeds, n_features=st.integers(1, 6), scale=st.sampled_from([1e-6, 1.0, 1e8]))
def test_of_one_component_it_is_exact(form, seed, n_features, scale):
    one = mixture(np.random.default_rng(seed), form, 1, n_features)
    model = Mixture([1.0], scale * one.means, one.covariances.times(scale))
    found = model.entropy()
    exact = of_one(model.covariances.cholesky(1, n_features)[0])
    assert found.value == pytest.approx(exact, rel=1e-12, abs=1e-12)
    assert (found.standard_error, found.lower, found.upper) == (0.0, found.value, found.value)


@every_form
@settings(max_examples=10)
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 2))
def test_it_is_the_integral_within_its_error_and_its_bounds(form, seed, spread, n_features):
    model = mixture(np.random.default_rng(seed), form, 3, n_features, spread=spread)
    found, truth = model.entropy(n_samples=10_000, random_state=seed), integrated(model)
    assert abs(found.value - truth) < 5 * found.standard_error + 1e-6
    assert found.lower - 1e-6 <= truth <= found.upper + 1e-6
    assert found.standard_error <= np.log(3) / np.sqrt(10_000)


@given(seed=seeds, n_features=st.integers(1, 5), scale=st.sampled_from([1e-6, 1e3]))
def test_an_affine_map_adds_the_logarithm_of_its_determinant(seed, n_features, scale):
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_features=n_features)
    matrix = scale * (rng.normal(size=(n_features, n_features)) + 2 * np.eye(n_features))
    mapped = model.transform(matrix, scale * rng.normal(size=n_features))
    before, after = (one.entropy(n_samples=1000, random_state=0) for one in (model, mapped))
    added = np.linalg.slogdet(matrix)[1]
    assert abs(after.value - before.value - added) < 5 * np.hypot(after.standard_error, before.standard_error) + 1e-9
    assert after.lower == pytest.approx(before.lower + added, rel=1e-7, abs=1e-7)
    assert after.upper == pytest.approx(before.upper + added, rel=1e-7, abs=1e-7)


@every_form
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 6))
def test_it_lies_between_that_of_the_components_and_that_with_their_labels(form, seed, spread, n_features):
    model = mixture(np.random.default_rng(seed), form, 4, n_features, spread=spread)
    found = model.entropy(n_samples=1000, random_state=seed)
    within = model.weights @ [of_one(factor) for factor in model.covariances.cholesky(4, n_features)]
    labels = entr(model.weights).sum()
    assert within <= found.lower + 1e-12
    assert found.lower <= found.upper <= within + labels + 1e-12
    assert found.upper <= of_one(np.linalg.cholesky(model.covariance)) + 1e-9


@pytest.mark.parametrize("far", [1e8, 1e150, 1e300])
def test_components_far_apart_leave_nothing_to_draw(far):
    model = Mixture([0.3, 0.7], [[0.0, far], [far, 0.0]], Diagonal(np.array([[1.0, 1e-6], [1.0, 1.0]])))
    found = model.entropy()
    exact = 1.0 + np.log(2 * np.pi) + 0.3 * np.log(1e-6) + entr([0.3, 0.7]).sum()
    assert found.value == pytest.approx(exact, rel=1e-14)
    assert found.standard_error == 0.0


@pytest.mark.parametrize("apart", [6.0, 9.0])
def test_an_overlap_that_hardly_any_row_would_show_is_found(apart):
    model = Mixture([0.3, 0.7], [[0.0], [apart]], [1.0, 1.0])
    found, truth = model.entropy(n_samples=10_000, random_state=0), integrated(model)
    apart_by_all = of_one(np.eye(1)) + entr([0.3, 0.7]).sum()
    assert abs(found.value - truth) < 5 * found.standard_error
    assert found.standard_error < 0.05 * (apart_by_all - truth)


def test_equal_components_are_one():
    model = Mixture([0.3, 0.3, 0.4], np.ones((3, 2)), [2.0, 2.0, 2.0])
    assert model.entropy().value == pytest.approx(Mixture([1.0], [[1.0, 1.0]], [2.0]).entropy().value, rel=1e-14)


@every_form
def test_components_without_weight_and_their_order_change_nothing(form):
    some = mixture(np.random.default_rng(0), form, 4)
    some = Mixture([0.5, 0.0, 0.2, 0.3], some.means, some.covariances)
    order = [3, 0, 2]
    fewer = Mixture(some.weights[order], some.means[order], some.covariances.dense(4, 2)[order])
    left, right = (information_bounds(CentredGaussians.from_mixture(model)) for model in (some, fewer))
    assert (left.lower, left.upper) == pytest.approx((right.lower, right.upper), rel=1e-12)
    left, right = (model.entropy(n_samples=1000, random_state=0) for model in (some, fewer))
    assert abs(left.value - right.value) < 5 * np.hypot(left.standard_error, right.standard_error)


def test_flat_components_that_cross_far_out_are_measured():
    lengths = Diagonal(np.array([[1.0, 1e-9], [1e-9, 1.0]]))
    found = Mixture([0.5, 0.5], [[1e8, 1e8], [1e8, 1e8]], lengths).entropy()
    assert found.value == pytest.approx(of_one(np.diag([1.0, 1e-9])) + np.log(2), rel=1e-7)
    assert found.lower <= found.upper


def test_the_same_seed_gives_the_same_answer_and_more_rows_a_better_one():
    model = mixture(np.random.default_rng(0), spread=1.0)
    assert model.entropy(random_state=3) == model.entropy(random_state=3)
    few, many = (model.entropy(n_samples=n, random_state=0).standard_error for n in (1000, 100_000))
    assert many == pytest.approx(few / 10, rel=0.2)


def test_too_few_rows_are_refused_also_where_none_are_needed():
    with pytest.raises(ValueError, match="n_samples must be at least 2, got 1"):
        Mixture([1.0], [[0.0]], [1.0]).entropy(n_samples=1)
