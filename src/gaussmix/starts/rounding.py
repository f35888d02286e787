"""Find the steps to which columns are rounded: whole numbers, ratings, cents, yes and no."""

from dataclasses import dataclass

import numpy as np

from gaussmix._types import Floats
from gaussmix.sources import Source

__all__ = ["SHEPPARD", "Rounding", "rounding_of"]

SHEPPARD = 1.0 / 12.0
"""Variance of a value within its step, in squared steps: that of a uniform distribution (Sheppard 1898)."""

_SAMPLE = 2**13  # rows: what tells a grid from a continuous column
_TIES = 1.1  # rows for each distinct value, at least: with fewer ties a column counts as continuous
_ON_THE_GRID = 0.95  # share of the rows that lie on the grid, at least: a few values may be finer
_FINEST = 20  # steps for each distinct value, at most: differences of any numbers have some common divisor
_SLACK = 1e-6  # of a step: how far from the grid a value may lie, beside what rounding to floats took
_MOST_STEPS = 64  # of Euclid's algorithm: each halves the divisor at least every other time
_ULPS = 16  # floating-point rounding of a value, in units of its last place
_TWO = 2  # values of a yes/no column


@dataclass(frozen=True, eq=False)
class Rounding:
    """Steps to which the columns are rounded.

    Attributes
    ----------
    steps : (D,) ndarray
        For each column the distance of neighbouring values, in its units; 0 for a continuous column.
    binary : (D,) ndarray of bool
        For each column, true where it has two values only.
    """

    steps: Floats
    binary: np.ndarray[tuple[int], np.dtype[np.bool_]]

    @property
    def variances(self) -> Floats:
        """Variance of the true values about a rounded one, ``(D,)``: ``step² / 12``."""
        return SHEPPARD * self.steps**2


def rounding_of(source: Source) -> Rounding:
    """Find the step of each column, on a sample of the rows.

    A column is rounded where values repeat and 95 % of the rows lie on a grid, or where values are so few that 95 % of
    the rows share theirs with others (logarithms of counts, codes); then the step is the distance to the nearer
    neighbour that is usual among the rows.

    Parameters
    ----------
    source : Source
        The rows.

    References
    ----------
    Sheppard (1898), Proceedings of the London Mathematical Society 29.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.starts.rounding import rounding_of
    >>> rng = np.random.default_rng(0)
    >>> rating, price, weight = rng.integers(1, 6, 200), rng.normal(20, 3, 200).round(1), rng.normal(size=200)
    >>> rounding_of(ArraySource(np.column_stack([rating, price, weight]))).steps
    array([1. , 0.1, 0. ])
    """
    rows, weights = source.sample(np.random.default_rng(0), _SAMPLE)
    columns = [_Column.of(column, weights) for column in rows.T]
    return Rounding(np.array([one.step for one in columns]), np.array([len(one.values) == _TWO for one in columns]))


@dataclass(frozen=True, eq=False)
class _Column:
    """The distinct values of a column in order, how many rows have each, and how exact they are."""

    values: Floats
    counts: Floats
    exact: float

    @classmethod
    def of(cls, column: Floats, weights: Floats) -> "_Column":
        values, places = np.unique(column, return_inverse=True)
        exact = _ULPS * float(np.finfo(column.dtype).eps * np.abs(values).max())
        return cls(values.astype(np.float64), np.bincount(places, weights), exact)

    @property
    def step(self) -> float:
        """The step; 0 for a continuous or constant column."""
        n_rows, n_values = float(self.counts.sum()), len(self.values)
        if n_values < _TWO or n_rows < _TIES * n_values:
            return 0.0
        repeated = self.counts > 1.0
        for some in (np.ones(n_values, dtype=bool), repeated):
            step = self._divisor(some)
            if step > 0:
                return step
        if self.counts[repeated].sum() >= _ON_THE_GRID * n_rows:
            return self._usual_distance()
        return 0.0

    def _divisor(self, some: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
        """Return the greatest common divisor of the distances of some values, if nearly all rows lie on its grid."""
        values = self.values[some]
        if len(values) < _TWO:
            return 0.0
        gaps = np.diff(values)
        finest = float(values[-1] - values[0]) / (_FINEST * len(values))
        step = float(gaps.min())
        for _ in range(_MOST_STEPS):
            left = np.abs(gaps - step * np.round(gaps / step))
            slack = max(_SLACK * step, self.exact)
            off = left > slack
            if not off.any():
                break
            step = float(left[off].min())
            if step < max(finest, self.exact / _SLACK**0.5):
                return 0.0
        span = float(values[-1] - values[0])
        step = span / round(span / step)  # free of the rounding in the smallest distance
        return step if self._share_on(float(values[0]), step) >= _ON_THE_GRID else 0.0

    def _share_on(self, origin: float, step: float) -> float:
        """Return the share of the rows that lie on a grid."""
        away = (self.values - origin) / step
        on = np.abs(away - np.round(away)) <= np.maximum(_SLACK * np.abs(away), _SLACK) + self.exact / step
        return float(self.counts[on].sum() / self.counts.sum())

    def _usual_distance(self) -> float:
        """Return the median, among the rows, of the distance to the nearer neighbouring value."""
        gaps = np.diff(self.values)
        nearer = np.minimum(np.append(gaps, np.inf), np.append(np.inf, gaps))
        order = np.argsort(nearer)
        heights = np.cumsum(self.counts[order])
        return float(nearer[order[np.searchsorted(heights, 0.5 * heights[-1])]])
