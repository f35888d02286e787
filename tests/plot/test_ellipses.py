import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from scipy.stats import chi2

import cases
from gaussmix import Mixture, plot
from gaussmix.plot.style import palette

seeds = st.integers(0, 2**32 - 1)
TURNS = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
CIRCLE = np.column_stack([np.cos(TURNS), np.sin(TURNS)])


def outline(patch):
    """Return points of an ellipse in data coordinates."""
    return patch.get_patch_transform().transform(CIRCLE)


def content_at(mixture, k, features, points):
    """Return the content of the component's ellipse through each point."""
    mean = mixture.means[k][list(features)]
    covariance = mixture.covariances.dense(*mixture.means.shape)[k][np.ix_(features, features)]
    white = np.linalg.solve(np.linalg.cholesky(covariance), (points - mean).T)
    return chi2.cdf((white**2).sum(axis=0), 2)


@pytest.mark.parametrize("form", cases.FORMS)
@given(seed=seeds, content=st.floats(0.01, 0.99))
def test_an_ellipse_holds_its_content(form, seed, content):
    mixture = cases.mixture(np.random.default_rng(seed), form, n_features=4)
    ax = plot.ellipses(mixture, content=content, features=(3, 1), ax=Figure().subplots())
    assert len(ax.patches) == mixture.n_components
    for k, patch in enumerate(ax.patches):
        np.testing.assert_allclose(content_at(mixture, k, (3, 1), outline(patch)), content, rtol=1e-9)


@pytest.mark.parametrize(("offset", "scale"), [(1e8, 1.0), (0.0, 1e-6), (0.0, 1e9)])
def test_size_does_not_depend_on_units(offset, scale, ax):
    rng = np.random.default_rng(0)
    mixture = cases.mixture(rng, spread=scale, offset=offset)
    mixture = Mixture(mixture.weights, mixture.means, mixture.covariances.times(scale))
    plot.ellipses(mixture, content=0.9, ax=ax)
    for k, patch in enumerate(ax.patches):
        np.testing.assert_allclose(content_at(mixture, k, (0, 1), outline(patch)), 0.9, rtol=1e-5)


def test_each_component_has_its_colour_and_each_content_an_ellipse(ax):
    mixture = cases.mixture(np.random.default_rng(0), n_components=10)
    plot.ellipses(mixture, content=(0.1, 0.5, 0.9), ax=ax)
    shown = np.array([to_rgb(patch.get_edgecolor()) for patch in ax.patches])
    np.testing.assert_allclose(shown, palette(10).repeat(3, axis=0))
    assert [patch.get_width() for patch in ax.patches[:3]] == sorted(
        (p.get_width() for p in ax.patches[:3]), reverse=True
    )


def test_heavy_components_are_strong(ax):
    plot.ellipses(Mixture([0.6, 0.1, 0.3], np.arange(6.0).reshape(3, 2), [1.0] * 3), content=0.5, ax=ax)
    heavy, light, middle = ax.patches
    for strength in (
        lambda one: one.get_linewidth(),
        lambda one: one.get_edgecolor()[3],
        lambda one: one.get_facecolor()[3],
    ):
        assert strength(heavy) > strength(middle) > strength(light) > 0
    assert heavy.get_edgecolor()[3] == 1.0


def test_ellipses_are_within_the_limits(ax):
    plot.ellipses(cases.mixture(np.random.default_rng(0), offset=1e3), ax=ax)
    points = np.concatenate([outline(patch) for patch in ax.patches])
    low, high = np.transpose([ax.get_xlim(), ax.get_ylim()])
    assert (low < points).all()
    assert (points < high).all()


def test_a_legend_names_each_component_once(ax):
    mixture = cases.mixture(np.random.default_rng(0))
    plot.ellipses(mixture, ax=ax)
    plot.ellipses(mixture, content=0.99, ax=ax)
    assert [text.get_text() for text in ax.legend().get_texts()] == ["component 0", "component 1", "component 2"]
