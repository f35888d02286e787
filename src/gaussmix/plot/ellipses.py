"""Draw components as ellipses of a given probability."""

from collections.abc import Sequence

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse

from gaussmix._types import Floats
from gaussmix.density.features import Feature
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.plot.style import FILL, check_contents, current_axes, line_strengths, new_label, palette, with_opacity
from gaussmix.plot.view import View

__all__ = ["ellipses", "radius"]


def ellipses(
    mixture: Mixture | HasMixture,
    *,
    content: float | Sequence[float] = (0.5, 0.9),
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    r"""Draw each component as ellipses that hold a given share of its probability.

    Components of larger weight have stronger lines. The ellipse that holds the share c of a Gaussian is

    .. math:: (x - \mu_k)^\top \Sigma_k^{-1} (x - \mu_k) \le -2 \log(1 - c),

    the quantile of chi-square with two degrees of freedom: one standard deviation holds 39 %, two hold 86 %.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A distribution of at least two features.
    content : float or sequence of float, default (0.5, 0.9)
        Shares of each component's probability, between 0 and 1; each share has its own ellipse.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal and the vertical axis. For a mixture of more features, the
        ellipses are those of the marginal distribution.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with an :class:`~matplotlib.patches.Ellipse` for each component and content, the largest of each
        component first. ``ax.legend()`` names the components.

    Raises
    ------
    ValueError
        If a content is not between 0 and 1, or the features are not two different ones of the mixture.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 0.0], [4.0, 1.0]], [1.0, 2.0], feature_names=["x", "y"])
    >>> ax = plot.ellipses(mixture, content=0.9)
    >>> print(*(patch.get_center()[0] for patch in ax.patches))
    0.0 4.0
    """
    view, ax = View.of_pair(mixture, features), current_axes(ax)
    radii = radius(check_contents(content))
    seen, strength, colours = view.mixture, line_strengths(view.whole.weights), palette(view.whole.n_components)
    for k, covariance in enumerate(seen.covariances.dense(*seen.means.shape)):
        label = new_label(ax, f"component {k}")
        for deviations in radii[::-1]:
            patch = _ellipse(seen.means[k], covariance, deviations)
            patch.set(
                facecolor=with_opacity(colours[k], FILL * strength[k]),
                edgecolor=with_opacity(colours[k], strength[k]),
                linewidth=rcParams["lines.linewidth"] * strength[k],
                zorder=1.5,
                label=label,
            )
            ax.add_patch(patch)
            label = ""
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    ax.autoscale_view()
    return ax


def radius(content: Floats) -> Floats:
    """Return the radius, in standard deviations, within which a Gaussian of two features holds the given content."""
    return np.asarray(np.sqrt(-2.0 * np.log1p(-content)))


def _ellipse(mean: Floats, covariance: Floats, deviations: float) -> Ellipse:
    """Return the ellipse of a Gaussian at the given number of standard deviations from its mean."""
    variances, axes = np.linalg.eigh(covariance)
    width, height = 2.0 * deviations * np.sqrt(variances[::-1])
    return Ellipse((mean[0], mean[1]), width, height, angle=float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1]))))
