"""The four storage forms of covariances in the shapes of the compiled pass.

A storage form knows nothing of kernels, so the registry stands here: one entry for each form, by the form's name.
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

_MOST = 600  # products: of 32 features in pairs; more would fill the caches
_STEPS = 3  # of the power method
# Inverse deviations and means up to which distances may be squared before they are scaled: larger inverse deviations go
# with distances whose squares underflow, and of larger means one may be so far from a row that the square overflows.
_SQUARES_KEEP_DIGITS = 1e140


ReadProducts = Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]


class ProductShape(NamedTuple):
    """A mixture in the shape of products of features: what differs from form to form.

    Attributes
    ----------
    which : int
        Which features are multiplied.
    factor : (D, D) or (1, D)
        To the frame, as of :class:`Products`.
    means : (K, D)
        In the frame, as the next two.
    shifts : (K, D)
        Precisions times means.
    quadratic : (K, Q)
        What each product adds to squared distances.
    steepness : float
        The largest precision.
    read : callable
        As of :class:`ProductsPlan`.
    sums_whole : bool
        As of :class:`ProductsPlan`.
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
    """The ways in which the compiled pass can treat one storage form.

    Attributes
    ----------
    moments : Moments
        The second moments that follow from the form's products of features.
    densities : callable
        From a mixture and its means, about the pass's centre, to the components as the general pass sees them.
    products : callable
        From a mixture to its products of features; to None where products do not serve.
    is_screened : bool
        Whether pairs of a row and a component may be skipped.
    """

    moments: Moments
    densities: Callable[[Components, Floats], Densities]
    products: Callable[[Components], ProductShape | None]
    is_screened: bool = False


def kernel_form(covariances: Covariances) -> KernelForm:
    """Return the compiled pass's ways to treat the storage form of covariances."""
    return _FORMS[covariances.form]


def padded(array: Floats, *steps: int) -> Floats:
    """A copy whose last axes are filled with zeros up to a multiple of a number each."""
    kept = array.ndim - len(steps)
    sizes = (-(-size // step) * step for size, step in zip(array.shape[kept:], steps, strict=True))
    out = np.zeros(array.shape[:kept] + tuple(sizes))
    out[tuple(slice(size) for size in array.shape)] = array
    return out


def symmetric(second: Floats) -> Floats:
    """Symmetric matrices, from their lower triangles."""
    lower = np.tril(second)
    return lower + np.swapaxes(np.tril(lower, -1), 1, 2)


def correlations(mixture: Components, deviations: Floats) -> Floats:
    """Correlations ``(D, D)`` of the whole distribution."""
    return mixture.covariance / deviations / deviations[:, None]


def _step(n_features: int) -> int:
    """What the number of features is a multiple of in the kernels."""
    return 2 if n_features <= 2 else 4  # noqa: PLR2004 - pairs, then fours


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
    """Each component's own covariance: a frame in which the whole distribution is a sphere."""
    n_features = mixture.n_features
    a, b = np.triu_indices(n_features)
    if len(a) > _MOST:
        return None
    deviations = np.sqrt(np.diagonal(mixture.covariance))
    places = np.empty((n_features, n_features), np.intp)
    places[a, b] = places[b, a] = np.arange(len(a))  # of products
    try:
        back = deviations[:, None] * np.linalg.cholesky(correlations(mixture, deviations))
        forth = np.linalg.inv(back)
    except np.linalg.LinAlgError:  # one component so much wider than the others that they are lost in rounding
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
    """Variances: each feature in units of its deviation."""
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
    """One variance each: all features in units of one deviation."""
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
    r"""One covariance: a frame in which it is a sphere.

    As responsibilities sum to one, with :math:`f_k` in the frame,

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
    """About the largest eigenvalue of all, by the power method from the steepest axis of each; at least half of it."""
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
