"""The density over two features: contours, and a surface."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet

from gaussmix.density.features import Feature
from gaussmix.mixture import Mixture
from gaussmix.plot.style import contents, current, faint, ink, percent
from gaussmix.plot.view import View, on_grid, reach, widened

__all__ = ["contours", "surface"]

_FACES = 120  # of a surface, along each feature
_MOST_TICKS = 5  # of each axis of a surface
_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))  # whose multiples are never near each other
_LONG = 0.5  # of the longest piece
_SHORT = 90.0  # points: there is no room for a name
_OUTERMOST = 0.45  # opacity; the innermost has 1


def contours(
    mixture: Mixture,
    *,
    content: float | Sequence[float] = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99),
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Draw the lines of equal density that hold given shares of the probability.

    The line of 90 % goes around the smallest region with 90 % of the probability: see :meth:`Mixture.level`.

    Parameters
    ----------
    mixture : Mixture
        A distribution of at least two features.
    content : float or sequence of float, default (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
        Shares of the probability, between 0 and 1. Levels come from 100 000 random rows with a fixed seed, so that
        shares nearer to 0 or 1 than 0.0001 cannot be drawn.
    features : two of int or str, default (0, 1)
        Indices or names of the features across and up. Where there are more, the density is the marginal one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        With labelled contours.

    Raises
    ------
    ValueError
        If a content is not between 0 and 1, or too near to either; or if the features are not two different ones of
        the mixture.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.contours(mixture, content=[0.5, 0.9])
    """
    view, ax, shares = View.plane(mixture, features), current(ax), contents(content)[::-1]
    seen = view.mixture
    levels = np.asarray(seen.level(shares, random_state=0).value)
    across, up = view.places(reach(ax, widened(view.spans())))
    lines = ax.contour(
        across,
        up,
        on_grid(seen.logpdf, across, up),
        levels=levels,
        colors=[faint(ink(), opacity) for opacity in np.linspace(_OUTERMOST, 1.0, len(levels))],
        linewidths=1.0,
        linestyles="solid",
    )
    names = dict(zip(lines.levels, map(percent, shares), strict=True))
    ax.clabel(lines, fmt=names, fontsize="x-small", manual=list(_label_places(ax, lines)))
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    return ax


def surface(mixture: Mixture, *, features: Sequence[Feature] = (0, 1), ax: Axes | None = None) -> Axes:
    """Draw the density over two features as a surface in three dimensions.

    Parameters
    ----------
    mixture : Mixture
        A distribution of at least two features.
    features : two of int or str, default (0, 1)
        Indices or names of the features of the ground plane. Where there are more, the density is the marginal one.
    ax : mpl_toolkits.mplot3d.Axes3D, optional
        Where to draw, as made by ``figure.add_subplot(projection="3d")``; by default in a figure of its own.

    Returns
    -------
    mpl_toolkits.mplot3d.Axes3D

    Raises
    ------
    ValueError
        If the features are not two different ones of the mixture, or the axes are flat.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.surface(mixture)
    >>> ax.get_zlabel()
    'density'
    """
    view = View.plane(mixture, features)
    ax = plt.figure().add_subplot(projection="3d") if ax is None else ax
    if ax.name != "3d":
        msg = "ax must have three dimensions; make it with figure.add_subplot(projection='3d')."
        raise ValueError(msg)
    across, up = view.places(reach(ax, widened(view.spans())))
    solid = cast("Any", ax)  # matplotlib's axes in three dimensions have no types
    solid.plot_surface(
        *np.meshgrid(across, up),
        on_grid(view.mixture.pdf, across, up),
        rcount=_FACES,
        ccount=_FACES,
        cmap=plt.rcParams["image.cmap"],
        linewidth=0,
        antialiased=False,
    )
    solid.locator_params(nbins=_MOST_TICKS)
    solid.set(xlabel=view.labels[0], ylabel=view.labels[1], zlabel="density")
    return ax


def _label_places(ax: Axes, lines: ContourSet) -> Iterator[tuple[float, float]]:
    """Where to name contours: each level on its long pieces alone, in a direction of its own from their middles."""
    for turn, pieces in enumerate(lines.allsegs):
        on_screen = [ax.transData.transform(piece) for piece in pieces]
        lengths = np.array([np.linalg.norm(np.diff(piece, axis=0), axis=1).sum() for piece in on_screen])
        direction = np.array([np.sin(turn * _GOLDEN_ANGLE), np.cos(turn * _GOLDEN_ANGLE)])
        long = lengths >= max(_LONG * lengths.max(initial=0.0), _SHORT * ax.figure.dpi / 72)
        for i in np.flatnonzero(long):
            x, y = pieces[i][(on_screen[i] @ direction).argmax()]
            yield float(x), float(y)
