"""Rows with known classes, for mixtures whose components belong to classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.density.subset import subset
from gaussmix.mixture import Mixture
from gaussmix.moments import Moments
from gaussmix.sources.array import ArraySource
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.statistics import Statistics

__all__ = ["LabelledSource"]


@dataclass(frozen=True, eq=False)
class LabelledSource(ArraySource):
    r"""Rows with known classes: each row comes from a component of its own class.

    The likelihood is the joint likelihood of rows and classes, a product of

    .. math:: p(x, c) = \sum_{k \in c} \pi_k \, \mathcal{N}(x; \mu_k, \Sigma_k)

    A pass sums each class under its own components only. The M-step takes the
    sums of all classes, so that structures can share covariances between classes.

    Parameters
    ----------
    labels : (n,) ndarray of int
        The class of each row, from 0 to C - 1.
    sizes : tuple of int
        The number of components of each class, at least 1. Components are ordered by class.
    missing : (n, D) ndarray of bool, optional
        True for each missing value; `rows` hold guesses in their places.

    References
    ----------
    Hastie & Tibshirani (1996), Journal of the Royal Statistical Society B 58: mixture discriminant analysis. With one
    component for each class: Bensmail & Celeux (1996), Journal of the American Statistical Association 91.
    """

    labels: Labels = field(kw_only=True)
    sizes: tuple[int, ...] = field(kw_only=True)
    missing: Flags | None = field(default=None, kw_only=True)

    @cached_property
    def classes(self) -> tuple[ArraySource, ...]:
        """The rows of each class."""
        given = self.rows, self.weights, self.engine, self.n_threads
        whole = ArraySource(*given) if self.missing is None else IncompleteSource(*given, missing=self.missing)
        return tuple(whole.subset(np.flatnonzero(self.labels == label)) for label in range(len(self.sizes)))

    @property
    def observed(self) -> Rows:
        """The rows, with NaN in place of missing values."""
        if self.missing is None:
            return self.rows
        return np.where(self.missing, self.rows.dtype.type(np.nan), self.rows)

    @property
    def unlabelled(self) -> ArraySource:
        """The rows without their classes, with guesses in place of missing values."""
        return ArraySource(self.rows, self.weights, self.engine, self.n_threads)

    def reduce(self, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics of all rows under `mixture`, with the responsibilities of each row within its class."""
        parts = zip(self.classes, self._components(), strict=True)
        return Statistics.joined([_reduce_class(rows, mixture, components, moments) for rows, components in parts])

    def reduce_about(self, origin: Floats, mixture: Mixture, moments: Moments) -> Statistics:
        """Return the statistics that :meth:`reduce` does, about given points and without log-likelihoods."""
        parts = zip(self.classes, self._components(), strict=True)
        return Statistics.joined([rows.reduce_about(origin[of], subset(mixture, of), moments) for rows, of in parts])

    def subset(self, rows: Labels) -> Self:
        missing = None if self.missing is None else self.missing[rows]
        return replace(super().subset(rows), labels=self.labels[rows], missing=missing)

    def component_groups(self, n_components: int) -> Sequence[tuple[ArraySource, slice]]:
        return list(zip(self.classes, self._components(), strict=True))

    def _components(self) -> Iterator[slice]:
        ends = np.cumsum(self.sizes).tolist()
        return (slice(end - size, end) for end, size in zip(ends, self.sizes, strict=True))


def _reduce_class(rows: ArraySource, mixture: Mixture, components: slice, moments: Moments) -> Statistics:
    """Return the statistics of the rows of one class under its components; likelihoods are joint with the class."""
    share = float(mixture.weights[components].sum())
    statistics = rows.reduce(subset(mixture, components), moments)
    class_log_likelihood = statistics.weight * float(np.log(share))
    return replace(
        statistics,
        log_likelihood=statistics.log_likelihood + class_log_likelihood,
        classification_log_likelihood=statistics.classification_log_likelihood + class_log_likelihood,
    )
