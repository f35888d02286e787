"""Find directions in which rows form separate clusters: projection pursuit by kurtosis."""

import numpy as np

from gaussmix._types import Floats

__all__ = ["pursue_directions"]

# The iteration starts from this many first axes of the fourth-moment scatter, beside random directions.
_FIRST_AXES = 10

# The numbers of random directions and of steps, for a thorough and for a quick search.
_THOROUGH, _QUICK = (20, 30), (4, 10)

# The iteration ends when the absolute cosine between the old and the new direction exceeds 1 minus this, for all of the
# directions.
_TOLERANCE = 1e-4


def pursue_directions(
    white: Floats, weights: Floats, n_directions: int, rng: np.random.Generator, *, quickly: bool = False
) -> Floats:
    r"""Return orthonormal directions ``(R, m)`` in which white rows have the smallest kurtosis, the smallest first.

    The kurtosis :math:`E (w^\top z)^4 - 3` is 0 for a Gaussian and close to -2 for two well separated clusters of
    similar size. It finds clusters that are six standard deviations apart in one of thirty directions, which variances
    do not show: in white rows all variances are one. Each direction is found by a fixed-point iteration from many
    initial directions at once: the first axes of the fourth-moment scatter, and random directions.

    Parameters
    ----------
    white : (n, R) ndarray
        Rows with mean zero and unit covariance.
    weights : (n,) ndarray
    n_directions : int
        The number of directions m; at most R are returned.
    rng : numpy.random.Generator
        The generator of the random directions.
    quickly : bool
        Whether to take fewer random directions and fewer steps.

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
        found = np.column_stack([found, basis @ _minimize_kurtosis(white @ basis, shares, effort, rng)])
    return found


def _complement(directions: Floats) -> Floats:
    """Return an orthonormal basis of the orthogonal complement of given directions."""
    n_axes, n_found = directions.shape
    if n_found == 0:
        return np.eye(n_axes)
    return np.asarray(np.linalg.svd(directions, full_matrices=True)[0][:, n_found:])


def _minimize_kurtosis(white: Floats, shares: Floats, effort: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Return the direction with the smallest kurtosis among the fixed points of the iteration."""
    (n_random, n_steps), n_axes = effort, white.shape[1]
    if n_axes == 1:
        return np.ones((1, 1))
    scatter = (white.T * (shares * (white**2).sum(axis=1))) @ white
    axes = np.linalg.eigh(scatter)[1][:, : min(_FIRST_AXES, n_axes)]
    directions = _normalize(np.column_stack([axes, rng.normal(size=(n_axes, min(n_random, 4 * n_axes)))]))
    for _ in range(n_steps):
        along = white @ directions
        moved = _normalize(3.0 * directions - white.T @ (shares[:, None] * along * along * along))
        turned = np.abs((moved * directions).sum(axis=0)).min()
        directions = moved
        if turned > 1.0 - _TOLERANCE:
            break
    kurtosis = shares @ np.square(np.square(white @ directions))
    return directions[:, [int(np.argmin(kurtosis))]]


def _normalize(directions: Floats) -> Floats:
    return np.asarray(directions / np.sqrt((directions**2).sum(axis=0)))
