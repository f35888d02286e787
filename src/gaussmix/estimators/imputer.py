"""The imputer: missing values are filled in from a Gaussian mixture."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
from sklearn.base import TransformerMixin
from sklearn.impute import MissingIndicator
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from gaussmix._threads import one_thread
from gaussmix._types import AnyArray, ArrayLike, Flags, Floats, Rows
from gaussmix.estimators.base import check_sizes, distinct_names
from gaussmix.estimators.model_choice import AUTO, ChoosingEstimator, SelectedModel, warn
from gaussmix.estimators.validation import find_empty_rows, read_rows_with_holes, read_weights
from gaussmix.mixture import Mixture
from gaussmix.priors import NAMES as PRIORS
from gaussmix.priors import NormalInverseWishart
from gaussmix.selection import ALL
from gaussmix.sources import ArraySource
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import named

__all__ = ["GaussianMixtureImputer"]


class GaussianMixtureImputer(TransformerMixin, ChoosingEstimator):
    r"""A transformer that fills in missing values from a Gaussian mixture.

    The mixture is fitted to the observed values of all rows, by their exact likelihood. A missing value is replaced by
    its expected value, given the observed values of its row, or by a draw from its conditional distribution. The class
    has the interface of :class:`sklearn.impute.IterativeImputer`.

    Parameters
    ----------
    n_components : int, range or sequence of int, default 1 to 6
        Number of components, or numbers from which `criterion` selects.
    covariance_type : str or sequence of str, default "auto"
        Structure of the covariances, as for :class:`GaussianMixture`, or several structures from which `criterion`
        selects; ``"all"`` for all structures. ``"auto"`` selects from ``"full"`` and ``"tied"``: structures without
        correlations could not learn from the other features of a row within a component.
    criterion : str, default "bic"
        The criterion that selects among several models: see :class:`GaussianMixtureSearch`. ``"cv"``, the
        cross-validated log-likelihood, takes about six times as long.
    prior : {"weak", "mclust"}, NormalInverseWishart or None, default "weak"
        A prior on means and covariances, as for :class:`GaussianMixture`. ``"weak"`` is worth one row for each
        covariance: it keeps components from becoming so narrow that their values look certain. With a prior, ``"all"``
        stands for the structures for which priors are defined.
    sample_posterior : bool, default False
        If True, :meth:`transform` fills in a draw from the conditional distribution in place of its mean, and each call
        returns other draws: repeat it for multiple imputation (Rubin 1987). The draws do not include the uncertainty of
        the parameters of the mixture.
    add_indicator : bool, default False
        Whether to append a column with 0 and 1 for each feature with missing values in the training rows, which marks
        the values that were missing.
    keep_empty_features : bool, default False
        Whether a feature without any observed value in the training rows is kept, and filled in by 0. By default it is
        dropped.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`.
    weights_are : {"counts", "relative"}, default "counts"
        The meaning of `sample_weight`. With ``"counts"``, a weight is the number of rows that a row stands for; with
        ``"relative"``, weights only compare rows, as survey weights and probabilities do.
    random_state : int, RandomState, Generator or None
        Seed of the fit, and of the draws with `sample_posterior`.
    n_jobs : int, optional
        Number of threads, in scikit-learn's convention: -1 for all cores. The result does not depend on the number of
        threads, to the last bit.

    Attributes
    ----------
    mixture_ : Mixture
        The fitted distribution of the features that are kept. :meth:`Mixture.impute` has more ways to fill in values:
        the most probable values, several draws at once, and the conditional covariances.
    best_params_ : dict
        ``n_components`` and ``covariance_type`` of the fitted mixture.
    indicator_ : MissingIndicator or None
        The transformer of the appended columns; None without `add_indicator`.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features; only if the rows have column names.

    See Also
    --------
    Mixture.impute : fills in values from a mixture that is fitted or known already.

    Notes
    -----
    The fit is valid if values are missing at random: whether a value is missing may depend on the observed values of
    the row, but not on the missing value itself.

    References
    ----------
    Ghahramani & Jordan (1994), Advances in Neural Information Processing Systems 6. Rubin (1987), Multiple Imputation
    for Nonresponse in Surveys. Little & Rubin (2019), Statistical Analysis with Missing Data.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import GaussianMixtureImputer
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> X[::3, 1] = np.nan
    >>> imputer = GaussianMixtureImputer(random_state=0).fit(X)
    >>> imputer.transform([[2.0, np.nan], [4.5, np.nan]]).round(1)
    array([[ 2. , 54.5],
           [ 4.5, 81.4]])
    """

    _auto_structures: ClassVar[tuple[str, ...]] = ("full", "tied")
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ChoosingEstimator._parameter_constraints,  # noqa: SLF001 - scikit-learn inherits the constraints in this way
        "prior": [StrOptions(set(PRIORS)), NormalInverseWishart, None],
        "sample_posterior": ["boolean"],
        "add_indicator": ["boolean"],
        "keep_empty_features": ["boolean"],
    }

    best_params_: dict[str, Any]
    indicator_: MissingIndicator | None

    _observed: Flags
    _rng: np.random.Generator

    def __init__(  # noqa: PLR0913 - as many as an imputer has
        self,
        n_components: int | Sequence[int] = tuple(range(1, 7)),
        *,
        covariance_type: str | Sequence[str] = AUTO,
        criterion: str = "bic",
        prior: Literal["weak", "mclust"] | NormalInverseWishart | None = "weak",
        sample_posterior: bool = False,
        add_indicator: bool = False,
        keep_empty_features: bool = False,
        reg_covar: float | Literal["auto"] = "auto",
        weights_are: Literal["counts", "relative"] = "counts",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.prior = prior
        self.sample_posterior = sample_posterior
        self.add_indicator = add_indicator
        self.keep_empty_features = keep_empty_features
        self.reg_covar = reg_covar
        self.weights_are = weights_are
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit the mixture to the observed values.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame. NaN, ``pandas.NA``, nulls and masked entries are missing
            values.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            The number of rows that each row stands for: weight 2 counts a row twice, weight 0 omits the row. Weights
            that only compare rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixtureImputer

        Raises
        ------
        ValueError
            If a parameter or the rows are invalid, or no row has an observed value.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge or needed regularization.
        UserWarning
            If features without any observed value are dropped, or rows without any observed value are left out.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import GaussianMixtureImputer
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> X[::3, 1] = np.nan
        >>> GaussianMixtureImputer(2, random_state=0).fit(X).best_params_
        {'n_components': 2, 'covariance_type': 'full'}
        """
        self._validate_params()
        rows, holes = read_rows_with_holes(self, X, reset=True, min_rows=2)
        empty = find_empty_rows(rows) if holes else None
        positive, weights = read_weights(rows, sample_weight, self.weights_are, empty=empty)
        seen = np.asarray(~np.isnan(rows[positive]).all(axis=0))
        names = distinct_names(self.feature_names_in_[seen]) if hasattr(self, "feature_names_in_") else None
        source, rng = self._make_source(rows[positive][:, seen], weights, holes=holes), self._make_generator()
        check_sizes(source)
        with one_thread():
            model = self._fit_model(source, names, rng)
        fitted, self.best_params_ = model.mixture, model.params
        self.mixture_ = Mixture(fitted.weights, fitted.means, fitted.covariances, feature_names=names)
        self._observed, self._rng = seen, rng
        self.indicator_ = _fit_indicator(rows) if self.add_indicator else None
        warn(model.notes)
        warn(self._notes_on_empty_features(), UserWarning)
        return self

    def transform(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Return rows with values in place of missing values.

        Parameters
        ----------
        X : (n, D) array_like
            Rows with the features of the training rows.

        Returns
        -------
        (n, D_out) ndarray
            The rows without the features that the fit dropped, and with the columns of `add_indicator`. A frame after
            ``set_output(transform="pandas")`` or ``"polars"``. Observed values are unchanged. A row without any
            observed value gets the mean of the mixture, or a draw from it.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import GaussianMixtureImputer
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> X[::3, 1] = np.nan
        >>> imputer = GaussianMixtureImputer(2, sample_posterior=True, random_state=0).fit(X)
        >>> draws = np.stack([imputer.transform([[4.5, np.nan]]) for _ in range(500)])
        >>> draws.std(axis=0).round()
        array([[0., 6.]])
        """
        check_is_fitted(self, "mixture_")
        rows = read_rows_with_holes(self, X, reset=False)[0]
        method: Literal["sample", "mean"] = "sample" if self.sample_posterior else "mean"
        filled = self.mixture_.impute(rows[:, self._observed], method, random_state=self._rng)
        parts = [self._insert_empty(rows, filled) if self.keep_empty_features else filled]
        if self.indicator_ is not None:
            parts.append(self.indicator_.transform(rows))
        return cast("Rows", np.hstack(parts).astype(rows.dtype, copy=False))

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> AnyArray:
        """Return the names of the columns of :meth:`transform`.

        Parameters
        ----------
        input_features : (D,) array_like of str, optional
            The names of the features; by default those of the training rows, or ``"x0"``, ``"x1"``, ...

        Returns
        -------
        (D_out,) ndarray of str

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import GaussianMixtureImputer
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> X[::3, 1] = np.nan
        >>> GaussianMixtureImputer(2, add_indicator=True, random_state=0).fit(X).get_feature_names_out()
        array(['x0', 'x1', 'missingindicator_x1'], dtype=object)
        """
        check_is_fitted(self, "mixture_")
        names = _check_feature_names_in(self, input_features)
        kept = names if self.keep_empty_features else names[self._observed]
        if self.indicator_ is None:
            return np.asarray(kept)
        return np.concatenate([kept, self.indicator_.get_feature_names_out(names)])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _fit_model(self, source: ArraySource, names: tuple[str, ...] | None, rng: np.random.Generator) -> SelectedModel:
        """Fit the models, and return the best by the criterion."""
        choice = self._make_choice(source.n_features, names)
        if isinstance(self.covariance_type, str) and self.covariance_type == ALL and self.prior is not None:
            choice = replace(choice, structures=tuple(one for one in choice.structures if named(one).takes_prior))
        rows = source.observed if isinstance(source, IncompleteSource) else source.rows
        results = choice.search_models(rows, source.weights, rng, criterion=self.criterion, prior=self.prior)
        return choice.select_candidate(results, results.best, source)

    def _insert_empty(self, rows: Rows, filled: Floats) -> Floats:
        """Return filled rows with the features that the fit could not use, and 0 for their missing values."""
        whole = np.where(np.isnan(rows), 0.0, rows)
        whole[:, self._observed] = filled
        return whole

    def _notes_on_empty_features(self) -> list[str]:
        """Return a sentence on the features without observed values, if they are dropped."""
        if self._observed.all() or self.keep_empty_features:
            return []
        dropped = _check_feature_names_in(self)[~self._observed]
        columns = f"column{'s'[: len(dropped) > 1]} {', '.join(dropped)}"
        return [f"X has no observed value in {columns}: dropped. Set keep_empty_features=True to fill in 0."]


def _fit_indicator(rows: Rows) -> MissingIndicator:
    return MissingIndicator(sparse=False, error_on_new=False).fit(rows)
