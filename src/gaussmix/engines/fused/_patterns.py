"""The kernel for rows with missing values: Cholesky factors of each pattern, distances, and expected values."""

import math
from typing import Any

from gaussmix.engines.fused._functions import compiled, kept_on_disk

__all__ = ["add_noise", "condition_patterns"]


@kept_on_disk
def condition_patterns(
    first: Any, n_given: Any, ends: Any, matrices: Any, lower: Any, centred: Any, distances: Any, white: Any
) -> float:
    """Factor the covariances of all patterns, and fill in expected values; return the smallest pivot.

    A pivot is a variance given the features before, in units of the variance. If it is small, the factors have lost as
    many digits as it has zeros after the point.

    Parameters
    ----------
    first : (P, D) array of int
        The features of each pattern, the observed features first.
    n_given : (P,) array of int
        The number of observed features.
    ends : (P + 1,) array of int
        The first row of each pattern, and the number of rows.
    matrices : (M, D, D) array
        The covariances of K components, or the one that they share.
    lower : (M, P, D, D) array of zeros
        The factors, to be filled.
    centred : (K, n, D) array
        The rows less the means, with features in the order of their pattern. Missing values are replaced.
    distances : (K, n) array
        The squared Mahalanobis distances of the observed values, to be filled.
    white : (D,) array
        Memory.
    """
    n_components, smallest = centred.shape[0], 1.0
    for p in range(first.shape[0]):
        for m in range(matrices.shape[0]):
            smallest = min(smallest, _factor(first[p], matrices[m], lower[m, p]))
        for k in range(n_components):
            factor = lower[k % matrices.shape[0], p]
            for row in range(ends[p], ends[p + 1]):
                distances[k, row] = _expect_row(factor, n_given[p], centred[k, row], white)
    return smallest


@compiled
def _factor(order: Any, matrix: Any, lower: Any) -> float:
    """Factor a matrix with features in a given order, and return the smallest pivot."""
    smallest = 1.0
    for i in range(len(order)):
        for j in range(i + 1):
            total = matrix[order[i], order[j]]
            for d in range(j):
                total -= lower[i, d] * lower[j, d]
            if i > j:
                lower[i, j] = total / lower[j, j]
            else:
                smallest = min(smallest, total / matrix[order[i], order[i]])
                lower[i, i] = math.sqrt(max(total, 0.0))
    return smallest


@compiled
def _expect_row(lower: Any, n_given: int, centred: Any, white: Any) -> float:
    """Replace the missing values of a row by their expectations, and return the squared distance of the others."""
    square = 0.0
    for i in range(len(centred)):
        total = 0.0
        for d in range(min(i, n_given)):
            total += lower[i, d] * white[d]
        if i < n_given:
            white[i] = (centred[i] - total) / lower[i, i]
            square += white[i] * white[i]
        else:
            centred[i] = total
    return square


@kept_on_disk
def add_noise(lower: Any, first: Any, n_given: Any, mass: Any, noise: Any) -> None:
    """Add the conditional covariances of the missing features of all patterns, times masses ``(K, P)``."""
    for p in range(first.shape[0]):
        size = n_given[p]
        for k in range(mass.shape[0]):
            factor = lower[k % lower.shape[0], p]
            for i in range(size, first.shape[1]):
                for j in range(size, first.shape[1]):
                    total = 0.0
                    for d in range(size, min(i, j) + 1):
                        total += factor[i, d] * factor[j, d]
                    noise[k, first[p, i], first[p, j]] += mass[k, p] * total
