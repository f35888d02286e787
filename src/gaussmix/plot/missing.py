"""Draw the patterns of missing values in a table."""

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from gaussmix._types import ArrayLike, Floats, Labels
from gaussmix.arguments import check_count
from gaussmix.engines.patterns import Patterns
from gaussmix.missingness import label_features, read_table
from gaussmix.plot.style import PALETTE, current_axes, text_colour, with_opacity

__all__ = ["missing"]

_OBSERVED = 0.12
"""The opacity of the cell of an observed feature."""
_BARS = (1.03, 0.0, 0.3, 1.0)
"""The place of the bars, beside the grid: left, bottom, width and height, in units of the axes."""
_LEVEL = 40
"""The largest number of characters of all names of features together that stand beside each other without being
turned; longer names would overlap on axes of usual width."""


def missing(X: ArrayLike, *, n_patterns: int = 20, ax: Axes | None = None) -> Axes:  # noqa: N803 - as scikit-learn's
    """Draw the patterns of missing values: which features are missing together, and in how many rows.

    Each line of the grid is a pattern, and each column is a feature: a dark cell is missing. Patterns are ordered by
    their number of rows, which the bars on the right show. The share of missing values of each feature is at the top.

    Parameters
    ----------
    X : (n, D) array_like
        Rows in which missing values are NaN, or marked in another way that a fit accepts.
    n_patterns : int, default 20
        The largest number of patterns: those of most rows.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes. The bars are on axes inside of the same figure.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the grid, with the first pattern at the top; the axes of the bars are ``ax.child_axes[0]``.

    Raises
    ------
    TypeError, ValueError
        If a value is not a number or infinite, or there are no rows.

    See Also
    --------
    gaussmix.missing_summary : the patterns as a table, with Little's test.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import plot
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    >>> ax = plot.missing(X)
    >>> len(ax.child_axes[0].patches)
    4
    """
    rows, names = read_table(X)
    holes = np.isnan(rows)
    patterns, ax = Patterns.of(holes).by_size(), current_axes(ax)
    shown = patterns.kinds[: check_count("n_patterns", n_patterns, 1)]
    colours = ListedColormap([with_opacity(text_colour(), _OBSERVED), with_opacity(PALETTE[0], 1.0)])
    ax.pcolormesh(shown, cmap=colours, vmin=0, vmax=1, edgecolors=rcParams["axes.facecolor"], linewidth=1.0)
    ax.set(ylim=(len(shown), 0), yticks=[], ylabel=_name_patterns(len(shown), len(patterns)))
    _draw_bars(ax, patterns.sizes[: len(shown)], len(rows))
    _name_features(ax, label_features(names, rows.shape[1]), holes.mean(axis=0))
    return ax


def _name_patterns(n_shown: int, n_patterns: int) -> str:
    return "patterns" if n_shown == n_patterns else f"the {n_shown} largest of {n_patterns} patterns"


def _name_features(ax: Axes, names: list[str], shares: Floats) -> None:
    """Write the names of the features below the grid, and the shares of their missing values above."""
    centres = np.arange(len(names)) + 0.5
    turned = 90.0 if sum(map(len, names)) > _LEVEL else 0.0
    ax.set_xticks(centres, names, rotation=turned)
    above = ax.secondary_xaxis("top")
    above.set_xticks(centres, [f"{share:.0%}" for share in shares], fontsize="x-small")
    for axis in (ax, above):
        axis.tick_params(length=0)


def _draw_bars(ax: Axes, sizes: Labels, n_rows: int) -> None:
    """Draw a bar beside each pattern, with its number of rows and its share of all rows."""
    bars = ax.inset_axes(_BARS, sharey=ax)
    drawn = bars.barh(np.arange(len(sizes)) + 0.5, sizes, height=0.7, color=PALETTE[0])
    bars.bar_label(drawn, [f"{size} ({size / n_rows:.0%})" for size in sizes], padding=3, fontsize="x-small")
    bars.margins(x=0.5)
    bars.tick_params(left=False, labelleft=False)
    bars.set(xlabel="rows", xlim=(0, None))
    bars.spines[["top", "right"]].set_visible(False)
