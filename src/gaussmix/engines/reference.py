"""The E-step in plain NumPy, for one block of rows at a time: the oracle in the tests of the compiled engine."""

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["assess", "expect", "log_joint", "responsibilities", "summarize"]

_LOWEST = np.finfo(np.float64).min


def log_joint(mixture: Components, rows: Rows) -> Floats:
    """Return ``log(weight_k) + log N(x_i; μ_k, Σ_k)`` as ``(n, K)``.

    A value below the smallest float (about -1.8e308) is returned as that float, so that all values are finite.
    """
    return _log_joint(mixture, _centred(mixture, rows)).T


def _centred(mixture: Components, rows: Rows) -> Floats:
    """Return the differences of the rows from each mean, ``(K, n, D)``; a difference that overflows is infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(rows - mixture.means[:, None])


def _log_joint(mixture: Components, centred: Floats) -> Floats:
    """Return log-joint densities ``(K, n)``, from the differences of the rows from each mean ``(K, n, D)``."""
    with np.errstate(over="ignore", invalid="ignore"):
        white = mixture.covariances.whiten(centred)
        joint = mixture.log_norms[:, None] - 0.5 * np.einsum("knd,knd->kn", white, white)
    joint = np.asarray(np.maximum(joint, _LOWEST))
    lost = np.isnan(joint)
    if lost.any():  # infinity minus infinity; the values of a row that contains NaN remain NaN
        joint[lost & ~np.isnan(centred).any(axis=2)] = _LOWEST
    return joint


def responsibilities(mixture: Components, rows: Rows) -> tuple[Floats, Floats]:
    """Return responsibilities ``(n, K)``, whose rows sum to one, and log-densities ``(n,)``."""
    resp, log_density = _responsibilities(mixture, rows, _centred(mixture, rows))
    return resp.T, log_density


def _responsibilities(mixture: Components, rows: Rows, centred: Floats) -> tuple[Floats, Floats]:
    """Return responsibilities ``(K, n)`` and log-densities ``(n,)``."""
    joint = _log_joint(mixture, centred)
    largest = joint.max(axis=0)
    resp = np.exp(joint - largest)
    total = resp.sum(axis=0)
    resp /= total
    log_density = largest + np.log(total)
    far = log_density <= _LOWEST / 2
    if far.any():
        resp[:, far] = _far_responsibilities(mixture, rows[far])
    return resp, np.maximum(log_density, _LOWEST)


def _far_responsibilities(mixture: Components, rows: Rows) -> Floats:
    """Return the responsibilities ``(K, m)`` of rows whose squared distances overflow.

    The component at the smallest Mahalanobis distance has the responsibility 1. Components at the same distance share
    the row by the other terms of their densities. The difference of a row from a mean is written as a scale times a
    vector of order one, so that the norm of the whitened vector does not overflow. The distances of a row are compared
    in units of the smallest scale of the row, so that the smallest distance does not overflow.
    """
    halves = 0.5 * rows.astype(np.float64) - 0.5 * mixture.means[:, None]  # differences of halves do not overflow
    sizes = np.abs(halves).max(axis=2)
    lengths = np.hypot.reduce(mixture.covariances.whiten(halves / np.where(sizes > 0, sizes, 1.0)[:, :, None]), axis=2)
    possible = (mixture.weights > 0)[:, None]
    with np.errstate(over="ignore"):
        distance = np.where(possible, lengths * (sizes / sizes[possible[:, 0]].min(axis=0)), np.inf)
    nearest = possible & (distance <= distance.min(axis=0))
    joint = np.where(nearest, mixture.log_norms[:, None], -np.inf)
    resp = np.exp(joint - joint.max(axis=0))
    return np.asarray(resp / resp.sum(axis=0))


def assess(mixture: Components, rows: Rows, *, responsibilities: bool = False) -> tuple[Floats, Labels, Floats]:
    """Return log-densities ``(n,)``, labels ``(n,)``, and responsibilities ``(n, K)``, ``(0, K)`` if not requested."""
    resp, log_density = _responsibilities(mixture, rows, _centred(mixture, rows))
    return log_density, resp.argmax(axis=0), resp.T if responsibilities else np.empty((0, mixture.n_components))


def summarize(rows: Rows, weights: Floats, resp: Floats, origin: Floats, moments: Moments) -> Statistics:
    """Return the statistics of rows ``(n, D)`` under responsibilities ``(n, K)``, with log-likelihoods of zero."""
    weighted = resp * weights[:, None]
    first, second = np.zeros(origin.shape), moments.zero(*origin.shape)
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
        classification_log_likelihood=0.0,
        weight=float(weights.sum()),
        moments=moments,
    )


def expect(mixture: Components, rows: Rows, weights: Floats, moments: Moments) -> Statistics:
    """Return the statistics of a block of rows ``(n, D)`` with weights ``(n,)`` under a mixture, about its means."""
    centred = _centred(mixture, rows)
    resp, log_density = _responsibilities(mixture, rows, centred)
    shares = resp * weights
    with np.errstate(over="ignore", invalid="ignore"):  # sums over far rows are infinite
        return Statistics(
            origin=mixture.means,
            mass=shares.sum(axis=1),
            first=(shares[:, None] @ centred)[:, 0],
            second=moments.sums(centred, shares),
            log_likelihood=float(weights @ log_density),
            classification_log_likelihood=float(weights @ (log_density + np.log(resp.max(axis=0)))),
            weight=float(weights.sum()),
            moments=moments,
        )
