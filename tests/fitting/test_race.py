from dataclasses import replace

import numpy as np
import pytest

from gaussmix import Mixture
from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.fitting.race import race
from gaussmix.sources import ArraySource
from gaussmix.structures import named


@pytest.fixture
def fit():
    """A fit, of which runs with other histories are made."""
    rows = np.random.default_rng(0).normal(size=(50, 1))
    start = Mixture([0.5, 0.5], [[-1.0], [1.0]], np.ones((2, 1, 1)))
    return run(ArraySource(rows), start, MStep(named("full"), np.zeros(1)), tol=0.0, max_iter=1)


def runs(fit, *values):
    return [replace(fit, history=(value,)) for value in values]


def best_first(fits):
    return sorted(fits, key=lambda one: -one.history[-1])


def value(fit):
    return fit.history[-1]


def test_the_better_half_goes_on_at_each_rung(fit):
    asked = []

    def go_on(one, steps):
        asked.append((value(one), steps))
        return one

    left = race(runs(fit, 5, 4, 3, 2, 1), (2, 5), go_on, best_first)
    assert asked == [(5, 2), (4, 2), (3, 2), (5, 5), (4, 5)]
    assert list(map(value, left)) == [5, 4]


def test_a_candidate_that_rises_later_can_win(fit):
    rising = {3: 10}
    left = race(
        runs(fit, 5, 4, 3),
        (2,),
        lambda one, _: replace(one, history=(rising.get(value(one), 0),)),
        best_first,
        n_kept=3,
    )
    assert value(left[0]) == 10


def test_so_many_candidates_are_never_left_out(fit):
    left = race(runs(fit, 5, 4, 3, 2), (2, 5), lambda one, _: one, best_first, n_kept=3)
    assert list(map(value, left)) == [5, 4, 3]


def test_a_candidate_that_collapses_is_left_out(fit):
    left = race(runs(fit, 5, 4, 3), (2,), lambda one, _: None if value(one) == 5 else one, best_first)
    assert list(map(value, left)) == [4]


def test_the_race_ends_with_a_leader_whose_end_cannot_matter(fit):
    asked = []

    def go_on(one, _steps):
        asked.append(value(one))
        return one

    left = race(runs(fit, 5, 4, 3), (2, 5), go_on, best_first, is_hopeless=lambda one: value(one) == 5)
    assert list(map(value, left)) == [5]
    assert asked == [5]


def test_a_race_without_candidates_has_no_winner():
    assert race([], (2, 5), lambda one, _: one, best_first) == []
