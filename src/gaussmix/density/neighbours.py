"""Which components of a mixture lie near each other, by one product of matrices."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gaussmix._types import Floats, Labels

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["expected_log_joint", "neighbours"]

_NUMBERS_AT_ONCE = 2**22


class _Quadratics(NamedTuple):
    """Second moments of K components, and the coefficients ``(K, Q)`` and ``(K, D)`` of their log-densities."""

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


def expected_log_joint(mixture: "Mixture", some: slice, quadratics: _Quadratics | None = None) -> Floats:
    r"""Mean of ``log(weight_j · density_j)`` over rows of component c, ``(C, K)`` for some of the components c.

    .. math:: \mathrm{E}_c \log \pi_j \mathcal{N}(x; \mu_j, \Sigma_j) = \log \pi_j \mathcal{N}(\mu_j; \mu_j, \Sigma_j)
        - \tfrac12 \operatorname{tr} \Sigma_j^{-1} \bigl(\Sigma_c + (\mu_c - \mu_j)(\mu_c - \mu_j)^\top\bigr)

    Written out in moments it is one product of matrices. It loses digits where components are far from each other in
    units of their deviations, which does no harm to an order.
    """
    means = mixture.means - mixture.mean
    parts = quadratics or _quadratics(mixture, means)
    constant = mixture.log_norms - 0.5 * np.einsum("kd,kd->k", parts.linear, means)
    with np.errstate(over="ignore", invalid="ignore"):
        values = constant + means[some] @ parts.linear.T - 0.5 * parts.second[some] @ parts.precision.T
    return np.asarray(np.where(np.isnan(values), -np.inf, values))


def neighbours(mixture: "Mixture", n_neighbours: int) -> Labels:
    """The components ``(K, G)`` under which rows of each component are likeliest on average; its own among them.

    Parameters
    ----------
    mixture : Mixture
    n_neighbours : int
        G, cut to K.
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
