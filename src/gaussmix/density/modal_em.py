"""Modal EM: ascend the density from any points to the modes that they belong to."""

from typing import NamedTuple, Self

import numpy as np

from gaussmix._types import Flags, Floats, Labels
from gaussmix.density.log_density_geometry import LocalExpansion, LogDensityGeometry

__all__ = ["StationaryPoints", "run_modal_em"]

_ROUNDING = float(np.finfo(np.float64).eps)
# An ascent takes at most so many steps; about ten are usual.
_MAX_STEPS = 1000
# A log-responsibility may rise by at most so many nats in a step.
_MAX_RISE = 0.5
# A component may rise freely while its share in the gain of the step is below this limit.
_NEGLIGIBLE = 0.1
# Steps shorter than this length, in standard deviations, are Newton's steps.
_NEWTON_RADIUS = 0.1
# An ascent ends when Newton's step would gain at most half as many nats as this.
_MIN_GAIN = 1e-18
# A point is a maximum if the largest eigenvalue is at most one plus this: a flat top is still a maximum.
_FLAT = 1e-9
# Rounding may lower a log-density by so many nats for each nat of its size.
_SLACK = 1e-12


class StationaryPoints(NamedTuple):
    """The points at which n ascents ended.

    Attributes
    ----------
    points : (n, D) ndarray
    log_density : (n,) ndarray
    is_maximum : (n,) ndarray of bool
        False if an ascent began on a saddle, or on a line that leads to a saddle, and ended there.
    """

    points: Floats
    log_density: Floats
    is_maximum: Flags

    def subset(self, selected: Labels) -> "StationaryPoints":
        """Return the selected points."""
        return StationaryPoints(self.points[selected], self.log_density[selected], self.is_maximum[selected])


def run_modal_em(geometry: LogDensityGeometry, points: Floats, free: Flags | None = None) -> StationaryPoints:
    r"""Ascend the density from each point ``(n, D)`` to a stationary point.

    If `free` ``(n, D)`` is given, coordinates that are not free stay where they are: the ascent is that of the
    conditional density of the free coordinates. The geometry must be made with ``by_feature`` then.

    The direction is the step of modal EM (Carreira-Perpiñán 2000). A step of any length up to one raises the density:

    .. math:: s = \Bigl( \sum_k r_k \Sigma_k^{-1} \Bigr)^{-1} \nabla \log p

    The direction is the gradient in the metric of the mean precision, so it does not depend on the units of the
    features. A whole step can jump across a narrow peak. The step is therefore shortened if it would raise the
    responsibility of an influential component by more than a fixed factor. The ascent then follows the curve
    :math:`\dot x = s(x)` closely enough to end where the curve ends. Short steps are replaced by Newton's steps, with
    the absolute values of the curvatures (Dauphin et al. 2014): these end an ascent in a few steps, and move away from
    a saddle as quickly.

    References
    ----------
    Carreira-Perpiñán (2000), IEEE Transactions on Pattern Analysis and Machine Intelligence 22.
    Dauphin et al. (2014), Advances in Neural Information Processing Systems 27.
    """
    size = geometry.block_size
    free = np.ones(points.shape, dtype=bool) if free is None else free
    spans = (slice(start, start + size) for start in range(0, len(points), size))
    blocks = [_ascend(geometry, points[span], free[span]) for span in spans]
    return StationaryPoints(*(np.concatenate(arrays) for arrays in zip(*blocks, strict=True)))


def _ascend(geometry: LogDensityGeometry, points: Floats, free: Flags) -> StationaryPoints:
    ends = StationaryPoints(points.copy(), np.full(len(points), -np.inf), np.zeros(len(points), dtype=bool))
    active, at, before, height = np.arange(len(points)), points, points, ends.log_density
    for _ in range(_MAX_STEPS):
        local = geometry.expand(at, free[active])
        steps = _Steps.from_expansion(geometry, local)
        fell = local.log_density < height - _SLACK * (1.0 + np.abs(local.log_density))
        done = ~fell & (steps.gain <= _MIN_GAIN + steps.rounding(at, local))
        ends.points[active[done]] = at[done] + steps.moves[done]
        ends.log_density[active[done]] = local.log_density[done]
        ends.is_maximum[active[done]] = steps.eigenvalue[done] <= 1.0 + _FLAT
        following = np.where(fell[:, None], 0.5 * (at + before), at + steps.moves)
        before, height = np.where(fell[:, None], before, at), np.where(fell, height, local.log_density)
        active, at, before, height = active[~done], following[~done], before[~done], height[~done]
        if not len(active):
            break
    return ends


class _Steps(NamedTuple):
    """The next steps at n points.

    Attributes
    ----------
    moves : (n, D) ndarray
    gain : (n,) ndarray
        Score times step: near the end, twice the nats that are still to be gained.
    eigenvalue : (n,) ndarray
        The largest eigenvalue of the covariance of the component scores, in the metric of the mean precision. The
        log-density is concave where it is below one. It is infinite where Newton's method is not used yet.
    """

    moves: Floats
    gain: Floats
    eigenvalue: Floats

    @classmethod
    def from_expansion(cls, geometry: LogDensityGeometry, local: LocalExpansion) -> Self:
        moves = np.asarray(np.linalg.solve(local.precision, local.score[:, :, None]))[:, :, 0]
        eigenvalue = np.full(len(moves), np.inf)
        short = (moves * local.score).sum(axis=1) < _NEWTON_RADIUS**2
        moves[short], eigenvalue[short] = _newton_steps(local.subset(short))
        gain = (moves * local.score).sum(axis=1)
        return cls(moves * _step_fractions(geometry, local, moves, gain)[:, None], gain, eigenvalue)

    def rounding(self, at: Floats, local: LocalExpansion) -> Floats:
        """Return an upper bound of the gain that rounding of the points ``(n, D)`` makes up."""
        variances = np.einsum("ndd->nd", local.precision)
        return np.asarray((variances * (2.0 * _ROUNDING * at) ** 2).sum(axis=1) / _curvature(self.eigenvalue))


def _newton_steps(local: LocalExpansion) -> tuple[Floats, Floats]:
    """Return upward Newton steps ``(n, D)``, at most ``_NEWTON_RADIUS`` long, and the largest eigenvalues ``(n,)``.

    The negative Hessian of the log-density is the mean precision less the covariance of the component scores.
    """
    factor = np.linalg.cholesky(local.precision)
    spread = np.exp(0.5 * local.log_resp)[:, :, None] * (local.component_scores - local.score[:, None])
    columns = np.concatenate([np.swapaxes(spread, 1, 2), local.score[:, :, None]], axis=2)
    white = np.linalg.solve(factor, columns)
    values, axes = np.linalg.eigh(white[:, :, :-1] @ np.swapaxes(white[:, :, :-1], 1, 2))
    along = np.swapaxes(axes, 1, 2) @ white[:, :, -1:] / _curvature(values)[:, :, None]
    along *= np.minimum(1.0, _NEWTON_RADIUS / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), _MIN_GAIN))
    return np.asarray(np.linalg.solve(np.swapaxes(factor, 1, 2), axes @ along)[:, :, 0]), np.asarray(values[:, -1])


def _curvature(eigenvalue: Floats) -> Floats:
    return np.maximum(np.abs(1.0 - eigenvalue), _SLACK)


def _step_fractions(geometry: LogDensityGeometry, local: LocalExpansion, moves: Floats, gain: Floats) -> Floats:
    r"""Return the fractions ``(n,)`` of the moves, at most one, that keep the rise of each responsibility bounded.

    Along t times a move s, a component's log-joint rises by :math:`t a_k - t^2 b_k / 2`, with :math:`a_k` the
    component's score times s and :math:`b_k` the squared Mahalanobis length of s under the component. By Jensen's
    inequality the log-density rises by at least the mean of these. The difference bounds the rise of the
    log-responsibility.
    """
    resp, lengths = np.exp(local.log_resp), geometry.squared_lengths(moves)
    rises = (local.component_scores @ moves[:, :, None])[:, :, 0]
    longer = np.maximum((resp * lengths).sum(axis=1, keepdims=True) - lengths, 0.0)
    excess = rises - gain[:, None] + 0.5 * longer
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        free = np.log(_NEGLIGIBLE * gain)[:, None] - local.log_resp - np.log(rises)
        bounded = (excess > 0) & (rises > 0) & (local.log_resp < -_MAX_RISE)
        fractions = np.where(bounded, np.maximum(free, _MAX_RISE) / excess, 1.0)
    return np.asarray(np.minimum(fractions.min(axis=1), 1.0))
