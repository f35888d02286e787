"""Mixtures of the same rows seen otherwise: fewer features, other coordinates, noise added, other features beside."""

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

from gaussmix._types import ArrayLike, Floats
from gaussmix.covariances import Full
from gaussmix.density.features import Feature, indices, names
from gaussmix.density.validation import finite
from gaussmix.linalg import is_symmetric

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["convolve", "join", "marginal", "transform"]


def marginal(mixture: "Mixture", features: Feature | Iterable[Feature]) -> "Mixture":
    r"""The distribution of some of the features.

    Each component keeps its weight, and its mean and covariance on those features; covariances stay of their form.

    Parameters
    ----------
    features : int, str, or several of them
        Indices or names of the features to keep, in the order wanted.

    Returns
    -------
    Mixture
        With as many features as were named.

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
    r"""The distribution of :math:`A x + b`: in other units, turned, or projected.

    .. math:: \mu_k \mapsto A \mu_k + b, \qquad \Sigma_k \mapsto A \Sigma_k A^\top

    Parameters
    ----------
    matrix : (M, D) array_like
        A, of rank M: at most as many rows as there are features, and none a combination of the others.
    offset : float or (M,) array_like, default 0
        b.
    feature_names : sequence of str, optional
        Names of the M new features.

    Returns
    -------
    Mixture
        With M features.

    Raises
    ------
    ValueError
        If shapes disagree, or the rank of the matrix is less than M: mapped rows would lie in a plane.

    Examples
    --------
    From degrees Celsius to degrees Fahrenheit.

    >>> from gaussmix import Mixture
    >>> celsius = Mixture([0.5, 0.5], [[0.0], [20.0]], [4.0, 9.0], feature_names=["celsius"])
    >>> celsius.transform([[1.8]], 32.0, feature_names=["fahrenheit"]).means
    array([[32.],
           [68.]])
    """
    linear, shift = finite("matrix", matrix), finite("offset", offset)
    if linear.ndim != 2 or linear.shape[1] != mixture.n_features or not len(linear):  # noqa: PLR2004 - a matrix
        msg = f"matrix must have shape (M, {mixture.n_features}), with M at least 1, got {linear.shape}."
        raise ValueError(msg)
    if shift.shape not in {(), (len(linear),)}:
        msg = f"offset must be a number or of shape ({len(linear)},), got shape {shift.shape}."
        raise ValueError(msg)
    _check_rank(linear * np.sqrt(mixture.variances))
    covariances = mixture.covariances.mapped(linear, mixture.n_components)
    names_ = None if feature_names is None else tuple(feature_names)
    return type(mixture)(mixture.weights, mixture.means @ linear.T + shift, covariances, feature_names=names_)


def convolve(mixture: "Mixture", covariance: ArrayLike) -> "Mixture":
    r"""The distribution of the rows with independent Gaussian noise of mean zero added: :math:`\Sigma_k + C`.

    Parameters
    ----------
    covariance : float, (D,) or (D, D) array_like
        C: one variance for all features, one for each, or a matrix. Zero variances are allowed.

    Returns
    -------
    Mixture

    Raises
    ------
    ValueError
        If C is of another shape, not finite, not symmetric, or has a negative eigenvalue.

    Notes
    -----
    A matrix is taken apart in units of its own deviations, so that noise of very different sizes is all added.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> sharp = Mixture([0.5, 0.5], [[0.0], [20.0]], [4.0, 9.0])
    >>> sharp.convolve(1.0).covariances.covariances.ravel()
    array([ 5., 10.])
    """
    covariances = mixture.covariances.convolved(_noise_root(covariance, mixture.n_features), mixture.n_components)
    return type(mixture)(mixture.weights, mixture.means, covariances, feature_names=mixture.feature_names)


def join(mixture: "Mixture", *others: "Mixture") -> "Mixture":
    """The joint distribution of independent features: those of this mixture, and then those of the others.

    Each component of one goes with each of the others, so that their numbers multiply. Covariances become full.

    Parameters
    ----------
    *others : Mixture
        Distributions of other features.

    Returns
    -------
    Mixture
        With the sum of the numbers of features; components in the order of :func:`itertools.product`. Feature names are
        kept where all mixtures have some and no two are equal.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> speed = Mixture([0.5, 0.5], [[10.0], [30.0]], [4.0, 9.0])
    >>> angle = Mixture([1.0], [[0.0]], [1.0])
    >>> speed.join(angle).means
    array([[10.,  0.],
           [30.,  0.]])
    """
    return reduce(_pair, others, mixture)


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


def _check_rank(matrix: Floats) -> None:
    """Raise unless no row is a combination of the others; their sizes do not matter."""
    sizes = np.abs(matrix).max(axis=1, keepdims=True)
    rank = np.linalg.matrix_rank(matrix / np.where(sizes > 0, sizes, 1.0))
    if rank < len(matrix):
        msg = (
            f"matrix must have {len(matrix)} independent rows, as many as it has, got rank {rank}: what it maps "
            "to would lie in a plane and have no density. Leave out rows, or map samples instead."
        )
        raise ValueError(msg)


def _noise_root(covariance: ArrayLike, n_features: int) -> Floats:
    """Deviations ``(D,)`` of noise without correlations, or a square root ``(D, D)`` of its covariance, ``RᵀR``."""
    noise = finite("covariance", covariance)
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
    """By the eigenvectors of the correlations; eigenvalues of rounding's size are zero."""
    if not is_symmetric(covariance):
        msg = "covariance must be symmetric."
        raise ValueError(msg)
    units = np.where(deviations > 0, deviations, 1.0)
    values, vectors = np.linalg.eigh(covariance / units / units[:, None])
    rounding = len(values) * np.finfo(np.float64).eps * np.abs(values).max()
    if values.min() < -rounding:
        msg = (
            f"covariance must have no negative variance in any direction, got an eigenvalue of {values.min():.3g} "
            "among those of the correlations."
        )
        raise ValueError(msg)
    return np.asarray(np.sqrt(np.where(values > rounding, values, 0.0))[:, None] * vectors.T * deviations)
