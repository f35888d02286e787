from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot as plt

import cases
from gaussmix import GaussianMixtureSearch, SearchResults, plot
from gaussmix.plot.criteria import _separate
from gaussmix.structures import STRUCTURES


@pytest.fixture(scope="module")
def results():
    rows = cases.clusters(np.random.default_rng(0), n=120)
    return GaussianMixtureSearch([1, 2, 3, 4], random_state=0).fit(rows).results_


def curves(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def names_of(ax):
    return [text for text in ax.texts if text.get_text() in curves(ax)]


@pytest.mark.parametrize("criterion", [None, "bic", "icl", "aic"])
def test_there_is_a_curve_for_each_structure(results, criterion, ax):
    plot.criteria(results, criterion=criterion, ax=ax)
    drawn = curves(ax)
    assert list(drawn) == [structure.public_name for structure in STRUCTURES]
    for one in results.candidates:
        sizes, values = drawn[results.name(one)].get_data()
        assert values[list(sizes).index(one.n_components)] == one.criterion(criterion or "bic")


def test_the_winner_is_marked_and_named(results, ax):
    plot.criteria(results, ax=ax)
    best = results.best
    rings = [line for line in ax.lines if line.get_markersize() > 10]
    assert [tuple(ring.get_xydata()[0]) for ring in rings] == [(best.n_components, best.criterion("bic"))]
    assert f"{results.name(best)}, {best.n_components} components" in [text.get_text() for text in ax.texts]


def test_the_winner_may_differ_by_criterion(results, ax):
    plot.criteria(results, criterion="aic", ax=ax)
    lowest = min(results.candidates, key=lambda one: (bool(one.collapsed), one.criterion("aic")))
    assert any(text.get_text().startswith(f"{results.name(lowest)}, {lowest.n_components} ") for text in ax.texts)
    assert ax.get_ylabel() == "AIC (lower is better)"


@pytest.mark.parametrize("size", [(6.4, 4.8), (3.2, 2.4), (12.0, 9.0)])
def test_names_of_fourteen_structures_do_not_overlap(results, size):
    ax = plot.criteria(results, ax=plt.figure(figsize=size).subplots())
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent() for text in names_of(ax)), key=lambda box: box.y0)
    assert len(boxes) == 14
    for below, above in pairwise(boxes):
        assert above.y0 - below.y0 > 0.8 * ax.texts[0].get_fontsize() * ax.figure.dpi / 72


def test_names_are_in_the_order_of_the_ends_and_in_the_colours_of_the_curves(results, ax):
    plot.criteria(results, ax=ax)
    drawn = curves(ax)
    up = sorted(names_of(ax), key=lambda text: text.xy[1])
    ends = [drawn[text.get_text()].get_ydata()[-1] for text in up]
    assert ends == sorted(ends)
    assert all(text.get_color() == drawn[text.get_text()].get_color() for text in up)


def test_structures_with_one_kind_of_axes_have_one_colour_and_each_its_own_look(results, ax):
    plot.criteria(results, ax=ax)
    looks = {name: (line.get_color(), line.get_marker()) for name, line in curves(ax).items()}
    assert len(set(looks.values())) == 14
    assert len({colour for colour, _ in looks.values()}) == 4
    for family in (("EII", "spherical"), ("EEI", "VEI", "EVI", "diag"), ("tied", "VEE", "EVE", "VVE")):
        assert len({looks[name][0] for name in family}) == 1
    assert {text.get_text() for text in ax.get_legend().get_texts()} == {
        "round",
        "axes aligned",
        "equal axes",
        "own axes",
        "stopped early",
    }


def test_markers_say_how_fits_ended(results, ax):
    candidates = list(results.candidates)
    spoilt = next(i for i, one in enumerate(candidates) if one is not results.best and one.status == "converged")
    candidates[spoilt] = replace(candidates[spoilt], collapsed=(0,))
    plot.criteria(SearchResults(tuple(candidates), "bic"), ax=ax)
    others = [line for line in ax.lines if line.get_linestyle() == "None" and line.get_markersize() < 10]
    crosses = np.concatenate([line.get_xydata() for line in others if line.get_marker() == "x"])
    hollow = np.concatenate([line.get_xydata() for line in others if line.get_markerfacecolor() == "none"])
    assert [(candidates[spoilt].n_components, candidates[spoilt].criterion("bic"))] == list(map(tuple, crosses))
    assert len(hollow) == sum(one.status in {"stopped early", "max_iter"} for one in candidates)
    filled = sum(sum(line.get_markevery()) for line in curves(ax).values())
    assert filled == sum(one.status == "converged" for one in candidates)


def test_what_could_not_be_fitted_is_left_out(results, ax):
    candidates = [
        replace(one, fit=None, reason="too few rows")
        if one.structure.name == "VVV" and one is not results.best
        else one
        for one in results.candidates
    ]
    plot.criteria(SearchResults(tuple(candidates), "bic"), ax=ax)
    assert ("full" in curves(ax)) == (results.best.structure.name == "VVV")


def test_the_winner_is_in_view_and_ticks_are_numbers_of_components(results, ax):
    plot.criteria(results, ax=ax)
    assert ax.get_ylim()[0] < results.best.criterion("bic") < ax.get_ylim()[1]
    np.testing.assert_array_equal(ax.get_xticks(), [1, 2, 3, 4])


def test_one_model_can_be_drawn(ax):
    rows = cases.clusters(np.random.default_rng(0), n=50)
    plot.criteria(GaussianMixtureSearch([2], structures="full").fit(rows).results_, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["full", "full, 2 components"]


def test_one_feature_has_its_letters(ax):
    rows = cases.clusters(np.random.default_rng(0), n=50, n_features=1)
    plot.criteria(GaussianMixtureSearch([1, 2]).fit(rows).results_, ax=ax)
    assert list(curves(ax)) == ["E", "V"]


def test_a_search_is_told_what_to_pass():
    with pytest.raises(TypeError, match="must be a SearchResults, got GaussianMixtureSearch; a fitted"):
        plot.criteria(GaussianMixtureSearch())


def test_unknown_criteria_are_an_error(results):
    with pytest.raises(ValueError, match=r"criterion must be one of bic, .*got 'dic'"):
        plot.criteria(results, criterion="dic")
    with pytest.raises(ValueError, match="No model has a finite cv"):
        plot.criteria(results, criterion="cv")


@given(heights=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=14))
def test_names_move_apart_within_the_axes(heights):
    gap = 0.06
    moved = _separate(np.sort(heights), gap, 0.1)
    assert (np.diff(moved) > gap - 1e-9).all()
    assert moved[0] > 0.1 - 1e-9
    assert moved[-1] < 1.0 - gap / 2 + 1e-9


def test_names_with_room_stay():
    heights = np.array([0.2, 0.5, 0.8])
    np.testing.assert_allclose(_separate(heights, 0.1, 0.0), heights)


def test_names_without_room_go_below_but_not_onto_each_other():
    moved = _separate(np.full(14, 0.5), 0.1, 0.2)
    np.testing.assert_allclose(np.diff(moved), 0.1)
    assert moved[-1] == pytest.approx(0.95)
