"""Draw the steps of EM, side by side or as an animation."""

from collections.abc import Sequence
from functools import reduce
from typing import cast

import numpy as np
from matplotlib import rc_context
from matplotlib.animation import FuncAnimation
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from gaussmix._types import AnyArray, ArrayLike, Floats
from gaussmix.arguments import as_mixture, check_count, check_number, check_type
from gaussmix.density.features import Feature
from gaussmix.mixture import Mixture
from gaussmix.plot.clusters import clusters
from gaussmix.plot.ellipses import ellipses, radius
from gaussmix.plot.style import current_axes, new_figure
from gaussmix.plot.view import View, axis_limits, pad_spans, span_of, unite_spans

__all__ = ["animation", "steps"]

# A figure has so many pictures beside each other.
_COLUMNS = 3
# Lines have this width, in points.
_THIN = 1.0
# The larger ellipse of a component has this content.
_LARGER = np.array(0.9)


def steps(
    mixtures: Sequence[Mixture],
    rows: ArrayLike,
    *,
    n_frames: int = 6,
    features: Sequence[Feature] = (0, 1),
    figure: FigureBase | None = None,
) -> AnyArray:
    """Draw a selection of the steps of EM: close together at first, where much changes, and then farther apart.

    Parameters
    ----------
    mixtures : sequence of Mixture
        The start and the mixture after each step: see the example.
    rows : (n, D) array_like
        The rows that are fitted.
    n_frames : int, default 6
        The largest number of pictures.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal and the vertical axis.
    figure : matplotlib Figure or SubFigure, optional
        The figure to draw on; by default a new figure.

    Returns
    -------
    (n_frames,) ndarray of matplotlib.axes.Axes
        The axes, with common limits. The first picture shows the start, the last picture the last mixture.

    Raises
    ------
    ValueError
        If there are no mixtures or no frames, the features are not two different features of the mixtures, or rows and
        mixtures differ in the number of features.

    Examples
    --------
    The steps of EM from a start in the wrong place:

    >>> from itertools import islice
    >>> import numpy as np
    >>> from gaussmix import Mixture, plot
    >>> from gaussmix.em import iterate
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.initialization import relative_ridge
    >>> from gaussmix.structures import named
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> start = Mixture([0.5, 0.5], [[2.0, 80.0], [4.0, 50.0]], [np.cov(X.T)] * 2)
    >>> source = ArraySource(X)
    >>> states = iterate(source, start, MStep(named("full"), relative_ridge(source)))
    >>> mixtures = [state.mixture for state in islice(states, 21)]
    >>> axes = plot.steps(mixtures, X)
    >>> [ax.get_title() for ax in axes]
    ['start', 'step 1', 'step 2', 'step 5', 'step 10', 'step 20']
    """
    mixtures = _read_mixtures(mixtures)
    shown = _spaced_indices(len(mixtures), n_frames)
    n_columns = min(_COLUMNS, len(shown))
    n_lines = -(-len(shown) // n_columns)
    figure = new_figure(figure)
    axes = figure.subplots(n_lines, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    with rc_context({"lines.linewidth": _THIN}):
        for i, ax in zip(shown, axes, strict=False):
            _draw(ax, mixtures[i], rows, features, i)
            ax.label_outer()
    for ax in axes[len(shown) :]:
        ax.remove()
    return axes[: len(shown)]


def animation(
    mixtures: Sequence[Mixture],
    rows: ArrayLike,
    *,
    interval: float = 300.0,
    features: Sequence[Feature] = (0, 1),
    ax: Axes | None = None,
) -> FuncAnimation:
    """Draw the steps of EM as an animation.

    Parameters
    ----------
    mixtures : sequence of Mixture
        The start and the mixture after each step: see the example of :func:`steps`.
    rows : (n, D) array_like
        The rows that are fitted.
    interval : float, default 300
        Milliseconds from one step to the next.
    features : two of int or str, default (0, 1)
        Indices or names of the features on the horizontal and the vertical axis.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.animation.FuncAnimation
        The animation. Keep a reference to it for as long as it plays. ``.save("em.gif")`` writes a file, and
        ``.to_jshtml()`` makes a player for a notebook.

    Raises
    ------
    ValueError
        If there are no mixtures, the features are not two different features of the mixtures, or rows and mixtures
        differ in the number of features.

    Examples
    --------
    >>> from gaussmix import Mixture, plot
    >>> means = [[[0.0, 0.0], [1.0, 1.0]], [[0.0, 0.0], [3.0, 3.0]]]
    >>> mixtures = [Mixture([0.5, 0.5], both, [1.0, 1.0]) for both in means]
    >>> moving = plot.animation(mixtures, mixtures[1].sample(50, random_state=0))
    >>> player = moving.to_jshtml()
    """
    mixtures, interval = _read_mixtures(mixtures), check_number("interval", interval, 0.0, above=True)
    ax, drawn = current_axes(ax), list[Artist]()
    spans = reduce(unite_spans, (_extent(View.of_pair(mixture, features), rows) for mixture in mixtures))
    across, up = axis_limits(ax, pad_spans(spans))
    ax.set(xlim=across, ylim=up)

    def draw(i: int) -> list[Artist]:
        while drawn:
            drawn.pop().remove()
        before = set(ax.get_children())
        _draw(ax, mixtures[i], rows, features, i)
        drawn.extend(set(ax.get_children()) - before)
        return drawn

    figure = cast("Figure", ax.get_figure(root=True))
    return FuncAnimation(figure, draw, frames=len(mixtures), interval=interval)


def _extent(view: View, rows: ArrayLike) -> Floats:
    """Return the range of the ellipses and the rows in both features, ``(2, 2)``."""
    seen = view.mixture
    variances = np.diagonal(seen.covariances.dense(*seen.means.shape), axis1=1, axis2=2)
    away = radius(_LARGER) * np.sqrt(variances)
    return unite_spans(span_of(np.concatenate([seen.means - away, seen.means + away])), span_of(view.select(rows)))


def _draw(ax: Axes, mixture: Mixture, rows: ArrayLike, features: Sequence[Feature], step: int) -> None:
    clusters(mixture, rows, features=features, ax=ax)
    ellipses(mixture, features=features, ax=ax)
    ax.set_title(f"step {step}" if step else "start")


def _spaced_indices(n: int, n_frames: int) -> list[int]:
    """Return at most `n_frames` indices from 0 to n - 1, with increasing distances."""
    n_frames = min(n, check_count("n_frames", n_frames, 1))
    places = np.maximum(np.rint(np.geomspace(1, n, n_frames)), np.arange(1, n_frames + 1))
    return [int(place) - 1 for place in places]


def _read_mixtures(mixtures: Sequence[Mixture]) -> list[Mixture]:
    """Return the mixtures in a list; raise if there is none, or if an entry is no mixture."""
    if not hasattr(mixtures, "__iter__") or hasattr(mixtures, "keys"):
        check_type("mixtures", mixtures, list, "it holds the start and the mixture after each step")
    read = [as_mixture(f"mixtures[{i}]", mixture, Mixture) for i, mixture in enumerate(mixtures)]
    if not read:
        msg = "mixtures must hold at least the start, got no mixture."
        raise ValueError(msg)
    return read
