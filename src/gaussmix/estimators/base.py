"""What every estimator can do once it is fitted."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted

from gaussmix import selection
from gaussmix._threads import usable_threads
from gaussmix._types import AnyArray, ArrayLike, Floats, Labels, Rows, Seed
from gaussmix.em import Fit, Status
from gaussmix.em.m_step import MStep
from gaussmix.estimators.initial import Kept
from gaussmix.estimators.rows import read_rows, read_weights
from gaussmix.hierarchy import Hierarchy, merge_components
from gaussmix.initialization import make_models
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import ArraySource, Source
from gaussmix.statistics import Statistics
from gaussmix.structures import Structure

__all__ = ["MixtureEstimator", "check_sizes", "distinct"]

_LARGEST = 1e150
_LARGEST_SUM = 1e307


class MixtureEstimator(DensityMixin, BaseEstimator):
    """An estimator that holds a fitted mixture: its density, its clusters, its samples, and scikit-learn's names."""

    weights: str
    weights_are: str
    reg_covar: float | Literal["auto"]
    engine: str
    n_jobs: int | None

    mixture_: Mixture
    converged_: bool
    n_iter_: int
    lower_bound_: float
    lower_bounds_: list[float]
    n_features_in_: int
    feature_names_in_: AnyArray

    _m_step: MStep
    _rng: np.random.Generator
    _dtype: np.dtype[Any]
    _history: tuple[float, ...]

    @abstractmethod
    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit to rows."""

    def fit_predict(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Labels:  # noqa: N803
        """Fit the mixture to rows, and give each row its most probable component: ``fit(X).predict(X)``."""
        return self.fit(X, y, sample_weight=sample_weight).predict(X)

    def predict(self, X: ArrayLike) -> Labels:  # noqa: N803
        """Index of the most probable component of each row, ``(n, D) -> (n,)``."""
        mixture = self._fitted()
        return mixture.predict(self._rows(X))

    def predict_proba(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Probability that each component gave each row, ``(n, D) -> (n, K)``."""
        mixture, rows = self._fitted(), self._rows(X)
        return _as(rows.dtype, mixture.responsibilities(rows))

    def score_samples(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Log-density at each row, in nats, ``(n, D) -> (n,)``."""
        mixture, rows = self._fitted(), self._rows(X)
        return _as(rows.dtype, np.maximum(mixture.logpdf(rows), np.finfo(rows.dtype).min))

    def score(self, X: ArrayLike | Source, y: object = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Mean log-density of the rows, in nats per row, weighted by `sample_weight`."""
        mixture = self._fitted()
        source = self._read(X, sample_weight, as_counts=False)
        statistics = source.reduce(mixture, SCALAR)
        mean = statistics.log_likelihood / statistics.weight
        return mean if np.isfinite(mean) else _mean_of_far(mixture, source)

    def aic(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Akaike's information criterion of the mixture on the rows; lower is better."""
        return _finite(selection.aic(self._statistics(X, sample_weight), self._n_parameters()))

    def bic(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Bayesian information criterion of the mixture on the rows; lower is better."""
        return _finite(selection.bic(self._statistics(X, sample_weight), self._n_parameters()))

    def icl(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Integrated completed likelihood of the mixture on the rows: BIC for clusters; lower is better."""
        return _finite(selection.icl(self._statistics(X, sample_weight), self._n_parameters()))

    def sample(self, n_samples: int = 1, random_state: Seed = None) -> tuple[Rows, Labels]:
        """Draw new rows from the fitted mixture.

        Parameters
        ----------
        n_samples : int, default 1
            How many.
        random_state : int, Generator or None
            Seed of this draw. By default the estimator's own, which goes on from draw to draw: two calls give
            different rows, and the same program the same rows again.

        Returns
        -------
        X : (n_samples, D) ndarray
        y : (n_samples,) ndarray of int
            The component that each row was drawn from.
        """
        mixture = self._fitted()
        if n_samples < 1:
            msg = f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample."
            raise ValueError(msg)
        rng = self._rng if random_state is None else random_state
        rows, labels = mixture.sample(n_samples, random_state=rng, return_components=True)
        return _as(self._dtype, rows), labels

    def merge_components(
        self,
        X: ArrayLike | Source,  # noqa: N803
        sample_weight: ArrayLike | None = None,
        *,
        criterion: str = "entropy",
    ) -> Hierarchy:
        """Combine components into clusters, from K down to one: a density's components are not clusters.

        At each step the two clusters are joined whose union makes the rows' memberships most certain (Baudry, Raftery,
        Celeux, Lo & Gottardo 2010).

        Parameters
        ----------
        X : (n, D) array_like
            Rows, usually those of the fit.
        sample_weight : (n,) array_like, optional
            Weights of the rows, with the meaning that `weights_are` says.
        criterion : {"entropy"}
            What is to fall most.

        Returns
        -------
        Hierarchy
            The order of the merges, the entropy with each number of clusters, and which cluster each component is in.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import GaussianMixture
        >>> rng = np.random.default_rng(0)
        >>> X = np.concatenate([rng.normal(size=(300, 2)) * [9, 1], rng.normal(size=(100, 2)) + [0, 9]])
        >>> model = GaussianMixture(3, covariance_type="spherical", random_state=0).fit(X)
        >>> clusters = model.merge_components(X).clusters(2)
        >>> len(set(clusters[model.predict(X)[:300]]))
        1
        """
        mixture = self._fitted()
        source = self._read(X, sample_weight)
        return merge_components(mixture, source, criterion)

    @property
    def weights_(self) -> Rows:
        return _as(self._dtype, self.mixture_.weights)

    @property
    def means_(self) -> Rows:
        return _as(self._dtype, self.mixture_.means)

    @property
    def covariances_(self) -> Rows:
        return _as(self._dtype, self.mixture_.covariances.covariances)

    @property
    def precisions_(self) -> Rows:
        return _as(self._dtype, self.mixture_.covariances.precisions)

    @property
    def precisions_cholesky_(self) -> Rows:
        return _as(self._dtype, self.mixture_.covariances.precisions_cholesky)

    def _n_parameters(self) -> int:
        """Number of free parameters."""
        mixture = self._fitted()
        return self._m_step.n_parameters(mixture.n_components, mixture.n_features)

    def _fitted(self) -> Mixture:
        check_is_fitted(self, "mixture_")
        return self.mixture_

    def _rows(self, X: ArrayLike) -> Rows:  # noqa: N803
        return read_rows(self, X, reset=False)

    def _training(self, X: ArrayLike | Source, sample_weight: ArrayLike | None) -> tuple[Source, Kept]:  # noqa: N803
        """Rows to fit, as :meth:`_source` has them, none so large that sums of squares would overflow."""
        if isinstance(X, Source):
            refuse_weights(sample_weight)
            check_sizes(X)
            self.n_features_in_ = X.n_features
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
            return X, slice(None)
        rows = read_rows(self, X, reset=True, at_least=2)
        source, kept = self._source(rows, sample_weight)
        check_sizes(source)
        return source, kept

    def _read(
        self,
        X: ArrayLike | Source,  # noqa: N803
        sample_weight: ArrayLike | None,
        *,
        as_counts: bool = True,
    ) -> Source:
        """Return rows that go with the fitted mixture, and their weights."""
        if not isinstance(X, Source):
            return self._source(self._rows(X), sample_weight, as_counts=as_counts)[0]
        refuse_weights(sample_weight)
        if X.n_features != self.n_features_in_:
            msg = (
                f"X has {X.n_features} features, but {type(self).__name__} is expecting {self.n_features_in_} features"
            )
            raise ValueError(msg)
        return X

    def _source(
        self, rows: Rows, sample_weight: ArrayLike | None, *, as_counts: bool = True
    ) -> tuple[ArraySource, Kept]:
        """Return the rows that weigh something, with their weights, and which of all rows they are."""
        kept, weights = read_weights(rows, sample_weight, self.weights_are, as_counts=as_counts)
        return ArraySource(rows[kept], weights, self.engine, usable_threads(self.n_jobs)), kept

    def _statistics(self, X: ArrayLike | Source, sample_weight: ArrayLike | None) -> Statistics:  # noqa: N803
        mixture = self._fitted()
        source = self._read(X, sample_weight)
        return source.reduce(mixture, SCALAR)

    def _models(self, structures: Sequence[Structure], source: Source) -> tuple[MStep, ...]:
        """The models of these structures that the parameters say are to be fitted; all have the same ridge."""
        return make_models(structures, source, reg_covar=self.reg_covar, equal_weights=self.weights == "equal")

    def _keep(self, fit: Fit, m_step: MStep, dtype: np.dtype[Any]) -> None:
        """Keep the answer under scikit-learn's names."""
        self._m_step, self._history, self._dtype = m_step, fit.history, dtype
        self.mixture_ = Mixture(
            fit.state.mixture.weights,
            fit.state.mixture.means,
            fit.state.mixture.covariances,
            feature_names=distinct(getattr(self, "feature_names_in_", None)),
        )
        self.converged_ = fit.status is Status.CONVERGED
        self.n_iter_ = fit.state.n_iter
        self.lower_bounds_ = list(fit.history[max(1, len(fit.history) - fit.state.n_iter) :])
        self.lower_bound_ = fit.state.log_posterior


def refuse_weights(sample_weight: ArrayLike | None) -> None:
    """Refuse weights beside a source."""
    if sample_weight is not None:
        raise ValueError("sample_weight goes with rows in an array; a source brings its own weights.")


def check_sizes(source: Source) -> None:
    """Say so where sums of squares would overflow."""
    largest = source.largest
    if largest > _LARGEST:
        msg = f"X is too large: it must be at most {_LARGEST:g} in absolute value, got {largest:g}; rescale it."
        raise ValueError(msg)
    with np.errstate(over="ignore"):
        total = source.weight
    most = _LARGEST_SUM / max(largest, 1.0) ** 2
    if total > most:
        msg = (
            f"sample_weight is too large: for X of up to {largest:g} it must sum to at most {most:g}, got {total:g}; "
            "divide it by its mean."
        )
        raise ValueError(msg)


def _mean_of_far(mixture: Mixture, source: Source) -> float:
    """Return the mean log-density of rows so far out that the sum of their log-densities overflows."""
    with np.errstate(over="ignore"):
        parts = (float(weights / source.weight @ mixture.logpdf(rows)) for rows, weights in source.arrays())
        return _finite(sum(parts))


def _finite(value: float) -> float:
    """Return a value, or the largest float of its sign in place of infinity, as a log-density saturates."""
    largest = np.finfo(np.float64).max
    return float(np.clip(value, -largest, largest))


def _as(dtype: np.dtype[Any], values: Floats) -> Rows:
    """Values in the precision of the rows that they are about, or in their own where they would overflow in that."""
    with np.errstate(over="ignore"):
        cast_to = values.astype(dtype, copy=False)
    return cast("Rows", cast_to if np.isfinite(cast_to).all() else values)


def distinct(names: AnyArray | None) -> tuple[str, ...] | None:
    """Feature names for a mixture, which tells its features apart by them; a frame may repeat names."""
    return None if names is None or len(set(names)) < len(names) else tuple(map(str, names))
