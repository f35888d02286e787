import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cases import FORMS, integral, mixture
from gaussmix import Mixture
from gaussmix.density import univariate_mixtures
from gaussmix.density.univariate import log_level
from gaussmix.density.univariate_mixtures import UnivariateMixtures, turning_points

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
contents = st.floats(0.01, 0.999)


def line(seed, form=FORMS[0], n_components=3, spread=3.0):
    return mixture(np.random.default_rng(seed), form, n_components, 1, spread=spread)


def deviations(model):
    return model.covariances.cholesky(model.n_components, 1)[:, 0, 0]


@forms
@given(seed=seeds, at=st.floats(-10, 10))
def test_the_cdf_is_the_integral_of_the_density(form, seed, at):
    model = line(seed, form)
    whole = integral(lambda x: model.pdf(x[:, None]), -40, at)
    assert model.cdf(at) == pytest.approx(whole, abs=1e-10)


def test_the_cdf_keeps_its_digits_in_the_tail():
    model = Mixture([0.3, 0.7], [[0.0], [1.0]], [1.0, 4.0])
    with mpmath.workdps(50):
        exact = mpmath.mpf(0.3) * mpmath.ncdf(-30) + mpmath.mpf(0.7) * mpmath.ncdf(mpmath.mpf(-31) / 2)
    assert model.cdf(-30.0) == pytest.approx(float(exact), rel=1e-12)
    np.testing.assert_allclose(model.cdf([-np.inf, np.inf]), [0.0, 1.0], rtol=1e-15)
    assert model.cdf([[0.0], [1.0]]).shape == (2, 1)


@forms
@given(seed=seeds, log_q=st.floats(-300, -0.01), spread=st.sampled_from([0.1, 3.0, 1e6]))
def test_quantiles_undo_the_cdf(form, seed, log_q, spread):
    model, q = line(seed, form, spread=spread), 10.0**log_q
    at = model.ppf(q)
    density = model.pdf([[at]])[0]
    rounding = 1e-14 * (np.abs(model.means).max() + np.abs(at)) * density
    assert model.cdf(at) == pytest.approx(q, rel=1e-9, abs=max(rounding, 1e-308))


@given(seed=seeds, q=st.floats(1e-6, 0.5))
def test_the_two_tails_are_mirror_images(seed, q):
    model = line(seed)
    mirrored = model.transform([[-1.0]])
    assert model.ppf(1 - q) == pytest.approx(-mirrored.ppf(q), rel=1e-7, abs=1e-7)


def test_quantiles_of_one_component_are_the_normals():
    q = np.array([0.0, 1e-300, 0.2, 0.5, 0.8, 1.0])
    np.testing.assert_allclose(Mixture([1.0], [[3.0]], [4.0]).ppf(q), stats.norm(3.0, 2.0).ppf(q), rtol=1e-12)
    assert Mixture([1.0], [[3.0]], [4.0]).ppf([[0.5]]).shape == (1, 1)


@settings(max_examples=12)
@given(seed=seeds, scale=st.sampled_from([1e-6, 1.0, 1e6]), offset=st.sampled_from([0.0, 1e8]))
def test_quantiles_and_regions_move_with_the_rows(seed, scale, offset):
    model = line(seed)
    mapped = model.transform([[scale]], scale * offset)
    tolerance = 1e-7 if offset == 0 else 1e-6
    q = [0.01, 0.4, 0.999]
    np.testing.assert_allclose(mapped.ppf(q) / scale - offset, model.ppf(q), rtol=tolerance, atol=tolerance)
    regions = [one.highest_density(0.7) for one in (mapped, model)]
    np.testing.assert_allclose(regions[0] / scale - offset, regions[1], rtol=1e-5, atol=1e-5)


def test_components_without_weight_do_not_count():
    model = Mixture([0.0, 1.0, 0.0], [[-1e6], [0.0], [50.0]], [1.0, 1.0, 1e-6])
    plain = Mixture([1.0], [[0.0]], [1.0])
    np.testing.assert_allclose(model.ppf([0.1, 0.9]), plain.ppf([0.1, 0.9]))
    np.testing.assert_allclose(model.highest_density(0.9), plain.highest_density(0.9))


def test_an_interval_leaves_out_as_much_below_as_above():
    model = line(1)
    low, high = model.interval(0.8)
    assert model.cdf(low) == pytest.approx(0.1)
    assert model.cdf(high) == pytest.approx(0.9)


@forms
@settings(max_examples=12)
@given(seed=seeds, content=contents, n_components=st.integers(1, 6), spread=st.sampled_from([0.3, 2.0, 100.0]))
def test_regions_hold_their_content_and_end_at_one_level(form, seed, content, n_components, spread):
    model = line(seed, form, n_components, spread)
    region = model.highest_density(content)
    assert (np.diff(region.ravel()) > 0).all()
    assert len(region) <= n_components
    assert np.diff(model.cdf(region)).sum() == pytest.approx(content, abs=1e-9)
    log_densities = model.logpdf(region.reshape(-1, 1))
    np.testing.assert_allclose(log_densities, log_level(model, content), rtol=1e-7, atol=1e-7)


@given(seed=seeds, content=st.floats(0.1, 0.95))
def test_no_region_of_that_content_is_shorter(seed, content):
    model = line(seed)
    ends = model.means[:, 0].min() - 9 * deviations(model).max(), model.means[:, 0].max() + 9 * deviations(model).max()
    grid, step = np.linspace(*ends, 20_001, retstep=True)
    density = np.sort(model.pdf(grid[:, None]))[::-1]
    brute = step * np.searchsorted(np.cumsum(density) * step, content)
    assert np.diff(model.highest_density(content)).sum() == pytest.approx(brute, abs=3 * step)


@given(seed=seeds, n_components=st.integers(1, 6), spread=st.sampled_from([0.3, 2.0, 1e4]))
def test_turning_points_are_peaks_and_troughs_in_turn(seed, n_components, spread):
    model = line(seed, n_components=n_components, spread=spread)
    turns = turning_points(UnivariateMixtures.from_mixture(model))
    assert len(turns) % 2 == 1
    log_densities = model.logpdf(turns[:, None])
    assert (np.diff(log_densities)[::2] <= 0).all()
    assert (np.diff(log_densities)[1::2] >= 0).all()


def test_two_equal_components_have_two_peaks_when_more_than_two_deviations_apart():
    for apart, n_turns in [(1.99, 1), (2.01, 3)]:
        model = Mixture([0.5, 0.5], [[0.0], [apart]], [1.0, 1.0])
        assert len(turning_points(UnivariateMixtures.from_mixture(model))) == n_turns


@pytest.mark.parametrize("name", ["cdf", "ppf", "interval", "highest_density"])
def test_more_features_are_sent_to_the_marginal(name):
    model = mixture(np.random.default_rng(0))
    with pytest.raises(
        ValueError, match=r"need a mixture of one feature, got 2 features; call mixture.marginal\(feature\) first"
    ):
        getattr(model, name)(0.5)


@pytest.mark.parametrize("content", [0.0, 1.0, -0.1, 90, np.nan])
def test_contents_are_probabilities(content):
    for name in ("interval", "highest_density"):
        with pytest.raises(ValueError, match="content must be a probability between 0 and 1"):
            getattr(line(0), name)(content)


def test_several_intervals_are_those_of_each_content():
    model = line(0)
    np.testing.assert_array_equal(model.interval([0.5, 0.9]), [model.interval(0.5), model.interval(0.9)])


@pytest.mark.parametrize("content", [1e-300, 1e-12, 1.0 - 1e-15])
def test_next_to_nothing_and_all_but_nothing_have_their_regions(content):
    model = Mixture([0.5, 0.5], [[0.0], [5.0]], [1.0, 2.0])
    ends = model.highest_density(content)
    assert np.diff(model.cdf(ends)).sum() == pytest.approx(content, abs=1e-7)
    assert model.level(content).value <= model.logpdf(model.modes().locations).max()


def test_many_values_are_those_of_each(monkeypatch):
    model, values = line(0), np.linspace(-5.0, 5.0, 50)
    whole = model.cdf(values), model.ppf(np.linspace(0.0, 1.0, 50))
    monkeypatch.setattr(univariate_mixtures, "_NUMBERS_AT_ONCE", 7)
    np.testing.assert_array_equal(model.cdf(values), whole[0])
    np.testing.assert_array_equal(model.ppf(np.linspace(0.0, 1.0, 50)), whole[1])


def test_wrong_values_are_named():
    with pytest.raises(ValueError, match=r"content must be a single number, got shape \(2,\)"):
        line(0).highest_density([0.5, 0.9])
    with pytest.raises(ValueError, match="q must be from 0 to 1"):
        line(0).ppf([0.5, np.nan])
    with pytest.raises(ValueError, match="values must be numbers, got NaN"):
        line(0).cdf(np.nan)
