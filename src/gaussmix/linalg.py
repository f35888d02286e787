"""Linear algebra of covariance matrices: Cholesky factors, their inverses, and checks."""

import numpy as np

from gaussmix._types import Floats

__all__ = [
    "add_gram",
    "cholesky_of_gram",
    "describe_first_indefinite",
    "invert_triangles",
    "is_symmetric",
    "log_det_of_triangles",
]

_ROWS_AT_ONCE = 256
"""The number of rows of a matrix that are compared with its columns at a time, which bounds the memory."""
_ASYMMETRY = 1e-8
"""The largest difference of mirrored entries, in units of the product of their two standard deviations."""


def cholesky_of_gram(roots: Floats) -> Floats:
    """Return the Cholesky factors of ``RᵀR`` without forming the product, so that small variances keep their digits.

    Parameters
    ----------
    roots : (..., n, D) ndarray
        The matrices R.

    Returns
    -------
    (..., D, D) ndarray
        Lower triangles with positive diagonals.
    """
    upper = np.asarray(np.linalg.qr(roots, mode="r"))
    signs = np.where(np.diagonal(upper, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return np.asarray(np.swapaxes(upper * signs[..., None], -1, -2))


def add_gram(lower: Floats, root: Floats) -> Floats:
    """Return the Cholesky factors of ``L Lᵀ + RᵀR`` for lower triangles L ``(..., D, D)`` and R ``(n, D)``."""
    upper = np.swapaxes(lower, -1, -2)
    return cholesky_of_gram(np.concatenate([upper, np.broadcast_to(root, upper.shape)], axis=-2))


def invert_triangles(lower: Floats) -> Floats:
    """Return the inverses of lower triangles ``(..., D, D)``, computed row by row for all triangles at once.

    NumPy loops in place of BLAS: the threads of BLAS keep spinning after a call, and take the cores from the threads
    that pass over the rows.
    """
    inverse = np.zeros_like(lower)
    for j in range(lower.shape[-1]):
        inverse[..., j, j] = 1.0
        inverse[..., j, :] -= np.einsum("...i,...ij->...j", lower[..., j, :j], inverse[..., :j, :])
        inverse[..., j, :] /= lower[..., j, j, None]
    return inverse


def log_det_of_triangles(factors: Floats) -> Floats:
    """Return the log-determinants of ``L Lᵀ`` for Cholesky factors L ``(..., D, D)``."""
    return np.asarray(2.0 * np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1))


def is_symmetric(matrices: Floats) -> bool:
    """Return whether matrices ``(..., D, D)`` are symmetric up to rounding, in units of an entry's deviations."""
    deviations = np.sqrt(np.abs(np.diagonal(matrices, axis1=-2, axis2=-1)))
    transposed, size = np.swapaxes(matrices, -1, -2), matrices.shape[-1]
    for start in range(0, size, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        scale = deviations[..., rows, None] * deviations[..., None, :]
        if not (np.abs(matrices[..., rows, :] - transposed[..., rows, :]) <= _ASYMMETRY * scale).all():
            return False
    return True


def describe_first_indefinite(covariances: Floats) -> str:
    """Return a sentence that names the first matrix without a Cholesky factor, and says what is wrong with it."""
    matrices = covariances.reshape(-1, *covariances.shape[-2:])
    k = next(k for k, matrix in enumerate(matrices) if not _has_factor(matrix))
    which = f"of component {k}" if len(matrices) > 1 else "of all components"
    if not np.isfinite(matrices[k]).all():
        fault = "it holds NaN or infinity"
    elif not is_symmetric(matrices[k]):
        fault = "it is not symmetric"
    else:
        fault = f"its smallest eigenvalue is {np.linalg.eigvalsh(matrices[k])[0]:.3g}"
    return f"The covariance matrix {which} must be finite, symmetric and positive definite; {fault}."


def _has_factor(matrix: Floats) -> bool:
    try:
        return bool(np.isfinite(np.linalg.cholesky(matrix)).all()) and is_symmetric(matrix)
    except np.linalg.LinAlgError:
        return False
