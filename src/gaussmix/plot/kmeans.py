"""Draw k-means as circles, for comparison with a mixture's ellipses."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from gaussmix._types import ArrayLike
from gaussmix.arguments import check_fitted
from gaussmix.density.features import Feature
from gaussmix.mixture import Mixture
from gaussmix.plot.clusters import scatter
from gaussmix.plot.style import FILL, current_axes, palette, with_opacity
from gaussmix.plot.view import View
from gaussmix.values import finite_rows

__all__ = ["kmeans"]


def kmeans(
    kmeans: Any,  # noqa: ANN401 - scikit-learn has no types
    rows: ArrayLike,
    *,
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> Axes:
    """Draw k-means like :func:`clusters` and :func:`ellipses` draw a mixture, with circles for its round clusters.

    Parameters
    ----------
    kmeans : sklearn.cluster.KMeans
        A fitted estimator.
    rows : (n, D) array_like
        Points without missing values, which are drawn in the colour of their cluster.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal and the vertical axis.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with the points, and a circle for each cluster. The circle is about the centre, and its radius is the
        distance to the cluster's farthest row. It looks round after ``ax.set_aspect("equal")``.

    Raises
    ------
    NotFittedError
        If k-means is not fitted.
    TypeError
        If `kmeans` has no centres.
    ValueError
        If rows and centres differ in the number of features, or the features are not two different features of theirs.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from gaussmix import plot
    >>> X = np.random.default_rng(0).normal(size=(200, 2)) + 4 * np.arange(2).repeat(100)[:, None]
    >>> ax = plot.kmeans(KMeans(2, random_state=0).fit(X), X)
    >>> len(ax.patches)
    2
    """
    check_fitted("kmeans", kmeans, "cluster_centers_", "a fitted sklearn.cluster.KMeans")
    finite_rows("rows", rows)
    view, ax = View.of_pair(_as_mixture(kmeans), features), current_axes(ax)
    seen, centres, labels = view.select(rows), view.mixture.means, kmeans.predict(rows)
    colours = palette(len(centres))
    scatter(ax, seen, labels, colours, {}, "cluster")
    for k, centre in enumerate(centres):
        radius = np.linalg.norm(seen[labels == k] - centre, axis=1).max(initial=0.0)
        ax.add_patch(
            Circle(
                (centre[0], centre[1]),
                radius,
                facecolor=with_opacity(colours[k], FILL),
                edgecolor=colours[k],
                linewidth=rcParams["lines.linewidth"],
                zorder=1.5,
            )
        )
    ax.set(xlabel=view.labels[0], ylabel=view.labels[1])
    ax.autoscale_view()
    return ax


def _as_mixture(kmeans: Any) -> Mixture:  # noqa: ANN401 - as above
    """Return a mixture with the centres as means, equal weights, and variances of one, for the view of its features."""
    centres = kmeans.cluster_centers_
    names = getattr(kmeans, "feature_names_in_", None)
    return Mixture(np.full(len(centres), 1 / len(centres)), centres, np.ones(len(centres)), feature_names=names)
