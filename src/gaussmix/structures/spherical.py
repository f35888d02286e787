"""Structures of round components: one variance for all components, or one for each."""

from typing import final

import numpy as np

from gaussmix.covariances import Covariances, Spherical
from gaussmix.moments import SCALAR
from gaussmix.statistics import Statistics
from gaussmix.structures.mclust import MclustStructure

__all__ = ["EII", "VII"]


@final
class EII(MclustStructure):
    """``Σ_k = λ I``: ``λ = tr W / (n D)``, W being the scatter within components (Celeux & Govaert 1995)."""

    name = "EII"
    letter = "E"
    description = "round, equal volume"
    form = Spherical
    moments = SCALAR
    takes_ratio = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Spherical:
        n_components, n_features = statistics.origin.shape
        variance = statistics.second.sum() / (statistics.floored_mass.sum() * n_features)
        return Spherical.from_covariances(np.full(n_components, variance))

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return 1


@final
class VII(MclustStructure):
    """``Σ_k = λ_k I``: ``λ_k = tr W_k / (n_k D)``."""

    name = "VII"
    alias = "spherical"
    letter = "V"
    description = "round, variable volume"
    form = Spherical
    moments = SCALAR
    takes_ratio = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Spherical:
        n_features = statistics.origin.shape[1]
        return Spherical.from_covariances(statistics.second / (statistics.floored_mass * n_features))

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components
