"""Structures of components whose axes are the coordinate axes.

In the formulas ``W_k`` is the diagonal of the scatter of component k, ``n_k`` its mass, D the number of features. They
are those of Celeux & Govaert (1995), Pattern Recognition 28.
"""

from typing import final

import numpy as np

from gaussmix.covariances import Covariances, Diagonal
from gaussmix.moments import DIAGONAL
from gaussmix.statistics import Statistics
from gaussmix.structures.decomposition import equal_shape, geometric_means
from gaussmix.structures.mclust import MclustStructure

__all__ = ["EEI", "EVI", "VEI", "VVI"]


@final
class EEI(MclustStructure):
    """``Σ_k = B``, B diagonal: ``B = Σ W_k / n``."""

    name = "EEI"
    description = "axes aligned, equal volume and shape"
    form = Diagonal
    moments = DIAGONAL
    takes_ratio = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Diagonal:
        variances = statistics.second.sum(axis=0) / statistics.floored_mass.sum()
        return Diagonal.from_covariances(np.tile(variances, (len(statistics.mass), 1)))

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_features


@final
class VEI(MclustStructure):
    """``Σ_k = λ_k A``, A diagonal: ``A = Σ W_k / λ_k / n``, volumes by :func:`~.decomposition.best_volumes`."""

    name = "VEI"
    description = "axes aligned, variable volume, equal shape"
    form = Diagonal
    moments = DIAGONAL
    iterates = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Diagonal:
        return Diagonal.from_covariances(equal_shape(statistics.second, statistics.floored_mass, init))

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components + n_features - 1


@final
class EVI(MclustStructure):
    """``Σ_k = λ A_k``, A_k diagonal: ``A_k = W_k / det(W_k)^(1/D)``, ``λ = Σ det(W_k)^(1/D) / n``."""

    name = "EVI"
    description = "axes aligned, equal volume, variable shape"
    form = Diagonal
    moments = DIAGONAL

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Diagonal:
        sizes = geometric_means(statistics.second)
        volume = sizes.sum() / statistics.floored_mass.sum()
        return Diagonal.from_covariances(volume * statistics.second / sizes[:, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return 1 + n_components * (n_features - 1)


@final
class VVI(MclustStructure):
    """``Σ_k = B_k``, each diagonal: ``B_k = W_k / n_k``."""

    name = "VVI"
    alias = "diag"
    description = "axes aligned, variable volume and shape"
    form = Diagonal
    moments = DIAGONAL
    takes_ratio = True

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Diagonal:
        return Diagonal.from_covariances(statistics.second / statistics.floored_mass[:, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features
