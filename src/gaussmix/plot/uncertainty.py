"""How certain the component of a row would be, anywhere in the plane."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from gaussmix._types import ArrayLike, Floats
from gaussmix.density.features import Feature
from gaussmix.mixture import Mixture
from gaussmix.plot.clusters import clusters
from gaussmix.plot.style import current, ink
from gaussmix.plot.view import View, on_grid, reach, widened

__all__ = ["uncertainty"]


def uncertainty(
    mixture: Mixture, rows: ArrayLike | None = None, *, features: Sequence[Feature] = (0, 1), ax: Axes | None = None
) -> Axes:
    """Draw a map of the uncertainty: one less the largest responsibility, dark where two components are as probable.

    Parameters
    ----------
    mixture : Mixture
        A distribution of at least two features.
    rows : (n, D) array_like, optional
        Points to draw too, as :func:`clusters` does.
    features : two of int or str, default (0, 1)
        Indices or names of the features across and up. Where there are more, the map is of the marginal distribution:
        the uncertainty of one who knows these two features alone.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current axes. The scale takes some room beside them.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the features are not two different ones of the mixture, or rows have another number of features.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.uncertainty(mixture, [[0.0, 0.0], [1.7, 0.5], [4.0, 1.0]])
    """
    view, ax = View.plane(mixture, features), current(ax)
    across, up = view.places(reach(ax, widened(view.spans(rows))))
    shown = ax.pcolormesh(
        across,
        up,
        on_grid(lambda places: _uncertainty(view.mixture, places), across, up),
        cmap=LinearSegmentedColormap.from_list("certainty", [ax.get_facecolor(), ink()]),
        vmin=0.0,
        vmax=max(1.0 - 1.0 / mixture.n_components, 0.5),
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
