"""Guesses in place of missing values, for starts: draws from a Gaussian that is fitted to the observed values.

Starts must neither drop rows nor see a mean in place of each missing value, which would look like a cluster.
"""

from dataclasses import replace

import numpy as np

from gaussmix._types import Floats, Rows
from gaussmix.density.imputation import draw_missing
from gaussmix.initialization.rounding import find_rounding
from gaussmix.mixture import Mixture
from gaussmix.moments import FULL
from gaussmix.sources.incomplete import IncompleteSource

__all__ = ["centre_and_scale", "complete_rows"]

_SAMPLE = 2**12
"""Rows to which the Gaussian is fitted; its draws are guesses, which need no more."""
_MOST_STEPS = 50
"""EM steps of the Gaussian."""
_STILL = 1e-3
"""Largest change of a mean or a covariance, in standard deviations of the columns, at which the steps end."""


def complete_rows(source: IncompleteSource) -> IncompleteSource:
    """Return the source with guesses for its missing values.

    A Gaussian is fitted to the observed values by EM. Each guess is a draw from its conditional distribution, given
    the observed values of the row. In a rounded column, the guess is the nearest observed value, so that the column
    stays rounded and yes/no columns keep two values.

    Parameters
    ----------
    source : IncompleteSource
        Rows with at least one observed value in each column.
    """
    rows, weights = source.observed.astype(np.float64, copy=False), source.sample_weight
    centre, deviations = centre_and_scale(rows, weights)
    units = np.where(deviations > 0, deviations, 1.0)
    standard = (rows - centre) / units
    rng = np.random.default_rng(0)
    gaussian = _fit_gaussian(IncompleteSource.of(standard, source.weights).sample(rng, _SAMPLE))
    drawn = centre + deviations * draw_missing(gaussian, standard, rng)
    for column in np.flatnonzero(source.missing.any(axis=0)):
        seen = ~source.missing[:, column]
        _round_to_observed(drawn[:, column], rows[seen, column], weights[seen])
    filled = np.where(source.missing, drawn, source.rows).astype(source.dtype, copy=False)
    return replace(source, rows=filled)


def centre_and_scale(rows: Rows, weights: Floats) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation of the observed values of each column, ``(D,)`` each."""
    seen = ~np.isnan(rows)
    mass = weights @ seen
    first = rows[seen.argmax(axis=0), np.arange(rows.shape[1])]
    centred = np.where(seen, rows - first, 0.0)
    centre = first + weights @ centred / mass
    deviations = np.sqrt(weights @ np.where(seen, rows - centre, 0.0) ** 2 / mass)
    spread = deviations > 64 * np.finfo(np.float64).eps * np.abs(centre)
    return centre, np.where(spread, deviations, 0.0)


def _fit_gaussian(source: IncompleteSource) -> Mixture:
    """Return the Gaussian of standardized rows by EM, with a pseudo-row of unit variances."""
    n_features = source.n_features
    gaussian = Mixture([1.0], np.zeros((1, n_features)), np.eye(n_features)[None])
    for _ in range(_MOST_STEPS):
        sums = source.reduce(gaussian, FULL).central()
        covariance = (sums.second + np.eye(n_features)) / (sums.mass[0] + 1.0)
        before, gaussian = gaussian, Mixture([1.0], sums.means, covariance)
        moved = np.abs(gaussian.means - before.means).max(), np.abs(gaussian.covariance - before.covariance).max()
        if max(moved) < _STILL:
            break
    return gaussian


def _round_to_observed(guesses: Floats, observed: Floats, weights: Floats) -> None:
    """Replace guesses by the nearest observed value, in place, if the column is rounded."""
    column = observed[:, None]
    rounding = find_rounding(column, np.sort(column, axis=0), weights, np.ones(1))
    if not (rounding.steps[0] > 0 or rounding.binary[0]):
        return
    values = np.unique(observed)
    above = np.clip(np.searchsorted(values, guesses), 1, max(len(values) - 1, 1)) if len(values) > 1 else 0
    low, high = values[above - 1], values[above]
    guesses[:] = np.where(guesses - low <= high - guesses, low, high)
