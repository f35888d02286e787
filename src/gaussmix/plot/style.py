"""The style of all pictures: colours, line strengths, labels and axes."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import FigureBase
from matplotlib.typing import ColorType

from gaussmix._types import Floats
from gaussmix.arguments import check_type
from gaussmix.values import real

__all__ = [
    "FILL",
    "PALETTE",
    "check_contents",
    "current_axes",
    "format_percent",
    "line_strengths",
    "new_figure",
    "new_label",
    "palette",
    "size_in_points",
    "text_colour",
    "with_opacity",
]

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#444444", "#E0D030")
"""Colours that nearly all readers can distinguish (Okabe & Ito 2002), with grey for black and a darker yellow."""

FILL = 0.12
"""Opacity of the inside of an ellipse."""

# The palette is repeated in these shades: mixed with a colour, by this share.
_SHADES = (("black", 0.0), ("black", 0.45), ("white", 0.55))
# A component of weight zero is drawn with this strength; the heaviest has strength 1.
_FAINTEST = 0.35


def palette(n: int) -> Floats:
    """Return n colours, ``(n, 3)``: the palette, then its darker shades, then its paler shades, then all again."""
    base = np.array([to_rgb(colour) for colour in PALETTE])
    shades = [(1.0 - share) * base + share * np.array(to_rgb(towards)) for towards, share in _SHADES]
    return np.resize(np.concatenate(shades), (n, 3))


def line_strengths(weights: Floats) -> Floats:
    """Return the line strength of each component, ``(K,)``: 1 for the heaviest, and at least 0.35."""
    return np.asarray(_FAINTEST + (1.0 - _FAINTEST) * weights / weights.max())


def text_colour() -> ColorType:
    """Return the colour of text, which is light in dark styles."""
    colour: ColorType = mpl.rcParams["text.color"]
    return colour


def with_opacity(colour: ColorType, opacity: float) -> tuple[float, float, float, float]:
    """Return a colour with the given opacity."""
    return (*to_rgb(colour), opacity)


def current_axes(ax: Axes | None) -> Axes:
    """Return the axes given, or pyplot's current axes; raise ``TypeError`` for another object."""
    return plt.gca() if ax is None else check_type("ax", ax, Axes, "plt.subplots() makes axes, and None takes pyplot's")


def new_figure(figure: FigureBase | None, **options: Any) -> FigureBase:  # noqa: ANN401 - options of pyplot
    """Return the figure given, or a new figure with some options; raise ``TypeError`` for another object."""
    if figure is None:
        return plt.figure(layout="constrained", **options)
    return check_type("figure", figure, FigureBase, "plt.figure() makes a figure, and None does so")


def size_in_points(ax: Axes) -> tuple[float, float]:
    """Return the width and height of axes in points."""
    box, unit = ax.get_window_extent(), ax.figure.dpi / 72
    return box.width / unit, box.height / unit


def new_label(ax: Axes, label: str) -> str:
    """Return a label for the legend, or an empty one if the legend already has it."""
    return "" if label in ax.get_legend_handles_labels()[1] else label


def check_contents(content: float | Sequence[float]) -> Floats:
    """Return the distinct probabilities in rising order; raise ``ValueError`` if they are not between 0 and 1."""
    probabilities = np.unique(real("content", content)).astype(np.float64)
    if probabilities.size == 0 or not ((probabilities > 0) & (probabilities < 1)).all():
        msg = f"content must be probabilities between 0 and 1, such as 0.9, got {content}."
        raise ValueError(msg)
    return probabilities


def format_percent(probability: float) -> str:
    """Return a probability in per cent: ``90 %``, ``99.9 %``."""
    return f"{100 * probability:.4g} %"
