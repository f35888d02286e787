"""The score by which fits of one problem are compared: the log-posterior less what degenerate components gain."""

import numpy as np
from scipy.linalg import solve_triangular

from gaussmix._types import Floats
from gaussmix.em import Fit, Status
from gaussmix.em.degeneracy import degenerate_components
from gaussmix.fitting.problem import Problem
from gaussmix.linalg import cholesky_of_gram
from gaussmix.mixture import Mixture

__all__ = [
    "loss_if_regularized",
    "losses_if_regularized",
    "penalized_log_posterior",
    "rank",
    "spike_penalty",
    "underpopulated",
]

_NOTHING = float(np.finfo(np.float64).tiny)  # smallest ratio of variances whose logarithm is taken
_MANY = 10.0  # rows, in units of the fewest that a component needs, from which a degenerate component is no accident


def penalized_log_posterior(problem: Problem, fit: Fit) -> float:
    """Return the log-posterior per row, less the spike penalty.

    Parameters
    ----------
    problem : Problem
    fit : Fit
        A run, over all rows or a sample.
    """
    return float(fit.state.log_posterior - spike_penalty(problem, fit))


def rank(problem: Problem, fit: Fit) -> tuple[bool, float]:
    """Return the key by which fits are sorted: fits without a collapsed component first, then the score."""
    return fit.status is not Status.COLLAPSED, penalized_log_posterior(problem, fit)


def spike_penalty(problem: Problem, fit: Fit) -> float:
    """Return what components gain by being degenerate, in nats per row.

    A component with too few rows for a covariance of its own, or with few rows and no spread in some direction, gains
    what it would lose if a pseudo-row regularized it. Columns that are rounded give a gain to all narrow components.
    Without this penalty, the best of many starts is the one with the sharpest spike.
    """
    mixture, statistics, m_step = fit.state.mixture, fit.state.statistics, problem.m_step
    gain = m_step.rounding_gain(mixture, statistics.mass)
    if m_step.prior is not None:
        return gain / statistics.weight
    many = _MANY * problem.fewest_rows
    needles = (k for k in degenerate_components(mixture, statistics, m_step) if statistics.mass[k] < many)
    for k in {*underpopulated(problem, fit), *needles} - set(m_step.regularized):
        gain += loss_if_regularized(mixture, k, float(statistics.mass[k]), problem.variances)
    return gain / statistics.weight


def underpopulated(problem: Problem, fit: Fit) -> tuple[int, ...]:
    """Return the components that have fewer rows than a covariance of their own needs, or none."""
    return tuple(np.flatnonzero(fit.state.statistics.mass < problem.fewest_rows).tolist())


def loss_if_regularized(mixture: Mixture, k: int, mass: float, variances: Floats) -> float:
    """Return the log-likelihood that the rows of a component would lose if a pseudo-row regularized it, in nats.

    The loss is the divergence of the Gaussian with one pseudo-row more from the Gaussian without, for all its rows.

    Parameters
    ----------
    mixture : Mixture
    k : int
        The component.
    mass : float
        Its rows.
    variances : (D,) ndarray
        The scale of the columns; the pseudo-row takes its part of it for K components.
    """
    spread = np.sqrt(variances) / mixture.n_components ** (1.0 / mixture.n_features)
    if not mixture.covariances.correlated:
        own = mixture.covariances.variances(*mixture.means.shape)[k]
        ratios = own * (mass + 1.0) / (mass * own + spread**2)
    else:
        factor = mixture.covariances.cholesky(*mixture.means.shape)[k]
        wider = cholesky_of_gram(np.concatenate([np.sqrt(mass) * factor.T, np.diag(spread)])) / np.sqrt(mass + 1.0)
        ratios = np.linalg.svd(solve_triangular(wider, factor, lower=True))[1] ** 2
    ratios = np.maximum(ratios, _NOTHING)
    return 0.5 * mass * float((ratios - 1.0 - np.log(ratios)).sum())


def losses_if_regularized(covariances: Floats, mass: Floats, variances: Floats, n_components: int) -> Floats:
    """Return :func:`loss_if_regularized` for many components at once, ``(C,)``.

    Nearly singular covariances lose the digits that :func:`loss_if_regularized` keeps.

    Parameters
    ----------
    covariances : (C, D, D) ndarray
    mass : (C,) ndarray
        The rows of each component.
    variances : (D,) ndarray
        The scale of the columns.
    n_components : int
        K of the mixtures that the components belong to.
    """
    n_features, rows = len(variances), mass[:, None, None]
    pseudo_row = np.diag(variances / n_components ** (2.0 / n_features))
    ratios = np.linalg.solve((rows * covariances + pseudo_row) / (rows + 1.0), covariances)
    return np.asarray(0.5 * mass * (np.trace(ratios, axis1=1, axis2=2) - n_features - np.linalg.slogdet(ratios)[1]))
