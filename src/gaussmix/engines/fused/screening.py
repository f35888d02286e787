"""The plan of full covariances whose components may lie apart."""

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

_FEWEST_FEATURES, _FEWEST_COMPONENTS = 10, 4  # of fewer, a screen would cost as much as it saves
_ROWS_IN_TILE = 144  # whole registers, three at a time
_ALL, _TRIAL = False, True  # whether rows are counted alone
_ROWS_OF_TRIAL = 48  # from which it is seen whether screening pays
_MANY = 0.2  # share of pairs left over, beside each row's best, from which on it is cheaper to compute all
_ITERATIONS = 3  # towards the axes of most spread; any four are right
_SHORTENED = 2.0**-8  # share of a square that is given up, so that what rounding adds to the rest is bounded


@dataclass(frozen=True)
class ScreenedPlan:
    """A mixture of full covariances, in the shapes of the screened pass.

    Attributes
    ----------
    model : Screened
        The mixture.
    rest : Plan or ProductsPlan
        The plan for blocks that are not worth screening.
    origin : (K, D)
        What the moments are about.
    moments : Moments
        How much of the second moments is summed.
    """

    model: Screened
    rest: Plan | ProductsPlan
    origin: Floats
    moments: Moments

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """The same as of :class:`Plan`."""
        return self.rest.assess(rows, labels, responsibilities)

    def run(self, rows: Rows, weights: Floats) -> Statistics | None:
        """The same as of :class:`Plan`."""
        if not self._pays(rows):
            return self.rest.run(rows, weights)
        n_features, (n_components, n_eights) = rows.shape[1], self.model.centres.shape
        second = np.zeros((n_components, n_eights, n_eights))
        sums = Sums(np.zeros(n_components), np.zeros((n_components, n_eights)), second, np.zeros(4))
        n_computed = sum_screened(plain(rows), plain(weights), _ROWS_IN_TILE, self.model, sums, _ALL)
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

    def _pays(self, rows: Rows) -> bool:
        """Whether, of some of the rows, so few pairs are left over that it costs less to screen than to compute all."""
        n_rows, n_components = len(rows), len(self.model.log_norms)
        some = rows[np.arange(min(_ROWS_OF_TRIAL, n_rows)) * n_rows // min(_ROWS_OF_TRIAL, n_rows)]
        nothing = Sums(np.empty(0), np.empty((0, 0)), np.empty((0, 0, 0)), np.empty(0))
        n_left = sum_screened(plain(some), plain(np.ones(len(some))), _ROWS_OF_TRIAL, self.model, nothing, _TRIAL)
        return bool(n_left <= len(some) * (1.0 + _MANY * (n_components - 1)))


def screened(mixture: Components, moments: Moments, precision: np.dtype[Any]) -> Plan | ProductsPlan | ScreenedPlan:
    """Screens along four coordinates of each component, those that carry the most of the mixture's own spread."""
    rest = from_products(mixture, moments, precision)
    if mixture.n_features < _FEWEST_FEATURES or mixture.n_components < _FEWEST_COMPONENTS:
        return rest
    origin, units = mixture.mean, np.sqrt(np.diagonal(mixture.covariance))
    whitening = mixture.covariances.whitening * units
    between = (mixture.means - origin) / units
    seen = whitening @ between[:, :, None]
    spread = whitening @ correlations(mixture, units) @ np.swapaxes(whitening, 1, 2) + seen * np.swapaxes(seen, 1, 2)
    axes = spread[:, :, :4].copy()
    for _ in range(_ITERATIONS):
        axes = np.linalg.qr(spread @ axes)[0]
    directions = np.sqrt(0.5 * (1.0 - _SHORTENED)) * np.swapaxes(axes, 1, 2) @ whitening
    n_features, n_pairs = mixture.n_features, -(-mixture.n_components // 2)
    by_pairs = padded(directions, 2, 1, 1).reshape(n_pairs, 2, 2, 2, n_features)
    offsets = padded(np.einsum("kqd,kd->kq", directions, between), 2, 1).reshape(2 * n_pairs, 2, 2)
    rounding = (n_features + 4) * np.finfo(np.float32).eps * np.linalg.norm(directions, axis=2).max(axis=1)
    screens = Screens(
        origin.copy(),
        1.0 / units,
        np.ascontiguousarray(by_pairs.transpose(2, 0, 4, 1, 3).reshape(2, n_pairs, n_features, 4), np.float32),
        np.ascontiguousarray(offsets.swapaxes(0, 1), np.float32),
        mixture.log_norms.copy(),
        4.0 * (1.0 / _SHORTENED - 1.0) * rounding**2,
        np.linalg.norm(between, axis=1),
    )
    columns = padded(np.swapaxes(mixture.covariances.whitening, 1, 2), 8)
    model = Screened(screens, padded(mixture.means, 8), columns, mixture.log_norms.copy())
    return ScreenedPlan(model, rest, mixture.means, moments)
