import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import FORMS, lattice, mixture
from gaussmix import Full, Mixture
from gaussmix.density.transport import _round_to_marginals, cheapest_coupling

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
spreads = st.sampled_from([0.3, 1.0, 10.0])


def middle(bounds):
    return 0.5 * (bounds.lower + bounds.upper)


@given(seed=seeds, size=st.integers(1, 5))
def test_of_equal_weights_the_cheapest_coupling_is_the_best_permutation(seed, size):
    costs, even = np.random.default_rng(seed).normal(size=(size, size)), np.full(size, 1 / size)
    best = min(costs[range(size), order].sum() for order in itertools.permutations(range(size)))
    assert (cheapest_coupling(costs, even, even) * costs).sum() == pytest.approx(best / size, abs=1e-9)


@given(seed=seeds, n_rows=st.integers(1, 6), n_columns=st.integers(1, 6), tiny=st.sampled_from([1.0, 1e-12]))
def test_couplings_have_their_sums_also_where_these_are_below_the_solvers_tolerance(seed, n_rows, n_columns, tiny):
    rng = np.random.default_rng(seed)
    rows, columns = rng.dirichlet(np.ones(n_rows)), rng.dirichlet(np.ones(n_columns))
    rows[0] *= tiny
    rows /= rows.sum()
    coupling = cheapest_coupling(rng.random((n_rows, n_columns)), rows, columns)
    assert (coupling >= 0).all()
    np.testing.assert_allclose(coupling.sum(axis=1), rows, rtol=1e-9, atol=1e-16)
    np.testing.assert_allclose(coupling.sum(axis=0), columns, rtol=1e-9, atol=1e-16)


@given(seed=seeds)
def test_any_table_is_made_a_coupling(seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.dirichlet(np.ones(3)), rng.dirichlet(np.ones(4))
    coupling = _round_to_marginals(rng.normal(size=(3, 4)), rows, columns)
    assert (coupling >= 0).all()
    np.testing.assert_allclose(coupling.sum(axis=1), rows)
    np.testing.assert_allclose(coupling.sum(axis=0), columns)


def slowly_squared(p, q, step=0.03):
    """Return the squared distance from distribution functions, by Hoeffding's form of the largest covariance."""
    rows, _ = lattice(p, q, step=step)
    cdf, other = p.cdf(rows[:, 0]), q.cdf(rows[:, 0])
    covariance = (np.minimum(cdf[:, None], other) - cdf[:, None] * other).sum() * step**2
    return float((p.mean - q.mean)[0] ** 2 + p.covariance[0, 0] + q.covariance[0, 0] - 2.0 * covariance)


@every_form
@settings(max_examples=6)
@given(seed=seeds, spread=st.sampled_from([0.3, 1.0, 5.0]), n_components=st.integers(1, 4))
def test_in_one_dimension_it_is_exact(form, seed, spread, n_components):
    rng = np.random.default_rng(seed)
    p = mixture(rng, form, n_components, 1, spread=spread)
    q = mixture(rng, FORMS[seed % 4], 3, 1, spread=spread)
    found = p.wasserstein(q)
    assert found.upper - found.lower < 1e-7 * found.upper
    assert middle(found) ** 2 == pytest.approx(slowly_squared(p, q), rel=1e-4, abs=1e-3)


@every_form
@given(seed=seeds, n_features=st.integers(1, 5))
def test_of_single_gaussians_it_is_exact(form, seed, n_features):
    p = mixture(np.random.default_rng(seed), form, 1, n_features)
    apart, by = np.arange(1.0, n_features + 1), 3.0
    q = Mixture([1.0], p.means + apart, p.covariances.times(by))
    trace = np.trace(p.covariances.dense(1, n_features)[0])
    found = p.wasserstein(q)
    assert found.lower == found.upper == pytest.approx(np.sqrt(apart @ apart + (by - 1) ** 2 * trace), rel=1e-12)


@every_form
@settings(max_examples=6)
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 3))
def test_features_that_both_share_add_nothing_and_rotations_neither(form, seed, spread, n_features):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, form, n, 1, spread=spread) for n in (2, 3))
    shared = mixture(rng, n_components=2, n_features=n_features)
    rotation = np.linalg.qr(rng.normal(size=(n_features + 1, n_features + 1)))[0]
    found = p.join(shared).transform(rotation).wasserstein(q.join(shared).transform(rotation))
    assert found.lower <= middle(p.wasserstein(q)) <= found.upper


@every_form
@settings(max_examples=8)
@given(seed=seeds, n_features=st.integers(1, 3))
def test_a_mixture_moved_as_a_whole_is_as_far_as_it_was_moved(form, seed, n_features):
    rng = np.random.default_rng(seed)
    model, by = mixture(rng, form, 3, n_features), rng.normal(size=n_features)
    found = model.wasserstein(Mixture(model.weights, model.means + by, model.covariances))
    assert (found.lower, found.upper) == pytest.approx((np.linalg.norm(by),) * 2, rel=1e-9)


@settings(max_examples=10)
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 3), scale=st.sampled_from([1e-200, 1e-6, 1e6, 1e200]))
def test_it_is_symmetric_and_scales_with_the_units(seed, spread, n_features, scale):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, n_components=n, n_features=n_features, spread=spread) for n in (2, 3))
    found, back = p.wasserstein(q), q.wasserstein(p)
    assert (found.lower, found.upper) == pytest.approx((back.lower, back.upper), rel=1e-9)
    large = [Mixture(one.weights, scale * one.means, one.covariances.times(scale)) for one in (p, q)]
    scaled = large[0].wasserstein(large[1])
    assert (scaled.lower, scaled.upper) == pytest.approx((scale * found.lower, scale * found.upper), rel=1e-7)


@every_form
@settings(max_examples=10)
@given(seed=seeds, n_features=st.integers(1, 3), offset=st.sampled_from([0.0, 1e8]))
def test_the_same_mixture_is_at_no_distance_in_any_order_of_components(form, seed, n_features, offset):
    rng = np.random.default_rng(seed)
    model = mixture(rng, form, 3, n_features, offset=offset)
    itself = model.wasserstein(model)
    assert (itself.lower, itself.upper) == (0.0, 0.0)
    order = rng.permutation(3)
    permuted = Mixture(model.weights[order], model.means[order], Full(model.covariances.cholesky(3, n_features)[order]))
    assert model.wasserstein(permuted).upper < 1e-13


@settings(max_examples=6)
@given(seed=seeds)
def test_the_triangle_inequality_holds_in_one_dimension(seed):
    rng = np.random.default_rng(seed)
    one, two, three = (mixture(rng, n_components=2, n_features=1, spread=1.0) for _ in range(3))
    assert one.wasserstein(three).lower <= one.wasserstein(two).upper + two.wasserstein(three).upper


def test_distant_clusters_hide_no_small_shift():
    p = Mixture([0.3, 0.7], [[0.0], [1e8]], [1.0, 1.0])
    q = Mixture([0.3, 0.7], [[0.001], [1e8]], [1.0, 1.0])
    found = p.wasserstein(q)
    assert found.lower <= 0.001 * np.sqrt(0.3) * (1 + 1e-9)
    assert found.upper == pytest.approx(0.001 * np.sqrt(0.3), rel=1e-6)


def test_clusters_of_very_different_widths_are_exact_in_one_dimension():
    p = Mixture([0.3, 0.7], [[0.0], [1e8]], [1.0, 1.0])
    q = Mixture([0.5, 0.5], [[0.0], [1.0]], [1.0, 1e-12])
    found = p.wasserstein(q)
    assert middle(found) == pytest.approx(
        83666001.82490943, rel=1e-11
    )  # E X² + E Y² - 2e8 E[Y; Y above its quantile 0.3]
    assert found.upper - found.lower < 1e-10 * found.upper


@pytest.mark.parametrize("width", [1e-6, 1e-12, 1e-100])
def test_clusters_narrower_than_the_rounding_of_their_places_keep_bounds_true(width):
    places, narrow = np.array([[0.0, 0.0], [1e8, 1e8]]), Full(width * np.repeat(np.eye(2)[None], 2, axis=0))
    p, q = (Mixture([share, 1.0 - share], places, narrow) for share in (0.30, 0.31))
    found, of_one = p.wasserstein(q), p.marginal(0).wasserstein(q.marginal(0))
    assert found.upper == pytest.approx(np.sqrt(0.02) * 1e8, rel=1e-12)
    assert 0.9 * found.upper < found.lower <= found.upper
    assert of_one.lower <= 1e7 * (1 + 1e-14)
    assert (of_one.lower, of_one.upper) == pytest.approx((1e7, 1e7), rel=1e-9)


def test_mixtures_of_other_features_are_refused():
    p, q = (mixture(np.random.default_rng(0), n_features=n) for n in (2, 3))
    with pytest.raises(ValueError, match="other must have 2 features"):
        p.wasserstein(q)
