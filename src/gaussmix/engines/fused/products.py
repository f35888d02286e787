"""The plan by products of features, in which squared distances and moments are products of matrices."""

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

# Largest squared distance from the overall mean, in squared standard deviations of a component along its narrowest
# axis, up to which products are used: the distance costs four of sixteen digits, or three of seven.
_DIGITS_TO_LOSE = {DOUBLE: 2.0**12, SINGLE: 2.0**10}
# Least share of near rows in a block: then the other rows are few enough to be summed by the fallback plan.
_MOST_ROWS = 0.8
# Largest size of one product of a tile, in bytes; with this size, all products of a tile fill the second cache.
_MOST_BYTES = 1536
# Largest size of all joint densities of a tile, in bytes.
_CACHE = 2**20


@dataclass(frozen=True)
class ProductsPlan:
    r"""The plan for covariances of any form whose squared distances are linear in products of features.

    In coordinates about the mean of the mixture, :math:`z = F (x - c)`, squared distances are

    .. math:: z^\top P_k z - 2 z^\top P_k \nu_k + \nu_k^\top P_k \nu_k

    with the precision :math:`P_k` and the mean :math:`\nu_k` in these coordinates. Moments about the mean follow from
    sums of :math:`z_i` and :math:`z_i z_j`; of :math:`z_i^2` if :math:`P_k` is diagonal; of :math:`|z|^2` if
    :math:`P_k` is a multiple of the identity. Rows are not centred for each component, and the coefficients of four
    components stay in registers. Cancellation loses the digits of :math:`|z|^2 |P_k|`. If that number is large, the
    fallback plan sums the rows about the mean of each component.

    Attributes
    ----------
    model : Products
        The components.
    means : (K, D)
        Means of the components in the coordinates z.
    reach : float
        Largest squared norm of z at which the loss of digits is acceptable.
    read : callable
        Function that maps masses, sums of features, sums of products, and the lower triangle of the second moments of
        all rows to first and second moments.
    sums_whole : bool
        Whether the kernel also sums the second moments of all rows.
    moments : Moments
        Kind of second moments that are summed.
    fallback : Plan
        The plan for rows with too large a loss of digits.
    origin : (K, D)
        Points about which the moments are taken.
    """

    model: Products
    means: Floats
    reach: float
    read: ReadProducts
    sums_whole: bool
    moments: Moments
    fallback: Plan
    origin: Floats

    def run(self, rows: Rows, weights: Floats) -> Statistics | None:
        """Return the statistics of the rows, or None if a sum overflows.

        If a few rows are beyond the reach, the fallback plan sums these rows, and products sum the others. In single
        precision the fallback plan sums all rows of the block, because rows that are almost beyond the reach have few
        digits to spare.
        """
        if not self._means_are_near:
            return self.fallback.run(rows, weights)
        statistics, farthest = self._sum(rows, weights, self.reach)
        if farthest <= self.reach:
            return statistics
        near = self._is_near(rows)
        if self.model.coefficients.dtype == SINGLE or near.mean() < _MOST_ROWS:
            return self.fallback.run(rows, weights)
        most, _ = self._sum(rows[near], weights[near], np.inf)
        others = self.fallback.run(rows[~near], weights[~near])
        return None if most is None or others is None else most + others.about(self.origin)

    def _sum(self, rows: Rows, weights: Floats, reach: float) -> tuple[Statistics | None, float]:
        """Return the statistics of the rows, and the largest squared norm of z.

        The statistics are None if a row is beyond the reach or if a sum overflows.
        """
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
        """Return the log-densities of rows; write their labels, and their responsibilities if that array has rows."""
        if not self._means_are_near:
            return self.fallback.assess(rows, labels, responsibilities)
        log_density = np.empty(len(rows))
        farthest = assess_products(plain(rows), self._n_in_tile, self.model, log_density, labels, responsibilities)
        if farthest <= self.reach:
            return log_density
        far = np.flatnonzero(~self._is_near(rows))
        far_labels = labels[far]
        far_responsibilities = responsibilities[far if len(responsibilities) else slice(0)]
        log_density[far] = self.fallback.assess(rows[far], far_labels, far_responsibilities)
        labels[far] = far_labels
        if len(responsibilities):
            responsibilities[far] = far_responsibilities
        return log_density

    def _is_near(self, rows: Rows) -> Flags:
        """Return True for the rows within the reach."""
        with np.errstate(over="ignore", invalid="ignore"):
            coordinates = rows - self.model.centre
            factor = self.model.factor.astype(np.float64)
            coordinates = coordinates @ factor.T if len(factor) > 1 else coordinates * factor
            return np.asarray(np.square(coordinates).sum(axis=1) <= self.reach)

    @property
    def _means_are_near(self) -> bool:
        """True if all means are within the reach; if a mean is not, rows are not either, and no row is examined."""
        with np.errstate(over="ignore"):
            return bool(np.square(self.means).sum(axis=1).max() <= self.reach)

    @property
    def _n_in_tile(self) -> int:
        """Number of rows in a tile whose joint densities fill the second cache."""
        blocks = self.model.coefficients
        return rows_in_tile(_CACHE // (4 * len(blocks)), _MOST_BYTES, blocks.dtype)


def from_products(mixture: Components, moments: Moments, precision: np.dtype[Any]) -> Plan | ProductsPlan:
    """Return the plan by products of features; the general plan if products are too many or lose too many digits."""
    fallback, shape = general(mixture, moments, precision), kernel_form(mixture.covariances).products(mixture)
    if shape is None:
        return fallback
    constants = mixture.log_norms - 0.5 * np.einsum("kd,kd->k", shape.shifts, shape.means)
    coefficients = padded(np.hstack([constants[:, None], shape.shifts, -0.5 * shape.quadratic]) / math.log(2.0), 4, 1)
    reach = _DIGITS_TO_LOSE[precision] / shape.steepness
    if not (np.isfinite(coefficients).all() and reach > 0):  # variances that differ too much, or means too far apart
        return fallback
    coefficients[len(constants) :, 0] = -np.inf
    blocks = coefficients.reshape(-1, 4, coefficients.shape[1]).swapaxes(1, 2)
    with np.errstate(over="ignore"):  # an overflow in single precision leads to sums that are refused
        factor, blocks = (np.ascontiguousarray(part, precision) for part in (shape.factor, blocks))
    model = Products(shape.which, mixture.n_components, mixture.mean.copy(), factor, blocks)
    return ProductsPlan(model, shape.means, reach, shape.read, shape.sums_whole, moments, fallback, mixture.means)
