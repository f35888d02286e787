"""Rows, means and variances of any size that a float can have: answers stay finite, and are right."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, MOMENTS
from gaussmix import Diagonal, Full, Mixture, Spherical, Tied
from gaussmix.engines import reference
from gaussmix.engines.fused import engine as fused

ENGINES = {"reference": reference, "fused": fused}
_LARGEST = np.finfo(np.float64).max
_SAME = 1e-9  # of a log-joint density: components whose densities differ by less share a row in some way

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
engines = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES.keys())
numbers = st.builds(
    lambda sign, digits, exponent: sign * digits * 10.0**exponent,
    st.sampled_from([-1.0, 0.0, 1.0]),
    st.floats(1.0, 9.9),
    st.one_of(st.integers(-300, 299), st.sampled_from([0, 153, 154, 160, 299])),
)


@st.composite
def mixtures(draw, form):
    """A mixture whose means and standard deviations are of any size; correlations are moderate."""
    n_components, n_features = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    means = draw(st.lists(numbers, min_size=n_components * n_features, max_size=n_components * n_features))
    exponents = st.one_of(st.just(0), st.integers(-150, 150))
    deviations = 10.0 ** np.array(draw(st.lists(exponents, min_size=12, max_size=12)), dtype=float).reshape(4, 3)
    deviations = deviations[:n_components, :n_features]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lower = np.tril(rng.uniform(-0.5, 0.5, size=(n_components, n_features, n_features)), -1) + np.eye(n_features)
    triangles = deviations[:, :, None] * lower
    factors = {Spherical: deviations[:, 0], Diagonal: deviations, Tied: triangles[0], Full: triangles}[form]
    weights = rng.dirichlet(np.ones(n_components))
    if n_components > 1 and draw(st.booleans()):
        weights = np.append(0.0, weights[1:] / weights[1:].sum())
    return Mixture(weights, np.reshape(means, (n_components, n_features)), form(factors))


@st.composite
def mixtures_and_rows(draw, form):
    """A mixture, and rows of any size: some at its means, some at zero."""
    mixture = draw(mixtures(form))
    n_features = mixture.n_features
    anywhere = draw(st.lists(numbers, min_size=3 * n_features, max_size=3 * n_features))
    rows = np.concatenate([np.reshape(anywhere, (3, n_features)), mixture.means[:1], np.zeros((1, n_features))])
    return mixture, rows


def exact_log_joint(mixture, row):
    """Return the log-joint densities ``(K,)`` to forty digits; minus infinity for components without weight."""
    with localcontext(prec=40):
        found, log_2pi = [], Decimal(2 * np.pi).ln()
        for weight, mean, factor in zip(mixture.weights, mixture.means, mixture.factors, strict=True):
            white = []
            for i in range(len(row)):
                left = Decimal(row[i]) - Decimal(mean[i])
                left -= sum(Decimal(factor[i, j]) * white[j] for j in range(i))
                white.append(left / Decimal(factor[i, i]))
            log_det = sum(Decimal(factor[i, i]).ln() for i in range(len(row)))
            squares = sum(value * value for value in white)
            found.append(Decimal(weight).ln() - log_det - (len(row) * log_2pi + squares) / 2)
        return found


@forms
@engines
@given(data=st.data())
def test_responsibilities_sum_to_one_at_any_distance(form, engine, data):
    mixture, rows = data.draw(mixtures_and_rows(form))
    log_density, labels, resp = engine.assess(mixture, rows, responsibilities=True)
    assert np.isfinite(log_density).all()
    assert (resp >= 0).all()
    np.testing.assert_allclose(resp.sum(axis=1), 1.0, atol=1e-12)
    assert (mixture.weights[labels] > 0).all()
    for moments in MOMENTS:
        statistics = engine.expect(mixture, rows, np.ones(len(rows)), moments)
        assert statistics.mass.sum() == pytest.approx(len(rows), rel=1e-9)
        assert not np.isnan(statistics.log_likelihood)


@forms
@engines
@given(data=st.data())
def test_the_likeliest_component_takes_a_row_at_any_distance(form, engine, data):
    mixture, rows = data.draw(mixtures_and_rows(form))
    log_density, _, resp = engine.assess(mixture, rows, responsibilities=True)
    for row, found, shares in zip(rows, log_density, resp, strict=True):
        exact = exact_log_joint(mixture, row)
        largest = max(exact)
        slack = Decimal(_SAME) * max(abs(largest), 1) + 50
        alike = [one >= largest - slack for one in exact]
        assert shares[alike].sum() == pytest.approx(1.0)  # no other component has more than exp(-50) of the row
        expected = float(largest) if np.isfinite(float(2 * largest)) else -_LARGEST  # squares must not overflow either
        assert found == pytest.approx(expected, rel=1e-9, abs=np.log(len(exact)) + 1e-6)


@engines
def test_a_row_between_means_far_out_goes_to_the_wider_component(engine):
    mixture = Mixture([0.5, 0.5], [[1e160, 0.0], [-1e160, 1.0]], [1.0, 2.0])
    resp = engine.assess(mixture, np.zeros((1, 2)), responsibilities=True)[2]
    np.testing.assert_array_equal(resp, [[0.0, 1.0]])


@engines
def test_components_at_the_same_distance_share_a_far_row_by_their_weights(engine):
    mixture = Mixture([0.3, 0.7], [[1e160], [-1e160]], [1.0, 1.0])
    resp = engine.assess(mixture, np.zeros((1, 1)), responsibilities=True)[2]
    np.testing.assert_allclose(resp, [[0.3, 0.7]])


@engines
def test_differences_beyond_the_largest_float_are_no_trouble(engine):
    mixture = Mixture([0.5, 0.5], [[-1.7e308], [0.0]], [1.0, 1.0])
    log_density, labels, resp = engine.assess(mixture, np.array([[1.7e308]]), responsibilities=True)
    assert (labels.tolist(), resp.tolist()) == ([1], [[0.0, 1.0]])
    assert np.isfinite(log_density).all()


def test_a_distance_whose_square_overflows_in_the_columns_units_may_be_short_in_the_components():
    mixture = Mixture([0.5, 0.5], [[1e180], [0.0]], [1e300, 1e-300])
    for engine in ENGINES.values():
        log_density, labels, _ = engine.assess(mixture, np.array([[1.0]]))
        assert labels.tolist() == [0]
        assert log_density[0] == pytest.approx(-0.5e60)
