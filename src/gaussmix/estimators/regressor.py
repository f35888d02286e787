"""The regressor: a Gaussian mixture of features and targets, conditioned on the features."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import Tags, _safe_indexing
from sklearn.utils._param_validation import StrOptions

from gaussmix._threads import one_thread
from gaussmix._types import ArrayLike, Floats
from gaussmix.density.conditioning import ConditionalMixtures
from gaussmix.estimators.base import distinct_names
from gaussmix.estimators.crossfit import CrossFit
from gaussmix.estimators.model_choice import AUTO, Choice, ChoosingEstimator, SelectedModel, warn
from gaussmix.estimators.regression_model import CrossFittedRegression
from gaussmix.estimators.validation import (
    check_columns_observed,
    find_empty_rows,
    read_rows_with_holes,
    read_targets,
    read_weights,
)
from gaussmix.fitting.report import count_equal_rows, describe_constant_columns
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.selection import CRITERIA, Candidate
from gaussmix.sources import ArraySource
from gaussmix.values import rows_with_holes

__all__ = ["GaussianMixtureRegressor"]

_CRITERIA_OF_TARGETS = tuple(name for name in CRITERIA if name != "icl")
"""The criteria that compare models of the targets given the features; ICL evaluates clusters."""


class GaussianMixtureRegressor(RegressorMixin, ChoosingEstimator):
    r"""A regressor that predicts the distribution of the targets: a Gaussian mixture, given the features.

    .. math::

        p(y \mid x) = \sum_k r_k(x) \, \mathcal{N}\bigl(y;\, \mu_k^y + B_k (x - \mu_k^x),\, S_k\bigr)

    The mixture is fitted to the features and the targets together. Each component is a linear regression, whose weight
    :math:`r_k(x)`, the responsibility, changes smoothly with the features. With one component the model is linear least
    squares. Predictions are the conditional means; conditional standard deviations, quantiles, and the whole
    distribution, which may have several peaks, are available too. Neither features nor targets need scaling.

    Parameters
    ----------
    n_components : int or sequence of int, default 1 to 9
        Number of components, or a sequence of numbers from which `criterion` selects.
    covariance_type : str or sequence of str, default "auto"
        Structure of the joint covariances of features and targets, as for :class:`GaussianMixture`, or several
        structures from which `criterion` selects; ``"all"`` for all structures. With structures without correlations,
        such as ``"diag"``, the prediction of each component is a constant. ``"auto"`` is ``"full"`` with at least 8
        rows per column and component. With fewer rows, it is the structure of ``"full"``, ``"tied"`` and ``"diag"``
        with the highest cross-fitted log-likelihood of the targets.
    criterion : {"aicc", "aic", "bic", "sabic", "caic"}, default "aicc"
        The criterion that selects among several models. It uses the likelihood of the targets given the features, and
        counts all parameters. The likelihood of the features is omitted, since a mixture with a better density of the
        features does not necessarily predict better.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`.
    weights_are : {"counts", "relative"}, default "counts"
        The meaning of `sample_weight`. With ``"counts"``, a weight is the number of rows that a row stands for. With
        ``"relative"``, weights only compare rows, as survey weights and probabilities do: they are scaled to sum to the
        effective number of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules
        about few rows use.
    random_state : int, RandomState, Generator or None
        Seed of the fit.
    n_jobs : int, optional
        Number of threads, in scikit-learn's convention: -1 for all cores. The default is the setting of
        ``joblib.parallel_config``; without a setting, all cores, or one thread in a worker of joblib. The result does
        not depend on the number of threads, to the last bit.

    Attributes
    ----------
    mixture_ : Mixture
        The joint distribution of the D features and, after these, the R targets. Its conditional variances are the
        variances of the predictive distribution: they include the uncertainty of the estimated parameters, and exceed
        the maximum-likelihood variances clearly if rows are few.
    best_params_ : dict
        The selected ``n_components`` and ``covariance_type``.
    n_features_in_ : int
        Number of features, D.
    feature_names_in_ : (D,) ndarray of str
        Names of the features; only if the rows have column names. Then `mixture_` has names too, the names of the
        targets last, if all names are distinct.

    See Also
    --------
    Mixture.condition : the conditional distributions of any mixture, given any of its features.

    Notes
    -----
    With one component and n rows, conditional variances are the unbiased variances of least squares, times
    (n - D - 1) / (n - D - 3) for the t-distribution and (1 + 1/n) (n - 2) / (n - D - 2) for the uncertainty of the
    coefficients. With several components, n is replaced by the rows :math:`n_k` of each component. The 90 % intervals
    then hold 90 to 93 % of new rows with normal features, for any n from D + 4 on. With less than 20 rows per column
    and component, the intervals are checked by cross-fitting in ten parts, and widened if they hold significantly too
    few targets.

    Features and targets may have missing values (NaN). Missing features of a row are integrated out: its prediction is
    the expected target given the observed features, and the mean of the targets if there are none. In the number of
    rows from which variances are estimated, a row without a target does not count, and a row with missing values counts
    by its share of observed values.

    References
    ----------
    Ghahramani & Jordan (1994), Advances in Neural Information Processing Systems 6; Sung (2004), Gaussian Mixture
    Regression and Classification.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import GaussianMixtureRegressor
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-3, 3, size=500)
    >>> y = np.abs(x) + rng.normal(scale=0.1 + 0.2 * (x > 0))
    >>> model = GaussianMixtureRegressor(range(1, 4), random_state=0).fit(x[:, None], y)
    >>> mean, std = model.predict([[-2.0], [2.0]], return_std=True)
    >>> mean.round(1), std.round(1)
    (array([2., 2.]), array([0.1, 0.3]))
    >>> model.predict_quantiles([[-2.0], [2.0]], [0.25, 0.75]).round(1)
    array([[1.9, 2.1],
           [1.8, 2.2]])
    """

    _auto_structures = ("full", "tied", "diag")
    """The structures of ``"auto"``; in "spherical", features and targets would have the same variance."""
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ChoosingEstimator._parameter_constraints,  # noqa: SLF001 - scikit-learn inherits the constraints in this way
        "criterion": [StrOptions(set(_CRITERIA_OF_TARGETS))],
    }

    best_params_: dict[str, Any]

    def __init__(
        self,
        n_components: int | Sequence[int] = tuple(range(1, 10)),
        *,
        covariance_type: str | Sequence[str] = AUTO,
        criterion: str = "aicc",
        reg_covar: float | Literal["auto"] = "auto",
        weights_are: Literal["counts", "relative"] = "counts",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.reg_covar = reg_covar
        self.weights_are = weights_are
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit the mixture to features and targets.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame. NaN is a missing value: the fit uses the observed values.
        y : (n,) or (n, R) array_like
            The targets: one column, or R columns. Predictions have the same shape. A row with a missing target (NaN)
            informs the fit by its features alone.
        sample_weight : (n,) array_like, optional
            The number of rows that each row stands for: weight 2 counts a row twice, weight 0 omits the row. Weights
            that only compare rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixtureRegressor

        Raises
        ------
        ValueError
            If a parameter, the rows or the targets are invalid.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge or needed regularization; if 90 % intervals hold significantly fewer targets in
            cross-fitting; if rows are too few to estimate the dependence of the targets on the features.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureRegressor
        >>> from gaussmix.datasets import load_faithful
        >>> X, y = load_faithful().data[:, :1], load_faithful().data[:, 1]
        >>> model = GaussianMixtureRegressor(2, random_state=0).fit(X, y)
        >>> round(model.score(X, y), 1)
        0.8
        """
        self._validate_params()
        rows, _ = read_rows_with_holes(self, X, reset=True, min_rows=2)
        targets = read_targets(self, rows, y)
        columns = np.column_stack([rows.astype(np.float64, copy=False), targets])
        holes = bool(np.isnan(columns).any())
        empty = find_empty_rows(columns) if holes else None
        positive, weights = read_weights(rows, sample_weight, self.weights_are, empty=empty)
        check_columns_observed(rows[positive], self._get_feature_names())
        self._one_target = targets.ndim == 1
        joint = self._make_source(columns[positive], weights, holes=holes)
        names = self._join_names(y, joint.n_features - rows.shape[1])
        with one_thread():
            model = self._fit_model(joint, names)
        factor, notes = model.find_factor()
        fitted, self.best_params_ = model.selected.mixture, model.selected.params
        inflated = model.inflate_variances(fitted, joint, factor)
        self.mixture_ = Mixture(inflated.weights, inflated.means, inflated.covariances, feature_names=names)
        warn([*model.selected.notes, *notes])
        warn(describe_constant_columns(joint, names), UserWarning)
        return self

    def condition(self, X: ArrayLike) -> ConditionalMixtures:  # noqa: N803
        """Return the conditional distribution of the targets for each row of features.

        Parameters
        ----------
        X : (n, D) array_like
            Rows.

        Returns
        -------
        ConditionalMixtures
            Means, covariances, densities, quantiles and samples for all rows; ``condition(X)[i]`` is a
            :class:`Mixture` of the R targets.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureRegressor
        >>> from gaussmix.datasets import load_faithful
        >>> X, y = load_faithful().data[:, :1], load_faithful().data[:, 1]
        >>> model = GaussianMixtureRegressor(2, random_state=0).fit(X, y)
        >>> model.condition([[2.0], [4.5]]).interval(0.9).round()
        array([[45., 64.],
               [72., 90.]])
        """
        given = self._index_features(X)
        targets: ConditionalMixtures = self.mixture_.condition(given)
        return targets

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[False] = ...) -> Floats: ...  # noqa: N803
    @overload
    def predict(self, X: ArrayLike, return_std: Literal[True]) -> tuple[Floats, Floats]: ...  # noqa: N803
    def predict(self, X: ArrayLike, return_std: bool = False) -> Floats | tuple[Floats, Floats]:  # noqa: FBT001, FBT002, N803 - as in scikit-learn
        """Return the conditional means of the targets, and optionally their standard deviations.

        Parameters
        ----------
        X : (n, D) array_like
            Rows.
        return_std : bool, default False
            If True, return the conditional standard deviations too.

        Returns
        -------
        mean : (n,) or (n, R) ndarray
            Conditional means in the units of the targets, in the shape of the targets in ``fit``.
        std : (n,) or (n, R) ndarray
            Conditional standard deviations; only if `return_std`.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureRegressor
        >>> from gaussmix.datasets import load_faithful
        >>> X, y = load_faithful().data[:, :1], load_faithful().data[:, 1]
        >>> model = GaussianMixtureRegressor(2, random_state=0).fit(X, y)
        >>> mean, std = model.predict([[2.0], [4.5]], return_std=True)
        >>> mean.round()
        array([54., 81.])
        """
        targets = self.condition(X)
        mean = self._match_target_shape(targets.mean)
        if not return_std:
            return mean
        return mean, self._match_target_shape(np.sqrt(np.einsum("nrr->nr", targets.covariance)))

    def score(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:  # noqa: N803
        """Return the coefficient of determination of the predictions, R²; rows with a missing target are left out.

        Parameters
        ----------
        X : (n, D) array_like
            Rows.
        y : (n,) or (n, R) array_like
            The targets.
        sample_weight : (n,) array_like, optional
            The number of rows that each row stands for.

        Returns
        -------
        float
            The mean R² of the targets: 1 for perfect predictions, 0 for the mean of the targets.

        Raises
        ------
        ValueError
            If each row has a missing target.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureRegressor
        >>> from gaussmix.datasets import load_faithful
        >>> X, y = load_faithful().data[:, :1], load_faithful().data[:, 1]
        >>> model = GaussianMixtureRegressor(2, random_state=0).fit(X, y)
        >>> round(model.score(X, y), 1)
        0.8
        """
        targets, holes = rows_with_holes("y", y)
        if not holes:
            return float(super().score(X, y, sample_weight))
        known = np.flatnonzero(~np.isnan(targets).reshape(len(targets), -1).any(axis=1))
        if not len(known):
            raise ValueError("y must have a row without missing values (NaN), with which predictions are compared.")
        weights = None if sample_weight is None else _safe_indexing(sample_weight, known)
        return float(super().score(_safe_indexing(X, known), targets[known], weights))

    def predict_quantiles(self, X: ArrayLike, quantiles: ArrayLike = (0.05, 0.5, 0.95)) -> Floats:  # noqa: N803
        """Return conditional quantiles of each target.

        Parameters
        ----------
        X : (n, D) array_like
            Rows.
        quantiles : float or (Q,) array_like, default (0.05, 0.5, 0.95)
            Probabilities: by default, the ends of the central 90 % interval, and the median.

        Returns
        -------
        (n, Q) or (n, R, Q) ndarray
            Quantiles in the units of the targets; without the last axis for a scalar `quantiles`.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureRegressor
        >>> from gaussmix.datasets import load_faithful
        >>> X, y = load_faithful().data[:, :1], load_faithful().data[:, 1]
        >>> model = GaussianMixtureRegressor(2, random_state=0).fit(X, y)
        >>> model.predict_quantiles([[2.0], [4.5]]).round()
        array([[45., 54., 64.],
               [72., 81., 90.]])
        """
        given = self._index_features(X)
        marginals = [self.mixture_.marginal([*given, r]) for r in range(len(given), self.mixture_.n_features)]
        return self._match_target_shape(np.stack([one.condition(given).ppf(quantiles) for one in marginals], axis=1))

    def _index_features(self, X: ArrayLike) -> dict[int, Floats]:  # noqa: N803
        """Return the columns of the features by their index in the mixture."""
        return dict(enumerate(self._read_rows(X).astype(np.float64, copy=False).T))

    def _fit_model(self, joint: ArraySource, names: tuple[str, ...] | None) -> CrossFittedRegression:
        """Fit the mixture, with a structure that the number of rows supports."""
        choice, rng = self._make_choice(joint.n_features, names), self._make_generator()

        def fit(option: Choice) -> CrossFittedRegression:
            selected = self._fit_best(option, joint, rng)
            cross_fit = CrossFit(joint, selected.mixture, selected.m_step)
            return CrossFittedRegression(selected, cross_fit, self.n_features_in_)

        def has_enough_rows(model: CrossFittedRegression) -> bool:
            return self._has_ample_rows(model.informative(joint), model.selected.mixture.n_components)

        model = choice.fit_supported(fit, has_enough_rows, lambda model: -model.held_out_log_likelihood)
        if not choice.automatic or model.has_slopes or count_equal_rows(joint):
            return model
        note = (
            f"{joint.n_rows} rows of {joint.n_features} columns are too few to estimate how the target depends on the "
            f"features: covariance_type='auto' selected {model.selected.structure.public_name!r}, with which the "
            f"prediction is a constant{'' if model.selected.mixture.n_components == 1 else ' per component'}. Use more "
            "rows, or fewer features."
        )
        return replace(model, selected=model.selected._replace(notes=(*model.selected.notes, note)))

    def _fit_best(self, choice: Choice, joint: ArraySource, rng: np.random.Generator) -> SelectedModel:
        """Fit all models, and return the model whose conditional distribution has the lowest criterion."""
        if choice.has_one_model:
            return choice.fit_single(joint.observed, joint.weights, rng)
        results = choice.search_models(joint.observed, joint.weights, rng, stop_early=False)
        features = joint.select_features(range(self.n_features_in_))

        def rank(candidate: Candidate) -> tuple[bool, float, int]:
            return bool(candidate.collapsed), self._compute_criterion(candidate, features), candidate.n_parameters

        best = min((candidate for candidate in results.candidates if candidate.fit), key=rank)
        return choice.select_candidate(results, best, joint)

    def _compute_criterion(self, candidate: Candidate, features: ArraySource) -> float:
        """Return the criterion of the targets given the features."""
        marginal = candidate.mixture.marginal(range(features.n_features))
        conditional = candidate.log_likelihood - features.reduce(marginal, SCALAR).log_likelihood
        statistics = replace(candidate.statistics, log_likelihood=conditional)
        return CRITERIA[self.criterion](statistics, candidate.n_parameters)

    def _match_target_shape(self, values: Floats) -> Floats:
        """Return values ``(n, R, ...)`` of the targets, without the second axis if the targets in ``fit`` were 1-D."""
        return values[:, 0] if self._one_target else values

    def _join_names(self, y: object, n_targets: int) -> tuple[str, ...] | None:
        """Return the names of features and targets, or None if the features have no names or names repeat."""
        features = self._get_feature_names()
        if features is None:
            return None
        targets = getattr(y, "columns", [getattr(y, "name", None)])
        if len(targets) != n_targets or any(name is None or name == "" for name in targets):
            targets = ["y"] if n_targets == 1 else [f"y{r}" for r in range(n_targets)]
        return distinct_names(np.array([*features, *map(str, targets)]))
