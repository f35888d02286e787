"""The E-step in plain NumPy: one block of rows at a time, obviously right, and the oracle of the fused twin."""

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["assess", "expect", "log_joint", "responsibilities", "summarize"]

_LOWEST = np.finfo(np.float64).min


def log_joint(mixture: Components, rows: Rows) -> Floats:
    """``log(weight_k) + log N(x_i; μ_k, Σ_k)`` as ``(n, K)``.

    A value below the smallest float (about -1.8e308) is returned as that float, so that it stays finite.
    """
    return _log_joint(mixture, _centred(mixture, rows)).T


def _centred(mixture: Components, rows: Rows) -> Floats:
    """Return the rows about each mean, ``(K, n, D)``; differences beyond the largest float are infinite."""
    with np.errstate(over="ignore"):
        return np.asarray(rows - mixture.means[:, None])


def _log_joint(mixture: Components, centred: Floats) -> Floats:
    """The same as ``(K, n)``, for rows about each mean ``(K, n, D)``."""
    with np.errstate(over="ignore", invalid="ignore"):
        white = mixture.covariances.whiten(centred)
        joint = mixture.log_norms[:, None] - 0.5 * np.einsum("knd,knd->kn", white, white)
    joint = np.asarray(np.maximum(joint, _LOWEST))
    lost = np.isnan(joint)
    if lost.any():  # differences of infinite distances; a row that is NaN itself stays so
        joint[lost & ~np.isnan(centred).any(axis=2)] = _LOWEST
    return joint


def responsibilities(mixture: Components, rows: Rows) -> tuple[Floats, Floats]:
    """Responsibilities ``(n, K)``, whose rows sum to one, and log-densities ``(n,)``."""
    resp, log_density = _responsibilities(mixture, rows, _centred(mixture, rows))
    return resp.T, log_density


def _responsibilities(mixture: Components, rows: Rows, centred: Floats) -> tuple[Floats, Floats]:
    """The same, the former as ``(K, n)``."""
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
    """Responsibilities of rows so far out that their squared distances overflow.

    There the nearest component, in its own metric, takes all; components at the same distance share by their other
    terms. Each row about each mean is taken as a size and a vector of that unit: lengths of the whitened vectors do not
    overflow. Distances are compared in units of the row's smallest size, in which the smallest distance is finite too.
    """
    halves = 0.5 * rows.astype(np.float64) - 0.5 * mixture.means[:, None]  # whose differences do not overflow
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
    """Log-densities ``(n,)``, labels ``(n,)``, and responsibilities ``(n, K)``, or ``(0, K)`` unless wanted."""
    resp, log_density = _responsibilities(mixture, rows, _centred(mixture, rows))
    return log_density, resp.argmax(axis=0), resp.T if responsibilities else np.empty((0, mixture.n_components))


def summarize(rows: Rows, weights: Floats, resp: Floats, origin: Floats, moments: Moments) -> Statistics:
    """Statistics of rows ``(n, D)`` under given responsibilities ``(n, K)``; the log-likelihoods are left at zero."""
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
    """Statistics of one block of rows ``(n, D)`` with weights ``(n,)`` under `mixture`, about its means."""
    centred = _centred(mixture, rows)
    resp, log_density = _responsibilities(mixture, rows, centred)
    shares = resp * weights
    with np.errstate(over="ignore", invalid="ignore"):  # sums over rows far out are infinite
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
