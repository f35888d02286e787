r"""Volume, shape and axes of scatters: :math:`\Sigma_k = \lambda_k Q_k A_k Q_k^\top` with :math:`\det A_k = 1`."""

from collections.abc import Callable

import numpy as np

from gaussmix._types import Floats
from gaussmix.covariances import Covariances, Full, NotPositiveDefiniteError
from gaussmix.linalg import cholesky_of_gram

__all__ = ["Combined", "along", "best_volumes", "equal_shape", "geometric_means", "principal_axes", "volumes_of"]

Combined = Callable[[Floats], tuple[float, Floats, Floats]]
"""The function that :func:`best_volumes` takes: from factors to a log-determinant, traces and traces of products."""

_NOTHING = float(np.finfo(np.float64).tiny)
"""The smallest variance whose inverse is a finite number."""
_QUADRATIC = 3e-6
"""The length of a Newton step, in log-volumes, at which the iteration ends: the error is then the square of this."""
_LONGEST = 5.0
"""The longest step, in log-volumes: far from the minimum a Newton step can be too long by any factor."""
_MOST_STEPS = 100
"""Largest number of Newton steps; a handful are usual."""


def geometric_means(spectra: Floats) -> Floats:
    """Return volumes ``det^(1/D)`` from eigenvalues or variances, ``(K, D) -> (K,)``.

    Raises
    ------
    NotPositiveDefiniteError
        If a value is not positive.
    """
    good = np.isfinite(spectra) & (spectra > _NOTHING)
    if not good.all():
        k = int(np.argwhere(~good)[0, 0])
        raise NotPositiveDefiniteError(f"Component {k} has no spread in some direction.")
    return np.asarray(np.exp(np.log(spectra).mean(axis=1)))


def principal_axes(scatters: Floats) -> tuple[Floats, Floats]:
    """Return eigenvalues ``(..., D)``, descending, and eigenvectors in columns ``(..., D, D)``.

    They come from the singular values of the Cholesky factors: where variances differ by a factor of 1e12, the small
    eigenvalues of the matrices themselves are lost in the rounding of the large ones.
    """
    try:
        axes, deviations, _ = np.linalg.svd(np.linalg.cholesky(scatters))
    except np.linalg.LinAlgError:  # a scatter without spread in some direction
        values, axes = np.linalg.eigh(scatters)
        return np.maximum(values[..., ::-1], 0.0), axes[..., ::-1]
    return deviations**2, axes


def volumes_of(covariances: Covariances | None, n_components: int, n_features: int) -> Floats:
    """Return volumes ``det(Σ_k)^(1/D)`` as ``(K,)``; ones where there are no covariances."""
    if covariances is None:
        return np.ones(n_components)
    return np.asarray(np.exp(covariances.log_det(n_components, n_features) / n_features))


def along(axes: Floats, variances: Floats) -> Full:
    """Return covariances with variances ``(K, D)`` along the columns of axes ``(D, D)`` or ``(K, D, D)``."""
    good = np.isfinite(variances) & (variances > 0)
    if not good.all():
        k = int(np.argwhere(~good)[0, 0])
        raise NotPositiveDefiniteError(f"Component {k} has no spread in some direction.")
    return Full(cholesky_of_gram(np.sqrt(variances)[:, :, None] * np.swapaxes(axes, -1, -2)))


def best_volumes(combined: Combined, mass: Floats, n_features: int, init: Floats) -> Floats:
    r"""Return the volumes :math:`\lambda_k` for which components of one shape (and axes) are most likely.

    With :math:`x_k = -\log \lambda_k`, scatters :math:`W_k` and :math:`n = \sum_k n_k`, they minimize

    .. math:: g(x) = n \log\det \sum_k e^{x_k} W_k - D \sum_k n_k x_k

    which is convex: the determinant is a sum of exponentials of x with positive coefficients. So Newton's method finds
    the one minimum in a few steps, where the usual alternation between volumes and shape (Celeux & Govaert 1995) can
    take thousands; a step that would increase g is halved. Volumes are determined up to a common factor, which the
    shape absorbs.

    Parameters
    ----------
    combined : callable
        A function from :math:`e^x` to the log-determinant of the sum M; the traces of
        :math:`P_k = M^{-1} e^{x_k} W_k` as ``(K,)``; and the traces of :math:`P_k P_j` as ``(K, K)``.
    mass : (K,) ndarray
        Masses, all positive.
    n_features : int
        D.
    init : (K,) ndarray
        Volumes to begin with.
    """
    if len(mass) == 1:  # all volumes are equally likely
        return init
    total, scale = mass.sum(), np.sqrt(mass)
    x = -np.log(init)
    log_det, traces, products = combined(np.exp(x))
    if not (traces > 0).all():
        raise NotPositiveDefiniteError(f"Component {int(np.argmin(traces))} has no spread.")
    value = total * log_det - n_features * mass @ x
    for _ in range(_MOST_STEPS):
        gradient = (total * traces - n_features * mass) / scale
        hessian = total * (np.diag(traces) - products) / np.outer(scale, scale)
        step = np.linalg.solve(hessian + np.outer(scale, scale) / total, -gradient) / scale
        step *= _LONGEST / max(_LONGEST, np.abs(step).max())
        if np.abs(step).max() < _QUADRATIC:
            x = x + step
            break
        while True:
            log_det, traces, products = combined(np.exp(x + step))
            new = total * log_det - n_features * mass @ (x + step)
            if new <= value or np.abs(step).max() < _QUADRATIC:
                break
            step /= 2.0
        if new > value:  # rounding: no step lowers g any more
            break
        x, value = x + step, new
    return np.asarray(np.exp(-x))


def equal_shape(spectra: Floats, mass: Floats, init: Covariances | None) -> Floats:
    """Return the most likely variances ``λ_k A`` along given axes, ``(K, D)``, for scatters along them, ``(K, D)``."""
    n_components, n_features = spectra.shape
    if (spectra < 0).any() or not (spectra.sum(axis=0) > 0).all():
        raise NotPositiveDefiniteError("No component has spread in some direction.")

    def combined(factors: Floats) -> tuple[float, Floats, Floats]:
        parts = factors[:, None] * spectra
        total = parts.sum(axis=0)
        shares = parts / total
        return float(np.log(total).sum()), shares.sum(axis=1), shares @ shares.T

    volumes = best_volumes(combined, mass, n_features, volumes_of(init, n_components, n_features))
    shape = (spectra / volumes[:, None]).sum(axis=0) / mass.sum()
    return np.asarray(volumes[:, None] * shape)
