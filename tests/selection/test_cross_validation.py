"""Cross-validation of a search; tests/estimators/test_search.py compares its values with independent fits."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from cases import clusters
from gaussmix.initialization import make_models
from gaussmix.selection import Search, cross_validate, n_evaluations
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
