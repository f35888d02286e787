"""The regression of some features of a mixture on others, component by component, if some of the others are missing."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gaussmix._types import Flags, Floats
from gaussmix.covariances import Covariances, Full

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Regression", "leave_out"]


class Regression(NamedTuple):
    """The regression of R features on the given ones of G known features.

    Attributes
    ----------
    coefficients : (K, R, G) ndarray
        The coefficients of each component; 0 for features that are not given.
    residual_covariances : Covariances
        The covariances of the R features, given the others.
    """

    coefficients: Floats
    residual_covariances: Covariances


def leave_out(regression: Regression, known: "Mixture", missing: Flags) -> Regression:
    r"""Return the regression on fewer features: the missing features of the known ones are integrated out.

    With the regression of the missing features on the given ones, coefficients :math:`A_k` and residual covariances
    :math:`C_k`, the coefficients are :math:`B_k^g + B_k^m A_k`, and the residual covariances are
    :math:`S_k + B_k^m C_k (B_k^m)^\top`.

    Parameters
    ----------
    regression : Regression
        The regression on all known features.
    known : Mixture
        The distribution of the known features.
    missing : (G,) ndarray of bool
        The features that are not given.
    """
    slopes, n_components = regression.coefficients[:, :, missing], known.n_components
    coefficients = np.where(missing, 0.0, regression.coefficients)
    if not slopes.any():
        return Regression(coefficients, regression.residual_covariances)
    given, rest = np.flatnonzero(~missing).tolist(), np.flatnonzero(missing).tolist()
    noise = known.covariances.marginal(rest)
    if given:
        of_missing, noise = known.covariances.conditional(given, rest, n_components)
        coefficients[:, :, given] += slopes @ of_missing
    spread = slopes @ noise.dense(n_components, len(rest)) @ np.swapaxes(slopes, 1, 2)
    own = regression.residual_covariances.dense(n_components, slopes.shape[1])
    return Regression(coefficients, Full.from_covariances(own + spread))
