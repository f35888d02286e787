"""Draw the tree by which components are joined into clusters."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.typing import ColorType
from scipy.cluster.hierarchy import leaves_list

from gaussmix._types import Floats
from gaussmix.arguments import check_type
from gaussmix.hierarchy import Hierarchy
from gaussmix.plot.style import current_axes, palette, text_colour

__all__ = ["merge_tree"]


def merge_tree(hierarchy: Hierarchy, *, ax: Axes | None = None) -> Axes:
    """Draw the tree by which components are joined into clusters; it rises while the entropy falls.

    Each joint is at the entropy that remains after its two clusters are joined. A joint far above the previous one
    removes much entropy: its clusters share rows. Joints close together at the top remove hardly any entropy: their
    clusters are separate. Each suggested cluster has its own colour; the dashed line cuts their branches, and has the
    number of clusters at its end.

    Parameters
    ----------
    hierarchy : Hierarchy
        The result of ``model.merge_components(X)``, with at least two components.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with three lines for each joint. Components are on the horizontal axis. The entropy, in nats, is on
        the vertical axis, with 0 at the top.

    Raises
    ------
    TypeError
        If `hierarchy` has another type, such as the model itself.
    ValueError
        If there is only one component.

    References
    ----------
    Baudry, Raftery, Celeux, Lo & Gottardo (2010). Combining mixture components for clustering. Journal of Computational
    and Graphical Statistics 19(2), 332-353.

    Examples
    --------
    >>> from gaussmix import GaussianMixture, plot
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> model = GaussianMixture(4, random_state=0).fit(X)
    >>> ax = plot.merge_tree(model.merge_components(X))
    >>> len(ax.get_xticks())
    4
    """
    check_type("hierarchy", hierarchy, Hierarchy, "for a fitted model, pass model.merge_components(X)")
    if hierarchy.n_components < 2:  # noqa: PLR2004 - nothing is joined
        msg = "hierarchy must have at least two components, got one, so that there is nothing to join."
        raise ValueError(msg)
    ax, size, suggested = current_axes(ax), hierarchy.n_components, hierarchy.n_clusters
    colours = list[ColorType](palette(suggested)[hierarchy.clusters(suggested)])
    leaves = leaves_list(_linkage(hierarchy))
    across, up = np.argsort(leaves).astype(np.float64), np.full(size, hierarchy.entropies[-1])
    for n_clusters, pair in zip(range(size - 1, 0, -1), hierarchy.merges, strict=True):
        joint = hierarchy.entropies[n_clusters - 1]
        for cluster in pair:
            ax.plot([across[cluster]] * 2, [up[cluster], joint], color=colours[cluster])
        if n_clusters < suggested:
            colours[pair[0]] = text_colour()
        ax.plot(across[pair], [joint, joint], color=colours[pair[0]])
        across[pair[0]], up[pair[0]] = across[pair].mean(), joint
    cut, name = _cut(hierarchy), f"{suggested} cluster{'s' * (suggested != 1)}"
    ax.axhline(cut, color=text_colour(), linewidth=0.8, linestyle="--")
    ax.annotate(name, (1.0, cut), (4, 0), ("axes fraction", "data"), "offset points", fontsize="x-small", va="center")
    ax.set_xticks(range(size), [str(leaf) for leaf in leaves])
    ax.set(xlabel="component", ylabel="entropy, in nats")
    ax.yaxis.set_inverted(True)
    return ax


def _linkage(hierarchy: Hierarchy) -> Floats:
    """Return SciPy's linkage matrix, with the decrease of the entropy since the beginning as the height."""
    size = hierarchy.n_components
    nodes, leaves = np.arange(size), np.ones(size)
    taken = hierarchy.entropies[-1] - hierarchy.entropies[-2::-1]
    links = np.empty((size - 1, 4))
    for step, (kept, joined) in enumerate(hierarchy.merges):
        leaves[kept] += leaves[joined]
        links[step] = nodes[kept], nodes[joined], taken[step], leaves[kept]
        nodes[kept] = size + step
    return links


def _cut(hierarchy: Hierarchy) -> float:
    """Return the mean of the entropies of the suggested clusters and of one cluster fewer."""
    return float(hierarchy.entropies[hierarchy.n_clusters - 2 : hierarchy.n_clusters].mean())
