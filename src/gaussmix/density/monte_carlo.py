"""Estimate expectations under a mixture by stratified Monte Carlo, with their standard errors."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from gaussmix._types import Floats, Seed
from gaussmix.arguments import as_generator, check_count
from gaussmix.density.gaussian_pairs import MAX_DISTANCE

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["MonteCarlo"]

# Rows are drawn and evaluated in blocks of so many.
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class MonteCarlo:
    """The number of rows to draw, and the stream of random numbers to draw them from."""

    n_samples: int
    rng: np.random.Generator

    @classmethod
    def from_seed(cls, n_samples: int, random_state: Seed) -> Self:
        """Return an estimator for a user's arguments; raise ``ValueError`` for fewer than 2 rows."""
        return cls(check_count("n_samples", n_samples, 2), as_generator(random_state))

    def mean(self, mixture: "Mixture", values: Callable[[Floats], Floats]) -> tuple[float, float]:
        """Estimate the mean of a function of the rows ``(b, D) -> (b,)`` under a mixture, and its standard error.

        Each component is a stratum, with a number of rows in proportion to the square root of its weight. The labels
        are then not random, and a rare component has enough rows.
        """
        positive = np.flatnonzero(mixture.weights)
        weights = mixture.weights[positive]
        sizes = np.maximum(np.ceil(self.n_samples * np.sqrt(weights) / np.sqrt(weights).sum()), 2).astype(np.intp)
        strata = [self._draw(mixture, int(k), int(size)) for k, size in zip(positive, sizes, strict=True)]
        means, errors = np.transpose([_mean_and_error(map(values, blocks)) for blocks in strata])
        return float(weights @ means), float(np.linalg.norm(weights * errors))

    def mean_of_log_ratios(
        self, mixture: "Mixture", other: "Mixture", function: Callable[[Floats], Floats]
    ) -> tuple[float, float]:
        """Estimate the mean of a function of ``log p - log q`` under ``(p + q) / 2``, and its standard error."""

        def values(rows: Floats) -> Floats:
            return function(np.clip(mixture.logpdf(rows) - other.logpdf(rows), -MAX_DISTANCE, MAX_DISTANCE))

        means, errors = np.transpose([self.mean(source, values) for source in (mixture, other)])
        return float(means.mean()), float(0.5 * np.linalg.norm(errors))

    def _draw(self, mixture: "Mixture", k: int, n_rows: int) -> Iterator[Floats]:
        for first in range(0, n_rows, _BLOCK):
            white = self.rng.standard_normal((min(_BLOCK, n_rows - first), mixture.n_features))
            yield mixture.means[k] + mixture.covariances.colour(k, white)


def _mean_and_error(blocks: Iterable[Floats]) -> tuple[float, float]:
    """Return the mean of values that come in blocks, and its standard error (Chan, Golub & LeVeque 1983)."""
    count, mean, squares = 0, 0.0, 0.0
    for block in blocks:
        size, centre = len(block), float(block.mean())
        share = size / (count + size)
        squares += float(((block - centre) ** 2).sum()) + (centre - mean) ** 2 * count * share
        mean += (centre - mean) * share
        count += size
    return mean, float(np.sqrt(squares / (count - 1) / count))
