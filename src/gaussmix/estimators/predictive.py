"""The distribution of new rows under a fitted mixture, whose parameters are estimates and not known."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from scipy.stats import f

from gaussmix._types import Flags, Floats
from gaussmix.density.subset import subset
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import ArraySource
from gaussmix.structures import Structure

__all__ = ["Predictive"]

_FEWEST_ROWS = 1.0  # rows of a component that has next to none: bounds what its mean is not known by
_NO_AXES, _NO_SHAPE = "I", "II"
_FREE = "VVV"  # the structure that no component's rows depart from
_NUMBERS_AT_ONCE = 2**22
_MOST_NUMBERS = 2**27  # random numbers for one quantile: bounds the rows that are drawn to a second or two of work
_FEWEST_DRAWS = 10_000  # random rows, however many features they have
_FAR = 0.6  # of a departure: its square is 1.56 times what chance gives; of normal rows that keep to it few have more
_NOTHING = 1e-3  # responsibility below which a row tells nothing of a component's shape


@dataclass(frozen=True, eq=False)
class Departure:
    """How the second moments of a component's rows depart from the covariance that its structure gives it.

    In the component's own white coordinates the rows have the second moments S, which is the identity where the
    structure holds. New rows are taken to have the covariance ``(1 - share) I + share S``: its departure from the
    identity is as large as that of S, less what chance adds to it (Ledoit & Wolf 2004, with what it is for normal
    rows).

    Attributes
    ----------
    axes : (D, r) ndarray
        Eigenvectors of S, in columns, where it is not zero.
    spreads : (r,) ndarray
        Square roots of its eigenvalues.
    share : float
        How much of S to believe, from 0 to 1.
    """

    axes: Floats
    spreads: Floats
    share: float

    @classmethod
    def of(cls, white: Floats, weights: Floats) -> Self:
        """The departure of rows in white coordinates ``(n, D)``, which weigh ``(n,)`` in the component."""
        mass, n_features = max(float(weights.sum()), _FEWEST_ROWS), white.shape[1]
        some = weights > _NOTHING
        rows = white[some] * np.sqrt(weights[some] / mass)[:, None]
        _, spreads, axes = np.linalg.svd(rows, full_matrices=False)
        distance = float(np.square(spreads**2 - 1.0).sum()) + n_features - len(spreads)
        chance = n_features * (n_features + 1.0) / mass
        return cls(axes.T, spreads, float(np.sqrt(1.0 - chance / distance)) if distance > chance else 0.0)

    def added(self, round_: Floats) -> Floats:
        """Standard normal rows ``(n_samples, D)``, made rows with the covariance of new ones."""
        least = 1.0 - self.share
        factors = np.sqrt(least + self.share * self.spreads**2) - np.sqrt(least)
        return np.asarray(np.sqrt(least) * round_ + (round_ @ self.axes * factors) @ self.axes.T)


@dataclass(frozen=True, eq=False)
class Predictive:
    r"""The distribution of new rows, given rows that a mixture was fitted to: a mixture of Student-t distributions.

    For one Gaussian with n rows in D dimensions it is exact: with the maximum-likelihood covariance S, a new row has a
    multivariate t-distribution with :math:`n - D` degrees of freedom and scale matrix :math:`S (n + 1) / (n - D)`, and
    its squared Mahalanobis distance an F-distribution (Hotelling 1931). For a mixture each component has its own rows
    :math:`n_k`, or those of all components where they share a covariance. Then it is an approximation: responsibilities
    are taken as known.

    Attributes
    ----------
    mixture : Mixture
        The fitted mixture.
    masses : (K,) ndarray
        Rows of each component, :math:`n_k`.
    structure : Structure
        The structure of the covariances, which says how many rows each parameter is known by.
    departures : tuple of Departure
        How the rows of each component depart from the structure; empty where that is not asked.

    References
    ----------
    Hotelling (1931), Annals of Mathematical Statistics 2. Geisser (1993), Predictive Inference, chapter 9. Ledoit &
    Wolf (2004), Journal of Multivariate Analysis 88.
    """

    mixture: Mixture
    masses: Floats
    structure: Structure
    departures: tuple[Departure, ...] = ()

    @classmethod
    def of(cls, mixture: Mixture, source: ArraySource, structure: Structure, *, departing: bool = False) -> Self:
        """The predictive distribution for the rows of a fit.

        Parameters
        ----------
        mixture : Mixture
            The fitted mixture.
        source : ArraySource
            The rows.
        structure : Structure
            The structure of the covariances.
        departing : bool, default False
            Whether new rows depart from the structure as these rows do, beyond chance. It takes memory for n × (K + D).
        """
        if not departing or structure.name == _FREE:
            return cls(mixture, source.reduce(mixture, SCALAR).mass, structure)
        weights = mixture.responsibilities(source.rows) * source.sample_weight[:, None]
        rows, departures = source.rows.astype(np.float64, copy=False), []
        for own, mean, mass in zip(np.eye(mixture.n_components, dtype=bool), mixture.means, weights.T, strict=True):
            white = mixture.covariances.of(own).whiten((rows - mean)[None])[0]
            departures.append(Departure.of(white, mass))
        return cls(mixture, weights.sum(axis=0), structure, tuple(departures))

    def part(self, components: Flags) -> "Predictive":
        """The distribution of new rows of some components."""
        departures = tuple(one for one, kept in zip(self.departures, components, strict=False) if kept)
        return replace(
            self, mixture=subset(self.mixture, components), masses=self.masses[components], departures=departures
        )

    @property
    def degrees(self) -> Floats:
        """Degrees of freedom of each component, ``(K,)``; below one, the rows cannot carry its covariance."""
        n_features = self.mixture.n_features
        if self._axes:
            return self._residual - n_features + 1.0
        return self._residual if self._shape else self._residual * n_features

    @property
    def uncarried(self) -> list[str]:
        """Say so where components have not the rows that their covariances need."""
        short = (self.degrees < 1.0) & (self.mixture.weights > 0)
        if not short.any():
            return []
        each, n_features = "for a component" if self._own else "for all components", self.mixture.n_features
        needed = (1 if self._own else len(self.masses)) + (n_features if self._axes else 1)
        note = (
            f"covariance_type={self.structure.public_name!r} of {n_features} features needs {needed} rows {each}, and "
            f"there are {self._divisor[short].min():.3g}: the spread in some direction is from reg_covar alone, and "
            "probabilities mean nothing. Take covariance_type='auto', fewer features or fewer components."
        )
        return [note]

    def border(self, share: float, n_samples: int, rng: np.random.Generator) -> float:
        """Return the log-density of the mixture, in nats, that a given share of new rows lies below.

        Parameters
        ----------
        share : float
            The probability beyond the border.
        n_samples : int
            Random rows to find it by, where there is no closed form.
        rng : numpy.random.Generator
            For these.
        """
        (heavy,) = np.nonzero(self.mixture.weights)
        one = len(heavy) == 1 and (self._radial or self.mixture.n_features == 1)
        if one and not any(departure.share for departure in self.departures):
            return self._border_of_one(int(heavy[0]), share)
        return float(np.quantile(self.heights(n_samples, rng), share))

    def heights(self, n_samples: int, rng: np.random.Generator) -> Floats:
        """Return log-densities of the mixture at random new rows: as many as asked for, or fewer of many features."""
        n_samples = min(n_samples, max(_MOST_NUMBERS // self.mixture.n_features, _FEWEST_DRAWS))
        return np.concatenate([self.mixture.logpdf(rows) for rows in self._drawn(n_samples, rng)])

    @property
    def departs(self) -> bool:
        """Rows of some component depart from the structure by far more than by chance."""
        return any(departure.share > _FAR for departure in self.departures)

    def factors(self, n_given: int) -> Floats:
        r"""Return what the conditional variances of a fit are to be multiplied by, ``(K,)``: 1 where rows are many.

        They are the second moments of the predictive distribution of the other features, given the first ones, on
        average over these. For least squares with n rows and G features,

        .. math:: \frac{n}{n - G - 3} \Bigl(1 + \frac{1}{n}\Bigr) \frac{n - 2}{n - G - 2}

        of which the first part is the variance of a t-distribution with :math:`n - G - 1` degrees of freedom, and the
        others are what coefficients are not known by. Of new rows 90 to 93 % are within the central 90 % of a normal
        distribution with that variance, for any n from G + 4 on.

        Parameters
        ----------
        n_given : int
            G, the number of features that are known.
        """
        slopes = n_given if self._axes else 0
        numbers = self.mixture.n_features if not self._shape else 1  # known by one variance
        left = np.maximum(numbers * self._residual - slopes, 3.0)
        leverage = np.maximum(self._residual - 1.0, 1.0) / np.maximum(self._residual - slopes - 1.0, 1.0)
        factors = numbers * self._divisor / (left - 2.0) * self._of_means * leverage
        return np.full_like(factors, factors @ self.mixture.weights) if self.structure.shared else factors

    @property
    def _axes(self) -> bool:
        """Covariances have correlations."""
        return self.structure.name[2] != _NO_AXES

    @property
    def _shape(self) -> bool:
        """Features have variances of their own."""
        return self.structure.name[1:] != _NO_SHAPE

    @property
    def _radial(self) -> bool:
        """All features of a row are divided by the root of the same chi-square number."""
        return self._axes or not self._shape

    @property
    def _own(self) -> bool:
        """Components have shapes or axes of their own; else all are known by the rows of all."""
        return "V" in (self.structure.name[1:] if self._shape else self.structure.name)

    @cached_property
    def _some(self) -> Floats:
        return np.maximum(self.masses, _FEWEST_ROWS)

    @property
    def _of_means(self) -> Floats:
        """What the means are not known by."""
        return np.asarray(1.0 + 1.0 / self._some)

    @property
    def _divisor(self) -> Floats:
        """What the scatter was divided by in the fit."""
        return self._some if self._own else np.full_like(self._some, self._some.sum())

    @property
    def _residual(self) -> Floats:
        """Rows less means."""
        return np.asarray(self._divisor - (1.0 if self._own else len(self._some)))

    @cached_property
    def _scales(self) -> Floats:
        """The scale matrices of the t-distributions, in units of the covariances, ``(K,)``."""
        degrees = np.maximum(self.degrees if self._axes else self._residual, 1.0)
        return np.asarray(self._divisor * self._of_means / degrees)

    def _border_of_one(self, k: int, share: float) -> float:
        n_features = self.mixture.n_features
        distance = n_features * f.isf(share, n_features, max(self.degrees[k], 1.0))
        return float(self.mixture.log_norms[k] - 0.5 * self._scales[k] * distance)

    def _drawn(self, n_samples: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Random rows, component by component and block by block."""
        size = max(_NUMBERS_AT_ONCE // self.mixture.n_features, 1)
        for k, count in enumerate(rng.multinomial(n_samples, self.mixture.weights)):
            for start in range(0, count, size):
                yield self._of_component(k, min(size, count - start), rng)

    def _of_component(self, k: int, n_samples: int, rng: np.random.Generator) -> Floats:
        n_features = self.mixture.n_features
        degrees = max(float(self.degrees[k]), 1.0)
        shrunken = rng.chisquare(degrees, (n_samples, 1 if self._radial else n_features)) / degrees
        white = rng.standard_normal((n_samples, n_features))
        if self.departures and self.departures[k].share:
            white = self.departures[k].added(white)
        white *= np.sqrt(self._scales[k] / shrunken)
        return np.asarray(self.mixture.means[k] + self.mixture.covariances.colour(k, white))
