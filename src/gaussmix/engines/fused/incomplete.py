"""Rows with missing values, compiled: the same results as :mod:`gaussmix.engines.incomplete`, faster."""

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.components import Components
from gaussmix.engines.fused._patterns import add_noise, condition_patterns
from gaussmix.engines.incomplete import is_shared
from gaussmix.engines.patterns import Patterns

__all__ = ["fill_in", "sum_noise"]

_SMALLEST_PIVOT = 1e-6
"""The smallest pivot, in units of the variance, at which Cholesky's factors of a covariance keep ten digits."""


def fill_in(
    mixture: Components, first: Labels, n_given: Labels, piece: Patterns, centred: Floats
) -> tuple[Floats, Floats] | None:
    """Return the Cholesky factors of each pattern, and squared distances; fill expected values into `centred`.

    None is returned for nearly singular covariances, whose factors need an orthogonal decomposition; `centred` keeps
    its observed values.
    """
    n_components, n_features = mixture.means.shape
    n_matrices = 1 if is_shared(mixture.covariances, n_components, n_features) else n_components
    matrices = np.ascontiguousarray(mixture.covariances.dense(n_matrices, n_features))
    lower = np.zeros((n_matrices, len(first), n_features, n_features))
    distances = np.empty(centred.shape[:2])
    ends = piece.ends.astype(np.intp, copy=False)
    smallest = condition_patterns(first, n_given, ends, matrices, lower, centred, distances, np.empty(n_features))
    return (lower, distances) if smallest >= _SMALLEST_PIVOT else None


def sum_noise(lower: Floats, first: Labels, n_given: Labels, mass: Floats) -> Floats:
    """Return the conditional covariances of all patterns, summed with masses ``(K, P)``, as ``(K, D, D)``."""
    noise = np.zeros((len(mass), first.shape[1], first.shape[1]))
    add_noise(lower, first, n_given, np.ascontiguousarray(mass), noise)
    return noise
