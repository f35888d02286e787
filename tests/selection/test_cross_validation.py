"""Cross-validation of a search; tests/estimators/test_search.py compares its values with independent fits."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from cases import clusters
from gaussmix.em.m_step import MStep
from gaussmix.initialization import make_models
from gaussmix.selection import Candidate, Search, cross_validate, n_evaluations
from gaussmix.selection.cross_validation import _with_held_out
from gaussmix.sources import ArraySource, Source
from gaussmix.structures import named


def plan(source, **options):
    return Search(source, (1, 2, 3), make_models([named("VVV"), named("EEI")], source), criterion="aic", **options)


def test_each_model_is_evaluated_with_all_rows_and_without_each_part():
    search, evaluated = plan(ArraySource(clusters(np.random.default_rng(0), n=150)), n_walks=2), []
    results = cross_validate(search, np.random.default_rng(0), evaluated.append)
    assert results.criterion == "cv"
    assert not results.interrupted
    assert len(evaluated) == n_evaluations(search)
    assert all(one.held_out < one.log_likelihood for one in results.candidates)
    assert results.best.n_components == 3


def test_rows_that_are_not_in_memory_are_refused_before_the_search():
    class Elsewhere(Source):
        n_features, dtype = 2, np.dtype(float)

        def chunks(self):
            raise AssertionError

    with pytest.raises(TypeError, match="criterion='cv' needs rows in memory"):
        cross_validate(Search(Elsewhere(), (1,), ()), np.random.default_rng(0))


@dataclass(frozen=True, eq=False)
class Interrupted(ArraySource):
    """Rows of which one pass is interrupted, also when the pass is over a part of the rows."""

    last: int = 10**6
    passes: list[int] = field(default_factory=list)

    def reduce(self, mixture, moments):
        self.passes.append(1)
        if len(self.passes) == self.last:
            raise KeyboardInterrupt
        return super().reduce(mixture, moments)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_an_interruption_leaves_no_held_out_log_likelihoods_and_is_a_value(share):
    rows = clusters(np.random.default_rng(0), n=150)
    whole = Interrupted(rows)
    cross_validate(plan(whole), np.random.default_rng(0))
    source = Interrupted(rows, last=int(share * len(whole.passes)))
    results = cross_validate(plan(source), np.random.default_rng(0))
    assert results.interrupted
    assert results.criterion == "cv"
    assert all(one.held_out is None for one in results.candidates)


def test_repeats_average_over_cuts_and_errors_are_those_of_differences():
    search = plan(ArraySource(clusters(np.random.default_rng(0), n=150)))
    evaluated = []
    results = cross_validate(search, np.random.default_rng(0), evaluated.append, n_repeats=2, criterion="cv_1se")
    assert len(evaluated) == n_evaluations(search, 2)
    best = max(results.candidates, key=lambda one: one.held_out)
    assert best.held_out_error == 0.0
    others = [one for one in results.candidates if one is not best]
    assert all(one.held_out_error > 0 for one in others)
    assert results.best.n_parameters <= best.n_parameters
    assert results.best.held_out >= best.held_out - results.best.held_out_error
    assert results.columns["cv_error"] == [2.0 * one.held_out_error for one in results.candidates]
    once = cross_validate(search, np.random.default_rng(0))
    assert [one.held_out for one in once.candidates] != [one.held_out for one in results.candidates]
    np.testing.assert_allclose(
        [one.held_out for one in once.candidates], [one.held_out for one in results.candidates], rtol=0.05
    )


def test_the_error_is_that_of_a_sum_over_the_parts():
    one, other = (Candidate(MStep(named(name), np.ones(2)), 1) for name in ("VVV", "EEI"))
    values, leads = [0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0, 5.0]
    cut = [
        {(one.structure, 1): value, (other.structure, 1): value + lead}
        for value, lead in zip(values, leads, strict=True)
    ]
    a, b = _with_held_out([one, other], [cut])
    assert (a.held_out, b.held_out) == (10.0, 25.0)
    assert b.held_out_error == 0.0
    assert a.held_out_error == pytest.approx(np.sqrt(5 * np.var(leads, ddof=1)))
