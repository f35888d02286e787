"""The data and the starts: overlapping components, so that nothing can be skipped."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Workload:
    """One shape to time; ``str`` of it is its name."""

    covariance_type: str
    n_rows: int
    n_features: int
    n_components: int

    def __str__(self) -> str:
        return f"{self.covariance_type} ({self.n_rows}, {self.n_features}, {self.n_components})"

    def rows(self) -> np.ndarray:
        """Rows from a mixture with nearest means about 3 standard deviations apart and eigenvalues from 0.4 to 1.6."""
        rng = np.random.default_rng(0)
        means = rng.normal(size=(self.n_components, self.n_features))
        between = np.linalg.norm(means[:, None] - means, axis=2) + np.diag(np.full(self.n_components, np.inf))
        means *= 3.0 / np.median(between.min(axis=1))
        labels = rng.integers(self.n_components, size=self.n_rows)
        rows = rng.standard_normal((self.n_rows, self.n_features))
        for k, mean in enumerate(means):
            axes = np.linalg.qr(rng.normal(size=(self.n_features, self.n_features)))[0]
            factor = axes * np.sqrt(np.linspace(0.4, 1.6, self.n_features))
            rows[labels == k] = mean + rows[labels == k] @ factor.T
        return rows

    def start(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """The same start for every library: random rows as means, unit precisions."""
        chosen = np.random.default_rng(1).choice(len(rows), self.n_components, replace=False)
        n, d = self.n_components, self.n_features
        precisions = {
            "full": np.repeat(np.eye(d)[None], n, axis=0),
            "tied": np.eye(d),
            "diag": np.ones((n, d)),
            "spherical": np.ones(n),
        }
        return {
            "weights_init": np.full(n, 1 / n),
            "means_init": rows[chosen],
            "precisions_init": precisions[self.covariance_type],
        }


WORKLOADS = (
    Workload("full", 200_000, 16, 32),
    Workload("full", 1_000_000, 2, 10),
    Workload("full", 100_000, 64, 16),
    Workload("diag", 1_000_000, 16, 32),
    Workload("tied", 200_000, 16, 32),
    Workload("spherical", 200_000, 16, 32),
)
