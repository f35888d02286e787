import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cases
from gaussmix import Mixture
from gaussmix.plot.view import View, axis_limits, evaluate_on_grid, pad_spans, unite_spans

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("form", cases.FORMS)
@given(seed=seeds)
def test_spans_cover_all_but_one_in_a_thousand(form, seed):
    mixture = cases.mixture(np.random.default_rng(seed), form, n_features=3)
    view = View.of_pair(mixture, (2, 0))
    for feature, span in zip((2, 0), view.spans(), strict=True):
        np.testing.assert_allclose(np.diff(mixture.marginal(feature).cdf(span)), 0.999, rtol=1e-9)


def test_spans_hold_the_rows():
    view = View.of_pair(Mixture([1.0], [[0.0, 0.0]], [1.0]), (0, 1))
    far = view.spans([[50.0, 0.0], [0.0, -70.0]])
    assert far[0, 1] == 50.0
    assert far[1, 0] == -70.0
    np.testing.assert_array_equal(far[:, ::-1][[0, 1], [1, 0]], view.spans()[[0, 1], [0, 1]])


@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1.0), (1e8, 1.0), (0.0, 1e-6), (-1e3, 1e9)])
def test_places_follow_narrow_components(offset, scale):
    mixture = Mixture([0.5, 0.5], offset + scale * np.array([[0.0], [4.0]]), (scale * np.array([1.0, 1e-3])) ** 2)
    view = View.of_feature(mixture, 0)
    (places,) = view.grid(view.spans())
    area = np.trapezoid(mixture.pdf(places[:, None]), places)
    assert area == pytest.approx(0.999, abs=1e-3)


@given(seed=seeds)
def test_places_stay_within_their_span(seed):
    view = View.of_feature(cases.mixture(np.random.default_rng(seed), n_components=5), 1)
    span = np.array([[-1.0, 2.0]])
    (places,) = view.grid(span)
    assert (places[0], places[-1]) == (-1.0, 2.0)
    assert (np.diff(places) > 0).all()


def test_frames_are_rows():
    mixture = Mixture([1.0], [[0.0, 0.0, 0.0]], [1.0], feature_names=["a", "b", "c"])
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [5.0, 6.0]})
    np.testing.assert_array_equal(View.of_pair(mixture, ["c", "a"]).select(frame), [[5.0, 1.0], [6.0, 2.0]])


def test_reach_is_the_spans_on_empty_axes(ax):
    spans = np.array([[0.0, 2.0], [3.0, 5.0]])
    np.testing.assert_array_equal(axis_limits(ax, spans), spans)


def test_reach_goes_as_far_as_what_is_there(ax):
    ax.plot([-10.0, 1.0], [4.0, 50.0])
    (left, right), (bottom, top) = axis_limits(ax, np.array([[0.0, 2.0], [3.0, 5.0]]))
    assert left <= -10.0
    assert right == 2.0
    assert bottom <= 3.0
    assert top >= 50.0


def test_reach_heeds_limits_that_were_set(ax):
    ax.set(xlim=(9.0, 7.0))
    np.testing.assert_array_equal(axis_limits(ax, np.array([[0.0, 2.0], [3.0, 5.0]])), [[7.0, 9.0], [3.0, 5.0]])


def test_union_and_margins():
    np.testing.assert_array_equal(unite_spans(np.array([[0.0, 2.0]]), np.array([[1.0, 3.0]])), [[0.0, 3.0]])
    np.testing.assert_allclose(pad_spans(np.array([[0.0, 10.0]])), [[-0.8, 10.8]])


def test_on_grid_is_lines_of_places():
    values = evaluate_on_grid(
        lambda places: places[:, 0] + 10 * places[:, 1], np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0])
    )
    np.testing.assert_array_equal(values, [[1.0, 2.0, 3.0], [11.0, 12.0, 13.0]])
