"""Select components of a mixture."""

from typing import TYPE_CHECKING

from gaussmix._types import Flags

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["subset"]


def subset(mixture: "Mixture", components: slice | Flags) -> "Mixture":
    """Return the mixture of the selected components, with weights rescaled to sum to one.

    Parameters
    ----------
    mixture : Mixture
    components : slice or (K,) ndarray of bool
        The components to keep. At least one of them must have a positive weight.
    """
    weights = mixture.weights[components]
    return type(mixture)(
        weights / weights.sum(),
        mixture.means[components],
        mixture.covariances.of(components),
        feature_names=mixture.feature_names,
    )
