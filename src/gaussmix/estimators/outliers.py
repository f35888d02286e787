"""The outlier detector: it flags rows where the density of a Gaussian mixture is low."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils._param_validation import Interval

from gaussmix._threads import one_thread
from gaussmix._types import ArrayLike, Floats, Labels
from gaussmix.density.subset import subset
from gaussmix.estimators.density_scale import DensityScale
from gaussmix.estimators.model_choice import AUTO, Choice, ChoosingEstimator, warn
from gaussmix.estimators.outlier_model import OutlierModel
from gaussmix.estimators.predictive import Predictive
from gaussmix.estimators.validation import (
    check_columns_observed,
    find_empty_rows,
    read_rows_with_holes,
    read_weights,
)
from gaussmix.fitting.report import describe_constant_columns
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["GaussianMixtureOutlierDetector"]

_THRESHOLD = 0.01
"""The default of `threshold`."""
_DRAWS, _BEYOND = 100_000, 100
"""The number of random rows from which the border is found, and the smallest expected number of these beyond it."""
_FEW_DRAWS = 20_000
"""The number of random rows with which scores of rows with missing values are compared, for each pattern."""
_AMPLE = 20.0
"""The number of rows per component and feature from which the border is not checked by cross-fitting."""
_ROUNDING = 1e-9
"""The relative rounding error that is allowed in the number of rows to flag."""


class GaussianMixtureOutlierDetector(OutlierMixin, ChoosingEstimator):
    r"""A detector of outliers: rows where the density of a Gaussian mixture is low.

    A row is an outlier if its log-density is below `offset_`, the border. There are two ways to set the border. With
    `threshold` t, about a share t of new rows from the same distribution is flagged, and the share of the flagged
    training rows depends on the data. With `contamination` c, always a share c of the training rows is flagged.

    Parameters
    ----------
    n_components : int or sequence of int, default 1 to 9
        Number of components, or a sequence of numbers from which `criterion` selects.
    covariance_type : str or sequence of str, default "auto"
        Structure of the covariances, as for :class:`GaussianMixture`, or several structures from which `criterion`
        selects; ``"all"`` for all structures. ``"auto"`` is ``"full"`` with at least 8 rows per feature and component.
        With fewer rows, it is the structure of ``"full"``, ``"tied"``, ``"diag"`` and ``"spherical"`` with the highest
        cross-fitted log-likelihood.
    contamination : float, optional
        Share of the training rows to flag, in (0, 0.5]. Of rows with equal densities either all or none are flagged, so
        that the flagged share may be smaller.
    threshold : float, optional
        The probability that a new row from the distribution of the training rows is flagged, from 1e-6 to 0.5 (the
        false-alarm rate). The default is 0.01 if `contamination` is not given; giving both is an error. Values below
        1e-4 need more random rows to find the border, and more time.
    criterion : str, default "bic"
        The criterion that selects among several models: see :class:`GaussianMixtureSearch`.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`.
    weights_are : {"counts", "relative"}, default "counts"
        The meaning of `sample_weight`. With ``"counts"``, a weight is the number of rows that a row stands for. With
        ``"relative"``, weights only compare rows, as survey weights and probabilities do: they are scaled to sum to the
        effective number of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules
        about few rows use.
    random_state : int, RandomState, Generator or None
        Seed of the fit, and of the random rows from which the border is found.
    n_jobs : int, optional
        Number of threads, in scikit-learn's convention: -1 for all cores. The default is the setting of
        ``joblib.parallel_config``; without a setting, all cores, or one thread in a worker of joblib. The result does
        not depend on the number of threads, to the last bit.

    Attributes
    ----------
    mixture_ : Mixture
        The distribution of the rows that are not outliers: the fitted mixture without components of few rows.
    best_params_ : dict
        ``n_components`` and ``covariance_type`` of the fitted mixture.
    offset_ : float
        The log-density, in nats, below which a row is an outlier.
    left_out_ : list of dict
        The components of the fit that were left out of `mixture_`, each with its number of ``rows``, its ``mean``, and
        the ``reason``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features; only if the rows have column names.

    See Also
    --------
    Mixture.level : the border for known parameters.

    Notes
    -----
    The border for a `threshold` includes the uncertainty of the estimated parameters. It is exact for one component and
    normal rows: squared Mahalanobis distances of new rows follow an F-distribution (Hotelling 1931). With several
    components, the border is a quantile of the log-densities of random rows from a mixture of t-distributions, whose
    degrees of freedom are the rows of a component less its parameters per feature. If the structure omits correlations,
    the random rows have the correlations of the rows, less the part that is due to chance. With less than 20 rows per
    feature and component the border is checked by cross-fitting in ten parts: it is lowered if significantly more than
    a tenth of the left-out rows have a log-density that only a tenth should have.

    Rows may have missing values. Log-densities of different features do not compare, so the score of such a row is the
    log-density of complete rows that has the same tail probability: the probability that the log-density of a new row,
    with the same features observed, is lower. A `threshold` is therefore the probability that a new row is flagged,
    whichever values are missing, and `contamination` orders the training rows by tail probabilities. Tail probabilities
    are estimated from random rows. A row without observed values has the median of the log-densities of complete rows.

    Outliers among the training rows take part in the fit, and may get their own components. After the fit, a component
    is left out if it has less than twice the rows that its covariance needs, or if it looks spurious by
    :func:`diagnose` and has less than ten times these rows. A component that many outliers share remains. If outliers
    make up more than `threshold` of the rows, the mixture models them as normal rows: raise `threshold`, or use
    `contamination`, which depends only on the order of the densities.

    References
    ----------
    Bishop (1994), IEE Proceedings - Vision, Image and Signal Processing 141. Hotelling (1931), Annals of Mathematical
    Statistics 2. Geisser (1993), Predictive Inference, chapter 9.

    Examples
    --------
    >>> from gaussmix import GaussianMixtureOutlierDetector
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> detector = GaussianMixtureOutlierDetector(range(1, 4), threshold=0.001, random_state=0).fit(X)
    >>> detector.predict([[2.0, 55.0], [2.0, 80.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ChoosingEstimator._parameter_constraints,  # noqa: SLF001 - scikit-learn inherits the constraints in this way
        "contamination": [Interval(Real, 0, 0.5, closed="right"), None],
        "threshold": [Interval(Real, 1e-6, 0.5, closed="both"), None],
    }

    best_params_: dict[str, Any]
    left_out_: list[dict[str, Any]]
    offset_: float
    _scale: DensityScale

    def __init__(
        self,
        n_components: int | Sequence[int] = tuple(range(1, 10)),
        *,
        covariance_type: str | Sequence[str] = AUTO,
        contamination: float | None = None,
        threshold: float | None = None,
        criterion: str = "bic",
        reg_covar: float | Literal["auto"] = "auto",
        weights_are: Literal["counts", "relative"] = "counts",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.contamination = contamination
        self.threshold = threshold
        self.criterion = criterion
        self.reg_covar = reg_covar
        self.weights_are = weights_are
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit the mixture, and set the border.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame. NaN is a missing value: the fit uses the observed values.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            The number of rows that each row stands for, in the fit and in `contamination`: weight 2 counts a row twice,
            weight 0 omits the row. Weights that only compare rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixtureOutlierDetector

        Raises
        ------
        ValueError
            If a parameter or the rows are invalid, or both `contamination` and `threshold` are given.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge or needed regularization; if left-out components have many rows; if a larger
            share than `threshold` of new rows may be flagged.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureOutlierDetector
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> detector = GaussianMixtureOutlierDetector(2, threshold=0.001, random_state=0).fit(X)
        >>> int((detector.predict(X) == -1).sum())
        0
        """
        self._validate_params()
        if self.contamination is not None and self.threshold is not None:
            msg = (
                f"Give contamination or threshold, not both, got contamination={self.contamination} and "
                f"threshold={self.threshold}; set one of them to None."
            )
            raise ValueError(msg)
        rows, holes = read_rows_with_holes(self, X, reset=True, min_rows=2)
        empty = find_empty_rows(rows) if holes else None
        positive, weights = read_weights(rows, sample_weight, self.weights_are, empty=empty)
        check_columns_observed(rows[positive], self._get_feature_names())
        rng, source = self._make_generator(), self._make_source(rows[positive], weights, holes=holes)
        with one_thread():
            model = self._fit_model(source, rng)
        fitted, self.best_params_ = model.selected.mixture, model.selected.params
        mixture = Mixture(fitted.weights, fitted.means, fitted.covariances, feature_names=self._get_feature_names())
        self.mixture_, self.left_out_ = subset(mixture, model.sound), model.left_out
        self.offset_, border_notes = self._find_border(model, rng)
        warn([*model.selected.notes, *model.left_out_notes, *border_notes])
        warn(describe_constant_columns(source, self._get_feature_names()), UserWarning)
        return self

    def score_samples(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return the log-density at each row, in nats, ``(n, D) -> (n,)``; low values are unusual.

        The score of a row with missing values (NaN) is the log-density of complete rows with the same tail probability.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n,) ndarray

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureOutlierDetector
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> detector = GaussianMixtureOutlierDetector(2, threshold=0.001, random_state=0).fit(X)
        >>> usual, rare = detector.score_samples([[4.5, 80.0], [2.0, 80.0]])
        >>> bool(rare < detector.offset_ < usual)
        True
        """
        rows = self._read_rows(X)
        return self._scale.score(rows)

    def decision_function(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return the log-density of each row less `offset_`, in nats, ``(n, D) -> (n,)``; below 0 for outliers.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n,) ndarray

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureOutlierDetector
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> detector = GaussianMixtureOutlierDetector(2, threshold=0.001, random_state=0).fit(X)
        >>> detector.decision_function([[4.5, 80.0], [2.0, 80.0]]) < 0
        array([False,  True])
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> Labels:  # noqa: N803
        """Return -1 for outliers and 1 for all other rows, ``(n, D) -> (n,)``.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n,) ndarray of int

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureOutlierDetector
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> detector = GaussianMixtureOutlierDetector(2, threshold=0.001, random_state=0).fit(X)
        >>> detector.predict([[4.5, 80.0], [2.0, 80.0]])
        array([ 1, -1])
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _fit_model(self, source: ArraySource, rng: np.random.Generator) -> OutlierModel:
        """Fit the mixture, with a structure that the number of rows supports."""
        choice = self._make_choice(source.n_features, self._get_feature_names())

        def fit(option: Choice) -> OutlierModel:
            selected = option.fit_best(source, self.criterion, rng)
            return OutlierModel.of(source, selected)

        def has_enough_rows(model: OutlierModel) -> bool:
            return self._has_ample_rows(source, model.selected.mixture.n_components)

        return choice.fit_supported(fit, has_enough_rows, lambda model: -model.held_out_log_likelihood)

    def _find_border(self, model: OutlierModel, rng: np.random.Generator) -> tuple[float, list[str]]:
        """Set the scale of scores; return the score below which a row is an outlier, and warnings about it."""
        source = model.cross_fit.source
        few = source.sample_weight.sum() < _AMPLE * source.n_features * self.mixture_.n_components
        whole = Predictive.of(
            model.selected.mixture, source, model.selected.structure, with_departures=few and self.contamination is None
        )
        predictive = whole.subset(model.sound)
        if self.contamination is not None:
            self._scale = self._make_scale(predictive, self.contamination, rng)
            return _find_cutoff(self._scale.score(source.observed), source.weights, self.contamination), []
        share = _THRESHOLD if self.threshold is None else self.threshold
        border, notes = predictive.border(share, max(_DRAWS, math.ceil(_BEYOND / share)), rng), list[str]()
        if few:
            border, notes = model.lower_border(border, predictive, rng)
            notes = notes or model.departure_notes(predictive, share)
        self._scale = self._make_scale(predictive, share, rng)
        return border, notes

    def _make_scale(self, predictive: Predictive, share: float, rng: np.random.Generator) -> DensityScale:
        """Return the scale of scores, for a share of rows to flag."""
        n_samples = max(_FEW_DRAWS, math.ceil(_BEYOND / share))
        return DensityScale(predictive, n_samples, int(rng.integers(2**31)))


def _find_cutoff(values: Floats, weights: Floats | None, share: float) -> float:
    """Return the largest cutoff such that at most the given share of the values is below it.

    The cutoff is in the middle between two neighbouring values.
    """
    order = np.argsort(values)
    ranks = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    above = values[order[np.searchsorted(ranks, share * ranks[-1] * (1.0 + _ROUNDING), side="right")]]
    below = values[values < above].max(initial=values.min())
    return float(0.5 * below + 0.5 * above)
