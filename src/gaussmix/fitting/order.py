"""The order of the components of a fit: by decreasing weight, so that it does not depend on the seed."""

from dataclasses import replace

import numpy as np

from gaussmix._types import Labels
from gaussmix.em import Fit
from gaussmix.em.m_step import MStep
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource, Source

__all__ = ["is_exchangeable", "order_components", "weight_order"]

_DECIMALS = 6
"""The decimals to which weights are compared: fits from different seeds differ by less, and so do equal clusters."""


def weight_order(mixture: Mixture) -> Labels:
    """Return the components ``(K,)`` by decreasing weight; among equal weights, by increasing mean.

    Weights are equal if they agree to six decimals. The means are compared feature by feature.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> from gaussmix.fitting.order import weight_order
    >>> weight_order(Mixture([0.2, 0.4, 0.4], [[0.0], [5.0], [3.0]], [1.0, 1.0, 1.0]))
    array([2, 1, 0])
    """
    return np.lexsort([*mixture.means.T[::-1], -np.round(mixture.weights, _DECIMALS)])


def is_exchangeable(source: Source, n_components: int) -> bool:
    """Return True if each row may come from each component, so that the order of the components means nothing."""
    return not isinstance(source, ArraySource) or len(source.component_groups(n_components)) == 1


def order_components(fit: Fit, m_step: MStep) -> tuple[Fit, MStep, Labels]:
    """Return a fit and its model with the components by decreasing weight, and the old index of each component.

    The mixture, the statistics and the prior on components that would collapse are in the same order.

    Parameters
    ----------
    fit : Fit
        A run of EM. All rows may belong to all components.
    m_step : MStep
        The model of the fit.
    """
    state, order = fit.state, weight_order(fit.state.mixture)
    mixture = Mixture(
        state.mixture.weights[order],
        state.mixture.means[order],
        state.mixture.covariances.of(order),
        feature_names=state.mixture.feature_names,
    )
    ordered = replace(fit, state=replace(state, mixture=mixture, statistics=state.statistics.select(order)))
    prior = m_step.component_prior
    if prior is not None:
        places = np.argsort(order)
        prior = replace(prior, components=tuple(sorted(places[list(prior.components)].tolist())))
    return ordered, replace(m_step, component_prior=prior), order
