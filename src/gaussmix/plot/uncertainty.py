"""Draw a map of the uncertainty of a row's component."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from gaussmix._types import ArrayLike, Floats
from gaussmix.density.features import Feature
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.plot.clusters import clusters
from gaussmix.plot.style import current_axes, text_colour
from gaussmix.plot.view import View, axis_limits, evaluate_on_grid, pad_spans

__all__ = ["uncertainty"]


def uncertainty(
    mixture: Mixture | HasMixture,
    rows: ArrayLike | None = None,
    *,
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Draw a map of the uncertainty: one less the largest responsibility, dark between equally probable components.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A distribution of at least two features.
    rows : (n, D) array_like, optional
        Points to draw on the map, see :func:`clusters`.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal and the vertical axis. For a mixture of more features, the
        map is that of the marginal distribution: the uncertainty if only these two features are known.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes. The colour bar takes a part of their width.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with the map and its colour bar.

    Raises
    ------
    ValueError
        If the features are not two different features of the mixture, or rows and mixture differ in the number of
        features.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.uncertainty(mixture, [[0.0, 0.0], [1.7, 0.5], [4.0, 1.0]])
    """
    view, ax = View.of_pair(mixture, features), current_axes(ax)
    across, up = view.grid(axis_limits(ax, pad_spans(view.spans(rows))))
    shown = ax.pcolormesh(
        across,
        up,
        evaluate_on_grid(lambda places: _uncertainty(view.mixture, places), across, up),
        cmap=LinearSegmentedColormap.from_list("certainty", [ax.get_facecolor(), text_colour()]),
        vmin=0.0,
        vmax=max(1.0 - 1.0 / view.whole.n_components, 0.5),
        shading="gouraud",
        rasterized=True,
        zorder=0,
    )
    ax.figure.colorbar(shown, ax=ax, pad=0.02, label="1 \N{MINUS SIGN} largest responsibility")
    if rows is not None:
        clusters(mixture, rows, certainty=None, features=features, ax=ax)
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    return ax


def _uncertainty(mixture: Mixture, places: Floats) -> Floats:
    return np.asarray(1.0 - mixture.responsibilities(places).max(axis=1))
