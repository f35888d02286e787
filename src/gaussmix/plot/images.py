"""Draw rows that are images, in a grid."""

import math

import numpy as np
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Floats, Rows
from gaussmix.arguments import check_count
from gaussmix.plot.style import current_axes
from gaussmix.plot.view import as_rows

__all__ = ["images"]


def images(rows: ArrayLike, shape: tuple[int, int], *, n_columns: int = 10, ax: Axes | None = None) -> Axes:
    """Draw rows as images in a grid, for example new rows from a mixture.

    Parameters
    ----------
    rows : (n, height * width) array_like
        Each row holds the pixels of an image, line by line. Large values are dark, on a common scale.
    shape : (height, width)
        Size of an image in pixels.
    n_columns : int, default 10
        Number of images beside each other.
    ax : matplotlib.axes.Axes, optional
        The axes to draw on; by default pyplot's current axes.

    Returns
    -------
    matplotlib.axes.Axes
        The axes, with a single picture of all images, separated by a pixel.

    Raises
    ------
    ValueError
        If the number of values of a row differs from the number of pixels, or `n_columns` is not positive.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from gaussmix import plot
    >>> ax = plot.images(load_digits().data[:20], (8, 8))
    >>> ax.images[0].get_array().shape
    (19, 91)
    """
    height, width = _read_shape(shape)
    pixels = as_rows(rows, height * width)
    n_columns = check_count("n_columns", n_columns, 1)
    ax = current_axes(ax)
    ax.imshow(_tile(pixels.reshape(-1, height, width), min(n_columns, len(pixels))), cmap="gray_r")
    ax.set_axis_off()
    return ax


def _read_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """Return the height and the width; raise ``ValueError`` unless there are two whole numbers, at least 1."""
    if np.shape(shape) != (2,):
        msg = f"shape must be the height and the width of an image in pixels, such as (8, 8), got {shape!r}."
        raise ValueError(msg)
    height, width = (check_count(f"shape[{i}]", side, 1) for i, side in enumerate(shape))
    return height, width


def _tile(pictures: Rows, n_columns: int) -> Floats:
    """Return one picture of pictures ``(n, h, w)``, from left to right and from top to bottom, separated by NaN."""
    n, height, width = pictures.shape
    n_lines = math.ceil(n / n_columns)
    cells = np.full((n_lines * n_columns, height + 1, width + 1), np.nan)
    cells[:n, 1:, 1:] = pictures
    lines = cells.reshape(n_lines, n_columns, height + 1, width + 1).swapaxes(1, 2)
    whole = lines.reshape(n_lines * (height + 1), n_columns * (width + 1))
    return np.asarray(np.pad(whole, ((0, 1), (0, 1)), constant_values=np.nan))
