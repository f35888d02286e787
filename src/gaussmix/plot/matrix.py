"""All pairs of features in one figure."""

from collections.abc import Iterable

import numpy as np
from matplotlib import pyplot as plt
from matplotlib import rc_context, rcParams
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator, NullLocator

from gaussmix._types import AnyArray, ArrayLike
from gaussmix.density.features import Feature, indices
from gaussmix.mixture import Mixture
from gaussmix.plot.ellipse import ellipses
from gaussmix.plot.line import curve
from gaussmix.plot.points import memberships, scatter
from gaussmix.plot.style import palette
from gaussmix.plot.view import View, as_rows, widened

__all__ = ["pairs"]

_SIDE = 1.3  # inches
_CONTENT = 0.9
_THIN = 1.0  # points
_MOST_TICKS = 3


def pairs(
    mixture: Mixture,
    rows: ArrayLike | None = None,
    *,
    features: Iterable[Feature] | None = None,
    figure: FigureBase | None = None,
) -> AnyArray:
    """Draw each feature on the diagonal, as :func:`curve` does, and each pair of features off it.

    Ellipses, which hold 90 % of each component, are above the diagonal, and the rows below it, coloured by component;
    without rows the ellipses are below, and nothing is above.

    Parameters
    ----------
    mixture : Mixture
        A distribution.
    rows : (n, D) array_like, optional
        Points to draw.
    features : sequence of int or str, optional
        Indices or names of the features to draw, in that order; all by default.
    figure : matplotlib Figure or SubFigure, optional
        Where to draw; by default a new one, which is larger for more features.

    Returns
    -------
    (D, D) ndarray of matplotlib.axes.Axes
        Those of one column share what is across, those of one line but for the diagonal what is up.

    Raises
    ------
    ValueError
        If a feature is unknown or named twice, or rows have another number of features than the mixture.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from gaussmix import GaussianMixture, plot
    >>> X = load_iris(as_frame=True).data
    >>> axes = plot.pairs(GaussianMixture(3, random_state=0).fit(X).mixture_, X)
    >>> axes.shape
    (4, 4)
    """
    kept = list(range(mixture.n_features)) if features is None else indices(mixture, features)
    size = len(kept)
    side = max(min(rcParams["figure.figsize"]), _SIDE * size)
    figure = plt.figure(figsize=(side, side), layout="constrained") if figure is None else figure
    axes = figure.subplots(size, size, squeeze=False)
    with rc_context({"lines.linewidth": _THIN}):
        for i, feature in enumerate(kept):
            curve(mixture, rows, feature=feature, ax=axes[i, i])
        _fill(axes, mixture, rows, kept)
    _dress(axes, [View.line(mixture, feature) for feature in kept], rows)
    return axes


def _fill(axes: AnyArray, mixture: Mixture, rows: ArrayLike | None, kept: list[int]) -> None:
    """What is off the diagonal."""
    below = list(zip(*np.tril_indices(len(kept), -1), strict=True))
    for i, j in below:
        ax = axes[i, j] if rows is None else axes[j, i]
        across, up = (j, i) if rows is None else (i, j)
        ellipses(mixture, content=_CONTENT, features=(kept[across], kept[up]), ax=ax)
        axes[j, i].set_visible(rows is not None)
    if rows is not None:
        points, (labels, look) = as_rows(rows, mixture.n_features), memberships(mixture, rows, "size")
        for i, j in below:
            scatter(axes[i, j], points[:, [kept[j], kept[i]]], labels, palette(mixture.n_components), look)


def _dress(axes: AnyArray, lines: list[View], rows: ArrayLike | None) -> None:
    """Common limits, a few ticks, and names at the left and at the bottom alone."""
    spans = [widened(line.spans(rows))[0] for line in lines]
    last = len(lines) - 1
    for (i, j), ax in np.ndenumerate(axes):
        ax.set_xlim(spans[j])
        if i != j:
            ax.set_ylim(spans[i])
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(NullLocator() if i == j and axis is ax.yaxis else MaxNLocator(_MOST_TICKS))
            axis.label.set_size("x-small")
        ax.tick_params(labelsize="x-small", labelbottom=i == last, labelleft=j == 0)
        ax.set(xlabel=lines[j].labels[0] if i == last else "", ylabel=lines[i].labels[0] if j == 0 else "")
