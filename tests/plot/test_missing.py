import numpy as np
import pandas as pd
import pytest

from gaussmix import plot

NAN = np.nan
ROWS = pd.DataFrame({"a": [1.0, 2.0, NAN, 4.0], "b": [NAN, NAN, 3.0, 4.0]})


def test_lines_are_patterns_by_decreasing_number_of_rows(ax):
    plot.missing(ROWS, ax=ax)
    (grid,) = ax.collections
    np.testing.assert_array_equal(grid.get_array(), [[0, 1], [0, 0], [1, 0]])
    assert ax.yaxis_inverted()
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]


def test_bars_are_the_numbers_of_rows(ax):
    plot.missing(ROWS, ax=ax)
    bars = ax.child_axes[0]
    assert [bar.get_width() for bar in bars.patches] == [2, 1, 1]
    assert [text.get_text() for text in bars.texts] == ["2 (50%)", "1 (25%)", "1 (25%)"]


def test_the_shares_of_missing_values_are_at_the_top(ax):
    plot.missing(ROWS, ax=ax)
    ax.figure.canvas.draw()
    assert [label.get_text() for label in ax.child_axes[1].get_xticklabels()] == ["25%", "50%"]


def test_a_label_says_that_patterns_are_left_out(ax):
    plot.missing(ROWS, n_patterns=2, ax=ax)
    assert ax.get_ylabel() == "the 2 largest of 3 patterns"
    assert len(ax.child_axes[0].patches) == 2


def test_a_number_of_patterns_is_at_least_one(ax):
    with pytest.raises(ValueError, match="n_patterns"):
        plot.missing(ROWS, n_patterns=0, ax=ax)
