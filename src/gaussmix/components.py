"""The part of a mixture that an E-step may know."""

from typing import Protocol

from gaussmix._types import Floats
from gaussmix.covariances import Covariances

__all__ = ["Components"]


class Components(Protocol):
    """K Gaussian components in D dimensions, as an E-step sees them; a :class:`~gaussmix.Mixture` is the usual case.

    The values must not change: engines keep what they derive from them for as long as the object lives.
    """

    @property
    def n_components(self) -> int:
        """Number of components, K."""

    @property
    def n_features(self) -> int:
        """Number of features, D."""

    @property
    def weights(self) -> Floats:
        """Weights of the components, ``(K,)``; they sum to one."""

    @property
    def means(self) -> Floats:
        """Means of the components, ``(K, D)``."""

    @property
    def covariances(self) -> Covariances:
        """Covariances of the components, in their storage form."""

    @property
    def log_norms(self) -> Floats:
        """Log-joint densities of the components at their means, ``(K,)``."""

    @property
    def mean(self) -> Floats:
        """Mean of the whole distribution, ``(D,)``: the origin of the compiled pass."""

    @property
    def covariance(self) -> Floats:
        """Covariance matrix of the whole distribution, ``(D, D)``."""

    @property
    def variances(self) -> Floats:
        """Variances of the features under the whole distribution, ``(D,)``."""

    def __hash__(self) -> int:
        """Return a hash: engines look up by it what they have derived."""
