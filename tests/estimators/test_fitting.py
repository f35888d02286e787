import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from cases import clusters
from gaussmix import GaussianMixture
from gaussmix.em import Status, run
from gaussmix.em.batch import BatchEM
from gaussmix.em.m_step import MStep
from gaussmix.estimators.progress import Progress
from gaussmix.fitting import regularize, runs
from gaussmix.fitting.report import FitReport, best_of
from gaussmix.mixture import Mixture
from gaussmix.moments import FULL
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)


@pytest.fixture
def rows():
    return clusters(np.random.default_rng(0), 300)


@pytest.fixture
def outcome(rows):
    model = MStep(named("full"), np.full(2, 1e-6))
    first = Mixture([0.5, 0.5], rows[:2], np.repeat(np.eye(2)[None], 2, axis=0))
    fit = run(ArraySource(rows), first, model, tol=1e-5, max_iter=500)
    return FitReport(fit, model, (fit.state.log_posterior,), n_passes=20.0, score=fit.state.log_posterior)


def holding(outcome, *components):
    return replace(outcome, m_step=regularize(outcome.m_step, components, 2, np.ones(2)))


def ending(outcome, status, value=None):
    """The outcome, said to have ended like that, at another log-likelihood."""
    state = outcome.fit.state
    if value is not None:
        weighed = replace(state.statistics, log_likelihood=value * state.statistics.weight)
        state = replace(state, statistics=weighed)
    reason = "Component 0 has no spread." if status is Status.COLLAPSED else ""
    fit = replace(outcome.fit, state=state, status=status, reason=reason)
    return replace(outcome, fit=fit, score=state.log_posterior)


def is_a_sentence(text):
    return text[0].isupper() and text.endswith(".") and "  " not in text and re.search(r"\d", text)


# --- Outcomes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", list(Status))
def test_every_ending_reads_as_a_sentence_with_numbers(outcome, status):
    one = ending(outcome, status)
    assert is_a_sentence(one.message(1e-4))
    assert one.status is status
    assert is_a_sentence(holding(one, 1).message(1e-4))
    assert "nan" not in one.message(1e-4)


def test_what_is_left_is_said_where_it_is_not_known(outcome):
    short = replace(outcome.fit, history=outcome.fit.history[:2], status=Status.ITERATION_LIMIT)
    assert "gains are not shrinking yet" in replace(outcome, fit=short).message(1e-4)


def test_the_first_thing_to_know_comes_first(outcome):
    assert outcome.status is Status.CONVERGED
    assert holding(outcome, 0).status is Status.REGULARIZED
    assert ending(holding(outcome, 0), Status.ITERATION_LIMIT).status is Status.ITERATION_LIMIT


def test_who_is_held_is_named_with_its_rows(outcome):
    mass = outcome.fit.state.statistics.mass
    assert f"Component 1 would have collapsed, with {mass[1]:.3g} rows" in holding(outcome, 1).message(1e-4)
    both = holding(outcome, 0, 1).message(1e-4)
    assert f"Components 0, 1 would have collapsed, with {mass[0]:.3g}, {mass[1]:.3g} rows" in both


@pytest.mark.parametrize(
    ("optima", "n"),
    [((-3.0,), 1), ((-3.0, -3.0005), 1), ((-3.0, -3.1), 2), ((-3.0, -3.0001, -3.1, -3.2, -3.2005), 3)],
)
def test_optima_that_differ_by_little_are_one(outcome, optima, n):
    one = replace(outcome, optima=optima)
    assert one.n_optima == n
    assert ("optim" in one.message(1e-4)) == (n > 1)


def test_the_most_likely_outcome_is_the_best(outcome):
    better, worse = (ending(outcome, Status.CONVERGED, value) for value in (-1.0, -2.0))
    assert best_of([worse, better]).fit is better.fit
    assert best_of([better, worse]).fit is better.fit


def test_the_outcome_of_the_highest_objective_is_best_whatever_is_regularize(outcome):
    plain, higher = (ending(outcome, Status.CONVERGED, value) for value in (-2.0, -1.0))
    assert best_of([holding(higher, 0), plain]).fit is higher.fit
    assert best_of([holding(plain, 0), higher]).fit is higher.fit


def test_an_outcome_that_was_interrupted_is_the_last_choice(outcome):
    plain, likelier = ending(outcome, Status.CONVERGED, -2.0), ending(outcome, Status.INTERRUPTED, -1.0)
    best = best_of([plain, likelier])
    assert best.fit.state is plain.fit.state
    assert best.status is Status.INTERRUPTED


def test_the_best_knows_of_all_optima_and_passes(outcome):
    some = [replace(outcome, optima=optima, n_passes=7.0) for optima in ((-3.0, -5.0), (-4.0,))]
    best = best_of(some)
    assert best.optima == (-3.0, -4.0, -5.0)
    assert best.n_optima == 3
    assert best.n_passes == 14.0


# --- Fits ------------------------------------------------------------------------------------------------------------


def test_more_explorations_know_of_more_optima(rows):
    one, three = (GaussianMixture(3, n_init=n_init, random_state=0).fit(rows) for n_init in (1, 3))
    assert len(three.optima_) > len(one.optima_)
    assert list(three.optima_) == sorted(three.optima_, reverse=True)
    differ = -np.diff(three.optima_) > 1e-3
    assert three.n_optima_ == 1 + differ.sum()
    assert three.n_passes_ > one.n_passes_
    assert three.log_posterior_ >= one.log_posterior_ - 1e-12


@every_structure
def test_the_history_never_falls_without_a_ridge(structure, rows):
    model = GaussianMixture(3, covariance_type=structure.name, reg_covar=0, max_iter=500, random_state=0).fit(rows)
    assert (np.diff(model.history_) >= -1e-10).all()
    assert model.status_ is Status.CONVERGED


def test_without_iterations_the_start_is_the_answer(rows):
    model = GaussianMixture(3, max_iter=0, random_state=0).fit(rows)
    assert model.n_iter_ == 0
    assert len(model.history_) == 1
    assert model.log_likelihood_ == pytest.approx(model.score(rows))


def test_a_row_far_away_is_held_named_and_no_spike():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 2)) + np.outer(np.arange(200) % 2, [9.0, 0.0])
    far = np.concatenate([rows, [[3e3, 4e3]]])
    with pytest.warns(ConvergenceWarning, match="would have collapsed, with 1 rows") as warned:
        model = GaussianMixture(3, tol=1e-7, random_state=0).fit(far)
    assert len(warned) == 1
    alone = GaussianMixture(2, tol=1e-7, random_state=0).fit(rows)
    k = int(model.predict([[3e3, 4e3]])[0])
    assert model.status_ is Status.REGULARIZED
    assert f"Component {k} would" in model.message_
    assert np.linalg.eigvalsh(model.covariances_[k]).min() > 1e-2
    others = [j for j in np.argsort(model.means_[:, 0]) if j != k]
    order = np.argsort(alone.means_[:, 0])
    np.testing.assert_allclose(model.means_[others], alone.means_[order], atol=1e-3)
    np.testing.assert_allclose(model.covariances_[others], alone.covariances_[order], atol=1e-3)
    np.testing.assert_allclose(model.weights_[others] * 201 / 200, alone.weights_[order], atol=1e-3)


@pytest.mark.parametrize("n_features", [1, 3])
@every_structure
def test_duplicates_without_a_ridge_stop_no_fit(structure, n_features):
    distinct = np.random.default_rng(0).normal(size=(4, n_features))
    rows = np.repeat(distinct, [20, 10, 5, 1], axis=0)
    for n_components in (2, 6):
        model = GaussianMixture(n_components, covariance_type=structure.name, reg_covar=0, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(rows)
        assert np.isfinite(model.score_samples(rows)).all()
        assert np.isfinite(model.history_).all()
        assert model.weights_.sum() == pytest.approx(1.0)


@every_structure
@pytest.mark.parametrize("seed", [0, 2])
@pytest.mark.parametrize("n_features", [1, 2])
def test_duplicates_without_a_ridge_end_with_nothing_collapsed(structure, n_features, seed):
    rows = np.repeat(np.random.default_rng(seed).normal(size=(4, n_features)), [20, 10, 5, 1], axis=0)
    model = GaussianMixture(4, covariance_type=structure.name, reg_covar=0, max_iter=500, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows)
    assert model.status_ is not Status.COLLAPSED
    assert model.log_posterior_ > -100


def test_many_rows_on_a_line_are_flat_and_left_to_the_ridge():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2))
    rows[200:] = rows[200:, :1] * [1.0, 2.0] + [20.0, 0.0]
    with pytest.warns(ConvergenceWarning, match="from reg_covar alone"):
        model = GaussianMixture(2, random_state=0).fit(rows)
    assert model.status_ is Status.FLAT
    k = int(model.predict([[20.0, 0.0]])[0])
    assert f"Component {k} with 200 rows" in model.message_
    normal = np.array([2.0, -1.0]) / np.sqrt(5.0)
    ridge = 1e-6 * rows.var(axis=0)
    assert normal @ model.covariances_[k] @ normal < 2 * ridge.max()


@pytest.mark.parametrize("n_init", [1, 3])
def test_an_interruption_keeps_the_best_so_far_and_says_so(monkeypatch, rows, n_init):
    done = []

    def interrupted(*arguments, **options):
        done.append(1)
        if len(done) == 3:
            raise KeyboardInterrupt
        return run(*arguments, **options)

    monkeypatch.setattr(runs, "run", interrupted)
    monkeypatch.setattr(runs, "run_to_limit", interrupted)
    with pytest.warns(ConvergenceWarning, match=r"Interrupted after \d+ passes over the rows: the best so far is kept"):
        model = GaussianMixture(3, n_init=n_init, random_state=0).fit(rows)
    assert model.status_ is Status.INTERRUPTED
    assert not model.converged_
    assert np.isfinite(model.score_samples(rows)).all()
    assert len(model.optima_) == 1


def test_an_interruption_of_the_long_run_keeps_the_best_so_far_and_says_so(monkeypatch):
    rows = clusters(np.random.default_rng(0), 300, spread=1.0)

    def interrupt(_self, _start, state, _gain):
        if state.n_iter > 8:
            raise KeyboardInterrupt

    monkeypatch.setattr(Progress, "watch", interrupt)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        model = GaussianMixture(3, tol=1e-10, random_state=0).fit(rows)
    assert model.status_ is Status.INTERRUPTED
    assert model.log_likelihood_ == pytest.approx(model.score(rows))


def test_an_interruption_before_any_run_is_passed_on(monkeypatch, rows):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "run", interrupted)
    monkeypatch.setattr(runs, "run_to_limit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        GaussianMixture(3, random_state=0).fit(rows)


@pytest.mark.parametrize("n_components", [1, 2])
def test_every_pass_of_the_estimator_is_counted(monkeypatch, rows, n_components):
    passes, reduce = [], ArraySource.reduce

    def counting(self, mixture, moments):
        passes.extend([self.n_rows] * (moments is FULL))  # the sizes of the columns are no part of a run
        return reduce(self, mixture, moments)

    expect = BatchEM.expect

    def expecting(self, batch):
        passes.extend([len(self.rows)] * len(batch))
        return expect(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(ArraySource, "reduce", counting)
        patch.setattr(BatchEM, "expect", expecting)
        model = GaussianMixture(n_components, random_state=0).fit(rows)
    assert model.n_passes_ == pytest.approx(sum(passes) / len(rows))


def test_what_is_flat_is_worth_less_than_it_looks(outcome):
    plain, flat = ending(outcome, Status.CONVERGED, -2.0), ending(outcome, Status.CONVERGED, -1.0)
    assert best_of([plain, replace(flat, score=-3.0)]).fit is plain.fit


def test_given_means_are_where_the_fit_begins(rows):
    begun = GaussianMixture(3, means_init=rows[:3], max_iter=0).fit(rows)
    np.testing.assert_array_equal(begun.means_, rows[:3])
    assert GaussianMixture(3, means_init=rows[:3], max_iter=1000).fit(rows).converged_
