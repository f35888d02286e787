"""Directions in which rows fall apart: projection pursuit by kurtosis."""

import numpy as np

from gaussmix._types import Floats

__all__ = ["pursue_directions"]

_FIRST_AXES = 10  # to begin from, beside random directions
_THOROUGH, _QUICK = (20, 30), (4, 10)  # random directions, steps
_SAME = 1e-4


def pursue_directions(
    white: Floats, weights: Floats, n_directions: int, rng: np.random.Generator, *, quickly: bool = False
) -> Floats:
    r"""Orthonormal directions ``(R, m)`` along which white rows have the smallest kurtosis, the smallest first.

    Two well separated clusters of like size bring the kurtosis :math:`E (w^\top z)^4 - 3` down to -2, a Gaussian has
    none, and where two clusters lie apart by six standard deviations in one of thirty directions, nothing else betrays
    them: all variances are one. Each direction is found by a fixed-point iteration for many beginnings at once: the
    first axes of the fourth-moment scatter, and random ones.

    Parameters
    ----------
    white : (n, R) ndarray
        Rows with mean zero and unit covariance.
    weights : (n,) ndarray
    n_directions : int
        Cut to R.
    rng : numpy.random.Generator
        For the random beginnings.
    quickly : bool
        Whether to take fewer of these, and fewer steps.

    References
    ----------
    Peña & Prieto (2001), Journal of the American Statistical Association 96, for the idea; Hyvärinen (1999), IEEE
    Transactions on Neural Networks 10, for the iteration; Tyler, Critchley, Dümbgen & Oja (2009), Journal of the Royal
    Statistical Society B 71, for the scatter.
    """
    n_axes = white.shape[1]
    effort = _QUICK if quickly else _THOROUGH
    shares = weights / weights.sum()
    found = np.zeros((n_axes, 0))
    for _ in range(min(n_directions, n_axes)):
        basis = _complement(found)
        found = np.column_stack([found, basis @ _flattest(white @ basis, shares, effort, rng)])
    return found


def _complement(directions: Floats) -> Floats:
    """An orthonormal basis of what is left."""
    n_axes, n_found = directions.shape
    if n_found == 0:
        return np.eye(n_axes)
    return np.asarray(np.linalg.svd(directions, full_matrices=True)[0][:, n_found:])


def _flattest(white: Floats, shares: Floats, effort: tuple[int, int], rng: np.random.Generator) -> Floats:
    """The direction of smallest kurtosis, of the fixed points that are reached."""
    (n_random, n_steps), n_axes = effort, white.shape[1]
    if n_axes == 1:
        return np.ones((1, 1))
    scatter = (white.T * (shares * (white**2).sum(axis=1))) @ white
    axes = np.linalg.eigh(scatter)[1][:, : min(_FIRST_AXES, n_axes)]
    directions = _unit(np.column_stack([axes, rng.normal(size=(n_axes, min(n_random, 4 * n_axes)))]))
    for _ in range(n_steps):
        along = white @ directions
        moved = _unit(3.0 * directions - white.T @ (shares[:, None] * along * along * along))
        turned = np.abs((moved * directions).sum(axis=0)).min()
        directions = moved
        if turned > 1.0 - _SAME:
            break
    kurtosis = shares @ np.square(np.square(white @ directions))
    return directions[:, [int(np.argmin(kurtosis))]]


def _unit(directions: Floats) -> Floats:
    return np.asarray(directions / np.sqrt((directions**2).sum(axis=0)))
