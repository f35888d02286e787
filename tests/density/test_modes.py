import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from cases import FORMS, integral, mixture
from gaussmix import Diagonal, Full, Mixture
from gaussmix.density.log_density_geometry import LogDensityGeometry
from gaussmix.density.modal_em import run_modal_em

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
TRIANGLE = np.column_stack([np.cos(np.pi * np.array([3, 7, 11]) / 6), np.sin(np.pi * np.array([3, 7, 11]) / 6)])


def rugged(rng, n_components, n_features, spread=1.5):
    """Return a mixture of components of very different size and shape."""
    factors = np.tril(rng.normal(size=(n_components, n_features, n_features)))
    places = np.arange(n_features)
    factors[:, places, places] = 0.3 + np.abs(factors[:, places, places])
    sizes = np.exp(0.8 * rng.normal(size=(n_components, 1, 1)))
    means = rng.normal(scale=spread, size=(n_components, n_features))
    return Mixture(rng.dirichlet(np.full(n_components, 3.0)), means, Full(factors * sizes))


def hessian(model, point):
    """Return the Hessian of the log-density from its formula, in given units of the features."""
    dense = model.covariances.dense(model.n_components, model.n_features)
    (resp,) = model.responsibilities(point[None])
    scores = np.stack([np.linalg.solve(c, m - point) for c, m in zip(dense, model.means, strict=True)])
    second = [np.outer(s, s) - np.linalg.inv(c) for s, c in zip(scores, dense, strict=True)]
    slope = resp @ scores
    return np.tensordot(resp, second, axes=1) - np.outer(slope, slope), slope


# --- A grid as oracle ------------------------------------------------------------------------------------------------


def grid_modes(model, n_places):
    """Return the local maxima of a grid, each refined by a general minimizer, without duplicates."""
    triangles = model.covariances.cholesky(model.n_components, model.n_features)
    reach = 2.5 * np.linalg.norm(triangles, axis=2)
    ends = (model.means - reach).min(axis=0), (model.means + reach).max(axis=0)
    axes = [np.linspace(*pair, n_places) for pair in zip(*ends, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    heights = model.logpdf(points.reshape(-1, model.n_features)).reshape(points.shape[:-1])
    tops = points[highest_of_neighbours(heights)]
    found = [polished(model, top) for top in tops]
    return np.array([top for i, top in enumerate(found) if not any(close(top, other) for other in found[:i])])


def highest_of_neighbours(heights):
    padded = np.pad(heights, 1, constant_values=-np.inf)
    highest = np.ones(heights.shape, dtype=bool)
    for shift in np.ndindex(*[3] * heights.ndim):
        window = tuple(slice(i, i + n) for i, n in zip(shift, heights.shape, strict=True))
        highest &= heights >= padded[window]
    return highest


def polished(model, start):
    def downhill(point):
        return -float(model.logpdf(point[None])[0]), -hessian(model, point)[1]

    ended = optimize.minimize(downhill, start, jac=True, method="BFGS", options={"gtol": 1e-9})
    return ended.x


def close(left, right):
    return np.linalg.norm(left - right) < 1e-4


def same_places(left, right):
    assert len(left) == len(right)
    for place in left:
        assert np.linalg.norm(right - place, axis=1).min() < 1e-5


@pytest.mark.parametrize("seed", range(25))
def test_in_one_dimension_they_are_those_of_a_fine_grid(seed):
    model = rugged(np.random.default_rng(seed), 2 + seed % 7, 1)
    same_places(model.modes().locations, grid_modes(model, 20_000))


@pytest.mark.parametrize("seed", range(25))
def test_in_two_dimensions_they_are_those_of_a_fine_grid(seed):
    model = rugged(np.random.default_rng(seed), 2 + seed % 7, 2)
    same_places(model.modes(n_samples=500, random_state=seed).locations, grid_modes(model, 400))


# --- Laws ------------------------------------------------------------------------------------------------------------


@every_form
@given(
    seed=seeds, n_components=st.integers(1, 8), n_features=st.integers(1, 5), spread=st.sampled_from([0.5, 1.5, 5.0])
)
def test_each_is_a_maximum_and_the_highest_comes_first(form, seed, n_components, n_features, spread):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features, spread=spread)
    modes = model.modes(n_samples=100, random_state=0)
    assert len(modes) >= 1
    np.testing.assert_allclose(modes.log_densities, model.logpdf(modes.locations), rtol=1e-12, atol=1e-12)
    assert (np.diff(modes.log_densities) <= 0).all()
    for location in modes.locations:
        second, slope = hessian(model, location)
        assert np.abs(slope).max() < 1e-8
        assert np.linalg.eigvalsh(second).max() < 1e-6
    assert modes.masses.sum() == pytest.approx(1.0, abs=1e-12)
    assert ((modes.masses >= 0) & (modes.masses <= 1)).all()


@every_form
@settings(max_examples=10)
@given(seed=seeds, n_features=st.integers(1, 4), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_other_units_and_places_give_the_same_modes_there(form, seed, n_features, scale):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 4, n_features, spread=1.5)
    offset = 1e3 * scale * rng.normal(size=n_features)
    moved = Mixture(model.weights, scale * model.means + offset, model.covariances.times(scale))
    modes, others = model.modes(n_samples=300, random_state=seed), moved.modes(n_samples=300, random_state=seed)
    np.testing.assert_allclose((others.locations - offset) / scale, modes.locations, atol=1e-6)
    np.testing.assert_allclose(others.masses, modes.masses, atol=0.02)


@settings(max_examples=10)
@given(seed=seeds, n_features=st.integers(2, 4))
def test_features_of_very_different_units_are_no_matter(seed, n_features):
    rng = np.random.default_rng(seed)
    model = rugged(rng, 4, n_features)
    units = 10.0 ** rng.uniform(-8, 8, size=n_features)
    moved = Mixture(model.weights, model.means * units, Full(model.covariances.factors * units[:, None]))
    modes, others = model.modes(n_samples=300, random_state=seed), moved.modes(n_samples=300, random_state=seed)
    np.testing.assert_allclose(others.locations / units, modes.locations, atol=1e-6)
    np.testing.assert_allclose(others.masses, modes.masses, atol=0.02)


@settings(max_examples=10)
@given(seed=seeds, n_features=st.integers(1, 4))
def test_the_order_of_components_is_no_matter(seed, n_features):
    rng = np.random.default_rng(seed)
    model, order = rugged(rng, 5, n_features), rng.permutation(5)
    permuted = Mixture(model.weights[order], model.means[order], Full(model.covariances.factors[order]))
    modes, others = model.modes(n_samples=300, random_state=0), permuted.modes(n_samples=300, random_state=0)
    bound = 8 * np.hypot(modes.mass_errors.max(), others.mass_errors.max()) + 1e-12
    for here, there in ((modes, others), (others, modes)):
        for location, mass in zip(here.locations, here.masses, strict=True):
            distances = np.abs(there.locations - location).max(axis=1)
            if mass > 0.05:  # each of 300 random rows may miss a smaller mode
                assert distances.min() < 1e-6
                assert there.masses[distances.argmin()] == pytest.approx(mass, abs=bound)


# --- Masses ----------------------------------------------------------------------------------------------------------


@given(seed=seeds, n_components=st.integers(1, 6))
def test_in_one_dimension_masses_are_the_density_between_the_minima(seed, n_components):
    model = rugged(np.random.default_rng(seed), n_components, 1, spread=3.0)
    modes = model.modes()
    order = np.argsort(modes.locations[:, 0])
    tops = modes.locations[order, 0]
    lows = [
        optimize.minimize_scalar(
            lambda x: model.logpdf([[x]])[0], bounds=pair, method="bounded", options={"xatol": 1e-9}
        ).x
        for pair in itertools.pairwise(tops)
    ]
    far = 12.0 * model.covariances.factors.max()
    edges = [model.means.min() - far, *lows, model.means.max() + far]
    masses = [integral(lambda x: model.pdf(x[:, None]), *pair) for pair in itertools.pairwise(edges)]
    np.testing.assert_allclose(modes.masses[order], masses, atol=1e-7)
    assert not modes.mass_errors.any()


def flow(model, points, step=0.125, n_steps=200):
    """Follow steepest ascent in the metric of the mean precision, by Runge-Kutta steps."""
    precisions = np.linalg.inv(model.covariances.dense(model.n_components, model.n_features))

    def velocity(at):
        resp = model.responsibilities(at)
        pulls = np.einsum("kij,nkj->nki", precisions, model.means - at[:, None])
        metric, slope = np.tensordot(resp, precisions, axes=1), np.einsum("nk,nki->ni", resp, pulls)
        return np.linalg.solve(metric, slope[:, :, None])[:, :, 0]

    for _ in range(n_steps):
        first = velocity(points)
        second = velocity(points + step / 2 * first)
        third = velocity(points + step / 2 * second)
        fourth = velocity(points + step * third)
        points = points + step / 6 * (first + 2 * second + 2 * third + fourth)
    return points


@pytest.mark.parametrize("seed", range(8))
def test_climbs_end_where_the_flow_does(seed):
    rng = np.random.default_rng(seed)
    model = rugged(rng, 4, 2) if seed % 2 else mixture(rng, FORMS[seed // 2], 5, 2, spread=1.5)
    rows, geometry = model.sample(100, random_state=rng), LogDensityGeometry.from_mixture(model)
    ends = run_modal_em(geometry, geometry.standardize(rows))
    assert ends.is_maximum.all()
    apart = np.linalg.norm(geometry.restore(ends.points) - flow(model, rows), axis=1)
    assert (apart > 0.05).mean() <= 0.02  # those that begin beside a watershed


@pytest.mark.parametrize("seed", [1, 2])
def test_in_two_dimensions_masses_are_those_of_the_flow(seed):
    rng = np.random.default_rng(seed)
    model = rugged(rng, 4, 2)
    modes = model.modes(n_samples=2000, random_state=rng)
    ends = flow(model, model.sample(500, random_state=rng, stratified=True))
    nearest = np.linalg.norm(ends[:, None] - modes.locations, axis=2).argmin(axis=1)
    shares = np.bincount(nearest, minlength=len(modes)) / len(ends)
    errors = np.sqrt(5.0) * modes.mass_errors  # four times as many rows there as here
    np.testing.assert_allclose(modes.masses, shares, atol=5 * errors.max() + 0.004)


def test_masses_of_components_that_stand_apart_are_their_weights():
    model = Mixture([0.123, 0.877], [[0.0, 0.0], [30.0, 0.0]], [1.0, 4.0])
    modes = model.modes(n_samples=1000, random_state=0)
    np.testing.assert_allclose(modes.locations, [[30.0, 0.0], [0.0, 0.0]], atol=1e-9)
    np.testing.assert_allclose(modes.masses, [0.877, 0.123], atol=1e-3)
    assert (modes.mass_errors < 2e-3).all()
    assert (modes.mass_errors > 0).all()


def test_their_errors_are_the_deviations_over_repeats():
    model = Mixture([0.4, 0.6], [[-1.3, 0.0], [1.3, 0.0]], [1.0, 1.0])
    repeats = [model.modes(n_samples=400, random_state=seed) for seed in range(60)]
    deviations = np.std([modes.masses for modes in repeats], axis=0)
    errors = np.mean([modes.mass_errors for modes in repeats], axis=0)
    assert errors.shape == (2,)
    np.testing.assert_allclose(errors, deviations, rtol=0.4)


def test_symmetric_modes_have_equal_masses():
    modes = Mixture([0.5, 0.5], [[-1.2, 0.0], [1.2, 0.0]], [1.0, 1.0]).modes(random_state=0)
    assert (np.abs(modes.masses - 0.5) <= 5 * modes.mass_errors).all()


# --- Known cases -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("deviation", [0.709, 0.715, 0.72])
def test_three_round_components_can_have_a_fourth_mode_between_them(deviation):
    model = Mixture(np.full(3, 1 / 3), TRIANGLE, np.full(3, deviation**2))
    modes = model.modes(n_samples=10, random_state=0)
    assert len(modes) == 4
    np.testing.assert_allclose(modes.locations[-1], 0.0, atol=1e-9)
    assert (np.linalg.norm(modes.locations[:-1], axis=1) > 0.5).all()


def test_it_is_there_in_more_dimensions():
    modes = Mixture(np.full(5, 0.2), np.eye(5), np.full(5, 0.46**2)).modes(n_samples=10, random_state=0)
    assert len(modes) == 6
    np.testing.assert_allclose(
        modes.locations[0] if modes.locations[0].std() < 0.1 else modes.locations[-1], 0.2, atol=1e-9
    )


def test_two_long_components_that_cross_have_a_third_mode():
    long = Diagonal.from_covariances([[1.0, 0.01], [0.01, 1.0]])
    modes = Mixture([0.5, 0.5], [[0.0, 0.0], [2.0, 2.0]], long).modes(n_samples=10, random_state=0)
    assert len(modes) == 3
    np.testing.assert_allclose(modes.locations[-1], [2.0, 0.0], atol=0.05)


@pytest.mark.parametrize("n_features", [1, 2, 4])
@pytest.mark.parametrize(("apart", "n_modes"), [(1.9, 1), (2.0, 1), (2.001, 2), (2.1, 2)])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_two_equal_components_have_two_modes_when_more_than_two_deviations_apart(n_features, apart, n_modes, offset):
    means = np.zeros((2, n_features)) + offset
    means[1, 0] += apart
    modes = Mixture([0.5, 0.5], means, [1.0, 1.0]).modes(n_samples=100, random_state=0)
    assert len(modes) == n_modes
    np.testing.assert_allclose(modes.locations.mean(axis=0), means.mean(axis=0), rtol=1e-15, atol=1e-4)


@pytest.mark.parametrize("n_features", [1, 2, 3])
def test_a_needle_beside_a_wide_component_hides_nothing(n_features):
    means = np.zeros((2, n_features))
    means[1, 0] = 0.03
    modes = Mixture([0.5, 0.5], means, [1e-12, 1.0]).modes(n_samples=200, random_state=0)
    np.testing.assert_allclose(modes.locations, means, atol=1e-4)
    if n_features > 1:  # on a line all that is on its other side belongs to the needle, too
        np.testing.assert_allclose(modes.masses, 0.5, atol=0.01)


@pytest.mark.parametrize("n_features", [1, 2])
def test_a_climb_does_not_leap_across_a_narrow_peak(n_features):
    """Full EM steps from beyond the peak at 5 would end at 0."""
    means = np.zeros((2, n_features))
    means[1, 0] = 5.0
    model = Mixture([0.5, 0.5], means, [100.0, 0.01])
    modes = model.modes(n_samples=4000, random_state=0)
    np.testing.assert_allclose(modes.locations[:, 0], [5.0, 0.0], atol=1e-3)
    if n_features == 1:
        beyond = 1.0 - model.cdf(5.0)
        assert modes.masses[0] > beyond > 0.4


@pytest.mark.parametrize("n_features", [1, 2])
def test_odd_components_harm_nothing(n_features):
    places = np.zeros((4, n_features))
    places[:, 0] = [0.0, 0.0, 1e8, 3.0]
    modes = Mixture([0.3, 0.3, 0.4, 0.0], places, np.ones(4)).modes(n_samples=500, random_state=0)
    np.testing.assert_allclose(modes.locations, places[[0, 2]], atol=1e-7)
    np.testing.assert_allclose(modes.masses, [0.6, 0.4], atol=5e-3)


def test_one_component_has_one_mode():
    model = mixture(np.random.default_rng(0), n_components=1, n_features=3)
    modes = model.modes()
    np.testing.assert_allclose(modes.locations, model.means, atol=1e-12)
    assert modes.masses.tolist() == [1.0]
    assert modes.mass_errors.tolist() == [0.0]


def test_a_row_finds_what_means_and_ridges_do_not():
    """Ascents from random rows find all modes, even without the starts between means."""
    model = Mixture(np.full(3, 1 / 3), TRIANGLE, np.full(3, 0.72**2))
    geometry = LogDensityGeometry.from_mixture(model)
    ends = run_modal_em(geometry, geometry.standardize(model.sample(2000, random_state=0)))
    assert (np.linalg.norm(geometry.restore(ends.points), axis=1) < 1e-6).any()


def test_a_climb_from_a_saddle_is_not_on_top():
    model = Mixture([0.5, 0.5], [[-3.0, 0.0], [3.0, 0.0]], [1.0, 1.0])
    geometry = LogDensityGeometry.from_mixture(model)
    saddle, beside = run_modal_em(geometry, geometry.standardize(np.array([[0.0, 0.0], [1e-6, 0.0]]))).is_maximum
    assert (saddle, beside) == (False, True)


def test_the_same_seed_gives_the_same_answer():
    model = rugged(np.random.default_rng(0), 5, 3)
    one, two = (model.modes(n_samples=300, random_state=7) for _ in range(2))
    np.testing.assert_array_equal(one.masses, two.masses)
    np.testing.assert_array_equal(one.locations, two.locations)


def test_errors_say_what_to_do():
    model = mixture(np.random.default_rng(0))
    with pytest.raises(ValueError, match="n_samples must be at least 1, got 0"):
        model.modes(n_samples=0)
    factors = np.stack([np.eye(2), [[1.0, 0.0], [1.0, 1e-9]]])
    with pytest.raises(ValueError, match=r"condition numbers of at most 1e\+14, .* mixture.marginal\(features\)"):
        Mixture([0.5, 0.5], np.zeros((2, 2)), Full(factors)).modes()


@settings(max_examples=10)
@given(seed=seeds)
def test_collinear_features_are_no_matter(seed):
    """A direction in which all components are thin is not thin in standardized coordinates."""
    rng = np.random.default_rng(seed)
    model = mixture(rng, n_components=3, n_features=3, spread=1.5)
    thin = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1e-8]])
    flat = Mixture(model.weights, model.means @ thin.T, Full(thin @ model.covariances.factors * np.ones((3, 1, 1))))
    modes, others = model.modes(n_samples=200, random_state=0), flat.modes(n_samples=200, random_state=0)
    np.testing.assert_allclose(others.locations, modes.locations @ thin.T, atol=1e-5)
