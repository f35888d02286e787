"""Find degenerate components: those without spread of their own in some direction.

The likelihood of a degenerate component grows without bound as the ridge shrinks, and says nothing about the data.
"""

from dataclasses import dataclass

import numpy as np

from gaussmix._types import Floats
from gaussmix.em.m_step import MStep
from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics

__all__ = ["ThinDirection", "collapsed_components", "degenerate_components", "find_thin_direction"]

# Where the ridge is zero, a ridge of this share of each feature's variance is assumed: the size of rounding errors.
_ROUNDING = 1e-12

# A component without volume counts with this share of the volume that its structure gives it.
_SMALLEST_VOLUME = 1e-100

# A component is degenerate if its smallest variance is below this many ridges. The ridge itself contributes one.
_OWN_SPREAD = 2.0

# The share of a variance of all rows from which on the effect of the ridge is worth a warning.
_NOTICED = 0.1

# A column takes part in a direction if its coefficient is at least this share of the largest, in standard deviations.
_INVOLVED = 0.1


def degenerate_components(mixture: Mixture, statistics: Statistics, m_step: MStep) -> tuple[int, ...]:
    """Return the degenerate components, whose likelihood says nothing about the data.

    A component is degenerate if it has no spread of its own in some direction. All components of a structure
    with correlations are degenerate if there are not more rows than features, and no prior.

    Parameters
    ----------
    mixture : Mixture
        A fit.
    statistics : Statistics
        Sums over the rows under the fit.
    m_step : MStep
        The model.
    """
    n_components, n_features = mixture.means.shape
    if m_step.exceeds(statistics.weight, n_features):
        return tuple(range(n_components))
    return collapsed_components(mixture, m_step.ridge, _own_volumes(mixture, statistics, m_step))


def _own_volumes(mixture: Mixture, statistics: Statistics, m_step: MStep) -> Floats:
    """Return the volume of each component's scatter as a share of the volume of its covariance, ``(K,)``, at most 1.

    If volumes are equal and shapes are not, the covariance of a component that is flat in one direction is too large in
    all other directions.
    """
    if not m_step.structure.equal_volume or m_step.structure.equal_shape:
        return np.ones(mixture.n_components)
    central = statistics.central()
    own = central.with_ridge(m_step.ridge).second / central.floored_mass.reshape(-1, *[1] * (central.second.ndim - 1))
    traces = (mixture.covariances.precisions * own).reshape(mixture.n_components, -1).sum(axis=1)
    return np.asarray(np.clip(traces / mixture.n_features, _SMALLEST_VOLUME, 1.0))


def collapsed_components(mixture: Mixture, ridge: Floats, own: Floats | None = None) -> tuple[int, ...]:
    """Return the components whose spread in some direction comes from the ridge alone.

    Such a component describes a few rows, or many rows that share a rounded value. Directions in which all rows
    together have no spread, such as a constant column, are left out.

    Parameters
    ----------
    mixture : Mixture
        A fit with the given ridge.
    ridge : (D,) ndarray
        Variances that were added to the diagonals of the covariances. Zeros are replaced by the rounding error of the
        features.
    own : (K,) ndarray, optional
        Share of each component's covariance that comes from its own rows; by default 1.
    """
    variances = mixture.variances
    ridge = np.where(ridge > 0, ridge, _ROUNDING * variances)
    if not (ridge > 0).all():
        return ()
    own = np.ones(mixture.n_components) if own is None else own
    with np.errstate(over="ignore"):
        narrow = mixture.covariances.relative_trace(ridge) / own
    if (narrow < 1.0 / _OWN_SPREAD).all():
        return ()  # the usual and fast case: one over the trace bounds the smallest spread from below
    least = own * _least_spreads(mixture, ridge)
    return tuple(int(k) for k in np.flatnonzero(least < _OWN_SPREAD))


def _least_spreads(mixture: Mixture, ridge: Floats) -> Floats:
    """Return the smallest variance of each component in units of the ridge, ``(K,)``, where all rows together vary."""
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


@dataclass(frozen=True)
class ThinDirection:
    """A direction in which all rows together vary so little that the ridge changes their variance.

    Attributes
    ----------
    columns : tuple of int
        The columns that take part in the direction, in their order.
    share : float
        The share of the variance that the ridge gives.
    """

    columns: tuple[int, ...]
    share: float


def find_thin_direction(mixture: Mixture, ridge: Floats) -> ThinDirection | None:
    """Return the direction of which the ridge gives the largest share of the variance; None if it is below a tenth.

    In such a direction some columns follow from the others, exactly or nearly. Columns without spread are left out,
    and covariances without correlations have no such direction.

    Parameters
    ----------
    mixture : Mixture
        A fit with the given ridge.
    ridge : (D,) ndarray
        Variances that were added to the diagonals of the covariances.
    """
    varying = np.flatnonzero((mixture.variances > _OWN_SPREAD * ridge) & (ridge > 0))
    if not mixture.covariances.correlated or len(varying) < 2:  # noqa: PLR2004 - no other column to follow from
        return None
    units = np.sqrt(ridge[varying])
    with np.errstate(over="ignore", invalid="ignore"):
        relative = mixture.covariance[np.ix_(varying, varying)] / np.outer(units, units)
    if not np.isfinite(relative).all():
        return None
    spreads, directions = np.linalg.eigh(relative)
    if not spreads[0] < 1.0 / _NOTICED:
        return None
    direction = np.abs(directions[:, 0] / units * np.sqrt(mixture.variances[varying]))
    involved = varying[direction > _INVOLVED * direction.max()]
    return ThinDirection(tuple(involved.tolist()), float(1.0 / max(spreads[0], 1.0)))
