"""Recovery from degenerate components: a prior worth one row regularizes them, and the fit goes on."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gaussmix._types import Floats
from gaussmix.em import Fit, Status
from gaussmix.em.degeneracy import collapsed_components, degenerate_components
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.mixture import Mixture
from gaussmix.priors import ComponentPrior, scaled
from gaussmix.statistics import Statistics

__all__ = ["degenerate_components", "recover", "regularize"]

_FLOOR = 1e-9  # smallest ridge, as a share of a column's variance, that shows which components are degenerate


def regularize(m_step: MStep, components: tuple[int, ...], n_components: int, variances: Floats) -> MStep:
    """Return the model with a prior worth one row on some components, beside those that have such a prior already.

    Parameters
    ----------
    m_step : MStep
    components : tuple of int
    n_components : int
        K.
    variances : (D,) ndarray
        The scale of the columns; the prior takes its part of it for K components.
    """
    before = m_step.component_prior.components if m_step.component_prior else ()
    prior = scaled("weak", np.zeros(len(variances)), variances, n_components, m_step.structure)
    return replace(m_step, component_prior=ComponentPrior(tuple(sorted({*before, *components})), prior))


def recover(
    fit: Fit,
    m_step: MStep,
    variances: Floats,
    go_on: Callable[[Mixture, MStep], Fit],
    *,
    of_many_rows: bool = False,
) -> tuple[Fit, MStep]:
    """Return the fit after it has gone on until no component is degenerate for want of rows, and its model.

    A component with fewer rows than a covariance of its own needs has no spread in some direction: without a ridge it
    has no density, with a ridge it is a spike whose height is the ridge's alone. Such a component is given one
    pseudo-row, spread as widely as a part of the rows would be. Degenerate components of many rows, which really lie in
    a plane, are left to the ridge if there is one.

    Parameters
    ----------
    fit : Fit
        A run that has ended.
    m_step : MStep
        Its model.
    variances : (D,) ndarray
        The scale of the columns, all positive.
    go_on : callable
        From a mixture and a model to a fit.
    of_many_rows : bool
        Whether degenerate components of many rows are regularized too, so that the fit can be compared with others.

    Returns
    -------
    fit : Fit
    m_step : MStep
        The model, with what regularizes the components.
    """
    n_components = fit.state.mixture.n_components
    for _ in range(n_components):
        components = find_degenerate(fit, m_step, variances, of_many_rows=of_many_rows)
        already = m_step.component_prior.components if m_step.component_prior else ()
        if fit.status is Status.INTERRUPTED or not set(components) - set(already):
            break
        m_step = regularize(m_step, components, n_components, variances)
        fit = go_on(_regularized_mixture(fit, m_step), m_step)
    return fit, m_step


def _regularized_mixture(fit: Fit, m_step: MStep) -> Mixture:
    """Return the mixture to go on from: one M-step further, away from covariances that have all but vanished."""
    try:
        return m_step.maximize(fit.state.statistics, m_step.pooled_guess(fit.state.statistics))
    except IllDefinedCovarianceError:
        return fit.state.mixture


def find_degenerate(fit: Fit, m_step: MStep, variances: Floats, *, of_many_rows: bool = False) -> tuple[int, ...]:
    """Return the components to regularize: all those of few rows, if one of them is degenerate.

    The others of few rows would be degenerate next. With `of_many_rows`, degenerate components of many rows are among
    the answer.
    """
    mixture = fit.state.mixture
    if fit.status is Status.COLLAPSED:
        return _find_collapsed(fit.state.statistics, m_step, variances) or tuple(range(mixture.n_components))
    few = fit.state.statistics.mass < mixture.covariances.fewest_rows(mixture.n_features)
    found = degenerate_components(mixture, fit.state.statistics, m_step)
    of_few_rows = np.flatnonzero(few).tolist() if any(few[k] for k in found) else []
    return tuple(sorted({*of_few_rows, *(found if of_many_rows else ())}))


def _find_collapsed(statistics: Statistics, m_step: MStep, variances: Floats) -> tuple[int, ...]:
    """Return the components for which the next M-step failed."""
    floor = np.maximum(m_step.ridge, _FLOOR * variances)
    try:
        return collapsed_components(replace(m_step, ridge=floor).maximize(statistics), floor)
    except IllDefinedCovarianceError:
        return ()
