"""Several one-dimensional mixtures at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from gaussmix._types import Flags, Floats, Labels

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Lines", "changes", "in_blocks", "turning_points"]

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
        deviations = mixture.factors[:, 0, 0]
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


def turning_points(lines: Lines) -> Floats:
    """Where the density of one mixture has its maxima and, between them, its minima, in order: an odd number."""
    means, deviations = lines.means[0], lines.deviations
    heavy = lines.weights[0] > 0
    grid = np.unique((means[heavy, None] + deviations[heavy, None] * _GRID).ravel())
    for _ in range(_REFINEMENTS):
        grid = _refined(grid, np.abs(in_blocks(lines, lines.slope, grid)))
    rising = in_blocks(lines, lines.slope, grid) >= 0
    turns = np.flatnonzero(rising[1:] != rising[:-1])
    return changes(lambda values: lines.slope(values) >= 0, grid[turns], grid[turns + 1])


def in_blocks(lines: Lines, method: Callable[[Floats], Floats], values: Floats) -> Floats:
    """A method of one mixture for any number of values, of which few enough are taken at once to keep memory small."""
    parts = np.array_split(values, 1 + values.size * lines.deviations.size // _NUMBERS_AT_ONCE)
    return np.concatenate([method(part) for part in parts])


def _refined(grid: Floats, steepness: Floats) -> Floats:
    """The grid with more points where it is least steep among its neighbours: two turns may hide there."""
    low = np.flatnonzero((steepness[1:-1] <= steepness[:-2]) & (steepness[1:-1] <= steepness[2:]))
    cells = np.union1d(low, low + 1)
    inner = np.arange(1, _PARTS) / _PARTS
    return np.union1d(grid, (grid[cells, None] + np.diff(grid)[cells, None] * inner).ravel())


def changes(holds: Callable[[Floats], Flags], low: Floats, high: Floats) -> Floats:
    """Where between `low` and `high` something begins, or ceases, to hold; all brackets are halved at once."""
    begins = holds(low)
    for _ in range(_HALVINGS):
        middle = 0.5 * low + 0.5 * high
        before = holds(middle) == begins
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.asarray(0.5 * low + 0.5 * high)


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
