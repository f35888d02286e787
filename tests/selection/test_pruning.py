"""The rule that stops EM runs; tests/selection/test_sweeps.py tests that it costs no good model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import clusters
from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.selection import Candidate
from gaussmix.selection.criteria import CRITERIA
from gaussmix.selection.pruning import Pruning, statistics_at_limit
from gaussmix.sources import ArraySource
from gaussmix.statistics import ADDITIVE
from gaussmix.structures import named

criteria = st.sampled_from(sorted(CRITERIA))


def fitted(n_components):
    rows = clusters(np.random.default_rng(3), n=200)
    m_step = MStep(named("VVV"), np.full(2, 1e-6))
    start = Candidate(m_step, 1)
    resp = np.random.default_rng(0).dirichlet(np.ones(n_components), size=len(rows))
    sums = ArraySource(rows).summarize(lambda span, _: resp[span], np.zeros((n_components, 2)), m_step.moments)
    fit = run(ArraySource(rows), m_step.maximize(sums), m_step, tol=1e-6, max_iter=20)
    return replace(start, n_components=n_components, fit=fit)


MODELS = [fitted(k) for k in (1, 2, 3)]


@given(name=criteria)
def test_without_a_model_no_run_is_stopped(name):
    unfitted = Candidate(MODELS[0].m_step, 2, reason="none")
    collapsed = replace(MODELS[2], collapsed=(0,))
    for known in ([], [unfitted], [collapsed]):
        pruning = Pruning.against_best(known, name)
        assert pruning.margins_behind(MODELS[0].statistics, MODELS[0].n_parameters) == -np.inf


@given(name=criteria, order=st.permutations(MODELS))
def test_the_best_model_is_behind_itself_by_nothing_and_no_model_is_ahead(name, order):
    pruning = Pruning.against_best(order, name)
    behind = [pruning.margins_behind(one.statistics, one.n_parameters) for one in MODELS]
    assert min(behind) == 0.0
    assert np.argmin(behind) == np.argmin([one.criterion(name) for one in MODELS])


@given(name=criteria, loss=st.floats(0.0, 1e4))
def test_a_margin_is_ten_and_a_twentieth_of_a_row_each(name, loss):
    pruning = Pruning.against_best(MODELS, name)
    best = min(MODELS, key=lambda one: one.criterion(name))
    worse = replace(
        best.statistics,
        log_likelihood=best.statistics.log_likelihood - loss / 2,
        classification_log_likelihood=best.statistics.classification_log_likelihood - loss / 2,
    )
    assert pruning.margins_behind(worse, best.n_parameters) == pytest.approx(loss / (10 + 200 / 20), abs=1e-9)


@given(near=st.floats(0.0, 1e3), further=st.floats(0.0, 1e3))
def test_a_run_farther_from_its_limit_may_gain_more(near, further):
    sums = MODELS[1].statistics
    gains = [statistics_at_limit(sums, distance).log_likelihood for distance in (0.0, near, near + further)]
    assert gains[0] == sums.log_likelihood
    assert gains == sorted(gains)
    # A run may gain more than the estimate says: twice the estimate must not stop it.
    assert gains[1] >= sums.log_likelihood + 2.0 * near * sums.weight


def test_only_the_log_likelihoods_of_the_limit_differ():
    sums = MODELS[1].statistics
    limit = statistics_at_limit(sums, 0.5)
    for name in set(ADDITIVE) - {"log_likelihood", "classification_log_likelihood"}:
        assert getattr(limit, name) is getattr(sums, name)
    gains = [getattr(limit, name) - getattr(sums, name) for name in ("log_likelihood", "classification_log_likelihood")]
    assert gains[0] == pytest.approx(gains[1])
