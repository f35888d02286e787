"""Expectations under a mixture by random draws, with their standard errors."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from gaussmix._types import Floats, Seed
from gaussmix.density.gaussian_pairs import FARTHEST
from gaussmix.density.validation import count

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Draws"]

_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Draws:
    """How many rows to draw, and from which stream of random numbers."""

    n_samples: int
    rng: np.random.Generator

    @classmethod
    def of(cls, n_samples: int, random_state: Seed) -> Self:
        """From what a user gave; raise ``ValueError`` for fewer than 2 rows, which have no standard deviation."""
        return cls(count("n_samples", n_samples, 2), np.random.default_rng(random_state))

    def mean(self, mixture: "Mixture", values: Callable[[Floats], Floats]) -> tuple[float, float]:
        """Mean of a function of the rows ``(b, D) -> (b,)`` under a mixture, and its standard error.

        Each component is drawn from by itself, as often as the square root of its weight says: so that neither the
        labels nor a rare component are left to luck.
        """
        heavy = np.flatnonzero(mixture.weights)
        weights = mixture.weights[heavy]
        sizes = np.maximum(np.ceil(self.n_samples * np.sqrt(weights) / np.sqrt(weights).sum()), 2).astype(np.intp)
        strata = [self._rows(mixture, int(k), int(size)) for k, size in zip(heavy, sizes, strict=True)]
        means, errors = np.transpose([_mean_and_error(map(values, blocks)) for blocks in strata])
        return float(weights @ means), float(np.linalg.norm(weights * errors))

    def mean_of_both(
        self, mixture: "Mixture", other: "Mixture", of_ratios: Callable[[Floats], Floats]
    ) -> tuple[float, float]:
        """Mean of a function of ``log p - log q`` under the average of two mixtures, and its standard error."""

        def values(rows: Floats) -> Floats:
            return of_ratios(np.clip(mixture.logpdf(rows) - other.logpdf(rows), -FARTHEST, FARTHEST))

        means, errors = np.transpose([self.mean(source, values) for source in (mixture, other)])
        return float(means.mean()), float(0.5 * np.linalg.norm(errors))

    def _rows(self, mixture: "Mixture", k: int, n_rows: int) -> Iterator[Floats]:
        for first in range(0, n_rows, _BLOCK):
            white = self.rng.standard_normal((min(_BLOCK, n_rows - first), mixture.n_features))
            yield mixture.means[k] + mixture.covariances.colour(k, white)


def _mean_and_error(blocks: Iterable[Floats]) -> tuple[float, float]:
    """Mean of values that come in blocks, and its standard error (Chan, Golub & LeVeque 1983)."""
    count, mean, squares = 0, 0.0, 0.0
    for block in blocks:
        size, centre = len(block), float(block.mean())
        share = size / (count + size)
        squares += float(((block - centre) ** 2).sum()) + (centre - mean) ** 2 * count * share
        mean += (centre - mean) * share
        count += size
    return mean, float(np.sqrt(squares / (count - 1) / count))
