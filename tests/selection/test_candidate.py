from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from cases import clusters
from gaussmix.em import Status, run
from gaussmix.em.degeneracy import collapsed_components
from gaussmix.em.m_step import MStep
from gaussmix.initialization import relative_ridge, responsibilities_from, start_from
from gaussmix.selection import CRITERIA, NAMES, Candidate, best
from gaussmix.selection.candidate import best_sound, rank
from gaussmix.sources import ArraySource
from gaussmix.structures import named

FULL = named("full")


def candidate(rows, labels, k, structure=FULL, *, ridge=None, **options):
    source = ArraySource(rows)
    m_step = MStep(structure, relative_ridge(source) if ridge is None else ridge)
    first = start_from(source, responsibilities_from(labels, len(rows), k), k, m_step)
    fit = run(source, first, m_step, **({"tol": 1e-6, "max_iter": 500} | options))
    return Candidate(m_step, k, fit, collapsed=collapsed_components(fit.state.mixture, m_step.ridge))


def failed(reason="too many"):
    return Candidate(MStep(FULL, np.zeros(2)), 400, reason=reason)


@pytest.fixture(scope="module")
def rows():
    return clusters(np.random.default_rng(0), n=200)


@pytest.fixture(scope="module")
def thirds(rows):
    return candidate(rows, np.arange(200) % 3, 3)


def spiked_and_plain():
    rows = np.random.default_rng(0).normal(size=(300, 2))
    rows[:60, 1] = 1.5
    return candidate(rows, (np.arange(300) < 60).astype(int), 2), candidate(rows, np.zeros(300, int), 1)


def test_it_speaks_of_its_fit(rows, thirds):
    assert thirds.structure is FULL
    assert thirds.n_components == thirds.mixture.n_components == 3
    assert thirds.n_parameters == 2 + 3 * 2 + 3 * 3
    assert thirds.log_likelihood == pytest.approx(thirds.mixture.logpdf(rows).sum())
    assert thirds.statistics is thirds.fit.state.statistics
    assert 0 <= thirds.entropy_r2 <= 1
    for name, formula in CRITERIA.items():
        assert thirds.criterion(name) == formula(thirds.statistics, thirds.n_parameters)


def test_equal_weights_have_no_proportions_to_count(thirds):
    equal = replace(thirds, m_step=replace(thirds.m_step, equal_weights=True))
    assert equal.n_parameters == thirds.n_parameters - 2


def test_without_a_fit_every_criterion_is_infinite():
    none = failed()
    assert [none.criterion(name) for name in NAMES] == [np.inf] * len(NAMES)
    for attribute in ("mixture", "statistics", "log_likelihood", "n_parameters", "entropy_r2"):
        with pytest.raises(ValueError, match=r"^too many$"):
            getattr(none, attribute)


def test_cross_validation_is_minus_twice_the_held_out_log_likelihood(thirds):
    assert thirds.criterion("cv") == np.inf
    assert replace(thirds, held_out=-120.5).criterion("cv") == 241.0
    assert replace(thirds, held_out=3.0).criterion("cv") == -6.0
    assert replace(failed(), held_out=-1.0).criterion("cv") == 2.0
    assert set(NAMES) == {*CRITERIA, "cv", "cv_1se"}
    assert replace(thirds, held_out=-120.5).criterion("cv_1se") == 241.0


def test_the_rank_is_a_fit_then_no_collapse_then_the_likelihood(thirds):
    spiked, plain = spiked_and_plain()
    assert spiked.log_likelihood > plain.log_likelihood
    assert failed().rank < spiked.rank < plain.rank
    likelier = replace(thirds, fit=replace(thirds.fit, state=plain.fit.state))
    order = sorted([thirds, likelier], key=lambda one: one.log_likelihood)
    assert order[0].rank < order[1].rank
    assert failed("a").rank == failed("b").rank


def test_the_status_is_a_word_or_two(rows):
    labels = np.arange(200) % 3
    words = {
        "converged": candidate(rows, labels, 3),
        "max_iter": candidate(rows, labels, 3, max_iter=2, tol=0.0),
        "stopped early": candidate(rows, labels, 3, tol=0.0, hopeless=lambda *_: True),
        "collapsed": spiked_and_plain()[0],
        "failed": failed(),
    }
    assert {word: one.status for word, one in words.items()} == {word: word for word in words}
    assert words["stopped early"].fit.status is Status.BEHIND


def test_the_best_has_the_lowest_criterion(rows):
    cells = [candidate(rows, np.arange(200) % k, k) for k in (1, 2, 3, 4)]
    for name in CRITERIA:
        assert best(cells, name).criterion(name) == min(cell.criterion(name) for cell in cells if cell.sound)
    held_out = [replace(cell, held_out=value) for cell, value in zip(cells, [-9.0, -7.0, -8.0, -9.5], strict=True)]
    assert best(held_out, "cv") is held_out[1]


def test_the_best_is_fitted_and_not_collapsed_where_there_is_such():
    spiked, plain = spiked_and_plain()
    assert spiked.collapsed == (1,)
    assert spiked.criterion("bic") < plain.criterion("bic")
    assert best([spiked, plain], "bic") is plain
    assert best([spiked], "bic") is spiked
    assert best([failed(), spiked], "bic") is spiked


def test_none_fitted_says_the_first_one_s_reason():
    with pytest.raises(ValueError, match=r"^first$"):
        best([failed("first"), failed("second")], "bic")


# --- Soundness -------------------------------------------------------------------------------------------------------


def pair_on_few_rows(n_few=4):
    """Return a fit with a component on few rows that are near each other, and one Gaussian for all rows."""
    rows = np.random.default_rng(0).normal(size=(40, 2))
    rows[:n_few] = 0.02 * rows[:n_few] + 1.0
    return candidate(rows, (np.arange(40) < n_few).astype(int), 2), candidate(rows, np.zeros(40, int), 1)


def test_a_component_on_few_rows_is_spurious():
    few, plain = pair_on_few_rows()
    assert len(few.spurious) == 1
    assert (few.status, few.sound) == ("spurious", False)
    assert (plain.spurious, plain.status, plain.sound) == ((), "converged", True)
    assert failed().spurious == ()


def test_a_component_of_one_row_is_spurious_also_with_a_common_covariance():
    rows = np.vstack([np.random.default_rng(0).normal(size=(40, 2)), [[9.0, 9.0]]])
    lone = candidate(rows, (np.arange(41) == 40).astype(int), 2, named("tied"))
    assert len(lone.spurious) == 1


def test_a_compact_cluster_of_rows_enough_is_sound():
    few, _ = pair_on_few_rows(20)
    assert few.sound


def test_a_spurious_model_is_passed_over():
    few, plain = pair_on_few_rows()
    assert few.criterion("bic") < plain.criterion("bic")
    assert best([few, plain], "bic") is plain
    assert best([few], "bic") is few
    assert sorted([few, plain], key=partial(rank, "bic")) == [plain, few]
    assert best_sound([few, plain], "bic") is plain
    assert best_sound([failed()], "bic") is None


def test_a_sound_fit_of_a_model_is_better_than_a_spurious_one(thirds):
    few, _ = pair_on_few_rows()
    likelier, worse = (few, thirds) if few.rank > thirds.rank else (thirds, few)
    assert {likelier, worse} == {few, thirds}
    assert few.improve(thirds) is thirds
    assert thirds.improve(few) is thirds
    assert failed().improve(few) is few
    assert few.improve(failed()) is few


def test_the_rule_of_one_error_takes_the_fewest_parameters_near_the_best(rows):
    cells = [candidate(rows, np.arange(200) % k, k) for k in (1, 2, 3)]
    values, errors = [-9.0, -7.5, -7.0], [1.0, 1.0, 0.0]
    held_out = [
        replace(cell, held_out=value, held_out_error=error)
        for cell, value, error in zip(cells, values, errors, strict=True)
    ]
    assert best(held_out, "cv") is held_out[2]
    assert best(held_out, "cv_1se") is held_out[1]
    nearer = [replace(held_out[0], held_out_error=2.5), *held_out[1:]]
    assert best(nearer, "cv_1se") is nearer[0]
    assert best(held_out[2:], "cv_1se") is held_out[2]
