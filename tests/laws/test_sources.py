"""Laws of every source: a pass over it gives what the plain arithmetic gives for all of its rows at once."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import FORMS, MOMENTS, mixture
from gaussmix.engines import ENGINES, reference
from gaussmix.sources import ArraySource, Source
from gaussmix.statistics import ADDITIVE
from source_registry import EVERY_SOURCE, Table

FIELDS = sorted(set(ADDITIVE) - {"skipped"})  # what an engine skips depends on the blocks

every_source = pytest.mark.parametrize("make", EVERY_SOURCE.values(), ids=EVERY_SOURCE)
CASE = {
    "seed": st.integers(0, 2**32 - 1),
    "n": st.sampled_from([1, 2, 130, 1500]),
    "n_components": st.integers(1, 6),
    "n_features": st.integers(1, 5),
    "dtype": st.sampled_from([np.float64, np.float32]),
    "weighted": st.booleans(),
    "engine": st.sampled_from(sorted(ENGINES)),
}


def table(folder, seed, n, n_components, n_features, dtype, weighted, engine, n_threads=None):
    rng = np.random.default_rng(seed)
    rows = rng.normal(scale=3.0, size=(n, n_features)).astype(dtype)
    return Table(rows, rng.uniform(0.5, 2.0, n) if weighted else None, folder, n_components, engine, n_threads)


def weights_of(given_table):
    return np.ones(len(given_table.rows)) if given_table.weights is None else given_table.weights


def tolerance(dtype):
    """Relative error of sums: rows of single precision are summed in double, but products of them are not."""
    return 1e-9 if dtype == np.float64 else 2e-5


def assert_same(found, expected, rtol):
    for name in FIELDS:
        left, right = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(left, right, rtol=rtol, atol=rtol * np.abs(right).max(initial=1.0), err_msg=name)


@every_source
@given(**CASE)
def test_a_source_knows_the_sizes_of_its_rows(make, tmp_path, **case):
    known = table(tmp_path, **case)
    source = make(known)
    assert (source.n_rows, source.n_features, source.dtype) == (*known.rows.shape, known.rows.dtype)
    assert source.weight == pytest.approx(weights_of(known).sum())
    assert source.largest == np.abs(known.rows).max()
    assert source.all_equal == (len(known.rows) == 1)


@every_source
@given(**CASE)
def test_blocks_hold_all_rows_once_in_their_order(make, tmp_path, **case):
    known = table(tmp_path, **case)
    blocks = list(make(known).blocks(known.n_components))
    np.testing.assert_array_equal(np.concatenate([block.rows for block in blocks]), known.rows, strict=True)
    np.testing.assert_array_equal(np.concatenate([block.weights for block in blocks]), weights_of(known))
    places = np.concatenate([np.arange(len(known.rows))[block.span] for block in blocks])
    np.testing.assert_array_equal(places, np.arange(len(known.rows)))


@every_source
@given(**CASE, form=st.sampled_from(FORMS), moments=st.sampled_from(MOMENTS))
def test_a_pass_sums_up_all_rows(make, tmp_path, form, moments, **case):
    known = table(tmp_path, **case)
    model = mixture(np.random.default_rng(case["seed"]), form, known.n_components, known.rows.shape[1])
    expected = reference.expect(model, known.rows, weights_of(known), moments)
    assert_same(make(known).reduce(model, moments), expected, tolerance(known.rows.dtype))


@every_source
@given(**CASE)
def test_a_pass_about_other_points_has_the_same_responsibilities(make, tmp_path, **case):
    known = table(tmp_path, **case)
    rng = np.random.default_rng(case["seed"])
    model = mixture(rng, FORMS[3], known.n_components, known.rows.shape[1])
    origin = rng.normal(size=model.means.shape)
    for moments in MOMENTS:
        found = make(known).reduce_about(origin, model, moments)
        moved = reference.expect(model, known.rows, weights_of(known), moments).about(origin)
        expected = replace(moved, log_likelihood=0.0, classification_log_likelihood=0.0)
        assert_same(found, expected, tolerance(known.rows.dtype))


@every_source
@given(**CASE)
def test_given_responsibilities_are_summed_up_over_all_rows(make, tmp_path, **case):
    known = table(tmp_path, **case)
    rng = np.random.default_rng(case["seed"])
    resp = rng.dirichlet(np.ones(known.n_components), size=len(known.rows))
    origin = rng.normal(size=(known.n_components, known.rows.shape[1]))
    for moments in MOMENTS:
        found = make(known).summarize(lambda span, _rows: resp[span], origin, moments)
        expected = reference.summarize(known.rows, weights_of(known), resp, origin, moments)
        assert_same(found, expected, tolerance(known.rows.dtype))


@every_source
@given(**CASE)
def test_functions_of_rows_are_mapped_in_order_and_added(make, tmp_path, **case):
    known = table(tmp_path, **case)
    source = make(known)
    np.testing.assert_array_equal(source.map(lambda block: block[:, 0]), known.rows[:, 0])
    expected = known.rows.astype(np.float64).T @ weights_of(known)
    found = source.total(lambda block, weights: block.astype(np.float64).T @ weights)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@every_source
@given(**CASE)
def test_a_sample_of_more_rows_than_there_are_holds_all_rows(make, tmp_path, **case):
    known = table(tmp_path, **case)
    whole = make(known).sample(np.random.default_rng(0), len(known.rows))
    assert isinstance(whole, ArraySource)
    np.testing.assert_array_equal(whole.rows, known.rows, strict=True)
    np.testing.assert_array_equal(whole.sample_weight, weights_of(known))


@every_source
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_a_sample_stands_for_all_rows(make, weighted, tmp_path):
    known = table(tmp_path, 5, 20_000, 3, 3, np.float64, weighted, "reference")
    source = make(known)
    sample = source.sample(np.random.default_rng(0), 5000)
    assert isinstance(sample, ArraySource)
    assert 0.6 * 5000 <= sample.n_rows <= 5000
    means = [one.total(lambda block, weights: block.T @ weights) / one.weight for one in (sample, source)]
    assert np.abs(means[0] - means[1]).max() < 0.15
    assert {row.tobytes() for row in sample.rows} <= {row.tobytes() for row in known.rows}


def table_of_blocks(folder, engine):
    """Rows that an array cuts into blocks too, for 60 components in 24 dimensions."""
    return table(folder, 0, 3000, 60, 24, np.float64, weighted=True, engine=engine)


@cache
def model_and_sums():
    """A mixture of 60 components and, for each kind of moments, the sums of all rows at once."""
    model = mixture(np.random.default_rng(1), n_components=60, n_features=24)
    known = table_of_blocks(None, "reference")
    return model, [reference.expect(model, known.rows, known.weights, moments) for moments in MOMENTS]


@every_source
@pytest.mark.parametrize("engine", ENGINES)
def test_blocks_add_up_to_one_pass_over_everything(make, engine, tmp_path):
    source = make(table_of_blocks(tmp_path, engine))
    assert len(list(source.blocks(60))) > 1
    model, expected = model_and_sums()
    for moments, sums in zip(MOMENTS, expected, strict=True):
        assert_same(source.reduce(model, moments), sums, 1e-10)


@every_source
@pytest.mark.parametrize("engine", ENGINES)
def test_neither_another_pass_nor_the_number_of_threads_changes_a_bit(make, engine, tmp_path):
    known = table_of_blocks(tmp_path, engine)
    (model, _), source = model_and_sums(), make(known)
    runs = [source.reduce(model, MOMENTS[3]) for _ in range(2)]
    runs += [make(known._replace(n_threads=n_threads)).reduce(model, MOMENTS[3]) for n_threads in (1, 2, 5)]
    for other in runs[1:]:
        for name in ADDITIVE:
            np.testing.assert_array_equal(getattr(other, name), getattr(runs[0], name), err_msg=name)


def classes_of_sources(base=Source):
    """Every class of sources that the package defines."""
    for one in base.__subclasses__():
        yield from classes_of_sources(one)
        if one.__module__.startswith("gaussmix."):
            yield one


def test_every_class_of_sources_is_registered(tmp_path):
    known = table(tmp_path, 0, 9, 2, 2, np.float64, weighted=False, engine="reference")
    assert set(classes_of_sources()) <= {type(make(known)) for make in EVERY_SOURCE.values()}
