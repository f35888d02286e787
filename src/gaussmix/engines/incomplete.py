"""The E-step for rows with missing values (NaN), which are missing at random.

Of each row, only the observed values enter the likelihood. The sums of the missing values are replaced by their
expectations, given the observed values and the component (Ghahramani & Jordan 1994; Little & Rubin 2019, chapter 11).
"""

from collections.abc import Callable, Iterator
from functools import reduce
from importlib import import_module
from itertools import pairwise
from operator import add
from typing import Any, NamedTuple, cast

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.covariances import Covariances
from gaussmix.engines.base import ENGINES
from gaussmix.engines.patterns import Patterns
from gaussmix.linalg import cholesky_of_gram, invert_triangles
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["Conditional", "assess", "condition_pieces", "expect", "is_shared", "responsibilities_of"]

_LOG_2PI = float(np.log(2.0 * np.pi))
_LOWEST = float(np.finfo(np.float64).min)
_NUMBERS_AT_ONCE = 2**19
"""Numbers in the Cholesky factors of a piece, in which each row may have its own pattern: 4 MB."""


_WORK_TO_COMPILE = 100_000
"""Multiplications for the factors and the rows of a piece above which the compiled kernel is loaded."""


class Conditional(NamedTuple):
    """The distribution of the missing values of some rows, given the observed values, for each component.

    Attributes
    ----------
    members : (m,) ndarray of int
        The indices of the rows among all rows.
    joint : (K, m) ndarray
        Logarithms of weight times density of the observed values.
    centred : (K, m, D) ndarray
        The rows with expected values in place of missing values, less the means.
    noise : callable
        From weights of the rows ``(K, m)`` to the weighted sums of the conditional covariances ``(K, D, D)``.
    draw : callable
        From standard normal numbers ``(m, D)`` and the component of each row ``(m,)`` to the errors ``(m, D)`` of the
        expected values; the errors of observed values are 0.
    covariances : callable
        From responsibilities ``(K, m)`` to the mean conditional covariance of each row, ``(m, D, D)``.
    """

    members: Labels
    joint: Floats
    centred: Floats
    noise: Callable[[Floats], Floats]
    draw: Callable[[Floats, Labels], Floats]
    covariances: Callable[[Floats], Floats]


def expect(
    mixture: Components,
    rows: Rows,
    weights: Floats,
    moments: Moments,
    *,
    patterns: Patterns | None = None,
    origin: Floats | None = None,
) -> Statistics:
    """Return the expected statistics of rows ``(n, D)``, in which missing values are NaN.

    Parameters
    ----------
    mixture : Components
    rows : (n, D) ndarray
    weights : (n,) ndarray
    moments : Moments
    patterns : Patterns, optional
        The patterns of the missing values, where they are known already.
    origin : (K, D) ndarray, optional
        The points about which moments are taken; by default the means.
    """
    zero = Statistics.zero(mixture.means if origin is None else origin, moments)
    pieces = condition_pieces(mixture, rows, patterns)
    return reduce(add, (_summarize(mixture, rows, weights, piece, moments, zero.origin) for piece in pieces), zero)


def _summarize(
    mixture: Components, rows: Rows, weights: Floats, piece: Conditional, moments: Moments, origin: Floats
) -> Statistics:
    resp, log_density = responsibilities_of(piece.joint)
    own = weights[piece.members]
    shares, centred = resp * own, piece.centred
    if origin is not mixture.means:
        seen = rows[piece.members] - origin[:, None]
        centred = np.where(np.isnan(seen), centred + (mixture.means - origin)[:, None], seen)
    return Statistics(
        origin=origin,
        mass=shares.sum(axis=1),
        first=(shares[:, None] @ centred)[:, 0],
        second=moments.sums(centred, shares) + moments.extract(piece.noise(shares)),
        log_likelihood=float(own @ log_density),
        classification_log_likelihood=float(own @ (log_density + np.log(resp.max(axis=0)))),
        weight=float(own.sum()),
        moments=moments,
    )


def assess(mixture: Components, rows: Rows, *, responsibilities: bool = False) -> tuple[Floats, Labels, Floats]:
    """Return log-densities ``(n,)`` of the observed values, labels ``(n,)``, and responsibilities ``(n, K)``.

    The responsibilities have no rows if they are not requested. A row without observed values has the log-density 0
    and the weights of the mixture as responsibilities.
    """
    n_rows = len(rows)
    log_density, labels = np.empty(n_rows), np.empty(n_rows, dtype=np.intp)
    shares = np.empty((n_rows if responsibilities else 0, mixture.n_components))
    for piece in condition_pieces(mixture, rows):
        resp, log_density[piece.members] = responsibilities_of(piece.joint)
        labels[piece.members] = resp.argmax(axis=0)
        if responsibilities:
            shares[piece.members] = resp.T
    return log_density, labels, shares


def responsibilities_of(joint: Floats) -> tuple[Floats, Floats]:
    """Return responsibilities ``(K, m)`` and log-densities ``(m,)``."""
    largest = joint.max(axis=0)
    resp = np.exp(joint - largest)
    total = resp.sum(axis=0)
    return resp / total, np.maximum(largest + np.log(total), _LOWEST)


def condition_pieces(mixture: Components, rows: Rows, patterns: Patterns | None = None) -> Iterator[Conditional]:
    """Yield the conditional distributions of the missing values, some rows at a time, sorted by their patterns."""
    patterns = Patterns.of(np.isnan(rows)) if patterns is None else patterns
    n_components, n_features = mixture.means.shape
    condition = _condition_correlated if mixture.covariances.correlated else _condition_uncorrelated
    size = max(_NUMBERS_AT_ONCE // (n_components * n_features * n_features), 1)
    for piece in patterns.pieces(size):
        yield condition(mixture, rows[piece.order], piece)


def _condition_uncorrelated(mixture: Components, rows: Rows, piece: Patterns) -> Conditional:
    """Return the conditional distributions where features are independent within each component."""
    n_components, n_features = mixture.means.shape
    variances = mixture.covariances.variances(n_components, n_features)
    missing = np.isnan(rows)
    centred = np.where(missing, 0.0, rows - mixture.means[:, None])
    with np.errstate(over="ignore"):
        distances = np.square(centred / np.sqrt(variances)[:, None]).sum(axis=2)
    log_det = np.log(variances) @ ~missing.T
    n_given = n_features - missing.sum(axis=1)

    def noise(shares: Floats) -> Floats:
        return np.asarray((shares @ missing * variances)[:, :, None] * np.eye(n_features))

    def draw(normal: Floats, components: Labels) -> Floats:
        return np.where(missing, normal * np.sqrt(variances)[components], 0.0)

    def covariances(resp: Floats) -> Floats:
        return np.asarray(np.where(missing, resp.T @ variances, 0.0)[:, :, None] * np.eye(n_features))

    joint = _log_joint(mixture, n_given, log_det, distances)
    return Conditional(piece.order, joint, centred, noise, draw, covariances)


def _condition_correlated(mixture: Components, rows: Rows, piece: Patterns) -> Conditional:
    r"""Return the conditional distributions by the Cholesky factors with the observed features first.

    With :math:`\Sigma = L L^\top`, :math:`L = \begin{pmatrix} G & 0 \\ C & R \end{pmatrix}` and the whitened observed
    values :math:`y = G^{-1} (x_o - \mu_o)`, the expected missing values are :math:`\mu_m + C y`, and their covariance
    is :math:`R R^\top`.
    """
    n_features, first, n_given, which = mixture.n_features, piece.first, piece.n_given, piece.labels
    values = np.take_along_axis(rows, first[which], axis=1).astype(np.float64, copy=False)
    centred: Floats = values - mixture.means[:, first][:, which]
    lower, distances = _fill_in(mixture, piece, centred)
    log_det = 2.0 * np.where(piece.given, np.log(np.diagonal(lower, axis1=2, axis2=3)), 0.0).sum(axis=2)

    def noise(shares: Floats) -> Floats:
        return _sum_noise(lower, piece, np.add.reduceat(shares, piece.ends[:-1], axis=1))

    def draw(normal: Floats, components: Labels) -> Floats:
        errors, matrices = np.zeros_like(normal), components % len(lower)
        for p, (begin, end) in enumerate(pairwise(piece.ends)):
            rest, size = first[p, n_given[p] :], n_given[p]
            roots = lower[matrices[begin:end], p, size:, size:]
            errors[begin:end, rest] = (roots @ normal[begin:end, rest, None])[:, :, 0]
        return errors

    def covariances(resp: Floats) -> Floats:
        means = np.zeros((len(which), n_features, n_features))
        for p, (begin, end) in enumerate(pairwise(piece.ends)):
            rest, roots = first[p, n_given[p] :], lower[:, p, n_given[p] :, n_given[p] :]
            own = np.broadcast_to(roots @ np.swapaxes(roots, 1, 2), (len(resp), len(rest), len(rest)))
            means[begin:end, rest[:, None], rest] = np.einsum("kn,krs->nrs", resp[:, begin:end], own)
        return means

    joint = _log_joint(mixture, n_given[which], log_det[:, which], distances)
    centred = np.take_along_axis(centred, piece.back[which][None], axis=2)
    return Conditional(piece.order, joint, centred, noise, draw, covariances)


def _fill_in(mixture: Components, piece: Patterns, centred: Floats) -> tuple[Floats, Floats]:
    """Return the Cholesky factors of each pattern, and squared distances ``(K, m)``; fill in expected values."""
    work = len(piece) * mixture.means.size * mixture.n_features**2 // 3 + centred.size * mixture.n_features
    filled = _compiled().fill_in(mixture, piece.first, piece.n_given, piece, centred) if _pays(work) else None
    if filled is not None:
        return cast("tuple[Floats, Floats]", filled)
    lower = _permuted_factors(mixture.covariances, mixture.n_components, piece.first)
    given, which = piece.given[:, :, None], piece.labels
    white = np.where(given, invert_triangles(lower), 0.0)
    slopes = np.where(given, 0.0, lower) @ white
    observed = np.where(piece.given[which], centred, 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        whitened = np.einsum("knij,knj->kni", white[:, which], observed)
        distances = np.einsum("knd,knd->kn", whitened, whitened)
        centred[:] = observed + np.einsum("knij,knj->kni", slopes[:, which], observed)
    return lower, distances


def _sum_noise(lower: Floats, piece: Patterns, mass: Floats) -> Floats:
    """Return the conditional covariances of all patterns, summed with masses ``(K, P)``, as ``(K, D, D)``."""
    if _pays(piece.first.size * piece.first.shape[1] * len(mass)):
        return cast("Floats", _compiled().sum_noise(lower, piece.first, piece.n_given, mass))
    rest = ~piece.given
    roots = np.where(rest[:, :, None] & rest[:, None, :], lower, 0.0)
    covariances, places = roots @ np.swapaxes(roots, 2, 3), np.arange(len(piece))[:, None, None]
    covariances = covariances[:, places, piece.back[:, :, None], piece.back[:, None, :]]
    return np.asarray(np.einsum("kp,kpij->kij", mass, covariances))


def _pays(work: int) -> bool:
    """Return whether a compiled kernel saves more time than its loading takes."""
    return work >= _WORK_TO_COMPILE and not ENGINES["fused"].obstacle


def _compiled() -> Any:  # noqa: ANN401 - a module, which is loaded when it is first used
    """Return the compiled functions."""
    return import_module("gaussmix.engines.fused.incomplete")


def is_shared(covariances: Covariances, n_components: int, n_features: int) -> bool:
    """Return whether one matrix is stored for all components."""
    return covariances.factors.shape == (n_features, n_features) == covariances.shape(n_components, n_features)


def _permuted_factors(covariances: Covariances, n_components: int, first: Labels) -> Floats:
    """Return the Cholesky factors with features in the order of each pattern, ``(K, P, D, D)``, or ``(1, P, D, D)``.

    A matrix that all components share is factored once.
    """
    n_features = first.shape[1]
    shared = is_shared(covariances, n_components, n_features)
    factors = covariances.cholesky(1 if shared else n_components, n_features)
    return cholesky_of_gram(np.swapaxes(factors[:, first], 2, 3))


def _log_joint(mixture: Components, n_given: Labels, log_det: Floats, distances: Floats) -> Floats:
    """Return log-joint densities ``(K, m)``, at least the smallest float."""
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights)
    joint = log_weights[:, None] - 0.5 * (n_given * _LOG_2PI + log_det + distances)
    return np.where(joint > _LOWEST, joint, _LOWEST)
