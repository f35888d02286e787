"""Components without a spread of their own: their likelihood is as large as the ridge is small."""

import numpy as np

from gaussmix._types import Floats
from gaussmix.em.m_step import MStep
from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics

__all__ = ["collapsed", "degenerate"]

_ROUNDING = 1e-12  # smallest ridge that is assumed, as a share of a feature's variance
_NO_VOLUME = 1e-100  # smallest share of a volume: a component without volume has this one
_OWN_SPREAD = 2.0  # smallest variance, in units of the ridge, that is not degenerate: the ridge itself is one unit


def degenerate(mixture: Mixture, statistics: Statistics, m_step: MStep) -> tuple[int, ...]:
    """Return the components whose likelihood says nothing about the data.

    Such a component has no spread of its own in some direction, or all components rest on covariances that have more
    features than there are rows. Its likelihood is as large as the ridge is small.

    Parameters
    ----------
    mixture : Mixture
        A fit.
    statistics : Statistics
        Sums over the rows under it.
    m_step : MStep
        The model.
    """
    n_components, n_features = mixture.means.shape
    if m_step.exceeds(statistics.weight, n_features):
        return tuple(range(n_components))
    return collapsed(mixture, m_step.ridge, _own_volumes(mixture, statistics, m_step))


def _own_volumes(mixture: Mixture, statistics: Statistics, m_step: MStep) -> Floats:
    """Return each component's own volume as a share of the volume that its structure gives it, ``(K,)``, at most 1.

    Where volumes are equal and shapes are not, a component that is flat in one direction is blown up in the others.
    """
    if not m_step.structure.equal_volume or m_step.structure.equal_shape:
        return np.ones(mixture.n_components)
    central = statistics.central()
    own = central.with_ridge(m_step.ridge).second / central.floored_mass.reshape(-1, *[1] * (central.second.ndim - 1))
    traces = (mixture.covariances.precisions * own).reshape(mixture.n_components, -1).sum(axis=1)
    return np.asarray(np.clip(traces / mixture.n_features, _NO_VOLUME, 1.0))


def collapsed(mixture: Mixture, ridge: Floats, own: Floats | None = None) -> tuple[int, ...]:
    """Return the components that have no spread of their own in some direction, only what the ridge gives them.

    The likelihood of such a component is as large as the ridge is small, and says nothing about the data: it sits on a
    few rows, or on many that share a rounded value. Directions in which all rows together have no spread either, such
    as a constant column, do not count.

    Parameters
    ----------
    mixture : Mixture
        A fit with that ridge.
    ridge : (D,) ndarray
        Variances that were added to the covariances' diagonals; where there was none, the rounding of the features' own
        takes its place.
    own : (K,) ndarray, optional
        Share of each component's covariance that is its own; by default all.
    """
    variances = mixture.variances
    ridge = np.where(ridge > 0, ridge, _ROUNDING * variances)
    if not (ridge > 0).all():
        return ()
    own = np.ones(mixture.n_components) if own is None else own
    with np.errstate(over="ignore"):
        narrow = mixture.covariances.relative_trace(ridge) / own
    if (narrow < 1.0 / _OWN_SPREAD).all():
        return ()  # the usual case, and the quick one: the smallest spread is at least one over that sum
    least = own * _least_spreads(mixture, ridge)
    return tuple(int(k) for k in np.flatnonzero(least < _OWN_SPREAD))


def _least_spreads(mixture: Mixture, ridge: Floats) -> Floats:
    """Return each component's least variance in units of the ridge, ``(K,)``, in directions in which the rows vary."""
    if not mixture.covariances.correlated:
        vary = mixture.variances > _OWN_SPREAD * ridge
        relative = mixture.covariances.variances(*mixture.means.shape) / ridge
        return np.asarray(relative[:, vary].min(axis=1, initial=np.inf))
    units = np.sqrt(ridge)
    dense = mixture.covariances.dense(mixture.n_components, mixture.n_features)
    spread, directions = np.linalg.eigh(mixture.covariance / np.outer(units, units))
    axes = directions[:, spread > _OWN_SPREAD]
    if not axes.size:
        return np.full(mixture.n_components, np.inf)
    return np.asarray(np.linalg.eigvalsh(axes.T @ (dense / np.outer(units, units)) @ axes)[:, 0])
