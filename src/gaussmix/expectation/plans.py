r"""A mixture and a kind of moments, in the shapes of the compiled pass, and its sums in those of the statistics.

Which arithmetic serves which mixture is decided here: one of four ways to squared distances, with one of six to
moments; products of features in place of both where they keep their digits; and before them all a screen, where
components of full covariances may lie apart.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.expectation._distances import AXES, PLAIN, TRIANGLES, Densities
from gaussmix.expectation._kernels import (
    FROM_DISTANCES,
    OVER_ALL,
    PER_AXIS,
    PER_PAIR,
    Frame,
    Sums,
    assess_rows,
    sum_rows,
)
from gaussmix.expectation._products import Products, sum_products
from gaussmix.expectation._screens import Screened, Screens, sum_screened
from gaussmix.statistics import DIAGONAL, FULL, POOLED, SCALAR, Moments

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Plan", "ProductsPlan", "ScreenedPlan", "planned"]

_NEAR, _NEXT = 2**11, 2**15  # numbers that may fill the two nearest caches
_LEAST, _MOST = 48, 480  # rows in a tile: whole registers, two and three at a time
_ONE_AT_A_TIME = Lock()
_SCREENED_FEATURES, _SCREENED_COMPONENTS = 10, 4  # of fewer, a screen would cost as much as it saves
_TURNS = 3  # towards the axes of most spread; any four are right
_SHORTENED = 2.0**-8  # share of a square that is given up, so that what rounding adds to the rest is bounded
_NO_FRAME = Frame(np.empty(0), np.empty((0, 0)))
_SQUARES_KEEP_DIGITS = 1e140  # inverse deviations; distances as small as that have squares that underflow
_MOST_MULTIPLIED = 32  # features; of more, the products would fill the caches
# Squared distances from the mean of all, in units of a component's own deviations, up to which products are trusted: it
# costs four digits of sixteen, or three of seven.
_DIGITS_TO_LOSE = {np.dtype(np.float64): 2.0**12, np.dtype(np.float32): 2.0**10}
_SHARED_FRAME_REACH = 32.0  # standard deviations; squared, it costs three digits

_Moments = tuple[Floats, Floats, Floats, Floats]
_Read = Callable[[Sums], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Plan:
    """A mixture and a kind of moments, in the shapes of the compiled pass: features are padded to a multiple of four.

    Attributes
    ----------
    densities : Densities
        The mixture.
    kind : int
        How second moments are summed.
    shape : tuple of int
        Shape of these sums.
    read : callable
        From the sums to the first and second moments of the statistics.
    frame : Frame
        What the pass sees instead of the rows.
    """

    densities: Densities
    kind: int
    shape: tuple[int, int, int]
    read: _Read
    frame: Frame = _NO_FRAME

    def run(self, rows: Rows, weights: Floats) -> _Moments | None:
        """Pass over the rows: masses, first and second moments, and scores; none where one of them overflows."""
        n_fours, n_eights = self.densities.centres.shape
        n_components = len(self.densities.log_norms)
        sums = Sums(np.zeros(n_fours), np.zeros((n_fours, n_eights + 4)), np.zeros(self.shape), np.zeros(4))
        lanes = _lanes_in_tile(n_fours, n_eights)
        sum_rows(_plain(rows), _plain(weights), lanes, self.frame, self.densities, self.kind, sums)
        if not all(np.isfinite(part).all() for part in sums):
            return None
        mass, first, second = (part[:n_components] for part in sums[:3])
        return (
            mass,
            *self.read(Sums(mass, first, second, sums.scores)),
            np.append(sums.scores[:2], len(rows) * n_components),
        )

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """Log-densities of rows; labels, and responsibilities unless of no rows, are filled in."""
        log_density, lanes = np.empty(len(rows)), _lanes_in_tile(*self.densities.centres.shape)
        assess_rows(_plain(rows), lanes, self.frame, self.densities, log_density, labels, responsibilities)
        return log_density


def _read_only(array: AnyArray) -> AnyArray:
    """A view that is not to be written to: of all arrays, kernels are compiled for those."""
    view = array.view()
    view.flags.writeable = False
    return view


def _plain(array: AnyArray) -> Floats:
    """The array contiguous, of double precision, and read only."""
    return _read_only(np.ascontiguousarray(array, dtype=np.float64))


def _lanes_in_tile(n_components: int, n_features: int) -> int:
    """How many rows a tile has: so many that they stay in the nearest cache, and their joint densities in the next."""
    fitting = min(_NEAR // n_features, _NEXT // n_components) // _LEAST * _LEAST
    return min(max(fitting, _LEAST), _MOST)


def _padded(array: Floats, *steps: int) -> Floats:
    """A copy whose last axes are filled with zeros up to a multiple of a number each."""
    kept = array.ndim - len(steps)
    sizes = (-(-size // step) * step for size, step in zip(array.shape[kept:], steps, strict=True))
    out = np.zeros(array.shape[:kept] + tuple(sizes))
    out[tuple(slice(size) for size in array.shape)] = array
    return out


def _step(n_features: int) -> int:
    """What the number of features is a multiple of in the kernels."""
    return 2 if n_features <= 2 else 4  # noqa: PLR2004 - pairs, then fours


def _densities(form: int, centres: Floats, whitening: Floats, log_norms: Floats) -> Densities:
    n_features, step = centres.shape[1], _step(centres.shape[1])
    return Densities(form, -(-n_features // step) * step, _padded(centres, 4, 8), whitening, log_norms.copy())


def _balls(mixture: "Mixture") -> Densities:
    scales = mixture.covariances.whitening[:, None, None, None]
    if scales.max() < _SQUARES_KEEP_DIGITS:
        return _densities(PLAIN, mixture.means, _padded(scales, 4, 1, 1, 1), mixture.log_norms)
    return _scaled(mixture, np.repeat(scales, mixture.n_features, axis=3))


def _axes(mixture: "Mixture") -> Densities:
    return _scaled(mixture, mixture.covariances.whitening[:, None, None, :])


def _scaled(mixture: "Mixture", scales: Floats) -> Densities:
    return _densities(AXES, mixture.means, _padded(scales, 4, 1, 1, _step(mixture.n_features)), mixture.log_norms)


def _triangles(mixture: "Mixture") -> Densities:
    step = _step(mixture.n_features)
    factors = mixture.covariances.whitening.reshape(-1, mixture.n_features, mixture.n_features)
    padded = _padded(factors, 4, step)
    blocks = padded.reshape(len(factors), -1, 4, padded.shape[2]).swapaxes(2, 3)
    return _densities(TRIANGLES, mixture.means, np.ascontiguousarray(blocks), mixture.log_norms)


def _read_trace(second: Floats) -> Floats:
    return np.asarray(second.sum(axis=(1, 2)))


def _read_diagonal(second: Floats) -> Floats:
    return second[:, 0]


def _read_full(second: Floats) -> Floats:
    lower = np.tril(second)
    return lower + np.swapaxes(np.tril(lower, -1), 1, 2)


def _read_pooled(second: Floats) -> Floats:
    return np.asarray(_read_full(second)[0])


_FORMS: dict[type[Covariances], Callable[["Mixture"], Densities]] = {
    Spherical: _balls,
    Diagonal: _axes,
    Tied: _triangles,
    Full: _triangles,
}

_KINDS: dict[Moments, tuple[int, Callable[[int, int], tuple[int, int, int]], Callable[[Floats], Floats]]] = {
    SCALAR: (PER_AXIS, lambda n_components, n_padded: (n_components, 1, n_padded), _read_trace),
    DIAGONAL: (PER_AXIS, lambda n_components, n_padded: (n_components, 1, n_padded), _read_diagonal),
    POOLED: (PER_PAIR, lambda _, n_padded: (1, n_padded, n_padded), _read_pooled),
    FULL: (PER_PAIR, lambda n_components, n_padded: (n_components, n_padded, n_padded), _read_full),
}


def _general(mixture: "Mixture", moments: Moments) -> Plan:
    """The plan that serves all forms and moments."""
    densities = _FORMS[type(mixture.covariances)](mixture)
    kind, shape, read_second = _KINDS[moments]
    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        return sums.first[:, :n_features], read_second(sums.second[:, :n_features, :n_features])

    return Plan(densities, kind, shape(*densities.centres.shape), read)


def _with_known_distances(mixture: "Mixture", moments: Moments) -> Plan:
    """Spherical covariances and traces: the squared distances that gave the responsibilities are summed again."""
    deviations = mixture.covariances.factors

    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        return sums.first[:, :n_features], sums.second[:, 0, 0] * deviations * deviations

    plan = _general(mixture, moments)
    return replace(plan, kind=FROM_DISTANCES, shape=(len(plan.densities.centres), 1, 4), read=read)


def _in_shared_frame(mixture: "Mixture", moments: Moments) -> Plan:
    r"""One covariance and pooled moments: rows are whitened once for all components, and squared once.

    With :math:`z = L^{-1} (x - c)`, c the mixture's mean, and :math:`\nu_k = L^{-1} (\mu_k - c)`, distances are those
    of z from :math:`\nu_k`. As responsibilities sum to one,

    .. math:: \sum_k S_k = L \Bigl( \sum_i w_i z_i z_i^\top
        - \sum_k f_k \nu_k^\top + \nu_k f_k^\top + m_k \nu_k \nu_k^\top \Bigr) L^\top

    with :math:`f_k` in the frame. The difference loses the digits of :math:`\max \nu^2`; so where a mean lies more than
    some standard deviations out, each component is summed about its own.
    """
    centre = mixture.mean
    factors = mixture.covariances.factors
    whitening = mixture.covariances.whitening
    centres = (mixture.means - centre) @ whitening.T
    if not np.abs(centres).max() <= _SHARED_FRAME_REACH:
        return _general(mixture, moments)

    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        first, second = sums.first[:, :n_features], _read_pooled(sums.second[:, :n_features, :n_features])
        cross = first.T @ centres
        within = second - cross - cross.T - (centres.T * sums.mass) @ centres
        pooled = factors @ within @ factors.T
        return first @ factors.T, 0.5 * (pooled + pooled.T)

    step = _step(mixture.n_features)
    densities = _densities(PLAIN, centres, np.ones((1, 1, 1, 1)), mixture.log_norms)
    n_padded = densities.centres.shape[1]
    frame = Frame(_padded(centre, step), _padded(whitening, step, step))
    return Plan(densities, OVER_ALL, (1, n_padded, n_padded), read, frame)


@dataclass(frozen=True)
class ProductsPlan:
    r"""Full or diagonal covariances, as linear functions of products of features: two products of matrices.

    In a frame about the mixture's mean, :math:`z = F (x - c)`, squared distances are

    .. math:: z^\top P_k z - 2 z^\top P_k \nu_k + \nu_k^\top P_k \nu_k

    with the precision :math:`P_k` and the mean :math:`\nu_k` in the frame, and moments about the mean follow from sums
    of :math:`z_i` and :math:`z_i z_j`. Nothing is centred by component, and the coefficients of four components stay in
    registers. The differences lose the digits of :math:`|z|^2 |P_k|`, so where that is large, each component is summed
    about its own mean.

    Attributes
    ----------
    model : Products
        The mixture.
    pairs : bool
        Whether features are multiplied by all others, or by themselves alone.
    means : (K, D)
        Component means in the frame.
    back : (D, D)
        From the frame to the units of the rows.
    which : tuple of (Q,)
        The features that are multiplied, by pairs.
    steepness : float
        The largest :math:`|P_k|`.
    general : Plan
        The plan for blocks that would lose digits.
    """

    model: Products
    pairs: bool
    means: Floats
    back: Floats
    which: tuple[Labels, Labels]
    steepness: float
    general: Plan

    def run(self, rows: Rows, weights: Floats) -> _Moments | None:
        """The same as of :class:`Plan`."""
        native = np.ascontiguousarray(rows, rows.dtype.newbyteorder("="))
        reach = _DIGITS_TO_LOSE[native.dtype] / self.steepness
        if not np.square(self.means).sum(axis=1).max() <= reach:
            return self.general.run(rows, weights)
        model = self.model if native.dtype == np.float64 else _single(self.model)
        n_components, n_features = self.means.shape
        n_products = -(-model.coefficients.shape[1] // 4) * 4
        n_fours = 4 * len(model.coefficients)
        mass, sums, scores = np.zeros(n_fours), np.zeros((n_fours, n_products)), np.zeros(4)
        farthest = sum_products(_read_only(native), _plain(weights), model, self.pairs, mass, sums, scores)
        if not farthest <= reach:
            return self.general.run(rows, weights)
        if not (np.isfinite(sums).all() and np.isfinite(scores).all()):
            return None
        scores[2] = len(rows) * n_components
        first, of_products = sums[:n_components, :n_features], sums[:n_components, n_features:]
        mass = mass[:n_components]
        centred = first - mass[:, None] * self.means
        if not self.pairs:
            second = of_products[:, :n_features] - self.means * (first + centred)
            scales = np.diagonal(self.back)
            return mass, centred * scales, second * scales * scales, scores[:3]
        second = np.empty((n_components, n_features, n_features))
        a, b = self.which
        second[:, a, b] = second[:, b, a] = of_products[:, : len(a)]
        second -= self.means[:, :, None] * first[:, None, :]
        second -= centred[:, :, None] * self.means[:, None, :]
        return mass, centred @ self.back.T, self.back @ second @ self.back.T, scores[:3]

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """The same as of :class:`Plan`."""
        return self.general.assess(rows, labels, responsibilities)


def _from_products(mixture: "Mixture", moments: Moments) -> Plan | ProductsPlan:
    """The plan by products of features, where there are few enough."""
    general, n_features = _general(mixture, moments), mixture.n_features
    if n_features > _MOST_MULTIPLIED:
        return general
    pairs, deviations = moments is FULL, np.sqrt(np.diagonal(mixture.covariance))
    try:
        root = np.linalg.cholesky(_correlations(mixture, deviations)) if pairs else np.eye(n_features)
    except np.linalg.LinAlgError:  # one component so much wider than the others that they are lost in rounding
        return general
    back = np.asarray(deviations[:, None] * root, np.float64)
    forth = np.linalg.inv(back)
    whitening = mixture.covariances.whitening
    whitening = whitening @ back if pairs else whitening[:, :, None] * back
    means = (mixture.means - mixture.mean) @ forth.T
    precisions = np.swapaxes(whitening, 1, 2) @ whitening
    which = np.triu_indices(n_features) if pairs else (np.arange(n_features), np.arange(n_features))
    of_squares = precisions[:, *which] * np.where(which[0] == which[1], 1.0, 2.0)
    shifts = (precisions @ means[:, :, None])[:, :, 0]
    coefficients = _padded(np.hstack([-2.0 * shifts, of_squares]), 4, 1)
    blocks = coefficients.reshape(-1, 4, coefficients.shape[1]).swapaxes(1, 2)
    log_norms = mixture.log_norms - 0.5 * np.einsum("kd,kd->k", shifts, means)
    factor = forth if pairs else np.diagonal(forth)[None]
    model = Products(
        mixture.mean.copy(), np.ascontiguousarray(factor), np.ascontiguousarray(blocks), np.ascontiguousarray(log_norms)
    )
    return ProductsPlan(model, pairs, means, back, which, _steepness(precisions), general)


def _steepness(precisions: Floats) -> float:
    """About the largest eigenvalue of all, by the power method from the steepest axis of each; at least half of it."""
    steepest = np.diagonal(precisions, axis1=1, axis2=2).argmax(axis=1)
    image = precisions[np.arange(len(precisions)), :, steepest]
    for _ in range(_TURNS):
        axis = image / np.linalg.norm(image, axis=1, keepdims=True)
        image = (precisions @ axis[:, :, None])[:, :, 0]
    return float(np.linalg.norm(image, axis=1).max())


def _single(model: Products) -> Products:
    """The same for rows of single precision; what overflows there fails in what follows."""
    with np.errstate(over="ignore"):
        return Products(model.centre, *(part.astype(np.float32) for part in model[1:]))


_SHORTCUTS: dict[tuple[type[Covariances], Moments], Callable[["Mixture", Moments], Plan | ProductsPlan]] = {
    (Full, FULL): _from_products,
    (Diagonal, DIAGONAL): _from_products,
    (Spherical, SCALAR): _with_known_distances,
    (Tied, POOLED): _in_shared_frame,
}


@dataclass(frozen=True)
class ScreenedPlan:
    """A mixture of full covariances, in the shapes of the screened pass.

    Attributes
    ----------
    model : Screened
        The mixture.
    rest : Plan or ProductsPlan
        The plan for blocks that are not worth screening.
    """

    model: Screened
    rest: Plan | ProductsPlan

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """The same as of :class:`Plan`."""
        return self.rest.assess(rows, labels, responsibilities)

    def run(self, rows: Rows, weights: Floats) -> _Moments | None:
        """The same as of :class:`Plan`."""
        n_features, (n_components, n_eights) = rows.shape[1], self.model.centres.shape
        second = np.zeros((n_components, n_eights, n_eights))
        sums = Sums(np.zeros(n_components), np.zeros((n_components, n_eights)), second, np.zeros(4))
        if not sum_screened(_plain(rows), _plain(weights), self.model, sums):
            return self.rest.run(rows, weights)
        if not all(np.isfinite(part).all() for part in sums):
            return None
        return sums.mass, sums.first[:, :n_features], _read_full(second[:, :n_features, :n_features]), sums.scores[:3]


def _correlations(mixture: "Mixture", deviations: Floats) -> Floats:
    return mixture.covariance / deviations / deviations[:, None]


def _screened(mixture: "Mixture", rest: Plan | ProductsPlan) -> ScreenedPlan:
    """Screens along four coordinates of each component, those that carry the most of the mixture's own spread."""
    origin, units = mixture.mean, np.sqrt(np.diagonal(mixture.covariance))
    whitening = mixture.covariances.whitening * units
    between = (mixture.means - origin) / units
    seen = whitening @ between[:, :, None]
    spread = whitening @ _correlations(mixture, units) @ np.swapaxes(whitening, 1, 2) + seen * np.swapaxes(seen, 1, 2)
    axes = spread[:, :, :4].copy()
    for _ in range(_TURNS):
        axes = np.linalg.qr(spread @ axes)[0]
    directions = np.sqrt(0.5 * (1.0 - _SHORTENED)) * np.swapaxes(axes, 1, 2) @ whitening
    n_features, n_pairs = mixture.n_features, -(-mixture.n_components // 2)
    padded = _padded(directions, 2, 1, 1).reshape(n_pairs, 2, 2, 2, n_features)
    offsets = _padded(np.einsum("kqd,kd->kq", directions, between), 2, 1).reshape(2 * n_pairs, 2, 2)
    rounding = (n_features + 4) * np.finfo(np.float32).eps * np.linalg.norm(directions, axis=2).max(axis=1)
    screens = Screens(
        origin.copy(),
        1.0 / units,
        np.ascontiguousarray(padded.transpose(2, 0, 4, 1, 3).reshape(2, n_pairs, n_features, 4), np.float32),
        np.ascontiguousarray(offsets.swapaxes(0, 1), np.float32),
        mixture.log_norms.copy(),
        4.0 * (1.0 / _SHORTENED - 1.0) * rounding**2,
        np.linalg.norm(between, axis=1),
    )
    columns = _padded(np.swapaxes(mixture.covariances.whitening, 1, 2), 8)
    model = Screened(screens, _padded(mixture.means, 8), columns, mixture.log_norms.copy())
    return ScreenedPlan(model, rest)


@lru_cache(maxsize=4)
def _planned(mixture: "Mixture", moments: Moments) -> Plan | ProductsPlan | ScreenedPlan:
    """The plan of a mixture, kept from block to block."""
    plan = _SHORTCUTS.get((type(mixture.covariances), moments), _general)(mixture, moments)
    worth = (
        moments is FULL
        and isinstance(mixture.covariances, Full)
        and mixture.n_features >= _SCREENED_FEATURES
        and mixture.n_components >= _SCREENED_COMPONENTS
    )
    return _screened(mixture, plan) if worth else plan


def planned(mixture: "Mixture", moments: Moments) -> Plan | ProductsPlan | ScreenedPlan:
    """The same, made once even where several threads ask for it."""
    with _ONE_AT_A_TIME:
        return _planned(mixture, moments)
