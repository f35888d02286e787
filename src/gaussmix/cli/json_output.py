"""Results as JSON: plain dictionaries, lists and numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaussmix._types import Floats
from gaussmix.cli.tables import Table
from gaussmix.em import Status
from gaussmix.estimators.search import GaussianMixtureSearch
from gaussmix.mixture import Mixture
from gaussmix.selection import Candidate, SearchResults

__all__ = [
    "FitReport",
    "Record",
    "correlations",
    "feature_names",
    "fit_record",
    "mixture_record",
    "parameters_record",
    "standard_deviations",
]

Record = dict[str, Any]


@dataclass(frozen=True, eq=False)
class FitReport:
    """The results of `gaussmix fit`.

    Attributes
    ----------
    table : Table
        The rows that were fitted.
    search : GaussianMixtureSearch
        The search, fitted to these rows.
    warnings : tuple of str
        Warnings for the user, a sentence each.
    model : Path or None
        The file that the mixture was written to.
    """

    table: Table
    search: GaussianMixtureSearch
    warnings: tuple[str, ...]
    model: Path | None = None

    @property
    def results(self) -> SearchResults:
        """The models, by number of components and then by structure."""
        return self.search.results_

    @property
    def mixture(self) -> Mixture:
        """The chosen mixture, with the names of the columns."""
        return self.search.mixture_

    @property
    def weight(self) -> float:
        """Total weight of the rows, as the fit used it."""
        return self.results.best.statistics.weight


def fit_record(report: FitReport) -> Record:
    """Return the output of `gaussmix fit`."""
    results = report.results
    table = [_model_record(*pair) for pair in zip(results, results.candidates, strict=True)]
    return {
        "rows": report.table.n_rows,
        "weight": report.weight,
        "features": list(report.table.names),
        "criterion": results.criterion,
        "equal_weights": results.best.m_step.equal_weights,
        "prior": report.search.prior,
        "eigenvalue_ratio": report.search.eigenvalue_ratio,
        "interrupted": results.interrupted,
        "best": table[results.candidates.index(results.best)],
        "table": table,
        "parameters": parameters_record(report.mixture),
        "model": None if report.model is None else str(report.model),
        "notes": list(report.table.notes),
        "warnings": list(report.warnings),
    }


def _model_record(row: Record, candidate: Candidate) -> Record:
    """Return a row of the table of results, with what only machines ask for."""
    fit = candidate.fit
    return {
        **row,
        "reason": row["reason"] or None,
        "converged": fit.status is Status.CONVERGED if fit else None,
        "collapsed": list(candidate.collapsed) if fit else None,
        "spurious": list(candidate.spurious) if fit else None,
    }


def mixture_record(mixture: Mixture) -> Record:
    """Return the output of `gaussmix show`."""
    return {
        "n_components": mixture.n_components,
        "features": list(feature_names(mixture)),
        "parameters": parameters_record(mixture),
    }


def parameters_record(mixture: Mixture) -> Record:
    """Return the parameters of a mixture: lists of shapes ``(K,)``, ``(K, D)`` and ``(K, D, D)``."""
    return {
        "weights": mixture.weights.tolist(),
        "means": mixture.means.tolist(),
        "standard_deviations": standard_deviations(mixture).tolist(),
        "correlations": correlations(mixture).tolist(),
        "covariances": _dense(mixture).tolist(),
    }


def feature_names(mixture: Mixture) -> tuple[str, ...]:
    """Return the names of the features, or ``x0``, ``x1``, ... where they have none."""
    return mixture.feature_names or tuple(f"x{i}" for i in range(mixture.n_features))


def standard_deviations(mixture: Mixture) -> Floats:
    """Return the standard deviation of each feature in each component, ``(K, D)``."""
    return np.sqrt(np.diagonal(_dense(mixture), axis1=1, axis2=2))


def correlations(mixture: Mixture) -> Floats:
    """Return the correlations within each component, ``(K, D, D)``."""
    sds = standard_deviations(mixture)
    return np.asarray(_dense(mixture) / (sds[:, :, None] * sds[:, None, :]))


def _dense(mixture: Mixture) -> Floats:
    return mixture.covariances.dense(mixture.n_components, mixture.n_features)
