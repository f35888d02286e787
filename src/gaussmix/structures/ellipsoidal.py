"""Ellipses in any direction: one for all components, or each its own."""

from typing import final

from gaussmix.covariances import Full, Tied
from gaussmix.statistics import FULL, POOLED, Statistics
from gaussmix.structures.base import Structure

__all__ = ["EEE", "VVV"]


@final
class EEE(Structure):
    """``Σ_k = C``: ``C = W / n`` (Celeux & Govaert 1995)."""

    name = "EEE"
    alias = "tied"
    description = "ellipses, all the same"
    form = Tied
    moments = POOLED

    def maximize(self, statistics: Statistics) -> Tied:
        return Tied.from_covariances(statistics.second / statistics.floored_mass.sum())

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2


@final
class VVV(Structure):
    """``Σ_k = C_k``: ``C_k = W_k / n_k``."""

    name = "VVV"
    alias = "full"
    description = "ellipses, each its own"
    form = Full
    moments = FULL

    def maximize(self, statistics: Statistics) -> Full:
        return Full.from_covariances(statistics.second / statistics.floored_mass[:, None, None])

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features * (n_features + 1) // 2
