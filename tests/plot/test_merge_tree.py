import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import cases
from gaussmix import GaussianMixture, Hierarchy, plot
from gaussmix.hierarchy import merge_components
from gaussmix.plot.style import palette, text_colour
from gaussmix.sources import ArraySource

seeds = st.integers(0, 2**32 - 1)


def hierarchy(seed, n_components):
    rng = np.random.default_rng(seed)
    mixture = cases.mixture(rng, n_components=n_components, spread=2.0)
    return merge_components(mixture, ArraySource(mixture.sample(100, random_state=rng)))


def parts(ax):
    """Return the joints in order, each as two legs and a bar: ``(2, 2)`` arrays of coordinates."""
    lines = [np.array(line.get_data()) for line in ax.lines[:-1]]
    return [lines[i : i + 3] for i in range(0, len(lines), 3)]


@given(seed=seeds, n_components=st.integers(2, 9))
def test_joints_are_at_the_entropy_that_is_left(seed, n_components):
    tree = hierarchy(seed, n_components)
    joins = parts(plot.merge_tree(tree, ax=Figure().subplots()))
    assert len(joins) == n_components - 1
    np.testing.assert_allclose([bar[1, 0] for _, _, bar in joins], tree.entropies[-2::-1])


@given(seed=seeds, n_components=st.integers(2, 9))
def test_branches_begin_at_their_components_or_joints_and_do_not_cross(seed, n_components):
    tree = hierarchy(seed, n_components)
    ax = plot.merge_tree(tree, ax=Figure().subplots())
    leaves = [int(tick.get_text()) for tick in ax.get_xticklabels()]
    assert sorted(leaves) == list(range(n_components))
    tops = {leaf: (float(place), tree.entropies[-1]) for place, leaf in enumerate(leaves)}
    for (kept, joined), (left, right, bar) in zip(tree.merges.tolist(), parts(ax), strict=True):
        for cluster, leg in ((kept, left), (joined, right)):
            assert tuple(leg[:, 0]) == tops[cluster]
            np.testing.assert_allclose(leg[:, 1], [tops[cluster][0], bar[1, 0]])
        tops[kept] = (bar[0].mean(), bar[1, 0])
    for g in range(1, n_components + 1):
        in_order = tree.clusters(g)[leaves]
        assert np.count_nonzero(np.diff(in_order)) == g - 1  # each cluster is in one place


def test_suggested_clusters_have_their_colours_and_what_joins_them_has_none(ax):
    entropies = np.array([0.0, 0.1, 0.2, 5.0, 10.0])  # an elbow at three
    tree = Hierarchy(np.array([[0, 1], [0, 2], [3, 4], [0, 3]]), entropies, np.ones(5))
    assert tree.n_clusters == 3
    plot.merge_tree(tree, ax=ax)
    first, second, third = palette(3)
    shown = [to_rgb(line.get_color()) for line in ax.lines[:-1]]
    black = to_rgb(text_colour())
    expected = [*[first] * 6, second, third, black, first, black, black]
    np.testing.assert_allclose(shown, expected)
    assert 0.1 < ax.lines[-1].get_ydata()[0] < 0.2


def test_zero_entropy_is_at_the_top(ax):
    plot.merge_tree(hierarchy(0, 4), ax=ax)
    bottom, top = ax.get_ylim()
    assert bottom > 0 >= top


def test_one_component_is_no_tree():
    with pytest.raises(ValueError, match="at least two components, got one"):
        plot.merge_tree(Hierarchy(np.zeros((0, 2), dtype=int), np.zeros(1), np.ones(1)))


def test_a_model_is_told_what_to_pass():
    with pytest.raises(TypeError, match=r"must be a Hierarchy, got GaussianMixture; .* model\.merge_components\(X\)"):
        plot.merge_tree(GaussianMixture(2))
