import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cases import FORMS, integral, mixture
from gaussmix import Diagonal, Full, Mixture, Spherical

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
uncorrelated = pytest.mark.parametrize("form", [Spherical, Diagonal], ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


def boxes(rng, model, n):
    """Return boxes about rows, with a part of the sides open."""
    lower = model.sample(n, random_state=rng) - rng.exponential(2.0, size=(n, model.n_features))
    upper = lower + rng.exponential(4.0, size=lower.shape)
    lower[rng.random(lower.shape) < 0.2] = -np.inf
    upper[rng.random(lower.shape) < 0.2] = np.inf
    return lower, upper


@uncorrelated
@given(seed=seeds, n_features=st.integers(1, 6))
def test_without_correlations_it_is_the_product_of_the_sides(form, seed, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 3, n_features)
    lower, upper = boxes(rng, model, 5)
    deviations = np.broadcast_to(model.covariances.factors.reshape(3, -1), model.means.shape)
    sides = stats.norm.cdf(upper[:, None], model.means, deviations) - stats.norm.cdf(
        lower[:, None], model.means, deviations
    )
    answer = model.box_probability(lower, upper)
    np.testing.assert_allclose(answer.value, sides.prod(axis=2) @ model.weights, rtol=1e-9, atol=1e-15)
    assert not answer.standard_error.any()
    np.testing.assert_array_equal(answer.lower, answer.value)
    np.testing.assert_array_equal(answer.upper, answer.value)


@every_form
@given(seed=seeds)
def test_of_one_feature_it_is_a_difference_of_the_cdf(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 3, 1)
    lower, upper = boxes(rng, model, 5)
    answer = model.box_probability(lower, upper)
    np.testing.assert_allclose(answer.value, (model.cdf(upper) - model.cdf(lower))[:, 0], atol=1e-14)
    assert not answer.standard_error.any()


@every_form
@settings(max_examples=10)
@given(seed=seeds)
def test_of_two_features_it_is_the_integral_of_the_density(form, seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 3, 2)
    corner = model.sample(random_state=rng)[0] - 1.0
    lengths = rng.uniform(0.5, 3.0, size=2)

    def slice_at(places):
        return [
            integral(
                lambda y, x=x: model.pdf(np.column_stack([np.full(len(y), x), y])),
                corner[1],
                corner[1] + lengths[1],
                10,
            )
            for x in places
        ]

    brute = integral(lambda places: np.array(slice_at(places)), corner[0], corner[0] + lengths[0], 10)
    answer = model.box_probability(corner, corner + lengths)
    assert answer.value == pytest.approx(brute, abs=1e-10)
    assert answer.standard_error == 0.0


@settings(max_examples=10)
@given(seed=seeds)
def test_of_three_features_it_is_the_integral_of_those_of_two_given_the_third(seed):
    rng = np.random.default_rng(seed)
    model = mixture(rng, Full, 2, 3)
    lower = model.sample(random_state=rng)[0] - 1.0
    upper = lower + rng.uniform(0.5, 4.0, size=3)
    third = model.marginal(2)

    def given_third(places):
        held = [model.condition({2: place}).box_probability(lower[:2], upper[:2]).value for place in places]
        return np.array(held) * third.pdf(places[:, None])

    brute = integral(given_third, lower[2], upper[2], 3)
    answer = model.box_probability(lower, upper)
    assert 0.0 < answer.standard_error < 1e-4
    assert answer.value == pytest.approx(brute, abs=10 * answer.standard_error + 1e-8)
    assert answer.lower <= brute <= answer.upper


@every_form
@settings(max_examples=10)
@given(seed=seeds, n_features=st.integers(2, 5))
def test_sides_that_are_open_are_no_sides(form, seed, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 3, n_features)
    lower, upper = boxes(rng, model, 3)
    lower[:, 2:], upper[:, 2:] = -np.inf, np.inf
    lower[0, 1:], upper[0, 1:] = -np.inf, np.inf
    answer = model.box_probability(lower, upper)
    fewer = model.marginal([0, 1]).box_probability(lower[:, :2], upper[:, :2])
    np.testing.assert_allclose(answer.value, fewer.value, atol=1e-14)
    assert answer.value[0] == pytest.approx(
        model.marginal(0).box_probability(lower[0, :1], upper[0, :1]).value, abs=1e-14
    )
    assert not answer.standard_error.any()


@every_form
@settings(max_examples=5)
@given(seed=seeds, n_features=st.integers(1, 3))
def test_boxes_that_share_out_the_space_share_out_the_probability(form, seed, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 2, n_features)
    cut = model.sample(random_state=rng)[0]
    sides = np.array(list(itertools.product([False, True], repeat=n_features)))
    answer = model.box_probability(np.where(sides, cut, -np.inf), np.where(sides, np.inf, cut))
    total_error = np.linalg.norm(answer.standard_error)
    assert answer.value.sum() == pytest.approx(1.0, abs=10 * total_error + 1e-12)


@every_form
def test_the_whole_space_has_all_and_a_box_without_width_nothing(form):
    model = mixture(np.random.default_rng(0), form, 3, 4)
    assert model.box_probability(-np.inf, np.inf).value == pytest.approx(1.0, rel=1e-15)
    assert model.box_probability([0.0, -np.inf, -np.inf, -1.0], [0.0, np.inf, 1.0, 1.0]).value == 0.0
    assert model.box_probability(np.inf, np.inf).value == 0.0


@given(seed=seeds, scale=st.sampled_from([1e-6, 1e6]))
def test_units_and_places_are_no_matter(seed, scale):
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_features=2)
    lower, upper = boxes(rng, model, 3)
    offset = scale * 1e3
    moved = Mixture(model.weights, scale * model.means + offset, model.covariances.times(scale))
    answers = model.box_probability(lower, upper), moved.box_probability(scale * lower + offset, scale * upper + offset)
    np.testing.assert_allclose(answers[1].value, answers[0].value, atol=1e-10)


@uncorrelated
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_tails_keep_their_digits(form, sign):
    model = Mixture([0.5, 0.5], np.zeros((2, 2)), form.from_covariances(np.ones(form.shape(2, 2))))
    ends = np.sort(sign * np.array([20.0, 21.0]))
    with mpmath.workdps(400):
        side = mpmath.ncdf(-20) - mpmath.ncdf(-21)
        exact = float(side * (mpmath.ncdf(2) - mpmath.ncdf(1)))
    answer = model.box_probability([ends[0], 1.0], [ends[1], 2.0])
    assert answer.value == pytest.approx(exact, rel=1e-12)


def test_the_error_is_the_deviation_over_seeds():
    model = mixture(np.random.default_rng(1), n_components=1, n_features=3, spread=1.0)
    answers = [model.box_probability(-1.0, 2.0, random_state=seed) for seed in range(30)]
    deviation = np.std([answer.value for answer in answers])
    mean_square = np.mean([answer.standard_error**2 for answer in answers])
    assert 0.4 < np.sqrt(mean_square) / deviation < 2.5


def test_the_answer_is_the_same_each_time_unless_a_seed_is_given():
    model = mixture(np.random.default_rng(0), n_features=4)
    one, two, other = (model.box_probability(-1.0, 3.0, **more) for more in ({}, {}, {"random_state": 1}))
    assert one == two
    assert one != other
    assert other.value == pytest.approx(one.value, abs=10 * np.hypot(one.standard_error, other.standard_error))


def test_one_row_of_limits_serves_many():
    model = mixture(np.random.default_rng(0), Diagonal, 3, 2)
    uppers = np.array([[0.0, 1.0], [2.0, 3.0]])
    both = model.box_probability([-1.0, -2.0], uppers).value
    assert both.shape == (2,)
    assert both.tolist() == [model.box_probability([-1.0, -2.0], upper).value for upper in uppers]


def test_a_box_too_far_out_for_random_points_still_has_bounds():
    answer = mixture(np.random.default_rng(0), n_features=3).box_probability(25.0, 60.0)
    assert answer.value == answer.lower == 0.0
    assert 0.0 < answer.upper < 1e-20


@pytest.mark.parametrize(
    ("lower", "upper"), [(np.zeros(3), 1.0), (np.zeros((2, 1)), np.ones((3, 1))), (np.zeros((2, 2, 2)), 1.0)]
)
def test_shapes_must_fit(lower, upper):
    model = mixture(np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"lower and upper must have shape \(2,\) or \(n, 2\), with a limit for each"):
        model.box_probability(lower, upper)


@pytest.mark.parametrize("lower", [[0.0, 2.0], [0.0, np.nan]])
def test_limits_must_be_in_order(lower):
    with pytest.raises(ValueError, match="lower must be at most upper, and neither may be NaN; got"):
        mixture(np.random.default_rng(0)).box_probability(lower, [1.0, 1.0])
