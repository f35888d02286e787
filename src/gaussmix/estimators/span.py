"""Fits in the affine span of the rows, for fewer rows than features: n rows span at most n - 1 dimensions."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from gaussmix._types import Floats
from gaussmix.em import Fit
from gaussmix.em.m_step import MStep
from gaussmix.fitting.problem import Problem
from gaussmix.fitting.report import FitReport
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource, Source

__all__ = ["Span"]

_EPS = float(np.finfo(np.float64).eps)
"""The relative precision of float64, in the limit below which singular values count as rounding errors."""
_LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class Span:
    r"""The affine span of n rows, at most n - 1 of its D dimensions, in units of the ridge.

    In these units the ridge is the identity. Each full or tied covariance is :math:`S + I`, where the scatter S lies in
    the span. Hence EM in the span makes the same steps as EM in all dimensions; each log-density differs by a constant.

    Attributes
    ----------
    centre : (D,) ndarray
        The mean of the rows.
    units : (D,) ndarray
        Square roots of the ridge.
    axes : (R, D) ndarray
        Orthonormal directions in these units.
    """

    centre: Floats
    units: Floats
    axes: Floats

    @classmethod
    def of(cls, source: ArraySource, ridge: Floats) -> Self:
        """Return the span of the rows of a source, for a positive ridge ``(D,)``."""
        units = np.sqrt(ridge)
        centre = source.rows.mean(axis=0, dtype=np.float64)
        centred = (source.rows - centre) / units
        centred -= centred.mean(axis=0)  # a second centring removes the rounding error of the first
        _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
        return cls(centre, units, axes[lengths > _EPS * max(centred.shape) * lengths[0]])

    @classmethod
    def find(cls, source: Source, m_step: MStep) -> Self | None:
        """Return the span of the rows if a fit in it gives the same result faster, else None."""
        if isinstance(source, ArraySource) and cls.applies_to(source, m_step):
            return cls.of(source, m_step.ridge)
        return None

    @staticmethod
    def applies_to(source: ArraySource, m_step: MStep) -> bool:
        """Return True if a fit of this model to these rows in the span gives the same result, and is faster.

        The rows bring weights alone: what a subclass keeps beside its rows has the dimensions of the rows.
        """
        bare = m_step.prior is None and m_step.eigenvalue_ratio is None and m_step.rounding is None
        rotates = m_step.structure.takes_ratio and m_step.structure.form.correlated
        few = type(source) is ArraySource and 1 < source.n_rows <= source.n_features
        return bool(bare and rotates and few and (m_step.ridge > 0).all() and not source.all_equal)

    def reduce(self, problem: Problem) -> Problem:
        """Return the problem in the span: rows ``(n, R)``, with the identity as the ridge."""
        source = problem.source
        if not isinstance(source, ArraySource):  # pragma: no cover - `applies_to` takes only arrays
            raise TypeError("The span of the rows requires rows in an array.")
        rows = replace(source, rows=((source.rows - self.centre) / self.units) @ self.axes.T)
        model = replace(problem.m_step, ridge=np.ones(len(self.axes)))
        return Problem.of(rows, problem.n_components, model)

    def lift_mixture(self, mixture: Mixture) -> Mixture:
        """Return the mixture in all dimensions."""
        scaled = self.axes * self.units
        factors, form = mixture.covariances.factors, type(mixture.covariances)
        covariances = np.empty(form.shape(mixture.n_components, len(self.units)))  # large: filled in place
        inner, outer = (array.reshape(-1, *array.shape[-2:]) for array in (factors, covariances))
        for factor, covariance in zip(inner, outer, strict=True):
            np.matmul(scaled.T, (factor @ factor.T - np.eye(len(factor))) @ scaled, out=covariance)
            np.einsum("dd->d", covariance)[:] += np.square(self.units)
        means = self.centre + mixture.means @ scaled
        return Mixture(mixture.weights, means, form.from_covariances(covariances))

    @property
    def shift(self) -> float:
        """The log-likelihood per row in all dimensions, less that in the span."""
        n_missing = len(self.units) - len(self.axes)
        return -float(np.log(self.units).sum()) - 0.5 * n_missing * _LOG_2PI

    def lift_report(self, report: FitReport, m_step: MStep) -> FitReport:
        """Return the report of a fit in the span, converted to all dimensions, where the model is `m_step`."""
        state, shift = report.fit.state, self.shift
        statistics = replace(
            state.statistics,
            log_likelihood=state.statistics.log_likelihood + shift * state.statistics.weight,
            classification_log_likelihood=state.statistics.classification_log_likelihood
            + shift * state.statistics.weight,
        )
        fit: Fit = replace(
            report.fit,
            state=replace(state, mixture=self.lift_mixture(state.mixture), statistics=statistics),
            history=tuple(value + shift for value in report.fit.history),
        )
        return replace(
            report,
            fit=fit,
            m_step=replace(m_step, component_prior=report.m_step.component_prior),
            optima=tuple(value + shift for value in report.optima),
            score=report.score + shift,
        )
