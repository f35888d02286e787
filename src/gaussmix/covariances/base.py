"""The base of the storage forms of K covariance matrices."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import ArrayLike, Flags, Floats, Labels
from gaussmix.values import real

__all__ = ["SMALLEST_FACTOR", "Covariances", "NotPositiveDefiniteError"]

SMALLEST_FACTOR = float(np.finfo(np.float64).tiny)
"""The smallest standard deviation: the smallest normal number, 2.2e-308. The inverses of smaller ones overflow."""


class NotPositiveDefiniteError(ValueError):
    """A covariance that has no Cholesky factor; its message names the component."""


@dataclass(frozen=True, eq=False)
class Covariances(ABC):
    r"""K covariance matrices :math:`\Sigma_k = L_k L_k^\top`, stored as their lower Cholesky factors.

    Attributes
    ----------
    factors : ndarray
        The Cholesky factors in the storage form's own shape. For :class:`Spherical` and :class:`Diagonal` these are
        standard deviations.
    correlated : bool
        True where the form stores covariances of different features.

    Examples
    --------
    >>> from gaussmix import Diagonal, Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], Diagonal.from_covariances([[1.0, 4.0], [1.0, 1.0]]))
    >>> mixture.covariances.factors
    array([[1., 2.],
           [1., 1.]])
    >>> mixture.covariances.covariances
    array([[1., 4.],
           [1., 1.]])
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
        """Return covariances with factors that were just computed, and need no check."""
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
        """Return whether an array holds finite Cholesky factors, or positive and finite standard deviations."""

    @classmethod
    def _in_shape(cls, values: ArrayLike) -> Floats:
        """Return an array of the form's own shape; raise ``ValueError`` for an array of another shape."""
        array = real(f"the array of {cls.__name__}", values).astype(np.float64, copy=False)
        if array.ndim == 0 or array.shape != cls.shape(len(array), array.shape[-1]):
            msg = f"{cls.__name__} takes an array of shape {cls.axes}, got {array.shape}."
            raise ValueError(msg)
        return array

    @classmethod
    @abstractmethod
    def from_covariances(cls, covariances: ArrayLike) -> Self:
        """Factor covariances in the form's own shape; raise :class:`NotPositiveDefiniteError` for an indefinite one.

        Examples
        --------
        >>> from gaussmix import Full, Spherical
        >>> Spherical.from_covariances([1.0, 4.0]).factors
        array([1., 2.])
        >>> Full.from_covariances([[[4.0, 2.0], [2.0, 2.0]]]).factors
        array([[[2., 0.],
                [1., 1.]]])
        """

    @classmethod
    @abstractmethod
    def from_precisions(cls, precisions: ArrayLike) -> Self:
        """Factor inverse covariances in the form's own shape; raise ``ValueError`` for an indefinite one.

        Examples
        --------
        >>> from gaussmix import Spherical
        >>> Spherical.from_precisions([1.0, 4.0]).covariances
        array([1.  , 0.25])
        """

    @classmethod
    @abstractmethod
    def shape(cls, n_components: int, n_features: int) -> tuple[int, ...]:
        """Return the shape of the stored arrays.

        Examples
        --------
        >>> from gaussmix import Full, Tied
        >>> Full.shape(3, 2), Tied.shape(3, 2)
        ((3, 2, 2), (2, 2))
        """

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

        Examples
        --------
        >>> from gaussmix import Diagonal, Full
        >>> Full.fewest_rows(5), Diagonal.fewest_rows(5)
        (7, 3)
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
        """Return ``L_k⁻¹ (x - μ_k)`` for rows that are centred already, ``(K, n, D) -> (K, n, D)``.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Spherical
        >>> Spherical([1.0, 2.0]).whiten(np.array([[[4.0, 2.0]], [[4.0, 2.0]]]))[1]
        array([[2., 1.]])
        """

    @abstractmethod
    def colour(self, k: int, white: Floats) -> Floats:
        """Multiply standard normal rows ``(n, D)`` by the Cholesky factor of covariance k: the inverse of `whiten`.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Full
        >>> Full([[[2.0, 0.0], [1.0, 1.0]]]).colour(0, np.array([[1.0, 0.0], [0.0, 1.0]]))
        array([[2., 1.],
               [0., 1.]])
        """

    @abstractmethod
    def log_det(self, n_components: int, n_features: int) -> Floats:
        """Return ``log det Σ_k`` as ``(K,)``.

        Examples
        --------
        >>> from gaussmix import Spherical
        >>> Spherical.from_covariances([1.0, 4.0]).log_det(2, 3).round(3)
        array([0.   , 4.159])
        """

    @abstractmethod
    def relative_trace(self, variances: Floats) -> Floats:
        """Return ``tr(Σ_k⁻¹ diag(variances))`` for variances ``(D,)``, as ``(K,)``, or ``(1,)`` for a shared matrix.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Spherical
        >>> Spherical.from_covariances([1.0, 4.0]).relative_trace(np.array([1.0, 3.0]))
        array([4., 1.])
        """

    @abstractmethod
    def variances(self, n_components: int, n_features: int) -> Floats:
        """Return the diagonals of all K matrices, ``(K, D)``, without the matrices.

        Examples
        --------
        >>> from gaussmix import Tied
        >>> Tied.from_covariances([[4.0, 2.0], [2.0, 2.0]]).variances(3, 2)
        array([[4., 2.],
               [4., 2.],
               [4., 2.]])
        """

    @abstractmethod
    def dense(self, n_components: int, n_features: int) -> Floats:
        """Return all K matrices as ``(K, D, D)``.

        Examples
        --------
        >>> from gaussmix import Spherical
        >>> Spherical.from_covariances([1.0, 4.0]).dense(2, 2)[1]
        array([[4., 0.],
               [0., 4.]])
        """

    @abstractmethod
    def cholesky(self, n_components: int, n_features: int) -> Floats:
        """Return all K Cholesky factors as ``(K, D, D)``.

        Examples
        --------
        >>> from gaussmix import Spherical
        >>> Spherical.from_covariances([1.0, 4.0]).cholesky(2, 2)[1]
        array([[2., 0.],
               [0., 2.]])
        """

    def of(self, components: slice | Flags | Labels) -> Self:
        """Return the covariances of the given components.

        Examples
        --------
        >>> from gaussmix import Spherical
        >>> Spherical.from_covariances([1.0, 4.0, 9.0]).of([0, 2]).covariances
        array([1., 9.])
        """
        return self._of(self.factors[components])

    @abstractmethod
    def marginal(self, features: list[int]) -> Self:
        """Return the covariances of the given features, in their order, in the same form.

        Examples
        --------
        >>> from gaussmix import Full
        >>> Full.from_covariances([[[4.0, 2.0], [2.0, 2.0]]]).marginal([1]).covariances
        array([[[2.]]])
        """

    @abstractmethod
    def conditional(self, given: list[int], rest: list[int], n_components: int) -> "tuple[Floats, Covariances]":
        """Return the regression of the features `rest` on the features `given`.

        Returns
        -------
        coefficients : (K, R, G) ndarray
        residual : Covariances
            The covariances of the R features given the others.

        Examples
        --------
        >>> from gaussmix import Full
        >>> coefficients, residual = Full.from_covariances([[[4.0, 2.0], [2.0, 2.0]]]).conditional([0], [1], 1)
        >>> coefficients
        array([[[0.5]]])
        >>> residual.covariances
        array([[[1.]]])
        """

    @abstractmethod
    def mapped(self, matrix: Floats, n_components: int) -> "Covariances":
        """Return ``A Σ_k Aᵀ`` for a matrix ``(M, D)`` of rank M.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Diagonal
        >>> Diagonal.from_covariances([[1.0, 4.0]]).mapped(np.array([[1.0, 1.0]]), 1).dense(1, 1)
        array([[[5.]]])
        """

    @abstractmethod
    def convolved(self, root: Floats, n_components: int) -> "Covariances":
        """Return ``Σ_k + C`` for noise of deviations ``(D,)``, or of a covariance ``C = RᵀR`` given by R ``(D, D)``.

        The sum of a normal variable and independent normal noise has this covariance.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Diagonal
        >>> Diagonal.from_covariances([[9.0, 16.0]]).convolved(np.array([4.0, 3.0]), 1).covariances
        array([[25., 25.]])
        """

    @abstractmethod
    def with_inflated_residuals(self, n_given: int, factors: Floats, n_features: int) -> "Covariances":
        """Multiply the covariances of the last features given the first ones by factors ``(K,)``.

        The coefficients of the regression on the first features stay as they are. A shared matrix takes the first of
        the factors, which must be equal.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Full
        >>> wider = Full.from_covariances([[[4.0, 2.0], [2.0, 2.0]]]).with_inflated_residuals(1, np.array([3.0]), 2)
        >>> wider.covariances                                          # the variance of y given x was 1
        array([[[4., 2.],
                [2., 4.]]])
        """

    def times(self, factor: float) -> Self:
        """Return the covariances of the rows times a positive factor.

        Examples
        --------
        >>> from gaussmix import Spherical
        >>> Spherical.from_covariances([1.0, 4.0]).times(10.0).covariances
        array([100., 400.])
        """
        return self._of(self.factors * factor)

    @property
    @abstractmethod
    def precisions_cholesky(self) -> Floats:
        """Upper factors ``U`` with ``Σ⁻¹ = U Uᵀ``, in the form's own shape, as scikit-learn's."""

    @property
    @abstractmethod
    def precisions(self) -> Floats:
        """The inverse covariances in the form's own shape, as scikit-learn's ``precisions_``."""
