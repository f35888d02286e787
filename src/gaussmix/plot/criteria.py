"""Draw the criterion of a search over the number of components, with a curve for each structure."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from sklearn.isotonic import isotonic_regression

from gaussmix._types import Floats
from gaussmix.arguments import check_choice, check_type
from gaussmix.plot.style import PALETTE, current_axes, size_in_points, text_colour
from gaussmix.selection import NAMES, Candidate, SearchResults, best
from gaussmix.structures import STRUCTURES, Orientation, Structure

__all__ = ["criteria"]

_BLUE, _ORANGE, _GREEN, _RED, *_ = PALETTE
_COLOURS = {
    Orientation.ROUND: _ORANGE,
    Orientation.COORDINATES: _GREEN,
    Orientation.EQUAL: _RED,
    Orientation.OWN: _BLUE,
}
_MARKERS = {(True, True): "o", (False, True): "s", (True, False): "^", (False, False): "D"}
"""Markers by whether components have equal volumes, and by whether they have equal shapes."""
_HELD_OUT = "\N{MINUS SIGN}2 log-likelihood of held-out rows"
_TITLES = {"aicc": "AICc", "cv": _HELD_OUT, "cv_1se": _HELD_OUT}
_ROOM = 0.16
"""The width left for the names of the structures, as a share of the range of the numbers of components."""
_LINE = 1.15
"""The distance of neighbouring names, in font sizes."""
_MARGIN = 0.08
"""The margin above the curves, as a share of their height."""
_BELOW = 52.0
"""The room below the winner for its name and the legend, in points."""
_SHOWN = 0.75
"""The share of the values that is in view, from the lowest up."""
_MAX_TICKS = 10
"""About the largest number of ticks on the axis of the numbers of components."""
_SMALL = "x-small"
_UNFINISHED: tuple[tuple[dict[str, Any], set[str], str], ...] = (
    ({"markerfacecolor": "none"}, {"stopped early", "max_iter"}, "stopped early"),
    ({"marker": "x"}, {"collapsed", "spurious"}, "passed over"),
)
"""Looks of fits that did not converge, their statuses, and their names in the legend."""


@dataclass(frozen=True, eq=False)
class _Curve:
    """The candidates of a structure by increasing number of components, with their values of the criterion."""

    name: str
    structure: Structure
    candidates: list[Candidate]
    values: Floats

    @property
    def sizes(self) -> Floats:
        """The numbers of components."""
        return np.array([one.n_components for one in self.candidates], dtype=np.float64)

    @property
    def look(self) -> dict[str, Any]:
        """The colour of the structure's axes, and the marker of its volumes and shapes."""
        structure = self.structure
        marker = _MARKERS[structure.equal_volume, structure.equal_shape]
        return {"color": _COLOURS[structure.orientation], "marker": marker, "markersize": 4.0}

    def draw(self, ax: Axes) -> None:
        """Draw a line, with markers for the fits that converged."""
        ended = [one.status == "converged" for one in self.candidates]
        ax.plot(self.sizes, self.values, label=self.name, linewidth=1.0, markevery=ended, **self.look)

    def draw_others(self, ax: Axes) -> None:
        """Draw hollow markers for fits that did not converge, and crosses for fits that the search passes over."""
        for other, statuses, _ in _UNFINISHED:
            some = [one.status in statuses for one in self.candidates]
            ax.plot(self.sizes[some], self.values[some], linestyle="none", **(self.look | other))


def criteria(results: SearchResults, *, criterion: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the criterion over the number of components, with a curve for each structure, and mark the best model.

    Colours show the axes of the components: round components without axes, axes along the coordinates, the same axes
    for all components, or own axes for each component. Markers show whether volumes and shapes are equal. Hollow
    markers are fits that were stopped early. Crosses are fits that the search passes over: a component has collapsed,
    or rests on too few rows. The worst quarter of the values is out of view, and so are values below that of the best
    model.

    Parameters
    ----------
    results : SearchResults or GaussianMixtureSearch
        The table of a search, ``GaussianMixtureSearch().fit(X).results_``, or the fitted search.
    criterion : str, optional
        A criterion of the table; by default the criterion of the search.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with a line for each structure, from EII to VVV, and its name beside the end.

    Raises
    ------
    TypeError
        If `results` has another type, such as a search that is not fitted.
    ValueError
        If the criterion is unknown, or no model has a finite value of the criterion.

    Examples
    --------
    >>> from gaussmix import GaussianMixtureSearch, plot
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> search = GaussianMixtureSearch([1, 2, 3], structures=["spherical", "full"], random_state=0).fit(X)
    >>> ax = plot.criteria(search.results_)
    >>> [line.get_label() for line in ax.lines[:2]]
    ['spherical', 'full']
    """
    found = getattr(results, "results_", results)
    results = check_type("results", found, SearchResults, "a fitted GaussianMixtureSearch has such results")
    name = check_choice("criterion", results.criterion if criterion is None else criterion, NAMES)
    winner = best(results.candidates, name)
    ax, curves = current_axes(ax), _curves(results, name)
    for curve in curves:
        curve.draw(ax)
    for curve in curves:
        curve.draw_others(ax)
    below = _frame(ax, curves, winner.criterion(name))
    _name_ends(ax, curves, below)
    _explain(ax, curves)
    _mark(ax, winner.n_components, winner.criterion(name), _describe(results, winner))
    ax.set(xlabel="number of components", ylabel=f"{_TITLES.get(name, name.upper())} (lower is better)")
    return ax


def _curves(results: SearchResults, criterion: str) -> list[_Curve]:
    """Return a curve for each structure of a search, without the candidates whose criterion is not finite."""
    curves = []
    for structure in sorted({one.structure for one in results.candidates}, key=_place):
        mine = [one for one in results.candidates if one.structure == structure]
        kept = sorted((one for one in mine if np.isfinite(one.criterion(criterion))), key=lambda one: one.n_components)
        if kept:
            values = np.array([one.criterion(criterion) for one in kept])
            curves.append(_Curve(results.name(kept[0]), structure, kept, values))
    return curves


def _place(structure: Structure) -> tuple[int, str]:
    """Return what the curves are sorted by: the place in the registry; structures with parameters come last."""
    place = STRUCTURES.index(structure) if structure in STRUCTURES else len(STRUCTURES)
    return place, structure.public_name


def _frame(ax: Axes, curves: list[_Curve], low: float) -> float:
    """Set the limits: from the best value up, without the worst quarter of the values, and with room for the text.

    Return the share of the height that is below the winner.
    """
    values, sizes = (np.concatenate([getattr(curve, name) for curve in curves]) for name in ("values", "sizes"))
    height, width = (max(np.quantile(values, _SHOWN), low) - low) or 1.0, np.ptp(sizes) or 1.0
    below = min(_BELOW / size_in_points(ax)[1], 0.5)
    high = low + (1.0 + _MARGIN) * height
    ax.set_ylim(low - (high - low) * below / (1.0 - below), high)
    ax.set_xlim(sizes.min() - 0.04 * width, sizes.max() + _ROOM * width)
    ax.set_xticks(np.unique(sizes)[:: len(np.unique(sizes)) // _MAX_TICKS + 1])
    return below


def _name_ends(ax: Axes, curves: list[_Curve], lowest: float) -> None:
    """Write the names of the structures in a column on the right, near the ends of their curves."""
    gap = _LINE * FontProperties(size=_SMALL).get_size_in_points() / size_in_points(ax)[1]
    ends = np.array([curve.values[-1] for curve in curves])
    order, (low, high) = np.argsort(ends, kind="stable"), ax.get_ylim()
    heights = _separate(np.clip((ends[order] - low) / (high - low), 0.0, 1.0), gap, lowest)
    last = max(curve.sizes[-1] for curve in curves)
    for i, height in zip(order, heights, strict=True):
        ax.annotate(
            curves[i].name,
            (last, height),
            (7, 0),
            xycoords=ax.get_xaxis_transform(),
            textcoords="offset points",
            annotation_clip=False,
            color=curves[i].look["color"],
            fontsize=_SMALL,
            va="center",
        )


def _separate(heights: Floats, gap: float, lowest: float) -> Floats:
    """Return heights in rising order, moved by least squares so that neighbours are at least a gap apart.

    They stay between `lowest` and the top; where there is too little room, they go below.
    """
    steps = gap * np.arange(len(heights))
    most = 1.0 - gap / 2 - steps[-1]
    return np.asarray(isotonic_regression(heights - steps, y_min=min(lowest, most), y_max=most) + steps)


def _mark(ax: Axes, n_components: int, value: float, text: str) -> None:
    """Draw a ring around the winner, and write its name within the axes."""
    ax.plot(
        n_components,
        value,
        "o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor=text_colour(),
        markeredgewidth=1.5,
    )
    left, right = ax.get_xlim()
    side = ("left", "center", "right")[int(3 * (n_components - left) / (right - left))]
    ax.annotate(text, (n_components, value), (0, -9), textcoords="offset points", ha=side, va="top", weight="bold")


def _describe(results: SearchResults, winner: Candidate) -> str:
    return f"{results.name(winner)}, {winner.n_components} component{'s' * (winner.n_components != 1)}"


def _explain(ax: Axes, curves: list[_Curve]) -> None:
    """Draw a legend of the colours, and of the markers of fits that did not converge."""
    used = {curve.look["color"] for curve in curves}
    found = {one.status for curve in curves for one in curve.candidates}
    handles = [Line2D([], [], color=colour, label=name) for name, colour in _COLOURS.items() if colour in used]
    plain: dict[str, Any] = {"color": text_colour(), "linestyle": "none", "marker": "o", "markersize": 4.0}
    unfinished = [(look, name) for look, statuses, name in _UNFINISHED if statuses & found]
    handles += [Line2D([], [], label=name, **(plain | look)) for look, name in unfinished]
    ax.legend(handles=handles, fontsize=_SMALL, loc="lower right", ncols=3, handlelength=1.2, columnspacing=1.0)
