"""The evaluation of one model; tests/selection/test_sweeps.py tests what whole searches find."""

from dataclasses import dataclass, field
from functools import partial
from threading import Event

import numpy as np
import pytest

from cases import clusters
from gaussmix import Mixture
from gaussmix.em.m_step import MStep
from gaussmix.selection import Candidate, Search
from gaussmix.selection.evaluation import Evaluation
from gaussmix.selection.pruning import Pruning
from gaussmix.sources import ArraySource
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import named
from source_registry import Chunked


@dataclass(frozen=True, eq=False)
class Watched(ArraySource):
    """Rows of which a pass sets an event, as Ctrl-C in another thread does."""

    last: int = 0
    event: Event = field(default_factory=Event)
    passes: list[int] = field(default_factory=list)

    def reduce(self, mixture, moments):
        self.passes.append(1)
        if len(self.passes) == self.last:
            self.event.set()
        return super().reduce(mixture, moments)


def start_at(means, _m_step):
    return Mixture([0.5, 0.5], means, [np.eye(2)] * 2)


def evaluate(source):
    m_step = MStep(named("VVV"), np.full(2, 1e-6))
    search = Search(source, (2,), (m_step,), tol=0.0, max_iter=200, stop_early=False)
    starts = [partial(start_at, source.rows[[i, i + 1]]) for i in (0, 5, 10)]
    return Evaluation(search, Candidate(m_step, 2), Pruning("bic"), source.event).run(lambda _: starts)


ROWS = clusters(np.random.default_rng(0), n=150, spread=1.0)


def test_an_evaluation_keeps_its_best_fit():
    source = Watched(ROWS)
    candidate = evaluate(source)
    assert candidate.fit
    assert candidate.n_passes == pytest.approx(len(source.passes), rel=0.1)
    assert len(source.passes) > 60


@pytest.mark.parametrize("last", [1, 2, 7, 20, 60])
def test_an_interruption_in_another_thread_ends_an_evaluation_at_its_next_step(last):
    source = Watched(ROWS, last=last)
    assert evaluate(source) is None
    assert last <= len(source.passes) <= last + 1


def test_batches_are_for_complete_rows_in_memory_that_are_not_far_from_each_other():
    models = (MStep(named("VVV"), np.full(2, 1e-6)),)
    assert Search(ArraySource(ROWS), (2,), models).rows_for_batches is not None
    holes = ROWS.copy()
    holes[3, 0] = np.nan
    far = ROWS.copy()
    far[3, 0] = 1e9
    for source in (IncompleteSource.of(holes), ArraySource(far), Chunked(ROWS)):
        assert Search(source, (2,), models).rows_for_batches is None
