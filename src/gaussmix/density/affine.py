"""Mixtures derived from a mixture: marginal, affine map, convolution with noise, and join with other features."""

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.linalg import block_diag

from gaussmix._types import ArrayLike, Floats
from gaussmix.arguments import as_mixture, check_finite
from gaussmix.covariances import Full
from gaussmix.density.features import Feature, features_of, indices, names
from gaussmix.linalg import is_symmetric

if TYPE_CHECKING:
    from gaussmix.mixture import HasMixture, Mixture

__all__ = ["convolve", "join", "marginal", "transform"]


def marginal(mixture: "Mixture", features: Feature | Iterable[Feature]) -> "Mixture":
    r"""Return the distribution of a selection of the features.

    Each component keeps its weight, and its mean and covariance on the selected features. The form of the covariances
    stays the same.

    Parameters
    ----------
    features : int, str, or several of them
        Indices or names of the features to keep, in the order wanted.

    Returns
    -------
    Mixture
        The mixture of the selected features.

    Raises
    ------
    ValueError
        If a feature is unknown or named twice.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.3, 0.7], [[0.0, 1.0], [4.0, 2.0]], [1.0, 4.0], feature_names=["x", "y"])
    >>> mixture.marginal("y").mean
    array([1.7])
    """
    kept = indices(mixture, features)
    covariances = mixture.covariances.marginal(kept)
    return type(mixture)(mixture.weights, mixture.means[:, kept], covariances, feature_names=names(mixture, kept))


def transform(
    mixture: "Mixture", matrix: ArrayLike, offset: ArrayLike = 0.0, *, feature_names: Iterable[str] | None = None
) -> "Mixture":
    r"""Return the distribution of :math:`A x + b`: in other units, rotated, or projected.

    .. math:: \mu_k \mapsto A \mu_k + b, \qquad \Sigma_k \mapsto A \Sigma_k A^\top

    Parameters
    ----------
    matrix : (M, D) array_like
        A, of rank M: no row is a linear combination of the others, so that M is at most D. The columns of a frame are
        found by the names of the features.
    offset : float or (M,) array_like, default 0
        b.
    feature_names : sequence of str, optional
        Names of the M new features.

    Returns
    -------
    Mixture
        The mixture of the M new features.

    Raises
    ------
    ValueError
        If shapes disagree, or the rank of the matrix is less than M, because mapped rows would lie in a plane.

    Examples
    --------
    Convert degrees Celsius to degrees Fahrenheit:

    >>> from gaussmix import Mixture
    >>> celsius = Mixture([0.5, 0.5], [[0.0], [20.0]], [4.0, 9.0], feature_names=["celsius"])
    >>> celsius.transform([[1.8]], 32.0, feature_names=["fahrenheit"]).means
    array([[32.],
           [68.]])
    """
    linear, shift = check_finite("matrix", features_of(mixture, "matrix", matrix)), check_finite("offset", offset)
    if linear.ndim != 2 or linear.shape[1] != mixture.n_features or not len(linear):  # noqa: PLR2004 - a matrix
        msg = f"matrix must have shape (M, {mixture.n_features}), with M at least 1, got {linear.shape}."
        raise ValueError(msg)
    if shift.shape not in {(), (len(linear),)}:
        msg = f"offset must be a number or of shape ({len(linear)},), got shape {shift.shape}."
        raise ValueError(msg)
    _check_rank(linear, np.sqrt(mixture.variances))
    with np.errstate(over="ignore", invalid="ignore"):
        means = mixture.means @ linear.T + shift
    if not np.isfinite(means).all():
        raise ValueError("matrix and offset must be smaller: the means of the new features are too large for floats.")
    covariances = mixture.covariances.mapped(linear, mixture.n_components)
    return type(mixture)(mixture.weights, means, covariances, feature_names=cast("Sequence[str]", feature_names))


def convolve(mixture: "Mixture", covariance: ArrayLike) -> "Mixture":
    r"""Return the distribution of the rows plus independent Gaussian noise of mean zero: :math:`\Sigma_k + C`.

    Parameters
    ----------
    covariance : float, (D,) or (D, D) array_like
        C: a variance for all features, a variance for each feature, or a matrix. Zero variances are allowed.

    Returns
    -------
    Mixture
        The mixture with covariances :math:`\Sigma_k + C`.

    Raises
    ------
    ValueError
        If C is of another shape, not finite, not symmetric, or has a negative eigenvalue.

    Notes
    -----
    A matrix is decomposed in units of its own standard deviations, so that very different amounts of noise are all
    added precisely.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> sharp = Mixture([0.5, 0.5], [[0.0], [20.0]], [4.0, 9.0])
    >>> sharp.convolve(1.0).covariances.covariances.ravel()
    array([ 5., 10.])
    """
    covariances = mixture.covariances.convolved(_noise_root(covariance, mixture.n_features), mixture.n_components)
    return type(mixture)(mixture.weights, mixture.means, covariances, feature_names=mixture.feature_names)


def join(mixture: "Mixture", *others: "Mixture | HasMixture") -> "Mixture":
    """Return the joint distribution of independent features: those of this mixture, then those of the others.

    Each component of a mixture is combined with each component of the others, so that the numbers of components
    multiply. Covariances become full.

    Parameters
    ----------
    *others : Mixture or fitted estimator
        Distributions of other features.

    Returns
    -------
    Mixture
        The mixture of all features, with components in the order of :func:`itertools.product`. Feature names are kept
        if all mixtures have names and no name occurs twice.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> speed = Mixture([0.5, 0.5], [[10.0], [30.0]], [4.0, 9.0])
    >>> angle = Mixture([1.0], [[0.0]], [1.0])
    >>> speed.join(angle).means
    array([[10.,  0.],
           [30.,  0.]])
    """
    return reduce(_pair, [as_mixture("others", other, type(mixture)) for other in others], mixture)


def _pair(left: "Mixture", right: "Mixture") -> "Mixture":
    i, j = (index.ravel() for index in np.indices((left.n_components, right.n_components)))
    factors = [one.factors[k] for one, k in ((left, i), (right, j))]
    joint = [block_diag(*pair) for pair in zip(*factors, strict=True)]
    known = (*(left.feature_names or ()), *(right.feature_names or ()))
    return type(left)(
        left.weights[i] * right.weights[j],
        np.concatenate([left.means[i], right.means[j]], axis=1),
        Full(np.stack(joint)),
        feature_names=known if len(set(known)) == left.n_features + right.n_features else None,
    )


def _check_rank(matrix: Floats, deviations: Floats) -> None:
    """Raise ``ValueError`` if a row is a linear combination of the others, in units of the features' deviations.

    The scale of the rows does not matter.
    """
    rank = np.linalg.matrix_rank(_scale_rows(_scale_rows(matrix) * deviations))
    if rank < len(matrix):
        msg = (
            f"matrix must have {len(matrix)} linearly independent rows, got rank {rank}: the mapped rows would lie in "
            "a plane and have no density. Leave out rows of the matrix, or map samples instead."
        )
        raise ValueError(msg)


def _scale_rows(matrix: Floats) -> Floats:
    """Return the rows of a matrix, each divided by its largest absolute value."""
    sizes = np.abs(matrix).max(axis=1, keepdims=True)
    return np.asarray(matrix / np.where(sizes > 0, sizes, 1.0))


def _noise_root(covariance: ArrayLike, n_features: int) -> Floats:
    """Return the deviations ``(D,)`` of uncorrelated noise, or a square root R ``(D, D)`` of its covariance ``RᵀR``."""
    noise = check_finite("covariance", covariance)
    if noise.shape not in {(), (n_features,), (n_features, n_features)}:
        msg = (
            f"covariance must be a number or of shape ({n_features},) or ({n_features}, {n_features}), got shape "
            f"{noise.shape}."
        )
        raise ValueError(msg)
    is_matrix = noise.ndim == 2  # noqa: PLR2004 - a matrix
    variances = np.diagonal(noise) if is_matrix else np.broadcast_to(noise, n_features)
    if variances.min() < 0:
        msg = f"covariance must have no negative variance, got {variances.min():.3g}."
        raise ValueError(msg)
    deviations = np.sqrt(variances)
    return _correlated_root(noise, deviations) if is_matrix else deviations


def _correlated_root(covariance: Floats, deviations: Floats) -> Floats:
    """Return a square root of the covariance from the eigenvectors of the correlations.

    Eigenvalues of the size of rounding count as zero.
    """
    if not is_symmetric(covariance):
        msg = "covariance must be symmetric."
        raise ValueError(msg)
    units = np.where(deviations > 0, deviations, 1.0)
    values, vectors = np.linalg.eigh(covariance / units / units[:, None])
    rounding = len(values) * np.finfo(np.float64).eps * np.abs(values).max()
    if values.min() < -rounding:
        msg = (
            "covariance must have no negative variance in any direction, got a correlation matrix with the "
            f"eigenvalue {values.min():.3g}."
        )
        raise ValueError(msg)
    return np.asarray(np.sqrt(np.where(values > rounding, values, 0.0))[:, None] * vectors.T * deviations)
