"""The look of the pictures of the documentation, and what several of them draw.

The colours are those of Okabe & Ito, which nearly all readers can distinguish.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse

from gaussmix import Mixture

INK, PALE = "#222222", "#9a9a9a"
ORANGE, BLUE, GREEN, RED = "#e69f00", "#0072b2", "#009e73", "#d55e00"
STYLE = {
    "font.size": 10,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": PALE,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.labelcolor": INK,
    "legend.frameon": False,
    "savefig.dpi": 150,
}
WIDTH = 7.0
"""The width of most pictures, in inches."""


def ellipses(ax: Axes, mixture: Mixture, colours: Sequence[str], deviations: float = 2.0) -> None:
    """Draw the components as ellipses of so many standard deviations."""
    dense = mixture.covariances.dense(*mixture.means.shape)
    for mean, covariance, colour in zip(mixture.means, dense, colours, strict=True):
        values, axes = np.linalg.eigh(covariance)
        width, height = 2 * deviations * np.sqrt(values[::-1])
        angle = np.degrees(np.arctan2(*axes[::-1, -1]))
        ax.add_patch(Ellipse(mean, width, height, angle=angle, fill=False, edgecolor=colour, linewidth=1.6))


def bare(ax: Axes, across: tuple[float, float], up: tuple[float, float]) -> None:
    """Set limits, equal units, a frame and no ticks: only the places of the rows matter."""
    ax.set(xlim=across, ylim=up, xticks=[], yticks=[], aspect="equal")
    ax.spines[:].set_visible(True)


def minus(value: float) -> str:
    """Return a number with two decimals and a typographic minus sign."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def noted(ax: Axes, text: str, at: tuple[float, float], offset: tuple[float, float], **options: object) -> None:
    """Write a text beside a point; the offset is in points."""
    ax.annotate(text, at, offset, textcoords="offset points", **{"color": INK, **options})
