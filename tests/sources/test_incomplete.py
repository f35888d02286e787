"""IncompleteSource: passes use the observed values alone, and starts see guesses."""

from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from cases import FORMS, MOMENTS, clusters, mixture
from gaussmix import Full
from gaussmix.em import iterate, run
from gaussmix.em.loop import iterate_accelerated
from gaussmix.em.m_step import MStep
from gaussmix.engines import incomplete
from gaussmix.engines.patterns import Patterns
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.sources import incomplete as module
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.statistics import ADDITIVE
from gaussmix.structures import STRUCTURES, named

FIELDS = sorted(set(ADDITIVE) - {"skipped"})
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
of_every_size = pytest.mark.parametrize("large", [1, 2**62], ids=["patterns apart", "patterns together"])


def holed(rng, rows, share=0.3):
    """Rows with missing values at random; each column keeps a value."""
    holes = rng.random(rows.shape) < share
    holes[np.arange(rows.shape[1]) % len(rows), np.arange(rows.shape[1])] = False
    return np.where(holes, np.nan, rows).astype(rows.dtype)


def brute_force(fitted, rows):
    """Log-joint densities ``(n, K)`` of the observed values, one row and one component at a time."""
    dense = fitted.covariances.dense(*fitted.means.shape)
    joint = np.empty((len(rows), fitted.n_components))
    for i, row in enumerate(rows.astype(np.float64)):
        seen = np.flatnonzero(~np.isnan(row))
        for k, (mean, covariance) in enumerate(zip(fitted.means, dense, strict=True)):
            square = covariance[np.ix_(seen, seen)]
            density = multivariate_normal.logpdf(row[seen], mean[seen], square) if seen.size else 0.0
            joint[i, k] = np.log(fitted.weights[k]) + density
    return joint


def expected_sums(fitted, rows, weights, moments, joint):
    """The expected statistics, one row and one component at a time, by matrix inverses."""
    resp = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
    n_components, n_features = fitted.means.shape
    dense = fitted.covariances.dense(n_components, n_features)
    first, second = np.zeros((n_components, n_features)), np.zeros((n_components, n_features, n_features))
    for i, row in enumerate(rows.astype(np.float64)):
        seen, hidden = np.flatnonzero(~np.isnan(row)), np.flatnonzero(np.isnan(row))
        for k in range(n_components):
            centred, noise = np.zeros(n_features), np.zeros((n_features, n_features))
            slopes = dense[k][np.ix_(hidden, seen)] @ np.linalg.inv(dense[k][np.ix_(seen, seen)])
            centred[seen] = row[seen] - fitted.means[k, seen]
            centred[hidden] = slopes @ centred[seen]
            noise[np.ix_(hidden, hidden)] = dense[k][np.ix_(hidden, hidden)] - slopes @ dense[k][np.ix_(seen, hidden)]
            share = weights[i] * resp[i, k]
            first[k] += share * centred
            second[k] += share * (np.outer(centred, centred) + noise)
    return (weights[:, None] * resp).sum(axis=0), first, moments.extract(second)


@of_every_size
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moments", MOMENTS)
@settings(max_examples=6)
@given(seed=st.integers(0, 2**32 - 1), n_features=st.integers(1, 5), dtype=st.sampled_from([np.float64, np.float32]))
def test_a_pass_integrates_the_missing_values_out(large, form, moments, seed, n_features, dtype):
    rng = np.random.default_rng(seed)
    fitted = mixture(rng, form, 3, n_features)
    rows = holed(rng, rng.normal(scale=3.0, size=(12, n_features)).astype(dtype), rng.uniform(0.05, 0.6))
    weights = rng.uniform(0.5, 2.0, len(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_LARGE", large)
        found = IncompleteSource.of(rows, weights).reduce(fitted, moments)
    rtol = 1e-9 if dtype == np.float64 else 1e-4
    joint = brute_force(fitted, rows)
    sums = expected_sums(fitted, rows, weights, moments, joint)
    for name, expected in zip(("mass", "first", "second"), sums, strict=True):
        np.testing.assert_allclose(getattr(found, name), expected, rtol=rtol, atol=rtol * np.abs(expected).max())
    assert found.log_likelihood == pytest.approx(weights @ np.logaddexp.reduce(joint, axis=1), rel=rtol)
    assert found.classification_log_likelihood == pytest.approx(weights @ joint.max(axis=1), rel=rtol)
    assert found.weight == pytest.approx(weights.sum())


@every_structure
def test_log_densities_are_those_of_the_observed_values(structure):
    rng = np.random.default_rng(0)
    rows = holed(rng, clusters(rng, n=100, n_features=4))
    source, m_step = IncompleteSource.of(rows), MStep(structure, np.zeros(4))
    *_, last = islice(iterate(source, mixture(rng, n_features=4), m_step), 4)
    joint = brute_force(last.mixture, rows)
    np.testing.assert_allclose(last.mixture.logpdf(rows), np.logaddexp.reduce(joint, axis=1), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(last.mixture.predict(rows), joint.argmax(axis=1))
    expected = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
    np.testing.assert_allclose(last.mixture.responsibilities(rows), expected, atol=1e-9)
    single = last.mixture.logpdf(rows.astype(np.float32))
    np.testing.assert_allclose(single, np.logaddexp.reduce(joint, axis=1), rtol=1e-4, atol=1e-4)


@every_structure
@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.05, 0.6))
def test_the_likelihood_never_falls(structure, seed, share):
    rng = np.random.default_rng(seed)
    source = IncompleteSource.of(holed(rng, clusters(rng, n=150, n_features=3), share), rng.uniform(0.5, 2.0, 150))
    m_step, start = MStep(structure, np.full(3, 1e-9)), mixture(rng, n_features=3)
    for steps in (iterate, iterate_accelerated):
        values = [state.log_likelihood for state in islice(steps(source, start, m_step), 6)]
        assert all(after >= before - 1e-7 for before, after in pairwise(values))
        assert values[-1] > values[0]


@of_every_size
def test_the_order_of_the_rows_does_not_matter(large, monkeypatch):
    monkeypatch.setattr(module, "_LARGE", large)
    rng = np.random.default_rng(0)
    rows, fitted = holed(rng, clusters(rng, n=500, n_features=4)), mixture(rng, n_features=4)
    mixed = rows[rng.permutation(len(rows))]
    found, other = (IncompleteSource.of(one).reduce(fitted, MOMENTS[3]) for one in (rows, mixed))
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found, name), getattr(other, name), rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("form", FORMS[2:])
def test_the_compiled_kernel_gives_the_same_answer(form, monkeypatch):
    rng = np.random.default_rng(0)
    rows, fitted = holed(rng, clusters(rng, n=300, n_features=5)), mixture(rng, form, n_features=5)
    weights, found = rng.uniform(0.5, 2.0, 300), []
    for work in (0, 2**62):
        monkeypatch.setattr(incomplete, "_WORK_TO_COMPILE", work)
        found.append(incomplete.expect(fitted, rows, weights, MOMENTS[3]))
    for name in FIELDS:
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), rtol=1e-10, atol=1e-8)


def test_nearly_singular_covariances_keep_their_digits(monkeypatch):
    """Cholesky's factors of such a covariance lose ten digits; the kernel leaves it to an orthogonal decomposition."""
    monkeypatch.setattr(incomplete, "_WORK_TO_COMPILE", 0)
    root = np.array([[1.0, 0.0, 0.0], [1.0, 1e-7, 0.0], [1.0, 1e-7, 1.0]])
    fitted = Mixture([1.0], np.zeros((1, 3)), Full(root[None]))
    rows = np.array([[2.0, 2.0 + 3e-7, np.nan]])
    expected = -np.log(2 * np.pi) - np.log(1e-7) - 0.5 * (4.0 + 9.0)
    assert fitted.logpdf(rows)[0] == pytest.approx(expected, rel=1e-8)


def test_pieces_of_any_size_give_the_same_answer(monkeypatch):
    rng = np.random.default_rng(0)
    rows, fitted = holed(rng, clusters(rng, n=300, n_features=3)), mixture(rng, n_features=3)
    whole = incomplete.assess(fitted, rows, responsibilities=True)
    monkeypatch.setattr(incomplete, "_NUMBERS_AT_ONCE", 7 * 27)
    for one, other in zip(whole, incomplete.assess(fitted, rows, responsibilities=True), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 50))
def test_pieces_hold_each_row_once_with_its_pattern(seed, size):
    missing = np.random.default_rng(seed).random((40, 3)) < 0.5
    pieces = list(Patterns.of(missing).pieces(size))
    assert sorted(np.concatenate([piece.order for piece in pieces]).tolist()) == list(range(40))
    for piece in pieces:
        assert 0 < len(piece.order) <= size
        np.testing.assert_array_equal(missing[piece.order], piece.kinds[piece.labels])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("moments", MOMENTS)
def test_a_pass_about_other_points(form, moments):
    rng = np.random.default_rng(1)
    source = IncompleteSource.of(holed(rng, clusters(rng, n=100)))
    fitted, origin = mixture(rng, form), rng.normal(size=(3, 2))
    found, expected = source.reduce_about(origin, fitted, moments), source.reduce(fitted, moments).about(origin)
    for name in ("mass", "first", "second", "weight"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-9)
    assert found.log_likelihood == found.classification_log_likelihood == 0.0


@of_every_size
@pytest.mark.parametrize("form", FORMS)
def test_complete_rows_are_summed_as_ever(form, large, monkeypatch):
    monkeypatch.setattr(module, "_LARGE", large)
    rng = np.random.default_rng(2)
    rows, fitted = clusters(rng, n=200), mixture(rng, form)
    for moments in MOMENTS:
        found, expected = (one.reduce(fitted, moments) for one in (IncompleteSource.of(rows), ArraySource(rows)))
        for name in FIELDS:
            np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-9)


def test_one_gaussian_with_monotone_holes_has_its_closed_form():
    """Anderson (1957): the regression of the last column on the others comes from the complete rows alone."""
    rng = np.random.default_rng(0)
    rows = clusters(rng, n=120, n_components=1, n_features=3)
    rows[70:, 2], rows[100:, 1] = np.nan, np.nan
    mean, covariance = np.array([rows[:, 0].mean()]), np.array([[rows[:, 0].var()]])
    for column, n_seen in ((1, 100), (2, 70)):
        design = np.column_stack([np.ones(n_seen), rows[:n_seen, :column]])
        beta, *_ = np.linalg.lstsq(design, rows[:n_seen, column], rcond=None)
        residual = ((rows[:n_seen, column] - design @ beta) ** 2).mean()
        across = covariance @ beta[1:]
        mean = np.append(mean, beta[0] + beta[1:] @ mean)
        covariance = np.block([[covariance, across[:, None]], [across[None], residual + beta[1:] @ across]])
    start = Mixture([1.0], np.zeros((1, 3)), np.eye(3)[None])
    fit = run(
        IncompleteSource.of(rows), start, MStep(named("full"), np.zeros(3)), tol=0.0, max_iter=300, accelerate=True
    )
    np.testing.assert_allclose(fit.state.mixture.means[0], mean, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(fit.state.mixture.covariance, covariance, rtol=1e-10, atol=1e-10)


def test_the_gradient_of_the_observed_likelihood_is_zero_at_the_end():
    rng = np.random.default_rng(0)
    rows = holed(rng, clusters(rng, n=100, n_components=2), 0.25)
    source, m_step = IncompleteSource.of(rows), MStep(named("full"), np.zeros(2))
    start = mixture(np.random.default_rng(0), n_components=2, spread=4.0)
    end = run(source, start, m_step, tol=1e-13, max_iter=5000, accelerate=True).state.mixture
    step = 1e-5

    def mean_log_likelihood(means, factors, log_odds):
        weights = np.array([1.0, np.exp(log_odds)]) / (1.0 + np.exp(log_odds))
        changed = Mixture(weights, means, factors @ np.swapaxes(factors, 1, 2))
        return np.logaddexp.reduce(brute_force(changed, rows), axis=1).mean()

    odds = float(np.log(end.weights[1] / end.weights[0]))
    up, down = (mean_log_likelihood(end.means, end.factors, odds + sign * step) for sign in (1, -1))
    slopes = [up - down]
    for k, i in np.ndindex(2, 2):
        change = np.zeros((2, 2))
        change[k, i] = step
        up, down = (mean_log_likelihood(end.means + sign * change, end.factors, odds) for sign in (1, -1))
        slopes.append(up - down)
    for k, i, j in ((k, i, j) for k in range(2) for i, j in ((0, 0), (1, 0), (1, 1))):
        change = np.zeros((2, 2, 2))
        change[k, i, j] = step
        up, down = (mean_log_likelihood(end.means, end.factors + sign * change, odds) for sign in (1, -1))
        slopes.append(up - down)
    assert np.abs(slopes).max() / (2 * step) < 1e-5


def test_some_rows_keep_their_holes():
    rng = np.random.default_rng(0)
    rows = holed(rng, clusters(rng, n=50))
    source = IncompleteSource.of(rows, rng.uniform(1.0, 2.0, 50))
    np.testing.assert_array_equal(source.subset(np.array([5, 0, 7])).observed, rows[[5, 0, 7]])
    sample = source.sample(rng, 10)
    assert isinstance(sample, IncompleteSource)
    assert {tuple(row) for row in np.nan_to_num(sample.observed)} <= {tuple(row) for row in np.nan_to_num(rows)}
    np.testing.assert_array_equal(np.concatenate([part for part, _ in source.chunks()]), rows)


def test_a_row_without_observed_values_has_the_weights_as_responsibilities():
    fitted = mixture(np.random.default_rng(0))
    nothing = np.full((1, 2), np.nan)
    np.testing.assert_allclose(fitted.responsibilities(nothing)[0], fitted.weights)
    assert fitted.logpdf(nothing)[0] == pytest.approx(0.0, abs=1e-15)
