"""What one asks of one feature: distribution function, quantiles, intervals and regions of highest density."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

from gaussmix._types import ArrayLike, Floats
from gaussmix.density.univariate_mixtures import Lines, changes, in_blocks, turning_points
from gaussmix.density.validation import contents, numbers, probabilities

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["cdf", "highest_density", "interval", "log_level", "ppf", "tails"]

_ROUNDING = float(np.finfo(np.float64).eps)


def cdf(mixture: "Mixture", values: ArrayLike) -> Floats:
    """Probability of at most each value, for a mixture of one feature.

    Parameters
    ----------
    values : array_like
        Of any shape; also infinite.

    Returns
    -------
    ndarray
        Of the same shape.

    Raises
    ------
    ValueError
        If there is more than one feature, or a value is NaN.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0], [10.0]], [1.0, 1.0])
    >>> mixture.cdf([0.0, 5.0, 10.0]).round(2)
    array([0.25, 0.5 , 0.75])
    """
    lines, points = Lines.of(mixture), numbers("values", values)
    return np.asarray(np.exp(in_blocks(lines, lines.log_cdf, points.ravel())).reshape(points.shape))


def ppf(mixture: "Mixture", q: ArrayLike) -> Floats:
    """Quantiles of a mixture of one feature: what it is below with probability `q`.

    Exact to rounding, in both tails.

    Parameters
    ----------
    q : array_like
        Probabilities from 0 to 1, of any shape.

    Returns
    -------
    ndarray
        Of the same shape; infinite for 0 and 1.

    Raises
    ------
    ValueError
        If there is more than one feature, or a probability is not from 0 to 1.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0], [10.0]], [1.0, 1.0])
    >>> mixture.ppf([0.05, 0.5, 0.95]).round(2)
    array([-1.28,  5.  , 11.28])
    """
    lines, wanted = Lines.of(mixture), probabilities("q", q)
    return in_blocks(lines, lines.quantile, wanted.ravel()).reshape(wanted.shape)


def interval(mixture: "Mixture", content: ArrayLike) -> Floats:
    """Central intervals that hold a given probability, for a mixture of one feature.

    What is left out is half below it and half above. :meth:`Mixture.highest_density` gives the shortest region instead.

    Parameters
    ----------
    content : float or array_like
        Probabilities, between 0 and 1, of any shape.

    Returns
    -------
    (..., 2) ndarray
        The two ends of each.

    Raises
    ------
    ValueError
        If there is more than one feature, or a content is not between 0 and 1.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> Mixture([1.0], [[0.0]], [1.0]).interval(0.95).round(2)
    array([-1.96,  1.96])
    """
    return ppf(mixture, tails(content))


def highest_density(mixture: "Mixture", content: float) -> Floats:
    """The smallest region that holds a given probability, for a mixture of one feature: one or more intervals.

    Within it the density is nowhere lower than outside.

    Parameters
    ----------
    content : float
        Probability, between 0 and 1.

    Returns
    -------
    (M, 2) ndarray
        Both ends of each interval, in order. They do not overlap, and there are at most as many as components.

    Raises
    ------
    ValueError
        If there is more than one feature, or `content` is not between 0 and 1.

    References
    ----------
    Hyndman (1996), The American Statistician 50.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0], [10.0]], [1.0, 1.0])
    >>> mixture.highest_density(0.9).round(2)
    array([[-1.64,  1.64],
           [ 8.36, 11.64]])
    """
    lines, share = Lines.of(mixture), contents(content)
    if share.ndim:
        msg = f"content must be one number, got shape {share.shape}; regions differ in how many intervals they have."
        raise ValueError(msg)
    turns = turning_points(lines)
    return _above(lines, turns, _level(lines, turns, float(share)))


def log_level(mixture: "Mixture", content: float) -> float:
    """The log-density above which a mixture of one feature holds a given probability."""
    lines = Lines.of(mixture)
    return _level(lines, turning_points(lines), content)


def tails(content: ArrayLike) -> Floats:
    """The probabilities at the two ends of central intervals, in a last axis."""
    half = 0.5 * contents(content)
    return np.stack([0.5 - half, 0.5 + half], axis=-1)


def _level(lines: Lines, turns: Floats, content: float) -> float:
    """The log-density whose region above it holds a probability."""
    top = float(lines.log_pdf(turns).max())

    def missing(below: float) -> float:
        ends = np.exp(lines.log_cdf(_above(lines, turns, top - below).ravel()))
        return float((ends[1::2] - ends[::2]).sum()) - content

    if missing(0.0) >= 0:  # within rounding of the top there is more
        return top
    depth = 1.0
    while missing(depth) < 0:
        depth *= 2.0
    return top - float(brentq(missing, 0.0, depth, xtol=1e-13, rtol=4.0 * _ROUNDING))


def _above(lines: Lines, turns: Floats, level: float) -> Floats:
    """The intervals ``(M, 2)`` in which the log-density is at least `level`."""
    peaks = np.log(lines.weights[0][lines.weights[0] > 0]).max() - np.log(lines.deviations).min()
    reach = np.sqrt(2.0 * max(peaks + np.log(len(lines.deviations)) - level, 0.0)) * lines.deviations
    edges = np.concatenate([[(lines.means[0] - reach).min()], turns, [(lines.means[0] + reach).max()]])
    higher = lines.log_pdf(edges) >= level
    higher[[0, -1]] = False
    crossed = np.flatnonzero(higher[1:] != higher[:-1])
    ends = changes(lambda values: lines.log_pdf(values) >= level, edges[crossed], edges[crossed + 1])
    return np.asarray(ends.reshape(-1, 2))
