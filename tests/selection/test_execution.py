"""The engine, the threads and the parallel models of a search, for rows of any size (views that take no memory)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaussmix.selection.execution import search_source
from gaussmix.sources import ArraySource, Source

COMPONENTS = (1, 2, 4)


def plan(n_rows, n_features=4, *, n_models=14, engine="auto", n_threads=8):
    rows = np.broadcast_to(np.zeros((1, n_features)), (n_rows, n_features))
    return search_source(ArraySource(rows, engine=engine, n_threads=n_threads), COMPONENTS, n_models)


@given(
    n_rows=st.integers(1, 10**7),
    engine=st.sampled_from(["auto", "fused", "reference"]),
    n_threads=st.integers(1, 64),
)
def test_all_threads_go_to_models_or_to_blocks(n_rows, engine, n_threads):
    source, n_workers = plan(n_rows, engine=engine, n_threads=n_threads)
    assert n_workers * source.n_threads == n_threads
    assert 1 in {n_workers, source.n_threads}
    assert source.n_rows == n_rows


@pytest.mark.parametrize("engine", ["fused", "reference"])
@pytest.mark.parametrize("n_rows", [100, 10**5, 10**8])
def test_an_engine_of_the_user_is_kept(engine, n_rows):
    assert plan(n_rows, engine=engine)[0].engine == engine


def test_more_work_never_goes_back_to_the_slower_engine():
    engines = [plan(n_rows)[0].engine for n_rows in 10 ** np.arange(1, 8)]
    assert engines == sorted(engines, key=["reference", "fused"].index)
    assert set(engines) == {"reference", "fused"}
    of_models = [plan(10**3, n_models=n_models)[0].engine for n_models in (1, 1000)]
    assert of_models == ["reference", "fused"]


def test_models_are_fitted_in_parallel_for_passes_of_middle_size_alone():
    workers = [plan(n_rows, engine="fused")[1] for n_rows in (2**14, 2**15, 2**19, 2**19 + 1)]
    assert workers == [1, 8, 8, 1]
    assert {plan(n_rows, engine="reference")[1] for n_rows in (2**14, 2**15, 2**19)} == {1}


def test_the_rows_and_weights_are_not_copied():
    rows, weights = np.ones((50, 2)), np.full(50, 2.0)
    source, _ = search_source(ArraySource(rows, weights), COMPONENTS, 14)
    assert source.rows is rows
    assert source.weights is weights


def test_a_source_of_another_kind_is_returned_as_it_is():
    class Chunked(Source):
        def chunks(self):
            yield np.ones((10, 2))

    source = Chunked()
    assert search_source(source, COMPONENTS, 14) == (source, 1)
