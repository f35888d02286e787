"""A structure with a parameter, as somebody would add it: all pairs of features have the same, given correlation."""

from dataclasses import dataclass
from typing import final

import numpy as np

from gaussmix._types import Floats
from gaussmix.covariances import Covariances, Full
from gaussmix.moments import FULL
from gaussmix.statistics import Statistics
from gaussmix.structures import Structure

__all__ = ["Equicorrelated"]


@final
@dataclass(frozen=True)
class Equicorrelated(Structure):
    """``Σ_k = λ_k R`` with ones on the diagonal of R and ρ elsewhere: ``λ_k = tr(R⁻¹ W_k) / (n_k D)``.

    Parameters
    ----------
    correlation : float
        ρ, from 0 on and below 1.
    """

    name = "equicorrelated"
    description = "ellipses, variable volume, one correlation"
    form = Full
    moments = FULL

    correlation: float = 0.5

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Full:
        n_features = statistics.origin.shape[1]
        matrix = self._matrix(n_features)
        traces = np.einsum("ij,kji->k", np.linalg.inv(matrix), statistics.second)
        volumes = traces / (statistics.floored_mass * n_features)
        return Full.from_covariances(volumes[:, None, None] * matrix)

    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        return n_components

    @property
    def freedom(self) -> float:
        return 0.5

    def _matrix(self, n_features: int) -> Floats:
        return self.correlation + (1.0 - self.correlation) * np.eye(n_features)
