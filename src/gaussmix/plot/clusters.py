"""Rows as points, coloured by component."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Floats, Labels, Rows
from gaussmix.density.features import Feature
from gaussmix.mixture import Mixture
from gaussmix.plot.style import current, fresh, palette, size
from gaussmix.plot.view import View

__all__ = ["Certainty", "clusters", "memberships", "scatter"]

Certainty = Literal["size", "opacity"]
Look = dict[str, Floats]
"""Sizes or opacities of points ``(n,)``, from 0 to 1."""

_LARGEST, _SMALLEST = 25.0, 1.0  # areas of points, in square points
_FEW, _ROOMY = 300, 9e4  # rows that get the largest points on axes of so many square points
_MANY = 10_000  # rows, of which vector graphics would be large
_UNCERTAIN = 0.15  # of the size or opacity of what is certain
_OPACITY = 0.8


def clusters(
    mixture: Mixture,
    rows: ArrayLike,
    *,
    certainty: Certainty | None = "size",
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Draw rows as points, coloured by their most probable component.

    Parameters
    ----------
    mixture : Mixture
        A distribution of at least two features.
    rows : (n, D) array_like
        Points, in all features of the mixture: the component is chosen by all of them.
    certainty : {"size", "opacity"} or None, default "size"
        What shows how certain the component is: uncertain rows are small, or pale, or drawn as all others. Certainty
        goes from 0, where all components are equally probable, to 1, where one is certain.
    features : two of int or str, default (0, 1)
        Indices or names of the features across and up.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        With one collection of points. ``ax.legend()`` names the components that have rows.

    Raises
    ------
    ValueError
        If rows have another number of features than the mixture, or `certainty` is none of the above.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.clusters(mixture, [[0.0, 0.0], [1.7, 0.5], [4.0, 1.0]])
    >>> ax = plot.ellipses(mixture, ax=ax)
    """
    view, ax = View.plane(mixture, features), current(ax)
    labels, look = memberships(mixture, rows, certainty)
    scatter(ax, view.of(rows), labels, palette(mixture.n_components), look)
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    return ax


def memberships(mixture: Mixture, rows: ArrayLike, certainty: Certainty | None) -> tuple[Labels, Look]:
    """The most probable component of each row, and how :func:`scatter` is to show its certainty."""
    if certainty not in _SHOWN:
        msg = f"certainty must be 'size', 'opacity' or None, got {certainty!r}."
        raise ValueError(msg)
    resp = mixture.responsibilities(rows)
    return resp.argmax(axis=1), _SHOWN[certainty](_certainty(resp))


def scatter(ax: Axes, points: Rows, labels: Labels, colours: Floats, look: Look, name: str = "component") -> None:
    """Draw points ``(n, 2)`` in the colours of their labels, in no order, so that no component hides the others."""
    shuffled = np.random.default_rng(0).permutation(len(points))
    sizes = _largest(ax, len(points)) * np.broadcast_to(look.get("size", 1.0), labels.shape)
    opacities = np.broadcast_to(look.get("opacity", _OPACITY), labels.shape)
    ax.scatter(
        points[shuffled, 0],
        points[shuffled, 1],
        s=sizes[shuffled],
        color=np.column_stack([colours[labels], opacities])[shuffled],
        linewidths=0,
        rasterized=len(points) > _MANY,
    )
    for k in np.unique(labels):
        ax.scatter([], [], s=_LARGEST, color=colours[k], linewidths=0, label=fresh(ax, f"{name} {k}"))


def _largest(ax: Axes, n: int) -> float:
    """Area of the largest of n points, in square points: less where there are many, or the axes are small."""
    width, height = size(ax)
    room = width * height / _ROOMY * _FEW / n
    return float(np.clip(_LARGEST * np.sqrt(room), _SMALLEST, _LARGEST))


def _certainty(responsibilities: Floats) -> Floats:
    """How certain the most probable component is, ``(n, K) -> (n,)``, from 0 to 1."""
    n_components = responsibilities.shape[1]
    if n_components == 1:
        return np.ones(len(responsibilities))
    return np.asarray((responsibilities.max(axis=1) * n_components - 1.0) / (n_components - 1.0))


_SHOWN: dict[str | None, Callable[[Floats], Look]] = {
    "size": lambda certainty: {"size": _UNCERTAIN + (1.0 - _UNCERTAIN) * certainty},
    "opacity": lambda certainty: {"opacity": _OPACITY * (_UNCERTAIN + (1.0 - _UNCERTAIN) * certainty)},
    None: lambda _certainty: {},
}
