"""Structures of elliptical components with the same axes in all components.

In the formulas ``W_k`` is the scatter of component k, ``n_k`` its mass, ``n = Σ n_k``, D the number of features. They
are those of Celeux & Govaert (1995), Pattern Recognition 28.
"""

from typing import final

import numpy as np

from gaussmix._types import Floats
from gaussmix.covariances import Covariances, Full, Tied
from gaussmix.moments import FULL, POOLED
from gaussmix.statistics import Statistics
from gaussmix.structures.common_axes import EQUAL_VOLUMES, OWN_VOLUMES, common_axes
from gaussmix.structures.decomposition import along, best_volumes, geometric_means, volumes_of
from gaussmix.structures.mclust import MclustStructure

__all__ = ["EEE", "EVE", "VEE", "VVE"]


@final
class EEE(MclustStructure):
    """``Σ_k = C``: ``C = Σ W_k / n``."""

    name = "EEE"
    alias = "tied"
    description = "ellipses, equal volume, shape and axes"
    form = Tied
    moments = POOLED
    takes_ratio = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Tied:
        return Tied.from_covariances(statistics.second / statistics.floored_mass.sum())

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2


@final
class VEE(MclustStructure):
    """``Σ_k = λ_k C``: ``C = Σ W_k / λ_k / n``, volumes by :func:`~.decomposition.best_volumes`."""

    name = "VEE"
    description = "ellipses, variable volume, equal shape and axes"
    form = Full
    moments = FULL
    iterates = True
    takes_prior = False

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        scatters, mass = statistics.second, statistics.floored_mass
        n_components, n_features = statistics.origin.shape

        def combined(factors: Floats) -> tuple[float, Floats, Floats]:
            parts = factors[:, None, None] * scatters
            total = Tied.from_covariances(parts.sum(axis=0))
            shares = total.whitening @ parts @ total.whitening.T
            flat = shares.reshape(n_components, -1)
            log_det = total.log_det(1, n_features)[0]
            return float(log_det), np.trace(shares, axis1=1, axis2=2), flat @ flat.T

        volumes = best_volumes(combined, mass, n_features, volumes_of(init, n_components, n_features))
        shared = (scatters / volumes[:, None, None]).sum(axis=0) / mass.sum()
        return Full.from_covariances(volumes[:, None, None] * shared)

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components - 1 + n_features * (n_features + 1) // 2


@final
class EVE(MclustStructure):
    """``Σ_k = λ Q A_k Qᵀ``: Q as in :mod:`~.common_axes`, then as EVI along its columns."""

    name = "EVE"
    description = "ellipses, equal volume and axes, variable shape"
    form = Full
    moments = FULL
    iterates = True
    takes_prior = False

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        axes, spectra = common_axes(statistics.second, statistics.floored_mass, EQUAL_VOLUMES, init)
        sizes = geometric_means(spectra)
        volume = sizes.sum() / statistics.floored_mass.sum()
        return along(axes, volume * spectra / sizes[:, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return 1 + n_components * (n_features - 1) + n_features * (n_features - 1) // 2


@final
class VVE(MclustStructure):
    """``Σ_k = Q B_k Qᵀ``, B_k diagonal: Q as in :mod:`~.common_axes`, then as VVI along its columns."""

    name = "VVE"
    description = "ellipses, variable volume and shape, equal axes"
    form = Full
    moments = FULL
    iterates = True
    takes_prior = False

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        axes, spectra = common_axes(statistics.second, statistics.floored_mass, OWN_VOLUMES, init)
        return along(axes, spectra / statistics.floored_mass[:, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features + n_features * (n_features - 1) // 2
