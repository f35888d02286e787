"""The plan of covariances of which squared distances and moments are products of matrices."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaussmix._types import Flags, Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines.fused._products import Products, assess_products, sum_products
from gaussmix.engines.fused.forms import ReadProducts, kernel_form, padded
from gaussmix.engines.fused.plans import DOUBLE, SINGLE, Plan, general, plain, rows_in_tile
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["ProductsPlan", "from_products"]

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
    sums_whole : bool
        Whether the second moments of all rows are summed besides.
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
    read: ReadProducts
    sums_whole: bool
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
        sums, scores = np.zeros((-(-n_products // 3) * 3, 4 * n_blocks)), np.zeros(4)
        whole = np.zeros(2 * (-(-n_features // 16) * 16,)) if self.sums_whole else None
        rows_in_precision = plain(rows, self.model.coefficients.dtype)
        farthest = sum_products(
            rows_in_precision, plain(weights), self._n_in_tile, reach, self.model, sums, whole, scores
        )
        sums = sums[:n_products, :n_components]
        if not (farthest <= reach and np.isfinite(sums).all() and np.isfinite(scores).all()):
            return None, farthest
        mass, first, of_products = sums[0].copy(), sums[1 : n_features + 1].T, sums[n_features + 1 :].T
        of_all = np.empty((0, 0)) if whole is None else whole[:n_features, :n_features]
        first, second = self.read(mass, first, of_products, of_all)
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
        farthest = assess_products(plain(rows), self._n_in_tile, self.model, log_density, labels, responsibilities)
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
    def _n_in_tile(self) -> int:
        """Rows in a tile, whose joint densities fill the second cache."""
        blocks = self.model.coefficients
        return rows_in_tile(_CACHE // (4 * len(blocks)), _MOST_BYTES, blocks.dtype)


def from_products(mixture: Components, moments: Moments, precision: np.dtype[Any]) -> Plan | ProductsPlan:
    """The plan by products of features of a mixture and its own moments, where there are few enough."""
    otherwise, shape = general(mixture, moments, precision), kernel_form(mixture.covariances).products(mixture)
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
    return ProductsPlan(model, shape.means, reach, shape.read, shape.sums_whole, moments, otherwise, mixture.means)
