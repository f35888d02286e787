"""Laws of a place where rows live: the layout, the blocks and the threads change nothing."""

import numpy as np
import pytest

from cases import FORMS, MOMENTS, mixture
from gaussmix.engines import ENGINES, engine_for, reference
from gaussmix.sources import ArraySource

forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
kinds = pytest.mark.parametrize("moments", MOMENTS, ids=lambda kind: type(kind).__name__)
FIELDS = ("mass", "first", "second", "log_likelihood", "classification_log_likelihood", "weight")


def problem(form, n=20_000):
    """Rows for three blocks."""
    rng = np.random.default_rng(0)
    return mixture(rng, form, n_components=30, n_features=12), rng.normal(scale=3, size=(n, 12)), rng.uniform(0, 2, n)


def test_the_blocks_cover_all_rows_once():
    spans = list(ArraySource(np.zeros((20_000, 12))).spans(30))
    assert len(spans) == 3
    np.testing.assert_array_equal(np.concatenate([np.arange(20_000)[span] for span in spans]), np.arange(20_000))


@forms
@kinds
def test_blocks_add_up_to_one_pass_over_everything(form, moments):
    model, rows, weights = problem(form)
    expected = reference.expect(model, rows, weights, moments)
    for engine in ("reference", "fused"):
        sums = ArraySource(rows, weights, engine).reduce(model, moments)
        for field in FIELDS:
            np.testing.assert_allclose(getattr(sums, field), getattr(expected, field), rtol=1e-10, err_msg=field)


@forms
def test_the_number_of_threads_changes_no_bit(form):
    model, rows, weights = problem(form)
    runs = [ArraySource(rows, weights, "fused", n_threads).reduce(model, MOMENTS[3]) for n_threads in (1, 2, 5)]
    for other in runs[1:]:
        for field in FIELDS:
            np.testing.assert_array_equal(getattr(other, field), getattr(runs[0], field))


def layouts(rows, folder):
    mapped = np.memmap(folder / "rows", dtype=rows.dtype, mode="w+", shape=rows.shape)
    mapped[:] = rows
    mapped.flush()
    read_only = rows.copy()
    read_only.flags.writeable = False
    wide = np.zeros((2 * len(rows), 2 * rows.shape[1]), dtype=rows.dtype)
    wide[::2, 1::2] = rows
    return {
        "Fortran": np.asfortranarray(rows),
        "read-only": read_only,
        "memory-mapped": np.memmap(folder / "rows", dtype=rows.dtype, mode="r", shape=rows.shape),
        "strided": wide[::2, 1::2],
        "backwards": rows[::-1][::-1],
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_any_layout_gives_the_same_sums(engine, dtype, tmp_path):
    model, rows, _ = problem(FORMS[3], n=3000)
    rows = rows.astype(dtype)
    plain = ArraySource(rows, None, engine).reduce(model, MOMENTS[3])
    for name, laid_out in layouts(rows, tmp_path).items():
        sums = ArraySource(laid_out, None, engine).reduce(model, MOMENTS[3])
        for field in FIELDS:
            np.testing.assert_allclose(getattr(sums, field), getattr(plain, field), rtol=1e-12, err_msg=name)


def test_a_sample_is_of_distinct_rows():
    source = ArraySource(np.arange(100.0)[:, None])
    drawn = source.sample(np.random.default_rng(0), 30)
    assert len(np.unique(drawn.rows)) == 30
    np.testing.assert_array_equal(drawn.some_weights, 1.0)
    assert source.sample(np.random.default_rng(0), 1000) is source


def test_rows_are_drawn_as_often_as_they_weigh():
    weights = np.append(np.arange(99.0), 99.0 * 49.0)  # the last as much as all others
    source = ArraySource(np.arange(100.0)[:, None], weights)
    sample = source.sample(np.random.default_rng(0), 30)
    drawn, drawn_weights = sample.rows, sample.some_weights
    assert len(np.unique(drawn)) == len(drawn)
    assert drawn[-1, 0] == 99.0
    assert drawn_weights[-1] / drawn_weights.sum() == pytest.approx(0.5, abs=1 / 30)
    assert drawn_weights.sum() == pytest.approx(0.3 * weights.sum())
    assert (drawn[:, 0] > 0).all()  # what weighs nothing is not drawn


def test_map_keeps_the_order_of_rows():
    rows = np.arange(10_000.0)[:, None]
    np.testing.assert_array_equal(ArraySource(rows).map(lambda block: block[:, 0]), rows[:, 0])


def test_small_problems_do_not_wait_for_a_compiler():
    assert engine_for("auto", n_rows=1000, n_components=5, n_features=4) is ENGINES["reference"]
    assert engine_for("auto", n_rows=200_000, n_components=32, n_features=16) is ENGINES["fused"]
    assert engine_for("reference", n_rows=200_000, n_components=32, n_features=16).arithmetic is reference


def test_an_unknown_engine_is_named():
    with pytest.raises(ValueError, match="engine must be one of auto, reference, fused, got 'gpu'"):
        engine_for("gpu", n_rows=1, n_components=1, n_features=1)
