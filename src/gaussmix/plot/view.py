"""The features of a mixture and of its rows that a picture shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from matplotlib.axes import Axes

from gaussmix._cached_property import cached_property
from gaussmix._types import ArrayLike, Floats, Rows
from gaussmix.arguments import as_mixture
from gaussmix.density.features import Feature, features_of, indices
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.values import rows_with_holes

__all__ = ["View", "as_rows", "axis_limits", "evaluate_on_grid", "pad_spans", "span_of", "unite_spans"]

# The limits of a picture cover this share of the probability of each feature.
_COVERED = 0.999
# Either end of an axis has a margin of this share of its length.
_MARGIN = 0.08
# A grid over two features has so many values along each.
_GRID_SIZE = 160
# A grid over one feature has so many values: about one for each pixel, so that a curve shows no corners.
_CURVE_SIZE = 640
# A component with a standard deviation of fewer grid steps than this gets additional values.
_NARROW = 4.0
# The additional values are so many standard deviations from the component's mean.
_NEAR = np.linspace(-5.0, 5.0, 41)


@dataclass(frozen=True, eq=False)
class View:
    """A mixture restricted to d of its features.

    Attributes
    ----------
    whole : Mixture
        The mixture of all D features.
    features : list of int
        Indices of the features that are shown.
    """

    whole: Mixture
    features: list[int]

    @classmethod
    def of_features(cls, mixture: Mixture | HasMixture, features: Sequence[Feature] | None) -> Self:
        """Return a view of any features of a mixture, by default of all."""
        mixture = as_mixture("mixture", mixture, Mixture)
        return cls(mixture, indices(mixture, range(mixture.n_features) if features is None else features))

    @classmethod
    def of_feature(cls, mixture: Mixture | HasMixture, feature: Feature) -> Self:
        """Return a view of a single feature of a mixture."""
        return cls.of_features(mixture, [feature])

    @classmethod
    def of_pair(cls, mixture: Mixture | HasMixture, features: Sequence[Feature]) -> Self:
        """Return a view of two features of a mixture; raise ``ValueError`` if there are not exactly two."""
        n_features = cls.of_features(mixture, None).whole.n_features
        if n_features == 1:
            msg = "mixture must have at least two features, got one; draw it with plot.curve(mixture)."
            raise ValueError(msg)
        if np.size(features) != 2:  # noqa: PLR2004 - across and up
            msg = f"features must be two of the mixture's {n_features} features, got {np.asarray(features).tolist()}."
            raise ValueError(msg)
        return cls.of_features(mixture, features)

    @cached_property
    def mixture(self) -> Mixture:
        """The distribution of the features that are shown."""
        return self.whole.marginal(self.features)

    @property
    def labels(self) -> list[str]:
        """The names of the features, or ``feature 0`` and so on if features have no names."""
        names = self.whole.feature_names
        return [f"feature {i}" if names is None else names[i] for i in self.features]

    def select(self, rows: ArrayLike) -> Rows:
        """Return the shown features of rows, ``(n, D) -> (n, d)``; missing values are NaN."""
        return as_rows(features_of(self.whole, "rows", rows), self.whole.n_features)[:, self.features]

    def spans(self, rows: ArrayLike | None = None) -> Floats:
        """Return the range of each feature, ``(d, 2)``, that covers 99.9 % of its probability, and all rows."""
        tails = [(1 - _COVERED) / 2, (1 + _COVERED) / 2]
        covered = np.array([self.whole.marginal(feature).ppf(tails) for feature in self.features])
        return covered if rows is None else unite_spans(covered, span_of(self.select(rows)))

    def grid(self, spans: Floats) -> list[Floats]:
        """Return the values of each feature at which to draw a density, closer together around narrow components."""
        size = _CURVE_SIZE if len(self.features) == 1 else _GRID_SIZE
        marginals = [self.whole.marginal(feature) for feature in self.features]
        return [_grid_values(marginal, *span, size=size) for marginal, span in zip(marginals, spans, strict=True)]


def as_rows(rows: ArrayLike, n_features: int) -> Rows:
    """Return rows as an array, with NaN for missing values.

    Raise ``ValueError`` if a value is infinite, or the number of features differs.
    """
    points, _ = rows_with_holes("rows", rows)
    if points.ndim != 2 or points.shape[1] != n_features or not len(points):  # noqa: PLR2004 - rows and columns
        msg = f"rows must have shape (n, {n_features}), with n at least 1, got {points.shape}."
        raise ValueError(msg)
    return points


def axis_limits(ax: Axes, spans: Floats) -> Floats:
    """Return the limits of each axis: fixed limits stay, others cover the spans and what is already drawn."""
    shown = np.array([sorted(ax.get_xlim()), sorted(ax.get_ylim())])[: len(spans)]
    fixed = ~np.array([ax.get_autoscalex_on(), ax.get_autoscaley_on()])[: len(spans), None]
    return np.where(fixed, shown, unite_spans(spans, shown) if ax.has_data() else spans)


def pad_spans(spans: Floats) -> Floats:
    """Return spans ``(d, 2)`` with a margin at either end."""
    return np.asarray(spans + _MARGIN * np.diff(spans, axis=1) * np.array([-1.0, 1.0]))


def span_of(points: Rows) -> Floats:
    """Return the range of points ``(n, d)`` in each feature, ``(d, 2)``; NaN if no value of a feature is known."""
    return np.stack([np.fmin.reduce(points), np.fmax.reduce(points)], axis=1)


def unite_spans(spans: Floats, others: Floats) -> Floats:
    """Return the shortest spans ``(d, 2)`` that contain both; a span of NaN contains nothing."""
    return np.stack([np.fmin(spans, others)[:, 0], np.fmax(spans, others)[:, 1]], axis=1)


def evaluate_on_grid(density: Callable[[Floats], Floats], across: Floats, up: Floats) -> Floats:
    """Return the values of a function of rows on a grid, ``(U, A)``."""
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    return np.asarray(density(grid.reshape(-1, 2)).reshape(grid.shape[:2]))


def _grid_values(mixture: Mixture, low: float, high: float, *, size: int) -> Floats:
    even = np.linspace(low, high, size)
    deviations = np.sqrt(mixture.covariances.dense(*mixture.means.shape)[:, 0])
    narrow = deviations[:, 0] < _NARROW * (even[1] - even[0])
    near = mixture.means[narrow] + deviations[narrow] * _NEAR
    return np.unique(np.concatenate([even, near[(near > low) & (near < high)]]))
