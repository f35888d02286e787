"""The arrays of the four storage forms of covariances for the kernels.

A storage form does not depend on the kernels, so the registry is here: an entry for each form, by the form's name.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gaussmix._types import Floats
from gaussmix.components import Components
from gaussmix.covariances import Covariances
from gaussmix.engines.fused._distances import AXES, PLAIN, TRIANGLES, Densities
from gaussmix.engines.fused._products import NORM, PAIRS, SQUARES
from gaussmix.moments import DIAGONAL, FULL, POOLED, SCALAR, Moments

__all__ = ["KernelForm", "ProductShape", "ReadProducts", "correlations", "kernel_form", "padded", "symmetric"]

# Largest number of products of features; 32 features have 528 pairs. More products would fill the caches.
_MOST = 600
# Number of steps of the power method.
_STEPS = 3
# Largest inverse standard deviation and largest mean for which differences are squared before they are scaled. With a
# larger inverse standard deviation, squared differences can underflow; with a larger mean, they can overflow.
_SQUARES_KEEP_DIGITS = 1e140


ReadProducts = Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]


class ProductShape(NamedTuple):
    """The arrays of a mixture for the plan by products of features, which each storage form makes in its own way.

    Attributes
    ----------
    which : int
        Products of features to compute: ``PAIRS``, ``SQUARES`` or ``NORM``.
    factor : (D, D) or (1, D)
        Factor F of the coordinates z; see :class:`Products`.
    means : (K, D)
        Means in the coordinates z.
    shifts : (K, D)
        Precisions times means, in the coordinates z.
    quadratic : (K, Q)
        Coefficient of each product in the squared distances.
    steepness : float
        Largest precision along any axis, in the coordinates z.
    read : callable
        Function that maps sums to moments; see :class:`ProductsPlan`.
    sums_whole : bool
        Whether the kernel also sums the second moments of all rows.
    """

    which: int
    factor: Floats
    means: Floats
    shifts: Floats
    quadratic: Floats
    steepness: float
    read: ReadProducts
    sums_whole: bool = False


@dataclass(frozen=True)
class KernelForm:
    """The functions that make the arrays of a storage form for the kernels.

    Attributes
    ----------
    moments : Moments
        Kind of second moments that the form's products of features give.
    densities : callable
        Function that maps a mixture, and its means about the centre of the pass, to the components for the general
        kernel.
    products : callable
        Function that maps a mixture to the arrays for the plan by products, or to None if that plan cannot be used.
    is_screened : bool
        Whether a plan may skip pairs of a row and a component.
    """

    moments: Moments
    densities: Callable[[Components, Floats], Densities]
    products: Callable[[Components], ProductShape | None]
    is_screened: bool = False


def kernel_form(covariances: Covariances) -> KernelForm:
    """Return the entry of the registry for the storage form of covariances."""
    return _FORMS[covariances.form]


def padded(array: Floats, *steps: int) -> Floats:
    """Return a copy whose last axes are padded with zeros, each to a multiple of its step."""
    kept = array.ndim - len(steps)
    sizes = (-(-size // step) * step for size, step in zip(array.shape[kept:], steps, strict=True))
    out = np.zeros(array.shape[:kept] + tuple(sizes))
    out[tuple(slice(size) for size in array.shape)] = array
    return out


def symmetric(second: Floats) -> Floats:
    """Return symmetric matrices, from their lower triangles."""
    lower = np.tril(second)
    return lower + np.swapaxes(np.tril(lower, -1), 1, 2)


def correlations(mixture: Components, deviations: Floats) -> Floats:
    """Return the correlations ``(D, D)`` of the whole distribution."""
    return mixture.covariance / deviations / deviations[:, None]


def _step(n_features: int) -> int:
    """Return the number to a multiple of which the kernels pad features."""
    return 2 if n_features <= 2 else 4  # noqa: PLR2004 - two features, or groups of four


def _densities(form: int, means: Floats, whitening: Floats, log_norms: Floats) -> Densities:
    n_features, step = means.shape[1], _step(means.shape[1])
    return Densities(form, -(-n_features // step) * step, padded(means, 4, 8), whitening, log_norms.copy())


def _balls(mixture: Components, means: Floats) -> Densities:
    scales = mixture.covariances.whitening[:, None, None, None]
    if max(scales.max(), np.abs(means).max()) < _SQUARES_KEEP_DIGITS:
        return _densities(PLAIN, means, padded(scales, 4, 1, 1, 1), mixture.log_norms)
    return _scaled(mixture, means, np.repeat(scales, mixture.n_features, axis=3))


def _axes(mixture: Components, means: Floats) -> Densities:
    return _scaled(mixture, means, mixture.covariances.whitening[:, None, None, :])


def _scaled(mixture: Components, means: Floats, scales: Floats) -> Densities:
    return _densities(AXES, means, padded(scales, 4, 1, 1, _step(mixture.n_features)), mixture.log_norms)


def _triangles(mixture: Components, means: Floats) -> Densities:
    step = _step(mixture.n_features)
    factors = mixture.covariances.whitening.reshape(-1, mixture.n_features, mixture.n_features)
    rows = padded(factors, 4, step)
    blocks = rows.reshape(len(factors), -1, 4, rows.shape[2]).swapaxes(2, 3)
    return _densities(TRIANGLES, means, np.ascontiguousarray(blocks), mixture.log_norms)


def _full_products(mixture: Components) -> ProductShape | None:
    """Return the arrays for full covariances, in coordinates in which the whole distribution has unit covariance."""
    n_features = mixture.n_features
    a, b = np.triu_indices(n_features)
    if len(a) > _MOST:
        return None
    deviations = np.sqrt(np.diagonal(mixture.covariance))
    places = np.empty((n_features, n_features), np.intp)
    places[a, b] = places[b, a] = np.arange(len(a))  # index of the product of two features
    try:
        back = deviations[:, None] * np.linalg.cholesky(correlations(mixture, deviations))
        forth = np.linalg.inv(back)
    except np.linalg.LinAlgError:  # a component is so wide that rounding hides the others
        return None
    means = (mixture.means - mixture.mean) @ forth.T
    whitening = mixture.covariances.whitening @ back
    precisions = np.swapaxes(whitening, 1, 2) @ whitening

    def read(mass: Floats, first: Floats, of_products: Floats, _: Floats) -> tuple[Floats, Floats]:
        second = of_products.take(places, axis=1)
        centred = first - mass[:, None] * means
        second -= means[:, :, None] * first[:, None, :] + centred[:, :, None] * means[:, None, :]
        return centred @ back.T, back @ second @ back.T

    shifts, quadratic = (precisions @ means[:, :, None])[:, :, 0], precisions[:, a, b] * np.where(a == b, 1.0, 2.0)
    return ProductShape(PAIRS, forth, means, shifts, quadratic, _steepness(precisions), read)


def _diagonal_products(mixture: Components) -> ProductShape | None:
    """Return the arrays for diagonal covariances, with each feature in units of its standard deviation."""
    if mixture.n_features > _MOST:
        return None
    deviations = np.sqrt(mixture.variances)
    means = (mixture.means - mixture.mean) / deviations
    precisions = np.square(mixture.covariances.whitening * deviations)

    def read(mass: Floats, first: Floats, of_products: Floats, _: Floats) -> tuple[Floats, Floats]:
        centred = first - mass[:, None] * means
        second = of_products - means * (first + centred)
        return centred * deviations, second * deviations * deviations

    return ProductShape(SQUARES, 1.0 / deviations[None], means, precisions * means, precisions, precisions.max(), read)


def _spherical_products(mixture: Components) -> ProductShape | None:
    """Return the arrays for spherical covariances, with all features in units of the largest standard deviation."""
    if mixture.n_features > _MOST:
        return None
    deviation = np.sqrt(mixture.variances.max())
    means = (mixture.means - mixture.mean) / deviation
    precisions = np.square(mixture.covariances.whitening * deviation)[:, None]

    def read(mass: Floats, first: Floats, of_products: Floats, _: Floats) -> tuple[Floats, Floats]:
        centred = first - mass[:, None] * means
        second = of_products[:, 0] - np.einsum("kd,kd->k", means, first + centred)
        return centred * deviation, second * deviation * deviation

    factor = np.full((1, mixture.n_features), 1.0 / deviation)
    return ProductShape(NORM, factor, means, precisions * means, precisions, precisions.max(), read)


def _tied_products(mixture: Components) -> ProductShape | None:
    r"""Return the arrays for a shared covariance, in coordinates in which it is the identity.

    Responsibilities sum to one; therefore, with the first moments :math:`f_k` in these coordinates,

    .. math:: \sum_k S_k = L \Bigl( \sum_i w_i z_i z_i^\top
        - \sum_k f_k \nu_k^\top + \nu_k f_k^\top - m_k \nu_k \nu_k^\top \Bigr) L^\top
    """
    factors = mixture.covariances.factors
    if mixture.n_features > _MOST:
        return None
    means = (mixture.means - mixture.mean) @ mixture.covariances.whitening.T

    def read(mass: Floats, first: Floats, _: Floats, whole: Floats) -> tuple[Floats, Floats]:
        cross = first.T @ means
        pooled = factors @ (symmetric(whole[None])[0] - cross - cross.T + (means.T * mass) @ means) @ factors.T
        return (first - mass[:, None] * means) @ factors.T, 0.5 * (pooled + pooled.T)

    quadratic = np.ones((len(means), 1))
    return ProductShape(NORM, mixture.covariances.whitening, means, means, quadratic, 1.0, read, sums_whole=True)


def _steepness(precisions: Floats) -> float:
    """Return an estimate of the largest eigenvalue of all precisions, at least half of the true value.

    The power method starts from the axis with the largest precision of each component.
    """
    steepest = np.diagonal(precisions, axis1=1, axis2=2).argmax(axis=1)
    image = precisions[np.arange(len(precisions)), :, steepest]
    for _ in range(_STEPS):
        axis = image / np.linalg.norm(image, axis=1, keepdims=True)
        image = (precisions @ axis[:, :, None])[:, :, 0]
    return float(np.linalg.norm(image, axis=1).max())


_FORMS = {
    "spherical": KernelForm(SCALAR, _balls, _spherical_products),
    "diag": KernelForm(DIAGONAL, _axes, _diagonal_products),
    "tied": KernelForm(POOLED, _triangles, _tied_products),
    "full": KernelForm(FULL, _triangles, _full_products, is_screened=True),
}
