import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

import cases
from gaussmix import Mixture, plot
from gaussmix.plot.style import palette

PAIR = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 0.0]], [1.0, 1.0])
ROWS = np.array([[0.0, 1.0], [1.9, 2.0], [2.0, 3.0], [4.0, 4.0]])  # certain, not quite, not at all, certain


def drawn(ax):
    """Return the places, sizes and colours of the points, in the order of their second coordinate."""
    points = ax.collections[0]
    offsets = np.asarray(points.get_offsets())
    order = np.argsort(offsets[:, 1])
    return offsets[order], points.get_sizes()[order], points.get_facecolors()[order]


@pytest.mark.parametrize("form", cases.FORMS)
def test_points_are_the_rows_in_the_colours_of_their_components(form, ax):
    rng = np.random.default_rng(0)
    mixture = cases.mixture(rng, form, n_components=10, n_features=4)
    rows = rng.normal(scale=4.0, size=(80, 4))
    plot.clusters(mixture, rows, features=(3, 1), ax=ax)
    offsets, _, colours = drawn(ax)
    order = np.argsort(rows[:, 1])
    np.testing.assert_array_equal(offsets, rows[order][:, [3, 1]])
    np.testing.assert_allclose(colours[:, :3], palette(10)[mixture.predict(rows)[order]])


def test_uncertain_points_are_small(ax):
    plot.clusters(PAIR, ROWS, ax=ax)
    _, sizes, colours = drawn(ax)
    assert sizes[0] == pytest.approx(sizes[3])
    assert sizes[0] > sizes[1] > sizes[2] == pytest.approx(0.15 * sizes[0], rel=1e-3)
    assert len(set(colours[:, 3])) == 1


def test_uncertain_points_are_pale(ax):
    plot.clusters(PAIR, ROWS, certainty="opacity", ax=ax)
    _, sizes, colours = drawn(ax)
    assert colours[0, 3] > colours[1, 3] > colours[2, 3] == pytest.approx(0.15 * 0.8)
    assert len(set(sizes)) == 1


def test_without_certainty_all_points_are_alike(ax):
    plot.clusters(PAIR, ROWS, certainty=None, ax=ax)
    _, sizes, colours = drawn(ax)
    assert len(set(sizes)) == len(set(colours[:, 3])) == 1


def test_one_component_is_certain(ax):
    plot.clusters(Mixture([1.0], [[0.0, 0.0]], [1.0]), ROWS, ax=ax)
    assert len(set(drawn(ax)[1])) == 1


def test_other_certainties_are_an_error():
    with pytest.raises(ValueError, match="certainty, unless None, must be one of size, opacity, got 'colour'"):
        plot.clusters(PAIR, ROWS, certainty="colour")


def test_many_points_are_small_and_so_are_those_on_small_axes():
    rng = np.random.default_rng(0)
    few, many = rng.normal(size=(10, 2)), rng.normal(size=(20_000, 2))
    largest = []
    for side, rows in ((6.0, few), (6.0, many), (0.6, few), (0.6, many)):
        ax = plt.figure(figsize=(side, side)).subplots()
        largest.append(drawn(plot.clusters(PAIR, rows, certainty=None, ax=ax))[1][0])
    assert largest[0] == 25.0
    assert largest[0] > largest[2] > largest[3] >= 1.0
    assert largest[0] > largest[1] > largest[3]


def test_the_legend_names_components_that_have_rows(ax):
    mixture = Mixture([0.4, 0.2, 0.4], [[0.0, 0.0], [99.0, 99.0], [4.0, 0.0]], [1.0] * 3)
    plot.clusters(mixture, ROWS, ax=ax)
    assert [text.get_text() for text in ax.legend().get_texts()] == ["component 0", "component 2"]


def test_points_and_ellipses_share_a_legend(ax):
    plot.clusters(PAIR, ROWS, ax=ax)
    plot.ellipses(PAIR, ax=ax)
    assert ax.get_legend_handles_labels()[1] == ["component 0", "component 1"]


def test_a_frame_is_drawn_as_its_values(ax):
    plot.clusters(PAIR, pd.DataFrame(ROWS, columns=["a", "b"]), ax=ax)
    np.testing.assert_array_equal(drawn(ax)[0], ROWS)
