"""Rows that are images, side by side."""

import math

import numpy as np
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Floats, Rows
from gaussmix.plot.style import current
from gaussmix.plot.view import as_rows

__all__ = ["images"]


def images(rows: ArrayLike, shape: tuple[int, int], *, n_columns: int = 10, ax: Axes | None = None) -> Axes:
    """Draw rows as images, such as new ones drawn from a mixture, in a grid.

    Parameters
    ----------
    rows : (n, height * width) array_like
        One image each, line by line; large values are dark. All share one scale.
    shape : (height, width)
        Size of an image in pixels.
    n_columns : int, default 10
        Images beside each other.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        With one image that holds all, a pixel apart.

    Raises
    ------
    ValueError
        If rows do not have as many values as an image has pixels, or `n_columns` is not positive.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from gaussmix import plot
    >>> ax = plot.images(load_digits().data[:20], (8, 8))
    >>> ax.images[0].get_array().shape
    (19, 91)
    """
    height, width = shape
    pixels = as_rows(rows, height * width)
    if n_columns < 1:
        msg = f"n_columns must be at least 1, got {n_columns}."
        raise ValueError(msg)
    ax = current(ax)
    ax.imshow(_tiled(pixels.reshape(-1, height, width), min(n_columns, len(pixels))), cmap="gray_r")
    ax.set_axis_off()
    return ax


def _tiled(pictures: Rows, n_columns: int) -> Floats:
    """Pictures ``(n, h, w)`` in one, from left to right and from top to bottom, with nothing between them."""
    n, height, width = pictures.shape
    n_lines = math.ceil(n / n_columns)
    cells = np.full((n_lines * n_columns, height + 1, width + 1), np.nan)
    cells[:n, 1:, 1:] = pictures
    lines = cells.reshape(n_lines, n_columns, height + 1, width + 1).swapaxes(1, 2)
    whole = lines.reshape(n_lines * (height + 1), n_columns * (width + 1))
    return np.asarray(np.pad(whole, ((0, 1), (0, 1)), constant_values=np.nan))
