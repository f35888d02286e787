"""Third and fourth moments of each feature."""

from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["kurtosis", "skewness"]


def skewness(mixture: "Mixture") -> Floats:
    """Return the skewness of each feature, ``(D,)``: the third central moment in units of the standard deviation.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> Mixture([0.9, 0.1], [[0.0], [4.0]], [1.0, 1.0]).skewness.round(2)
    array([1.21])
    """
    apart, variances = _standardize(mixture)
    return np.asarray(mixture.weights @ (apart * (3.0 * variances + apart**2)))


def kurtosis(mixture: "Mixture") -> Floats:
    """Return the excess kurtosis of each feature, ``(D,)``; it is 0 for a Gaussian, like scipy's default.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> Mixture([0.5, 0.5], [[0.0], [0.0]], [1.0, 9.0]).kurtosis.round(2)
    array([1.92])
    """
    apart, variances = _standardize(mixture)
    return np.asarray(mixture.weights @ (3.0 * variances**2 + 6.0 * variances * apart**2 + apart**4) - 3.0)


def _standardize(mixture: "Mixture") -> tuple[Floats, Floats]:
    """Return the components' means and variances ``(K, D)`` in standardized features."""
    deviations = np.sqrt(mixture.variances)
    within = mixture.covariances.variances(mixture.n_components, mixture.n_features)
    return (mixture.means - mixture.mean) / deviations, within / deviations**2
