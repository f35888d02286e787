"""How K covariance matrices are stored: one number, a diagonal or a matrix each, or one matrix for all."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self, final

import numpy as np

from gaussmix._types import ArrayLike, Flags, Floats, Labels
from gaussmix.linalg import (
    add_gram,
    cholesky_of_gram,
    describe_first_indefinite,
    invert_triangles,
    is_symmetric,
    log_det_of_triangles,
)
from gaussmix.values import real

__all__ = [
    "FORMS",
    "Covariances",
    "Diagonal",
    "Full",
    "NotPositiveDefiniteError",
    "Spherical",
    "Tied",
    "stays_diagonal",
]


_NARROW = 64  # features, up to which matrices D × D are as small as nothing: 32 kB


class NotPositiveDefiniteError(ValueError):
    """A covariance that has no Cholesky factor; its message names the component."""


@dataclass(frozen=True, eq=False)
class Covariances(ABC):
    r"""K covariance matrices :math:`\Sigma_k = L_k L_k^\top`, held as their lower Cholesky factors.

    Attributes
    ----------
    factors : ndarray
        The factors in the storage form's own shape. For :class:`Spherical` and :class:`Diagonal` these are standard
        deviations.
    correlated : bool
        Whether the form holds covariances of different features.
    """

    factors: Floats
    form: ClassVar[str]
    axes: ClassVar[str]
    correlated: ClassVar[bool]

    def __post_init__(self) -> None:
        factors = np.array(real("factors", self.factors), dtype=np.float64)
        factors.flags.writeable = False
        if not self._are_factors(factors):
            msg = f"{type(self).__name__} takes {self._wanted}; use {type(self).__name__}.from_covariances(array)."
            raise NotPositiveDefiniteError(msg)
        object.__setattr__(self, "factors", factors)

    @classmethod
    def _of(cls, factors: Floats) -> Self:
        """The same without the check, for factors that were just computed."""
        covariances = object.__new__(cls)
        factors.flags.writeable = False
        object.__setattr__(covariances, "factors", factors)
        return covariances

    def __reduce__(self) -> tuple[Any, ...]:
        return self._of, (self.factors,)

    _wanted: ClassVar[str]

    @staticmethod
    @abstractmethod
    def _are_factors(factors: Floats) -> bool:
        """Whether an array holds finite lower triangles with positive diagonals, or positive deviations."""

    @classmethod
    def _in_shape(cls, values: ArrayLike) -> Floats:
        """An array of the form's own shape; raise ``ValueError`` where it is none."""
        array = real(f"the array of {cls.__name__}", values).astype(np.float64, copy=False)
        if array.ndim == 0 or array.shape != cls.shape(len(array), array.shape[-1]):
            msg = f"{cls.__name__} takes an array of shape {cls.axes}, got {array.shape}."
            raise ValueError(msg)
        return array

    @classmethod
    @abstractmethod
    def from_covariances(cls, covariances: ArrayLike) -> Self:
        """Factor covariances given in the form's own shape; raise :class:`NotPositiveDefiniteError` where none is."""

    @classmethod
    @abstractmethod
    def from_precisions(cls, precisions: ArrayLike) -> Self:
        """Factor inverse covariances given in the form's own shape; raise ``ValueError`` for what is no precision."""

    @classmethod
    @abstractmethod
    def shape(cls, n_components: int, n_features: int) -> tuple[int, ...]:
        """Shape of the stored arrays."""

    @staticmethod
    @abstractmethod
    def fewest_rows(n_features: int) -> int:
        """Return the number of rows below which a component has too few for a covariance of its own.

        A sample covariance of n rows has an inverse from n = D + 1 on, a sample variance from n = 2 on; the bounds are
        one row more.

        Parameters
        ----------
        n_features : int
            D.
        """

    @property
    @abstractmethod
    def covariances(self) -> Floats:
        """The covariances in the form's own shape, as scikit-learn's ``covariances_``."""

    @cached_property
    @abstractmethod
    def whitening(self) -> Floats:
        """The inverse factors ``L⁻¹`` in the form's own shape, for the pass over the rows."""

    @abstractmethod
    def whiten(self, centred: Floats) -> Floats:
        """``L_k⁻¹ (x - μ_k)`` for rows that are centred already, ``(K, n, D) -> (K, n, D)``."""

    @abstractmethod
    def colour(self, k: int, white: Floats) -> Floats:
        """``L_k z`` for standard normal rows: the reverse of :meth:`whiten`."""

    @abstractmethod
    def log_det(self, n_components: int, n_features: int) -> Floats:
        """``log det Σ_k`` as ``(K,)``."""

    @abstractmethod
    def relative_trace(self, variances: Floats) -> Floats:
        """Return ``tr(Σ_k⁻¹ diag(variances))`` for variances ``(D,)``, as ``(K,)``, or ``(1,)`` where all share one."""

    @abstractmethod
    def variances(self, n_components: int, n_features: int) -> Floats:
        """Return the diagonals of all K matrices, ``(K, D)``, without the matrices."""

    @abstractmethod
    def dense(self, n_components: int, n_features: int) -> Floats:
        """All K matrices, written out as ``(K, D, D)``."""

    @abstractmethod
    def triangles(self, n_components: int, n_features: int) -> Floats:
        """All K factors, written out as ``(K, D, D)``."""

    def of(self, components: slice | Flags | Labels) -> Self:
        """The covariances of some components."""
        return self._of(self.factors[components])

    @abstractmethod
    def marginal(self, features: list[int]) -> Self:
        """The covariances of some features, in the order given, in the same form."""

    @abstractmethod
    def conditional(self, given: list[int], rest: list[int], n_components: int) -> "tuple[Floats, Covariances]":
        """What the features `given` say of the `rest`: regression coefficients ``(K, R, G)``, and what is left."""

    @abstractmethod
    def mapped(self, matrix: Floats, n_components: int) -> "Covariances":
        """``A Σ_k Aᵀ`` for a matrix ``(M, D)`` of rank M."""

    @abstractmethod
    def widened(self, root: Floats, n_components: int) -> "Covariances":
        """``Σ_k + C`` for noise with deviations ``(D,)``, or with a covariance ``C = RᵀR`` given by R ``(D, D)``."""

    @abstractmethod
    def wider_given(self, n_given: int, factors: Floats, n_features: int) -> "Covariances":
        """Multiply by factors ``(K,)`` what the first features leave of the others; one matrix takes equal factors."""

    def times(self, factor: float) -> Self:
        """The covariances of rows that are so many times as large."""
        return self._of(self.factors * factor)

    @property
    @abstractmethod
    def precisions_cholesky(self) -> Floats:
        """Upper factors ``U`` with ``Σ⁻¹ = U Uᵀ``, in the form's own shape, as scikit-learn's."""

    @property
    @abstractmethod
    def precisions(self) -> Floats:
        """The inverse covariances in the form's own shape, as scikit-learn's ``precisions_``."""


class _StandardDeviations(Covariances):
    """What the two forms without correlations share: the factors are standard deviations, one or D for a component."""

    correlated = False
    _wanted = "standard deviations, positive and finite"

    @staticmethod
    def _are_factors(factors: Floats) -> bool:
        return bool((np.isfinite(factors) & (factors > 0)).all())

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
        """The standard deviations, written out as ``(K, D)``."""

    def variances(self, n_components: int, n_features: int) -> Floats:
        return self.deviations(n_components, n_features) ** 2

    def dense(self, n_components: int, n_features: int) -> Floats:
        return self.deviations(n_components, n_features)[:, :, None] ** 2 * np.eye(n_features)

    def triangles(self, n_components: int, n_features: int) -> Floats:
        return self.deviations(n_components, n_features)[:, :, None] * np.eye(n_features)

    def conditional(self, given: list[int], rest: list[int], n_components: int) -> tuple[Floats, Covariances]:
        return np.zeros((n_components, len(rest), len(given))), self.marginal(rest)

    def mapped(self, matrix: Floats, n_components: int) -> Covariances:
        deviations = self.deviations(n_components, matrix.shape[1])
        if (np.count_nonzero(matrix, axis=1) == 1).all():  # features in other units or order
            column = np.abs(matrix).argmax(axis=1)
            return Diagonal(deviations[:, column] * np.abs(matrix).max(axis=1))
        return Full(cholesky_of_gram(deviations[:, :, None] * matrix.T))

    def widened(self, root: Floats, n_components: int) -> Covariances:
        deviations = self.deviations(n_components, root.shape[-1])
        if root.ndim == 1:
            return Diagonal(np.hypot(deviations, root))
        return Full(add_gram(deviations[:, :, None] * np.eye(len(root)), root))

    def wider_given(self, n_given: int, factors: Floats, n_features: int) -> Covariances:
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
    """One variance for each component: shape ``(K,)``."""

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
    """One variance for each component and feature: shape ``(K, D)``."""

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


class _Triangles(Covariances):
    """What the two forms with correlations share: lower triangular factors in the last two axes."""

    correlated = True
    _wanted = "lower triangular Cholesky factors with positive diagonals"

    @staticmethod
    def _are_factors(factors: Floats) -> bool:
        square = factors.ndim > 1 and factors.shape[-1] == factors.shape[-2]
        lower = square and np.array_equal(factors, np.tril(factors)) and np.isfinite(factors).all()
        return bool(lower and (np.diagonal(factors, axis1=-2, axis2=-1) > 0).all())

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
        # With the given features first, L = [[G, 0], [C, R]]: the coefficients are C G⁻¹, and R is what is left.
        lower, size = self.marginal([*given, *rest]).factors, len(given)
        coefficients = lower[..., size:, :size] @ invert_triangles(lower[..., :size, :size])
        left = self._of(lower[..., size:, size:].copy())
        return np.broadcast_to(coefficients, (n_components, len(rest), size)), left

    def mapped(self, matrix: Floats, n_components: int) -> Covariances:
        return self._of(cholesky_of_gram(np.swapaxes(self.factors, -1, -2) @ matrix.T))

    def widened(self, root: Floats, n_components: int) -> Covariances:
        return self._of(add_gram(self.factors, np.diag(root) if root.ndim == 1 else root))

    def wider_given(self, n_given: int, factors: Floats, n_features: int) -> Covariances:
        # With the given features first, L = [[G, 0], [C, R]], and R is what they leave of the others.
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
class Tied(_Triangles):
    """One matrix for all components: shape ``(D, D)``."""

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

    def triangles(self, n_components: int, n_features: int) -> Floats:
        return np.repeat(self.factors[None], n_components, axis=0)


@final
class Full(_Triangles):
    """One matrix for each component: shape ``(K, D, D)``."""

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

    def triangles(self, n_components: int, n_features: int) -> Floats:
        return self.factors


FORMS: dict[str, type[Covariances]] = {form.form: form for form in (Spherical, Diagonal, Tied, Full)}
"""The storage forms by their names, the smallest first."""


def stays_diagonal(covariances: Covariances | type[Covariances], n_features: int) -> bool:
    """Return whether what is made of diagonal covariances is to be diagonal too: matrices D × D would be too large."""
    return not covariances.correlated and n_features > _NARROW
