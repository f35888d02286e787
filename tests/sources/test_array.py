"""ArraySource: rows in any layout, cut into blocks; samples of them."""

import numpy as np
import pytest

from cases import MOMENTS, mixture
from gaussmix.sources import ArraySource
from gaussmix.statistics import ADDITIVE


def test_the_blocks_cover_all_rows_once():
    spans = list(ArraySource(np.zeros((20_000, 12))).spans(30))
    assert len(spans) == 3
    np.testing.assert_array_equal(np.concatenate([np.arange(20_000)[span] for span in spans]), np.arange(20_000))


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
        "backwards": rows[::-1].copy()[::-1],
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_any_layout_gives_the_same_sums(engine, dtype, tmp_path):
    rng = np.random.default_rng(0)
    model, rows = mixture(rng, n_components=30, n_features=12), rng.normal(scale=3, size=(3000, 12)).astype(dtype)
    plain = ArraySource(rows, None, engine).reduce(model, MOMENTS[3])
    for name, laid_out in layouts(rows, tmp_path).items():
        sums = ArraySource(laid_out, None, engine).reduce(model, MOMENTS[3])
        for field in ADDITIVE:
            np.testing.assert_allclose(getattr(sums, field), getattr(plain, field), rtol=1e-12, err_msg=name)


def test_a_sample_is_of_distinct_rows():
    source = ArraySource(np.arange(100.0)[:, None])
    drawn = source.sample(np.random.default_rng(0), 30)
    assert len(np.unique(drawn.rows)) == 30
    np.testing.assert_array_equal(drawn.sample_weight, 1.0)
    assert source.sample(np.random.default_rng(0), 1000) is source


def test_rows_are_drawn_as_often_as_they_weigh():
    weights = np.append(np.arange(99.0), 99.0 * 49.0)  # the last as much as all others
    source = ArraySource(np.arange(100.0)[:, None], weights)
    sample = source.sample(np.random.default_rng(0), 30)
    drawn, drawn_weights = sample.rows, sample.sample_weight
    assert len(np.unique(drawn)) == len(drawn)
    assert drawn[-1, 0] == 99.0
    assert drawn_weights[-1] / drawn_weights.sum() == pytest.approx(0.5, abs=1 / 30)
    assert drawn_weights.sum() == pytest.approx(0.3 * weights.sum())
    assert (drawn[:, 0] > 0).all()  # what weighs nothing is not drawn
