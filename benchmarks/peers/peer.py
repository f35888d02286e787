"""The interface of a library that is measured."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from typing import ClassVar

from benchmarks.workloads import Array, Parameters

# Number that is added to variances, in all libraries with such a parameter.
FLOOR = 1e-6


@dataclass(frozen=True)
class Fitted:
    """The result of a fit: the parameters, and the number of iterations that the library reports."""

    parameters: Parameters
    n_iter: float


class Peer(ABC):
    """A library that fits Gaussian mixtures by EM."""

    name: ClassVar[str]
    module: ClassVar[str]
    distribution: ClassVar[str]
    covariance_types: ClassVar[tuple[str, ...]] = ("full", "tied", "diag", "spherical")

    def available(self) -> bool:
        """Return True if the library is installed."""
        return find_spec(self.module) is not None

    def version(self) -> str:
        """Return the version of the library, from the metadata of its distribution."""
        return version(self.distribution)

    @abstractmethod
    def fit(self, rows: Array, covariance_type: str, start: Parameters, n_iter: int) -> Fitted:
        """Run `n_iter` iterations from `start`, without an earlier stop."""
