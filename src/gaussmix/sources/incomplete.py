"""Rows with missing values, which are missing at random."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add
from typing import Self

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._threads import one_thread
from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.density.affine import marginal
from gaussmix.engines import AUTO, Engine, incomplete
from gaussmix.engines.patterns import Patterns
from gaussmix.mixture import Mixture
from gaussmix.moments import FULL, Moments
from gaussmix.sources.array import ArraySource
from gaussmix.statistics import Statistics

__all__ = ["IncompleteSource"]

_LARGE = 2**16
"""Rows times components times features from which the rows of a pattern are summed by themselves, under the marginal
mixture of their observed features. Sums over rows of many patterns at once take about as long below this size."""

_ENGINE = Engine("gaussmix.engines.incomplete", "gaussmix.engines.reference_truncated")


@dataclass(frozen=True, eq=False)
class IncompleteSource(ArraySource):
    """Rows with missing values: a pass uses the observed values alone.

    A pass adds the log-densities of the observed values, and the sums of the rows with the missing values integrated
    out. Starts are made of `rows`, which hold guesses in place of the missing values.

    Parameters
    ----------
    rows : (n, D) ndarray
        The rows, with guesses in place of the missing values: see :attr:`completed`.
    missing : (n, D) ndarray of bool
        True for each missing value.

    References
    ----------
    Ghahramani & Jordan (1994), Advances in Neural Information Processing Systems 6: EM for mixtures with missing
    values. Little & Rubin (2019), Statistical Analysis with Missing Data, chapters 8 and 11.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.moments import SCALAR
    >>> from gaussmix.sources.incomplete import IncompleteSource
    >>> source = IncompleteSource.of(np.array([[0.0, np.nan], [1.0, 2.0]]))
    >>> mixture = Mixture([1.0], [[0.0, 0.0]], [1.0])
    >>> round(source.reduce(mixture, SCALAR).log_likelihood, 6)
    -5.256816
    """

    missing: Flags = field(kw_only=True)

    @classmethod
    def of(cls, rows: Rows, weights: Floats | None = None, engine: str = AUTO, n_threads: int | None = None) -> Self:
        """Return the source of rows in which missing values are NaN, with zeros as guesses."""
        missing = np.isnan(rows)
        zero = rows.dtype.type(0)
        return cls(np.where(missing, zero, rows), weights, engine, n_threads, missing=missing)

    @cached_property
    def observed(self) -> Rows:
        """The rows with NaN in place of the missing values, ``(n, D)``."""
        return np.where(self.missing, self.rows.dtype.type(np.nan), self.rows)

    @property
    def constant_columns(self) -> tuple[int, ...]:
        """The columns in which all observed values are equal."""
        lowest = np.where(self.missing, np.inf, self.rows).min(axis=0)
        highest = np.where(self.missing, -np.inf, self.rows).max(axis=0)
        return tuple(np.flatnonzero(lowest >= highest).tolist())

    @property
    def observed_shares(self) -> Floats:
        """The share of observed values of each column, by weight: ``(D,)``."""
        return np.asarray(1.0 - self.sample_weight @ self.missing / self.weight)

    @property
    def completed(self) -> ArraySource:
        """The rows with guesses in place of the missing values, as rows without missing values."""
        return ArraySource(self.rows, self.weights, self.engine, self.n_threads)

    @cached_property
    def patterns(self) -> Patterns:
        """The patterns of the missing values."""
        return Patterns.of(self.missing)

    def reduce(self, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the expected statistics of the rows, and the log-likelihood of the observed values."""
        large = self._are_large(mixture)
        return self._add(
            mixture,
            moments,
            mixture.means,
            ((given, part.reduce(marginal(mixture, given), FULL)) for given, part in self._parts(large)),
            large,
        )

    def reduce_about(self, origin: Floats, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics that :meth:`reduce` does, about given points and without log-likelihoods."""
        nothing = np.zeros(len(self.patterns), dtype=bool)
        sums = self._add(mixture, moments, origin, iter(()), nothing)
        return replace(sums, log_likelihood=0.0, classification_log_likelihood=0.0)

    def total(self, function: Callable[[Rows, Floats], Floats]) -> Floats:
        """Return the sum of a function of each block's rows and weights, in which missing values are NaN."""
        return ArraySource(self.observed, self.weights, self.engine, self.n_threads).total(function)

    def engine_for(self, n_components: int) -> Engine:
        """Return the engine for rows in which missing values are NaN."""
        return _ENGINE

    def chunks(self) -> Iterator[tuple[Rows, Floats]]:
        """Yield the rows, in which missing values are NaN, and their weights, as one chunk."""
        yield self.observed, self.sample_weight

    def subset(self, rows: Labels) -> Self:
        return replace(super().subset(rows), missing=self.missing[rows])

    def select_features(self, features: Sequence[int]) -> Self:
        return replace(super().select_features(features), missing=self.missing[:, features])

    def observed_parts(self) -> Iterator[tuple[list[int], ArraySource]]:
        """Yield the observed features of each pattern, and these features of its rows."""
        yield from self._parts(np.asarray(~self.patterns.kinds.all(axis=1)))

    def _are_large(self, mixture: Mixture) -> Flags:
        """Tell which patterns have so many rows that they are summed by themselves."""
        return (self.patterns.sizes * mixture.means.size >= _LARGE) & ~self.patterns.kinds.all(axis=1)

    def _parts(self, chosen: Flags) -> Iterator[tuple[list[int], ArraySource]]:
        """Yield the observed features of the chosen patterns, and their rows."""
        for p in np.flatnonzero(chosen).tolist():
            yield self._part(p)

    @cached_property
    def _known_parts(self) -> dict[int, tuple[list[int], ArraySource]]:
        """The parts that were asked for before."""
        return {}

    def _part(self, p: int) -> tuple[list[int], ArraySource]:
        if p not in self._known_parts:
            given, members = np.flatnonzero(~self.patterns.kinds[p]), self.patterns.members(p)
            weights = None if self.weights is None else self.weights[members]
            part = ArraySource(self.rows[np.ix_(members, given)], weights, self.engine, self.n_threads)
            self._known_parts[p] = given.tolist(), part
        return self._known_parts[p]

    def _add(
        self,
        mixture: Mixture,
        moments: Moments,
        origin: Floats,
        of_large: Iterator[tuple[list[int], Statistics]],
        large: Flags,
    ) -> Statistics:
        """Return the sum of the statistics of large patterns and those of the rows of all other patterns."""
        with one_thread(self.n_rows * mixture.means.size):
            others = incomplete.expect(
                mixture,
                self.observed,
                self.sample_weight,
                moments,
                patterns=self.patterns.select(~large),
                origin=origin,
            )
            parts = (_complete(sums, given, mixture, moments) for given, sums in of_large)
            return reduce(add, parts, others)


def _complete(sums: Statistics, given: list[int], mixture: Mixture, moments: Moments) -> Statistics:
    r"""Return the expected statistics of all features, from the full statistics of the given features.

    With the regression :math:`A_k` of all features on the given ones and the conditional covariances :math:`C_k`, the
    first moments are :math:`A_k f_k`, the second moments :math:`A_k S_k A_k^\top + m_k C_k`.
    """
    n_components, n_features = mixture.means.shape
    rest = [feature for feature in range(n_features) if feature not in given]
    if not rest:
        return replace(sums, origin=mixture.means, second=moments.extract(sums.second), moments=moments)
    linear = np.zeros((n_components, n_features, len(given)))
    linear[:, given] = np.eye(len(given))
    coefficients, residual = mixture.covariances.conditional(given, rest, n_components)
    linear[:, rest] = coefficients
    noise = np.zeros((n_components, n_features, n_features))
    noise[np.ix_(range(n_components), rest, rest)] = residual.dense(n_components, len(rest))
    first = np.einsum("kdg,kg->kd", linear, sums.first)
    second = linear @ sums.second @ np.swapaxes(linear, 1, 2) + sums.mass[:, None, None] * noise
    return replace(sums, origin=mixture.means, first=first, second=moments.extract(second), moments=moments)
