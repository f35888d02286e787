"""The plan for full covariances that skips pairs of a row and a component with a negligible responsibility."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines.fused._kernels import Sums
from gaussmix.engines.fused._screened import Screened, sum_screened
from gaussmix.engines.fused._screens import Screens
from gaussmix.engines.fused.forms import correlations, padded, symmetric
from gaussmix.engines.fused.plans import Plan, plain
from gaussmix.engines.fused.products import ProductsPlan, from_products
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["ScreenedPlan", "screened"]

# Least numbers of features and components for the screen: with fewer, the screen costs what it saves.
_FEWEST_FEATURES, _FEWEST_COMPONENTS = 10, 4
# Rows in a tile: a whole number of registers, processed three at a time.
_ROWS_IN_TILE = 144
# Steps of the subspace iteration towards the four axes with the most spread; the bounds hold for any four axes.
_ITERATIONS = 3
# Share by which squared coordinates are reduced, so that rounding cannot make a bound exceed the true distance.
_SHORTENED = 2.0**-8


@dataclass(frozen=True)
class ScreenedPlan:
    """The plan for a mixture with full covariances, with the arrays of the screened kernel.

    Attributes
    ----------
    model : Screened
        The components.
    rest : Plan or ProductsPlan
        The plan for blocks in which screening does not pay.
    origin : (K, D)
        Points about which the moments are taken.
    moments : Moments
        Kind of second moments that are summed.
    """

    model: Screened
    rest: Plan | ProductsPlan
    origin: Floats
    moments: Moments

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """Return the log-densities of rows; write their labels, and their responsibilities if that array has rows."""
        return self.rest.assess(rows, labels, responsibilities)

    def run(self, rows: Rows, weights: Floats) -> Statistics | None:
        """Return the statistics of the rows, or None if a sum overflows."""
        n_features, (n_components, n_eights) = rows.shape[1], self.model.centres.shape
        second = np.zeros((n_components, n_eights, n_eights))
        sums = Sums(np.zeros(n_components), np.zeros((n_components, n_eights)), second, np.zeros(4))
        n_computed = sum_screened(plain(rows), plain(weights), _ROWS_IN_TILE, self.model, sums)
        if n_computed < 0:  # screening does not pay
            return self.rest.run(rows, weights)
        if not all(np.isfinite(part).all() for part in sums):
            return None
        log_likelihood, classification, _, _ = sums.scores.tolist()
        return Statistics(
            origin=self.origin,
            mass=sums.mass,
            first=sums.first[:, :n_features],
            second=symmetric(second[:, :n_features, :n_features]),
            log_likelihood=log_likelihood,
            classification_log_likelihood=classification,
            weight=float(weights.sum()),
            moments=self.moments,
            skipped=len(rows) * n_components - n_computed,
        )


def screened(mixture: Components, moments: Moments, precision: np.dtype[Any]) -> Plan | ProductsPlan | ScreenedPlan:
    """Return the plan with screens along four coordinates of each component, or another plan for small problems.

    The four coordinates are the whitened coordinates with the largest spread of the whole distribution.
    """
    rest = from_products(mixture, moments, precision)
    if mixture.n_features < _FEWEST_FEATURES or mixture.n_components < _FEWEST_COMPONENTS:
        return rest
    origin, units = mixture.mean, np.sqrt(np.diagonal(mixture.covariance))
    whitening = mixture.covariances.whitening * units
    differences = (mixture.means - origin) / units
    whitened = whitening @ differences[:, :, None]
    spread = whitening @ correlations(mixture, units) @ np.swapaxes(whitening, 1, 2) + whitened * np.swapaxes(
        whitened, 1, 2
    )
    axes = spread[:, :, :4].copy()
    for _ in range(_ITERATIONS):
        axes = np.linalg.qr(spread @ axes)[0]
    directions = np.sqrt(0.5 * (1.0 - _SHORTENED)) * np.swapaxes(axes, 1, 2) @ whitening
    n_features, n_pairs = mixture.n_features, -(-mixture.n_components // 2)
    by_pairs = padded(directions, 2, 1, 1).reshape(n_pairs, 2, 2, 2, n_features)
    offsets = padded(np.einsum("kqd,kd->kq", directions, differences), 2, 1).reshape(2 * n_pairs, 2, 2)
    rounding = (n_features + 4) * np.finfo(np.float32).eps * np.linalg.norm(directions, axis=2).max(axis=1)
    screens = Screens(
        origin.copy(),
        1.0 / units,
        np.ascontiguousarray(by_pairs.transpose(2, 0, 4, 1, 3).reshape(2, n_pairs, n_features, 4), np.float32),
        np.ascontiguousarray(offsets.swapaxes(0, 1), np.float32),
        mixture.log_norms.copy(),
        4.0 * (1.0 / _SHORTENED - 1.0) * rounding**2,
        np.linalg.norm(differences, axis=1),
    )
    columns = padded(np.swapaxes(mixture.covariances.whitening, 1, 2), 8)
    model = Screened(screens, padded(mixture.means, 8), columns, mixture.log_norms.copy())
    return ScreenedPlan(model, rest, mixture.means, moments)
