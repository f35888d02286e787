"""The base class of the mixture estimators: the methods and attributes of a fitted estimator."""

from abc import abstractmethod
from collections.abc import Sequence
from importlib import import_module
from numbers import Integral
from typing import Any, Literal, Self, cast

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, DensityMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.validation import check_is_fitted

from gaussmix import selection
from gaussmix._threads import usable_threads
from gaussmix._types import AnyArray, ArrayLike, Floats, Labels, Rows, Seed
from gaussmix.diagnosis import Diagnosis, diagnose
from gaussmix.em import Fit, Status
from gaussmix.em.degeneracy import degenerate_components
from gaussmix.em.m_step import MStep
from gaussmix.estimators.user_start import PositiveRows
from gaussmix.estimators.validation import (
    check_columns_observed,
    find_empty_rows,
    read_rows_with_holes,
    read_weights,
)
from gaussmix.hierarchy import Hierarchy, merge_components
from gaussmix.initialization import make_models
from gaussmix.initialization.completion import complete_rows
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import ArraySource, Source
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.statistics import Statistics
from gaussmix.structures import Structure

__all__ = ["MixtureEstimator", "check_sizes", "distinct_names"]

_LARGEST = 1e150
"""The largest absolute value of a row: its square is still finite in float64."""
_LARGEST_SUM = 1e307
"""The largest sum of weights times squared values: with the largest value and all weights, sums stay finite."""


class MixtureEstimator(ClassNamePrefixFeaturesOutMixin, DensityMixin, TransformerMixin, BaseEstimator):
    """The base of estimators that fit a mixture: predictions, densities, samples and criteria of the fitted mixture.

    As a transformer, an estimator replaces the features of a row by the probabilities of its components.
    """

    weights: str
    weights_are: Literal["counts", "relative"]
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
        """Fit the mixture to rows."""

    def fit_predict(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Labels:  # noqa: N803
        """Fit the mixture to rows, and return the most probable component of each row: ``fit(X).predict(X)``.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            Weights of the rows, as in ``fit``.

        Returns
        -------
        (n,) ndarray of int

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> components = GaussianMixture(2, random_state=0).fit_predict([[0.0], [0.5], [1.0], [9.0], [9.5], [10.0]] * 5)
        >>> len(set(components[:3])), len(set(components[:6]))
        (1, 2)
        """
        return self.fit(X, y, sample_weight=sample_weight).predict(X)

    def predict(self, X: ArrayLike) -> Labels:  # noqa: N803
        """Return the index of the most probable component of each row, ``(n, D) -> (n,)``.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n,) ndarray of int
            Components from 0 to K - 1.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> short, long = model.predict([[2.0, 55.0], [4.5, 80.0]])
        >>> model.means_[[short, long]].round()
        array([[ 2., 54.],
               [ 4., 80.]])
        """
        mixture = self._get_mixture()
        return mixture.predict(self._read_rows(X))

    def predict_proba(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Return the probability of each component for each row (the responsibilities), ``(n, D) -> (n, K)``.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n, K) ndarray
            Probabilities; they sum to one for each row.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> round(float(model.predict_proba([[3.0, 62.0]]).max()), 2)  # a row between the clusters
        0.52
        """
        mixture, rows = self._get_mixture(), self._read_rows(X)
        return _cast_to(rows.dtype, mixture.responsibilities(rows))

    def transform(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Return :meth:`predict_proba`, as features for the next step of a pipeline, ``(n, D) -> (n, K)``.

        With ``set_output(transform="pandas")`` or ``"polars"``, the result is a frame with the columns that
        ``get_feature_names_out()`` names: the name of the class in lower case, and the number of the component.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).set_output(transform="pandas").fit(X)
        >>> model.transform(X[:2]).round(2)
           gaussianmixture0  gaussianmixture1
        0               1.0               0.0
        1               0.0               1.0
        """
        return self.predict_proba(X)

    def score_samples(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Return the log-density at each row, in nats, ``(n, D) -> (n,)``.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n,) ndarray
            Log-densities, finite for rows of any size.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> model.score_samples([[4.5, 80.0], [4.5, 40.0]]).round(1)   # a usual row, and an unusual one
        array([ -3.3, -30.7])
        """
        mixture, rows = self._get_mixture(), self._read_rows(X)
        return _cast_to(rows.dtype, np.maximum(mixture.logpdf(rows), np.finfo(rows.dtype).min))

    def score(self, X: ArrayLike | Source, y: object = None, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Return the mean log-density of the rows, in nats per row, weighted by `sample_weight`.

        Parameters
        ----------
        X : (n, D) array_like or Source
            Rows.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            Weights of the rows.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> round(model.score(X), 2)
        -4.16
        """
        mixture = self._get_mixture()
        source = self._read_source(X, sample_weight, as_counts=False)
        statistics = source.reduce(mixture, SCALAR)
        mean = statistics.log_likelihood / statistics.weight
        return mean if np.isfinite(mean) else _mean_without_overflow(mixture, source)

    def aic(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Return Akaike's information criterion of the mixture on the rows; lower is better.

        Parameters
        ----------
        X : (n, D) array_like or Source
            Rows.
        sample_weight : (n,) array_like, optional
            Weights of the rows, with the meaning that `weights_are` states.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> round(float(model.aic(X)))
        2283
        """
        return _clip_infinite(selection.aic(self._compute_statistics(X, sample_weight), self._n_parameters()))

    def bic(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Return the Bayesian information criterion of the mixture on the rows; lower is better.

        Parameters
        ----------
        X : (n, D) array_like or Source
            Rows.
        sample_weight : (n,) array_like, optional
            Weights of the rows, with the meaning that `weights_are` states.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> round(float(model.bic(X)))
        2322
        """
        return _clip_infinite(selection.bic(self._compute_statistics(X, sample_weight), self._n_parameters()))

    def icl(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Return the integrated completed likelihood criterion (ICL) of the mixture on the rows; lower is better.

        ICL is BIC plus a penalty for overlapping components (Biernacki, Celeux & Govaert 2000).

        Parameters
        ----------
        X : (n, D) array_like or Source
            Rows.
        sample_weight : (n,) array_like, optional
            Weights of the rows, with the meaning that `weights_are` states.

        Returns
        -------
        float

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> round(float(model.icl(X)))
        2323
        """
        return _clip_infinite(selection.icl(self._compute_statistics(X, sample_weight), self._n_parameters()))

    def sample(self, n_samples: int = 1, random_state: Seed = None) -> tuple[Rows, Labels]:
        """Draw new rows from the fitted mixture.

        Parameters
        ----------
        n_samples : int, default 1
            Number of rows to draw.
        random_state : int, Generator or None
            Seed of this draw. By default the random generator of the estimator is used, and its state advances with
            each call: two calls return different rows, but a second run of the program returns equal rows.

        Returns
        -------
        X : (n_samples, D) ndarray
            The rows; a frame with the names of the features after ``set_output(transform="pandas")`` or ``"polars"``.
        y : (n_samples,) ndarray of int
            The component from which each row was drawn.

        Raises
        ------
        ValueError
            If `n_samples` is less than 1.

        Examples
        --------
        >>> from gaussmix import GaussianMixture
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> model = GaussianMixture(2, random_state=0).fit(X)
        >>> rows, components = model.sample(100, random_state=0)
        >>> rows.shape, components.shape
        ((100, 2), (100,))
        """
        mixture = self._get_mixture()
        if isinstance(n_samples, Integral) and n_samples < 1:
            msg = f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample."
            raise ValueError(msg)
        rng = self._rng if random_state is None else random_state
        rows, labels = mixture.sample(n_samples, random_state=rng, return_components=True)
        return self._to_container(_cast_to(self._dtype, rows)), labels

    def diagnose(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> Diagnosis:  # noqa: N803
        """Diagnose each component: its number of rows, its tightness, and its addition to the log-likelihood.

        Components that are flat or regularized are those that the fit reports. See :func:`gaussmix.diagnose` for the
        verdicts.

        Parameters
        ----------
        X : (n, D) array_like
            The rows of the fit.
        sample_weight : (n,) array_like, optional
            The weights of the rows, with the meaning that `weights_are` states.

        Returns
        -------
        Diagnosis
            A table with a row for each component, and a sentence of advice.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import GaussianMixture
        >>> rng = np.random.default_rng(0)
        >>> X = np.concatenate([rng.normal(size=(300, 2)), rng.normal(size=(200, 2)) + 6])
        >>> GaussianMixture(2, random_state=0).fit(X).diagnose(X).spurious
        ()
        """
        mixture = self._get_mixture()
        source, m_step = self._read_source(X, sample_weight), self._m_step
        statistics = source.reduce(mixture, m_step.moments)
        flat = set(degenerate_components(mixture, statistics, m_step)) - set(m_step.regularized)
        return diagnose(mixture, source, flat=flat, regularized=m_step.regularized)

    def merge_components(
        self,
        X: ArrayLike | Source,  # noqa: N803
        sample_weight: ArrayLike | None = None,
        *,
        criterion: str = "entropy",
    ) -> Hierarchy:
        """Combine components into clusters, step by step, from K clusters to one cluster.

        A cluster that is not Gaussian is fitted by several components. Each step joins the two clusters whose union
        lowers the entropy of the cluster memberships most (Baudry, Raftery, Celeux, Lo & Gottardo 2010).

        Parameters
        ----------
        X : (n, D) array_like
            Rows, usually the rows of the fit.
        sample_weight : (n,) array_like, optional
            Weights of the rows, with the meaning that `weights_are` states.
        criterion : {"entropy"}
            The quantity that each step lowers most.

        Returns
        -------
        Hierarchy
            The order of the merges, the entropy for each number of clusters, and the cluster of each component.

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
        mixture = self._get_mixture()
        source = self._read_source(X, sample_weight)
        return merge_components(mixture, source, criterion)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    @property
    def weights_(self) -> Rows:
        return _cast_to(self._dtype, self.mixture_.weights)

    @property
    def means_(self) -> Rows:
        return _cast_to(self._dtype, self.mixture_.means)

    @property
    def covariances_(self) -> Rows:
        return _cast_to(self._dtype, self.mixture_.covariances.covariances)

    @property
    def precisions_(self) -> Rows:
        return _cast_to(self._dtype, self.mixture_.covariances.precisions)

    @property
    def precisions_cholesky_(self) -> Rows:
        return _cast_to(self._dtype, self.mixture_.covariances.precisions_cholesky)

    def _get_feature_names(self) -> tuple[str, ...] | None:
        """Return the names of the features, or None if there are none or if they repeat."""
        return distinct_names(getattr(self, "feature_names_in_", None))

    @property
    def _n_features_out(self) -> int:
        """The number of columns of :meth:`transform`."""
        return self.mixture_.n_components

    def _to_container(self, rows: Rows) -> Any:  # noqa: ANN401 - an array, or a frame that `set_output` asks for
        """Return rows in the container that ``set_output`` asks for, with the names of the features."""
        container = _get_output_config("transform", self)["dense"]
        if container == "default":
            return rows
        names = getattr(self, "feature_names_in_", [f"x{j}" for j in range(rows.shape[1])])
        return import_module(container).DataFrame(dict(zip(names, rows.T, strict=True)))

    def _n_parameters(self) -> int:
        """Return the number of free parameters."""
        mixture = self._get_mixture()
        return self._m_step.n_parameters(mixture.n_components, mixture.n_features)

    def _get_mixture(self) -> Mixture:
        """Return the fitted mixture, or raise ``NotFittedError``."""
        check_is_fitted(self, "mixture_")
        return self.mixture_

    def _read_rows(self, X: ArrayLike) -> Rows:  # noqa: N803
        return read_rows_with_holes(self, X, reset=False)[0]

    def _read_training(self, X: ArrayLike | Source, sample_weight: ArrayLike | None) -> tuple[Source, PositiveRows]:  # noqa: N803
        """Return the rows to fit as a source, and the selection of rows with positive weight.

        Raise ``ValueError`` if sums of squares of the rows would overflow.
        """
        if isinstance(X, Source):
            refuse_weights(sample_weight)
            check_sizes(X)
            self.n_features_in_ = X.n_features
            if hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
            return X, slice(None)
        rows, holes = read_rows_with_holes(self, X, reset=True, min_rows=2)
        names = getattr(self, "feature_names_in_", None)
        if holes:
            check_columns_observed(rows, names)
        source, positive = self._make_source(rows, sample_weight, holes=holes)
        check_sizes(source)
        if isinstance(source, IncompleteSource):
            check_columns_observed(source.observed, names)  # in rows of positive weight
            return complete_rows(source), positive
        return source, positive

    def _read_source(
        self,
        X: ArrayLike | Source,  # noqa: N803
        sample_weight: ArrayLike | None,
        *,
        as_counts: bool = True,
    ) -> Source:
        """Return rows with the features of the fitted mixture, and their weights, as a source."""
        if not isinstance(X, Source):
            rows, holes = read_rows_with_holes(self, X, reset=False)
            return self._make_source(rows, sample_weight, as_counts=as_counts, holes=holes)[0]
        refuse_weights(sample_weight)
        if X.n_features != self.n_features_in_:
            msg = (
                f"X has {X.n_features} features, but {type(self).__name__} is expecting {self.n_features_in_} features"
            )
            raise ValueError(msg)
        return X

    def _make_source(
        self, rows: Rows, sample_weight: ArrayLike | None, *, as_counts: bool = True, holes: bool = False
    ) -> tuple[ArraySource, PositiveRows]:
        """Return the rows with positive weight as a source, and the selection of these rows from all rows.

        With `holes`, NaN is a missing value, and rows without an observed value are left out.
        """
        empty = find_empty_rows(rows) if holes else None
        positive, weights = read_weights(rows, sample_weight, self.weights_are, as_counts=as_counts, empty=empty)
        make = IncompleteSource.of if holes else ArraySource
        return make(rows[positive], weights, self.engine, usable_threads(self.n_jobs)), positive

    def _compute_statistics(self, X: ArrayLike | Source, sample_weight: ArrayLike | None) -> Statistics:  # noqa: N803
        mixture = self._get_mixture()
        source = self._read_source(X, sample_weight)
        return source.reduce(mixture, SCALAR)

    def _make_models(self, structures: Sequence[Structure], source: Source) -> tuple[MStep, ...]:
        """Return a model to fit for each structure, by the parameters of the estimator; all have the same ridge."""
        return make_models(structures, source, reg_covar=self.reg_covar, equal_weights=self.weights == "equal")

    def _store_fit(self, fit: Fit, m_step: MStep, dtype: np.dtype[Any]) -> None:
        """Store the fit under scikit-learn's attribute names."""
        for name, value in self._attributes_with(fit.state.mixture, m_step, dtype).items():
            setattr(self, name, value)
        self._history = fit.history
        self.converged_ = fit.status is Status.CONVERGED
        self.n_iter_ = fit.state.n_iter
        self.lower_bounds_ = list(fit.history[max(1, len(fit.history) - fit.state.n_iter) :])
        self.lower_bound_ = fit.state.log_posterior

    def _attributes_with(self, mixture: Mixture, m_step: MStep, dtype: np.dtype[Any]) -> dict[str, Any]:
        """Return the attributes that predictions, samples and criteria need, for an estimator with a mixture."""
        names = distinct_names(getattr(self, "feature_names_in_", None))
        named = Mixture(mixture.weights, mixture.means, mixture.covariances, feature_names=names)
        return {"mixture_": named, "_m_step": m_step, "_dtype": dtype}


def refuse_weights(sample_weight: ArrayLike | None) -> None:
    """Raise ``ValueError`` if weights are given beside a source."""
    if sample_weight is not None:
        raise ValueError("sample_weight goes with rows in an array; a source brings its own weights.")


def check_sizes(source: Source) -> None:
    """Raise ``ValueError`` if sums of squares of the rows would overflow."""
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


def _mean_without_overflow(mixture: Mixture, source: Source) -> float:
    """Return the mean log-density of rows, without a sum of log-densities, which overflows for very far rows."""
    with np.errstate(over="ignore"):
        parts = (float(weights / source.weight @ mixture.logpdf(rows)) for rows, weights in source.arrays())
        return _clip_infinite(sum(parts))


def _clip_infinite(value: float) -> float:
    """Return a value with infinity replaced by the largest float of the same sign."""
    largest = np.finfo(np.float64).max
    return float(np.clip(value, -largest, largest))


def _cast_to(dtype: np.dtype[Any], values: Floats) -> Rows:
    """Return values in the precision of the rows, or unchanged if they overflow in that precision."""
    with np.errstate(over="ignore"):
        converted = values.astype(dtype, copy=False)
    return cast("Rows", converted if np.isfinite(converted).all() else values)


def distinct_names(names: AnyArray | None) -> tuple[str, ...] | None:
    """Return feature names for a mixture, or None if there are none or if they repeat."""
    return None if names is None or len(set(names)) < len(names) else tuple(map(str, names))
