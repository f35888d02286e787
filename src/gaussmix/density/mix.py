"""Mix several mixtures: a mixture of all their components."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats
from gaussmix.covariances import Covariances, Diagonal, Full

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["mix"]


def mix(mixtures: "Sequence[Mixture]", shares: Floats) -> "Mixture":
    """Return the mixture of the components of several mixtures, one mixture after the other.

    Parameters
    ----------
    mixtures : sequence of Mixture
    shares : (M,) ndarray
        The total weight of each mixture's components; the shares sum to one.
    """
    return type(mixtures[0])(
        np.concatenate([share * mixture.weights for share, mixture in zip(shares, mixtures, strict=True)]),
        np.concatenate([mixture.means for mixture in mixtures]),
        _combine_covariances(mixtures),
    )


def _combine_covariances(mixtures: "Sequence[Mixture]") -> Covariances:
    """Return the covariances of all components: in the storage form of all mixtures, else as diagonals or matrices.

    A single matrix for all components becomes a matrix for each, since mixtures may have different ones.
    """
    forms, n_features = {type(mixture.covariances) for mixture in mixtures}, mixtures[0].n_features
    form = next(iter(forms))
    if len(forms) == 1 and form.shape(1, n_features) != form.shape(2, n_features):
        return form(np.concatenate([mixture.covariances.factors for mixture in mixtures]))
    if any(each.correlated for each in forms):
        return Full(np.concatenate([mixture.factors for mixture in mixtures]))
    return Diagonal(np.sqrt(np.concatenate([each.covariances.variances(*each.means.shape) for each in mixtures])))
