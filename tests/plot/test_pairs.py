import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import Ellipse

import cases
from gaussmix import Mixture, plot

RNG = np.random.default_rng(0)
MIXTURE = cases.mixture(RNG, n_components=3, n_features=4)
ROWS = MIXTURE.sample(40, random_state=0)


def ellipses_of(ax):
    return [patch for patch in ax.patches if isinstance(patch, Ellipse)]


def test_rows_are_below_the_diagonal_and_ellipses_above():
    axes = plot.pairs(MIXTURE, ROWS)
    assert axes.shape == (4, 4)
    for (i, j), ax in np.ndenumerate(axes):
        if i > j:
            places = np.asarray(ax.collections[0].get_offsets())
            np.testing.assert_array_equal(np.sort(places, axis=0), np.sort(ROWS[:, [j, i]], axis=0))
        if i < j:
            centres = [patch.get_center() for patch in ellipses_of(ax)]
            np.testing.assert_allclose(centres, MIXTURE.means[:, [j, i]])
        assert ax.get_visible()


def test_the_diagonal_shows_each_feature():
    axes = plot.pairs(MIXTURE, ROWS)
    for i in range(4):
        line = axes[i, i].lines[0]
        np.testing.assert_allclose(line.get_ydata(), MIXTURE.marginal(i).pdf(line.get_xdata()[:, None]))


def test_without_rows_ellipses_are_below_and_nothing_is_above():
    axes = plot.pairs(MIXTURE)
    for (i, j), ax in np.ndenumerate(axes):
        assert ax.get_visible() == (i >= j)
        if i > j:
            centres = [patch.get_center() for patch in ellipses_of(ax)]
            np.testing.assert_allclose(centres, MIXTURE.means[:, [j, i]])


@pytest.mark.parametrize("rows", [None, ROWS])
def test_columns_share_what_is_across_and_lines_what_is_up(rows):
    axes = plot.pairs(MIXTURE, rows)
    for (i, j), ax in np.ndenumerate(axes):
        assert ax.get_xlim() == axes[j, j].get_xlim()
        if i != j:
            assert ax.get_ylim() == axes[i, i].get_xlim()
    for i in range(4):
        low, high = axes[i, i].get_xlim()
        assert low < ROWS[:, i].min()
        assert high > ROWS[:, i].max()


def test_names_are_at_the_edges_alone():
    mixture = Mixture(MIXTURE.weights, MIXTURE.means, MIXTURE.covariances, feature_names=list("abcd"))
    axes = plot.pairs(mixture, features=["d", 0, "b"])
    across = [[ax.get_xlabel() for ax in line] for line in axes]
    up = [[ax.get_ylabel() for ax in line] for line in axes]
    assert across == [["", "", ""], ["", "", ""], ["d", "a", "b"]]
    assert up == [["d", "", ""], ["a", "", ""], ["b", "", ""]]


def test_ten_features_are_legible():
    mixture = cases.mixture(RNG, n_features=10)
    figure = plot.pairs(mixture, mixture.sample(20, random_state=0))[0, 0].figure
    figure.canvas.draw()
    boxes = [ax.get_window_extent() for ax in figure.axes]
    assert min(min(box.width, box.height) for box in boxes) > 0.8 * figure.dpi
    for ax in figure.axes:
        assert 1 <= len([tick for tick in ax.get_xticks() if ax.get_xlim()[0] <= tick <= ax.get_xlim()[1]]) <= 4
        if ax.get_xlabel():
            assert ax.xaxis.label.get_window_extent().width < ax.get_window_extent().width


def test_a_figure_or_a_part_of_one_may_be_given():
    left, right = plt.figure().subfigures(1, 2)
    axes = plot.pairs(MIXTURE, features=[0, 1], figure=right)
    assert all(ax.get_figure(root=False) is right for ax in axes.ravel())
    assert not left.axes


def test_one_feature_is_a_curve():
    axes = plot.pairs(Mixture([1.0], [[0.0]], [1.0]), [[0.0], [1.0]])
    assert axes.shape == (1, 1)
    assert axes[0, 0].lines
