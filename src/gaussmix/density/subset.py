"""Some of the components, as a mixture of their own."""

from typing import TYPE_CHECKING

from gaussmix._types import Flags

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["part"]


def part(mixture: "Mixture", components: slice | Flags) -> "Mixture":
    """The mixture of some of the components, whose weights are scaled up to sum to one; they must weigh something.

    Parameters
    ----------
    mixture : Mixture
    components : slice or (K,) ndarray of bool
        Which ones.
    """
    weights = mixture.weights[components]
    return type(mixture)(
        weights / weights.sum(),
        mixture.means[components],
        mixture.covariances.of(components),
        feature_names=mixture.feature_names,
    )
