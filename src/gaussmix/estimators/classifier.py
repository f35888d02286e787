"""The classifier: a Gaussian mixture for each class, and Bayes' rule."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from gaussmix._threads import one_thread
from gaussmix._types import AnyArray, ArrayLike, Floats, Labels, Rows, Seed
from gaussmix.covariances import Full
from gaussmix.estimators.base import check_sizes
from gaussmix.estimators.class_models import Classes, ClassMixtures, fit_separate
from gaussmix.estimators.crossfit import CrossFit
from gaussmix.estimators.model_choice import AUTO, Choice, ChoosingEstimator, warn
from gaussmix.estimators.pooled import fit_pooled, label_source
from gaussmix.estimators.validation import (
    check_columns_observed,
    find_empty_rows,
    read_labels,
    read_rows_with_holes,
    read_weights,
)
from gaussmix.fitting.report import describe_constant_columns
from gaussmix.mixture import Mixture
from gaussmix.selection import VALIDATED
from gaussmix.structures import named
from gaussmix.values import real

__all__ = ["GaussianMixtureClassifier"]

_SUM_TOLERANCE = 1e-6
"""The largest accepted difference between the sum of `priors` and 1."""
_POOLED_STRUCTURE, _POOLED_CRITERION = "tied", "bic"
"""The structure that ``covariance_type="auto"`` fits across all classes with few rows, and the criterion of the fit."""


class GaussianMixtureClassifier(ClassifierMixin, ChoosingEstimator):
    r"""A classifier that models the density of each class by a Gaussian mixture, and applies Bayes' rule.

    .. math:: P(c \mid x) = \frac{\pi_c \, p(x \mid c)}{\sum_{c'} \pi_{c'} \, p(x \mid c')}

    All classes together form one mixture. The weight of a component is the prior of its class times its weight within
    the class; the probability of a class is the sum of the responsibilities of its components.

    By default each class is fitted separately, and its structure and its number of components are selected separately.
    With `across_classes` a single structure applies to the components of all classes, so that classes can share volume,
    shape or orientation.
    Three special cases have names: :meth:`lda`, :meth:`qda` and :meth:`naive_bayes`.

    Parameters
    ----------
    n_components : int or sequence of int, default 1 to 9
        Number of components of each class, or a sequence of numbers from which `criterion` selects. A class with too
        few rows gets fewer components.
    covariance_type : str or sequence of str, default "auto"
        Structure of the covariances, as for :class:`GaussianMixture`, or several structures from which `criterion`
        selects; ``"all"`` for all structures. ``"auto"`` is ``"full"`` if each class has at least 25 rows per feature
        and component. Otherwise four models are compared, ``"full"``, ``"diag"`` and ``"spherical"`` for each class and
        ``"tied"`` across all classes, by the error of their probabilities (Brier score) for rows not used in the fit.
    across_classes : bool, default False
        If True, the structure applies to the components of all classes together: ``"tied"`` is one covariance for all
        classes, while by default each class has its own. Structure and number of components are then selected once, by
        the joint likelihood of rows and classes. With one component per class this is the discriminant analysis of
        Bensmail & Celeux (1996), with several components the mixture discriminant analysis of Hastie & Tibshirani
        (1996).
    priors : (C,) array_like, optional
        Probabilities of the classes, in the order of `classes_`; by default their shares of the training rows.
    criterion : str, default "bic"
        The criterion that selects among several models: see :class:`GaussianMixtureSearch`. ``"cv"`` requires separate
        fits of the classes.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`. ``"auto"`` depends on the
        rows of the class, or on all rows with `across_classes`.
    weights_are : {"counts", "relative"}, default "counts"
        The meaning of `sample_weight`. With ``"counts"``, a weight is the number of rows that a row stands for. With
        ``"relative"``, weights only compare rows, as survey weights and probabilities do: they are scaled to sum to the
        effective number of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules
        about few rows use.
    random_state : int, RandomState, Generator or None
        Seed of the fits and of :meth:`sample`.
    n_jobs : int, optional
        Number of threads, in scikit-learn's convention: -1 for all cores. The default is the setting of
        ``joblib.parallel_config``; without a setting, all cores, or one thread in a worker of joblib. The result does
        not depend on the number of threads, to the last bit.

    Attributes
    ----------
    mixture_ : Mixture
        The components of all classes, in the order of the classes. ``mixture_.logpdf`` is the log-density of rows
        irrespective of their classes.
    component_classes_ : (K,) ndarray
        The class of each component.
    classes_ : (C,) ndarray
        The classes, in order.
    priors_ : (C,) ndarray
        The prior probabilities of the classes.
    best_params_ : list of dict
        The selected ``n_components`` and ``covariance_type`` of each class.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features; only if the rows have column names.

    References
    ----------
    Hastie & Tibshirani (1996), Journal of the Royal Statistical Society B 58; Bensmail & Celeux (1996), Journal of the
    American Statistical Association 91; Fraley & Raftery (2002), Journal of the American Statistical Association 97.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from gaussmix import GaussianMixtureClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GaussianMixtureClassifier(range(1, 4), covariance_type="full", random_state=0).fit(X, y)
    >>> round(model.score(X, y), 2)
    0.98
    >>> model.predict_proba([[6.0, 2.8, 4.9, 1.7]]).round(2)
    array([[0.  , 0.22, 0.78]])
    """

    _ample_rows = 25.0
    """The number of rows per component and feature from which ``"auto"`` is ``"full"``.

    With 10 rows, the accuracy of separate covariances is 0.03 below the accuracy of a common covariance; with 20 rows,
    0.01.
    """
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ChoosingEstimator._parameter_constraints,  # noqa: SLF001 - scikit-learn inherits the constraints in this way
        "across_classes": ["boolean"],
        "priors": ["array-like", None],
    }

    component_classes_: AnyArray
    classes_: AnyArray
    priors_: Floats
    best_params_: list[dict[str, Any]]

    def __init__(
        self,
        n_components: int | Sequence[int] = tuple(range(1, 10)),
        *,
        covariance_type: str | Sequence[str] = AUTO,
        across_classes: bool = False,
        priors: ArrayLike | None = None,
        criterion: str = "bic",
        reg_covar: float | Literal["auto"] = "auto",
        weights_are: Literal["counts", "relative"] = "counts",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.across_classes = across_classes
        self.priors = priors
        self.criterion = criterion
        self.reg_covar = reg_covar
        self.weights_are = weights_are
        self.random_state = random_state
        self.n_jobs = n_jobs

    @classmethod
    def lda(cls, **params: Any) -> Self:  # noqa: ANN401 - of the class
        """Return an estimator for linear discriminant analysis: one Gaussian for each class, one covariance for all.

        Parameters
        ----------
        **params
            Other parameters of the class.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureClassifier
        >>> GaussianMixtureClassifier.lda(reg_covar=0)
        GaussianMixtureClassifier(across_classes=True, covariance_type='tied',
                                  n_components=1, reg_covar=0)
        """
        return cls(1, covariance_type="tied", across_classes=True, **params)

    @classmethod
    def qda(cls, **params: Any) -> Self:  # noqa: ANN401 - of the class
        """Return an estimator for quadratic discriminant analysis: one Gaussian with its own covariance for each class.

        Parameters
        ----------
        **params
            Other parameters of the class.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> round(GaussianMixtureClassifier.qda().fit(X, y).score(X, y), 2)
        0.98
        """
        return cls(1, covariance_type="full", **params)

    @classmethod
    def naive_bayes(cls, **params: Any) -> Self:  # noqa: ANN401 - of the class
        """Return an estimator for Gaussian naive Bayes: one Gaussian with independent features for each class.

        Parameters
        ----------
        **params
            Other parameters of the class.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> round(GaussianMixtureClassifier.naive_bayes().fit(X, y).score(X, y), 2)
        0.96
        """
        return cls(1, covariance_type="diag", **params)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit the mixtures of the classes.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame. NaN is a missing value: the fit uses the observed values.
        y : (n,) array_like
            The classes of the rows: numbers or strings.
        sample_weight : (n,) array_like, optional
            The number of rows that each row stands for: weight 2 counts a row twice, weight 0 omits the row. Weights
            that only compare rows need ``weights_are="relative"``. A class whose rows all have weight 0 is omitted.

        Returns
        -------
        self : GaussianMixtureClassifier

        Raises
        ------
        ValueError
            If a parameter, the rows or the classes are invalid.

        Warns
        -----
        ConvergenceWarning
            If a class has too few rows for the requested components or for its own covariance, or if the fit of a class
            did not converge or needed regularization.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = GaussianMixtureClassifier(random_state=0).fit(X, y)
        >>> model.classes_
        array([0, 1, 2])
        """
        self._validate_params()
        rows, holes = read_rows_with_holes(self, X, reset=True)
        labels = read_labels(self, rows, y)
        check_classification_targets(labels)
        empty = find_empty_rows(rows) if holes else None
        positive, weights = read_weights(rows, sample_weight, self.weights_are, empty=empty)
        self.classes_, codes = np.unique(labels[positive], return_inverse=True)
        if holes:
            self._check_classes_observed(rows[positive], codes)
        source = self._make_source(rows[positive], weights, holes=holes)
        check_sizes(source)
        classes = Classes(source, codes, self.classes_)
        self.priors_ = self._check_priors(classes.shares)
        self._rng = self._make_generator()
        with one_thread():
            models = self._fit_classes(classes)
        mixture, self.best_params_ = models.mixture, models.params
        proportions = mixture.weights * np.repeat(self.priors_ / classes.shares, models.sizes)
        self.mixture_ = Mixture(
            proportions, mixture.means, mixture.covariances, feature_names=self._get_feature_names()
        )
        self.component_classes_ = np.repeat(self.classes_, models.sizes)
        warn(models.notes)
        warn(describe_constant_columns(source, self._get_feature_names()), UserWarning)
        return self

    def predict(self, X: ArrayLike) -> AnyArray:  # noqa: N803
        """Return the most probable class of each row, ``(n, D) -> (n,)``.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n,) ndarray
            Values of `classes_`.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = GaussianMixtureClassifier(random_state=0).fit(X, y)
        >>> model.predict(X[[0, 50, 100]])
        array([0, 1, 2])
        """
        most_probable = self.predict_proba(X).argmax(axis=1)
        return cast("AnyArray", self.classes_[most_probable])

    def predict_proba(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return the probability of each class for each row, ``(n, D) -> (n, C)``, in the order of `classes_`.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n, C) ndarray
            Probabilities; they sum to one for each row.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = GaussianMixtureClassifier(random_state=0).fit(X, y)
        >>> model.predict_proba(X[[0, 50, 100]]).argmax(axis=1)
        array([0, 1, 2])
        """
        rows = self._read_rows(X)
        memberships = (self.component_classes_[:, None] == self.classes_).astype(np.float64)
        return np.asarray(self.mixture_.responsibilities(rows) @ memberships)

    def predict_log_proba(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return the logarithm of :meth:`predict_proba`; minus infinity for probabilities below the smallest float.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.

        Returns
        -------
        (n, C) ndarray

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the rows have other features than those of the fit, or infinite values.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = GaussianMixtureClassifier(random_state=0).fit(X, y)
        >>> model.predict_log_proba(X[:2]).shape
        (2, 3)
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score_samples(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return the log-density at each row under all classes together, in nats, ``(n, D) -> (n,)``.

        The log-density is low for rows that resemble no class.

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
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = GaussianMixtureClassifier(random_state=0).fit(X, y)
        >>> usual, unusual = model.score_samples([[5.0, 3.4, 1.5, 0.2], [5.0, 3.4, 1.5, 9.0]])
        >>> bool(unusual < usual - 100)
        True
        """
        rows = self._read_rows(X)
        return self.mixture_.logpdf(rows)

    def sample(self, n_samples: int = 1, random_state: Seed = None) -> tuple[Floats, AnyArray]:
        """Draw new rows with their classes.

        Parameters
        ----------
        n_samples : int, default 1
            Number of rows to draw.
        random_state : int, Generator or None
            Seed of this draw. By default the random generator of the estimator is used, and its state advances with
            each call.

        Returns
        -------
        X : (n_samples, D) ndarray
            The rows.
        y : (n_samples,) ndarray
            The classes of the rows.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from gaussmix import GaussianMixtureClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> model = GaussianMixtureClassifier(random_state=0).fit(X, y)
        >>> rows, classes = model.sample(100, random_state=0)
        >>> rows.shape, classes.shape
        ((100, 4), (100,))
        """
        check_is_fitted(self, "mixture_")
        rng = self._rng if random_state is None else random_state
        rows, components = self.mixture_.sample(n_samples, random_state=rng, return_components=True)
        return rows, self.component_classes_[components]

    def _fit_classes(self, classes: Classes) -> ClassMixtures:
        """Fit the mixtures of the classes, with a structure that the number of rows supports."""
        if self.across_classes and self.criterion in VALIDATED:
            msg = (
                "criterion='cv' requires separate fits of the classes; with across_classes=True use 'bic', or select "
                "by accuracy with scikit-learn's GridSearchCV."
            )
            raise ValueError(msg)
        choice = self._make_choice(classes.source.n_features, self._get_feature_names())

        def fit(option: Choice) -> ClassMixtures:
            if self.across_classes:
                return fit_pooled(classes, option, self.criterion, self._rng)
            if choice.automatic and option.structures == (_POOLED_STRUCTURE,):
                return fit_pooled(classes, option, _POOLED_CRITERION, self._rng)
            return fit_separate(classes, option, self.criterion, self._rng)

        def has_enough_rows(models: ClassMixtures) -> bool:
            return all(map(self._has_ample_rows, classes.parts, models.sizes))

        def loss(models: ClassMixtures) -> tuple[bool, float]:
            return models.lacks_rows, _cross_validate(classes, choice, models)[0]

        models = choice.fit_supported(fit, has_enough_rows, loss)
        smallest = min(float(part.sample_weight.sum()) for part in classes.parts)
        fewest = Full.fewest_rows(classes.source.n_features)
        if not choice.automatic or smallest >= fewest or models.notes:
            return models
        note = (
            f"A class has {smallest:g} rows, and a covariance of {classes.source.n_features} features needs {fewest}: "
            f"covariance_type='auto' selected {models.params[0]['covariance_type']!r}, with a cross-validated "
            f"accuracy of {_cross_validate(classes, choice, models)[1]:.1%}."
        )
        return models._replace(notes=(note,))

    def _check_classes_observed(self, rows: Rows, codes: Labels) -> None:
        """Raise ``ValueError`` if all values of a class are missing in a column."""
        names = self._get_feature_names()
        for code, label in enumerate(self.classes_):
            check_columns_observed(rows[codes == code], names, f" of class {label!s}")

    def _check_priors(self, shares: Floats) -> Floats:
        """Return the parameter `priors` after validation, or the shares of the classes if it is None."""
        if self.priors is None:
            return shares
        priors = real("priors", self.priors).astype(np.float64)
        if priors.shape != shares.shape or not (priors >= 0).all() or not abs(priors.sum() - 1.0) <= _SUM_TOLERANCE:
            msg = (
                f"priors must be {len(shares)} probabilities that sum to 1, one for each class in the order "
                f"{self.classes_.tolist()}, got {self.priors}."
            )
            raise ValueError(msg)
        return priors


def _cross_validate(classes: Classes, choice: Choice, models: ClassMixtures) -> tuple[float, float]:
    """Return the cross-validated loss and accuracy.

    The loss is the mean squared error of the class probabilities (Brier 1950). It is bounded, so that wrong
    predictions with a probability close to 1, which are frequent in fits to few rows, do not dominate the mean.
    """
    structure = named(models.params[0]["covariance_type"])
    source, m_step = label_source(classes, models.sizes), choice.make_model(classes.source, structure)
    indicators = np.eye(len(classes.names))
    errors, correct = np.zeros(source.n_rows), np.ones(source.n_rows)
    for part, _, mixture in CrossFit(source, models.mixture, m_step, classes.labels).refits:
        probabilities = mixture.responsibilities(source.observed[part]) @ np.repeat(indicators, models.sizes, axis=0)
        errors[part] = np.square(probabilities - indicators[classes.labels[part]]).sum(axis=1)
        correct[part] = probabilities.argmax(axis=1) == classes.labels[part]
    weights = source.sample_weight
    return float(weights @ errors / weights.sum()), float(weights @ correct / weights.sum())
