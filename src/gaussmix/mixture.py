"""The Gaussian mixture: a distribution with known parameters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from reprlib import repr as shorten
from typing import Any, Protocol

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import ArrayLike, Floats, Labels, Rows
from gaussmix.arguments import check_finite
from gaussmix.covariances import FORMS, Covariances
from gaussmix.density import (
    affine,
    bhattacharyya,
    box,
    conditioning,
    description,
    divergences,
    entropy,
    features,
    imputation,
    interop,
    level,
    modes,
    moments,
    reduction,
    sampling,
    transport,
    univariate,
)
from gaussmix.engines import assessment
from gaussmix.values import real

__all__ = ["HasMixture", "Mixture"]

_LOG_2PI = float(np.log(2.0 * np.pi))
_SUM_TOLERANCE = 1e-6
"""The largest error of the sum of the weights: the rounding of single precision."""
_ROUNDING = 1e-12
"""The error of the sum of the weights that counts as rounding in double precision; such weights are not scaled."""


@dataclass(frozen=True, eq=False, repr=False)
class Mixture:
    r"""A Gaussian mixture with known parameters.

    .. math:: p(x) = \sum_{k=1}^{K} \pi_k \, \mathcal{N}(x; \mu_k, \Sigma_k)

    The parameters may come from a fit, from a paper, or from the user. A mixture cannot be changed.

    Parameters
    ----------
    weights : (K,) array_like
        Mixing proportions: not negative, with the sum one. A sum that differs from one by at most 1e-6, as in single
        precision, is corrected by scaling.
    means : (K, D) array_like
        Component means, in the units of the rows.
    covariances : array_like or Covariances
        Component covariances, in squared units: shape ``(K,)`` for one variance each, ``(K, D)`` for diagonals,
        ``(D, D)`` for one matrix shared by all, ``(K, D, D)`` for a matrix each. Where K equals D, choose the form
        with ``Diagonal.from_covariances(array)`` or ``Tied.from_covariances(array)``.
    feature_names : sequence of str, optional
        Names of the D columns; they travel with the mixture into files and tables.

    Raises
    ------
    ValueError
        If shapes disagree, weights are not a distribution, or a covariance is not positive definite. The message names
        the argument and the component.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture(weights=[0.3, 0.7], means=[[0.0, 0.0], [4.0, 1.0]], covariances=[1.0, 2.0])
    >>> mixture.logpdf([[0.0, 0.0]]).round(4)
    array([-3.0253])
    >>> mixture.predict([[0.0, 0.0], [5.0, 2.0]])
    array([0, 1])
    >>> mixture.mean
    array([2.8, 0.7])
    """

    weights: Floats
    means: Floats
    covariances: Covariances
    feature_names: tuple[str, ...] | None

    def __init__(
        self,
        weights: ArrayLike,
        means: ArrayLike,
        covariances: ArrayLike | Covariances,
        *,
        feature_names: Sequence[str] | None = None,
    ) -> None:
        checked_means = _matrix("means", means)
        n_components, n_features = checked_means.shape
        stored = (
            covariances
            if isinstance(covariances, Covariances)
            else _stored(real("covariances", covariances), n_components, n_features)
        )
        expected = stored.shape(n_components, n_features)
        if stored.factors.shape != expected:
            msg = (
                f"{type(stored).__name__} covariances for {n_components} components in {n_features} dimensions "
                f"must have shape {expected}, got {stored.factors.shape}."
            )
            raise ValueError(msg)
        names = None if feature_names is None else _names(feature_names, n_features)
        object.__setattr__(self, "weights", _frozen(_proportions(weights, n_components)))
        object.__setattr__(self, "means", _frozen(checked_means))
        object.__setattr__(self, "covariances", stored)
        object.__setattr__(self, "feature_names", names)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.weights, self.means, self.covariances, self.feature_names)

    __repr__ = description.describe

    @property
    def n_components(self) -> int:
        """Number of components, K."""
        return len(self.means)

    @property
    def n_features(self) -> int:
        """Number of features, D."""
        return int(self.means.shape[1])

    @cached_property
    def log_norms(self) -> Floats:
        """The sum of ``log(weight_k)`` and the log-density of component k at its mean, ``(K,)``."""
        with np.errstate(divide="ignore"):
            log_weights = np.log(self.weights)
        log_det = self.covariances.log_det(self.n_components, self.n_features)
        return np.asarray(log_weights - 0.5 * (self.n_features * _LOG_2PI + log_det))

    @property
    def factors(self) -> Floats:
        """Lower Cholesky factors of all covariances, ``(K, D, D)``, for each storage form."""
        return self.covariances.cholesky(self.n_components, self.n_features)

    @property
    def mean(self) -> Floats:
        """Mean of the whole distribution, ``(D,)``."""
        return self.weights @ self.means

    @cached_property
    def covariance(self) -> Floats:
        """Covariance of the whole distribution, ``(D, D)``: the covariances within and between components."""
        spread = self.means - self.mean
        within = np.einsum("k,kij->ij", self.weights, self.covariances.dense(self.n_components, self.n_features))
        return _frozen(within + (spread.T * self.weights) @ spread)

    @cached_property
    def variances(self) -> Floats:
        """Variance of each feature in the whole distribution, ``(D,)``: the diagonal of :attr:`covariance`."""
        spread = self.means - self.mean
        within = self.covariances.variances(self.n_components, self.n_features)
        return _frozen(self.weights @ (within + np.square(spread)))

    @property
    def skewness(self) -> Floats:
        """Skewness of each feature, ``(D,)``: its third central moment in units of its standard deviation."""
        return moments.skewness(self)

    @property
    def kurtosis(self) -> Floats:
        """Excess kurtosis of each feature, ``(D,)``: 0 for a Gaussian."""
        return moments.kurtosis(self)

    def logpdf(self, rows: ArrayLike) -> Floats:
        """Return the logarithm of the density at each row.

        Parameters
        ----------
        rows : (n, D) array_like
            Points. Far points have finite log-densities too: at least the lowest finite float. NaN is a missing value:
            the density is then the marginal density of the observed values, with log-density 0 if there are none. The
            columns of a frame are found by the names of the features, in any order; other columns are ignored.

        Returns
        -------
        (n,) ndarray
            Log-densities, in nats.

        Raises
        ------
        TypeError, ValueError
            If a value is not a number or infinite, a feature has no column, or the shape is not ``(n, D)``.

        Examples
        --------
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [1.0, 2.0])
        >>> mixture.logpdf([[0.0, 0.0], [1e200, 0.0]])
        array([-2.49080163e+000, -1.79769313e+308])
        """
        points, holes = self._points(rows)
        return assessment.log_densities(self, points, holes=holes)

    def pdf(self, rows: ArrayLike) -> Floats:
        """Return the density at each row, ``(n, D) -> (n,)``.

        Examples
        --------
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [1.0, 2.0])
        >>> mixture.pdf([[0.0, 0.0], [3.0, 1.0]]).round(4)
        array([0.0828, 0.0403])
        """
        return np.exp(self.logpdf(rows))

    def responsibilities(self, rows: ArrayLike) -> Floats:
        """Return the probability of each component for each row, ``(n, D) -> (n, K)``; they sum to one for each row.

        Of a row with missing values (NaN), the observed values decide.

        Examples
        --------
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [1.0, 2.0])
        >>> mixture.responsibilities([[0.0, 0.0], [1.5, 0.5]]).round(3)
        array([[0.961, 0.039],
               [0.517, 0.483]])
        """
        points, holes = self._points(rows)
        return assessment.responsibilities(self, points, holes=holes)

    def predict(self, rows: ArrayLike) -> Labels:
        """Return the index of the most probable component of each row, ``(n, D) -> (n,)``.

        Examples
        --------
        >>> from gaussmix import Mixture
        >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [1.0, 2.0])
        >>> mixture.predict([[0.0, 0.0], [3.0, 1.0]])
        array([0, 1])
        """
        points, holes = self._points(rows)
        return assessment.labels(self, points, holes=holes)

    # --- Functions of a mixture, each in the file of `density` that is named after its subject ------------------------

    sample = sampling.sample
    sample_blocks = sampling.sample_blocks

    marginal = affine.marginal
    condition = conditioning.condition
    impute = imputation.impute
    transform = affine.transform
    convolve = affine.convolve
    join = affine.join

    cdf = univariate.cdf
    ppf = univariate.ppf
    interval = univariate.interval
    highest_density = univariate.highest_density
    level = level.level
    modes = modes.modes
    box_probability = box.box_probability

    entropy = entropy.entropy
    kl_divergence = divergences.kl_divergence
    js_divergence = divergences.js_divergence
    bhattacharyya = bhattacharyya.bhattacharyya
    wasserstein = transport.wasserstein

    merge = reduction.merge
    split = reduction.split
    reduce = reduction.reduce

    from_sklearn = classmethod(interop.from_sklearn)
    to_sklearn = interop.to_sklearn
    from_dict = classmethod(interop.from_dict)
    to_dict = interop.to_dict

    def _points(self, rows: ArrayLike) -> tuple[Rows, bool]:
        """Return rows of the mixture's features, and whether values are missing."""
        return features.rows_with_holes_of(self, "rows", rows)


class HasMixture(Protocol):
    """The type of a fitted estimator, which functions of mixtures take in place of its mixture."""

    @property
    def mixture_(self) -> Mixture:
        """The fitted mixture."""


def _restored(weights: Floats, means: Floats, covariances: Covariances, names: tuple[str, ...] | None) -> Mixture:
    """Return the mixture with these parameters, which were checked before they were pickled."""
    mixture = object.__new__(Mixture)
    parts = {"weights": _frozen(weights), "means": _frozen(means), "covariances": covariances, "feature_names": names}
    for name, part in parts.items():
        object.__setattr__(mixture, name, part)
    return mixture


def _frozen(array: Floats) -> Floats:
    copy = np.array(array, dtype=np.float64)
    copy.flags.writeable = False
    return copy


def _matrix(name: str, values: ArrayLike) -> Floats:
    matrix = check_finite(name, values)
    if matrix.ndim != 2 or 0 in matrix.shape:  # noqa: PLR2004 - components and features
        msg = f"{name} must have shape (n_components, n_features), got {matrix.shape}."
        raise ValueError(msg)
    return matrix


def _names(given: object, n_features: int) -> tuple[str, ...]:
    names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    different = dict.fromkeys(name for name in names if isinstance(name, str))
    if not len(names) == len(different) == n_features:
        msg = f"feature_names must be {n_features} different names, one for each feature, got {shorten(names)}."
        raise ValueError(msg)
    return tuple(different)


def _proportions(values: ArrayLike, n_components: int) -> Floats:
    weights = real("weights", values).astype(np.float64, copy=False)
    if weights.shape != (n_components,):
        msg = f"weights must have shape ({n_components},), one for each row of means, got {weights.shape}."
        raise ValueError(msg)
    if not (weights >= 0).all() or not abs(weights.sum() - 1.0) <= _SUM_TOLERANCE:
        msg = f"weights must be at least 0 and sum to 1, got {weights} with sum {weights.sum():.8g}."
        raise ValueError(msg)
    return weights if abs(weights.sum() - 1.0) <= _ROUNDING else weights / weights.sum()


def _stored(covariances: Floats, n_components: int, n_features: int) -> Covariances:
    """Return the covariances in the storage form whose shape the array has."""
    fitting = [form for form in FORMS.values() if form.shape(n_components, n_features) == covariances.shape]
    if len(fitting) > 1 and covariances.size > 1:
        msg = (
            f"covariances of shape {covariances.shape} could be diagonals or one shared matrix, as there are as many "
            "components as features; pass Diagonal.from_covariances(array) or Tied.from_covariances(array)."
        )
        raise ValueError(msg)
    if not fitting:
        shapes = [str(form.shape(n_components, n_features)) for form in FORMS.values()]
        wanted = ", ".join(dict.fromkeys(shapes))
        msg = (
            f"covariances for {n_components} components in {n_features} dimensions must have one of the shapes "
            f"{wanted}, got {covariances.shape}."
        )
        raise ValueError(msg)
    return fitting[0].from_covariances(covariances)
