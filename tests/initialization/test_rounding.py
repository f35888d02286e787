"""The steps of rounded columns, and the log-likelihood of the cells that values are rounded to."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from cases import FORMS, clusters, mixture
from gaussmix.initialization.columns import rounding_of
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

RNG = np.random.default_rng(0)
N = 600
SEED = st.integers(0, 2**32 - 1)


def step_of(column, weights=None):
    return rounding_of(ArraySource(np.asarray(column, dtype=np.float64)[:, None], weights)).steps[0]


@pytest.mark.parametrize(
    ("column", "step"),
    [
        (RNG.integers(1, 6, N), 1.0),
        (RNG.poisson(4, N), 1.0),
        (RNG.integers(0, 2, N), 1.0),
        (RNG.normal(40, 10, N).round(), 1.0),
        (RNG.normal(20, 3, N).round(1), 0.1),
        (np.round(RNG.normal(12, 3, N) * 4) / 4, 0.25),
        (np.append(RNG.integers(0, 5, N), [-999] * 10), 1.0),
        (np.append(RNG.integers(18, 80, N), 27.123), 1.0),  # one value that is finer
        (np.where(RNG.random(N) < 0.9, RNG.integers(10, 20, N) * 5, RNG.integers(50, 100, N)), 1.0),
        (RNG.integers(1, 6, N) + 1e9, 1.0),
        (RNG.choice([0.123, 4.567, 7.891], N), 3.324),  # codes that lie on no grid
    ],
)
def test_the_step_of_a_rounded_column_is_found(column, step):
    assert step_of(column) == pytest.approx(step, rel=1e-6)


@pytest.mark.parametrize("n", [10, 100, 5000, 20_000])
def test_a_continuous_column_has_no_step(n):
    assert step_of(np.random.default_rng(n).normal(size=n)) == 0.0
    rows = np.random.default_rng(n).normal(size=(n, 2)).astype(np.float32)
    assert rounding_of(ArraySource(rows)).steps.tolist() == [0.0, 0.0]


def test_atoms_in_a_continuous_column_are_no_rounding():
    assert step_of(np.where(RNG.random(N) < 0.4, 0.0, RNG.gamma(2, size=N))) == 0.0
    assert step_of(np.where(RNG.random(N) < 0.6, RNG.integers(0, 2, N), RNG.normal(size=N))) == 0.0


def test_rows_that_are_repeated_as_a_whole_are_no_rounding():
    rows = np.repeat(RNG.normal(size=(50, 3)), 3, axis=0)
    assert rounding_of(ArraySource(rows)).steps.tolist() == [0.0, 0.0, 0.0]


@given(seed=SEED, unit=st.floats(1e-8, 1e8), origin=st.floats(-10, 10))
def test_the_step_scales_and_shifts_with_the_column(seed, unit, origin):
    ratings = np.random.default_rng(seed).integers(1, 8, 200)
    assert step_of(unit * (ratings + origin)) == pytest.approx(unit, rel=1e-6)


@given(seed=SEED)
def test_weights_count_as_repeated_rows(seed):
    rng = np.random.default_rng(seed)
    values, counts = rng.normal(10, 3, 30).round(1), rng.integers(1, 9, 30)
    assert step_of(values, counts.astype(float)) == step_of(np.repeat(values, counts))


def test_the_floor_is_sheppards_and_at_most_a_third_of_the_variance():
    rare = (np.arange(N) % 100 == 0).astype(float)
    rows = np.column_stack([RNG.integers(1, 6, N), rare, RNG.normal(size=N)])
    floor = rounding_of(ArraySource(rows)).floor(np.zeros(3))
    np.testing.assert_allclose(floor, [1 / 12, rare.var() / 3, 0.0])
    assert rounding_of(ArraySource(rows[:, 2:])).floor(np.zeros(1)) is None
    assert rounding_of(ArraySource(rows)).floor(np.full(3, 1.0)) is None  # a larger ridge


def test_cells_of_one_column_have_the_probabilities_of_scipy():
    values = RNG.integers(1, 6, N).astype(float)
    known = Mixture([0.4, 0.6], [[2.0], [4.0]], [0.5, 0.2])
    source = ArraySource(values[:, None])
    rounding = rounding_of(source)
    low = np.where(values == 1, -np.inf, values - 0.5)
    high = np.where(values == 5, np.inf, values + 0.5)
    cells = sum(
        weight * (norm.cdf(high, mean, sd) - norm.cdf(low, mean, sd))
        for weight, mean, sd in zip([0.4, 0.6], [2.0, 4.0], np.sqrt([0.5, 0.2]), strict=True)
    )
    gain = known.logpdf(values[:, None]).sum() - np.log(cells).sum()
    assert rounding.gain(known, source, rounding.floor(np.zeros(1))) == pytest.approx(gain, rel=1e-9)


def test_a_needle_on_a_value_gains_more_than_it_can_be_worth():
    values = RNG.integers(0, 2, N).astype(float)[:, None]
    source, wide = ArraySource(values), Mixture([1.0], [[0.5]], [0.25])
    needles = Mixture([0.5, 0.5], [[0.0], [1.0]], [1 / 12, 1 / 12])
    rounding = rounding_of(source)
    floor = rounding.floor(np.zeros(1))
    worth = {one: one.logpdf(values).sum() - rounding.gain(one, source, floor) for one in (wide, needles)}
    assert needles.logpdf(values).sum() > wide.logpdf(values).sum()
    assert worth[wide] > worth[needles]
    entropy = -N * (norm.cdf(0) * np.log(0.5) + norm.cdf(0) * np.log(0.5))  # of even yes and no
    assert max(worth.values()) < -entropy * 0.99


@pytest.mark.parametrize("form", FORMS)
def test_wide_components_gain_nothing_by_rounding(form):
    rng = np.random.default_rng(0)
    rows = clusters(rng, N).round(3)
    one = mixture(rng, form)
    source = ArraySource(rows)
    assert abs(rounding_of(source).gain(one, source, np.full(2, 1e-6 / 12))) < 1e-2
