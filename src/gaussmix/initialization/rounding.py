"""Find the steps to which columns are rounded: whole numbers, ratings, cents, yes and no."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.engines.reference import log_joint
from gaussmix.mixture import Mixture
from gaussmix.sources import Source

__all__ = ["SHEPPARD", "Rounding", "find_rounding"]

SHEPPARD = 1.0 / 12.0
"""Variance of a value within its step, in squared steps: that of a uniform distribution (Sheppard 1898)."""

_SAMPLE = 2**13  # rows: what tells a grid from a continuous column
_DISTINCT = 2  # distinct rows for each value of a column of codes, at least
_TIES = 1.1  # rows for each distinct value, at least: with fewer ties a column counts as continuous
_ON_THE_GRID = 0.95  # share of the rows that lie on the grid, at least: a few values may be finer
_FINEST = 20  # steps for each distinct value, at most: differences of any numbers have some common divisor
_SLACK = 1e-6  # of a step: how far from the grid a value may lie, beside what rounding to floats took
_MOST_STEPS = 64  # of Euclid's algorithm: each halves the divisor at least every other time
_ULPS = 16  # floating-point rounding of a value, in units of its last place
_ROOT_2PI = float(np.sqrt(2.0 * np.pi))
_NOTHING = 1e-250  # a probability or density whose quotients are numbers
_CLOSE = 1.5  # of the floor: a variance that counts as on it in a sentence
_NAMED = 5  # columns or components in a sentence
_TWO = 2  # values of a yes/no column
_MOST = 1.0 / 3.0  # of a column's variance: what Sheppard's variance is of that of an even yes/no column


@dataclass(frozen=True, eq=False)
class Rounding:
    """Steps to which the columns are rounded.

    Attributes
    ----------
    steps : (D,) ndarray
        For each column the distance of neighbouring values, in its units; 0 for a continuous column.
    binary : (D,) ndarray of bool
        For each column, true where it has two values only.
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
        """Return the variances that rounding hides, below which no component can be known, ``(D,)``.

        It is ``step² / 12``, and at most a third of a column's variance, where nearly all rows share one value.

        Parameters
        ----------
        ridge : (D,) ndarray
            Variances that are added to covariances anyhow.

        Returns
        -------
        (D,) ndarray or None
            0 for continuous columns, and where the ridge is larger; None where all are 0.
        """
        hidden = np.minimum(SHEPPARD * self.steps**2, _MOST * self.variances)
        floor = np.where(hidden > ridge, hidden, 0.0)
        return floor if floor.any() else None

    def gain(self, mixture: Mixture, source: Source, floor: Floats) -> float:
        r"""Return by how much the log-likelihood of rounded rows is larger than that of their cells, in nats.

        A rounded value stands for all values that are rounded to it. The probability of its cell is bounded, but the
        density at the value times the step is not: a narrow component on one value gains by it. The lowest cell of a
        column begins at minus infinity and the highest ends at infinity. Where features are correlated, a column's cell
        is seen under its distribution given the others, so that the gain is

        .. math:: \sum_i \log p(x_i) - \log \sum_k \pi_k \mathcal{N}_k(x_i)
            \prod_j \frac{P_k(c_{ij} \mid x_{i,-j})}{s_j\, p_k(x_{ij} \mid x_{i,-j})}

        for rounded columns j with steps :math:`s_j` and cells :math:`c_{ij}`.

        Parameters
        ----------
        mixture : Mixture
        source : Source
            The rows; where they are many, a sample of them stands for all.
        floor : (D,) ndarray
            What :meth:`floor` says; columns where it is 0 count as continuous.
        """
        sample = source.sample(np.random.default_rng(0), _SAMPLE)
        rows, weights = sample.rows, sample.sample_weight
        joint = log_joint(mixture, rows)
        in_cells = joint + self._log_ratios(mixture, rows, np.flatnonzero(floor))
        gains = np.logaddexp.reduce(joint, axis=1) - np.logaddexp.reduce(in_cells, axis=1)
        return float(weights @ gains * source.weight / weights.sum())

    def describe(self, mixture: Mixture, components: Sequence[int], floor: Floats, names: Sequence[str] | None) -> str:
        """Return a sentence or two on components that are as narrow as the rounding of the columns allows.

        Parameters
        ----------
        mixture : Mixture
        components : sequence of int
            Which components are so narrow.
        floor : (D,) ndarray
            What :meth:`floor` says.
        names : sequence of str or None
            Names of the columns, where they have some.
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
        """Return logarithms of the probabilities of cells over densities times steps, ``(n, K)``."""
        steps = self.steps[columns]
        values = rows[:, columns]
        half = 0.5 * steps
        below = np.where(values <= self.lowest[columns] + half, np.inf, half)
        above = np.where(values >= self.highest[columns] - half, np.inf, half)
        ratios = np.empty((len(rows), mixture.n_components))
        for k, (away, deviations) in enumerate(_given_the_others(mixture, rows, columns)):
            probability = _between(away - below / deviations, away + above / deviations)
            density = np.exp(-0.5 * away**2) * (steps / (deviations * _ROOT_2PI))
            known = (probability > _NOTHING) & (density > _NOTHING)
            ratios[:, k] = np.log(np.where(known, probability, 1.0) / np.where(known, density, 1.0)).sum(axis=1)
        return ratios


def _step(step: float) -> str:
    """Return a step in words."""
    return "whole numbers" if step == 1.0 else f"steps of {step:.3g}"


def _given_the_others(mixture: Mixture, rows: Rows, columns: Labels) -> Iterator[tuple[Floats, Floats]]:
    """Yield, for each component, how far values lie from their means given the other features, and deviations.

    The distances ``(n, J)`` are in units of the conditional standard deviations ``(J,)``.
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
    """Return the probability that a standard normal value lies between two numbers, with its digits in both tails."""
    upper = low > 0
    return np.asarray(ndtr(np.where(upper, -low, high)) - ndtr(np.where(upper, -high, low)))


def find_rounding(rows: Rows, ordered: Rows, weights: Floats, variances: Floats) -> Rounding:
    """Return the steps of the columns of some rows.

    A column is rounded where values repeat and 95 % of the rows lie on a grid, or where values are so few that 95 % of
    the rows share theirs with others (logarithms of counts, codes); then the step is the distance to the nearer
    neighbour that is usual among the rows.

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
    tied = np.flatnonzero((n_values >= _TWO) & (weights.sum() >= _TIES * n_values))
    columns = [_Column.of(column, weights) for column in rows.T[tied]]
    steps = np.zeros(len(n_values))
    steps[tied] = [one.step for one in columns]
    codes = _codes(columns, rows, steps[tied] == 0)
    steps[tied[codes]] = [columns[j].usual_distance for j in codes]
    lowest, highest = ordered[0].astype(np.float64), ordered[-1].astype(np.float64)
    return Rounding(steps=steps, binary=n_values == _TWO, variances=variances, lowest=lowest, highest=highest)


def _codes(columns: Sequence["_Column"], rows: Rows, stepless: Flags) -> list[int]:
    """Return the columns with few values that rows share, and no grid: logarithms of counts, codes.

    Rows that are repeated as a whole share all values, and tell nothing of rounding.
    """
    shared = [j for j in np.flatnonzero(stepless).tolist() if columns[j].shared]
    if not shared or rows.shape[1] == 1:
        return shared
    n_distinct = len(np.unique(rows, axis=0))
    return [j for j in shared if _DISTINCT * len(columns[j].values) <= n_distinct]


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
        return cls(values.astype(np.float64), np.bincount(places, weights).astype(np.float64), exact)

    @property
    def step(self) -> float:
        """The step of the grid that the values lie on; 0 where they lie on none."""
        n_values = len(self.values)
        repeated = self.counts > 1.0
        for some in (np.ones(n_values, dtype=bool), repeated):
            step = self._divisor(some)
            if step > 0:
                return step
        return 0.0

    @property
    def shared(self) -> bool:
        """Whether nearly all rows share their value with others."""
        return bool(self.counts[self.counts > 1.0].sum() >= _ON_THE_GRID * self.counts.sum())

    def _divisor(self, some: Flags) -> float:
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

    @property
    def usual_distance(self) -> float:
        """The median, among the rows, of the distance to the nearer neighbouring value; 0 in a constant column."""
        if len(self.values) < _TWO:
            return 0.0
        gaps = np.diff(self.values)
        nearer = np.minimum(np.append(gaps, np.inf), np.append(np.inf, gaps))
        order = np.argsort(nearer)
        heights = np.cumsum(self.counts[order])
        return float(nearer[order[np.searchsorted(heights, 0.5 * heights[-1])]])
