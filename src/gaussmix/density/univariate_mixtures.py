"""Evaluate several one-dimensional mixtures at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from scipy.special import log_ndtr, ndtri_exp

from gaussmix._cached_property import cached_property
from gaussmix._types import Flags, Floats, Labels

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["UnivariateMixtures", "bisect", "evaluate_in_blocks", "turning_points"]

_LOWEST = np.finfo(np.float64).min
_ROUNDING = float(np.finfo(np.float64).eps)
# Bisection halves a bracket this often, which narrows it to rounding.
_HALVINGS = 64
# A quantile takes at most so many steps; Newton's method usually takes six.
_MAX_STEPS = 200
# The search for turning points begins on this grid, in standard deviations about each mean. The mean is left out.
_GRID = np.sinh(np.linspace(-4.5, 4.5, 180))
# The grid is refined so many times where the slope is small.
_REFINEMENTS = 3
# A refined interval of the grid is cut into so many parts.
_PARTS = 8
# An array of intermediate results holds at most about so many numbers.
_NUMBERS_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False)
class UnivariateMixtures:
    """A batch of one-dimensional mixtures: weights and means ``(b, K)``, standard deviations ``(K,)``.

    Its methods take one value for each mixture, ``(b,)``. A batch of one mixture takes any number of values.
    """

    weights: Floats
    means: Floats
    deviations: Floats

    @classmethod
    def from_mixture(cls, mixture: "Mixture") -> Self:
        """Return the batch that holds one mixture of one feature; raise ``ValueError`` for more features."""
        if mixture.n_features != 1:
            msg = (
                f"cdf, ppf, interval and highest_density need a mixture of one feature, got {mixture.n_features} "
                "features; call mixture.marginal(feature) first, or use box_probability for boxes."
            )
            raise ValueError(msg)
        deviations = mixture.factors[:, 0, 0]
        return cls(mixture.weights[None], mixture.means[None, :, 0], deviations)

    @property
    def reflection(self) -> "UnivariateMixtures":
        """The distributions of the values with the opposite sign."""
        return UnivariateMixtures(self.weights, -self.means, self.deviations)

    def log_cdf(self, values: Floats) -> Floats:
        """Return the logarithm of the probability that a draw is at most each value."""
        return self._sum(log_ndtr(self._standardize(values)))

    def log_pdf(self, values: Floats) -> Floats:
        """Return the logarithm of the density at each value."""
        return self._sum(-0.5 * (self._standardize(values) ** 2 + np.log(2.0 * np.pi)) - np.log(self.deviations))

    def slope(self, values: Floats) -> Floats:
        """Return the derivative of the density, divided by the density of the most probable component there."""
        standard = self._standardize(values)
        joint = self._log_weights - 0.5 * standard**2 - np.log(self.deviations)
        return np.asarray(-(np.exp(joint - joint.max(axis=1, keepdims=True)) * standard / self.deviations).sum(axis=1))

    def quantile(self, q: Floats) -> Floats:
        """Return the value that a draw is below with probability q, for probabilities ``(b,)``."""
        quantiles = np.where(q > 0, np.inf, -np.inf)
        lower, upper = (q > 0) & (q <= 0.5), (q > 0.5) & (q < 1)  # noqa: PLR2004 - the nearer tail keeps the digits
        quantiles[lower] = _lower_quantiles(self.subset(lower), np.log(q[lower]))
        quantiles[upper] = -_lower_quantiles(self.subset(upper).reflection, np.log1p(-q[upper]))
        return quantiles

    def subset(self, selected: Flags | Labels) -> "UnivariateMixtures":
        """Return the selected mixtures of the batch; a batch of one mixture is returned unchanged."""
        if len(self.weights) == 1:
            return self
        return UnivariateMixtures(self.weights[selected], self.means[selected], self.deviations)

    def _standardize(self, values: Floats) -> Floats:
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


def turning_points(mixture: UnivariateMixtures) -> Floats:
    """Return the local maxima of one density and the minima between them, in order: an odd number of values."""
    means, deviations = mixture.means[0], mixture.deviations
    positive = mixture.weights[0] > 0
    grid = np.unique((means[positive, None] + deviations[positive, None] * _GRID).ravel())
    for _ in range(_REFINEMENTS):
        grid = _refine(grid, np.abs(evaluate_in_blocks(mixture, mixture.slope, grid)))
    rising = evaluate_in_blocks(mixture, mixture.slope, grid) >= 0
    turns = np.flatnonzero(rising[1:] != rising[:-1])
    return bisect(lambda values: mixture.slope(values) >= 0, grid[turns], grid[turns + 1])


def evaluate_in_blocks(mixture: UnivariateMixtures, method: Callable[[Floats], Floats], values: Floats) -> Floats:
    """Evaluate a method of one mixture at any number of values, in blocks that keep the memory small."""
    blocks = np.array_split(values, 1 + values.size * mixture.deviations.size // _NUMBERS_AT_ONCE)
    return np.concatenate([method(block) for block in blocks])


def _refine(grid: Floats, steepness: Floats) -> Floats:
    """Add points to the grid where the slope is smaller than at the neighbours: two turning points may hide there."""
    low = np.flatnonzero((steepness[1:-1] <= steepness[:-2]) & (steepness[1:-1] <= steepness[2:]))
    cells = np.union1d(low, low + 1)
    inner = np.arange(1, _PARTS) / _PARTS
    return np.union1d(grid, (grid[cells, None] + np.diff(grid)[cells, None] * inner).ravel())


def bisect(holds: Callable[[Floats], Flags], low: Floats, high: Floats) -> Floats:
    """Return the points between `low` and `high` at which a condition begins or ceases to hold.

    All brackets are bisected at once.
    """
    begins = holds(low)
    for _ in range(_HALVINGS):
        middle = 0.5 * low + 0.5 * high
        before = holds(middle) == begins
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.asarray(0.5 * low + 0.5 * high)


def _lower_quantiles(mixtures: UnivariateMixtures, log_q: Floats) -> Floats:
    """Solve ``log cdf(x) = log q`` by Newton's method.

    The bracket goes from the smallest to the largest quantile of a component.
    """
    of_components = mixtures.means + mixtures.deviations * ndtri_exp(log_q)[:, None]
    low = np.where(mixtures.weights > 0, of_components, np.inf).min(axis=1)
    high = np.where(mixtures.weights > 0, of_components, -np.inf).max(axis=1)
    tolerance = 4.0 * _ROUNDING * np.maximum(np.abs(low), np.abs(high))
    at, active = 0.5 * low + 0.5 * high, np.arange(len(log_q))
    for _ in range(_MAX_STEPS):
        current, here = mixtures.subset(active), at[active]
        log_cdf = current.log_cdf(here)
        excess = log_cdf - log_q[active]
        low[active], high[active] = np.where(excess < 0, here, low[active]), np.where(excess < 0, high[active], here)
        with np.errstate(over="ignore", invalid="ignore"):
            newton = here - excess * np.exp(log_cdf - current.log_pdf(here))
        inside = (low[active] < newton) & (newton < high[active])
        solved = np.abs(excess) <= 4.0 * _ROUNDING * np.maximum(np.abs(log_q[active]), 1.0)
        at[active] = np.where(solved, here, np.where(inside, newton, 0.5 * low[active] + 0.5 * high[active]))
        moved = (np.abs(at[active] - here) > tolerance[active]) & (high[active] - low[active] > tolerance[active])
        active = active[~solved & moved]
        if not active.size:
            break
    return np.asarray(at)
