"""The storage forms with correlations: a matrix for each component, or one matrix for all."""

from typing import Self, final

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import ArrayLike, Flags, Floats, Labels
from gaussmix.covariances.base import SMALLEST_FACTOR, Covariances, NotPositiveDefiniteError
from gaussmix.linalg import (
    add_gram,
    cholesky_of_gram,
    describe_first_indefinite,
    invert_triangles,
    is_symmetric,
    log_det_of_triangles,
)

__all__ = ["Full", "Tied"]


class _CholeskyFactors(Covariances):
    """The base of the two forms with correlations: lower triangular factors in the last two axes."""

    correlated = True
    _wanted = "lower triangular Cholesky factors with positive diagonals"

    @staticmethod
    def _are_factors(factors: Floats) -> bool:
        square = factors.ndim > 1 and factors.shape[-1] == factors.shape[-2]
        lower = square and np.array_equal(factors, np.tril(factors)) and np.isfinite(factors).all()
        return bool(lower and (np.diagonal(factors, axis1=-2, axis2=-1) >= SMALLEST_FACTOR).all())

    @classmethod
    def from_covariances(cls, covariances: ArrayLike) -> Self:
        matrices = cls._in_shape(covariances)
        try:
            factors = np.asarray(np.linalg.cholesky(matrices), dtype=np.float64)
        except np.linalg.LinAlgError as error:
            raise NotPositiveDefiniteError(describe_first_indefinite(matrices)) from error
        if not (np.isfinite(factors).all() and is_symmetric(matrices)):
            raise NotPositiveDefiniteError(describe_first_indefinite(matrices))
        return cls._of(factors)

    @classmethod
    def from_precisions(cls, precisions: ArrayLike) -> Self:
        inverse = cls._in_shape(precisions)
        if not is_symmetric(inverse) or np.linalg.eigvalsh(inverse).min() <= 0:
            msg = f"'{cls.form} precision' should be symmetric, positive-definite"
            raise ValueError(msg)
        # With P = U Uᵀ, U upper, the factor is L = U⁻ᵀ; Cholesky of P flipped in both axes is U flipped.
        upper = np.asarray(np.linalg.cholesky(inverse[..., ::-1, ::-1])[..., ::-1, ::-1])
        return cls(invert_triangles(np.swapaxes(upper, -1, -2)))

    @property
    def covariances(self) -> Floats:
        return np.asarray(self.factors @ np.swapaxes(self.factors, -1, -2))

    @cached_property
    def whitening(self) -> Floats:
        return invert_triangles(self.factors)

    def whiten(self, centred: Floats) -> Floats:
        return np.asarray(centred @ np.swapaxes(self.whitening, -1, -2))

    def variances(self, n_components: int, n_features: int) -> Floats:
        return np.broadcast_to(np.square(self.factors).sum(axis=-1), (n_components, n_features))

    def relative_trace(self, variances: Floats) -> Floats:
        return np.atleast_1d(np.square(self.whitening).sum(axis=-2) @ variances)

    def marginal(self, features: list[int]) -> Self:
        return self._of(cholesky_of_gram(np.swapaxes(self.factors, -1, -2)[..., features]))

    def conditional(self, given: list[int], rest: list[int], n_components: int) -> tuple[Floats, Covariances]:
        # With the given features first, L = [[G, 0], [C, R]]: coefficients C G⁻¹, residual covariance R Rᵀ.
        lower, size = self.marginal([*given, *rest]).factors, len(given)
        coefficients = lower[..., size:, :size] @ invert_triangles(lower[..., :size, :size])
        residual = self._of(lower[..., size:, size:].copy())
        return np.broadcast_to(coefficients, (n_components, len(rest), size)), residual

    def mapped(self, matrix: Floats, n_components: int) -> Covariances:
        return self._of(cholesky_of_gram(np.swapaxes(self.factors, -1, -2) @ matrix.T))

    def convolved(self, root: Floats, n_components: int) -> Covariances:
        return self._of(add_gram(self.factors, np.diag(root) if root.ndim == 1 else root))

    def with_inflated_residuals(self, n_given: int, factors: Floats, n_features: int) -> Covariances:
        # L = [[G, 0], [C, R]], and R Rᵀ is the residual covariance.
        lower = self.factors.copy()
        n_matrices = int(np.prod(lower.shape[:-2]))
        lower[..., n_given:, n_given:] *= np.sqrt(factors[:n_matrices]).reshape(*lower.shape[:-2], 1, 1)
        return self._of(lower)

    @property
    def precisions_cholesky(self) -> Floats:
        return np.ascontiguousarray(np.swapaxes(self.whitening, -1, -2))

    @property
    def precisions(self) -> Floats:
        return np.asarray(np.swapaxes(self.whitening, -1, -2) @ self.whitening)


@final
class Tied(_CholeskyFactors):
    """One matrix for all components: shape ``(D, D)``.

    Examples
    --------
    >>> from gaussmix import Mixture, Tied
    >>> tied = Tied.from_covariances([[4.0, 2.0], [2.0, 2.0]])
    >>> Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], tied).covariances.dense(2, 2).shape
    (2, 2, 2)
    """

    form, axes = "tied", "(D, D)"

    @staticmethod
    def fewest_rows(n_features: int) -> int:
        return 0

    @classmethod
    def shape(cls, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_features, n_features)

    def of(self, components: slice | Flags | Labels) -> Self:
        return self

    def colour(self, k: int, white: Floats) -> Floats:
        return np.asarray(white @ self.factors.T)

    def log_det(self, n_components: int, n_features: int) -> Floats:
        return np.full(n_components, log_det_of_triangles(self.factors))

    def dense(self, n_components: int, n_features: int) -> Floats:
        return np.repeat(self.covariances[None], n_components, axis=0)

    def cholesky(self, n_components: int, n_features: int) -> Floats:
        return np.repeat(self.factors[None], n_components, axis=0)


@final
class Full(_CholeskyFactors):
    """One matrix for each component: shape ``(K, D, D)``.

    Examples
    --------
    >>> from gaussmix import Full
    >>> full = Full.from_covariances([[[4.0, 2.0], [2.0, 2.0]], [[1.0, 0.0], [0.0, 1.0]]])
    >>> full.precisions[0]
    array([[ 0.5, -0.5],
           [-0.5,  1. ]])
    """

    form, axes = "full", "(K, D, D)"

    @staticmethod
    def fewest_rows(n_features: int) -> int:
        return n_features + 2

    @classmethod
    def shape(cls, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components, n_features, n_features)

    def colour(self, k: int, white: Floats) -> Floats:
        return np.asarray(white @ self.factors[k].T)

    def log_det(self, n_components: int, n_features: int) -> Floats:
        return log_det_of_triangles(self.factors)

    def dense(self, n_components: int, n_features: int) -> Floats:
        return self.covariances

    def cholesky(self, n_components: int, n_features: int) -> Floats:
        return self.factors
