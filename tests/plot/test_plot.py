"""Test the rules that hold for all pictures."""

import importlib.util
import inspect
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.text import Text
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError

import cases
from gaussmix import GaussianMixture, GaussianMixtureSearch, Mixture, plot
from gaussmix.hierarchy import merge_components
from gaussmix.plot.style import palette
from gaussmix.sources import ArraySource

RNG = np.random.default_rng(0)
ROWS = cases.clusters(RNG, n=60, n_components=2)
MIXTURE = cases.mixture(RNG, n_components=2)


def every_picture():
    """Return each function that draws on axes, as a function of the axes only."""
    return {
        "clusters": lambda ax: plot.clusters(MIXTURE, ROWS, ax=ax),
        "contours": lambda ax: plot.contours(MIXTURE, ax=ax),
        "criteria": lambda ax: plot.criteria(
            GaussianMixtureSearch([1, 2], structures=["full"]).fit(ROWS).results_, ax=ax
        ),
        "curve": lambda ax: plot.curve(MIXTURE, ROWS, ax=ax),
        "ellipses": lambda ax: plot.ellipses(MIXTURE, ax=ax),
        "history": lambda ax: plot.history(GaussianMixture(2, random_state=0).fit(ROWS), ax=ax),
        "images": lambda ax: plot.images(ROWS, (1, 2), ax=ax),
        "kmeans": lambda ax: plot.kmeans(KMeans(2, random_state=0).fit(ROWS), ROWS, ax=ax),
        "merge_tree": lambda ax: plot.merge_tree(merge_components(MIXTURE, ArraySource(ROWS)), ax=ax),
        "missing": lambda ax: plot.missing([[0.0, np.nan], [1.0, 2.0]], ax=ax),
        "uncertainty": lambda ax: plot.uncertainty(MIXTURE, ROWS, ax=ax),
    }


OTHERS = {"animation", "pairs", "steps", "surface"}


def test_all_are_here():
    assert {*every_picture(), *OTHERS} == set(plot.__all__)


@pytest.mark.parametrize("name", every_picture())
def test_axes_are_those_given_or_the_current_ones(name):
    draw = every_picture()[name]
    figure, (left, right) = plt.subplots(1, 2)
    assert draw(left) is left
    assert left.has_data()
    assert not right.has_data()
    assert draw(None) is right
    assert plt.get_fignums() == [figure.number]


@pytest.mark.parametrize("name", every_picture())
def test_axes_with_something_on_them_keep_it(name, ax):
    (line,) = ax.plot([0.0, 1.0], [0.0, 1.0])
    every_picture()[name](ax)
    assert line in ax.lines


@pytest.mark.parametrize("name", every_picture())
def test_a_saved_picture_shows_its_text_and_lines_on_a_dark_background(name, tmp_path):
    with plt.style.context("dark_background"):
        figure, ax = plt.subplots()
        every_picture()[name](ax)
        figure.savefig(tmp_path / "picture.svg")
    drawn = [part for part in figure.findobj(lambda part: isinstance(part, Text | Line2D)) if part.get_visible()]
    assert name == "images" or any(isinstance(part, Text) and part.get_text() for part in drawn)  # they have no axes
    for part in drawn:
        assert max(to_rgb(part.get_color())) > 0.3, part


@pytest.mark.parametrize("name", plot.__all__)
def test_each_is_documented_with_an_example(name):
    text = inspect.getdoc(getattr(plot, name))
    assert all(f"{title}\n---" in text for title in ("Parameters", "Returns", "Raises", "Examples"))


@pytest.mark.parametrize("draw", [plot.ellipses, plot.contours, plot.surface, plot.uncertainty])
def test_two_features_are_two(draw):
    three, one = cases.mixture(RNG, n_features=3), Mixture([1.0], [[0.0]], [1.0])
    with pytest.raises(ValueError, match=r"two of the mixture's 3 features, got \[0\]"):
        draw(three, features=[0])
    with pytest.raises(ValueError, match="two of the mixture's 3 features, got 0"):
        draw(three, features=0)
    with pytest.raises(ValueError, match=r"two of the mixture's 3 features, got \[0, 1, 2\]"):
        draw(three, features=range(3))
    with pytest.raises(ValueError, match=r"features must be from 0 to 2.*got 3"):
        draw(three, features=[0, 3])
    with pytest.raises(ValueError, match="different features"):
        draw(three, features=[1, 1])
    with pytest.raises(ValueError, match=r"at least two features, got one.*plot\.curve"):
        draw(one)


@pytest.mark.parametrize("draw", [plot.ellipses, plot.contours, plot.surface, plot.uncertainty, plot.curve, plot.pairs])
def test_an_estimator_must_be_fitted(draw):
    with pytest.raises(NotFittedError, match="mixture is a GaussianMixture that is not fitted yet"):
        draw(GaussianMixture(2))


@pytest.mark.parametrize("draw", [plot.clusters, plot.uncertainty, plot.curve, plot.pairs])
def test_rows_have_the_features_of_the_mixture(draw):
    with pytest.raises(ValueError, match=r"rows must have shape \(n, 2\).*got \(5, 3\)"):
        draw(MIXTURE, np.zeros((5, 3)))
    with pytest.raises(ValueError, match="rows must be finite, but contains infinity in column 1"):
        draw(MIXTURE, [[0.0, np.inf]])
    with pytest.raises(ValueError, match=r"n at least 1.*got \(0, 2\)"):
        draw(MIXTURE, np.zeros((0, 2)))


@pytest.mark.parametrize("draw", [plot.ellipses, plot.contours])
@pytest.mark.parametrize("content", [0.0, 1.0, 90, [0.5, -0.1], []])
def test_contents_are_probabilities(draw, content):
    with pytest.raises(ValueError, match="content must be probabilities between 0 and 1"):
        draw(MIXTURE, content=content)


def test_names_of_features_are_as_good_as_indices(ax):
    named = Mixture([1.0], [[1.0, 2.0, 3.0]], [1.0], feature_names=["a", "b", "c"])
    plot.ellipses(named, features=["c", 0], ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("c", "a")
    assert tuple(ax.patches[0].get_center()) == (3.0, 1.0)


def test_without_names_features_are_numbered(ax):
    plot.contours(cases.mixture(RNG, n_features=3), features=[2, 0], ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("feature 2", "feature 0")


def test_matplotlib_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.delitem(sys.modules, "gaussmix.plot")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'gaussmix\[plot\]'"):
        importlib.import_module("gaussmix.plot")


HOLED = np.where(np.random.default_rng(1).random(ROWS.shape) < 0.3, np.nan, ROWS)


@pytest.mark.parametrize("rows", [HOLED, np.full((3, 2), np.nan)], ids=["some", "all"])
def test_pictures_take_rows_with_missing_values(rows, ax):
    known = rows[~np.isnan(rows).any(axis=1)]
    plot.clusters(MIXTURE, rows, ax=ax)
    assert {*map(tuple, ax.collections[0].get_offsets())} == {*map(tuple, known)}
    plot.uncertainty(MIXTURE, rows, ax=plt.figure().subplots())
    plot.curve(MIXTURE, rows, ax=plt.figure().subplots())
    plot.pairs(MIXTURE, rows)
    plot.steps([MIXTURE, MIXTURE], rows)
    plot.images(rows, (1, 2), ax=plt.figure().subplots())


def test_points_have_the_colours_of_the_components_that_the_observed_values_choose(ax):
    third = Mixture([0.5, 0.5], [[0.0, 0.0, 0.0], [0.0, 0.0, 50.0]], [1.0, 1.0])
    plot.clusters(third, [[0.1, 0.2, 50.0], [0.3, 0.4, np.nan], [np.nan, 0.0, 0.0]], ax=ax)
    offsets, colours = ax.collections[0].get_offsets(), ax.collections[0].get_facecolors()
    assert len(offsets) == 2
    np.testing.assert_allclose(colours[offsets[:, 0].argmin(), :3], palette(2)[1])


def test_k_means_needs_complete_rows():
    with pytest.raises(ValueError, match="rows must be finite, but contains NaN or missing values in column"):
        plot.kmeans(KMeans(2, random_state=0).fit(ROWS), HOLED)
