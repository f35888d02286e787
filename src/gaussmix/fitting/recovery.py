"""Components that collapse, held open so that the fit goes on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular

from gaussmix._types import Floats
from gaussmix.em import Fit, Status
from gaussmix.em.degeneracy import collapsed, degenerate
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.linalg import cholesky_of_gram
from gaussmix.mixture import Mixture
from gaussmix.priors import ComponentPrior, scaled
from gaussmix.statistics import Statistics

__all__ = ["flat", "held", "loss_if_held", "mended"]

_NOTHING = float(np.finfo(np.float64).tiny)
_FLOOR = 1e-9  # of a variance: what shows which components are flat where there is no ridge


def held(m_step: MStep, components: tuple[int, ...], n_components: int, variances: Floats) -> MStep:
    """The model with some components, beside those that are already, held open by a prior worth one row.

    Parameters
    ----------
    m_step : MStep
    components : tuple of int
    n_components : int
        K.
    variances : (D,) ndarray
        How widely the rows are spread; the prior takes its part of it for K components.
    """
    before = m_step.hold.components if m_step.hold else ()
    prior = scaled("weak", np.zeros(len(variances)), variances, n_components, m_step.structure)
    return replace(m_step, hold=ComponentPrior(tuple(sorted({*before, *components})), prior))


def mended(
    fit: Fit,
    m_step: MStep,
    variances: Floats,
    go_on: Callable[[Mixture, MStep], Fit],
    *,
    of_many_rows: bool = False,
) -> tuple[Fit, MStep]:
    """The fit, gone on with until no component is flat for want of rows.

    A component with fewer rows than a covariance of its own needs is flat in some direction: without a ridge it has no
    density, with one it is a spike as high as the ridge is low. It is given one pseudo-row, spread as widely as a part
    of the rows would be. Flat components of many rows, which really lie in a plane, are left to the ridge if there is
    one.

    Parameters
    ----------
    fit : Fit
        How the run ended.
    m_step : MStep
        The model.
    variances : (D,) ndarray
        How widely the rows are spread, all positive.
    go_on : callable
        From a mixture and a model to a fit.
    of_many_rows : bool
        Whether to hold flat components of many rows open too, so that the fit can be compared with others.

    Returns
    -------
    fit : Fit
    m_step : MStep
        The model, with what holds components open.
    """
    n_components = fit.state.mixture.n_components
    for _ in range(n_components):
        components = flat(fit, m_step, variances, of_many_rows=of_many_rows)
        already = m_step.hold.components if m_step.hold else ()
        if fit.status is Status.INTERRUPTED or not set(components) - set(already):
            break
        m_step = held(m_step, components, n_components, variances)
        fit = go_on(_opened(fit, m_step), m_step)
    return fit, m_step


def _opened(fit: Fit, m_step: MStep) -> Mixture:
    """The mixture to go on from: one M-step on, far from covariances that have all but vanished."""
    try:
        return m_step.maximize(fit.state.statistics, m_step.all_alike(fit.state.statistics))
    except IllDefinedCovarianceError:
        return fit.state.mixture


def flat(fit: Fit, m_step: MStep, variances: Floats, *, of_many_rows: bool = False) -> tuple[int, ...]:
    """Return all components of few rows, where one of them has no spread of its own in some direction.

    The others would be flat next. With `of_many_rows`, flat components of many rows are among them.
    """
    mixture = fit.state.mixture
    if fit.status is Status.COLLAPSED:
        return _at_fault(fit.state.statistics, m_step, variances) or tuple(range(mixture.n_components))
    few = fit.state.statistics.mass < mixture.covariances.fewest_rows(mixture.n_features)
    found = degenerate(mixture, fit.state.statistics, m_step)
    of_few_rows = np.flatnonzero(few).tolist() if any(few[k] for k in found) else []
    return tuple(sorted({*of_few_rows, *(found if of_many_rows else ())}))


def _at_fault(statistics: Statistics, m_step: MStep, variances: Floats) -> tuple[int, ...]:
    """The components that kept the next M-step from being done."""
    floor = np.maximum(m_step.ridge, _FLOOR * variances)
    try:
        return collapsed(replace(m_step, ridge=floor).maximize(statistics), floor)
    except IllDefinedCovarianceError:
        return ()


def loss_if_held(mixture: Mixture, k: int, mass: float, variances: Floats) -> float:
    """Return what the rows of a component would lose in log-likelihood if a pseudo-row held it open, in nats.

    It is the divergence of the Gaussian with one pseudo-row more from the one without, for all its rows.

    Parameters
    ----------
    mixture : Mixture
    k : int
        The component.
    mass : float
        Its rows.
    variances : (D,) ndarray
        How widely the rows are spread; the pseudo-row takes its part of it for K components.
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
