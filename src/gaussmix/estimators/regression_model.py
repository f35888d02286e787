"""A model of the regressor, with fits to parts of the rows that check its intervals."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from gaussmix.estimators.crossfit import CrossFit
from gaussmix.estimators.model_choice import SelectedModel
from gaussmix.estimators.predictive import Predictive
from gaussmix.fitting.report import count_equal_rows
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import ArraySource

__all__ = ["CrossFittedRegression"]

_AMPLE = 20.0
"""The number of rows per component and column from which intervals are not checked by cross-fitting."""
_INTERVAL = (0.05, 0.95)
"""The quantiles that are the ends of the interval which is checked."""
_CHANCE = 0.01
"""The probability that the check widens correct intervals."""
_LARGEST_LOG_FACTOR, _HALVINGS = 40.0, 14
"""The natural logarithm of the largest factor of the variances, and the number of bisections of its range."""


@dataclass(frozen=True, eq=False)
class CrossFittedRegression:
    """A fitted model of features and targets, and its refits without parts of the rows.

    Attributes
    ----------
    selected : SelectedModel
        The model of features and targets, fitted to all rows.
    cross_fit : CrossFit
        The refits of the model without parts of the rows.
    n_given : int
        Number of features; the other columns are targets.
    """

    selected: SelectedModel
    cross_fit: CrossFit
    n_given: int

    def inflate_variances(self, mixture: Mixture, source: ArraySource, factor: float = 1.0) -> Mixture:
        """Return the mixture with the conditional variances of the predictive distribution.

        Parameters
        ----------
        mixture : Mixture
            A fitted mixture.
        source : ArraySource
            The rows of the fit.
        factor : float
            An additional factor of the conditional variances.
        """
        factors = Predictive.of(mixture, self.informative(source), self.selected.structure).variance_factors(
            self.n_given
        )
        covariances = mixture.covariances.with_inflated_residuals(self.n_given, factor * factors, mixture.n_features)
        return Mixture(mixture.weights, mixture.means, covariances)

    def informative(self, source: ArraySource) -> ArraySource:
        """Return the rows with an observed target: other rows say nothing about the conditional variances."""
        known = ~np.isnan(source.observed[:, self.n_given :]).all(axis=1)
        return source if known.all() else source.subset(np.flatnonzero(known))

    @property
    def has_slopes(self) -> bool:
        """True if targets depend on features within a component; checked for the first feature and the first target."""
        mixture = self.selected.mixture
        return bool(mixture.covariances.conditional([0], [self.n_given], mixture.n_components)[0].any())

    @property
    def held_out_log_likelihood(self) -> float:
        """The cross-fitted log-likelihood of the targets given the features, in nats."""
        total = 0.0
        for refit in self.cross_fit.refits:
            mixture, rows = self.inflate_variances(refit.mixture, refit.rest), self.cross_fit.source.subset(refit.part)
            features = rows.select_features(range(self.n_given))
            marginal = mixture.marginal(range(self.n_given))
            total += rows.reduce(mixture, SCALAR).log_likelihood - features.reduce(marginal, SCALAR).log_likelihood
        return total

    def find_factor(self) -> tuple[float, list[str]]:
        """Return the factor of the variances with which intervals hold enough left-out targets, and a warning."""
        source, n_components = self.cross_fit.source, self.selected.mixture.n_components
        weight = float(self.informative(source).sample_weight.sum())
        if weight >= _AMPLE * source.n_features * n_components or count_equal_rows(source):
            return 1.0, []
        nominal, coverage = _INTERVAL[1] - _INTERVAL[0], self._compute_coverage(1.0)
        if binom.cdf(np.floor(coverage * weight), max(round(weight), 1), nominal) > _CHANCE:
            return 1.0, []
        low, high = 0.0, _LARGEST_LOG_FACTOR
        for _ in range(_HALVINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self._compute_coverage(np.exp(middle)) >= nominal else (middle, high)
        factor = float(np.exp(high))
        params = self.selected.params
        note = (
            f"In cross-validation, {nominal:.0%} intervals hold {coverage:.1%} of {weight:.6g} rows: "
            f"{params['n_components']} components with covariance_type={params['covariance_type']!r} have too many "
            "parameters for the rows, or do not fit their shape. Conditional variances were multiplied by "
            f"{factor:.3g}: the intervals now hold {self._compute_coverage(factor):.1%}. Try more rows, fewer features "
            "or fewer components."
        )
        return factor, [note]

    def _compute_coverage(self, factor: float) -> float:
        """Return the share of the left-out targets within their intervals, with variances multiplied by a factor."""
        covered = total = 0.0
        for refit in self.cross_fit.refits:
            mixture = self.inflate_variances(refit.mixture, refit.rest, factor)
            rows, weights = self.cross_fit.source.observed[refit.part], self.cross_fit.source.sample_weight[refit.part]
            for r in range(self.n_given, mixture.n_features):
                known = ~np.isnan(rows[:, r])
                given = dict(enumerate(rows[known, : self.n_given].T))
                probabilities = mixture.marginal([*given, r]).condition(given).cdf(rows[known, r])
                within = (probabilities >= _INTERVAL[0]) & (probabilities <= _INTERVAL[1])
                covered, total = covered + float(weights[known] @ within), total + float(weights[known].sum())
        return covered / total
