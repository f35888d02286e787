r"""Common principal axes: the orthogonal Q for which K scatters ``Qᵀ W_k Q`` are, together, nearest to diagonal.

With :math:`v_k = \det(\operatorname{diag}(Q^\top W_k Q))^{1/D}` the most likely covariances have the axes that minimize

.. math:: \sum_k n_k \log v_k \quad\text{(own volumes)}, \qquad n \log \sum_k v_k \quad\text{(equal volumes)}

Newton's method rotates all axes at once. Where there are many axes, pairs of them are rotated, as Flury & Gautschi
(1986), SIAM J. Sci. Stat. Comput. 7, do for own volumes; equal volumes differ only in the weights of the components.
Neither method increases the objective, except by rounding.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Floats, Labels
from gaussmix.covariances import Covariances
from gaussmix.structures.decomposition import geometric_means, principal_axes

__all__ = ["EQUAL_VOLUMES", "OWN_VOLUMES", "Objective", "common_axes"]

_CLOSE = 1e-11
"""The descent ends at a step that lowers the objective by less than this, in nats per unit of mass. Newton's method
converges quadratically, so the error that remains is far smaller."""
_MOST_STEPS = 500
"""Largest number of steps where no axes are known."""
_MOST_STEPS_FROM_NEAR = 30
"""Largest number of Newton steps from the axes of the last M-step, which need only be improved."""
_MOST_PAIRS = 250
"""Largest number of pairs of axes for Newton's method where no axes are known: its matrix has a row for each pair."""
_FEW_PAIRS = 66
"""Largest number of pairs of axes (12 features) for Newton's method from the axes of the last M-step: with more pairs,
a Newton step takes longer than an EM step on a few hundred rows."""
_MOST_CHEAP_STEPS = 3
"""Largest number of steps of all pairs at once from the axes of the last M-step."""
_SMALL_SHARE = 0.1
"""The descent from the axes of the last M-step ends at a step that gains less than this share of the whole gain: the
next EM step changes the scatters, and moves the minimum by more."""
_LARGEST_TURN = 0.5
"""Largest rotation in one step, in radians."""
_ROUNDING = 1e-14
"""Relative increase of the objective that counts as rounding."""
_FLAT = 1e-8
"""Curvatures below this share of a large one are raised to it, so that a step stays finite."""
_TRUSTED = 0.25
"""The true curvature of a pair is used where it is larger than this share of the safe curvature."""
_HALVINGS = 30
"""Largest number of times that a step is halved until the objective does not increase."""


class Objective(ABC):
    """An objective that the axes minimize: a function of the volumes ``v_k`` and the masses ``n_k``."""

    @abstractmethod
    def value(self, volumes: Floats, mass: Floats) -> float:
        """Return the value that is to be minimal."""

    @abstractmethod
    def derivatives(self, volumes: Floats, mass: Floats) -> tuple[Floats, Floats]:
        """Return the first derivatives by ``log v_k``, ``(K,)``, and the second derivatives, ``(K, K)``."""


@final
class _OwnVolumes(Objective):
    """The objective of VVE: Flury's common principal components."""

    def value(self, volumes: Floats, mass: Floats) -> float:
        return float(mass @ np.log(volumes))

    def derivatives(self, volumes: Floats, mass: Floats) -> tuple[Floats, Floats]:
        return mass, np.zeros((len(mass), len(mass)))


@final
class _EqualVolumes(Objective):
    """The objective of EVE."""

    def value(self, volumes: Floats, mass: Floats) -> float:
        return float(mass.sum() * np.log(volumes.sum()))

    def derivatives(self, volumes: Floats, mass: Floats) -> tuple[Floats, Floats]:
        total, shares = mass.sum(), volumes / volumes.sum()
        return total * shares, total * (np.diag(shares) - np.outer(shares, shares))


OWN_VOLUMES, EQUAL_VOLUMES = _OwnVolumes(), _EqualVolumes()


def common_axes(
    scatters: Floats, mass: Floats, objective: Objective, init: Covariances | None
) -> tuple[Floats, Floats]:
    """Return the best common axes, in the columns of ``(D, D)``, and the scatters along them, ``(K, D)``.

    Parameters
    ----------
    scatters : (K, D, D) ndarray
        Positive definite, or :class:`~gaussmix.covariances.NotPositiveDefiniteError` is raised.
    mass : (K,) ndarray
        Masses, all positive.
    objective : Objective
        :data:`OWN_VOLUMES` or :data:`EQUAL_VOLUMES`.
    init : Covariances, optional
        Covariances with common axes, from which the descent begins.
    """
    if len(scatters) == 1:
        spectra, axes = principal_axes(scatters)
        geometric_means(spectra)
        return axes[0], spectra
    problem = _Problem(scatters, mass, objective)
    if init is None:
        axes = min((problem.minimize(guess, _MOST_STEPS) for guess in _guesses(scatters)), key=problem.value)
    else:
        axes = problem.improve(_axes_of(init.dense(*scatters.shape[:2])))
    return axes, problem.along(axes)


def _guesses(scatters: Floats) -> Iterator[Floats]:
    """Yield axes to begin with: the axes of each scatter, of their sum, and of the coordinates."""
    yield from principal_axes(scatters)[1]
    yield principal_axes(scatters.sum(axis=0))[1]
    yield np.eye(scatters.shape[1])


def _axes_of(covariances: Floats) -> Floats:
    """Return the axes that covariances share: the axes of a weighted sum, whose eigenvalues differ almost surely."""
    factors = np.sqrt(np.arange(2.0, len(covariances) + 2.0)) / np.trace(covariances, axis1=1, axis2=2)
    return principal_axes(np.tensordot(factors, covariances, 1))[1]


@dataclass(frozen=True, eq=False)
class _Problem:
    """Scatters ``(K, D, D)``, masses ``(K,)`` and the objective."""

    scatters: Floats
    mass: Floats
    objective: Objective

    def along(self, axes: Floats) -> Floats:
        """Return the scatters along the axes, ``(K, D)``."""
        return np.diagonal(axes.T @ self.scatters @ axes, axis1=1, axis2=2)

    def value(self, axes: Floats) -> float:
        """Return the objective for axes ``(D, D)``."""
        return self.objective.value(geometric_means(self.along(axes)), self.mass)

    def minimize(self, axes: Floats, most_steps: int) -> Floats:
        """Return the axes at a local minimum, or after the largest number of steps."""
        few = len(axes) * (len(axes) - 1) <= 2 * _MOST_PAIRS
        return self._descend(self._newton if few else self._sweep, axes, most_steps, 0.0)

    def improve(self, axes: Floats) -> Floats:
        """Return the axes after a few steps: the next EM step moves the minimum, so that more steps are wasted."""
        few = len(axes) * (len(axes) - 1) <= 2 * _FEW_PAIRS
        step, most_steps = (self._newton, _MOST_STEPS_FROM_NEAR) if few else (self._at_once, _MOST_CHEAP_STEPS)
        return self._descend(step, axes, most_steps, _SMALL_SHARE)

    def _descend(
        self, step: Callable[[Floats, float], tuple[Floats, float]], axes: Floats, most_steps: int, share: float
    ) -> Floats:
        """Return the axes after steps, up to the first step that gains less than a share of the gain of all steps."""
        first = value = self.value(axes)
        for _ in range(most_steps):
            before = value
            axes, value = step(axes, before)
            if before - value <= max(self._close, share * (first - value)):
                break
        return axes

    @cached_property
    def _close(self) -> float:
        return _CLOSE * float(self.mass.sum())

    def _sweep(self, axes: Floats, value: float) -> tuple[Floats, float]:
        """Return the axes after each pair was rotated once, and the objective there."""
        axes = axes.copy()
        turned = axes.T @ self.scatters @ axes
        for left, right in _rounds(len(axes)):
            self._turn(axes, turned, left, right)
        return axes, min(value, self.value(axes))

    def _turn(self, axes: Floats, scatters: Floats, left: Labels, right: Labels) -> None:
        r"""Rotate disjoint pairs of axes, and the scatters with them, in place.

        For one pair, with a, b and f the scatters' entries along and between the two axes and w the objective's slopes,
        :math:`\sum_k w_k f_k (a_k - b_k) / (a_k b_k)` vanishes at the minimum. The angle solves this equation
        with the denominators kept fixed (Flury & Gautschi), or uses the true curvature where it is safely positive.
        """
        diagonals = np.diagonal(scatters, axis1=1, axis2=2)
        a, b, f = diagonals[:, left], diagonals[:, right], scatters[:, left, right]
        volumes = geometric_means(diagonals)
        value, (slopes, _) = self.objective.value(volumes, self.mass), self.objective.derivatives(volumes, self.mass)
        difference, product = a - b, a * b
        pull = slopes @ (f * difference / product)
        safe = slopes @ (difference**2 / product)
        true = safe - slopes @ (f**2 / product * (4.0 + 2.0 * difference**2 / product))
        angles = 0.5 * np.arctan2(2.0 * pull, np.where(true > _TRUSTED * safe, true, safe))
        new = diagonals.copy()
        for _ in range(_HALVINGS):
            cos, sin = np.cos(angles), np.sin(angles)
            new[:, left] = cos**2 * a + sin**2 * b + 2.0 * cos * sin * f
            new[:, right] = sin**2 * a + cos**2 * b - 2.0 * cos * sin * f
            if self.objective.value(geometric_means(new), self.mass) <= value:
                break
            angles /= 2.0
        else:
            return
        for matrix in (axes, scatters, np.swapaxes(scatters, 1, 2)):
            first, second = matrix[..., left], matrix[..., right]
            matrix[..., left] = cos * first + sin * second
            matrix[..., right] = cos * second - sin * first

    def _at_once(self, axes: Floats, value: float) -> tuple[Floats, float]:
        """Return the axes after all pairs were rotated at once, each by its own curvature, and the objective there.

        A step costs no more than the objective. Near the minimum, Newton steps gain more.
        """
        scatters = axes.T @ self.scatters @ axes
        diagonals = np.diagonal(scatters, axis1=1, axis2=2)
        slopes, _ = self.objective.derivatives(geometric_means(diagonals), self.mass)
        difference = diagonals[:, :, None] - diagonals[:, None, :]
        product = diagonals[:, :, None] * diagonals[:, None, :]
        ratio = difference / product
        pull = np.tensordot(slopes, scatters * ratio, 1)
        safe = np.tensordot(slopes, difference * ratio, 1)
        true = safe - np.tensordot(slopes, scatters**2 / product * (4.0 + 2.0 * difference * ratio), 1)
        np.fill_diagonal(pull, 0.0)
        angles = 0.5 * np.arctan2(2.0 * pull, np.where(true > _TRUSTED * safe, true, safe))
        return self._rotate(axes, value, angles.T * (_LARGEST_TURN / max(_LARGEST_TURN, np.abs(angles).max(initial=0))))

    def _newton(self, axes: Floats, value: float) -> tuple[Floats, float]:
        """Return the axes after a Newton step with the absolute values of the curvatures, and the objective there."""
        left, right, turns = _pairs(len(axes))
        scatters = axes.T @ self.scatters @ axes
        diagonals = np.diagonal(scatters, axis1=1, axis2=2)
        slopes, curvature = self.objective.derivatives(geometric_means(diagonals), self.mass)
        gap = 1.0 / diagonals[:, left] - 1.0 / diagonals[:, right]
        by_pair = scatters[:, left, right] * gap
        scale = 2.0 / len(axes)
        gradient = scale * slopes @ by_pair
        along_axes = _second_derivatives(scatters, diagonals, scale * slopes)[left, right][:, left, right]
        hessian = along_axes + scale**2 * by_pair.T @ curvature @ by_pair
        safe = scale * slopes @ ((diagonals[:, left] - diagonals[:, right]) * -gap)
        angles = _step(gradient, 0.5 * (hessian + hessian.T), safe + _FLAT * safe.max(initial=0.0))
        return self._rotate(axes, value, np.tensordot(angles, turns, 1))

    def _rotate(self, axes: Floats, value: float, skew: Floats) -> tuple[Floats, float]:
        """Rotate the axes by a skew matrix, halved until the objective does not increase; return also the objective."""
        one = np.eye(len(axes))
        for _ in range(_HALVINGS):
            half = 0.5 * skew
            turned = axes @ np.linalg.solve(one - half, one + half)
            new = self.value(turned)
            if new <= value + _ROUNDING * abs(value):
                return turned, new
            skew = half
        return axes, value


def _second_derivatives(scatters: Floats, diagonals: Floats, slopes: Floats) -> Floats:
    """Return the second derivatives of ``Σ slopes_k log d_k / 2`` by rotations of two pairs of axes: ``(D, D, D, D)``.

    A rotation changes only the entries of its two axes, so that sums over components with three indices are enough.
    """
    inverse, by_axis = 1.0 / diagonals, np.swapaxes(scatters, 0, 1)
    gaps = slopes[:, None, None] * (inverse[:, :, None] - inverse[:, None, :])
    shares = slopes[:, None, None] * scatters * inverse[:, :, None] ** 2
    between = np.transpose(gaps, (1, 2, 0)) @ by_axis
    within = np.transpose(shares, (1, 2, 0)) @ by_axis
    each, one_axis = np.arange(len(between)), np.zeros((len(between),) * 4)
    one_axis[each, :, each, :] = np.swapaxes(between, 0, 1) + 2.0 * within
    turned = one_axis - np.swapaxes(one_axis, 2, 3)
    return np.asarray(np.swapaxes(turned, 0, 1) - turned)


def _step(gradient: Floats, hessian: Floats, units: Floats) -> Floats:
    """Return a Newton step with absolute curvatures, in units of curvature ``(P,)``, cut to the largest rotation."""
    scale = np.sqrt(units)
    curvatures = hessian / np.outer(scale, scale)
    if not (scale.all() and np.isfinite(curvatures).all()):  # round scatters, or variances too far apart
        return np.zeros(len(scale))
    values, vectors = np.linalg.eigh(curvatures)
    step = -(vectors @ ((gradient / scale) @ vectors / np.maximum(np.abs(values), _FLAT))) / scale
    return np.asarray(step * (_LARGEST_TURN / max(_LARGEST_TURN, np.abs(step).max(initial=0.0))))


@lru_cache
def _pairs(n_features: int) -> tuple[Labels, Labels, Floats]:
    """Return all pairs of axes, and the skew matrices ``(P, D, D)`` that rotate the first towards the second."""
    left, right = np.triu_indices(n_features, 1)
    turns = np.zeros((len(left), n_features, n_features))
    turns[np.arange(len(left)), right, left] = 1.0
    turns[np.arange(len(left)), left, right] = -1.0
    return left, right, turns


@lru_cache
def _rounds(n_features: int) -> tuple[tuple[Labels, Labels], ...]:
    """Return all pairs of axes in rounds of disjoint pairs: a round-robin tournament."""
    seats = list(range(n_features + n_features % 2))
    rounds = []
    for _ in seats[1:]:
        half = len(seats) // 2
        pairs = [(a, b) for a, b in zip(seats[:half], reversed(seats[half:]), strict=True) if max(a, b) < n_features]
        rounds.append((np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])))
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return tuple(rounds)
