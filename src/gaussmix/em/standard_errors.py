"""Changes of statistics in units of their standard errors."""

import numpy as np

from gaussmix._types import Floats
from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics

__all__ = ["standardize"]


def standardize(change: Statistics, mixture: Mixture, statistics: Statistics, *, products: bool) -> Floats:
    """Return a change of masses, first and second moments in units of standard errors of one row, ``(P,)``.

    Parameters
    ----------
    change : Statistics
        A difference of statistics.
    mixture : Mixture
        The mixture whose covariances whiten the moments.
    statistics : Statistics
        The statistics that give the masses and the variances.
    products : bool
        Whether products of two different features are included, where the statistics have them. The squared length of
        the result is then the complete-data information along the change. Without products, only the variances count
        among the second moments, and the result has fewer entries.
    """
    mass, moments, n_features = statistics.floored_mass, statistics.moments, mixture.n_features
    whiten, root = mixture.covariances.whiten, np.sqrt(mass)
    first = whiten((change.first / root[:, None])[:, None])
    n_summed = moments.spread(moments.diagonal(mass, np.ones(n_features)))
    if products and moments.correlated:
        half = np.swapaxes(whiten(change.second.reshape(-1, n_features, n_features)), 1, 2)
        second = whiten(half) / np.sqrt(2.0 * n_summed.reshape(-1, n_features, 1))
    else:
        spread = moments.spread(statistics.second)
        share = np.divide(moments.spread(change.second), spread, out=np.zeros_like(spread), where=spread > 0)
        second = share * np.sqrt(n_summed / 2.0)
    return np.concatenate([change.mass / root, first.ravel(), second.ravel()])
