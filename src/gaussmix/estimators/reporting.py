"""The results of a fit as attributes of an estimator, and the warning about a fit that did not converge."""

import warnings
from textwrap import fill

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from gaussmix.density.description import component_table
from gaussmix.em import Status
from gaussmix.estimators.base import MixtureEstimator
from gaussmix.fitting import Shrinkage
from gaussmix.fitting.report import FitReport, describe_constant_columns
from gaussmix.initialization.columns import rounding_of
from gaussmix.sources import Source

__all__ = ["ReportingEstimator"]

_WIDTH = 100
"""The width of the text of a summary, in characters."""


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

    _n_rows: float

    def summary(self) -> str:
        """Return the fitted model in words: its form, its fit, a table of its components, and `message_`.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> print(GaussianMixture(2, random_state=0).fit(X).summary())  # doctest: +ELLIPSIS
        full (ellipses, variable volume, shape and axes) with 2 components, 11 parameters, for 272 rows of 2 features
        log-likelihood -4.15538 per row, BIC 2322.19 (lower is better)
        <BLANKLINE>
        component  weight   rows      feature 0    feature 1
                0   0.644  175.2   4.29 ± 0.412    79.97 ± 6
                1   0.356   96.8  2.036 ± 0.263  54.48 ± 5.8
        <BLANKLINE>
        Converged after ...
        """
        mixture = self._get_mixture()
        structure, n_parameters = self._m_step.structure, self._n_parameters()
        plural = "s" * (mixture.n_components != 1)
        name = f"{structure.name_for(mixture.n_features)} ({structure.description})"
        rows = f"{self._n_rows:.10g} rows of {mixture.n_features} features"
        bic = n_parameters * np.log(self._n_rows) - 2.0 * self._n_rows * self.log_likelihood_
        lines = [
            f"{name} with {mixture.n_components} component{plural}, {n_parameters} parameters, for {rows}",
            f"log-likelihood {self.log_likelihood_:.6g} per row, BIC {bic:.2f} (lower is better)",
            "",
            *component_table(mixture, self._n_rows * mixture.weights),
            "",
            fill(self.message_, _WIDTH),
        ]
        return "\n".join(lines)

    def _store_report(self, report: FitReport, source: Source) -> None:
        """Store the results of the fit, and warn unless the fit converged, or where columns are constant."""
        self._keep_report(report, source)
        if self.status_ is not Status.CONVERGED and self.max_iter > 0:
            warnings.warn(self.message_, ConvergenceWarning, stacklevel=3)
        for note in describe_constant_columns(source, self._get_feature_names()):
            warnings.warn(note, UserWarning, stacklevel=3)

    def _keep_report(self, report: FitReport, source: Source) -> None:
        """Store the results of the fit."""
        self._n_rows = source.weight
        self.history_, self.skipped_ = report.fit.history, report.fit.skipped
        self.log_likelihood_ = report.fit.state.log_likelihood
        self.log_posterior_ = report.fit.state.log_posterior
        self.optima_, self.n_optima_ = report.optima, report.n_optima
        self.n_passes_ = report.n_passes
        self.objective_ = report.score
        self.status_, self.message_ = report.status, self._describe_report(report, source)

    def _describe_report(self, report: FitReport, source: Source) -> str:
        """Return the text of `message_`."""
        return report.message(self.tol, self._describe_bounds(report, source), self._get_feature_names())

    def _describe_bounds(self, report: FitReport, source: Source) -> list[str]:
        """Return sentences about rounded columns and about the prior, if they influenced the fit."""
        notes, floor = [], report.m_step.rounding
        if report.narrowed and floor is not None:
            known = rounding_of(source)
            notes.append(known.describe(report.fit.state.mixture, report.narrowed, floor, self._get_feature_names()))
        if self.shrinkage_ is not None:
            notes.append(self.shrinkage_.describe(source.weight))
        return notes
