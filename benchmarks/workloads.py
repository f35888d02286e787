"""Data and starts: overlapping components, for which no pair can be skipped, and separated components."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

# Standard deviation of each coordinate of the means of separated components.
APART = 2.0
# Numbers of components and of features from which random starts collapse.
MANY_COMPONENTS, MANY_FEATURES = 256, 100


@dataclass(frozen=True)
class Parameters:
    """A mixture as plain arrays; `covariances` has scikit-learn's shape for the covariance type."""

    weights: Array
    means: Array
    covariances: Array


@dataclass(frozen=True)
class Truth:
    """The distribution of the rows: means ``(K, D)`` and a square root of each covariance ``(K, D, D)``."""

    means: Array
    factors: Array

    def rows(self, n_rows: int, rng: np.random.Generator) -> Array:
        """Draw rows, with equal weights of the components."""
        labels = rng.integers(len(self.means), size=n_rows)
        rows = rng.standard_normal((n_rows, self.means.shape[1]))
        for k, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            members = np.flatnonzero(labels == k)
            rows[members] = mean + rows[members] @ factor.T
        return rows


def overlapping(n_components: int, n_features: int, rng: np.random.Generator) -> Truth:
    """Draw means about 3 standard deviations from the nearest, and covariances with eigenvalues from 0.4 to 1.6."""
    means = rng.normal(size=(n_components, n_features))
    between = np.linalg.norm(means[:, None] - means, axis=2) + np.diag(np.full(n_components, np.inf))
    axes = np.linalg.qr(rng.normal(size=(n_components, n_features, n_features)))[0]
    return Truth(means * (3.0 / np.median(between.min(axis=1))), axes * np.sqrt(np.linspace(0.4, 1.6, n_features)))


def separated(n_components: int, n_features: int, rng: np.random.Generator) -> Truth:
    """Draw means from N(0, 4 I), and covariances A Aᵀ + 0.001 I with entries of A from N(0, 1 / D)."""
    means = rng.normal(size=(n_components, n_features)) * APART
    roots = rng.normal(size=(n_components, n_features, n_features)) / np.sqrt(n_features)
    return Truth(means, np.linalg.cholesky(roots @ roots.transpose(0, 2, 1) + 1e-3 * np.eye(n_features)))


DATA: dict[str, Callable[[int, int, np.random.Generator], Truth]] = {"overlapping": overlapping, "separated": separated}

STORED: dict[str, Callable[[Array], Array]] = {
    "full": lambda covariances: covariances,
    "tied": lambda covariances: covariances.mean(axis=0),
    "diag": lambda covariances: np.diagonal(covariances, axis1=1, axis2=2).copy(),
    "spherical": lambda covariances: np.trace(covariances, axis1=1, axis2=2) / covariances.shape[1],
}


@dataclass(frozen=True)
class Workload:
    """A problem to time; ``str(workload)`` is its name."""

    covariance_type: str
    n_rows: int
    n_features: int
    n_components: int
    data: str = "overlapping"
    dtype: str = "float64"

    def __str__(self) -> str:
        return f"{self.shape}, {self.kind}"

    @property
    def kind(self) -> str:
        """The kind of data, and the precision."""
        return f"{self.data}, {self.dtype}"

    @property
    def shape(self) -> str:
        """The covariance type and the numbers of rows, features and components, as a short text."""
        return f"{self.covariance_type} ({brief(self.n_rows)}, {self.n_features}, {self.n_components})"

    @property
    def starts_at_truth(self) -> bool:
        """True if EM starts at the true parameters; False if EM starts at random rows."""
        many = self.n_components >= MANY_COMPONENTS or self.n_features >= MANY_FEATURES
        return many or self.data == "separated"

    def draw(self) -> tuple[Array, Parameters]:
        """Draw the rows ``(n, D)``, and return them with the start, which is equal for all libraries.

        The start is the true parameters, or random rows with unit covariances.
        """
        rng = np.random.default_rng(0)
        truth = DATA[self.data](self.n_components, self.n_features, rng)
        rows = truth.rows(self.n_rows, rng).astype(self.dtype)
        means, covariances = truth.means, truth.factors @ truth.factors.transpose(0, 2, 1)
        if not self.starts_at_truth:
            chosen = np.random.default_rng(1).choice(self.n_rows, self.n_components, replace=False)
            means, covariances = rows[chosen], np.broadcast_to(np.eye(self.n_features), covariances.shape)
        weights = np.full(self.n_components, 1 / self.n_components)
        start = (weights, means, STORED[self.covariance_type](covariances))
        return rows, Parameters(*(np.ascontiguousarray(part, dtype=self.dtype) for part in start))


def brief(number: int) -> str:
    """Return a number as text, with ``k`` for thousands and ``M`` for millions."""
    sizes = {1_000_000: "M", 1_000: "k", 1: ""}
    return next(f"{number // size}{letter}" for size, letter in sizes.items() if number % size == 0)


SHAPES = (
    Workload("full", 200_000, 16, 32),
    Workload("full", 1_000_000, 2, 10),
    Workload("full", 100_000, 64, 16),
    Workload("full", 1_000_000, 8, 64),
    Workload("full", 50_000, 16, 512),
    Workload("diag", 1_000_000, 16, 32),
    Workload("diag", 1_000_000, 2, 10),
    Workload("diag", 100_000, 128, 64),
    Workload("tied", 200_000, 16, 32),
    Workload("spherical", 200_000, 16, 32),
)
GRID = tuple(
    replace(shape, data=data, dtype=dtype) for dtype in ("float64", "float32") for data in DATA for shape in SHAPES
)

BASE = Workload("full", 50_000, 8, 16)
SWEEPS: dict[str, tuple[Workload, ...]] = {
    "n": tuple(replace(BASE, n_rows=n) for n in (10_000, 30_000, 100_000, 300_000, 1_000_000)),
    "D": tuple(replace(BASE, n_features=d) for d in (2, 4, 8, 16, 32, 64)),
    "K": tuple(replace(BASE, n_components=k) for k in (2, 4, 8, 16, 32, 64, 128)),
}
