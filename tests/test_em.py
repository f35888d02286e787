import itertools

import numpy as np
import pytest

from cases import clusters, mixture
from gaussmix.em import IllDefinedCovarianceError, MStep, Status, distance_to_limit, iterate, run
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.starts import given
from gaussmix.structures import named

FULL = named("full")
NO_RIDGE = np.zeros(2)
MODEL = MStep(FULL, NO_RIDGE)


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    rows = clusters(rng, n=400)
    return ArraySource(rows), mixture(rng, spread=1.0)


def test_the_distance_to_the_limit_of_a_geometric_sequence_is_exact():
    values = [5.0 - 3.0 * 0.9**i for i in range(10)]
    assert distance_to_limit(values) == pytest.approx(5.0 - values[-1])


@pytest.mark.parametrize(
    ("history", "distance"),
    [
        ([-3.0], np.inf),
        ([-3.0, -2.0], np.inf),
        ([-3.0, -2.0, -1.9], np.inf),
        ([-9.0, -3.0, -2.999, -2.99], np.inf),  # gains that grow: leaving a plateau
        ([-99.0, -3.0, -2.0, -1.5], 0.5),  # the gain of the first step from a poor start says nothing
        ([-3.0, -2.0, -2.0], 0.0),
        ([-2.0, -2.0], 0.0),
        ([-3.0, -2.0, -2.001], 0.001),
    ],
)
def test_the_distance_to_the_limit(history, distance):
    assert distance_to_limit(history) == pytest.approx(distance)


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
def test_a_converged_fit_is_within_tol_of_its_limit(problem, tol):
    source, _ = problem
    first = given("k-means++", source, 3, MODEL, np.random.default_rng(0))
    fit = run(source, first, MODEL, tol=tol, max_iter=5000)
    limit = run(source, fit.state.mixture, MODEL, tol=1e-14, max_iter=5000)
    assert fit.status is Status.CONVERGED
    assert limit.state.log_likelihood - fit.state.log_likelihood < 2 * tol


def test_each_log_likelihood_belongs_to_its_own_mixture(problem):
    source, first = problem
    for state in itertools.islice(iterate(source, first, MODEL), 4):
        assert state.log_likelihood == pytest.approx(state.mixture.logpdf(source.rows).mean())


def test_the_history_is_of_every_mixture_on_the_way(problem):
    source, first = problem
    seen = []
    fit = run(
        source,
        first,
        MODEL,
        tol=0.0,
        max_iter=5,
        watch=lambda state, gain: seen.append((state.n_iter, gain)),
    )
    assert fit.status is Status.ITERATION_LIMIT
    assert fit.state.n_iter == 5
    assert len(fit.history) == 6
    assert fit.history[0] == pytest.approx(first.logpdf(source.rows).mean())
    assert [n for n, _ in seen] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose([gain for _, gain in seen], np.diff(fit.history))


def test_no_steps_give_back_the_start(problem):
    source, first = problem
    fit = run(source, first, MODEL, tol=1e-3, max_iter=0)
    assert fit.state.mixture is first
    assert fit.history == (fit.state.log_likelihood,)


def test_going_on_is_the_same_as_not_stopping(problem):
    source, first = problem
    whole = run(source, first, MODEL, tol=0.0, max_iter=6)
    half = run(source, first, MODEL, tol=0.0, max_iter=3)
    rest = run(source, half.state.mixture, MODEL, tol=0.0, max_iter=3, history=half.history)
    assert rest.history == whole.history
    np.testing.assert_array_equal(rest.state.mixture.means, whole.state.mixture.means)


def test_a_history_of_other_rows_is_forgotten(problem):
    source, first = problem
    fit = run(source, first, MODEL, tol=0.0, max_iter=2, history=(-9.0, -8.0))
    assert len(fit.history) == 3


def test_a_collapse_is_named_with_its_component():
    rows = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 1.0], [6.0, 2.0], [5.0, 3.0]])
    first = Mixture([0.5, 0.5], [[0.0, 0.0], [5.0, 2.0]], [1.0, 1.0])
    with pytest.raises(IllDefinedCovarianceError, match=r"ill-defined empirical covariance .* component 0"):
        run(ArraySource(rows), first, MODEL, tol=0.0, max_iter=100)


def test_a_ridge_holds_a_component_open():
    rows = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 1.0], [6.0, 2.0], [5.0, 3.0]])
    first = Mixture([0.5, 0.5], [[0.0, 0.0], [5.0, 2.0]], [1.0, 1.0])
    fit = run(ArraySource(rows), first, MStep(FULL, np.array([1e-4, 1e-2])), tol=1e-9, max_iter=100)
    np.testing.assert_allclose(fit.state.mixture.covariances.covariances[0], np.diag([1e-4, 1e-2]), atol=1e-12)
