"""Answers for one feature: distribution function, quantiles, intervals and regions of highest density."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq

from gaussmix._types import ArrayLike, Floats
from gaussmix.arguments import check_contents, check_numbers, check_probabilities
from gaussmix.density.univariate_mixtures import UnivariateMixtures, bisect, evaluate_in_blocks, turning_points

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["cdf", "highest_density", "interval", "log_level", "ppf", "tail_probabilities"]

_ROUNDING = float(np.finfo(np.float64).eps)


def cdf(mixture: "Mixture", values: ArrayLike) -> Floats:
    """Return the probability that a row is at most each value, for a mixture of one feature.

    Parameters
    ----------
    values : array_like
        Values of any shape; they may be infinite.

    Returns
    -------
    ndarray
        Probabilities, in the shape of `values`.

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
    density, points = UnivariateMixtures.from_mixture(mixture), check_numbers("values", values)
    return np.asarray(np.exp(evaluate_in_blocks(density, density.log_cdf, points.ravel())).reshape(points.shape))


def ppf(mixture: "Mixture", q: ArrayLike) -> Floats:
    """Return the quantiles of a mixture of one feature: a row is below them with probability `q`.

    They are exact to rounding, in both tails.

    Parameters
    ----------
    q : array_like
        Probabilities from 0 to 1, of any shape.

    Returns
    -------
    ndarray
        Quantiles, in the shape of `q`; they are infinite for 0 and 1.

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
    density, wanted = UnivariateMixtures.from_mixture(mixture), check_probabilities("q", q)
    return evaluate_in_blocks(density, density.quantile, wanted.ravel()).reshape(wanted.shape)


def interval(mixture: "Mixture", content: ArrayLike) -> Floats:
    """Return the central intervals that hold given probabilities, for a mixture of one feature.

    Half of the remaining probability is below the interval, and half is above. :meth:`Mixture.highest_density` gives
    the shortest region instead.

    Parameters
    ----------
    content : float or array_like
        Probabilities, between 0 and 1, of any shape.

    Returns
    -------
    (..., 2) ndarray
        The lower and the upper end of each interval.

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
    return ppf(mixture, tail_probabilities(content))


def highest_density(mixture: "Mixture", content: float) -> Floats:
    """Return the smallest region that holds a given probability, for a mixture of one feature: one or more intervals.

    The density inside the region is nowhere lower than outside.

    Parameters
    ----------
    content : float
        Probability, between 0 and 1.

    Returns
    -------
    (M, 2) ndarray
        The lower and the upper end of each interval, in order. Intervals do not overlap, and there are at most K.

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
    density, share = UnivariateMixtures.from_mixture(mixture), check_contents(content)
    if share.ndim:
        msg = f"content must be a single number, got shape {share.shape}; regions differ in their number of intervals."
        raise ValueError(msg)
    turns = turning_points(density)
    return _intervals_above(density, turns, _level(density, turns, float(share)))


def log_level(mixture: "Mixture", content: float) -> float:
    """Return the log-density above which a mixture of one feature holds a given probability."""
    density = UnivariateMixtures.from_mixture(mixture)
    return _level(density, turning_points(density), content)


def tail_probabilities(content: ArrayLike) -> Floats:
    """Return the probabilities below the two ends of central intervals, along a new last axis."""
    half = 0.5 * check_contents(content)
    return np.stack([0.5 - half, 0.5 + half], axis=-1)


def _level(density: UnivariateMixtures, turns: Floats, content: float) -> float:
    """Return the log-density above which one mixture, with the given turning points, holds a probability."""
    top = float(density.log_pdf(turns).max())

    def excess(below: float) -> float:
        ends = np.exp(density.log_cdf(_intervals_above(density, turns, top - below).ravel()))
        return float((ends[1::2] - ends[::2]).sum()) - content

    if excess(0.0) >= 0:  # the region within rounding of the maximum already holds more
        return top
    depth = 1.0
    while excess(depth) < 0:
        depth *= 2.0
    return top - float(brentq(excess, 0.0, depth, xtol=1e-13, rtol=4.0 * _ROUNDING))


def _intervals_above(density: UnivariateMixtures, turns: Floats, level: float) -> Floats:
    """Return the intervals ``(M, 2)`` in which the log-density is at least `level`."""
    peaks = np.log(density.weights[0][density.weights[0] > 0]).max() - np.log(density.deviations).min()
    reach = np.sqrt(2.0 * max(peaks + np.log(len(density.deviations)) - level, 0.0)) * density.deviations
    edges = np.concatenate([[(density.means[0] - reach).min()], turns, [(density.means[0] + reach).max()]])
    higher = density.log_pdf(edges) >= level
    higher[[0, -1]] = False
    crossed = np.flatnonzero(higher[1:] != higher[:-1])
    ends = bisect(lambda values: density.log_pdf(values) >= level, edges[crossed], edges[crossed + 1])
    return np.asarray(ends.reshape(-1, 2))
