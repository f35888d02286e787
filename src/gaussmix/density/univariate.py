"""One-dimensional mixtures: distribution functions, quantiles, intervals and regions of highest density."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtri_exp

from gaussmix._types import ArrayLike, Flags, Floats, Labels

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = [
    "Lines",
    "cdf",
    "highest_density",
    "interval",
    "log_level",
    "ppf",
    "probabilities",
    "tails",
    "turning_points",
]

_LOWEST = np.finfo(np.float64).min
_ROUNDING = float(np.finfo(np.float64).eps)
_HALVINGS = 64  # of a bracket: to rounding
_STEPS = 200  # at most; Newton's method takes some six
_GRID = np.sinh(np.linspace(-4.5, 4.5, 180))  # standard deviations about each mean; without the mean itself
_REFINEMENTS = 3  # of the grid, where the slope is small
_PARTS = 8  # of a cell that is refined
_NUMBERS_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class Lines:
    """Several one-dimensional mixtures: weights and means ``(b, K)``, standard deviations ``(K,)``.

    Its methods take one value for each mixture, ``(b,)``, or any number of values for one mixture.
    """

    weights: Floats
    means: Floats
    deviations: Floats

    @classmethod
    def of(cls, mixture: "Mixture") -> Self:
        """One mixture of one feature; raise ``ValueError`` where there are more."""
        if mixture.n_features != 1:
            msg = (
                f"cdf, ppf, interval and highest_density are for one feature, got {mixture.n_features}; take "
                "mixture.marginal(feature) first. For boxes there is box_probability."
            )
            raise ValueError(msg)
        deviations = mixture.covariances.triangles(mixture.n_components, 1)[:, 0, 0]
        return cls(mixture.weights[None], mixture.means[None, :, 0], deviations)

    @property
    def reflected(self) -> "Lines":
        """The same, seen from the other side."""
        return Lines(self.weights, -self.means, self.deviations)

    def log_cdf(self, values: Floats) -> Floats:
        """Logarithm of the probability of at most each value."""
        return self._sum(log_ndtr(self._standard(values)))

    def log_pdf(self, values: Floats) -> Floats:
        """Logarithm of the density at each value."""
        return self._sum(-0.5 * (self._standard(values) ** 2 + np.log(2.0 * np.pi)) - np.log(self.deviations))

    def slope(self, values: Floats) -> Floats:
        """Derivative of the density, divided by the density of the component that is most probable there."""
        standard = self._standard(values)
        joint = self._log_weights - 0.5 * standard**2 - np.log(self.deviations)
        return np.asarray(-(np.exp(joint - joint.max(axis=1, keepdims=True)) * standard / self.deviations).sum(axis=1))

    def quantile(self, q: Floats) -> Floats:
        """What is exceeded with probability 1 - q, for probabilities ``(b,)``."""
        quantiles = np.where(q > 0, np.inf, -np.inf)
        left, right = (q > 0) & (q <= 0.5), (q > 0.5) & (q < 1)  # noqa: PLR2004 - the nearer tail keeps the digits
        quantiles[left] = _left_quantiles(self.some(left), np.log(q[left]))
        quantiles[right] = -_left_quantiles(self.some(right).reflected, np.log1p(-q[right]))
        return quantiles

    def some(self, which: Flags | Labels) -> "Lines":
        """Some of several mixtures; the one, where there is one."""
        return self if len(self.weights) == 1 else Lines(self.weights[which], self.means[which], self.deviations)

    def _standard(self, values: Floats) -> Floats:
        standard: Floats = (values[:, None] - self.means) / self.deviations
        return standard

    @cached_property
    def _log_weights(self) -> Floats:
        with np.errstate(divide="ignore"):
            return np.log(self.weights)

    def _sum(self, logarithms: Floats) -> Floats:
        joint = logarithms + self._log_weights
        largest = np.maximum(joint.max(axis=1, keepdims=True), _LOWEST)
        with np.errstate(divide="ignore"):
            return np.asarray(largest[:, 0] + np.log(np.exp(joint - largest).sum(axis=1)))


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
    lines, points = Lines.of(mixture), np.asarray(values, dtype=np.float64)
    if np.isnan(points).any():
        msg = "values must be numbers, got NaN."
        raise ValueError(msg)
    return np.asarray(np.exp(lines.log_cdf(points.ravel())).reshape(points.shape))


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
    return np.asarray(lines.quantile(wanted.ravel()).reshape(wanted.shape))


def interval(mixture: "Mixture", content: float) -> Floats:
    """The central interval that holds a given probability, for a mixture of one feature.

    What is left out is half below it and half above. :meth:`Mixture.highest_density` gives the shortest region instead.

    Parameters
    ----------
    content : float
        Probability, between 0 and 1.

    Returns
    -------
    (2,) ndarray
        Its two ends.

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
    lines = Lines.of(mixture)
    tails(content)
    turns = turning_points(lines)
    return _above(lines, turns, _level(lines, turns, content))


def log_level(mixture: "Mixture", content: float) -> float:
    """The log-density above which a mixture of one feature holds a given probability."""
    lines = Lines.of(mixture)
    return _level(lines, turning_points(lines), content)


def turning_points(lines: Lines) -> Floats:
    """Where the density of one mixture has its maxima and, between them, its minima, in order: an odd number."""
    means, deviations = lines.means[0], lines.deviations
    heavy = lines.weights[0] > 0
    grid = np.unique((means[heavy, None] + deviations[heavy, None] * _GRID).ravel())
    for _ in range(_REFINEMENTS):
        grid = _refined(grid, np.abs(_slopes(lines, grid)))
    rising = _slopes(lines, grid) >= 0
    turns = np.flatnonzero(rising[1:] != rising[:-1])
    return _changes(lambda values: lines.slope(values) >= 0, grid[turns], grid[turns + 1])


def _slopes(lines: Lines, grid: Floats) -> Floats:
    parts = np.array_split(grid, 1 + grid.size * lines.deviations.size // _NUMBERS_AT_ONCE)
    return np.concatenate([lines.slope(part) for part in parts])


def _refined(grid: Floats, steepness: Floats) -> Floats:
    """The grid with more points where it is least steep among its neighbours: two turns may hide there."""
    low = np.flatnonzero((steepness[1:-1] <= steepness[:-2]) & (steepness[1:-1] <= steepness[2:]))
    cells = np.union1d(low, low + 1)
    inner = np.arange(1, _PARTS) / _PARTS
    return np.union1d(grid, (grid[cells, None] + np.diff(grid)[cells, None] * inner).ravel())


def probabilities(name: str, values: ArrayLike) -> Floats:
    """Probabilities from 0 to 1; raise ``ValueError`` where they are not."""
    wanted = np.asarray(values, dtype=np.float64)
    if not ((wanted >= 0) & (wanted <= 1)).all():
        msg = f"{name} must be from 0 to 1, got {wanted}."
        raise ValueError(msg)
    return wanted


def tails(content: float) -> Floats:
    """The probabilities at the two ends of a central interval."""
    if not 0.0 < content < 1.0:
        msg = f"content must be a probability between 0 and 1, got {content}."
        raise ValueError(msg)
    return np.array([0.5 - 0.5 * content, 0.5 + 0.5 * content])


def _left_quantiles(lines: Lines, log_q: Floats) -> Floats:
    """Newton's method for ``log cdf(x) = log q`` between the smallest and the largest quantile of a component."""
    own = lines.means + lines.deviations * ndtri_exp(log_q)[:, None]
    low = np.where(lines.weights > 0, own, np.inf).min(axis=1)
    high = np.where(lines.weights > 0, own, -np.inf).max(axis=1)
    near = 4.0 * _ROUNDING * np.maximum(np.abs(low), np.abs(high))
    at, left = 0.5 * low + 0.5 * high, np.arange(len(log_q))
    for _ in range(_STEPS):
        some, here = lines.some(left), at[left]
        log_cdf = some.log_cdf(here)
        beyond = log_cdf - log_q[left]
        low[left], high[left] = np.where(beyond < 0, here, low[left]), np.where(beyond < 0, high[left], here)
        with np.errstate(over="ignore", invalid="ignore"):
            newton = here - beyond * np.exp(log_cdf - some.log_pdf(here))
        inside = (low[left] < newton) & (newton < high[left])
        found = np.abs(beyond) <= 4.0 * _ROUNDING * np.maximum(np.abs(log_q[left]), 1.0)
        at[left] = np.where(found, here, np.where(inside, newton, 0.5 * low[left] + 0.5 * high[left]))
        left = left[~found & (np.abs(at[left] - here) > near[left]) & (high[left] - low[left] > near[left])]
        if not left.size:
            break
    return np.asarray(at)


def _level(lines: Lines, turns: Floats, content: float) -> float:
    """The log-density whose region above it holds a probability."""
    top = float(lines.log_pdf(turns).max())

    def missing(below: float) -> float:
        ends = np.exp(lines.log_cdf(_above(lines, turns, top - below).ravel()))
        return float((ends[1::2] - ends[::2]).sum()) - content

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
    ends = _changes(lambda values: lines.log_pdf(values) >= level, edges[crossed], edges[crossed + 1])
    return np.asarray(ends.reshape(-1, 2))


def _changes(holds: Callable[[Floats], Flags], low: Floats, high: Floats) -> Floats:
    """Where between `low` and `high` something begins, or ceases, to hold; all brackets are halved at once."""
    begins = holds(low)
    for _ in range(_HALVINGS):
        middle = 0.5 * low + 0.5 * high
        before = holds(middle) == begins
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.asarray(0.5 * low + 0.5 * high)
