import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

import cases
from gaussmix import Mixture, plot

seeds = st.integers(0, 2**32 - 1)


def vertices(lines):
    """Return all points of each level."""
    return [np.concatenate(pieces) for pieces in lines.allsegs]


@pytest.mark.parametrize("form", cases.FORMS)
@settings(max_examples=2)  # each draws a picture
@given(seed=seeds)
def test_contours_are_places_of_equal_density_at_the_levels(form, seed):
    mixture = cases.mixture(np.random.default_rng(seed), form, n_features=3)
    ax = plot.contours(mixture, content=[0.5, 0.9], features=(2, 0), ax=Figure().subplots())
    seen = mixture.marginal([2, 0])
    (lines,) = ax.collections
    np.testing.assert_allclose(lines.levels, seen.level([0.9, 0.5], random_state=0).value)
    for level, points in zip(lines.levels, vertices(lines), strict=True):
        np.testing.assert_allclose(seen.logpdf(points), level, atol=0.05)


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1.0), (1e8, 1.0), (0.0, 1e-6)])
def test_contours_of_one_component_are_its_ellipses(offset, scale, ax):
    mixture = Mixture([1.0], [[offset, 2.0 * offset]], [scale**2 * np.array([[2.0, 1.2], [1.2, 1.0]])])
    content = np.array([0.1, 0.5, 0.9, 0.99])
    plot.contours(mixture, content=content, ax=ax)
    factor = np.linalg.cholesky(mixture.covariances.dense(1, 2)[0])
    for share, points in zip(content[::-1], vertices(ax.collections[0]), strict=True):
        white = np.linalg.solve(factor, (points - mixture.means[0]).T)
        np.testing.assert_allclose((white**2).sum(axis=0), -2.0 * np.log1p(-share), atol=0.02)


def test_the_outermost_contour_is_within_the_limits(ax):
    plot.contours(Mixture([0.8, 0.2], [[0.0, 0.0], [5.0, 5.0]], [1.0, 1.0]), content=0.99, ax=ax)
    (pieces,) = ax.collections[0].allsegs
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    for piece in pieces:
        assert (low < piece).all()
        assert (piece < high).all()


def test_contours_are_named_by_content(ax):
    plot.contours(Mixture([1.0], [[0.0, 0.0]], [1.0]), content=[0.5, 0.9, 0.999], ax=ax)
    assert sorted(text.get_text() for text in ax.texts) == ["50 %", "90 %", "99.9 %"]


def test_many_small_pieces_are_not_named(ax):
    centres = np.stack(np.meshgrid(np.arange(8.0), np.arange(8.0)), axis=-1).reshape(-1, 2)
    plot.contours(Mixture(np.full(64, 1 / 64), centres, np.full(64, 1e-3)), content=0.5, ax=ax)
    assert len(ax.collections[0].allsegs[0]) == 64
    assert not ax.texts


def test_contours_go_on_top_of_points(ax):
    mixture = cases.mixture(np.random.default_rng(0))
    rows = np.concatenate([mixture.sample(50, random_state=0), [[99.0, -99.0]]])
    plot.clusters(mixture, rows, ax=ax)
    plot.contours(mixture, ax=ax)
    assert ax.get_xlim()[1] > 99.0
    assert ax.get_ylim()[0] < -99.0


def test_a_surface_is_as_high_as_the_density():
    mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 0.25], feature_names=["x", "y"])
    ax = plot.surface(mixture)
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_zlabel()) == ("x", "y", "density")
    highest = mixture.pdf(mixture.means).max()
    assert ax.zz_dataLim.intervalx == pytest.approx([0.0, highest], rel=0.02, abs=1e-6)


def test_a_surface_is_drawn_where_it_is_told():
    mixture = cases.mixture(np.random.default_rng(0))
    figure = plt.figure()
    solid = figure.add_subplot(1, 2, 1, projection="3d")
    assert plot.surface(mixture, ax=solid) is solid
    with pytest.raises(ValueError, match="projection='3d'"):
        plot.surface(mixture, ax=figure.add_subplot(1, 2, 2))
