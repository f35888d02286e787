"""The plan of covariances of which squared distances and moments are products of matrices."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.engines.fused._products import NORM, PAIRS, SQUARES, Products, assess_products, sum_products
from gaussmix.engines.fused.plans import (
    DOUBLE,
    SINGLE,
    Plan,
    correlations,
    general,
    padded,
    plain,
    rows_in_tile,
    symmetric,
)
from gaussmix.moments import POOLED, Moments
from gaussmix.statistics import Statistics

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["ProductsPlan", "from_products"]

_MOST = 600  # products: of 32 features in pairs; more would fill the caches
_STEPS = 3  # of the power method
# Squared distances from the mean of all, in units of a component's own deviations, up to which products are trusted: it
# costs four digits of sixteen, or three of seven.
_DIGITS_TO_LOSE = {DOUBLE: 2.0**12, SINGLE: 2.0**10}
_MOST_ROWS = 0.8  # share of a block's that are near: the others are few enough to be summed apart
_MOST_BYTES = 1536  # of one product in a tile, all of which fill the second cache
_CACHE = 2**20  # bytes of all joint densities in a tile


@dataclass(frozen=True)
class ProductsPlan:
    r"""Covariances of any form, as linear functions of products of features: two products of matrices.

    In a frame about the mixture's mean, :math:`z = F (x - c)`, squared distances are

    .. math:: z^\top P_k z - 2 z^\top P_k \nu_k + \nu_k^\top P_k \nu_k

    with the precision :math:`P_k` and the mean :math:`\nu_k` in the frame, and moments about the mean follow from sums
    of :math:`z_i` and :math:`z_i z_j`; of :math:`z_i^2`, where :math:`P_k` is diagonal; of :math:`|z|^2`, where it is a
    multiple of the identity. Nothing is centred by component, and the coefficients of four components stay in
    registers. The differences lose the digits of :math:`|z|^2 |P_k|`, so where that is large, each component is summed
    about its own mean.

    Attributes
    ----------
    model : Products
        The mixture.
    means : (K, D)
        Component means in the frame.
    reach : float
        Squared distances in the frame up to which no more digits are lost than may be.
    read : callable
        From masses, sums of features and of products, and the lower triangle of the second moments of all rows, to
        first and second moments.
    moments : Moments
        Which are summed.
    otherwise : Plan
        The plan for blocks that would lose digits.
    origin : (K, D)
        What the moments are about.
    """

    model: Products
    means: Floats
    reach: float
    read: Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]
    moments: Moments
    otherwise: Plan
    origin: Floats

    def run(self, rows: Rows, weights: Floats) -> Statistics | None:
        """The same as of :class:`Plan`.

        Where a few rows would lose digits, they are summed by the other plan, and the rest as before; in single
        precision all are, as rows that are nearly as far have few digits to spare.
        """
        if not self._means_are_near:
            return self.otherwise.run(rows, weights)
        found, farthest = self._summed(rows, weights, self.reach)
        if farthest <= self.reach:
            return found
        near = self._near(rows)
        if self.model.coefficients.dtype == SINGLE or near.mean() < _MOST_ROWS:
            return self.otherwise.run(rows, weights)
        most, _ = self._summed(rows[near], weights[near], np.inf)
        others = self.otherwise.run(rows[~near], weights[~near])
        return None if most is None or others is None else most + others.about(self.origin)

    def _summed(self, rows: Rows, weights: Floats, reach: float) -> tuple[Statistics | None, float]:
        """What all rows give, and the largest squared norm in the frame; nothing if that is beyond reach."""
        n_blocks, n_products, _ = self.model.coefficients.shape
        n_components, n_features = self.means.shape
        n_padded = -(-n_features // 16) * 16 if self.moments is POOLED else 0
        sums, scores = np.zeros((-(-n_products // 3) * 3, 4 * n_blocks)), np.zeros(4)
        whole, rows_in_precision = np.zeros((1, n_padded, n_padded)), plain(rows, self.model.coefficients.dtype)
        farthest = sum_products(rows_in_precision, plain(weights), self._lanes, reach, self.model, sums, whole, scores)
        sums = sums[:n_products, :n_components]
        if not (farthest <= reach and np.isfinite(sums).all() and np.isfinite(scores).all()):
            return None, farthest
        mass, first, of_products = sums[0].copy(), sums[1 : n_features + 1].T, sums[n_features + 1 :].T
        first, second = self.read(mass, first, of_products, whole[0, :n_features, :n_features])
        statistics = Statistics(
            origin=self.origin,
            mass=mass,
            first=first,
            second=second,
            log_likelihood=float(scores[0]),
            classification_log_likelihood=float(scores[1]),
            weight=float(weights.sum()),
            moments=self.moments,
        )
        return statistics, farthest

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """The same as of :class:`Plan`."""
        if not self._means_are_near:
            return self.otherwise.assess(rows, labels, responsibilities)
        log_density = np.empty(len(rows))
        farthest = assess_products(plain(rows), self._lanes, self.model, log_density, labels, responsibilities)
        if farthest <= self.reach:
            return log_density
        far = np.flatnonzero(~self._near(rows))
        their_labels = labels[far]
        theirs = responsibilities[far if len(responsibilities) else slice(0)]
        log_density[far] = self.otherwise.assess(rows[far], their_labels, theirs)
        labels[far] = their_labels
        if len(responsibilities):
            responsibilities[far] = theirs
        return log_density

    def _near(self, rows: Rows) -> Flags:
        """Which rows are within reach."""
        with np.errstate(over="ignore", invalid="ignore"):
            seen = rows - self.model.centre
            factor = self.model.factor.astype(np.float64)
            seen = seen @ factor.T if len(factor) > 1 else seen * factor
            return np.asarray(np.square(seen).sum(axis=1) <= self.reach)

    @property
    def _means_are_near(self) -> bool:
        """Whether rows at the means would lose no more digits than may be: else none need be looked at to know."""
        with np.errstate(over="ignore"):
            return bool(np.square(self.means).sum(axis=1).max() <= self.reach)

    @property
    def _lanes(self) -> int:
        """Rows in a tile, whose joint densities fill the second cache."""
        blocks = self.model.coefficients
        return rows_in_tile(_CACHE // (4 * len(blocks)), _MOST_BYTES, blocks.dtype)


class _Shape(NamedTuple):
    """What differs from form to form.

    Attributes
    ----------
    which : int
        Which features are multiplied.
    factor : (D, D) or (1, D)
        To the frame, as of :class:`Products`.
    means : (K, D)
        In the frame, as the next two.
    shifts : (K, D)
        Precisions times means.
    quadratic : (K, Q)
        What each product adds to squared distances.
    steepness : float
        The largest precision.
    read : callable
        As of :class:`ProductsPlan`.
    """

    which: int
    factor: Floats
    means: Floats
    shifts: Floats
    quadratic: Floats
    steepness: float
    read: Callable[[Floats, Floats, Floats, Floats], tuple[Floats, Floats]]


def from_products(mixture: "Mixture", moments: Moments, precision: np.dtype[Any]) -> Plan | ProductsPlan:
    """The plan by products of features of a mixture and its own moments, where there are few enough."""
    otherwise, shape = general(mixture, moments, precision), _SHAPES[type(mixture.covariances)](mixture)
    if shape is None:
        return otherwise
    constants = mixture.log_norms - 0.5 * np.einsum("kd,kd->k", shape.shifts, shape.means)
    coefficients = padded(np.hstack([constants[:, None], shape.shifts, -0.5 * shape.quadratic]) / math.log(2.0), 4, 1)
    reach = _DIGITS_TO_LOSE[precision] / shape.steepness
    if not (np.isfinite(coefficients).all() and reach > 0):  # variances too far apart, or means too far out
        return otherwise
    coefficients[len(constants) :, 0] = -np.inf
    blocks = coefficients.reshape(-1, 4, coefficients.shape[1]).swapaxes(1, 2)
    with np.errstate(over="ignore"):  # what overflows in single precision fails in what follows
        factor, blocks = (np.ascontiguousarray(part, precision) for part in (shape.factor, blocks))
    model = Products(shape.which, mixture.n_components, mixture.mean.copy(), factor, blocks)
    return ProductsPlan(model, shape.means, reach, shape.read, moments, otherwise, mixture.means)


def _full(mixture: "Mixture") -> _Shape | None:
    """Each component's own covariance: a frame in which the whole distribution is a sphere."""
    n_features = mixture.n_features
    a, b = np.triu_indices(n_features)
    if len(a) > _MOST:
        return None
    deviations = np.sqrt(np.diagonal(mixture.covariance))
    places = np.empty((n_features, n_features), np.intp)
    places[a, b] = places[b, a] = np.arange(len(a))  # of products
    try:
        back = deviations[:, None] * np.linalg.cholesky(correlations(mixture, deviations))
        forth = np.linalg.inv(back)
    except np.linalg.LinAlgError:  # one component so much wider than the others that they are lost in rounding
        return None
    means = (mixture.means - mixture.mean) @ forth.T
    whitening = mixture.covariances.whitening @ back
    precisions = np.swapaxes(whitening, 1, 2) @ whitening

    def read(mass: Floats, first: Floats, of_products: Floats, _: Floats) -> tuple[Floats, Floats]:
        second = of_products.take(places, axis=1)
        centred = first - mass[:, None] * means
        second -= means[:, :, None] * first[:, None, :] + centred[:, :, None] * means[:, None, :]
        return centred @ back.T, back @ second @ back.T

    shifts, quadratic = (precisions @ means[:, :, None])[:, :, 0], precisions[:, a, b] * np.where(a == b, 1.0, 2.0)
    return _Shape(PAIRS, forth, means, shifts, quadratic, _steepness(precisions), read)


def _diagonal(mixture: "Mixture") -> _Shape | None:
    """Variances: each feature in units of its deviation."""
    if mixture.n_features > _MOST:
        return None
    deviations = np.sqrt(mixture.variances)
    means = (mixture.means - mixture.mean) / deviations
    precisions = np.square(mixture.covariances.whitening * deviations)

    def read(mass: Floats, first: Floats, of_products: Floats, _: Floats) -> tuple[Floats, Floats]:
        centred = first - mass[:, None] * means
        second = of_products - means * (first + centred)
        return centred * deviations, second * deviations * deviations

    return _Shape(SQUARES, 1.0 / deviations[None], means, precisions * means, precisions, precisions.max(), read)


def _spherical(mixture: "Mixture") -> _Shape | None:
    """One variance each: all features in units of one deviation."""
    if mixture.n_features > _MOST:
        return None
    deviation = np.sqrt(mixture.variances.max())
    means = (mixture.means - mixture.mean) / deviation
    precisions = np.square(mixture.covariances.whitening * deviation)[:, None]

    def read(mass: Floats, first: Floats, of_products: Floats, _: Floats) -> tuple[Floats, Floats]:
        centred = first - mass[:, None] * means
        second = of_products[:, 0] - np.einsum("kd,kd->k", means, first + centred)
        return centred * deviation, second * deviation * deviation

    factor = np.full((1, mixture.n_features), 1.0 / deviation)
    return _Shape(NORM, factor, means, precisions * means, precisions, precisions.max(), read)


def _tied(mixture: "Mixture") -> _Shape | None:
    r"""One covariance: a frame in which it is a sphere.

    As responsibilities sum to one, with :math:`f_k` in the frame,

    .. math:: \sum_k S_k = L \Bigl( \sum_i w_i z_i z_i^\top
        - \sum_k f_k \nu_k^\top + \nu_k f_k^\top - m_k \nu_k \nu_k^\top \Bigr) L^\top
    """
    factors = mixture.covariances.factors
    if mixture.n_features > _MOST:
        return None
    means = (mixture.means - mixture.mean) @ mixture.covariances.whitening.T

    def read(mass: Floats, first: Floats, _: Floats, whole: Floats) -> tuple[Floats, Floats]:
        cross = first.T @ means
        pooled = factors @ (symmetric(whole[None])[0] - cross - cross.T + (means.T * mass) @ means) @ factors.T
        return (first - mass[:, None] * means) @ factors.T, 0.5 * (pooled + pooled.T)

    return _Shape(NORM, mixture.covariances.whitening, means, means, np.ones((len(means), 1)), 1.0, read)


_SHAPES: dict[type[Covariances], Callable[["Mixture"], _Shape | None]] = {
    Full: _full,
    Diagonal: _diagonal,
    Spherical: _spherical,
    Tied: _tied,
}


def _steepness(precisions: Floats) -> float:
    """About the largest eigenvalue of all, by the power method from the steepest axis of each; at least half of it."""
    steepest = np.diagonal(precisions, axis1=1, axis2=2).argmax(axis=1)
    image = precisions[np.arange(len(precisions)), :, steepest]
    for _ in range(_STEPS):
        axis = image / np.linalg.norm(image, axis=1, keepdims=True)
        image = (precisions @ axis[:, :, None])[:, :, 0]
    return float(np.linalg.norm(image, axis=1).max())
