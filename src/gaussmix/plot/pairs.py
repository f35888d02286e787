"""Draw all pairs of features in one figure."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from matplotlib import rc_context, rcParams
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator, NullLocator

from gaussmix._types import AnyArray, ArrayLike, Floats
from gaussmix.density.features import Feature
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.plot.clusters import memberships, scatter
from gaussmix.plot.curve import curve
from gaussmix.plot.ellipses import ellipses
from gaussmix.plot.style import new_figure, palette
from gaussmix.plot.view import View, pad_spans

__all__ = ["pairs"]

# A new figure has a side of at least so many inches for each feature.
_SIDE = 1.3
# Ellipses hold this share of the probability of their component.
_CONTENT = 0.9
# Lines have this width, in points.
_THIN = 1.0
# Each axis has at most so many intervals between ticks.
_MAX_TICKS = 3


def pairs(
    mixture: Mixture | HasMixture,
    rows: ArrayLike | None = None,
    *,
    features: Sequence[Feature] | None = None,
    figure: FigureBase | None = None,
) -> AnyArray:
    """Draw each feature on the diagonal, as :func:`curve` does, and each pair of features off it.

    With rows, ellipses that hold 90 % of each component are above the diagonal, and the rows are below it, coloured by
    component. Without rows, the ellipses are below the diagonal, and the space above is empty.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A distribution.
    rows : (n, D) array_like, optional
        Points to draw.
    features : sequence of int or str, optional
        Indices or names of the features to draw, in that order; all features by default.
    figure : matplotlib Figure or SubFigure, optional
        The figure to draw on; by default a new figure, which is larger for more features.

    Returns
    -------
    (D, D) ndarray of matplotlib.axes.Axes
        The axes. The axes of a column have the same horizontal limits. The axes of a line, except for the diagonal,
        have the same vertical limits.

    Raises
    ------
    ValueError
        If a feature is unknown or named twice, or rows and mixture differ in the number of features.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from gaussmix import GaussianMixture, plot
    >>> X = load_iris(as_frame=True).data
    >>> axes = plot.pairs(GaussianMixture(3, random_state=0).fit(X).mixture_, X)
    >>> axes.shape
    (4, 4)
    """
    view = View.of_features(mixture, features)
    n = len(view.features)
    side = max(min(rcParams["figure.figsize"]), _SIDE * n)
    figure = new_figure(figure, figsize=(side, side))
    axes = figure.subplots(n, n, squeeze=False)
    with rc_context({"lines.linewidth": _THIN}):
        for ax, feature in zip(axes.diagonal(), view.features, strict=True):
            curve(mixture, rows, feature=feature, ax=ax)
        if rows is None:
            _ellipses_below(axes, view)
        else:
            _rows_below(axes, view, rows)
    _format_axes(axes, view.labels, pad_spans(view.spans(rows)))
    return axes


def _ellipses_below(axes: AnyArray, view: View) -> None:
    for i, j in combinations(range(len(axes)), 2):
        ellipses(view.mixture, content=_CONTENT, features=(i, j), ax=axes[j, i])
        axes[i, j].set_visible(False)


def _rows_below(axes: AnyArray, view: View, rows: ArrayLike) -> None:
    """Draw rows below the diagonal, and ellipses above."""
    points, (labels, look) = view.select(rows), memberships(view.whole, rows, "size")
    colours = palette(view.whole.n_components)
    for i, j in combinations(range(len(axes)), 2):
        scatter(axes[j, i], points[:, [i, j]], labels, colours, look)
        ellipses(view.mixture, content=_CONTENT, features=(j, i), ax=axes[i, j])


def _format_axes(axes: AnyArray, labels: list[str], spans: Floats) -> None:
    """Set common limits, a few ticks, and names of the features at the left and at the bottom only.

    The first feature has its numbers at the right: the axes on the left show its density.
    """
    last = len(axes) - 1
    for (i, j), ax in np.ndenumerate(axes):
        ax.set_xlim(spans[j])
        if i != j:
            ax.set_ylim(spans[i])
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(NullLocator() if i == j and axis is ax.yaxis else MaxNLocator(_MAX_TICKS))
            axis.label.set_size("x-small")
        ax.tick_params(labelsize="x-small", labelbottom=i == last, labelleft=j == 0, labelright=i == 0 < j == last)
        ax.set(xlabel=labels[j] if i == last else "", ylabel=labels[i] if j == 0 else "")
