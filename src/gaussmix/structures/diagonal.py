"""Components whose axes are the coordinate axes: the same variances for all, or each its own."""

from typing import final

import numpy as np

from gaussmix.covariances import Diagonal
from gaussmix.statistics import DIAGONAL, Statistics
from gaussmix.structures.base import Structure

__all__ = ["EEI", "VVI"]


@final
class EEI(Structure):
    """``Σ_k = B``, B diagonal: ``B = diag(W) / n`` (Celeux & Govaert 1995)."""

    name = "EEI"
    description = "axes aligned, equal volume and shape"
    form = Diagonal
    moments = DIAGONAL

    def maximize(self, statistics: Statistics) -> Diagonal:
        variances = statistics.second.sum(axis=0) / statistics.floored_mass.sum()
        return Diagonal.from_covariances(np.tile(variances, (len(statistics.mass), 1)))

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_features


@final
class VVI(Structure):
    """``Σ_k = B_k``, each diagonal: ``B_k = diag(W_k) / n_k``."""

    name = "VVI"
    alias = "diag"
    description = "axes aligned, variable volume and shape"
    form = Diagonal
    moments = DIAGONAL

    def maximize(self, statistics: Statistics) -> Diagonal:
        return Diagonal.from_covariances(statistics.second / statistics.floored_mass[:, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features
