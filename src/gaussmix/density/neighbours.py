"""Find the nearest components of each component of a mixture, by a product of matrices."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gaussmix._types import Floats, Labels

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["expected_log_joint", "neighbours"]

# An array of intermediate results holds at most about so many numbers.
_NUMBERS_AT_ONCE = 2**22


class _Quadratics(NamedTuple):
    """The second moments of K components, and the coefficients ``(K, Q)`` and ``(K, D)`` of their log-densities."""

    second: Floats
    precision: Floats
    linear: Floats


def _along_axes(mixture: "Mixture", means: Floats) -> _Quadratics:
    shape = means.shape
    variances, precision = (
        np.broadcast_to(part.reshape(shape[0], -1), shape)
        for part in (mixture.covariances.covariances, mixture.covariances.precisions)
    )
    return _Quadratics(variances + means**2, precision, precision * means)


def _in_all_directions(mixture: "Mixture", means: Floats) -> _Quadratics:
    n_components, n_features = means.shape
    dense = mixture.covariances.dense(n_components, n_features)
    precision = np.broadcast_to(mixture.covariances.precisions, dense.shape)
    second = dense + means[:, :, None] * means[:, None, :]
    linear = np.einsum("kij,kj->ki", precision, means)
    return _Quadratics(second.reshape(n_components, -1), precision.reshape(n_components, -1), linear)


def _quadratics(mixture: "Mixture", means: Floats) -> _Quadratics:
    return (_in_all_directions if mixture.covariances.correlated else _along_axes)(mixture, means)


def expected_log_joint(mixture: "Mixture", selected: slice, quadratics: _Quadratics | None = None) -> Floats:
    r"""Return the mean of ``log(weight_j · density_j)`` over rows of component c, ``(C, K)`` for the selected c.

    .. math:: \mathrm{E}_c \log \pi_j \mathcal{N}(x; \mu_j, \Sigma_j) = \log \pi_j \mathcal{N}(\mu_j; \mu_j, \Sigma_j)
        - \tfrac12 \operatorname{tr} \Sigma_j^{-1} \bigl(\Sigma_c + (\mu_c - \mu_j)(\mu_c - \mu_j)^\top\bigr)

    In terms of moments it is a product of matrices. This form loses digits for components that are far from each other
    in units of their deviations, but the order of the neighbours remains correct.
    """
    means = mixture.means - mixture.mean
    terms = quadratics or _quadratics(mixture, means)
    constant = mixture.log_norms - 0.5 * np.einsum("kd,kd->k", terms.linear, means)
    with np.errstate(over="ignore", invalid="ignore"):
        values = constant + means[selected] @ terms.linear.T - 0.5 * terms.second[selected] @ terms.precision.T
    return np.asarray(np.where(np.isnan(values), -np.inf, values))


def neighbours(mixture: "Mixture", n_neighbours: int) -> Labels:
    """Return the G components ``(K, G)`` with the largest expected log-joint for rows of each component.

    Each component is among its own neighbours. See :func:`expected_log_joint`.

    Parameters
    ----------
    mixture : Mixture
    n_neighbours : int
        G; larger numbers are reduced to K.
    """
    n_components = mixture.n_components
    if n_neighbours >= n_components:
        return np.tile(np.arange(n_components), (n_components, 1))
    quadratics = _quadratics(mixture, mixture.means - mixture.mean)
    size = max(_NUMBERS_AT_ONCE // n_components, 1)
    nearest = []
    for first in range(0, n_components, size):
        values = expected_log_joint(mixture, slice(first, first + size), quadratics)
        nearest.append(np.argpartition(values, n_components - n_neighbours, axis=1)[:, -n_neighbours:])
    return np.concatenate(nearest)
