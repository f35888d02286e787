"""The results of a fit as attributes of an estimator, and the warning about a fit that did not converge."""

import warnings

from sklearn.exceptions import ConvergenceWarning

from gaussmix.em import Status
from gaussmix.estimators.base import MixtureEstimator, distinct_names
from gaussmix.fitting import Shrinkage
from gaussmix.fitting.report import FitReport
from gaussmix.initialization.columns import rounding_of
from gaussmix.sources import Source

__all__ = ["ReportingEstimator"]


class ReportingEstimator(MixtureEstimator):
    """The base of estimators that store the report of a fit."""

    tol: float
    max_iter: int

    shrinkage_: Shrinkage | None
    status_: Status
    message_: str
    n_passes_: float
    history_: tuple[float, ...]
    skipped_: tuple[float, ...]
    log_likelihood_: float
    log_posterior_: float
    objective_: float
    optima_: tuple[float, ...]
    n_optima_: int

    def _store_report(self, report: FitReport, source: Source) -> None:
        """Store the results of the fit, and warn unless the fit converged."""
        self.history_, self.skipped_ = report.fit.history, report.fit.skipped
        self.log_likelihood_ = report.fit.state.log_likelihood
        self.log_posterior_ = report.fit.state.log_posterior
        self.optima_, self.n_optima_ = report.optima, report.n_optima
        self.n_passes_ = report.n_passes
        self.objective_ = report.score
        self.status_, self.message_ = report.status, report.message(self.tol, self._describe_bounds(report, source))
        if self.status_ is not Status.CONVERGED and self.max_iter > 0:
            warnings.warn(self.message_, ConvergenceWarning, stacklevel=3)

    def _describe_bounds(self, report: FitReport, source: Source) -> list[str]:
        """Return sentences about rounded columns and about the prior, if they influenced the fit."""
        notes, floor = [], report.m_step.rounding
        if report.narrowed and floor is not None:
            names = distinct_names(getattr(self, "feature_names_in_", None))
            notes.append(rounding_of(source).describe(report.fit.state.mixture, report.narrowed, floor, names))
        if self.shrinkage_ is not None:
            notes.append(self.shrinkage_.describe(source.weight))
        return notes
