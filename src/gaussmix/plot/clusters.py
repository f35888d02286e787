"""Draw rows as points, coloured by component."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Floats, Labels, Rows
from gaussmix.arguments import check_choice
from gaussmix.density.features import Feature
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.plot.style import current_axes, new_label, palette, size_in_points
from gaussmix.plot.view import View

__all__ = ["Certainty", "clusters", "memberships", "scatter"]

Certainty = Literal["size", "opacity"]
Look = dict[str, Floats]
"""Sizes or opacities of points ``(n,)``, from 0 to 1."""

# Points have at most and at least this area, in square points.
_LARGEST, _SMALLEST = 25.0, 1.0
# So many rows get the largest points on axes of so many square points.
_FEW, _ROOMY = 300, 9e4
# More rows than this are drawn as pixels, because vector graphics would be large.
_MANY = 10_000
# An entirely uncertain row has this share of the size or opacity of a certain row.
_UNCERTAIN = 0.15
# A certain row has this opacity.
_OPACITY = 0.8


def clusters(
    mixture: Mixture | HasMixture,
    rows: ArrayLike,
    *,
    certainty: Certainty | None = "size",
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Draw rows as points, coloured by their most probable component.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A distribution of at least two features.
    rows : (n, D) array_like
        Points, in all features of the mixture: the component is chosen by all of them. Values may be missing (NaN):
        the component is then chosen by the observed values, and a row is drawn if the two features are observed.
    certainty : {"size", "opacity"} or None, default "size"
        How to show the certainty of the component: uncertain rows are small, or pale, or (with None) drawn like all
        others. The certainty is 0 if all components are equally probable, and 1 if a component is certain.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal and the vertical axis.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with one collection of points. ``ax.legend()`` names the components that have rows.

    Raises
    ------
    ValueError
        If rows and mixture differ in the number of features, or `certainty` is unknown.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.clusters(mixture, [[0.0, 0.0], [1.7, 0.5], [4.0, 1.0]])
    >>> ax = plot.ellipses(mixture, ax=ax)
    """
    view, ax = View.of_pair(mixture, features), current_axes(ax)
    labels, look = memberships(view.whole, rows, certainty)
    scatter(ax, view.select(rows), labels, palette(view.whole.n_components), look)
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    return ax


def memberships(mixture: Mixture, rows: ArrayLike, certainty: Certainty | None) -> tuple[Labels, Look]:
    """Return the most probable component of each row, and the look of its certainty for :func:`scatter`."""
    if certainty is not None:
        check_choice("certainty, unless None,", certainty, ("size", "opacity"))
    resp = mixture.responsibilities(rows)
    return resp.argmax(axis=1), _SHOWN[certainty](_certainty(resp))


def scatter(ax: Axes, points: Rows, labels: Labels, colours: Floats, look: Look, name: str = "component") -> None:
    """Draw points ``(n, 2)`` in the colours of their labels, in random order so that no component hides another.

    Points with a missing coordinate (NaN) are left out.
    """
    shuffled = np.random.default_rng(0).permutation(len(points))
    shuffled = shuffled[~np.isnan(points[shuffled]).any(axis=1)]
    sizes = _largest(ax, len(shuffled)) * np.broadcast_to(look.get("size", 1.0), labels.shape)
    opacities = np.broadcast_to(look.get("opacity", _OPACITY), labels.shape)
    ax.scatter(
        points[shuffled, 0],
        points[shuffled, 1],
        s=sizes[shuffled],
        color=np.column_stack([colours[labels], opacities])[shuffled],
        linewidths=0,
        rasterized=len(shuffled) > _MANY,
    )
    for k in np.unique(labels[shuffled]):
        ax.scatter([], [], s=_LARGEST, color=colours[k], linewidths=0, label=new_label(ax, f"{name} {k}"))


def _largest(ax: Axes, n: int) -> float:
    """Return the area of the largest of n points, in square points; it is smaller for many points or small axes."""
    width, height = size_in_points(ax)
    room = width * height / _ROOMY * _FEW / max(n, 1)
    return float(np.clip(_LARGEST * np.sqrt(room), _SMALLEST, _LARGEST))


def _certainty(responsibilities: Floats) -> Floats:
    """Return the certainty of the most probable component, from 0 to 1, ``(n, K) -> (n,)``."""
    n_components = responsibilities.shape[1]
    if n_components == 1:
        return np.ones(len(responsibilities))
    return np.asarray((responsibilities.max(axis=1) * n_components - 1.0) / (n_components - 1.0))


_SHOWN: dict[str | None, Callable[[Floats], Look]] = {
    "size": lambda certainty: {"size": _UNCERTAIN + (1.0 - _UNCERTAIN) * certainty},
    "opacity": lambda certainty: {"opacity": _OPACITY * (_UNCERTAIN + (1.0 - _UNCERTAIN) * certainty)},
    None: lambda _certainty: {},
}
