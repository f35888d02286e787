from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from matplotlib.animation import PillowWriter

import cases
from gaussmix import Mixture, plot
from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.plot.steps import _spaced_indices
from gaussmix.sources import ArraySource
from gaussmix.structures import named

RNG = np.random.default_rng(0)
ROWS = cases.clusters(RNG, n=60, n_features=3)


def on_the_way(n):
    start = Mixture([0.5, 0.5], ROWS[:2], [np.cov(ROWS.T)] * 2)
    return [state.mixture for state in islice(iterate(ArraySource(ROWS), start, MStep(named("full"), np.ones(3))), n)]


def centres(ax):
    return np.unique([patch.get_center() for patch in ax.patches], axis=0)


def expected(mixture, features=(0, 1)):
    return np.unique(mixture.means[:, list(features)], axis=0)


def test_frames_show_their_steps():
    mixtures = on_the_way(9)
    axes = plot.steps(mixtures, ROWS, n_frames=4, features=(2, 0))
    assert [ax.get_title() for ax in axes] == ["start", "step 1", "step 3", "step 8"]
    for ax, i in zip(axes, (0, 1, 3, 8), strict=True):
        np.testing.assert_allclose(centres(ax), expected(mixtures[i], (2, 0)))
        assert len(ax.collections[0].get_offsets()) == len(ROWS)


def test_frames_share_their_limits_and_name_features_at_the_edges():
    axes = plot.steps(on_the_way(9), ROWS, n_frames=6)
    assert len({(ax.get_xlim(), ax.get_ylim()) for ax in axes}) == 1
    assert [bool(ax.get_ylabel()) for ax in axes] == [True, False, False, True, False, False]


def test_there_are_no_empty_frames():
    axes = plot.steps(on_the_way(4), ROWS, n_frames=20)
    assert len(axes) == 4
    assert plt.gcf().axes == list(axes)


def test_a_figure_may_be_given():
    figure = plt.figure()
    assert all(ax.figure is figure for ax in plot.steps(on_the_way(2), ROWS, figure=figure))


@given(n=st.integers(1, 1000), n_frames=st.integers(2, 20))
def test_steps_are_ever_farther_apart(n, n_frames):
    steps = _spaced_indices(n, n_frames)
    assert steps[0] == 0
    assert steps[-1] == n - 1
    assert len(steps) == min(n, n_frames)
    gaps = np.diff(steps)
    assert (gaps > 0).all()
    assert (np.diff(gaps) >= -1).all()  # but for rounding


@pytest.mark.parametrize("draw", [plot.steps, plot.animation])
def test_there_must_be_a_mixture(draw):
    with pytest.raises(ValueError, match="mixtures must hold at least the start"):
        draw([], ROWS)


def test_there_must_be_a_frame():
    with pytest.raises(ValueError, match="n_frames must be at least 1, got 0"):
        plot.steps(on_the_way(2), ROWS, n_frames=0)


def test_an_animation_shows_each_mixture_once(ax, tmp_path):
    mixtures, seen = on_the_way(4), []
    limits = []
    (kept,) = ax.plot([0.0], [0.0])
    moving = plot.animation(mixtures, ROWS, ax=ax)

    class Writer(PillowWriter):
        def grab_frame(self, **options):
            seen.append(centres(ax))
            limits.append((ax.get_xlim(), ax.get_ylim()))
            super().grab_frame(**options)

    moving.save(tmp_path / "em.gif", writer=Writer())
    np.testing.assert_allclose(seen, [expected(mixture) for mixture in mixtures])
    assert len(set(limits)) == 1
    low, high = np.transpose(limits[0])
    assert (low < ROWS[:, :2].min(axis=0)).all()
    assert (high > ROWS[:, :2].max(axis=0)).all()
    assert kept in ax.lines
    assert ax.get_title() == "step 3"
