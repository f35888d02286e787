"""Some of the components, as a mixture of their own."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["part"]


def part(mixture: "Mixture", components: slice | NDArray[np.bool_]) -> "Mixture":
    """The mixture of some of the components, whose weights are scaled up to sum to one; they must weigh something.

    Parameters
    ----------
    mixture : Mixture
    components : slice or (K,) ndarray of bool
        Which ones.
    """
    form = type(mixture.covariances)
    shared = form.shape(1, mixture.n_features) == form.shape(2, mixture.n_features)
    factors = mixture.covariances.factors
    weights = mixture.weights[components]
    return type(mixture)(
        weights / weights.sum(),
        mixture.means[components],
        mixture.covariances if shared else form(factors[components]),
        feature_names=mixture.feature_names,
    )
