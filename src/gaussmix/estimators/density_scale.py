"""Scores of rows with missing values that compare with the log-densities of complete rows."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Floats, Rows
from gaussmix.engines.patterns import Patterns
from gaussmix.estimators.predictive import Predictive

__all__ = ["DensityScale"]


@dataclass(frozen=True, eq=False)
class DensityScale:
    """The scale of the log-densities of complete rows, on which rows with missing values have scores, too.

    Log-densities of different features do not compare. The score of a row with missing values is the log-density of
    complete rows that has the same tail probability: the probability that the log-density of a new row, with the same
    features observed, is lower. The tail probabilities are estimated from random rows of the predictive distribution.

    Attributes
    ----------
    predictive : Predictive
        The distribution of new rows.
    n_samples : int
        The number of random rows. Beyond the lowest and the highest of their log-densities, scores have the same
        differences as log-densities.
    seed : int
        The seed of the random rows, so that the score of a row is always the same.
    """

    predictive: Predictive
    n_samples: int
    seed: int

    def score(self, rows: Rows) -> Floats:
        """Return the scores of rows ``(n, D)``, in which missing values are NaN, in nats: ``(n,)``."""
        mixture, missing = self.predictive.mixture, np.isnan(rows)
        scores = mixture.logpdf(rows)
        if not missing.any():
            return scores
        patterns = Patterns.of(missing)
        for p, kind in enumerate(patterns.kinds):
            members, given = patterns.members(p), np.flatnonzero(~kind).tolist()
            if not given:
                scores[members] = np.median(self._quantiles)
            elif kind.any():
                own = np.sort(mixture.marginal(given).logpdf(self._draws[:, given]))
                scores[members] = _interpolate(scores[members], own, self._quantiles)
        return scores

    @cached_property
    def _draws(self) -> Floats:
        """Random new rows, ``(m, D)``."""
        return np.concatenate(list(self._blocks()))

    def _blocks(self) -> Iterator[Floats]:
        return self.predictive.draw(self.n_samples, np.random.default_rng(self.seed))

    @cached_property
    def _quantiles(self) -> Floats:
        """The log-densities of the random rows in rising order, ``(m,)``."""
        return np.sort(self.predictive.mixture.logpdf(self._draws))

    def __getstate__(self) -> dict[str, object]:
        return {"predictive": self.predictive, "n_samples": self.n_samples, "seed": self.seed}


def _interpolate(values: Floats, known: Floats, images: Floats) -> Floats:
    """Return the images of values by linear interpolation; beyond the known values, differences stay the same."""
    inside = np.clip(values, known[0], known[-1])
    return np.asarray(np.interp(inside, known, images) + (values - inside))
