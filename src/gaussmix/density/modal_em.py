"""Climbing the density: from any points to the modes that they belong to."""

from typing import NamedTuple, Self

import numpy as np

from gaussmix._types import Flags, Floats, Labels
from gaussmix.density.log_density_geometry import Place, Terrain

__all__ = ["Ends", "climb"]

_ROUNDING = float(np.finfo(np.float64).eps)
_MOST_STEPS = 1000  # some ten are usual
_RISE = 0.5  # most that a log-responsibility may rise by in one step
_NEGLIGIBLE = 0.1  # share of a component in the slope below which it may rise freely
_NEAR = 0.1  # standard deviations: steps shorter than this are Newton's
_ARRIVED = 1e-18  # nats that Newton's step would still gain, twice
_FLAT = 1e-9  # of the curvature of a single component: a top as flat as that is still one
_SLACK = 1e-12  # by which rounding may lower a log-density, for each nat of it


class Ends(NamedTuple):
    """Where n climbs have ended.

    Attributes
    ----------
    points : (n, D) ndarray
    log_density : (n,) ndarray
    on_top : (n,) ndarray of bool
        Whether that is a maximum. It is not where a climb began on a saddle, or on a line that leads to one.
    """

    points: Floats
    log_density: Floats
    on_top: Flags

    def some(self, which: Labels) -> "Ends":
        """Some of them."""
        return Ends(self.points[which], self.log_density[which], self.on_top[which])


def climb(terrain: Terrain, points: Floats) -> Ends:
    r"""Follow the slope upwards from each point ``(n, D)`` to where it ends.

    The direction is that of EM's step (Carreira-Perpiñán 2000), which raises the density whatever its length up to one:

    .. math:: s = \Bigl( \sum_k r_k \Sigma_k^{-1} \Bigr)^{-1} \nabla \log p

    It is the gradient in the metric of the mean precision, so that the units of the features do not matter. But a whole
    step can leap across a narrow peak. So it is cut short where a component's responsibility would rise by more than a
    factor on the way, unless the component remains without influence: the climb follows the curve :math:`\dot x = s(x)`
    closely enough for its end to be the curve's own. Where the step gets short, it becomes Newton's, with the curvature
    taken as positive (Dauphin et al. 2014): it ends a climb in a few steps, and leads away from a saddle as fast.

    References
    ----------
    Carreira-Perpiñán (2000), IEEE Transactions on Pattern Analysis and Machine Intelligence 22.
    Dauphin et al. (2014), Advances in Neural Information Processing Systems 27.
    """
    blocks = [_climb(terrain, points[start : start + terrain.block]) for start in range(0, len(points), terrain.block)]
    return Ends(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))


def _climb(terrain: Terrain, points: Floats) -> Ends:
    ends = Ends(points.copy(), np.full(len(points), -np.inf), np.zeros(len(points), dtype=bool))
    who, at, before, height = np.arange(len(points)), points, points, ends.log_density
    for _ in range(_MOST_STEPS):
        place = terrain.at(at)
        steps = _Steps.at(terrain, place)
        fell = place.log_density < height - _SLACK * (1.0 + np.abs(place.log_density))
        done = ~fell & (steps.gain <= _ARRIVED + steps.noise(at, place))
        ends.points[who[done]] = at[done] + steps.moves[done]
        ends.log_density[who[done]] = place.log_density[done]
        ends.on_top[who[done]] = steps.bend[done] <= 1.0 + _FLAT
        onward = np.where(fell[:, None], 0.5 * (at + before), at + steps.moves)
        before, height = np.where(fell[:, None], before, at), np.where(fell, height, place.log_density)
        who, at, before, height = who[~done], onward[~done], before[~done], height[~done]
        if not len(who):
            break
    return ends


class _Steps(NamedTuple):
    """What to do next at n points.

    Attributes
    ----------
    moves : (n, D) ndarray
    gain : (n,) ndarray
        Slope times step: in the end twice the nats that are left to gain.
    bend : (n,) ndarray
        The largest eigenvalue of the scores' covariance in the metric of the mean precision. Below one, the log-density
        is concave. It is infinite where Newton's method is not used yet.
    """

    moves: Floats
    gain: Floats
    bend: Floats

    @classmethod
    def at(cls, terrain: Terrain, place: Place) -> Self:
        moves = np.asarray(np.linalg.solve(place.precision, place.slope[:, :, None]))[:, :, 0]
        bend = np.full(len(moves), np.inf)
        near = (moves * place.slope).sum(axis=1) < _NEAR**2
        moves[near], bend[near] = _newton(place.some(near))
        gain = (moves * place.slope).sum(axis=1)
        return cls(moves * _portion(terrain, place, moves, gain)[:, None], gain, bend)

    def noise(self, at: Floats, place: Place) -> Floats:
        """What rounding of the points ``(n, D)`` adds to the gain, at most."""
        variances = np.einsum("ndd->nd", place.precision)
        return np.asarray((variances * (2.0 * _ROUNDING * at) ** 2).sum(axis=1) / _curvature(self.bend))


def _newton(place: Place) -> tuple[Floats, Floats]:
    """Newton's steps ``(n, D)``, upwards and at most ``_NEAR`` long, and the bends.

    The negative Hessian of the log-density is the mean precision less the covariance of the scores.
    """
    factor = np.linalg.cholesky(place.precision)
    spread = np.exp(0.5 * place.log_resp)[:, :, None] * (place.scores - place.slope[:, None])
    columns = np.concatenate([np.swapaxes(spread, 1, 2), place.slope[:, :, None]], axis=2)
    white = np.linalg.solve(factor, columns)
    bends, axes = np.linalg.eigh(white[:, :, :-1] @ np.swapaxes(white[:, :, :-1], 1, 2))
    along = np.swapaxes(axes, 1, 2) @ white[:, :, -1:] / _curvature(bends)[:, :, None]
    along *= np.minimum(1.0, _NEAR / np.maximum(np.linalg.norm(along, axis=1, keepdims=True), _ARRIVED))
    return np.asarray(np.linalg.solve(np.swapaxes(factor, 1, 2), axes @ along)[:, :, 0]), np.asarray(bends[:, -1])


def _curvature(bend: Floats) -> Floats:
    return np.maximum(np.abs(1.0 - bend), _SLACK)


def _portion(terrain: Terrain, place: Place, moves: Floats, gain: Floats) -> Floats:
    r"""How much of a move keeps each responsibility's rise within bounds, ``(n,)``, at most one.

    Along t times a move s, a component's log-joint is :math:`t a_k - t^2 b_k / 2` higher, with :math:`a_k` its score
    times s and :math:`b_k` the squared length of s in its deviations; the log-density is at least the mean of these
    higher, by Jensen's inequality. The difference bounds the rise of the log-responsibility.
    """
    resp, lengths = np.exp(place.log_resp), terrain.lengths(moves)
    rises = (place.scores @ moves[:, :, None])[:, :, 0]
    longer = np.maximum((resp * lengths).sum(axis=1, keepdims=True) - lengths, 0.0)
    excess = rises - gain[:, None] + 0.5 * longer
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        free = np.log(_NEGLIGIBLE * gain)[:, None] - place.log_resp - np.log(rises)
        bounded = (excess > 0) & (rises > 0) & (place.log_resp < -_RISE)
        portions = np.where(bounded, np.maximum(free, _RISE) / excess, 1.0)
    return np.asarray(np.minimum(portions.min(axis=1), 1.0))
