"""Find the steps to which columns are rounded, as in whole numbers, ratings, cents, and yes/no columns.

A *cell* is the interval of all values that are rounded to the same value: half a step to each side of that value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.density.affine import marginal
from gaussmix.engines.reference import log_joint
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource, Source
from gaussmix.sources.incomplete import IncompleteSource

__all__ = ["SHEPPARD", "Rounding", "find_rounding"]

SHEPPARD = 1.0 / 12.0
"""Variance of a value within its step, in squared steps: that of a uniform distribution (Sheppard 1898)."""

# The gain of rounded rows is estimated on a random sample of this many rows.
_SAMPLE = 2**13

# A column of codes has at most one distinct value for this many distinct rows.
_ROWS_PER_CODE = 2

# A column with fewer rows for each distinct value than this counts as continuous.
_ROWS_PER_VALUE = 1.1

# At least this share of the rows lies on the grid of a rounded column: a few values may be finer.
_ON_THE_GRID = 0.95

# A grid has at most this many steps for each distinct value. Any numbers lie on some grid that is fine enough.
_STEPS_PER_VALUE = 20

# A value is on the grid if its distance to the grid is below this share of a step, plus its floating-point rounding.
_SLACK = 1e-6

# Euclid's algorithm ends after this many steps. It halves the divisor in every second step or more often.
_MAX_STEPS = 64

# The floating-point rounding of a value, in units in the last place.
_ULPS = 16

_ROOT_2PI = float(np.sqrt(2.0 * np.pi))

# Quotients of probabilities and densities are computed only if both are above this bound: others may underflow.
_SMALLEST_DENSITY = 1e-250

# A description names the columns in which a component has a variance below this many floors.
_CLOSE = 1.5

# A description lists at most this many columns or components.
_NAMED = 5

# A yes/no column has two values.
_TWO = 2

# The floor is at most this share of the variance of a column, as in a yes/no column whose values are equally frequent.
_LARGEST_SHARE = 1.0 / 3.0


@dataclass(frozen=True, eq=False)
class Rounding:
    """The steps to which the columns are rounded.

    Attributes
    ----------
    steps : (D,) ndarray
        The distance of neighbouring values of each column, in its units; 0 for a continuous column.
    binary : (D,) ndarray of bool
        True for each column that has two values only.
    variances : (D,) ndarray
        Variance of each column.
    lowest, highest : (D,) ndarray
        The smallest and the largest value of each column.
    """

    steps: Floats
    binary: Flags
    variances: Floats
    lowest: Floats
    highest: Floats

    def floor(self, ridge: Floats) -> Floats | None:
        """Return the variances within the cells, ``(D,)``: rounded data say nothing about smaller variances.

        The variance within a cell is ``step² / 12``. The floor is at most a third of the variance of the column,
        a limit that matters if nearly all rows share one value.

        Parameters
        ----------
        ridge : (D,) ndarray
            Variances that are added to the covariances.

        Returns
        -------
        (D,) ndarray or None
            The floor, 0 for continuous columns and where the ridge is larger; None if it is 0 for all columns.
        """
        hidden = np.minimum(SHEPPARD * self.steps**2, _LARGEST_SHARE * self.variances)
        floor = np.where(hidden > ridge, hidden, 0.0)
        return floor if floor.any() else None

    def gain(self, mixture: Mixture, source: Source, floor: Floats) -> float:
        r"""Return the difference between the log-likelihoods of rounded rows and of their cells, in nats.

        A rounded value stands for all values in its cell. The probability of the cell is at most 1, but the density at
        the value times the step has no upper bound, so that a narrow component on one value gains log-likelihood. The
        lowest cell of a column begins at minus infinity, and the highest cell ends at infinity. If features are
        correlated, the probability of a cell is that of its column given the other columns, and the gain is

        .. math:: \sum_i \log p(x_i) - \log \sum_k \pi_k \mathcal{N}_k(x_i)
            \prod_j \frac{P_k(c_{ij} \mid x_{i,-j})}{s_j\, p_k(x_{ij} \mid x_{i,-j})}

        for rounded columns j with steps :math:`s_j` and cells :math:`c_{ij}`.

        Parameters
        ----------
        mixture : Mixture
        source : Source
            The rows. A sample represents them if they are many.
        floor : (D,) ndarray
            The result of :meth:`floor`; columns with a floor of 0 count as continuous.
        """
        sample = source.sample(np.random.default_rng(0), _SAMPLE)
        scale = source.weight, float(sample.sample_weight.sum())
        if not isinstance(sample, IncompleteSource):
            return self.sum_gains(mixture, sample, floor) * scale[0] / scale[1]
        parts = [(given, part) for given, part in sample.observed_parts() if floor[given].any()]
        gains = [self._of(given).sum_gains(marginal(mixture, given), part, floor[given]) for given, part in parts]
        return sum(gains) * scale[0] / scale[1]

    def _of(self, features: list[int]) -> "Rounding":
        """Return the rounding of the given features."""
        return Rounding(
            self.steps[features],
            self.binary[features],
            self.variances[features],
            self.lowest[features],
            self.highest[features],
        )

    def sum_gains(self, mixture: Mixture, sample: ArraySource, floor: Floats) -> float:
        """Return the gain of the rows of a sample, in nats."""
        joint = log_joint(mixture, sample.rows)
        in_cells = joint + self._log_ratios(mixture, sample.rows, np.flatnonzero(floor))
        gains = np.logaddexp.reduce(joint, axis=1) - np.logaddexp.reduce(in_cells, axis=1)
        return float(sample.sample_weight @ gains)

    def describe(self, mixture: Mixture, components: Sequence[int], floor: Floats, names: Sequence[str] | None) -> str:
        """Return one or two sentences on components that the floor bounds.

        Parameters
        ----------
        mixture : Mixture
        components : sequence of int
            The components that the floor bounds.
        floor : (D,) ndarray
            The result of :meth:`floor`.
        names : sequence of str or None
            Names of the columns; None if columns have no names.
        """
        variances = mixture.covariances.variances(*mixture.means.shape)[list(components)]
        narrow = (floor > 0) & (variances <= _CLOSE * floor).any(axis=0)
        columns = np.flatnonzero(narrow if narrow.any() else floor)
        named = [f"{names[int(j)]!r}" if names is not None else f"column {j}" for j in columns]
        steps = [f"{name} is rounded to {_step(self.steps[j])}" for name, j in zip(named, columns, strict=True)]
        which = f"component{'s'[: len(components) > 1]} {', '.join(map(str, components[:_NAMED]))}"
        which += f" and {len(components) - _NAMED} more" * (len(components) > _NAMED)
        deviations = ", ".join(f"{np.sqrt(floor[j]):.2g}" for j in columns[:_NAMED])
        said = (
            f"{', '.join(steps[:_NAMED])}: {which} would be narrower there than the rounding, whose standard deviation "
            f"({deviations}) is the least that can be known."
        )
        both = [name for name, j in zip(named, columns, strict=True) if self.binary[j]]
        if both:
            listed = ", ".join(both[:_NAMED])
            said += (
                f" {listed[0].upper()}{listed[1:]} has two values only, which components tell apart by themselves: "
                "leave the column out, or fit the rows of each value by themselves, if that is not meant."
            )
        return said[0].upper() + said[1:]

    def _log_ratios(self, mixture: Mixture, rows: Rows, columns: Labels) -> Floats:
        """Return the log-ratios of the probabilities of cells to densities times steps, ``(n, K)``."""
        steps = self.steps[columns]
        values = rows[:, columns]
        half = 0.5 * steps
        below = np.where(values <= self.lowest[columns] + half, np.inf, half)
        above = np.where(values >= self.highest[columns] - half, np.inf, half)
        ratios = np.empty((len(rows), mixture.n_components))
        for k, (away, deviations) in enumerate(_given_the_others(mixture, rows, columns)):
            probability = _between(away - below / deviations, away + above / deviations)
            density = np.exp(-0.5 * away**2) * (steps / (deviations * _ROOT_2PI))
            known = (probability > _SMALLEST_DENSITY) & (density > _SMALLEST_DENSITY)
            ratios[:, k] = np.log(np.where(known, probability, 1.0) / np.where(known, density, 1.0)).sum(axis=1)
        return ratios


def _step(step: float) -> str:
    """Return the description of a step."""
    return "whole numbers" if step == 1.0 else f"steps of {step:.3g}"


def _given_the_others(mixture: Mixture, rows: Rows, columns: Labels) -> Iterator[tuple[Floats, Floats]]:
    """Yield, for each component, the standardized distance and the deviation of values given the rest of their rows.

    The distances ``(n, J)`` are from the means given the other features, in units of the conditional standard
    deviations ``(J,)``.
    """
    n_components, n_features = mixture.means.shape
    covariances = mixture.covariances
    if covariances.correlated:
        precisions = np.broadcast_to(covariances.precisions, (n_components, n_features, n_features))
        for mean, precision in zip(mixture.means, precisions, strict=True):
            roots = np.sqrt(np.diagonal(precision)[columns])
            yield (rows - mean) @ precision[:, columns] / roots, 1.0 / roots
    else:
        deviations = np.sqrt(covariances.variances(n_components, n_features))[:, columns]
        for mean, own in zip(mixture.means[:, columns], deviations, strict=True):
            yield (rows[:, columns] - mean) / own, own


def _between(low: Floats, high: Floats) -> Floats:
    """Return the probability that a standard normal value lies between two numbers, accurate in both tails."""
    upper = low > 0
    return np.asarray(ndtr(np.where(upper, -low, high)) - ndtr(np.where(upper, -high, low)))


def find_rounding(rows: Rows, ordered: Rows, weights: Floats, variances: Floats) -> Rounding:
    """Return the steps of the columns of given rows.

    A column is rounded if values repeat and 95 % of the rows lie on a grid. A column without a grid is rounded if 95 %
    of the rows share their values with others, as codes and logarithms of counts do; then the step is the median over
    the rows of the distance to the nearer neighbouring value.

    Parameters
    ----------
    rows : (n, D) ndarray
    ordered : (n, D) ndarray
        The values of each column in ascending order.
    weights : (n,) ndarray
        Weights of the rows.
    variances : (D,) ndarray
        Variance of each column.

    References
    ----------
    Sheppard (1898), Proceedings of the London Mathematical Society 29.
    """
    n_values = 1 + (ordered[1:] > ordered[:-1]).sum(axis=0)
    tied = np.flatnonzero((n_values >= _TWO) & (weights.sum() >= _ROWS_PER_VALUE * n_values))
    columns = [_Column.of(column, weights) for column in rows.T[tied]]
    steps = np.zeros(len(n_values))
    steps[tied] = [one.step for one in columns]
    codes = _codes(columns, rows, steps[tied] == 0)
    steps[tied[codes]] = [columns[j].usual_distance for j in codes]
    lowest, highest = ordered[0].astype(np.float64), ordered[-1].astype(np.float64)
    return Rounding(steps=steps, binary=n_values == _TWO, variances=variances, lowest=lowest, highest=highest)


def _codes(columns: Sequence["_Column"], rows: Rows, stepless: Flags) -> list[int]:
    """Return the indices of columns of codes: few values, which rows share, and no grid.

    Rows that are repeated as a whole share all values, which does not show rounding.
    """
    shared = [j for j in np.flatnonzero(stepless).tolist() if columns[j].shared]
    if not shared or rows.shape[1] == 1:
        return shared
    n_distinct = len(np.unique(rows, axis=0))
    return [j for j in shared if _ROWS_PER_CODE * len(columns[j].values) <= n_distinct]


@dataclass(frozen=True, eq=False)
class _Column:
    """The distinct values of a column in ascending order, their numbers of rows, and their floating-point rounding."""

    values: Floats
    counts: Floats
    exact: float

    @classmethod
    def of(cls, column: Floats, weights: Floats) -> "_Column":
        values, places = np.unique(column, return_inverse=True)
        exact = _ULPS * float(np.finfo(column.dtype).eps * np.abs(values).max())
        return cls(values.astype(np.float64), np.bincount(places, weights).astype(np.float64), exact)

    @property
    def step(self) -> float:
        """The step of the grid on which the values lie; 0 if there is no grid."""
        n_values = len(self.values)
        repeated = self.counts > 1.0
        for chosen in (np.ones(n_values, dtype=bool), repeated):
            step = self._find_divisor(chosen)
            if step > 0:
                return step
        return 0.0

    @property
    def shared(self) -> bool:
        """True if nearly all rows share their value with others."""
        return bool(self.counts[self.counts > 1.0].sum() >= _ON_THE_GRID * self.counts.sum())

    def _find_divisor(self, chosen: Flags) -> float:
        """Return the greatest common divisor of the distances of chosen values; 0 if too few rows lie on its grid."""
        values = self.values[chosen]
        if len(values) < _TWO:
            return 0.0
        gaps = np.diff(values)
        finest = float(values[-1] - values[0]) / (_STEPS_PER_VALUE * len(values))
        step = float(gaps.min())
        for _ in range(_MAX_STEPS):
            left = np.abs(gaps - step * np.round(gaps / step))
            slack = max(_SLACK * step, self.exact)
            off = left > slack
            if not off.any():
                break
            step = float(left[off].min())
            if step < max(finest, self.exact / _SLACK**0.5):
                return 0.0
        span = float(values[-1] - values[0])
        step = span / round(span / step)  # more exact than the smallest distance
        return step if self._share_on(float(values[0]), step) >= _ON_THE_GRID else 0.0

    def _share_on(self, origin: float, step: float) -> float:
        """Return the share of the rows that lie on a grid."""
        away = (self.values - origin) / step
        on = np.abs(away - np.round(away)) <= np.maximum(_SLACK * np.abs(away), _SLACK) + self.exact / step
        return float(self.counts[on].sum() / self.counts.sum())

    @property
    def usual_distance(self) -> float:
        """The median over the rows of the distance to the nearer neighbouring value; 0 in a constant column."""
        if len(self.values) < _TWO:
            return 0.0
        gaps = np.diff(self.values)
        nearer = np.minimum(np.append(gaps, np.inf), np.append(np.inf, gaps))
        order = np.argsort(nearer)
        heights = np.cumsum(self.counts[order])
        return float(nearer[order[np.searchsorted(heights, 0.5 * heights[-1])]])
