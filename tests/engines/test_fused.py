"""The compiled pass against its slow twin, over all forms of covariances and all kinds of moments."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.engines import reference
from gaussmix.engines.fused import _functions, _kernels
from gaussmix.engines.fused import engine as fused
from gaussmix.engines.fused._simd import load, store, width
from gaussmix.engines.fused.forms import kernel_form
from gaussmix.engines.fused.plans import Plan
from gaussmix.mixture import Mixture
from gaussmix.moments import DIAGONAL, FULL, POOLED, SCALAR, Moments
from gaussmix.statistics import Statistics

FORMS = [Spherical, Diagonal, Tied, Full]
MOMENTS = {"scalar": SCALAR, "diagonal": DIAGONAL, "pooled": POOLED, "full": FULL}
SHAPES = [(1, 1, 1), (3, 2, 1), (511, 3, 2), (512, 4, 5), (513, 5, 3), (700, 8, 7), (1200, 9, 4), (300, 17, 6)]
SUMS = ["mass", "first", "second", "log_likelihood", "classification_log_likelihood", "weight"]

each_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
each_kind = pytest.mark.parametrize("moments", MOMENTS.values(), ids=MOMENTS.keys())


def draw_mixture(
    rng: np.random.Generator, form: type[Covariances], n_components: int, n_features: int, spread: float = 2.0
) -> Mixture:
    """Components of unit size, whose means are about `spread` apart."""
    factors = rng.normal(size=(n_components, n_features, n_features)) / np.sqrt(n_features)
    dense = factors @ np.swapaxes(factors, 1, 2) + 0.5 * np.eye(n_features)
    variances = rng.uniform(0.5, 2.0, size=(n_components, n_features))
    stored = {Spherical: variances[:, 0], Diagonal: variances, Tied: dense[0], Full: dense}[form]
    means = spread * rng.normal(size=(n_components, n_features))
    return Mixture(rng.dirichlet(np.full(n_components, 2.0)), means, form.from_covariances(stored))


def moved(mixture: Mixture, offset: float, scale: float) -> Mixture:
    """The mixture of ``scale · x + offset``."""
    covariances = type(mixture.covariances)(mixture.covariances.factors * scale)
    return Mixture(mixture.weights, mixture.means * scale + offset, covariances)


def draw_rows(rng: np.random.Generator, mixture: Mixture, n_rows: int) -> np.ndarray:
    """Rows near the mixture and some well outside it."""
    rows = mixture.sample(n_rows, random_state=rng)
    strays = rng.random(n_rows) < 0.05
    rows[strays] = mixture.mean + 3.0 * (rows[strays] - mixture.mean)
    return rows


def assert_same(actual: Statistics, expected: Statistics, tolerance: float = 1e-12) -> None:
    """Equal but for rounding: first moments on the scale of their rows' distances, log-likelihoods on that of both."""
    assert actual.moments is expected.moments
    assert actual.origin is expected.origin
    spread = np.sqrt(np.abs(expected.second).max()) * np.sqrt(expected.weight)
    scores = abs(expected.log_likelihood) + abs(expected.classification_log_likelihood) + expected.weight
    scale = {
        "first": max(spread, np.abs(expected.first).max()),
        "log_likelihood": scores,
        "classification_log_likelihood": scores,
    }
    for name in SUMS:
        got, wanted = np.asarray(getattr(actual, name)), np.asarray(getattr(expected, name))
        assert got.shape == wanted.shape, name
        size = scale.get(name, np.abs(wanted).max())
        np.testing.assert_allclose(got, wanted, rtol=0.0, atol=tolerance * size, err_msg=name)


def assert_identical(actual: Statistics, expected: Statistics) -> None:
    for name in SUMS:
        np.testing.assert_array_equal(getattr(actual, name), getattr(expected, name), err_msg=name)


@each_form
@each_kind
@pytest.mark.parametrize(("n_rows", "n_features", "n_components"), SHAPES)
def test_agrees_with_the_reference(
    form: type[Covariances], moments: Moments, n_rows: int, n_features: int, n_components: int
) -> None:
    rng = np.random.default_rng([n_rows, n_features, n_components])
    mixture = draw_mixture(rng, form, n_components, n_features)
    rows, weights = draw_rows(rng, mixture, n_rows), rng.uniform(0.1, 2.0, n_rows)
    actual = fused.expect(mixture, rows, weights, moments)
    assert_same(actual, reference.expect(mixture, rows, weights, moments))


@each_form
@each_kind
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_agrees_whatever_the_block(form: type[Covariances], moments: Moments, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), label="seed"))
    n_features, n_components = data.draw(st.integers(1, 9), label="D"), data.draw(st.integers(1, 7), label="K")
    spread = data.draw(st.sampled_from([0.5, 3.0, 30.0]), label="spread")
    exponent = data.draw(st.sampled_from([0, 0, -150, -6, 6, 150]), label="exponent")
    offset = data.draw(st.sampled_from([0.0, -1e3, 1e8]), label="offset")
    dtype = data.draw(st.sampled_from([np.float64, np.float32]), label="dtype") if abs(exponent) < 10 else np.float64
    scale = 10.0**exponent
    mixture = moved(draw_mixture(rng, form, n_components, n_features, spread), offset * scale, scale)
    rows = draw_rows(rng, mixture, data.draw(st.integers(1, 1500), label="n")).astype(dtype)
    weights = rng.exponential(size=len(rows)) * (rng.random(len(rows)) < 0.8)
    weights[0] = 1.0
    actual = fused.expect(mixture, rows, weights, moments)
    # Products of features in single precision may lose three digits of seven.
    assert_same(actual, reference.expect(mixture, rows, weights, moments), 1e-12 if dtype is np.float64 else 1e-4)


def _strided(rows: np.ndarray) -> np.ndarray:
    wide = np.zeros((3 * len(rows), 2 * rows.shape[1]), rows.dtype)
    wide[::3, ::2] = rows
    return wide[::3, ::2]


def _read_only(rows: np.ndarray) -> np.ndarray:
    frozen = rows.copy()
    frozen.flags.writeable = False
    return frozen


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "fortran": np.asfortranarray,
    "strided": _strided,
    "reversed": lambda rows: rows[::-1].copy()[::-1],
    "read-only": _read_only,
    "swapped bytes": lambda rows: rows.astype(rows.dtype.newbyteorder()),
}


@each_form
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_layout_of_the_rows_changes_nothing(
    form: type[Covariances], layout: Callable[[np.ndarray], np.ndarray]
) -> None:
    rng = np.random.default_rng(5)
    mixture = draw_mixture(rng, form, 3, 5)
    rows = draw_rows(rng, mixture, 1111).astype(np.float32).astype(np.float64)
    weights = rng.random(len(rows))
    expected = fused.expect(mixture, rows, weights, FULL)
    assert_identical(fused.expect(mixture, layout(rows), weights, FULL), expected)


@each_form
@each_kind
@pytest.mark.parametrize(("n_features", "spread"), [(2, 1.0), (5, 3.0), (16, 1.0), (7, 1e4)])
def test_rows_of_single_precision_are_summed_in_it_or_in_double(
    form: type[Covariances], moments: Moments, n_features: int, spread: float
) -> None:
    rng = np.random.default_rng(23)
    mixture = moved(draw_mixture(rng, form, 6, n_features, spread), 1e4, 1.0)
    rows, weights = draw_rows(rng, mixture, 3000).astype(np.float32), rng.random(3000)
    actual = fused.expect(mixture, rows, weights, moments)
    assert all(getattr(actual, name).dtype == np.float64 for name in ("mass", "first", "second"))
    assert_same(actual, reference.expect(mixture, rows, weights, moments), 2e-6)


@pytest.mark.parametrize("form", FORMS)
def test_products_in_single_precision_are_about_the_means_themselves(form: type[Covariances]) -> None:
    mixture = draw_mixture(np.random.default_rng(25), form, 4, 3)
    rows = mixture.sample(300, random_state=0).astype(np.float32)
    moments = kernel_form(mixture.covariances).moments
    found = fused._cached_plan(mixture, moments, rows.dtype).run(rows, np.ones(300))
    assert found is not None
    assert found.origin is mixture.means


@each_form
@each_kind
@pytest.mark.parametrize("n_features", [2, 5, 16, 40])
@pytest.mark.parametrize("scale", [1e-30, 1e-8, 1.0, 1e12])
def test_single_precision_gives_way_where_it_would_not_do(
    form: type[Covariances], moments: Moments, n_features: int, scale: float
) -> None:
    rng = np.random.default_rng([24, n_features])
    mixture = moved(draw_mixture(rng, form, 6, n_features, 1.0), 0.0, scale)
    rows = mixture.sample(700, random_state=rng)
    rows[::100] *= np.geomspace(10.0, 1e5, 7)[:, None]
    rows, weights = rows.astype(np.float32), rng.random(700)
    actual = fused.expect(mixture, rows, weights, moments)
    assert_same(actual, reference.expect(mixture, rows, weights, moments), 2e-6)


@each_form
def test_only_the_few_rows_that_are_far_out_are_summed_about_each_mean(
    monkeypatch: pytest.MonkeyPatch, form: type[Covariances]
) -> None:
    rng = np.random.default_rng(26)
    mixture = draw_mixture(rng, form, 6, 5, 0.5)
    moments = kernel_form(mixture.covariances).moments
    rows = mixture.sample(3000, random_state=rng)
    rows[::500] *= 60.0
    weights, seen = rng.random(3000), []
    run = Plan.run
    monkeypatch.setattr(Plan, "run", lambda plan, some, theirs: seen.append(some) or run(plan, some, theirs))
    actual = fused.expect(mixture, rows, weights, moments)
    assert_same(actual, reference.expect(mixture, rows, weights, moments), 1e-11)
    np.testing.assert_array_equal(seen[0], rows[::500])
    assert len(seen) == 1


@each_form
def test_only_the_few_rows_that_are_far_out_are_assessed_about_each_mean(
    monkeypatch: pytest.MonkeyPatch, form: type[Covariances]
) -> None:
    rng = np.random.default_rng(27)
    mixture = draw_mixture(rng, form, 6, 5, 0.5)
    rows = mixture.sample(3000, random_state=rng)
    rows[::500] *= 60.0
    seen = []
    assess = Plan.assess
    monkeypatch.setattr(Plan, "assess", lambda plan, some, *into: seen.append(some) or assess(plan, some, *into))
    for wanted in (False, True):
        log_density, labels, shares = fused.assess(mixture, rows, responsibilities=wanted)
        expected, expected_density = reference.responsibilities(mixture, rows)
        np.testing.assert_allclose(log_density, expected_density, rtol=1e-12)
        np.testing.assert_array_equal(labels, expected.argmax(axis=1))
        np.testing.assert_allclose(shares, expected if wanted else expected[:0], atol=1e-10)
    for some in seen:
        np.testing.assert_array_equal(some, rows[::500])
    assert len(seen) == 2


def test_rows_in_a_file_are_read_where_they_lie(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    mixture = draw_mixture(rng, Full, 3, 4)
    rows, weights = draw_rows(rng, mixture, 900), np.ones(900)
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert_identical(fused.expect(mixture, mapped, weights, FULL), fused.expect(mixture, rows, weights, FULL))


@each_form
@each_kind
def test_nothing_changes_from_call_to_call(form: type[Covariances], moments: Moments) -> None:
    rng = np.random.default_rng(7)
    mixture = draw_mixture(rng, form, 4, 6)
    rows, weights = draw_rows(rng, mixture, 5000), rng.random(5000)
    before = rows.copy()
    assert_identical(fused.expect(mixture, rows, weights, moments), fused.expect(mixture, rows, weights, moments))
    np.testing.assert_array_equal(rows, before)


@each_form
@each_kind
def test_blocks_add_up(form: type[Covariances], moments: Moments) -> None:
    rng = np.random.default_rng(8)
    mixture = draw_mixture(rng, form, 4, 3)
    rows, weights = draw_rows(rng, mixture, 20_000), rng.random(20_000)
    parts = [fused.expect(mixture, rows[s], weights[s], moments) for s in (slice(7777), slice(7777, None))]
    assert_same(parts[0] + parts[1], fused.expect(mixture, rows, weights, moments))


def test_no_rows_leave_empty_sums() -> None:
    mixture = draw_mixture(np.random.default_rng(9), Full, 3, 2)
    assert_identical(fused.expect(mixture, np.empty((0, 2)), np.empty(0), FULL), Statistics.zero(mixture.means, FULL))


@each_form
@each_kind
@pytest.mark.parametrize("distance", [1.0, 1e200], ids=["near", "far"])
def test_rows_of_weight_zero_count_for_nothing(form: type[Covariances], moments: Moments, distance: float) -> None:
    rng = np.random.default_rng(10)
    mixture = draw_mixture(rng, form, 3, 4)
    rows, weights = draw_rows(rng, mixture, 800), rng.random(800)
    idle = rng.random(800) < 0.5
    expected = fused.expect(mixture, rows[~idle], weights[~idle], moments)
    weights[idle] = 0.0
    rows[idle] *= distance
    assert_same(fused.expect(mixture, rows, weights, moments), expected)


@each_form
@each_kind
def test_component_of_weight_zero_gets_nothing(form: type[Covariances], moments: Moments) -> None:
    rng = np.random.default_rng(11)
    drawn = draw_mixture(rng, form, 3, 4)
    mixture = Mixture([0.0, 0.6, 0.4], drawn.means, drawn.covariances)
    rows, weights = draw_rows(rng, mixture, 800), rng.random(800)
    actual = fused.expect(mixture, rows, weights, moments)
    assert_same(actual, reference.expect(mixture, rows, weights, moments))
    assert actual.mass[0] == 0.0
    assert not actual.first[0].any()


@each_form
@each_kind
def test_rows_beyond_the_squares_of_floats_agree_with_the_reference(form: type[Covariances], moments: Moments) -> None:
    rng = np.random.default_rng(12)
    mixture = draw_mixture(rng, form, 3, 4)
    rows, weights = draw_rows(rng, mixture, 600), rng.random(600)
    rows[123] *= 1e200
    with np.errstate(over="ignore"):
        actual = fused.expect(mixture, rows, weights, moments)
        expected = reference.expect(mixture, rows, weights, moments)
    assert np.isfinite(actual.log_likelihood)
    assert_identical(actual, expected)


@each_form
def test_rows_that_are_not_numbers_are_not_passed_over(form: type[Covariances]) -> None:
    rng = np.random.default_rng(13)
    mixture = draw_mixture(rng, form, 3, 4)
    rows = draw_rows(rng, mixture, 600)
    rows[55, 2] = np.nan
    assert np.isnan(fused.expect(mixture, rows, np.ones(600), FULL).log_likelihood)


@each_form
@each_kind
@pytest.mark.parametrize("spread", [100.0, 1e6], ids=["apart", "far apart"])
def test_separated_components_keep_their_digits(form: type[Covariances], moments: Moments, spread: float) -> None:
    rng = np.random.default_rng(14)
    mixture = draw_mixture(rng, form, 6, 5, spread)
    rows, weights = mixture.sample(2000, random_state=rng), rng.random(2000)
    assert_same(fused.expect(mixture, rows, weights, moments), reference.expect(mixture, rows, weights, moments))


@pytest.mark.parametrize("spread", [1.0, 12.0, 200.0], ids=["shared frame", "edge of it", "outside it"])
def test_pooled_moments_about_one_centre_lose_few_digits(spread: float) -> None:
    rng = np.random.default_rng(15)
    lengths = np.geomspace(0.03, 30.0, 4)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    turned = rotation * lengths
    mixture = Mixture(
        [0.3, 0.2, 0.5], 1e4 + spread * rng.normal(size=(3, 4)) @ turned.T, Tied.from_covariances(turned @ turned.T)
    )
    rows, weights = mixture.sample(3000, random_state=rng), rng.random(3000)
    actual = fused.expect(mixture, rows, weights, POOLED)
    expected = reference.expect(mixture, rows, weights, POOLED)
    # Every direction on its own scale: a millionfold smaller variance must be as good as the largest.
    back = np.linalg.inv(turned)
    assert_allclose_by_size(back @ actual.second @ back.T, back @ expected.second @ back.T, 1e-9)
    assert_allclose_by_size(actual.mass, expected.mass, 1e-9)


def assert_allclose_by_size(actual: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    np.testing.assert_allclose(actual, expected, rtol=0.0, atol=tolerance * np.abs(expected).max())


@each_kind
@pytest.mark.parametrize("exponent", [-158, -146, -140, 140, 146])
def test_spherical_scales_near_the_ends_of_floats(moments: Moments, exponent: int) -> None:
    rng = np.random.default_rng(16)
    mixture = moved(draw_mixture(rng, Spherical, 3, 4), 0.0, 10.0**exponent)
    rows, weights = mixture.sample(600, random_state=rng), rng.random(600)
    actual = fused.expect(mixture, rows, weights, moments)
    # Squares of 1e-158 have about eight digits left, in either twin; nothing else has lost any.
    assert_same(actual, reference.expect(mixture, rows, weights, moments), 1e-12 if exponent > -150 else 1e-7)
    np.testing.assert_allclose(
        actual.log_likelihood, reference.expect(mixture, rows, weights, moments).log_likelihood, rtol=1e-13
    )


def of_one_number(function: Callable) -> Callable[[float], float]:
    """Return a function of one number, from a function of vectors."""

    @njit
    def compiled(x):
        out = np.empty_like(x)
        for i in range(0, len(x), width(x)):
            store(out, i, function(load(x, i)))
        return out

    return lambda x: float(compiled(np.full(16, x))[0])


_exp2, _log = of_one_number(_functions.exp2), of_one_number(_functions.log)


@each_form
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_rows_are_assessed_as_by_the_reference(form: type[Covariances], data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), label="seed"))
    n_features, n_components = data.draw(st.integers(1, 9), label="D"), data.draw(st.integers(1, 7), label="K")
    spread = data.draw(st.sampled_from([0.5, 3.0, 1e4]), label="spread")
    mixture = draw_mixture(rng, form, n_components, n_features, spread)
    rows = draw_rows(rng, mixture, data.draw(st.integers(0, 700), label="n"))
    if data.draw(st.booleans(), label="strays"):
        rows[::7] *= 1e200
    density, labels, shares = fused.assess(mixture, rows, responsibilities=True)
    wanted, likeliest, responsibilities = reference.assess(mixture, rows, responsibilities=True)
    np.testing.assert_allclose(density, wanted, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(shares, responsibilities, rtol=0.0, atol=1e-11)
    differ = labels != likeliest
    np.testing.assert_allclose(shares[differ, labels[differ]], shares[differ, likeliest[differ]], atol=1e-11)
    assert fused.assess(mixture, rows)[2].shape == (0, n_components)


def elongated(rng: np.random.Generator, n_components: int, n_features: int, apart: float) -> Mixture:
    """Components of very different axes, whose means are some units apart along each feature."""
    factors = rng.normal(size=(n_components, n_features, n_features)) / np.sqrt(n_features)
    dense = factors @ np.swapaxes(factors, 1, 2) + 1e-3 * np.eye(n_features)
    means = apart * rng.normal(size=(n_components, n_features))
    return Mixture(rng.dirichlet(np.full(n_components, 5.0)), means, Full.from_covariances(dense))


@pytest.mark.parametrize("apart", [0.1, 1.0, 4.0, 1e3], ids=["together", "near", "apart", "far apart"])
@pytest.mark.parametrize(("n_features", "n_components"), [(10, 4), (11, 37), (17, 6), (33, 9)])
def test_what_is_skipped_changes_nothing(apart: float, n_features: int, n_components: int) -> None:
    rng = np.random.default_rng([n_features, n_components])
    mixture = elongated(rng, n_components, n_features, apart)
    rows, weights = draw_rows(rng, mixture, 2500), rng.exponential(size=2500) * (rng.random(2500) < 0.9)
    actual = fused.expect(mixture, rows, weights, FULL)
    assert_same(actual, reference.expect(mixture, rows, weights, FULL))
    share = actual.skipped / (len(rows) * n_components)
    assert 0.0 <= share < 1.0
    if apart >= 4.0:
        assert share > 0.6 * (1.0 - 1.0 / n_components)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_screen_changes_nothing_whatever_the_block(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), label="seed"))
    n_features, n_components = data.draw(st.integers(10, 14), label="D"), data.draw(st.integers(4, 9), label="K")
    apart = data.draw(st.sampled_from([0.3, 2.0, 30.0]), label="apart")
    scale = 10.0 ** data.draw(st.sampled_from([0, 0, -150, 6, 150]), label="exponent")
    offset = data.draw(st.sampled_from([0.0, -1e3, 1e8]), label="offset") * scale
    drawn = elongated(rng, n_components, n_features, apart)
    weights_of_components = drawn.weights * (np.arange(n_components) != data.draw(st.integers(0, 9), label="empty"))
    drawn = Mixture(weights_of_components / weights_of_components.sum(), drawn.means, drawn.covariances)
    mixture = moved(drawn, offset, scale)
    rows = draw_rows(rng, mixture, data.draw(st.integers(1, 800), label="n"))
    weights = rng.exponential(size=len(rows)) * (rng.random(len(rows)) < 0.8)
    weights[0] = 1.0
    assert_same(fused.expect(mixture, rows, weights, FULL), reference.expect(mixture, rows, weights, FULL), 1e-11)


def test_what_is_skipped_could_not_have_mattered() -> None:
    rng = np.random.default_rng(21)
    mixture = elongated(rng, 20, 10, 2.0)
    rows = mixture.sample(3000, random_state=rng)
    skipped = fused.expect(mixture, rows, np.ones(3000), FULL).skipped
    assert 0 < skipped <= (reference.responsibilities(mixture, rows)[0] < 1e-16).sum()


@pytest.mark.parametrize("scale", [1e-120, 1e-3, 1e5, 1e120])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_screening_is_exact_at_any_scale_and_with_far_rows(scale: float, offset: float) -> None:
    rng = np.random.default_rng(22)
    mixture = moved(elongated(rng, 12, 11, 3.0), offset * scale, scale)
    rows = mixture.sample(2000, random_state=rng)
    rows[::50] = mixture.mean + (rows[::50] - mixture.mean) * np.geomspace(1e2, 1e12, 40)[:, None]
    actual = fused.expect(mixture, rows, np.ones(2000), FULL)
    assert_same(actual, reference.expect(mixture, rows, np.ones(2000), FULL), 1e-11)


def test_power_of_two_is_right_to_the_last_places() -> None:
    points = np.concatenate([-np.geomspace(1e-18, 1e3, 2000), np.random.default_rng(17).uniform(-1e3, 0.0, 3000)])
    with mpmath.workdps(40):
        errors = [abs(_exp2(x) / mpmath.mpf(2) ** x - 1) for x in points.tolist()]
    assert max(errors) < 4e-16


def test_power_of_two_at_its_ends() -> None:
    assert _exp2(0.0) == 1.0
    assert _exp2(-0.0) == 1.0
    lowest = _exp2(-1000.0)
    assert lowest == 2.0**-1000
    assert [_exp2(x) for x in (-1e4, -1e300, -np.inf, np.nan)] == [lowest] * 4


def test_logarithm_is_right_to_the_last_places() -> None:
    points = np.concatenate([1.0 + np.geomspace(1e-15, 1.0, 2000), np.geomspace(1.0, 1e6, 1000), [1e-304, 0.7, 0.71]])
    with mpmath.workdps(40):
        errors = [abs(_log(x) / mpmath.log(x) - 1) for x in points.tolist() if x != 1.0]
    assert max(errors) < 5e-16
    assert _log(1.0) == 0.0


_IN_A_NEW_PROCESS = """
import numpy as np
from gaussmix.engines.fused import _kernels
from gaussmix.engines.fused import engine as fused
from gaussmix.mixture import Mixture
from gaussmix.moments import DIAGONAL, FULL, POOLED, SCALAR
means, rows = [[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], np.zeros((5, 2))
for covariances in ([1.0, 1.0, 2.0], np.ones((3, 2)), np.eye(2), np.stack([np.eye(2)] * 3)):
    mixture = Mixture([0.2, 0.3, 0.5], means, covariances)
    for moments in (SCALAR, DIAGONAL, POOLED, FULL):
        for kind in (np.float32, np.float64):
            fused.expect(mixture, np.asfortranarray(rows, kind), np.ones(5), moments)
stats = _kernels.sum_rows.stats
print(sum(stats.cache_hits.values()), sum(stats.cache_misses.values()), len(_kernels.sum_rows.signatures))
"""


def test_a_second_process_compiles_nothing() -> None:
    for _ in range(2):
        found = subprocess.run(  # noqa: S603 - this interpreter, on the text above
            [sys.executable, "-c", _IN_A_NEW_PROCESS], capture_output=True, text=True, check=True
        )
    assert found.stdout.split() == ["2", "0", "2"]  # one for each precision


def test_kernels_are_kept_under_the_contents_of_all_their_files(tmp_path):
    kept = _kernels.sum_rows.py_func.__qualname__.removeprefix("sum_rows_")
    home = Path(_functions.__file__).parent
    assert kept == _functions.hash_sources(home)
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    assert _functions.hash_sources(copy) == kept
    with (copy / "_moments.py").open("a") as file:
        file.write("# changed\n")
    assert _functions.hash_sources(copy) != kept
