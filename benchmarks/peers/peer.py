"""What a library must be able to do to be measured."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import ClassVar

from benchmarks.workloads import Array, Parameters

FLOOR = 1e-6  # what is added to variances; all libraries have such a number


@dataclass(frozen=True)
class Fitted:
    """What a fit ended with, and the iterations it took, by the library's own count."""

    parameters: Parameters
    n_iter: float


class Peer(ABC):
    """A library that fits Gaussian mixtures by EM."""

    name: ClassVar[str]
    module: ClassVar[str]
    distribution: ClassVar[str]
    covariance_types: ClassVar[tuple[str, ...]] = ("full", "tied", "diag", "spherical")

    def available(self) -> bool:
        """Whether it is installed."""
        return find_spec(self.module) is not None

    def version(self) -> str:
        """Its version, as its distribution says it."""
        return version(self.distribution)

    @abstractmethod
    def fit(self, rows: Array, covariance_type: str, start: Parameters, n_iter: int) -> Fitted:
        """Go `n_iter` iterations from `start`, without stopping before."""
