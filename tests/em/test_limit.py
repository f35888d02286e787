"""Runs that end at a limit: the measured rate is that of EM, and a saddle point is no limit."""

from itertools import islice, pairwise

import numpy as np
import pytest

from cases import clusters, mixture
from gaussmix import Mixture
from gaussmix.em import Status, iterate, limit, run, run_to_limit
from gaussmix.em.curvature import measure_curvature, squared_length
from gaussmix.em.m_step import MStep
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

NO_RIDGE = np.zeros(2)
every_start = pytest.mark.parametrize("accelerate", [True, False])


@pytest.fixture(params=STRUCTURES, ids=lambda structure: structure.name)
def tail(request):
    """Return rows, a model, and consecutive states of plain EM close to its limit."""
    rng, model = np.random.default_rng(0), MStep(request.param, NO_RIDGE)
    source = ArraySource(clusters(rng, 400, spread=2.0))
    begin = run(source, mixture(rng, spread=2.0), model, tol=1e-7, max_iter=20_000).state
    return source, model, list(islice(iterate(source, begin, model), 12))


@pytest.fixture
def saddle():
    """Return rows of two clusters, and a start whose components are equal: EM cannot tell them apart."""
    rows = np.random.default_rng(0).normal(size=(200, 2)) + np.repeat([[0.0, 0.0], [6.0, 0.0]], 100, axis=0)
    covariance = np.cov(rows.T, bias=True)
    start = Mixture([0.5, 0.5], np.tile(rows.mean(axis=0), (2, 1)), np.stack([covariance, covariance]))
    return ArraySource(rows), start, MStep(named("full"), NO_RIDGE)


def near_saddle(start):
    """Return a start whose components differ so little that gains of EM are 1e-9 at first, and then grow."""
    return Mixture(start.weights, start.means + np.array([[-1e-3, 0.0], [1e-3, 0.0]]), start.covariances.covariances)


def test_the_measured_rate_is_the_rate_at_which_the_gains_of_plain_em_shrink(tail):
    """At the end of a run, each gain is the gain before times the square of the rate."""
    source, model, states = tail
    gains = [after.log_likelihood - before.log_likelihood for before, after in pairwise(states)]
    slowest = np.sqrt(gains[-1] / gains[-2])
    before, state = states[2:4]
    measured = measure_curvature(
        lambda statistics: source.reduce(model.maximize(statistics, state.mixture.covariances), model.moments),
        before.statistics,
        state.mixture,
        state.statistics,
        np.random.default_rng(0),
    )
    assert 1.0 - measured.rate == pytest.approx(1.0 - slowest, rel=0.4)


def test_the_residual_is_between_half_the_gain_of_the_next_step_and_this_gain(tail):
    """The gain of a step of EM is ``r (I + J) r / 2``, and the eigenvalues of J are between 0 and 1."""
    _, _, states = tail
    for before, state, following in zip(states[:5], states[1:6], states[2:7], strict=True):
        residual = state.statistics - before.statistics.about(state.statistics.origin)
        half = squared_length(residual, state.mixture, state.statistics) / (2.0 * state.statistics.weight)
        gain = following.log_likelihood - state.log_likelihood
        assert 0.49 * gain < half < 1.02 * gain


def test_accelerated_em_leaves_a_saddle_point(saddle):
    source, start, model = saddle
    fit = run_to_limit(source, start, model, tol=1e-4, max_iter=100, accelerate=True)
    apart = Mixture([0.5, 0.5], [[0.0, 0.0], [6.0, 0.0]], np.stack([np.eye(2)] * 2))
    best = run(source, apart, model, tol=1e-8, max_iter=1000)
    assert fit.status is Status.CONVERGED
    assert fit.state.log_likelihood == pytest.approx(best.state.log_likelihood, abs=1e-4)
    assert len(fit.history) == len(fit.skipped) == fit.state.n_iter + 1
    assert (np.diff(fit.history) > -1e-12).all()


def test_plain_em_stays_where_no_step_of_em_leads_on(saddle):
    source, start, model = saddle
    fit = run_to_limit(source, start, model, tol=1e-4, max_iter=100)
    assert fit.status is Status.CONVERGED
    assert np.ptp(fit.history) < 1e-12


def test_plain_em_goes_on_where_a_saddle_point_is_near(saddle):
    source, start, model = saddle
    near = near_saddle(start)
    fit = run_to_limit(source, near, model, tol=1e-4, max_iter=2000)
    assert fit.history[3] - fit.history[2] < 1e-6
    assert fit.history[-1] - fit.history[0] > 0.1
    assert fit.history == tuple(
        state.log_likelihood for state in islice(iterate(source, near, model), len(fit.history))
    )


@every_start
def test_a_converged_fit_goes_on_from_a_plateau_and_keeps_its_history(saddle, accelerate):
    source, start, model = saddle
    stuck = run(source, near_saddle(start), model, tol=1e-4, max_iter=2000)
    assert stuck.status is Status.CONVERGED
    fit = run_to_limit(source, stuck, model, tol=1e-4, max_iter=2000, accelerate=accelerate)
    assert fit.history[: len(stuck.history)] == stuck.history
    assert fit.history[-1] - stuck.history[-1] > 0.1


def test_the_number_of_steps_is_bounded(saddle):
    source, start, model = saddle
    fit = run_to_limit(source, near_saddle(start), model, tol=1e-4, max_iter=7)
    assert fit.status is Status.ITERATION_LIMIT
    assert fit.state.n_iter == 7


def test_the_passes_of_a_test_are_counted_and_large_tables_are_spared(saddle, monkeypatch):
    source, start, model = saddle
    tested = run_to_limit(source, start, model, tol=1e-4, max_iter=100)
    monkeypatch.setattr(limit, "_MOST_ROWS", source.n_rows - 1)
    spared = run_to_limit(source, start, model, tol=1e-4, max_iter=100)
    assert tested.state.n_refused > 0
    assert spared.state.n_refused == 0


def test_one_component_is_not_tested(saddle):
    source, start, model = saddle
    one = Mixture([1.0], start.means[:1], start.covariances.covariances[:1])
    assert run_to_limit(source, one, model, tol=1e-4, max_iter=100, accelerate=True).state.n_refused == 0


def test_an_interruption_of_a_test_keeps_the_fit(saddle, monkeypatch):
    source, start, model = saddle

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(limit, "measure_curvature", interrupt)
    fit = run_to_limit(source, start, model, tol=1e-4, max_iter=100)
    assert fit.status is Status.INTERRUPTED
    assert fit.state.n_iter > 0


def test_a_run_that_ends_at_its_last_step_has_converged_only_within_tol(saddle):
    source, _, model = saddle
    start = Mixture([0.5, 0.5], [[0.0, 0.0], [6.0, 0.0]], np.stack([np.diag([4.0, 4.0])] * 2))
    for max_iter in range(3, 12):
        fit = run_to_limit(source, start, model, tol=1e-4, max_iter=max_iter)
        assert (fit.status is Status.CONVERGED) <= (fit.distance <= 1e-4)
        assert fit.state.n_iter <= max_iter
