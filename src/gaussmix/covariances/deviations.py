"""The storage forms without correlations: a variance for each component, or for each component and feature."""

from abc import abstractmethod
from typing import Self, final

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import ArrayLike, Floats
from gaussmix.covariances.base import SMALLEST_FACTOR, Covariances, NotPositiveDefiniteError
from gaussmix.covariances.cholesky import Full
from gaussmix.linalg import add_gram, cholesky_of_gram

__all__ = ["Diagonal", "Spherical"]


class _StandardDeviations(Covariances):
    """The base of the two forms without correlations: the factors are standard deviations, one or D for a component."""

    correlated = False
    _wanted = "standard deviations, positive and finite"

    @staticmethod
    def _are_factors(factors: Floats) -> bool:
        return bool((np.isfinite(factors) & (factors >= SMALLEST_FACTOR)).all())

    @staticmethod
    def fewest_rows(n_features: int) -> int:
        return 3

    @classmethod
    def from_covariances(cls, covariances: ArrayLike) -> Self:
        variances = cls._in_shape(covariances)
        good = np.isfinite(variances) & (variances > 0)
        if not good.all():
            k = int(np.argwhere(~good)[0, 0])
            msg = f"The variances of component {k} must be positive and finite, got {variances[k]}."
            raise NotPositiveDefiniteError(msg)
        return cls._of(np.sqrt(variances))

    @classmethod
    def from_precisions(cls, precisions: ArrayLike) -> Self:
        inverse = cls._in_shape(precisions)
        if not (inverse > 0).all():
            msg = f"'{cls.form} precision' should be positive"
            raise ValueError(msg)
        return cls(1.0 / np.sqrt(inverse))

    @property
    def covariances(self) -> Floats:
        return self.factors**2

    @cached_property
    def whitening(self) -> Floats:
        return 1.0 / self.factors

    def whiten(self, centred: Floats) -> Floats:
        return np.asarray(centred / self.factors.reshape(len(self.factors), 1, -1))

    def colour(self, k: int, white: Floats) -> Floats:
        return np.asarray(white * self.factors[k])

    @abstractmethod
    def deviations(self, n_components: int, n_features: int) -> Floats:
        """Return the standard deviations as ``(K, D)``.

        Examples
        --------
        >>> from gaussmix import Spherical
        >>> Spherical.from_covariances([1.0, 4.0]).deviations(2, 3)
        array([[1., 1., 1.],
               [2., 2., 2.]])
        """

    def variances(self, n_components: int, n_features: int) -> Floats:
        return self.deviations(n_components, n_features) ** 2

    def dense(self, n_components: int, n_features: int) -> Floats:
        return self.deviations(n_components, n_features)[:, :, None] ** 2 * np.eye(n_features)

    def cholesky(self, n_components: int, n_features: int) -> Floats:
        return self.deviations(n_components, n_features)[:, :, None] * np.eye(n_features)

    def conditional(self, given: list[int], rest: list[int], n_components: int) -> tuple[Floats, Covariances]:
        return np.zeros((n_components, len(rest), len(given))), self.marginal(rest)

    def mapped(self, matrix: Floats, n_components: int) -> Covariances:
        deviations = self.deviations(n_components, matrix.shape[1])
        if (np.count_nonzero(matrix, axis=1) == 1).all():  # features in other units or order
            column = np.abs(matrix).argmax(axis=1)
            return Diagonal(deviations[:, column] * np.abs(matrix).max(axis=1))
        return Full(cholesky_of_gram(deviations[:, :, None] * matrix.T))

    def convolved(self, root: Floats, n_components: int) -> Covariances:
        deviations = self.deviations(n_components, root.shape[-1])
        if root.ndim == 1:
            return Diagonal(np.hypot(deviations, root))
        return Full(add_gram(deviations[:, :, None] * np.eye(len(root)), root))

    def with_inflated_residuals(self, n_given: int, factors: Floats, n_features: int) -> Covariances:
        deviations = np.array(self.deviations(len(factors), n_features))
        deviations[:, n_given:] *= np.sqrt(factors)[:, None]
        return Diagonal(deviations)

    @property
    def precisions_cholesky(self) -> Floats:
        return self.whitening

    @property
    def precisions(self) -> Floats:
        return self.whitening**2


@final
class Spherical(_StandardDeviations):
    """One variance for each component: shape ``(K,)``.

    Examples
    --------
    >>> from gaussmix import Mixture, Spherical
    >>> Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], Spherical.from_covariances([1.0, 4.0])).covariances.factors
    array([1., 2.])
    """

    form, axes = "spherical", "(K,)"

    @classmethod
    def shape(cls, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components,)

    def log_det(self, n_components: int, n_features: int) -> Floats:
        return 2.0 * n_features * np.log(self.factors)

    def relative_trace(self, variances: Floats) -> Floats:
        return np.asarray(variances.sum() * self.precisions)

    def deviations(self, n_components: int, n_features: int) -> Floats:
        return np.repeat(self.factors[:, None], n_features, axis=1)

    def marginal(self, features: list[int]) -> Self:
        return self


@final
class Diagonal(_StandardDeviations):
    """One variance for each component and feature: shape ``(K, D)``.

    Examples
    --------
    >>> from gaussmix import Diagonal
    >>> Diagonal.from_covariances([[1.0, 4.0], [9.0, 16.0]]).factors
    array([[1., 2.],
           [3., 4.]])
    """

    form, axes = "diag", "(K, D)"

    @classmethod
    def shape(cls, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features)

    def log_det(self, n_components: int, n_features: int) -> Floats:
        return np.asarray(2.0 * np.log(self.factors).sum(axis=1))

    def relative_trace(self, variances: Floats) -> Floats:
        return np.asarray(self.precisions @ variances)

    def deviations(self, n_components: int, n_features: int) -> Floats:
        return self.factors

    def marginal(self, features: list[int]) -> Self:
        return self._of(self.factors[:, features])
