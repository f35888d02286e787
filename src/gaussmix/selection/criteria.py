"""Criteria for choosing a model: functions of the statistics of a fit; lower is better for all."""

from collections.abc import Callable

import numpy as np

from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics

__all__ = ["CRITERIA", "aic", "aicc", "bic", "caic", "entropy_r2", "icl", "sabic"]


def aic(statistics: Statistics, n_parameters: int) -> float:
    """Return Akaike's information criterion, ``-2 log L + 2 p``; lower is better. Akaike (1974)."""
    return -2.0 * statistics.log_likelihood + 2.0 * n_parameters


def aicc(statistics: Statistics, n_parameters: int) -> float:
    """Return the AIC corrected for small samples, ``AIC + 2 p (p + 1) / (n - p - 1)``; lower is better.

    It is infinite unless there are more than ``p + 1`` rows. Hurvich & Tsai (1989).
    """
    left = statistics.weight - n_parameters - 1.0
    return aic(statistics, n_parameters) + 2.0 * n_parameters * (n_parameters + 1.0) / left if left > 0 else np.inf


def bic(statistics: Statistics, n_parameters: int) -> float:
    """Return the Bayesian information criterion, ``-2 log L + p log n``; lower is better. Schwarz (1978)."""
    return -2.0 * statistics.log_likelihood + n_parameters * float(np.log(statistics.weight))


def caic(statistics: Statistics, n_parameters: int) -> float:
    """Return the consistent AIC, ``-2 log L + p (log n + 1)``; lower is better. Bozdogan (1987)."""
    return bic(statistics, n_parameters) + n_parameters


def icl(statistics: Statistics, n_parameters: int) -> float:
    """Return the integrated completed likelihood; lower is better.

    It is the BIC with the log-likelihood of the rows and their most probable labels in place of that of the rows alone.
    Overlapping components are penalized, so that ICL counts clusters where BIC counts the components of a density.
    Biernacki, Celeux & Govaert (2000).
    """
    return -2.0 * statistics.classification_log_likelihood + n_parameters * float(np.log(statistics.weight))


def sabic(statistics: Statistics, n_parameters: int) -> float:
    """Return the BIC adjusted for sample size, ``-2 log L + p log((n + 2) / 24)``; lower is better. Sclove (1987)."""
    return -2.0 * statistics.log_likelihood + n_parameters * float(np.log((statistics.weight + 2.0) / 24.0))


CRITERIA: dict[str, Callable[[Statistics, int], float]] = {
    "bic": bic,
    "aic": aic,
    "aicc": aicc,
    "icl": icl,
    "sabic": sabic,
    "caic": caic,
}
"""The criteria by name: functions of the statistics of a fit and its number of free parameters."""


def entropy_r2(mixture: Mixture, statistics: Statistics) -> float:
    r"""Return the certainty of the responsibilities: 1 if each row belongs to one component, 0 if all are equal.

    .. math:: 1 - \frac{-\sum_i w_i \sum_k r_{ik} \log r_{ik}}{n \log K}

    The entropy is the log-likelihood minus the expected log-likelihood of rows with labels; both follow from the
    statistics. With one component the certainty is 1. Ramaswamy, DeSarbo, Reibstein & Robinson (1993), Marketing
    Science 12.

    Parameters
    ----------
    mixture : Mixture
        A distribution.
    statistics : Statistics
        Sums over rows under it, about its means, with the second moments that its form of covariances is made of.
    """
    if mixture.n_components == 1:
        return 1.0
    some = statistics.mass > 0
    quadratic = float((mixture.covariances.precisions * statistics.second).sum())
    completed = float(statistics.mass[some] @ mixture.log_norms[some]) - 0.5 * quadratic
    entropy = statistics.log_likelihood - completed
    return 1.0 - entropy / (statistics.weight * float(np.log(mixture.n_components)))
