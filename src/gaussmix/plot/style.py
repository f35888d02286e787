"""Colours, strengths and axes: what all pictures have in common."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.typing import ColorType

from gaussmix._types import Floats
from gaussmix.values import real

__all__ = [
    "FILL",
    "PALETTE",
    "check_type",
    "contents",
    "current",
    "faint",
    "fresh",
    "ink",
    "palette",
    "percent",
    "size",
    "strengths",
]

PALETTE = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#444444", "#E0D030")
"""Colours that nearly all readers can tell apart: Okabe & Ito's (2002), with grey for black, and a darker yellow."""

FILL = 0.12
"""Opacity of the inside of an ellipse."""

_SHADES = (("black", 0.0), ("black", 0.45), ("white", 0.55))
_FAINTEST = 0.35


def palette(n: int) -> Floats:
    """As many colours, ``(n, 3)``: after the eighth darker ones, then paler ones, then the same again."""
    base = np.array([to_rgb(colour) for colour in PALETTE])
    shades = [(1.0 - share) * base + share * np.array(to_rgb(towards)) for towards, share in _SHADES]
    return np.resize(np.concatenate(shades), (n, 3))


def strengths(weights: Floats) -> Floats:
    """How strongly each component is drawn, ``(K,)``: 1 for the heaviest, and the lightest can still be seen."""
    return np.asarray(_FAINTEST + (1.0 - _FAINTEST) * weights / weights.max())


def ink() -> ColorType:
    """The colour of text, light in dark styles."""
    colour: ColorType = mpl.rcParams["text.color"]
    return colour


def faint(colour: ColorType, opacity: float) -> tuple[float, float, float, float]:
    """A colour that lets through what is behind it."""
    return (*to_rgb(colour), opacity)


def current(ax: Axes | None) -> Axes:
    """The axes given, or pyplot's current ones."""
    return plt.gca() if ax is None else ax


def size(ax: Axes) -> tuple[float, float]:
    """Width and height of axes, in points."""
    box, unit = ax.get_window_extent(), ax.figure.dpi / 72
    return box.width / unit, box.height / unit


def fresh(ax: Axes, label: str) -> str:
    """A label for the legend, or none where the legend has it already."""
    return "" if label in ax.get_legend_handles_labels()[1] else label


def check_type(name: str, given: object, wanted: type, advice: str) -> None:
    """Raise ``TypeError`` where an argument is another object, such as the estimator that has the one wanted."""
    if not isinstance(given, wanted):
        msg = f"{name} must be a {wanted.__name__}, got {type(given).__name__}; {advice}."
        raise TypeError(msg)


def contents(content: float | Sequence[float]) -> Floats:
    """Probabilities between 0 and 1, in rising order."""
    probabilities = np.unique(real("content", content)).astype(np.float64)
    if probabilities.size == 0 or not ((probabilities > 0) & (probabilities < 1)).all():
        msg = f"content must be probabilities between 0 and 1, such as 0.9, got {content}."
        raise ValueError(msg)
    return probabilities


def percent(probability: float) -> str:
    """A probability as people write it: ``90 %``, ``99.9 %``."""
    return f"{100 * probability:.4g} %"
