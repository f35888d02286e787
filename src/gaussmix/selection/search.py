"""The settings of a search, and what follows from them for its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from gaussmix import initialization
from gaussmix._cached_property import cached_property
from gaussmix._types import Floats
from gaussmix.em.m_step import MStep
from gaussmix.fitting import Problem
from gaussmix.fitting.schedule import SCHEDULE, Schedule
from gaussmix.fitting.side_by_side import rows_suit_batch
from gaussmix.initialization.columns import rounding_of
from gaussmix.initialization.rounding import Rounding
from gaussmix.priors import NormalInverseWishart
from gaussmix.sources import ArraySource, Source

__all__ = ["Search"]


@dataclass(frozen=True, eq=False)
class Search:
    """The models to search through, and the effort to spend on them.

    Attributes
    ----------
    source : Source
        The rows.
    n_components : tuple of int
        Numbers of components, ascending.
    m_steps : tuple of MStep
        The models, one for each structure, without a prior.
    criterion : str
        The criterion by which EM runs are pruned: a name from :data:`~gaussmix.selection.criteria.CRITERIA`.
    prior : str, NormalInverseWishart or None
        The prior of all models: a name from :data:`gaussmix.priors.NAMES`, which makes a prior for each structure and
        number of components, or one prior for all.
    stop_early : bool
        Whether to prune: to stop EM runs that are heading far behind the best model so far.
    n_init : int
        k-means starts for each number of components.
    n_walks : int
        Sweeps down the numbers of components; the second and later ones are preceded by a sweep up. They improve the
        fits of all models, and can change the chosen model.
    tol : float
        Distance to the limit of the log-likelihood, in nats per row. Finer than the default of
        :class:`~gaussmix.GaussianMixture`, because criteria compare sums over all rows.
    max_iter : int
        Largest number of M-steps of a fit.
    accelerate : bool
        Whether long runs are accelerated; see :func:`gaussmix.em.run`.
    n_workers : int
        Models that are evaluated in parallel.
    schedule : Schedule
        The work of the comparisons of starts side by side.
    """

    source: Source
    n_components: tuple[int, ...]
    m_steps: tuple[MStep, ...]
    criterion: str = "bic"
    prior: str | NormalInverseWishart | None = None
    stop_early: bool = True
    n_init: int = 1
    n_walks: int = 1
    tol: float = 1e-6
    max_iter: int = 1000
    accelerate: bool = True
    n_workers: int = 1
    schedule: Schedule = SCHEDULE

    @property
    def n_evaluations(self) -> int:
        """The number of evaluations in a search that is not interrupted."""
        sweeps = 3 * len(self.n_components) + (2 * self.n_walks - 1) * (len(self.n_components) - 1)
        return len(self.fitted_models) * sweeps

    @cached_property
    def fitted_models(self) -> tuple[MStep, ...]:
        """The models to fit: those that are not degenerate for want of rows, or all models if all are degenerate."""
        if self.prior is not None:
            return self.m_steps
        weight, n_features = self.source.weight, self.source.n_features
        carried = tuple(m_step for m_step in self.m_steps if not m_step.exceeds(weight, n_features))
        return carried or self.m_steps

    @property
    def skipped_models(self) -> list[tuple[MStep, str]]:
        """The models that are not fitted, each with the reason."""
        n_features = self.source.n_features
        reason = (
            f"Rows of a total weight of {self.source.weight:.6g} have no spread in most directions of {n_features} "
            "features: any covariance with axes of its own is degenerate."
        )
        return [(m_step, reason) for m_step in self.m_steps if m_step not in self.fitted_models]

    def problem(self, m_step: MStep, n_components: int) -> Problem:
        """Return the problem that one model of the search solves."""
        return Problem(self.source, n_components, m_step, self.variances)

    def with_prior(self, m_step: MStep, n_components: int) -> MStep:
        """Return a model with the prior for so many components; without a prior, the model itself."""
        if self.prior is None:
            return m_step
        return initialization.add_prior(self.prior, n_components, m_step, self._compute_moments)

    @cached_property
    def rows_for_batches(self) -> ArraySource | None:
        """The rows, if EM steps of several mixtures can be taken in one batch; None for other rows.

        The rows must be in memory, complete, and not far from each other.
        """
        source = self.source
        if not isinstance(source, ArraySource) or source.completed is not source:
            return None
        return source if rows_suit_batch(source, self.variances) else None

    @cached_property
    def rounding(self) -> Rounding:
        """The rounding of the columns."""
        return rounding_of(self.source)

    @cached_property
    def variances(self) -> Floats:
        """The variances of the columns, ``(D,)``; all are positive."""
        return initialization.relative_ridge(self.source, 1.0)

    @cached_property
    def _compute_moments(self) -> Callable[..., tuple[Floats, Floats]]:
        """The function that returns the mean and the covariance, or the variances, of all rows by one pass each."""
        return cache(partial(initialization.moments_of, self.source))
