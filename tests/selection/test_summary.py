"""The words about a search follow from what the search saw."""

from dataclasses import replace

import numpy as np
import pytest

from cases import clusters
from gaussmix.em import Status, run
from gaussmix.em.m_step import MStep
from gaussmix.initialization import relative_ridge, responsibilities_from, start_from
from gaussmix.selection import Candidate, SearchResults
from gaussmix.selection.summary import different_models
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

ROWS = clusters(np.random.default_rng(0), n=200)


def fitted(structure, k, rows=ROWS, labels=None):
    source = ArraySource(rows)
    m_step = MStep(named(structure), relative_ridge(source))
    labels = np.arange(len(rows)) % k if labels is None else labels
    start = start_from(source, responsibilities_from(labels, len(rows), k), k, m_step)
    return Candidate(m_step, k, run(source, start, m_step, tol=1e-6, max_iter=500))


def with_bic(candidate, bic, **changes):
    """The candidate with another likelihood, so that it has this BIC."""
    state, fit = candidate.fit.state, candidate.fit
    log_likelihood = (candidate.n_parameters * np.log(state.statistics.weight) - bic) / 2
    state = replace(state, statistics=replace(state.statistics, log_likelihood=float(log_likelihood)))
    if "n_iter" in changes:
        state = replace(state, n_iter=changes.pop("n_iter"))
    return replace(candidate, fit=replace(fit, state=state, **changes))


CHOSEN = with_bic(fitted("tied", 2), 1000.0)


def summary(*others, chosen=CHOSEN, criterion="bic", interrupted=False):
    return SearchResults((chosen, *others), criterion, interrupted).summary()


def test_the_rule_of_one_error_is_said_in_words():
    smaller, larger = (
        replace(fitted("tied", k), held_out=value, held_out_error=error)
        for k, value, error in ((2, -501.0, 3.0), (3, -500.0, 0.0))
    )
    text = summary(larger, chosen=smaller, criterion="cv_1se")
    assert text.startswith(
        "tied (ellipses, equal volume, shape and axes) with 2 components has the fewest parameters of the models "
        "less than one standard error from the lowest CV; its CV is 1002.00; of 2 different models."
    )
    assert "is tied with 3 (2.00 less)" in text
    assert not is_graded(text)
    assert "The choice is unclear" not in text


def test_the_best_rivals_of_another_number_and_of_another_structure_are_named():
    others = [with_bic(fitted(*model), bic) for model, bic in ((("tied", 3), 1004.0), (("full", 2), 1007.5))]
    text = summary(*others)
    assert text.startswith(
        "tied (ellipses, equal volume, shape and axes) with 2 components has the lowest BIC, 1000.00, "
    )
    assert "of 3 different models." in text
    assert (
        "The best model with another number of components is tied with 3 (4.00 more), and with another structure is "
        "full with 2 (7.50 more)." in text
    )


@pytest.mark.parametrize(
    ("gap", "words"),
    [
        (1.9, "The choice is unclear: models less than 2 apart describe the rows equally well."),
        (2.1, "A difference of 2.10 is positive evidence by the convention"),
        (5.9, "A difference of 5.90 is positive evidence"),
        (6.1, "A difference of 6.10 is strong evidence"),
        (10.1, "A difference of 10.10 is very strong evidence"),
    ],
)
def test_the_strength_follows_from_the_gap(gap, words):
    text = summary(with_bic(fitted("full", 2), 1000 + gap))
    assert words in text
    assert "It is unclear" not in text


def is_graded(text):
    return "evidence" in text


FAR = with_bic(fitted("full", 2), 1050.0)
SLOW = tuple(-5.0 - 0.5**i for i in range(8))


@pytest.mark.parametrize(
    ("stopped", "open_"),
    [
        ({"n_iter": 3, "history": SLOW[:4]}, True),  # too few steps for an estimate of the limit
        ({"n_iter": 7, "history": SLOW}, False),  # 0.008 nats per row below its limit, 1.6 in all
        ({"n_iter": 7, "history": tuple(-5 - 0.9**i for i in range(8))}, True),  # 0.5 nats per row below its limit
    ],
)
def test_a_stopped_rival_within_reach_takes_the_grade(stopped, open_):
    text = summary(FAR, with_bic(fitted("VVE", 2), 1030.0, status=Status.BEHIND, **stopped))
    assert is_graded(text) != open_
    assert ("1 model was stopped too early to rule it out (try stop_early=False)" in text) == open_
    assert "of 3 different models (1 stopped early)" in text


def test_an_unsound_component_takes_the_grade():
    rows = np.concatenate([ROWS, [[40.0, 40.0], [40.1, 40.0], [40.0, 40.1]]])
    labels = (np.arange(203) >= 200).astype(int)
    spiked = with_bic(fitted("full", 2, rows, labels), 900.0)
    text = summary(with_bic(fitted("diag", 2, rows, labels), 1000.0), chosen=spiked)
    assert not is_graded(text)
    assert "It is unclear whether this is the right model: components of the chosen model look spurious." in text
    assert (
        "Component 1 with 3.0 rows (few rows, tight) looks spurious, and criteria reward that: try fewer components, "
        "structures with fewer parameters, or prior='weak'." in text
    )


@pytest.mark.parametrize(("n_rows", "few"), [(109, True), (110, False)])
def test_few_rows_take_the_grade(n_rows, few):
    rows = clusters(np.random.default_rng(1), n=n_rows)
    chosen, other = with_bic(fitted("full", 2, rows), 100.0), with_bic(fitted("tied", 2, rows), 200.0)
    assert is_graded(summary(other, chosen=chosen)) != few
    assert (f"{n_rows} rows are few for 11 parameters" in summary(other, chosen=chosen)) == few


def test_an_interruption_or_an_unfinished_fit_takes_the_grade():
    assert "the search was interrupted" in summary(FAR, interrupted=True)
    unfinished = with_bic(CHOSEN, 1000.0, status=Status.ITERATION_LIMIT)
    assert "its fit did not converge" in summary(FAR, chosen=unfinished)
    assert not is_graded(summary(FAR, chosen=unfinished))


def test_only_bic_is_graded():
    assert not is_graded(SearchResults((CHOSEN, FAR), "aic").summary())


def test_a_single_model_has_no_rivals():
    text = summary()
    assert text.endswith("has the lowest BIC, 1000.00, of 1 model.")


@pytest.mark.parametrize(("n_features", "different"), [(1, 1), (2, 3), (5, 3)])
def test_with_one_component_structures_coincide(n_features, different):
    rows = np.random.default_rng(0).normal(size=(50, n_features))
    ones = [fitted(structure.name, 1, rows) for structure in STRUCTURES]
    assert len(different_models(ones)) == different
    likelihoods = {round(one.log_likelihood, 6) for one in ones}
    assert len(likelihoods) == different


def test_the_126_models_are_115():
    m_steps = [MStep(structure, np.ones(2)) for structure in STRUCTURES]
    assert len(different_models(Candidate(m_step, k) for m_step in m_steps for k in range(1, 10))) == 115


def test_equal_models_are_not_rivals():
    rows = np.random.default_rng(0).normal(size=(100, 2))
    results = SearchResults(tuple(fitted(name, 1, rows) for name in ("tied", "VEE", "full", "diag")), "bic")
    assert len(results.runners_up) == 1
