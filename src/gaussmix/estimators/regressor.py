"""Numbers, from a Gaussian mixture of features and targets."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
from scipy.stats import binom
from sklearn.base import RegressorMixin
from sklearn.utils import Tags
from sklearn.utils._param_validation import StrOptions

from gaussmix._threads import one_thread
from gaussmix._types import ArrayLike, Floats
from gaussmix.density.conditioning import ConditionalMixtures
from gaussmix.estimators.base import distinct
from gaussmix.estimators.choice import AUTO, Choice, ChoosingEstimator, Chosen, warn
from gaussmix.estimators.crossfit import CrossFit
from gaussmix.estimators.predictive import Predictive
from gaussmix.estimators.rows import read_rows, read_targets, read_weights
from gaussmix.fitting.report import count_equal_rows
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.selection import CRITERIA, Candidate
from gaussmix.sources import ArraySource

__all__ = ["GaussianMixtureRegressor"]

_AMPLE = 20.0  # rows per component and feature, from which on intervals are not checked by cross-fitting
_INTERVAL = (0.05, 0.95)  # the quantiles that are checked
_CHANCE = 0.01  # probability of a warning where intervals are right
_WIDEST, _STEPS = 40.0, 14  # natural logarithm of the largest factor of a variance, and how often its range is halved
_OF_TARGETS = tuple(name for name in CRITERIA if name != "icl")  # which is about clusters


class GaussianMixtureRegressor(RegressorMixin, ChoosingEstimator):
    r"""A regression that answers with a distribution: a Gaussian mixture of features and targets, given the features.

    .. math::

        p(y \mid x) = \sum_k r_k(x) \, \mathcal{N}\bigl(y;\, \mu_k^y + B_k (x - \mu_k^x),\, S_k\bigr)

    Each component is a linear regression, and which of them counts changes smoothly with the features: the
    responsibility :math:`r_k(x)`. With one component it is linear least squares. Predictions are the conditional means;
    there are standard deviations, quantiles, and the whole distribution, which may have several peaks. Neither features
    nor targets need scaling.

    Parameters
    ----------
    n_components : int or sequence of int, default 1 to 9
        Number of components, or numbers to choose from.
    covariance_type : str or sequence of str, default "auto"
        Shapes of the covariances of features and targets together, as for :class:`GaussianMixture`, or several to
        choose from; ``"all"`` for all. In those that are bound to the coordinates, such as ``"diag"``, components are
        constant in y. ``"auto"`` is ``"full"`` where there are at least 8 rows per column and component. Where there
        are fewer, it is the one of ``"full"``, ``"tied"`` and ``"diag"`` with the highest cross-fitted log-likelihood
        of the targets.
    criterion : {"aicc", "aic", "bic", "sabic", "caic"}, default "aicc"
        What to choose by, where there is a choice: of the likelihood of the targets given the features, with all
        parameters counted. The likelihood of the features themselves is left out, as a mixture that describes them
        better need not predict better.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`.
    weights_are : {"counts", "relative"}, default "counts"
        What `sample_weight` says: with ``"counts"``, how many rows each row stands for; with ``"relative"``, only how
        rows compare, as survey weights and probabilities do. Relative weights are scaled to sum to the effective number
        of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules about few rows use.
    random_state : int, RandomState or None
        Seed of the fit.
    n_jobs : int, optional
        Threads to work with, in scikit-learn's way: -1 for all cores. By default what ``joblib.parallel_config`` says;
        else all cores, or one in a worker of joblib. No bit of any answer depends on it.

    Attributes
    ----------
    mixture_ : Mixture
        The distribution of the D features and, after them, the R targets. Conditional variances are those of the
        predictive distribution: larger than the likeliest ones by what is not known of the parameters, which matters
        where rows are few.
    best_params_ : dict
        ``n_components`` and ``covariance_type`` of it.
    n_features_in_ : int
        Number of features, D.
    feature_names_in_ : (D,) ndarray of str
        Names of the features, where the rows came with names. Then `mixture_` has names too, the targets' last, if
        all of them differ.

    See Also
    --------
    Mixture.condition : the same from any mixture, with any of its features known.

    Notes
    -----
    With one component and n rows, conditional variances are the unbiased ones of least squares, times
    (n - D - 1) / (n - D - 3) for the t-distribution and (1 + 1/n) (n - 2) / (n - D - 2) for the coefficients. With more
    components each has its own rows :math:`n_k` in place of n. Of new rows of normal features 90 to 93 % are within the
    intervals for 90 % then, for any n from D + 4 on. Below 20 rows per column and component they are checked on rows
    that a fit has not seen, in ten parts, and made wider where they hold significantly too few.

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

    _simpler = ("full", "tied", "diag")  # one variance for features and targets together says nothing of the targets
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ChoosingEstimator._parameter_constraints,  # noqa: SLF001 - scikit-learn's way to inherit them
        "criterion": [StrOptions(set(_OF_TARGETS))],
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
        random_state: int | np.random.RandomState | None = None,
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
        """Fit the mixture of features and targets.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.
        y : (n,) or (n, R) array_like
            One target, or several. Predictions are of the same shape.
        sample_weight : (n,) array_like, optional
            How many rows each row stands for: weight 2 is the row twice, weight 0 is no row. Weights that only compare
            rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixtureRegressor

        Raises
        ------
        ValueError
            If a parameter, the rows or the targets cannot be used.

        Warns
        -----
        ConvergenceWarning
            If the fit ended otherwise than converged; if intervals for 90 % held significantly fewer targets of rows
            that a fit has not seen; if rows are too few to tell how targets go with the features.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.
        """
        self._validate_params()
        rows = read_rows(self, X, reset=True, at_least=2)
        targets = read_targets(self, rows, y)
        kept, weights = read_weights(rows, sample_weight, self.weights_are)
        self._one_target = targets.ndim == 1
        joint = self._source(np.column_stack([rows.astype(np.float64, copy=False), targets])[kept], weights)
        with one_thread():
            trial = self._chosen(joint)
        wider, doubts = trial.widening()
        found, self.best_params_ = trial.predicting(trial.chosen.mixture, joint, wider), trial.chosen.params
        names = self._names_with(y, joint.n_features - rows.shape[1])
        self.mixture_ = Mixture(found.weights, found.means, found.covariances, feature_names=names)
        warn([*trial.chosen.notes, *doubts])
        return self

    def condition(self, X: ArrayLike) -> ConditionalMixtures:  # noqa: N803
        """The distributions of the targets, one for each row: means, covariances, densities, quantiles, samples.

        Parameters
        ----------
        X : (n, D) array_like
            Rows.

        Returns
        -------
        ConditionalMixtures
            With one element for each row; ``condition(X)[i]`` is a :class:`Mixture` of the R targets.
        """
        given = self._given(X)
        targets: ConditionalMixtures = self.mixture_.condition(given)
        return targets

    @overload
    def predict(self, X: ArrayLike, return_std: Literal[False] = ...) -> Floats: ...  # noqa: N803
    @overload
    def predict(self, X: ArrayLike, return_std: Literal[True]) -> tuple[Floats, Floats]: ...  # noqa: N803
    def predict(self, X: ArrayLike, return_std: bool = False) -> Floats | tuple[Floats, Floats]:  # noqa: FBT001, FBT002, N803 - as in scikit-learn
        """Conditional means of the targets.

        Parameters
        ----------
        X : (n, D) array_like
            Rows.
        return_std : bool, default False
            Whether to return their conditional standard deviations as well.

        Returns
        -------
        mean : (n,) or (n, R) ndarray
            In the units of the targets, and of the shape that they were fitted in.
        std : ndarray of the same shape
            Only if `return_std`.
        """
        targets = self.condition(X)
        mean = self._shaped(targets.mean)
        if not return_std:
            return mean
        return mean, self._shaped(np.sqrt(np.einsum("nrr->nr", targets.covariance)))

    def predict_quantiles(self, X: ArrayLike, quantiles: ArrayLike = (0.05, 0.5, 0.95)) -> Floats:  # noqa: N803
        """Conditional quantiles of each target.

        Parameters
        ----------
        X : (n, D) array_like
            Rows.
        quantiles : float or (Q,) array_like, default (0.05, 0.5, 0.95)
            Probabilities of at most the answer: by default, the ends of the interval that holds 90 %, and the median.

        Returns
        -------
        (n, Q) or (n, R, Q) ndarray
            In the units of the targets; without the last axis for a single quantile.
        """
        given = self._given(X)
        alone = [self.mixture_.marginal([*given, r]) for r in range(len(given), self.mixture_.n_features)]
        return self._shaped(np.stack([one.condition(given).ppf(quantiles) for one in alone], axis=1))

    def _given(self, X: ArrayLike) -> dict[int, Floats]:  # noqa: N803
        """The known features of the mixture, by index."""
        return dict(enumerate(self._rows(X).astype(np.float64, copy=False).T))

    def _chosen(self, joint: ArraySource) -> "_Trial":
        """The model that the rows can carry."""
        choice, rng = self._choice(joint.n_features), self._generator()

        def fit(one: Choice) -> _Trial:
            chosen = self._fitted(one, joint, rng)
            fits = CrossFit(joint, chosen.mixture, chosen.m_step)
            return _Trial(chosen, fits, self.n_features_in_)

        def enough(trial: _Trial) -> bool:
            return self._carries(joint, trial.chosen.mixture.n_components)

        trial = choice.carried(fit, enough, lambda one: -one.held_out)
        if not choice.automatic or trial.slopes or count_equal_rows(joint):
            return trial
        note = (
            f"{joint.n_rows} rows of {joint.n_features} columns are too few to tell how the target goes with the "
            f"features: covariance_type='auto' took {trial.chosen.structure.public_name!r}, in which it does not. "
            f"Predictions are {'one number' if trial.chosen.mixture.n_components == 1 else 'one number per component'}."
            " Take more rows, or fewer features."
        )
        return replace(trial, chosen=trial.chosen._replace(notes=(*trial.chosen.notes, note)))

    def _fitted(self, choice: Choice, joint: ArraySource, rng: np.random.Generator) -> Chosen:
        """The mixture whose conditional distribution has the lowest criterion, or the only one."""
        if choice.single:
            return choice.only(joint.rows, joint.weights, rng)
        results = choice.searched(joint.rows, joint.weights, rng, stop_early=False)
        features = self._source(joint.rows[:, : self.n_features_in_], joint.weights)
        fitted = [one for one in results.candidates if one.fit]
        best = min(fitted, key=lambda one: (bool(one.collapsed), self._value(one, features), one.n_parameters))
        return choice.told(results, best, joint)

    def _value(self, one: Candidate, features: ArraySource) -> float:
        """The criterion of the targets given the features."""
        marginal = one.mixture.marginal(range(features.n_features))
        of_targets = one.log_likelihood - features.reduce(marginal, SCALAR).log_likelihood
        return CRITERIA[self.criterion](replace(one.statistics, log_likelihood=of_targets), one.n_parameters)

    def _shaped(self, values: Floats) -> Floats:
        """Values ``(n, R, ...)`` of all targets, without the second axis where there was one in one dimension."""
        return values[:, 0] if self._one_target else values

    def _names_with(self, y: object, n_targets: int) -> tuple[str, ...] | None:
        """Names of features and targets, where the features have some."""
        features = self._names()
        if features is None:
            return None
        targets = getattr(y, "columns", [getattr(y, "name", None)])
        if len(targets) != n_targets or any(name is None or name == "" for name in targets):
            targets = ["y"] if n_targets == 1 else [f"y{r}" for r in range(n_targets)]
        return distinct(np.array([*features, *map(str, targets)]))


@dataclass(frozen=True, eq=False)
class _Trial:
    """A model of features and targets, and its fits without parts of the rows.

    Attributes
    ----------
    chosen : Chosen
        The mixture of features and targets, as it was fitted.
    fits : CrossFit
        Without parts of the rows.
    n_given : int
        Number of features; the other columns are targets.
    """

    chosen: Chosen
    fits: CrossFit
    n_given: int

    def predicting(self, mixture: Mixture, source: ArraySource, wider: float = 1.0) -> Mixture:
        """The mixture with conditional variances that say what is not known of its parameters.

        Parameters
        ----------
        mixture : Mixture
            A fit.
        source : ArraySource
            The rows that it was fitted to.
        wider : float
            What the variances are multiplied by beside that.
        """
        factors = Predictive.of(mixture, source, self.chosen.structure).factors(self.n_given)
        covariances = mixture.covariances.with_inflated_residuals(self.n_given, wider * factors, mixture.n_features)
        return Mixture(mixture.weights, mixture.means, covariances)

    @property
    def slopes(self) -> bool:
        """Targets depend on the features within a component."""
        mixture = self.chosen.mixture
        return bool(mixture.covariances.conditional([0], [self.n_given], mixture.n_components)[0].any())

    @property
    def held_out(self) -> float:
        """Log-likelihood of all targets given their features, each by a fit that has not seen it, in nats."""
        total = 0.0
        for refit in self.fits.refits:
            mixture, rows = self.predicting(refit.mixture, refit.rest), self.fits.source.subset(refit.part)
            features = replace(rows, rows=rows.rows[:, : self.n_given])
            marginal = mixture.marginal(range(self.n_given))
            total += rows.reduce(mixture, SCALAR).log_likelihood - features.reduce(marginal, SCALAR).log_likelihood
        return total

    def widening(self) -> tuple[float, list[str]]:
        """How many times wider variances must be for rows that a fit has not seen, and a note where they must."""
        source, n_components = self.fits.source, self.chosen.mixture.n_components
        weight = float(source.sample_weight.sum())
        if weight >= _AMPLE * source.n_features * n_components or count_equal_rows(source):
            return 1.0, []
        wanted, covered = _INTERVAL[1] - _INTERVAL[0], self._covered(1.0)
        if binom.cdf(np.floor(covered * weight), max(round(weight), 1), wanted) > _CHANCE:
            return 1.0, []
        low, high = 0.0, _WIDEST
        for _ in range(_STEPS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self._covered(np.exp(middle)) >= wanted else (middle, high)
        wider = float(np.exp(high))
        params = self.chosen.params
        note = (
            f"Intervals for {wanted:.0%} held {covered:.1%} of {weight:.6g} rows when the fit had not seen them: "
            f"{params['n_components']} components with covariance_type={params['covariance_type']!r} are too many "
            f"parameters for the rows, or have another shape. Conditional variances were multiplied by {wider:.3g}, "
            f"with which intervals hold {self._covered(wider):.1%}. Try more rows, fewer features or components."
        )
        return wider, [note]

    def _covered(self, wider: float) -> float:
        """Share of the targets within their intervals, by fits that have not seen them."""
        held = 0.0
        for refit in self.fits.refits:
            mixture = self.predicting(refit.mixture, refit.rest, wider)
            rows = self.fits.source.rows[refit.part]
            given = dict(enumerate(rows[:, : self.n_given].T))
            for r in range(self.n_given, mixture.n_features):
                below = mixture.marginal([*given, r]).condition(given).cdf(rows[:, r])
                within = (below >= _INTERVAL[0]) & (below <= _INTERVAL[1])
                held += float(self.fits.source.sample_weight[refit.part] @ within)
        targets = self.fits.source.n_features - self.n_given
        return held / (targets * float(self.fits.source.sample_weight.sum()))
