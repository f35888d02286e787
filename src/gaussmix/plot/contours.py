"""Draw the density over two features, as contours or as a surface."""

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet

from gaussmix.density.features import Feature
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.plot.style import check_contents, current_axes, format_percent, text_colour, with_opacity
from gaussmix.plot.view import View, axis_limits, evaluate_on_grid, pad_spans

__all__ = ["contours", "surface"]

# A surface has so many faces along each feature.
_FACES = 120
# Each axis of a surface has at most so many intervals between ticks.
_MAX_TICKS = 5
# The labels of successive levels are in directions that differ by this angle, so that they do not come close.
_GOLDEN_ANGLE = np.pi * (3.0 - np.sqrt(5.0))
# A piece of a contour has a label if it is at least this share of the longest piece of its level.
_LONG = 0.5
# A piece that is shorter than so many points has no room for a label.
_SHORT = 90.0
# The outermost contour has this opacity, the innermost 1.
_OUTERMOST = 0.45


def contours(
    mixture: Mixture | HasMixture,
    *,
    content: float | Sequence[float] = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99),
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Draw the lines of equal density that hold given shares of the probability.

    The contour of 90 % encloses the smallest region with 90 % of the probability: see :meth:`Mixture.level`.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A distribution of at least two features.
    content : float or sequence of float, default (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
        Shares of the probability, between 0 and 1. The levels are estimated from 100 000 random rows with a fixed seed,
        so that shares within 0.0001 of 0 or 1 cannot be drawn.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal and the vertical axis. For a mixture of more features, the
        density is that of their marginal distribution.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with labelled contours.

    Raises
    ------
    ValueError
        If a content is not between 0 and 1 or too near to 0 or 1, or if the features are not two different features of
        the mixture.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.contours(mixture, content=[0.5, 0.9])
    """
    view, ax, shares = View.of_pair(mixture, features), current_axes(ax), check_contents(content)[::-1]
    seen = view.mixture
    levels = np.asarray(seen.level(shares, random_state=0).value)
    across, up = view.grid(axis_limits(ax, pad_spans(view.spans())))
    lines = ax.contour(
        across,
        up,
        evaluate_on_grid(seen.logpdf, across, up),
        levels=levels,
        colors=[with_opacity(text_colour(), opacity) for opacity in np.linspace(_OUTERMOST, 1.0, len(levels))],
        linewidths=1.0,
        linestyles="solid",
    )
    names = dict(zip(lines.levels, map(format_percent, shares), strict=True))
    ax.clabel(lines, fmt=names, fontsize="x-small", manual=list(_label_places(ax, lines)))
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    return ax


def surface(mixture: Mixture | HasMixture, *, features: Sequence[Feature] = (0, 1), ax: Axes | None = None) -> Axes:
    """Draw the density over two features as a surface in three dimensions.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A distribution of at least two features.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal plane. For a mixture of more features, the density is that of
        their marginal distribution.
    ax : mpl_toolkits.mplot3d.Axes3D, optional
        The axes to draw on, made by ``figure.add_subplot(projection="3d")``; by default those of a new figure.

    Returns
    -------
    mpl_toolkits.mplot3d.Axes3D
        The axes, with the surface.

    Raises
    ------
    ValueError
        If the features are not two different features of the mixture, or the axes have two dimensions.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.surface(mixture)
    >>> ax.get_zlabel()
    'density'
    """
    view = View.of_pair(mixture, features)
    ax = current_axes(plt.figure().add_subplot(projection="3d") if ax is None else ax)
    if ax.name != "3d":
        msg = "ax must have three dimensions; make it with figure.add_subplot(projection='3d')."
        raise ValueError(msg)
    across, up = view.grid(axis_limits(ax, pad_spans(view.spans())))
    solid = cast("Any", ax)  # matplotlib's axes in three dimensions have no types
    solid.plot_surface(
        *np.meshgrid(across, up),
        evaluate_on_grid(view.mixture.pdf, across, up),
        rcount=_FACES,
        ccount=_FACES,
        cmap=plt.rcParams["image.cmap"],
        linewidth=0,
        antialiased=False,
    )
    solid.locator_params(nbins=_MAX_TICKS)
    solid.set(xlabel=view.labels[0], ylabel=view.labels[1], zlabel="density")
    return ax


def _label_places(ax: Axes, lines: ContourSet) -> Iterator[tuple[float, float]]:
    """Yield the places of the contours' labels: on the long pieces of each level, in a direction of its own."""
    for turn, pieces in enumerate(lines.allsegs):
        on_screen = [ax.transData.transform(piece) for piece in pieces]
        lengths = np.array([np.linalg.norm(np.diff(piece, axis=0), axis=1).sum() for piece in on_screen])
        direction = np.array([np.sin(turn * _GOLDEN_ANGLE), np.cos(turn * _GOLDEN_ANGLE)])
        long = lengths >= max(_LONG * lengths.max(initial=0.0), _SHORT * ax.figure.dpi / 72)
        for i in np.flatnonzero(long):
            x, y = pieces[i][(on_screen[i] @ direction).argmax()]
            yield float(x), float(y)
