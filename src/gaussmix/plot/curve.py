"""The density of one feature as a curve."""

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Rows
from gaussmix.density.features import Feature
from gaussmix.mixture import Mixture
from gaussmix.plot.style import FILL, current, faint, fresh, ink, palette, size
from gaussmix.plot.view import View, reach

__all__ = ["curve"]

_NARROWEST = 4.0  # points
_BARS = 0.12  # opacity


def curve(mixture: Mixture, rows: ArrayLike | None = None, *, feature: Feature = 0, ax: Axes | None = None) -> Axes:
    r"""Draw the density of one feature, and beneath it the components :math:`\pi_k \mathcal{N}(x; \mu_k, \sigma_k^2)`.

    Parameters
    ----------
    mixture : Mixture
        A distribution.
    rows : (n, D) array_like, optional
        Rows to draw a histogram of.
    feature : int or str, default 0
        Index or name of the feature. Where there are more, the density is the marginal one.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        With one line for the density and then one for each component. ``ax.legend()`` names them.

    Raises
    ------
    ValueError
        If the feature is unknown, or rows have another number of features than the mixture.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.curve(mixture, feature="y")
    >>> ax.get_xlabel()
    'y'
    """
    view, ax = View.line(mixture, feature), current(ax)
    (along,) = view.places(reach(ax, view.spans(rows)))
    if rows is not None:
        _histogram(ax, view.of(rows)[:, 0])
    seen = view.mixture
    with np.errstate(under="ignore"):
        parts = seen.responsibilities(along[:, None]) * seen.pdf(along[:, None])[:, None]
    (whole,) = ax.plot(along, parts.sum(axis=1), color=ink(), label=fresh(ax, "density"), zorder=3)
    whole.sticky_edges.y.append(0.0)  # no margin below
    for k, colour in enumerate(palette(mixture.n_components)):
        label = fresh(ax, f"component {k}")
        ax.plot(along, parts[:, k], color=colour, linewidth=0.7 * rcParams["lines.linewidth"], label=label)
        ax.fill_between(along, parts[:, k], color=faint(colour, FILL), linewidth=0)
    ax.set(xlabel=view.labels[0], ylabel="density")
    ax.autoscale_view()
    return ax


def _histogram(ax: Axes, values: Rows) -> None:
    """Bars of the values' density: a few on each hill, none too narrow to be seen."""
    bins = int(np.clip(2.0 * np.sqrt(len(values)), 1, size(ax)[0] / _NARROWEST))
    ax.hist(values, bins=bins, density=True, color=faint(ink(), _BARS), label=fresh(ax, "rows"), zorder=0)
