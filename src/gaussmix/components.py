"""The protocol of the components of a mixture: all that an E-step uses."""

from typing import Protocol

from gaussmix._types import Floats
from gaussmix.covariances import Covariances

__all__ = ["Components"]


class Components(Protocol):
    """The K Gaussian components in D dimensions that an E-step uses, for example a :class:`~gaussmix.Mixture`.

    The values must not change: engines cache the arrays that they derive from an object.
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
        """Return a hash: the key under which engines cache derived arrays."""
