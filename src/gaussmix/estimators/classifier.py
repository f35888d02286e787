"""Classes, by a Gaussian mixture for each."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from gaussmix._threads import one_thread
from gaussmix._types import AnyArray, ArrayLike, Floats, Seed
from gaussmix.covariances import Full
from gaussmix.estimators.base import check_sizes
from gaussmix.estimators.choice import AUTO, Choice, ChoosingEstimator, warn
from gaussmix.estimators.classes import Classes, ClassMixtures, apart
from gaussmix.estimators.crossfit import CrossFit
from gaussmix.estimators.pooled import fit_pooled, labelled
from gaussmix.estimators.rows import read_labels, read_rows, read_weights
from gaussmix.mixture import Mixture
from gaussmix.selection import CROSS_VALIDATION
from gaussmix.structures import named
from gaussmix.values import real

__all__ = ["GaussianMixtureClassifier"]

_SUM_TOLERANCE = 1e-6
_FOR_ALL, _CRITERION = "tied", "bic"  # the structure that goes across classes where rows are few, and what goes with it


class GaussianMixtureClassifier(ClassifierMixin, ChoosingEstimator):
    r"""A classifier that knows what each class looks like: a Gaussian mixture for each, and Bayes' rule.

    .. math:: P(c \mid x) = \frac{\pi_c \, p(x \mid c)}{\sum_{c'} \pi_{c'} \, p(x \mid c')}

    All classes together are one mixture of all components, which weigh the prior of the class times their weight
    within it; the probability of a class is the sum of its components' responsibilities.

    By default each class is fitted by itself, with a structure and a number of components of its own choice. With
    `across_classes` one structure goes across all components, so that classes may share what they have in common.
    Three special cases have names: :meth:`lda`, :meth:`qda` and :meth:`naive_bayes`.

    Parameters
    ----------
    n_components : int or sequence of int, default 1 to 9
        Number of components of each class, or numbers to choose from. A class whose rows are too few gets fewer.
    covariance_type : str or sequence of str, default "auto"
        Shapes of the covariances, as for :class:`GaussianMixture`, or several to choose from; ``"all"`` for all.
        ``"auto"`` is ``"full"`` where each class has at least 25 rows per feature and component. Where one has fewer,
        it is the one of ``"full"``, ``"diag"`` and ``"spherical"`` for each class and ``"tied"`` across all classes
        whose probabilities are best for rows that a fit has not seen.
    across_classes : bool, default False
        Whether the structure is one of all components of all classes: ``"tied"`` then is one covariance for all, where
        otherwise each class has one. Structure and number of components are chosen once, by the likelihood of rows
        and classes. With one component it is the discriminant analysis of Bensmail & Celeux (1996), and with more that
        of Hastie & Tibshirani (1996).
    priors : (C,) array_like, optional
        Probabilities of the classes, in the order of `classes_`; by default their shares of the training rows.
    criterion : str, default "bic"
        What to choose by, where there is a choice: see :class:`GaussianMixtureSearch`. ``"cv"`` is for classes that are
        fitted by themselves.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`. ``"auto"`` follows the rows
        of the class, or across classes all rows.
    weights_are : {"counts", "relative"}, default "counts"
        What `sample_weight` says: with ``"counts"``, how many rows each row stands for; with ``"relative"``, only how
        rows compare, as survey weights and probabilities do. Relative weights are scaled to sum to the effective number
        of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules about few rows use.
    random_state : int, RandomState or None
        Seed of the fits and of :meth:`sample`.
    n_jobs : int, optional
        Threads to work with, in scikit-learn's way: -1 for all cores. By default what ``joblib.parallel_config`` says;
        else all cores, or one in a worker of joblib. No bit of any answer depends on it.

    Attributes
    ----------
    mixture_ : Mixture
        All components, class by class. ``mixture_.logpdf`` is the log-density of rows, whatever their class.
    component_classes_ : (K,) ndarray
        The class of each component.
    classes_ : (C,) ndarray
        The classes, in order.
    priors_ : (C,) ndarray
        Their probabilities.
    best_params_ : list of dict
        For each class ``n_components`` and ``covariance_type``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features, where the rows came with names.

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

    _plenty = 25.0  # at 10 a class's own covariance has 0.03 less accuracy than a common one, and 0.01 less at 20
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ChoosingEstimator._parameter_constraints,  # noqa: SLF001 - scikit-learn's way to inherit them
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
        random_state: int | np.random.RandomState | None = None,
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
        """Linear discriminant analysis: one Gaussian for each class, and one covariance for all.

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
        """Quadratic discriminant analysis: one Gaussian for each class, with a covariance of its own.

        Parameters
        ----------
        **params
            Other parameters of the class.
        """
        return cls(1, covariance_type="full", **params)

    @classmethod
    def naive_bayes(cls, **params: Any) -> Self:  # noqa: ANN401 - of the class
        """Gaussian naive Bayes: one Gaussian for each class, in which features are independent.

        Parameters
        ----------
        **params
            Other parameters of the class.
        """
        return cls(1, covariance_type="diag", **params)

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit the classes' mixtures.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.
        y : (n,) array_like
            Their classes: numbers or strings.
        sample_weight : (n,) array_like, optional
            How many rows each row stands for: weight 2 is the row twice, weight 0 is no row. Weights that only compare
            rows need ``weights_are="relative"``. A class without weight is left out.

        Returns
        -------
        self : GaussianMixtureClassifier

        Raises
        ------
        ValueError
            If a parameter, the rows or the classes cannot be used.

        Warns
        -----
        ConvergenceWarning
            If a class has too few rows for what was asked for, or for a covariance of its own, or the fit of a class
            ended otherwise than converged.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.
        """
        self._validate_params()
        rows = read_rows(self, X, reset=True)
        labels = read_labels(self, rows, y)
        check_classification_targets(labels)
        kept, weights = read_weights(rows, sample_weight, self.weights_are)
        self.classes_, coded = np.unique(labels[kept], return_inverse=True)
        source = self._source(rows[kept], weights)
        check_sizes(source)
        classes = Classes(source, coded, self.classes_)
        self.priors_ = self._checked_priors(classes.shares)
        self._rng = self._generator()
        with one_thread():
            fitted = self._fitted(classes)
        mixture, self.best_params_ = fitted.mixture, fitted.params
        weights_ = mixture.weights * np.repeat(self.priors_ / classes.shares, fitted.sizes)
        self.mixture_ = Mixture(weights_, mixture.means, mixture.covariances, feature_names=self._names())
        self.component_classes_ = np.repeat(self.classes_, fitted.sizes)
        warn(fitted.notes)
        return self

    def predict(self, X: ArrayLike) -> AnyArray:  # noqa: N803
        """The most probable class of each row, ``(n, D) -> (n,)``."""
        most_probable = self.predict_proba(X).argmax(axis=1)
        return cast("AnyArray", self.classes_[most_probable])

    def predict_proba(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Probability of each class for each row, ``(n, D) -> (n, C)``, in the order of `classes_`."""
        rows = self._rows(X)
        of_class = (self.component_classes_[:, None] == self.classes_).astype(np.float64)
        return np.asarray(self.mixture_.responsibilities(rows) @ of_class)

    def predict_log_proba(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Logarithm of :meth:`predict_proba`; minus infinity where that is below the smallest float."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def score_samples(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Log-density at each row, whatever its class, in nats, ``(n, D) -> (n,)``: low where a row is of none."""
        rows = self._rows(X)
        return self.mixture_.logpdf(rows)

    def sample(self, n_samples: int = 1, random_state: Seed = None) -> tuple[Floats, AnyArray]:
        """Draw new rows with their classes.

        Parameters
        ----------
        n_samples : int, default 1
            How many.
        random_state : int, Generator or None
            Seed of this draw. By default the estimator's own, which goes on from draw to draw.

        Returns
        -------
        X : (n_samples, D) ndarray
        y : (n_samples,) ndarray
            Their classes.
        """
        check_is_fitted(self, "mixture_")
        rng = self._rng if random_state is None else random_state
        rows, components = self.mixture_.sample(n_samples, random_state=rng, return_components=True)
        return rows, self.component_classes_[components]

    def _fitted(self, classes: Classes) -> ClassMixtures:
        """The mixtures that the rows can carry."""
        if self.across_classes and self.criterion == CROSS_VALIDATION:
            msg = (
                "criterion='cv' is for classes that are fitted by themselves; with across_classes=True take 'bic', or "
                "choose by how well classes are told apart, with scikit-learn's GridSearchCV."
            )
            raise ValueError(msg)
        choice = self._choice(classes.source.n_features)

        def fit(one: Choice) -> ClassMixtures:
            if self.across_classes:
                return fit_pooled(classes, one, self.criterion, self._rng)
            if choice.automatic and one.structures == (_FOR_ALL,):
                return fit_pooled(classes, one, _CRITERION, self._rng)
            return apart(classes, one, self.criterion, self._rng)

        def enough(fitted: ClassMixtures) -> bool:
            return all(map(self._carries, classes.parts, fitted.sizes))

        def loss(fitted: ClassMixtures) -> tuple[bool, float]:
            return fitted.uncarried, _held_out(classes, choice, fitted)[0]

        fitted = choice.carried(fit, enough, loss)
        smallest = min(float(part.sample_weight.sum()) for part in classes.parts)
        fewest = Full.fewest_rows(classes.source.n_features)
        if not choice.automatic or smallest >= fewest or fitted.notes:
            return fitted
        note = (
            f"A class has {smallest:g} rows, and a covariance of {classes.source.n_features} features needs {fewest}: "
            f"covariance_type='auto' took {fitted.params[0]['covariance_type']!r}, which gives the right class to "
            f"{_held_out(classes, choice, fitted)[1]:.1%} of the rows when it has not seen them."
        )
        return fitted._replace(notes=(note,))

    def _checked_priors(self, shares: Floats) -> Floats:
        """The priors that were given, or the shares of the classes."""
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


def _held_out(classes: Classes, choice: Choice, fitted: ClassMixtures) -> tuple[float, float]:
    """Loss and accuracy for rows that a fit has not seen.

    The loss is the mean squared error of the classes' probabilities (Brier 1950). It is bounded: a wrong answer that is
    too sure of itself, as those from few rows are, counts little more than any.
    """
    structure = named(fitted.params[0]["covariance_type"])
    source, m_step = labelled(classes, fitted.sizes), choice.model(classes.source, structure)
    own = np.eye(len(classes.names))
    errors, right = np.zeros(source.n_rows), np.ones(source.n_rows)
    for part, _, mixture in CrossFit(source, fitted.mixture, m_step, classes.labels).refits:
        told = mixture.responsibilities(source.rows[part]) @ np.repeat(own, fitted.sizes, axis=0)
        errors[part] = np.square(told - own[classes.labels[part]]).sum(axis=1)
        right[part] = told.argmax(axis=1) == classes.labels[part]
    weights = source.sample_weight
    return float(weights @ errors / weights.sum()), float(weights @ right / weights.sum())
