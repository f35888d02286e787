"""The E-step in plain NumPy: one block of rows at a time, obviously right, and the oracle of the fused twin."""

from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats, Rows
from gaussmix.statistics import Moments, Statistics

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["expect", "log_joint", "responsibilities", "summarize"]

_LOWEST = np.finfo(np.float64).min


def log_joint(mixture: "Mixture", rows: Rows) -> Floats:
    """``log(weight_k) + log N(x_i; μ_k, Σ_k)`` as ``(n, K)``.

    A value below the smallest float (about -1.8e308) is returned as that float, so that it stays finite.
    """
    joint = np.empty((len(rows), mixture.n_components))
    with np.errstate(over="ignore"):
        for k, (mean, log_norm) in enumerate(zip(mixture.means, mixture.log_norms, strict=True)):
            white = mixture.covariances.whiten(k, rows - mean)
            joint[:, k] = log_norm - 0.5 * np.einsum("nd,nd->n", white, white)
    return np.maximum(joint, _LOWEST) if np.isneginf(joint).any() else joint


def responsibilities(mixture: "Mixture", rows: Rows) -> tuple[Floats, Floats]:
    """Responsibilities ``(n, K)``, whose rows sum to one, and log-densities ``(n,)``."""
    joint = log_joint(mixture, rows)
    log_density = _log_sum_exp(joint)
    resp = np.exp(joint - log_density[:, None])
    far = log_density <= _LOWEST / 2
    if far.any():
        resp[far] = _far_responsibilities(mixture, rows[far])
    return resp, np.maximum(log_density, _LOWEST)


def _far_responsibilities(mixture: "Mixture", rows: Rows) -> Floats:
    """Responsibilities of rows so far out that their squared distances overflow.

    There the nearest component, in its own metric, takes all. Distances are compared after the rows and the means are
    divided by a common scale, which changes no comparison; components at the same distance share by their other terms.
    """
    wide = rows.astype(np.float64)
    scale = np.abs(wide).max(axis=1, keepdims=True)
    distance = np.stack(
        [
            np.linalg.norm(mixture.covariances.whiten(k, wide / scale - mean / scale), axis=1)
            for k, mean in enumerate(mixture.means)
        ],
        axis=1,
    )
    nearest = distance <= distance.min(axis=1, keepdims=True)
    joint = np.where(nearest & (mixture.weights > 0), mixture.log_norms, -np.inf)
    return np.exp(joint - _log_sum_exp(joint)[:, None])


def _log_sum_exp(joint: Floats) -> Floats:
    """``log Σ_k exp(joint_k)`` of each row, scaled by its largest term so that nothing overflows."""
    largest = joint.max(axis=1)
    return np.asarray(largest + np.log(np.exp(joint - largest[:, None]).sum(axis=1)))


def summarize(rows: Rows, weights: Floats, resp: Floats, origin: Floats, moments: Moments) -> Statistics:
    """Statistics of rows ``(n, D)`` under given responsibilities ``(n, K)``; the log-likelihoods are left at zero."""
    weighted = resp * weights[:, None]
    zero = Statistics.zero(origin, moments)
    first, second = zero.first, zero.second
    for k, centre in enumerate(origin):
        active = np.flatnonzero(weighted[:, k])
        share = weighted[active, k]
        centred = rows[active] - centre
        first[k] = share @ centred
        moments.add_rows(second, k, centred, share)
    return Statistics(
        origin=origin,
        mass=weighted.sum(axis=0),
        first=first,
        second=second,
        log_likelihood=0.0,
        classification=0.0,
        weight=float(weights.sum()),
        moments=moments,
    )


def expect(mixture: "Mixture", rows: Rows, weights: Floats, moments: Moments) -> Statistics:
    """Statistics of one block of rows ``(n, D)`` with weights ``(n,)`` under `mixture`, about its means."""
    resp, log_density = responsibilities(mixture, rows)
    sums = summarize(rows, weights, resp, mixture.means, moments)
    return Statistics(
        origin=sums.origin,
        mass=sums.mass,
        first=sums.first,
        second=sums.second,
        log_likelihood=float(weights @ log_density),
        classification=float(weights @ (log_density + np.log(resp.max(axis=1)))),
        weight=sums.weight,
        moments=moments,
    )
