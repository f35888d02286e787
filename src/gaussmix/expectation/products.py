"""The plan of full and diagonal covariances whose squared distances and moments are products of matrices."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.expectation._products import Products, sum_products
from gaussmix.expectation.plans import DOUBLE, SINGLE, Found, Plan, correlations, general, padded, plain
from gaussmix.statistics import FULL, Moments

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["ProductsPlan", "from_products"]

_MOST_MULTIPLIED = 32  # features; of more, the products would fill the caches
_STEPS = 3  # of the power method
# Squared distances from the mean of all, in units of a component's own deviations, up to which products are trusted: it
# costs four digits of sixteen, or three of seven.
_DIGITS_TO_LOSE = {DOUBLE: 2.0**12, SINGLE: 2.0**10}
_BYTES = 1536  # of a product in a tile, all of which fill the second cache: whole registers, two and three at a time


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
    otherwise : Plan
        The plan for blocks that would lose digits.
    origin : (K, D)
        What the moments are about.
    """

    model: Products
    pairs: bool
    means: Floats
    back: Floats
    which: tuple[Labels, Labels]
    steepness: float
    otherwise: Plan
    origin: Floats

    def run(self, rows: Rows, weights: Floats) -> Found | None:
        """The same as of :class:`Plan`."""
        precision = self.model.coefficients.dtype
        reach = _DIGITS_TO_LOSE[precision] / self.steepness
        if not np.square(self.means).sum(axis=1).max() <= reach:
            return self.otherwise.run(rows, weights)
        n_components, n_features = self.means.shape
        n_blocks, n_products, _ = self.model.coefficients.shape
        sums, scores = np.zeros((-(-n_products // 3) * 3, 4 * n_blocks)), np.zeros(4)
        lanes = _BYTES // precision.itemsize
        farthest = sum_products(
            plain(rows, precision), plain(weights), lanes, self.model, n_components, self.pairs, sums, scores
        )
        if not farthest <= reach:
            return self.otherwise.run(rows, weights)
        sums = sums[:n_products, :n_components]
        if not (np.isfinite(sums).all() and np.isfinite(scores).all()):
            return None
        scores[2] = len(rows) * n_components
        mass, first, of_products = sums[0].copy(), sums[1 : n_features + 1].T, sums[n_features + 1 :].T
        centred = first - mass[:, None] * self.means
        if not self.pairs:
            second = of_products - self.means * (first + centred)
            scales = np.diagonal(self.back)
            return mass, centred * scales, second * scales * scales, self.origin, scores[:3]
        second = np.empty((n_components, n_features, n_features))
        a, b = self.which
        second[:, a, b] = second[:, b, a] = of_products
        second -= self.means[:, :, None] * first[:, None, :]
        second -= centred[:, :, None] * self.means[:, None, :]
        return mass, centred @ self.back.T, self.back @ second @ self.back.T, self.origin, scores[:3]

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """The same as of :class:`Plan`."""
        return self.otherwise.assess(rows, labels, responsibilities)


def from_products(mixture: "Mixture", moments: Moments, precision: np.dtype[Any]) -> Plan | ProductsPlan:
    """The plan by products of features, where there are few enough."""
    otherwise, n_features = general(mixture, moments, precision), mixture.n_features
    if n_features > _MOST_MULTIPLIED:
        return otherwise
    pairs, deviations = moments is FULL, np.sqrt(np.diagonal(mixture.covariance))
    try:
        root = np.linalg.cholesky(correlations(mixture, deviations)) if pairs else np.eye(n_features)
    except np.linalg.LinAlgError:  # one component so much wider than the others that they are lost in rounding
        return otherwise
    back = np.asarray(deviations[:, None] * root, np.float64)
    forth = np.linalg.inv(back)
    whitening = mixture.covariances.whitening
    whitening = whitening @ back if pairs else whitening[:, :, None] * back
    means = (mixture.means - mixture.mean) @ forth.T
    precisions = np.swapaxes(whitening, 1, 2) @ whitening
    which = np.triu_indices(n_features) if pairs else (np.arange(n_features), np.arange(n_features))
    of_squares = precisions[:, *which] * np.where(which[0] == which[1], 1.0, 2.0)
    shifts = (precisions @ means[:, :, None])[:, :, 0]
    constants = mixture.log_norms - 0.5 * np.einsum("kd,kd->k", shifts, means)
    coefficients = padded(np.hstack([constants[:, None], shifts, -0.5 * of_squares]) / math.log(2.0), 4, 1)
    coefficients[len(constants) :, 0] = -np.inf
    blocks = coefficients.reshape(-1, 4, coefficients.shape[1]).swapaxes(1, 2)
    factor = forth if pairs else np.diagonal(forth)[None]
    with np.errstate(over="ignore"):  # what overflows in single precision fails in what follows
        factor, blocks = (np.ascontiguousarray(part, precision) for part in (factor, blocks))
    model = Products(mixture.mean.copy(), factor, blocks)
    return ProductsPlan(model, pairs, means, back, which, _steepness(precisions), otherwise, mixture.means)


def _steepness(precisions: Floats) -> float:
    """About the largest eigenvalue of all, by the power method from the steepest axis of each; at least half of it."""
    steepest = np.diagonal(precisions, axis1=1, axis2=2).argmax(axis=1)
    image = precisions[np.arange(len(precisions)), :, steepest]
    for _ in range(_STEPS):
        axis = image / np.linalg.norm(image, axis=1, keepdims=True)
        image = (precisions @ axis[:, :, None])[:, :, 0]
    return float(np.linalg.norm(image, axis=1).max())
