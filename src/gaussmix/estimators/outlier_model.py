"""The model of an outlier detector: components of few rows are left out, and cross-fitting checks the border."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.stats import binom

from gaussmix._types import Flags, Floats
from gaussmix.density.subset import subset
from gaussmix.diagnosis import Diagnosis, diagnose
from gaussmix.estimators.crossfit import CrossFit
from gaussmix.estimators.density_scale import DensityScale
from gaussmix.estimators.model_choice import SelectedModel
from gaussmix.estimators.predictive import Predictive
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import ArraySource

__all__ = ["OutlierModel"]

_FEW_DRAWS = 20_000
"""The number of random rows from which the border of a refit without a part of the rows is found."""
_WELL_KNOWN = 5.0
"""The number of rows per component and feature from which the departure from the structure is well known."""
_LARGEST_EXCESS = 6.0
"""The largest share of new rows beyond the border, in multiples of the threshold, that ``benchmarks.few_rows`` measured
with less than `_WELL_KNOWN` rows per component and feature."""
_TENTH = 0.1
"""The share of new rows whose log-densities are compared in the check of the border."""
_REPORTED = 0.1
"""The share of the rows in left-out components from which a warning is issued."""
_CHANCE = 0.01
"""The probability that the check of the border lowers a correct border."""
_FEWEST = 3
"""The smallest number of rows of a component that is not left out, also for shared covariances."""
_FEW = 2.0
"""A component is left out below this multiple of the rows that its covariance needs: with fewer rows, each single row
has a strong influence on the covariance."""
_MANY = 10.0
"""A component that looks spurious is left out below this multiple of the rows that its covariance needs. With more
rows, its shape is not due to a few rows."""


@dataclass(frozen=True, eq=False)
class OutlierModel:
    """The model of an outlier detector: a mixture, its refits without parts of the rows, and its sound components.

    Attributes
    ----------
    selected : SelectedModel
        The model, fitted to all rows.
    cross_fit : CrossFit
        The refits of the model without parts of the rows.
    sound : (K,) ndarray of bool
        The components that are not left out.
    left_out : list of dict
        The left-out components, in the form of `left_out_`.
    """

    selected: SelectedModel
    cross_fit: CrossFit
    sound: Flags
    left_out: list[dict[str, Any]]

    @classmethod
    def of(cls, source: ArraySource, selected: SelectedModel) -> Self:
        """Return the model of a detector, for the rows and the model that was fitted to the rows."""
        cross_fit = CrossFit(source, selected.mixture, selected.m_step)
        return cls(selected, cross_fit, *_find_sound(selected.mixture, source))

    @property
    def left_out_notes(self) -> list[str]:
        """A warning about left-out components, unless they have few rows."""
        rows = sum(component["rows"] for component in self.left_out)
        fewest = self.selected.mixture.n_features + 2
        if rows < _REPORTED * self._weight and all(component["rows"] < fewest for component in self.left_out):
            return []
        components = " and ".join(
            f"{component['rows']:.3g} rows ({component['reason']})" for component in self.left_out
        )
        note = (
            f"Components of {components} are left out of mixture_, since they have few rows: similar rows are flagged. "
            "If these rows are not outliers, use fewer components or a covariance_type with fewer parameters; the "
            "attribute left_out_ lists the components."
        )
        return [note]

    @property
    def held_out_log_likelihood(self) -> float:
        """The cross-fitted log-likelihood of all rows, without the left-out components, in nats."""
        parts = (
            (self.cross_fit.source.subset(refit.part), subset(refit.mixture, self.sound))
            for refit in self.cross_fit.refits
        )
        return sum(rows.reduce(mixture, SCALAR).log_likelihood for rows, mixture in parts)

    def lower_border(self, border: float, predictive: Predictive, rng: np.random.Generator) -> tuple[float, list[str]]:
        """Return the border, lowered if too many left-out rows have low log-densities, and a warning if it is lowered.

        Few rows do not determine a share of 0.01. The check therefore compares the lowest tenth: if significantly more
        than a tenth of the left-out rows are below the 0.1 quantile of the predictive distribution, the distance of the
        border from the median is stretched by the same factor as the distance of the 0.1 quantile.
        """
        depths = self._compute_depths(rng)
        weights = self.cross_fit.source.sample_weight
        low = float(weights @ (depths < -1.0))
        if binom.sf(np.ceil(low) - 1, max(round(self._weight), 1), _TENTH) > _CHANCE:
            return border, []
        middle, tenth = np.quantile(depths, [0.5, _TENTH], weights=weights, method="inverted_cdf")
        median, unit = _estimate_median_and_unit(predictive, rng)
        lower = median + unit * (middle + (middle - tenth) * (border - median) / unit)
        params, less = self.selected.params, max(border - lower, 0.0)
        note = (
            f"In cross-validation, {low:.3g} of {self._weight:.6g} rows ({low / self._weight:.0%}) have a log-density "
            f"that {_TENTH:.0%} should have: {params['n_components']} components with covariance_type="
            f"{params['covariance_type']!r} have too many parameters for the rows, or do not fit their shape. The "
            f"border was lowered by {less:.3g} nats, and the share of new rows beyond it is known only roughly. Try "
            "more rows, fewer features, or contamination."
        )
        return border - less, [note]

    def departure_notes(self, predictive: Predictive, share: float) -> list[str]:
        """Return a warning if rows clearly depart from the structure, and are too few to estimate the departure."""
        params, n_features = self.selected.params, self.selected.mixture.n_features
        per_component = self._weight / params["n_components"]
        if not predictive.has_clear_departures or per_component >= _WELL_KNOWN * n_features:
            return []
        note = (
            f"{per_component:.3g} rows per component are too few for covariances of {n_features} features, and the "
            f"rows depart from the selected covariance_type={params['covariance_type']!r}. The border allows for the "
            f"departure, but the share of new rows that are flagged may be up to {_LARGEST_EXCESS:g} times the "
            f"threshold of {share:g}. Try more rows, or fewer features."
        )
        return [note]

    @property
    def _weight(self) -> float:
        """The sum of the weights of the rows."""
        return float(self.cross_fit.source.sample_weight.sum())

    def _compute_depths(self, rng: np.random.Generator) -> Floats:
        """Return standardized cross-fitted log-densities of the rows, ``(n,)``.

        They are differences from the predictive median, in units of its distance from the predictive 0.1 quantile.
        """
        depths = np.zeros(self.cross_fit.source.n_rows)
        for refit in self.cross_fit.refits:
            whole = Predictive.of(refit.mixture, refit.rest, self.selected.structure, with_departures=True)
            predictive = whole.subset(self.sound)
            median, unit = _estimate_median_and_unit(predictive, rng)
            rows = self.cross_fit.source.observed[refit.part]
            scores = DensityScale(predictive, _FEW_DRAWS, seed=0).score(rows)
            depths[refit.part] = (scores - median) / unit
        return depths


def _estimate_median_and_unit(predictive: Predictive, rng: np.random.Generator) -> tuple[float, float]:
    """Return the median of the log-densities of new rows, and its distance from their 0.1 quantile."""
    tenth, median = np.quantile(predictive.sample_log_densities(_FEW_DRAWS, rng), [_TENTH, 0.5])
    return float(median), float(median - tenth)


def _find_sound(mixture: Mixture, source: ArraySource) -> tuple[Flags, list[dict[str, Any]]]:
    """Return the flags of the components with enough rows, ``(K,)``, and a description of each other component.

    If no component has enough rows, all flags are True.
    """
    diagnosis = diagnose(mixture, source)
    fewest = max(diagnosis.fewest, _FEWEST)
    spurious = np.isin(np.arange(mixture.n_components), diagnosis.spurious)
    required = np.where(spurious, _MANY, _FEW) * fewest
    sound = diagnosis.masses >= required
    if not sound.any():
        return np.ones_like(sound), []
    left_out = [
        {
            "rows": float(diagnosis.masses[k]),
            "mean": mixture.means[k],
            "reason": _describe_reason(diagnosis, int(k), float(required[k])),
        }
        for k in np.flatnonzero(~sound)
    ]
    return sound, left_out


def _describe_reason(diagnosis: Diagnosis, k: int, required: float) -> str:
    """Return the reason why a component is left out, in words."""
    verdict = f"{diagnosis.verdicts[k]}: " if diagnosis.verdicts[k] else ""
    return f"{verdict}fewer than {required:g}"
