"""The plan of full covariances whose components may lie apart."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.engines.fused._kernels import Sums
from gaussmix.engines.fused._screened import Screened, sum_screened
from gaussmix.engines.fused._screens import Screens
from gaussmix.engines.fused.plans import Plan, correlations, padded, plain, symmetric
from gaussmix.engines.fused.products import ProductsPlan, from_products
from gaussmix.moments import FULL, Moments
from gaussmix.statistics import Statistics

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["ScreenedPlan", "screened"]

_FEWEST_FEATURES, _FEWEST_COMPONENTS = 10, 4  # of fewer, a screen would cost as much as it saves
_TURNS = 3  # towards the axes of most spread; any four are right
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
    """

    model: Screened
    rest: Plan | ProductsPlan
    origin: Floats

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """The same as of :class:`Plan`."""
        return self.rest.assess(rows, labels, responsibilities)

    def run(self, rows: Rows, weights: Floats) -> Statistics | None:
        """The same as of :class:`Plan`."""
        n_features, (n_components, n_eights) = rows.shape[1], self.model.centres.shape
        second = np.zeros((n_components, n_eights, n_eights))
        sums = Sums(np.zeros(n_components), np.zeros((n_components, n_eights)), second, np.zeros(4))
        if not sum_screened(plain(rows), plain(weights), self.model, sums):
            return self.rest.run(rows, weights)
        if not all(np.isfinite(part).all() for part in sums):
            return None
        log_likelihood, classification, n_computed, _ = sums.scores.tolist()
        return Statistics(
            origin=self.origin,
            mass=sums.mass,
            first=sums.first[:, :n_features],
            second=symmetric(second[:, :n_features, :n_features]),
            log_likelihood=log_likelihood,
            classification_log_likelihood=classification,
            weight=float(weights.sum()),
            moments=FULL,
            skipped=len(rows) * n_components - n_computed,
        )


def screened(mixture: "Mixture", moments: Moments, precision: np.dtype[Any]) -> Plan | ProductsPlan | ScreenedPlan:
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
    for _ in range(_TURNS):
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
    return ScreenedPlan(model, rest, mixture.means)
