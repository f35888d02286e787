import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cases import FORMS, integral, mixture
from gaussmix import Full, Mixture

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
contents = st.floats(0.01, 0.99)


@every_form
@given(seed=seeds, content=contents, n_features=st.integers(2, 6))
def test_of_one_component_it_is_exact(form, seed, content, n_features):
    model = mixture(np.random.default_rng(seed), form, 1, n_features)
    level = model.level(content)
    exact = model.logpdf(model.means)[0] - 0.5 * stats.chi2.ppf(content, n_features)
    assert level.value == pytest.approx(exact, rel=1e-12)
    assert (level.standard_error, level.lower, level.upper) == (0.0, level.value, level.value)


def test_components_without_weight_are_none():
    model = Mixture([1.0, 0.0], [[0.0, 0.0], [1.0, 1.0]], [1.0, 1.0])
    assert model.level(0.5).standard_error == 0.0


@every_form
@settings(max_examples=10)
@given(seed=seeds, content=contents)
def test_of_one_feature_the_density_above_it_holds_the_content(form, seed, content):
    model = mixture(np.random.default_rng(seed), form, 3, 1)
    level = model.level(content)
    assert level.standard_error == 0.0
    ends = model.highest_density(content)
    np.testing.assert_allclose(model.logpdf(ends.reshape(-1, 1)), level.value, rtol=1e-9, atol=1e-9)
    held = sum(integral(lambda x: model.pdf(x[:, None]), *pair) for pair in ends)
    assert held == pytest.approx(content, abs=1e-9)


@every_form
@settings(max_examples=15)
@given(seed=seeds, content=contents, n_features=st.integers(2, 5))
def test_new_rows_lie_above_it_as_often_as_it_says(form, seed, content, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 3, n_features)
    level = model.level(content, n_samples=10_000, random_state=rng)
    above = (model.logpdf(model.sample(10_000, random_state=rng)) >= level.value).mean()
    assert above == pytest.approx(content, abs=6 * np.sqrt(2 * content * (1 - content) / 10_000))


@every_form
@settings(max_examples=15)
@given(seed=seeds, spread=st.sampled_from([0.3, 2.0, 10.0]), n_features=st.integers(2, 5))
def test_it_lies_within_its_bounds_and_falls_with_the_content(form, seed, spread, n_features):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 3, n_features, spread=spread)
    levels = model.level([[0.1, 0.5], [0.9, 0.99]], n_samples=5000, random_state=rng)
    for array in (levels.value, levels.standard_error, levels.lower, levels.upper):
        assert array.shape == (2, 2)
    assert (levels.standard_error > 0).all()
    assert (levels.value >= levels.lower - 6 * levels.standard_error).all()
    assert (levels.value <= levels.upper + 6 * levels.standard_error).all()
    assert (np.diff(levels.value.ravel()) < 0).all()
    assert (np.diff(levels.lower.ravel()) < 0).all()


def test_the_lower_bound_is_reached_by_components_that_stand_apart():
    model = Mixture([0.2, 0.8], [[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]], [1.0, 9.0])
    level = model.level([0.3, 0.9], n_samples=50_000, random_state=0)
    np.testing.assert_allclose(level.value, level.lower, atol=6 * level.standard_error.max())
    rows = model.sample(200_000, random_state=1)
    shares = (model.logpdf(rows)[:, None] >= level.lower).mean(axis=0)
    np.testing.assert_allclose(shares, [0.3, 0.9], atol=0.006)


def test_equal_components_are_as_one():
    one = mixture(np.random.default_rng(0), n_components=1, n_features=3)
    two = Mixture([0.4, 0.6], one.means[[0, 0]], one.covariances.dense(1, 3)[[0, 0]])
    level, exact = two.level(0.7, random_state=0), one.level(0.7)
    assert level.value == pytest.approx(exact.value, abs=5 * level.standard_error)
    assert level.standard_error < 0.02


@pytest.mark.parametrize("content", [0.05, 0.5, 0.98])
def test_the_standard_error_is_the_deviation_over_repeats(content):
    model = mixture(np.random.default_rng(0))
    levels = [model.level(content, n_samples=1000, random_state=seed) for seed in range(200)]
    deviation = np.std([level.value for level in levels])
    assert np.mean([level.standard_error for level in levels]) == pytest.approx(deviation, rel=0.25)


@given(seed=seeds, content=contents)
def test_rows_in_other_units_have_it_lower_by_the_logarithm_of_the_volume(seed, content):
    model = mixture(np.random.default_rng(seed))
    moved = Mixture(model.weights, 1e-6 * model.means + 3.0, model.covariances.times(1e-6))
    levels = [one.level(content, n_samples=2000, random_state=seed) for one in (model, moved)]
    assert levels[1].value - levels[0].value == pytest.approx(2 * np.log(1e6), abs=1e-6)
    assert levels[1].lower - levels[0].lower == pytest.approx(2 * np.log(1e6), abs=1e-9)
    assert levels[1].upper - levels[0].upper == pytest.approx(2 * np.log(1e6), abs=1e-9)


@given(seed=seeds, content=contents)
def test_components_that_differ_by_rounding_have_one_lower_bound(seed, content):
    rng = np.random.default_rng(seed)
    turns = np.linalg.qr(rng.normal(size=(4, 3, 3)))[0]
    factors = np.linalg.cholesky(turns @ np.diag([0.5, 1.0, 2.0]) @ np.swapaxes(turns, 1, 2))
    model = Mixture(np.full(4, 0.25), rng.normal(scale=5.0, size=(4, 3)), Full(factors))
    level = model.level(content, n_samples=2000, random_state=seed)
    assert level.lower == pytest.approx(model.log_norms[0] - 0.5 * stats.chi2.ppf(content, 3), rel=1e-9)


def test_a_component_of_next_to_no_weight_moves_no_bound():
    model = Mixture([1.0 - 1e-300, 1e-300], [[0.0, 0.0], [3.0, 0.0]], [1.0, 1.0])
    level, alone = (
        one.level(0.5, n_samples=500, random_state=0) for one in (model, Mixture([1.0], [[0.0, 0.0]], [1.0]))
    )
    assert level.lower == pytest.approx(alone.value, rel=1e-12)


@pytest.mark.parametrize("content", [0.0, 1.0, -0.5, 90.0, np.nan, [0.5, 1.5]])
@pytest.mark.parametrize("n_features", [1, 2])
def test_a_content_is_a_probability(content, n_features):
    with pytest.raises(ValueError, match="content must be a probability between 0 and 1, got"):
        mixture(np.random.default_rng(0), n_features=n_features).level(content)


@pytest.mark.parametrize("content", [0.999, 0.001])
def test_too_few_rows_are_an_error(content):
    with pytest.raises(ValueError, match=r"content must leave 10 of 5000 .*; n_samples must then be at least 10000"):
        mixture(np.random.default_rng(0)).level(content, n_samples=5000)
