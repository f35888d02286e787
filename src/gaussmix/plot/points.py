"""Rows as points, coloured by component."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Floats, Labels, Rows
from gaussmix.density.features import Feature
from gaussmix.mixture import Mixture
from gaussmix.plot.style import current, fresh, palette
from gaussmix.plot.view import View

__all__ = ["clusters", "scatter"]

Certainty = Literal["size", "opacity"]

_LARGEST, _SMALLEST = 25.0, 1.0  # areas of points, in square points
_FEW = 300  # rows, of which each gets the largest point
_MANY = 10_000  # rows, of which vector graphics would be large
_UNCERTAIN = 0.15


def clusters(
    mixture: Mixture,
    rows: ArrayLike,
    *,
    certainty: Certainty | None = "size",
    features: Iterable[Feature] = (0, 1),
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
        With one collection of points for each component that has rows. ``ax.legend()`` names the components.

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
    if certainty not in _SHOWN:
        msg = f"certainty must be 'size', 'opacity' or None, got {certainty!r}."
        raise ValueError(msg)
    seen, resp = view.of(rows), mixture.responsibilities(rows)
    shown = _SHOWN[certainty](_certainty(resp))
    scatter(ax, seen, resp.argmax(axis=1), palette(mixture.n_components), **shown)
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    return ax


def scatter(
    ax: Axes,
    points: Rows,
    labels: Labels,
    colours: Floats,
    name: str = "component",
    *,
    size: Floats | float = 1.0,
    alpha: Floats | float = 0.8,
) -> None:
    """Draw points ``(n, 2)`` in the colours of their labels, of areas that grow with `size`, from 0 to 1."""
    largest = np.clip(_LARGEST * np.sqrt(_FEW / max(len(points), 1)), _SMALLEST, _LARGEST)
    area = np.broadcast_to(size * largest, labels.shape)
    opacity = np.broadcast_to(alpha, labels.shape)
    for k in np.unique(labels):
        mine = labels == k
        ax.scatter(
            points[mine, 0],
            points[mine, 1],
            s=area[mine],
            alpha=opacity[mine],
            color=colours[k],
            linewidths=0,
            rasterized=len(points) > _MANY,
            label=fresh(ax, f"{name} {k}"),
        )


def _certainty(responsibilities: Floats) -> Floats:
    """How certain the most probable component is, ``(n, K) -> (n,)``, from 0 to 1."""
    n_components = responsibilities.shape[1]
    if n_components == 1:
        return np.ones(len(responsibilities))
    return np.asarray((responsibilities.max(axis=1) * n_components - 1.0) / (n_components - 1.0))


_SHOWN: dict[str | None, Callable[[Floats], dict[str, Any]]] = {
    "size": lambda certainty: {"size": _UNCERTAIN + (1.0 - _UNCERTAIN) * certainty},
    "opacity": lambda certainty: {"alpha": 0.8 * (_UNCERTAIN + (1.0 - _UNCERTAIN) * certainty)},
    None: lambda _certainty: {},
}
