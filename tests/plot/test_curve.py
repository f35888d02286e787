import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import cases
from gaussmix import Mixture, plot
from gaussmix.plot.style import palette

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("form", cases.FORMS)
@given(seed=seeds)
def test_components_add_up_to_the_density(form, seed):
    mixture = cases.mixture(np.random.default_rng(seed), form, n_features=3)
    ax = plot.curve(mixture, feature=2, ax=Figure().subplots())
    whole, *parts = (line.get_ydata() for line in ax.lines)
    along = ax.lines[0].get_xdata()
    np.testing.assert_allclose(whole, mixture.marginal(2).pdf(along[:, None]), rtol=1e-12)
    np.testing.assert_allclose(whole, np.sum(parts, axis=0), rtol=1e-12)
    areas = np.trapezoid(parts, along, axis=1)
    np.testing.assert_allclose(areas, mixture.weights, atol=2e-3)


def test_each_component_has_its_colour(ax):
    mixture = cases.mixture(np.random.default_rng(0), n_components=9)
    plot.curve(mixture, ax=ax)
    np.testing.assert_allclose([to_rgb(line.get_color()) for line in ax.lines[1:]], palette(9))


def test_the_legend_names_what_is_drawn(ax):
    plot.curve(Mixture([0.5, 0.5], [[0.0], [3.0]], [1.0, 1.0]), [[0.0], [3.0]], ax=ax)
    assert {text.get_text() for text in ax.legend().get_texts()} == {"rows", "density", "component 0", "component 1"}


@pytest.mark.parametrize("n", [1, 2, 30, 5000])
def test_the_histogram_is_a_density(n, ax):
    rows = np.random.default_rng(0).normal(size=(n, 2))
    plot.curve(Mixture([1.0], [[0.0, 0.0]], [1.0]), rows, feature=1, ax=ax)
    assert sum(bar.get_width() * bar.get_height() for bar in ax.patches) == pytest.approx(1.0)
    assert len(ax.patches) <= 2 * np.sqrt(n)
    assert ax.get_xlim()[0] <= rows[:, 1].min()
    assert ax.get_xlim()[1] >= rows[:, 1].max()


def test_curves_stand_on_the_axis_and_a_second_one_fits_too(ax):
    low, high = (Mixture([1.0], [[0.0]], [variance]) for variance in (1.0, 0.01))
    plot.curve(low, ax=ax)
    plot.curve(high, ax=ax)
    assert ax.get_ylim()[0] == 0.0
    assert ax.get_ylim()[1] > high.pdf([[0.0]])[0]


def test_features_have_names(ax):
    plot.curve(Mixture([1.0], [[1.0, 2.0]], [1.0], feature_names=["a", "b"]), feature="b", ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("b", "density")


def test_an_unknown_feature_is_an_error():
    with pytest.raises(ValueError, match="got 'c'"):
        plot.curve(Mixture([1.0], [[1.0, 2.0]], [1.0], feature_names=["a", "b"]), feature="c")
