import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError

import cases
from gaussmix import plot
from gaussmix.plot.style import palette

RNG = np.random.default_rng(0)
ROWS = cases.clusters(RNG, n_components=4, n_features=3)
FITTED = KMeans(4, random_state=0).fit(ROWS)


def test_circles_reach_the_farthest_row_of_each_cluster(ax):
    plot.kmeans(FITTED, ROWS, features=(2, 0), ax=ax)
    assert len(ax.patches) == 4
    for k, circle in enumerate(ax.patches):
        assert tuple(circle.get_center()) == tuple(FITTED.cluster_centers_[k][[2, 0]])
        away = np.linalg.norm(ROWS[FITTED.labels_ == k][:, [2, 0]] - circle.get_center(), axis=1)
        assert circle.get_radius() == pytest.approx(away.max())


def test_points_and_circles_have_the_colour_of_their_cluster(ax):
    plot.kmeans(FITTED, ROWS, ax=ax)
    np.testing.assert_allclose([to_rgb(circle.get_edgecolor()) for circle in ax.patches], palette(4))
    places, colours = ax.collections[0].get_offsets(), ax.collections[0].get_facecolors()[:, :3]
    order, expected = np.argsort(places[:, 0]), np.argsort(ROWS[:, 0])
    np.testing.assert_allclose(colours[order], palette(4)[FITTED.labels_[expected]])
    assert ax.get_legend_handles_labels()[1] == [f"cluster {k}" for k in range(4)]


def test_names_come_from_the_frame_that_was_fitted(ax):
    frame = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    plot.kmeans(KMeans(2, random_state=0).fit(frame), frame, features=["c", "a"], ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("c", "a")


def test_a_cluster_without_rows_is_a_point(ax):
    plot.kmeans(FITTED, ROWS[FITTED.labels_ != 2], ax=ax)
    assert ax.patches[2].get_radius() == 0.0


def test_kmeans_must_be_fitted():
    with pytest.raises(NotFittedError):
        plot.kmeans(KMeans(2), ROWS)


def test_rows_must_have_the_features_of_the_centres():
    with pytest.raises(ValueError, match=r"rows must have shape \(n, 3\)"):
        plot.kmeans(FITTED, ROWS[:, :2])
