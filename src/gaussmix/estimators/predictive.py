"""The predictive distribution of a fitted mixture: new rows, with the uncertainty of the estimated parameters."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from scipy.stats import f

from gaussmix._cached_property import cached_property
from gaussmix._types import Flags, Floats, Rows
from gaussmix.density.imputation import draw_missing
from gaussmix.density.subset import subset
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import ArraySource
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import Structure

__all__ = ["Predictive", "weigh_by_observed"]

_FEWEST_ROWS = 1.0
"""The smallest number of rows of a component in formulas: it bounds the variance of the mean of an empty component."""
_NO_AXES, _NO_SHAPE = "I", "II"
"""The ends of the names of structures without correlations, and without variances of each feature."""
_FREE = "VVV"
"""The structure without restrictions, from which rows cannot depart."""
_NUMBERS_AT_ONCE = 2**22
"""The largest number of random numbers that are held at a time: 32 MB."""
_MOST_NUMBERS = 2**27
"""The largest number of random numbers for a quantile: these take one or two seconds."""
_FEWEST_DRAWS = 10_000
"""The smallest number of random rows for a quantile, for any number of features."""
_CLEAR_SHARE = 0.6
"""The share of a departure above which the departure is clear: then its squared size is 1.56 times the size by chance,
which normal rows that follow the structure rarely exceed."""
_NEGLIGIBLE = 1e-3
"""The responsibility below which a row is left out of the second moments of a component."""


@dataclass(frozen=True, eq=False)
class Departure:
    """The departure of the second moments of a component's rows from the covariance of the component.

    In the white coordinates of the component the rows have the second moments S, which is the identity if the structure
    of the covariance is correct. New rows are assumed to have the covariance ``(1 - share) I + share S``. Its squared
    distance from the identity is the squared distance of S less the expected distance by chance, for normal rows
    (Ledoit & Wolf 2004).

    Attributes
    ----------
    axes : (D, r) ndarray
        Eigenvectors of S with positive eigenvalues, in columns.
    spreads : (r,) ndarray
        Square roots of the eigenvalues.
    share : float
        The weight of S in the covariance of new rows, from 0 to 1.
    """

    axes: Floats
    spreads: Floats
    share: float

    @classmethod
    def of(cls, white: Floats, weights: Floats) -> Self:
        """Return the departure of rows in white coordinates ``(n, D)``, with weights ``(n,)`` in the component."""
        mass, n_features = max(float(weights.sum()), _FEWEST_ROWS), white.shape[1]
        relevant = weights > _NEGLIGIBLE
        rows = white[relevant] * np.sqrt(weights[relevant] / mass)[:, None]
        _, spreads, axes = np.linalg.svd(rows, full_matrices=False)
        distance = float(np.square(spreads**2 - 1.0).sum()) + n_features - len(spreads)
        chance = n_features * (n_features + 1.0) / mass
        return cls(axes.T, spreads, float(np.sqrt(1.0 - chance / distance)) if distance > chance else 0.0)

    def transform(self, white: Floats) -> Floats:
        """Return standard normal rows ``(n_samples, D)``, transformed to the covariance of new rows."""
        least = 1.0 - self.share
        factors = np.sqrt(least + self.share * self.spreads**2) - np.sqrt(least)
        return np.asarray(np.sqrt(least) * white + (white @ self.axes * factors) @ self.axes.T)


@dataclass(frozen=True, eq=False)
class Predictive:
    r"""The distribution of new rows, given the rows of a fit: a mixture of Student-t distributions.

    For one Gaussian, fitted to n rows in D dimensions, it is exact: with the maximum-likelihood covariance S, a
    new row has a multivariate t-distribution with :math:`n - D` degrees of freedom and scale matrix
    :math:`S (n + 1) / (n - D)`, and its squared Mahalanobis distance has an F-distribution (Hotelling 1931). For a
    mixture, n is replaced by the rows :math:`n_k` of each component, or by the rows of all components if they share a
    covariance. For a mixture this is an approximation, since the responsibilities are treated as known.

    Attributes
    ----------
    mixture : Mixture
        The fitted mixture.
    masses : (K,) ndarray
        Effective number of rows of each component, :math:`n_k`.
    structure : Structure
        The structure of the covariances, which determines the number of rows that each parameter is estimated from.
    departures : tuple of Departure
        The departures of the rows of each component from the structure; empty if departures are ignored.

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
    def of(cls, mixture: Mixture, source: ArraySource, structure: Structure, *, with_departures: bool = False) -> Self:
        """Return the predictive distribution for the rows of a fit.

        A row with missing values counts by its share of observed values.

        Parameters
        ----------
        mixture : Mixture
            The fitted mixture.
        source : ArraySource
            The rows.
        structure : Structure
            The structure of the covariances.
        with_departures : bool, default False
            If True, new rows depart from the structure in the same way as these rows, less the part due to chance.
            This takes memory for n × (K + D) numbers.
        """
        source = weigh_by_observed(source)
        if not with_departures or structure.name == _FREE:
            return cls(mixture, source.reduce(mixture, SCALAR).mass, structure)
        weights = mixture.responsibilities(source.observed) * source.sample_weight[:, None]
        rows, departures = _complete_by_draws(mixture, source), []
        for own, mean, mass in zip(np.eye(mixture.n_components, dtype=bool), mixture.means, weights.T, strict=True):
            white = mixture.covariances.of(own).whiten((rows - mean)[None])[0]
            departures.append(Departure.of(white, mass))
        return cls(mixture, weights.sum(axis=0), structure, tuple(departures))

    def subset(self, components: Flags) -> "Predictive":
        """Return the predictive distribution of the components with a flag ``(K,)``."""
        departures = tuple(one for one, flag in zip(self.departures, components, strict=False) if flag)
        return replace(
            self, mixture=subset(self.mixture, components), masses=self.masses[components], departures=departures
        )

    @property
    def degrees(self) -> Floats:
        """Degrees of freedom of each component, ``(K,)``; below 1, the rows are too few for its covariance."""
        n_features = self.mixture.n_features
        if self._has_correlations:
            return self._residual_rows - n_features + 1.0
        return self._residual_rows if self._has_feature_variances else self._residual_rows * n_features

    @property
    def shortage_notes(self) -> list[str]:
        """A warning if a component has fewer rows than its covariance needs."""
        short = (self.degrees < 1.0) & (self.mixture.weights > 0)
        if not short.any():
            return []
        each = "for a component" if self._has_own_covariances else "for all components"
        n_features = self.mixture.n_features
        needed = (1 if self._has_own_covariances else len(self.masses)) + (n_features if self._has_correlations else 1)
        note = (
            f"covariance_type={self.structure.public_name!r} of {n_features} features needs {needed} rows {each}, but "
            f"there are {self._divisors[short].min():.3g}: the spread in some direction is from reg_covar alone, and "
            "probabilities are meaningless. Use covariance_type='auto', fewer features or fewer components."
        )
        return [note]

    def border(self, share: float, n_samples: int, rng: np.random.Generator) -> float:
        """Return the quantile of the log-density of the mixture at new rows, in nats.

        Parameters
        ----------
        share : float
            The probability that the log-density at a new row is below the border.
        n_samples : int
            Number of random rows that the quantile is estimated from, if there is no closed form.
        rng : numpy.random.Generator
            The generator of the random rows.
        """
        (positive,) = np.nonzero(self.mixture.weights)
        elliptical = len(positive) == 1 and (self._is_radial or self.mixture.n_features == 1)
        if elliptical and not any(departure.share for departure in self.departures):
            return self._border_of_single(int(positive[0]), share)
        return float(np.quantile(self.sample_log_densities(n_samples, rng), share))

    def sample_log_densities(self, n_samples: int, rng: np.random.Generator) -> Floats:
        """Return log-densities of the mixture at `n_samples` random new rows, or at fewer rows with many features."""
        return np.concatenate([self.mixture.logpdf(rows) for rows in self.draw(n_samples, rng)])

    @property
    def has_clear_departures(self) -> bool:
        """True if the rows of a component depart from the structure by far more than chance explains."""
        return any(departure.share > _CLEAR_SHARE for departure in self.departures)

    def variance_factors(self, n_given: int) -> Floats:
        r"""Return the factors of the conditional variances of a fit, ``(K,)``, close to 1 for many rows.

        Fitted conditional variances times these factors are the variances of the predictive distribution of the other
        features given the first G features, averaged over the first features. For least squares with n rows,

        .. math:: \frac{n}{n - G - 3} \Bigl(1 + \frac{1}{n}\Bigr) \frac{n - 2}{n - G - 2}

        where the first part is the variance of a t-distribution with :math:`n - G - 1` degrees of freedom; the other
        parts are the uncertainty of the mean and of the coefficients. The central 90 % interval of a normal
        distribution with this variance holds 90 to 93 % of new rows, for any n from G + 4 on.

        Parameters
        ----------
        n_given : int
            G, the number of given features, which come first.
        """
        slopes = n_given if self._has_correlations else 0
        numbers = self.mixture.n_features if not self._has_feature_variances else 1  # numbers per row for each variance
        degrees = np.maximum(numbers * self._residual_rows - slopes, 3.0)
        leverage = np.maximum(self._residual_rows - 1.0, 1.0) / np.maximum(self._residual_rows - slopes - 1.0, 1.0)
        factors = numbers * self._divisors / (degrees - 2.0) * self._mean_factors * leverage
        return np.full_like(factors, factors @ self.mixture.weights) if self.structure.shared else factors

    @property
    def _has_correlations(self) -> bool:
        """True if the covariances have correlations."""
        return self.structure.name[2] != _NO_AXES

    @property
    def _has_feature_variances(self) -> bool:
        """True if each feature has its own variance."""
        return self.structure.name[1:] != _NO_SHAPE

    @property
    def _is_radial(self) -> bool:
        """True if all features of a random row are divided by the root of the same chi-square number."""
        return self._has_correlations or not self._has_feature_variances

    @property
    def _has_own_covariances(self) -> bool:
        """True if each component has its own shape or axes, estimated from its own rows; else from the rows of all."""
        return "V" in (self.structure.name[1:] if self._has_feature_variances else self.structure.name)

    @cached_property
    def _positive_masses(self) -> Floats:
        """The masses, at least `_FEWEST_ROWS`, ``(K,)``."""
        return np.maximum(self.masses, _FEWEST_ROWS)

    @property
    def _mean_factors(self) -> Floats:
        """The factors of the variances due to the uncertainty of the means, ``(K,)``."""
        return np.asarray(1.0 + 1.0 / self._positive_masses)

    @property
    def _divisors(self) -> Floats:
        """The number of rows by which the fit divided the scatter, ``(K,)``."""
        masses = self._positive_masses
        return masses if self._has_own_covariances else np.full_like(masses, masses.sum())

    @property
    def _residual_rows(self) -> Floats:
        """The number of rows less the number of means that are estimated from them, ``(K,)``."""
        return np.asarray(self._divisors - (1.0 if self._has_own_covariances else len(self._positive_masses)))

    @cached_property
    def _scales(self) -> Floats:
        """The scale matrices of the t-distributions, in units of the covariances, ``(K,)``."""
        degrees = np.maximum(self.degrees if self._has_correlations else self._residual_rows, 1.0)
        return np.asarray(self._divisors * self._mean_factors / degrees)

    def _border_of_single(self, k: int, share: float) -> float:
        """Return the border of a mixture with one component, in closed form."""
        n_features = self.mixture.n_features
        distance = n_features * f.isf(share, n_features, max(self.degrees[k], 1.0))
        return float(self.mixture.log_norms[k] - 0.5 * self._scales[k] * distance)

    def draw(self, n_samples: int, rng: np.random.Generator) -> Iterator[Floats]:
        """Draw new rows, fewer with many features, and yield them component by component and block by block."""
        n_samples = min(n_samples, max(_MOST_NUMBERS // self.mixture.n_features, _FEWEST_DRAWS))
        size = max(_NUMBERS_AT_ONCE // self.mixture.n_features, 1)
        for k, count in enumerate(rng.multinomial(n_samples, self.mixture.weights)):
            for start in range(0, count, size):
                yield self._draw_from(k, min(size, count - start), rng)

    def _draw_from(self, k: int, n_samples: int, rng: np.random.Generator) -> Floats:
        """Draw random rows from a component."""
        n_features = self.mixture.n_features
        degrees = max(float(self.degrees[k]), 1.0)
        chi_squares = rng.chisquare(degrees, (n_samples, 1 if self._is_radial else n_features)) / degrees
        white = rng.standard_normal((n_samples, n_features))
        if self.departures and self.departures[k].share:
            white = self.departures[k].transform(white)
        white *= np.sqrt(self._scales[k] / chi_squares)
        return np.asarray(self.mixture.means[k] + self.mixture.covariances.colour(k, white))


def weigh_by_observed(source: ArraySource) -> ArraySource:
    """Return the rows, with weights multiplied by their shares of observed values; complete rows as they are."""
    return source.weighted(1.0 - source.missing.mean(axis=1)) if isinstance(source, IncompleteSource) else source


def _complete_by_draws(mixture: Mixture, source: ArraySource) -> Rows:
    """Return rows with draws from the mixture in place of missing values, given the observed values of each row."""
    rows = source.observed.astype(np.float64, copy=False)
    return draw_missing(mixture, rows, np.random.default_rng(0)) if isinstance(source, IncompleteSource) else rows
