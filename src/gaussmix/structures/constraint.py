r"""Bounds on covariances: on how much their eigenvalues may differ, and on how narrow they may be.

With :math:`d_{kj}` the eigenvalues of the most likely covariances and :math:`n_k` their masses, the most likely ones
whose eigenvalues differ by a factor of c at most have the same axes, and :math:`d_{kj}` cut off below m and above cm.
That m minimizes

.. math:: \sum_k n_k \sum_j \log [d_{kj}]_m + d_{kj} / [d_{kj}]_m, \qquad [d]_m = \min(\max(d, m), cm)

(García-Escudero, Gordaliza, Matrán & Mayo-Iscar 2008, Annals of Statistics 36; Fritz, García-Escudero & Mayo-Iscar
2013, Computational Statistics & Data Analysis 61).
"""

from bisect import bisect_left
from dataclasses import replace

import numpy as np

from gaussmix._types import Floats
from gaussmix.statistics import Statistics

__all__ = ["limits", "within_floor", "within_ratio"]


def within_ratio(statistics: Statistics, ratio: float, *, shared: bool) -> Statistics:
    """Return statistics whose most likely covariances are the most likely of the rows that meet the bound.

    The scatters are changed and not the covariances, since a singular scatter, as of a component on one row, has no
    covariance. Where no component has any spread, nothing is changed.

    Parameters
    ----------
    statistics : Statistics
        Sums about the component means.
    ratio : float
        Largest ratio of two eigenvalues, of all components together; at least 1.
    shared : bool
        True where all components have one covariance, made from the sum of the scatters.
    """
    mass = statistics.floored_mass

    def own(scatters: Floats) -> Floats:
        low, high = limits(scatters / mass[:, None], mass, ratio)
        return np.clip(scatters, low * mass[:, None], high * mass[:, None])

    def pooled(scatters: Floats) -> Floats:
        total = scatters.sum(axis=0, keepdims=True)
        low, high = limits(total / mass.sum(), np.ones(1), ratio)
        return np.repeat(np.clip(total, low * mass.sum(), high * mass.sum()) / len(scatters), len(scatters), axis=0)

    change = pooled if shared else own
    return replace(statistics, second=statistics.moments.with_eigenvalues(statistics.second, change))


def within_floor(statistics: Statistics, floor: Floats, *, shared: bool) -> Statistics:
    """Return statistics with scatters enlarged until no component is narrower than a floor, in any direction.

    The covariances are then the most likely ones above the floor for the structures that any covariances of their form
    meet, such as full, diagonal and round ones. For other structures only the scatters are above the floor; the
    covariances may lie below it by the factor by which volumes or shapes of the components differ.

    Parameters
    ----------
    statistics : Statistics
        Sums about the component means.
    floor : (D,) ndarray
        Variances, all positive.
    shared : bool
        True where all components have one covariance, made from the sum of the scatters.
    """
    mass, second, moments = statistics.floored_mass, statistics.second, statistics.moments
    if not shared or moments.pooled:
        return replace(statistics, second=moments.floored(second, mass, floor))
    total = second.sum(axis=0, keepdims=True)
    lacking = moments.floored(total, mass.sum(keepdims=True), floor) - total
    return replace(statistics, second=second + lacking / len(mass))


def limits(eigenvalues: Floats, mass: Floats, ratio: float) -> tuple[float, float]:
    r"""Return the limits m and cm at which the bound cuts off eigenvalues ``(K, D)`` of the most likely covariances.

    The objective that m minimizes is convex in :math:`\log m`, with the slope

    .. math:: \sum_{kj} n_k \max(1 - d_{kj} / m, 0) + n_k \min(1 - d_{kj} / (cm), 0)

    Between two neighbours among all :math:`d_{kj}` and :math:`d_{kj} / c` the same eigenvalues are cut off, and in the
    interval in which the slope changes its sign, m is a quotient of sums. Eigenvalues that meet the bound already have
    infinite limits.
    """
    values = np.maximum(eigenvalues, 0.0)
    if not values.max() / ratio > values.min():
        return -np.inf, np.inf
    weights = np.broadcast_to(mass[:, None], values.shape)

    def slope(m: float) -> float:
        below, above = np.maximum(1 - values / m, 0), np.minimum(1 - values / (ratio * m), 0)
        return float((weights * (below + above)).sum())

    ends = np.unique(np.concatenate([values, values / ratio], axis=None))
    ends = ends[ends > 0]
    i = bisect_left(ends, 0.0, key=slope)
    below, above = values <= (ends[i - 1] if i else 0.0), values / ratio >= ends[i]
    sums = (weights * values)[below].sum() + (weights * values)[above].sum() / ratio
    low = float(sums / (weights[below].sum() + weights[above].sum()))
    return low, ratio * low
