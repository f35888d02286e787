"""Draw the density of one feature as a curve."""

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Rows
from gaussmix.density.features import Feature
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.plot.style import FILL, current_axes, new_label, palette, size_in_points, text_colour, with_opacity
from gaussmix.plot.view import View, axis_limits

__all__ = ["curve"]

# Bars of the histogram are at least so many points wide.
_NARROWEST = 4.0
# Bars of the histogram have this opacity.
_BARS = 0.12


def curve(
    mixture: Mixture | HasMixture, rows: ArrayLike | None = None, *, feature: Feature = 0, ax: Axes | None = None
) -> Axes:
    r"""Draw the density of one feature, and beneath it the components :math:`\pi_k \mathcal{N}(x; \mu_k, \sigma_k^2)`.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A distribution.
    rows : (n, D) array_like, optional
        Rows to draw a histogram of.
    feature : int or str, default 0
        Index or name of the feature. For a mixture of more features, the density is that of its marginal distribution.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with a line for the density and then a line for each component. ``ax.legend()`` names them.

    Raises
    ------
    ValueError
        If the feature is unknown, or rows and mixture differ in the number of features.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.curve(mixture, feature="y")
    >>> ax.get_xlabel()
    'y'
    """
    view, ax = View.of_feature(mixture, feature), current_axes(ax)
    (along,) = view.grid(axis_limits(ax, view.spans(rows)))
    if rows is not None:
        _histogram(ax, view.select(rows)[:, 0])
    seen = view.mixture
    with np.errstate(under="ignore"):
        parts = seen.responsibilities(along[:, None]) * seen.pdf(along[:, None])[:, None]
    (whole,) = ax.plot(along, parts.sum(axis=1), color=text_colour(), label=new_label(ax, "density"), zorder=3)
    whole.sticky_edges.y.append(0.0)  # no margin below
    for k, colour in enumerate(palette(view.whole.n_components)):
        label = new_label(ax, f"component {k}")
        ax.plot(along, parts[:, k], color=colour, linewidth=0.7 * rcParams["lines.linewidth"], label=label)
        ax.fill_between(along, parts[:, k], color=with_opacity(colour, FILL), linewidth=0)
    ax.set(xlabel=view.labels[0], ylabel="density")
    ax.autoscale_view()
    return ax


def _histogram(ax: Axes, values: Rows) -> None:
    """Draw a histogram of the known values, with enough bars to show modes and none too narrow to be seen."""
    values = values[~np.isnan(values)]
    if not len(values):
        return
    bins = int(np.clip(2.0 * np.sqrt(len(values)), 1, size_in_points(ax)[0] / _NARROWEST))
    ax.hist(
        values, bins=bins, density=True, color=with_opacity(text_colour(), _BARS), label=new_label(ax, "rows"), zorder=0
    )
