"""Some features of a mixture, and of its rows: what a picture shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from matplotlib.axes import Axes

from gaussmix._types import ArrayLike, Floats, Rows
from gaussmix.density.features import Feature, indices
from gaussmix.mixture import Mixture
from gaussmix.plot.style import check_type
from gaussmix.values import finite_rows

__all__ = ["View", "as_rows", "on_grid", "reach", "span", "union", "widened"]

_COVERED = 0.999  # of the probability, by the limits of a picture, on each feature
_MARGIN = 0.08  # of the length, at either end
_PLACES = 160  # along each feature
_NARROW = 4.0  # steps of such a grid to a deviation: with fewer, a component gets places of its own
_NEAR = np.linspace(-5.0, 5.0, 41)  # deviations from its mean


@dataclass(frozen=True, eq=False)
class View:
    """A mixture seen along d of its features.

    Attributes
    ----------
    whole : Mixture
        The mixture of all D features.
    features : list of int
        Those that are seen.
    """

    whole: Mixture
    features: list[int]

    @classmethod
    def several(cls, mixture: Mixture, features: Sequence[Feature] | None) -> Self:
        """Any features of a mixture, by default all."""
        check_type("mixture", mixture, Mixture, "of a fitted estimator, pass mixture_")
        return cls(mixture, indices(mixture, range(mixture.n_features) if features is None else features))

    @classmethod
    def line(cls, mixture: Mixture, feature: Feature) -> Self:
        """One feature of a mixture."""
        return cls.several(mixture, [feature])

    @classmethod
    def plane(cls, mixture: Mixture, features: Sequence[Feature]) -> Self:
        """Two features of a mixture."""
        n_features = cls.several(mixture, None).whole.n_features
        if n_features == 1:
            msg = "The mixture has one feature, and two are needed; draw it with plot.curve(mixture)."
            raise ValueError(msg)
        if np.size(features) != 2:  # noqa: PLR2004 - across and up
            msg = f"features must be two of the mixture's {n_features} features, got {np.asarray(features).tolist()}."
            raise ValueError(msg)
        return cls.several(mixture, features)

    @cached_property
    def mixture(self) -> Mixture:
        """The distribution of the features that are seen."""
        return self.whole.marginal(self.features)

    @property
    def labels(self) -> list[str]:
        """Names of the features, or ``feature 0`` where they have none."""
        names = self.whole.feature_names
        return [f"feature {i}" if names is None else names[i] for i in self.features]

    def of(self, rows: ArrayLike) -> Rows:
        """The features of rows that are seen, ``(n, D) -> (n, d)``."""
        return as_rows(rows, self.whole.n_features)[:, self.features]

    def spans(self, rows: ArrayLike | None = None) -> Floats:
        """From where to where each feature goes, but for one in a thousand, and the rows: ``(d, 2)``."""
        tails = [(1 - _COVERED) / 2, (1 + _COVERED) / 2]
        covered = np.array([self.whole.marginal(feature).ppf(tails) for feature in self.features])
        return covered if rows is None else union(covered, span(self.of(rows)))

    def places(self, spans: Floats) -> list[Floats]:
        """Values of each feature at which to draw a density, closer where components are narrow."""
        return [_places(self.whole.marginal(i), *span) for i, span in zip(self.features, spans, strict=True)]


def as_rows(rows: ArrayLike, n_features: int) -> Rows:
    """Rows as an array; raise ``ValueError`` where they are not finite or have another number of features."""
    points = finite_rows("rows", rows)
    if points.ndim != 2 or points.shape[1] != n_features or not len(points):  # noqa: PLR2004 - rows and columns
        msg = f"rows must have shape (n, {n_features}), n at least 1 and a column for each feature, got {points.shape}."
        raise ValueError(msg)
    return points


def reach(ax: Axes, spans: Floats) -> Floats:
    """From where to where to draw on each axis: limits that were set, or else the spans and what is there already."""
    shown = np.array([sorted(ax.get_xlim()), sorted(ax.get_ylim())])[: len(spans)]
    fixed = ~np.array([ax.get_autoscalex_on(), ax.get_autoscaley_on()])[: len(spans), None]
    return np.where(fixed, shown, union(spans, shown) if ax.has_data() else spans)


def widened(spans: Floats) -> Floats:
    """Spans ``(d, 2)`` with a margin at either end."""
    return np.asarray(spans + _MARGIN * np.diff(spans, axis=1) * np.array([-1.0, 1.0]))


def span(points: Rows) -> Floats:
    """From where to where points ``(n, d)`` go, ``(d, 2)``."""
    return np.stack([points.min(axis=0), points.max(axis=0)], axis=1)


def union(spans: Floats, others: Floats) -> Floats:
    """The shortest spans ``(d, 2)`` that hold both."""
    return np.stack([np.minimum(spans, others)[:, 0], np.maximum(spans, others)[:, 1]], axis=1)


def on_grid(density: Callable[[Floats], Floats], across: Floats, up: Floats) -> Floats:
    """Values of a function of rows on a grid, ``(U, A)``."""
    grid = np.stack(np.meshgrid(across, up), axis=-1)
    return np.asarray(density(grid.reshape(-1, 2)).reshape(grid.shape[:2]))


def _places(mixture: Mixture, low: float, high: float) -> Floats:
    even = np.linspace(low, high, _PLACES)
    deviations = np.sqrt(mixture.covariances.dense(*mixture.means.shape)[:, 0])
    narrow = deviations[:, 0] < _NARROW * (even[1] - even[0])
    near = mixture.means[narrow] + deviations[narrow] * _NEAR
    return np.unique(np.concatenate([even, near[(near > low) & (near < high)]]))
