import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from gaussmix import plot


@given(n=st.integers(1, 30), height=st.integers(1, 5), width=st.integers(1, 5), n_columns=st.integers(1, 12))
def test_every_image_is_in_its_place(n, height, width, n_columns):
    rows = np.random.default_rng(0).normal(size=(n, height * width))
    ax = plot.images(rows, (height, width), n_columns=n_columns, ax=Figure().subplots())
    whole = np.ma.filled(ax.images[0].get_array(), np.nan)
    for i, row in enumerate(rows):
        down, right = (1 + (i // n_columns) * (height + 1), 1 + (i % n_columns) * (width + 1))
        np.testing.assert_array_equal(whole[down : down + height, right : right + width], row.reshape(height, width))
    assert np.isfinite(whole).sum() == rows.size


def test_images_have_no_axes(ax):
    plot.images(np.zeros((3, 4)), (2, 2), ax=ax)
    assert not ax.axison


def test_rows_must_be_of_the_shape():
    with pytest.raises(ValueError, match=r"rows must have shape \(n, 6\)"):
        plot.images(np.zeros((3, 4)), (2, 3))


def test_there_must_be_a_column():
    with pytest.raises(ValueError, match="n_columns must be at least 1, got 0"):
        plot.images(np.zeros((3, 4)), (2, 2), n_columns=0)
