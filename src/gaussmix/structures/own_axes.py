"""Structures of elliptical components, each of which has its own axes.

In the formulas ``W_k = L_k Ω_k L_kᵀ`` is the scatter of component k with its eigenvalues in order, ``n_k`` its mass,
``n = Σ n_k``, D the number of features. They are those of Celeux & Govaert (1995), Pattern Recognition 28.
"""

from typing import final

from gaussmix.covariances import Covariances, Full
from gaussmix.moments import FULL
from gaussmix.statistics import Statistics
from gaussmix.structures.base import Structure
from gaussmix.structures.decomposition import along, equal_shape, principal_axes, volumes_of
from gaussmix.structures.mclust import MclustStructure

__all__ = ["EEV", "EVV", "VEV", "VVV"]


@final
class EEV(MclustStructure):
    """``Σ_k = L_k B L_kᵀ``, B diagonal: ``B = Σ Ω_k / n``."""

    name = "EEV"
    description = "ellipses, equal volume and shape, variable axes"
    form = Full
    moments = FULL

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        spectra, axes = principal_axes(statistics.second)
        return along(axes, (spectra.sum(axis=0) / statistics.floored_mass.sum())[None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_features + n_components * n_features * (n_features - 1) // 2


@final
class VEV(MclustStructure):
    """``Σ_k = λ_k L_k A L_kᵀ``: λ_k and A as of VEI, for the scatters Ω_k."""

    name = "VEV"
    description = "ellipses, variable volume and axes, equal shape"
    form = Full
    moments = FULL
    iterates = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        spectra, axes = principal_axes(statistics.second)
        return along(axes, equal_shape(spectra, statistics.floored_mass, init))

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components + n_features - 1 + n_components * n_features * (n_features - 1) // 2


@final
class EVV(MclustStructure):
    """``Σ_k = λ C_k``: ``C_k = W_k / det(W_k)^(1/D)``, ``λ = Σ det(W_k)^(1/D) / n``."""

    name = "EVV"
    description = "ellipses, equal volume, variable shape and axes"
    form = Full
    moments = FULL
    takes_prior = False

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        sizes = volumes_of(Full.from_covariances(statistics.second), *statistics.origin.shape)
        volume = sizes.sum() / statistics.floored_mass.sum()
        return Full.from_covariances(volume * statistics.second / sizes[:, None, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return 1 - n_components + n_components * n_features * (n_features + 1) // 2


@final
class VVV(MclustStructure):
    """``Σ_k = C_k``: ``C_k = W_k / n_k``."""

    name = "VVV"
    alias = "full"
    description = "ellipses, variable volume, shape and axes"
    form = Full
    moments = FULL
    takes_ratio = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        return Full.from_covariances(statistics.second / statistics.floored_mass[:, None, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features * (n_features + 1) // 2

    def contains(self, other: Structure) -> bool:
        return True  # this structure does not restrict covariances
