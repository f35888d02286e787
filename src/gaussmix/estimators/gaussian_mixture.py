"""The estimator of a Gaussian mixture, a drop-in for scikit-learn's ``GaussianMixture``."""

from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from reprlib import repr as shorten
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from gaussmix._threads import one_thread
from gaussmix._types import ArrayLike
from gaussmix.em.m_step import MStep
from gaussmix.estimators.callbacks import CallbackSupport, Task, begin_fit
from gaussmix.estimators.progress import Progress
from gaussmix.estimators.reporting import ReportingEstimator
from gaussmix.estimators.span import Span
from gaussmix.estimators.user_start import EXPLORE, PositiveRows, StartParameters, refuse_random
from gaussmix.estimators.validation import SEED, WEIGHTS_ARE, WholeNumber, make_generator, refuse_missing
from gaussmix.fitting import Problem, Stopping, fit_shrinkage
from gaussmix.fitting.fit import fit_from, fit_starts
from gaussmix.fitting.order import is_exchangeable
from gaussmix.fitting.report import FitReport
from gaussmix.fitting.schedule import SCHEDULES
from gaussmix.fitting.starts import kmeans_start
from gaussmix.fitting.truncated_em import fit_truncated, two_level_start
from gaussmix.initialization import NAMED_STARTS, add_prior, moments_of
from gaussmix.mixture import Mixture
from gaussmix.priors import NAMES as PRIORS
from gaussmix.priors import NormalInverseWishart
from gaussmix.sources import Source
from gaussmix.structures import NAMES, named

__all__ = ["GaussianMixture"]

_AUTO, _EM = "auto", "em"


class GaussianMixture(CallbackSupport, ReportingEstimator):
    r"""A Gaussian mixture, fitted by expectation–maximization (EM).

    The class is a drop-in for :class:`sklearn.mixture.GaussianMixture`, with sample weights. The defaults of
    `init_params`, `tol` and `reg_covar` differ on purpose, and `tol` has another meaning.

    The components are ordered by decreasing weight, and components of equal weight by their means, so that the order
    does not depend on the seed. From a start that the user gives, and with `warm_start`, the components keep the order
    of the start.

    Parameters
    ----------
    n_components : int, default 1
        Number of components, K.
    covariance_type : str, default "full"
        Structure of the covariances: ``"full"``, a separate matrix for each component; ``"tied"``, one matrix for all
        components; ``"diag"``, a separate diagonal matrix; ``"spherical"``, a separate variance. Or one of the fourteen
        models of Celeux & Govaert (1995): ``"EII"``, ``"VII"``, ``"EEI"``, ``"VEI"``, ``"EVI"``, ``"VVI"``, ``"EEE"``,
        ``"VEE"``, ``"EVE"``, ``"VVE"``, ``"EEV"``, ``"VEV"``, ``"EVV"``, ``"VVV"``; for one feature also ``"E"`` and
        ``"V"``. The letters stand for volume, shape and axes: equal for all components (E), variable (V), or identity
        (I, which means equal variances for the shape and the coordinate axes for the axes).
        :class:`GaussianMixtureSearch` selects among the models.
    weights : {"free", "equal"}, default "free"
        ``"free"`` estimates the mixing proportions; ``"equal"`` fixes them at 1 / K.
    tol : float, default 1e-4
        Distance of the log-likelihood to its limit, in nats per row, at which EM stops. It is estimated from the last
        steps, and on tables of up to 20 000 rows from the curvature, which tells a limit from a saddle point. In
        scikit-learn EM stops when one step gains less than `tol` (1e-3 by default), which can be far from the limit.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, in squared units of the features, so that a component
        cannot collapse. ``"auto"`` adds 1e-6 of the variance of each feature, or of its estimate from the quartiles if
        that is smaller (see :func:`gaussmix.initialization.relative_ridge`), so that a fit does not depend on units.
        A number is added for every feature, as in scikit-learn, where the default is 1e-6; 0 gives maximum likelihood.
    prior : {"auto", "weak", "mclust"}, NormalInverseWishart or None, default "auto"
        A prior on means and covariances; the fit then maximizes the posterior density. ``"auto"`` is no prior with many
        rows. With less than 12 rows per component and feature, and ``covariance_type="full"``, it is a prior that
        shrinks covariances towards the common covariance, strongly if the covariances are similar, and weakly if they
        clearly differ (`shrinkage_`): with so few rows, maximum likelihood misses groups that k-means finds. ``"weak"``
        is worth one row for each covariance; ``"mclust"`` has the defaults of Fraley & Raftery (2007). A
        :class:`~gaussmix.priors.NormalInverseWishart` is used as given. None is maximum likelihood. Priors are not
        defined for ``"VEE"``, ``"EVE"``, ``"VVE"`` and ``"EVV"``.
    eigenvalue_ratio : float, optional
        Upper bound on the ratio of the largest to the smallest eigenvalue of all covariances, at least 1, as in TCLUST
        (García-Escudero et al. 2008). It depends on the units of the features. Available for ``"full"``, ``"tied"``,
        ``"diag"``, ``"spherical"``, ``"EEI"`` and ``"EII"``.
    max_iter : int, default 100
        Largest number of EM steps of each run. With 0, the result is the start; with the default `init_params`, the
        best partition.
    accelerate : bool, default True
        Whether Anderson acceleration replaces small EM steps, which takes half of the passes over the rows or fewer. An
        accelerated run also leaves saddle points. It may end in another optimum than plain EM, higher or lower.
    algorithm : {"em", "truncated"}, default "em"
        ``"em"`` evaluates each row under all components. ``"truncated"`` is for thousands of components, and saves no
        time with less than a few hundred: a row is evaluated only under its most probable component and the components
        near this component, about seventy in total. EM then maximizes a lower bound of the log-likelihood, which
        `history_` contains, and an exact pass at the end computes the log-likelihood itself. The default start is
        two-level k-means, without an exploration of several starts. See the page on large mixtures.
    n_init : int, default 1
        Number of starts, or of explorations. The result is the fit with the highest log-posterior among the fits with
        the fewest regularized components.
    effort : {"quick", "default", "thorough"}, default "default"
        Work of the exploration. ``"quick"`` compares a quarter of the starts in less than half of the time;
        ``"thorough"`` compares ten times as many.
    init_params : str, array_like, Mixture or callable, default "explore"
        The start. ``"explore"`` searches for a good optimum: short runs from many starts of several families compete,
        and components are merged and split (see :class:`~gaussmix.fitting.Exploration`). The other values give a single
        start, as in scikit-learn: ``"kmeans"``, the default of scikit-learn; ``"k-means++"``, only the seeds of
        k-means; ``"random_from_data"``, random rows as means; ``"random"``, random responsibilities; labels ``(n,)``;
        responsibilities ``(n, K)``; a :class:`Mixture`; or a callable ``f(source, n_components, rng)`` that returns any
        of these values, where ``source.rows`` are the rows, with guesses in place of missing values.
    weights_init : (K,) array_like, optional
        Weights that replace the weights of the start.
    means_init : (K, D) array_like, optional
        Means that replace the means of the start.
    precisions_init : array_like, optional
        Inverse covariances that replace the covariances of the start, in the shape of `covariances_`. If weights,
        means and precisions are all given, `init_params` is not used.
    weights_are : {"counts", "relative"}, default "counts"
        The meaning of `sample_weight`. With ``"counts"``, a weight is the number of rows that a row stands for. With
        ``"relative"``, weights only compare rows, as survey weights and probabilities do: they are scaled to sum to the
        effective number of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules
        about few rows use.
    random_state : int, RandomState, Generator or None
        Seed of the starts and of :meth:`sample`.
    warm_start : bool, default False
        If True, a fit starts from the result of the previous fit, if that had the same numbers of components and
        features.
    verbose : int, default 0
        1 prints a line for each start, with its log-likelihood, passes over the rows and seconds, and a line for every
        `verbose_interval`-th step; 2 prints the log-likelihood, the gain and the seconds of these steps too.
    verbose_interval : int, default 10
        Number of steps between two printed lines.
    engine : {"auto", "reference", "fused"}, default "auto"
        The implementation of a pass over the rows: NumPy (``"reference"``), or compiled code in threads (``"fused"``).
        ``"auto"`` uses compiled code if the data are large enough to save time. The results agree up to rounding.
    n_jobs : int, optional
        Number of threads, in scikit-learn's convention: -1 for all cores. The default is the setting of
        ``joblib.parallel_config``; without a setting, all cores, or one thread in a worker of joblib. The result does
        not depend on the number of threads, to the last bit.

    Attributes
    ----------
    mixture_ : Mixture
        The fitted distribution. The next five attributes are views of its parameters.
    weights_ : (K,) ndarray
        Mixing proportions.
    means_ : (K, D) ndarray
        Component means.
    covariances_, precisions_, precisions_cholesky_ : ndarray
        Covariances, their inverses, and the upper triangular factors ``U`` of the inverses, ``Σ⁻¹ = U Uᵀ``. Shapes are
        ``(K, D, D)`` for ``"full"``, ``(D, D)`` for ``"tied"``, ``(K, D)`` for ``"diag"``, ``(K,)`` for
        ``"spherical"``. ``"EII"`` has the shape of ``"spherical"``, the other models whose names end in I have the
        shape of ``"diag"``, and all others the shape of ``"full"``.
    converged_ : bool
        True if the stopping rule was met within `max_iter` steps.
    status_ : Status
        The end of the fit: converged, stopped at `max_iter`, interrupted, or with empty, degenerate or regularized
        components.
    message_ : str
        An explanation of `status_` in sentences, with numbers and a remedy.
    n_iter_ : int
        Number of EM steps of the run that gave the result.
    n_passes_ : float
        Number of passes over the rows in all runs together. A pass over a part of the rows counts as that fraction.
    lower_bound_ : float
        Log-likelihood per row of the fitted mixture, equal to ``score(X)`` of the training rows. The log-density of a
        prior is added, also of a prior that regularizes degenerate components: see `log_posterior_`.
    lower_bounds_ : list of float
        The value of `lower_bound_` after each step of the best run; with ``algorithm="truncated"``, lower bounds of it.
    history_ : tuple of float
        The values of `lower_bounds_`, preceded by the value at the start. They never fall if `reg_covar` is 0.
    skipped_ : tuple of float
        For each value of `history_`, the share of the pairs of a row and a component that were skipped, because their
        responsibility was proven to be below 1e-16. The share is above 0 with full covariances and separated
        components; NaN for values of an earlier fit.
    log_likelihood_ : float
        Log-likelihood per row.
    log_posterior_ : float
        Sum of log-likelihood and log-density of the prior, per row, up to a constant that depends only on the prior and
        the number of components. It equals `log_likelihood_` without a prior and without regularized components.
    objective_ : float
        The score by which fits are compared: `log_posterior_`, less penalties for components with very few rows,
        without spread, or narrower than the rounding of the columns. No run of the exploration ended with a higher
        score, and no plain k-means start does.
    shrinkage_ : Shrinkage or None
        The prior of ``prior="auto"``, with the number of rows that it is worth; None if no prior was needed.
    optima_ : tuple of float
        Final or predicted log-posteriors per row of the runs from different starts, the best first.
    n_optima_ : int
        Number of values in `optima_` that differ by more than 0.001. With several optima, another seed may give another
        result.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features; only if the rows have column names.

    See Also
    --------
    Mixture : the distribution, also from known parameters.

    Notes
    -----
    With scikit-learn 1.9 or later, ``set_callbacks`` sets scikit-learn's callbacks, such as
    :class:`sklearn.callback.ProgressBar`. The tasks are the starts (``n_init``), and in each start the EM steps of long
    runs. A callback that returns True at the end of a task stops the fit as Ctrl-C does: the best fit so far is kept.

    References
    ----------
    Dempster, Laird & Rubin (1977), Journal of the Royal Statistical Society B 39.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import GaussianMixture
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.normal([1, 2], 1, size=(100, 2)), rng.normal([10, 2], 2, size=(200, 2))])
    >>> model = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> np.sort(model.means_, axis=0).round()
    array([[ 1.,  2.],
           [10.,  2.]])
    >>> model.predict([[0, 0]]) == model.predict([[1, 3]])
    array([ True])
    >>> model.status_
    <Status.CONVERGED: 'Converged: the estimated distance to the limit of the log-likelihood is below tol.'>
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [WholeNumber(1)],
        "covariance_type": [StrOptions(NAMES.keys())],
        "weights": [StrOptions({"free", "equal"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [WholeNumber(0)],
        "accelerate": ["boolean"],
        "algorithm": [StrOptions({_EM, "truncated"})],
        "n_init": [WholeNumber(1)],
        "effort": [StrOptions(set(SCHEDULES))],
        "prior": [StrOptions({*PRIORS, _AUTO}), NormalInverseWishart, None],
        "eigenvalue_ratio": [Interval(Real, 1.0, None, closed="left"), None],
        "init_params": [StrOptions({*NAMED_STARTS, EXPLORE}), "array-like", Mixture, callable],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "weights_are": WEIGHTS_ARE,
        "random_state": SEED,
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [WholeNumber(1)],
        "engine": [str],
        "n_jobs": [Integral, None],
    }

    def __init__(  # noqa: PLR0913 - scikit-learn's parameters
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        weights: Literal["free", "equal"] = "free",
        tol: float = 1e-4,
        reg_covar: float | Literal["auto"] = "auto",
        prior: Literal["auto", "weak", "mclust"] | NormalInverseWishart | None = "auto",
        eigenvalue_ratio: float | None = None,
        max_iter: int = 100,
        accelerate: bool = True,
        algorithm: Literal["em", "truncated"] = "em",
        n_init: int = 1,
        effort: Literal["quick", "default", "thorough"] = "default",
        init_params: Any = EXPLORE,  # noqa: ANN401 - a name, an array, a Mixture or a callable
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        weights_are: Literal["counts", "relative"] = "counts",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        engine: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.weights = weights
        self.tol = tol
        self.reg_covar = reg_covar
        self.prior = prior
        self.eigenvalue_ratio = eigenvalue_ratio
        self.max_iter = max_iter
        self.accelerate = accelerate
        self.algorithm = algorithm
        self.n_init = n_init
        self.effort = effort
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.weights_are = weights_are
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.engine = engine
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike | Source, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit the mixture to rows.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, a pandas or polars frame, or a :class:`~gaussmix.sources.Source`, which brings its own
            weights. float32 rows are not converted; sums are computed in float64. NaN is a missing value: the fit
            maximizes the likelihood of the observed values.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            The number of rows that each row stands for: weight 2 counts a row twice, weight 0 omits the row. Weights
            that only compare rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixture

        Raises
        ------
        ValueError
            If a parameter or the rows are invalid.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge or needed regularization, or Ctrl-C or a callback stopped it; the text is
            `message_`.
        UserWarning
            If weights that are counts sum to less than the effective number of rows, or if rows have no observed value
            and are left out.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import GaussianMixture
        >>> rng = np.random.default_rng(0)
        >>> X = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(100, 2)) + 6])
        >>> np.sort(GaussianMixture(2, random_state=0).fit(X).weights_).round(2)
        array([0.33, 0.67])
        """
        self._validate_params()
        source, positive = self._read_training(X, sample_weight)
        if self.algorithm != _EM:
            refuse_missing(source)
        if source.n_rows < self.n_components:
            msg = (
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {source.n_rows}"
            )
            raise ValueError(msg)
        self._rng = make_generator(self.random_state)
        # With busy cores, the threads of BLAS would wait for each other.
        with one_thread(), begin_fit(self, self.n_init, X=X, y=y, sample_weight=sample_weight) as task:
            report = self._fit_starts(source, positive, task)
            self._store_fit(report.fit, report.m_step, source.dtype)
            self._store_report(report, source)
        return self

    def _validate_params(self) -> None:
        """Raise ``ValueError`` for a wrong parameter; several models are a question for the search."""
        for name, several in (("n_components", "n_components"), ("covariance_type", "structures")):
            value = getattr(self, name)
            if not isinstance(value, str) and np.iterable(value):
                shown = shorten(value)
                msg = (
                    f"The {name!r} parameter of GaussianMixture must be a single value, got {shown}; "
                    f"GaussianMixtureSearch({several}={shown}) compares several models and chooses the best."
                )
                raise ValueError(msg)
        super()._validate_params()

    def _fit_starts(self, source: Source, positive: PositiveRows, task: Task) -> FitReport:
        """Return the report of the best fit; callbacks see the starts as subtasks of the task."""
        starts, is_em = self._start_parameters(source), self.algorithm == _EM
        m_step, beside = self._make_model(source)
        problem = Problem.of(source, self.n_components, m_step)
        span = Span.find(source, m_step) if is_em and starts.by_name and not self.warm_start else None
        problem = span.reduce(problem) if span else problem
        history = self._history if starts.previous else ()
        explore_and_fit = partial(fit_from, beside=beside, history=history, schedule=SCHEDULES[self.effort])

        def attributes(mixture: Mixture) -> dict[str, Any]:
            return self._attributes_with(span.lift_mixture(mixture) if span else mixture, m_step, source.dtype)

        progress = Progress(self.verbose, self.verbose_interval, task, attributes, shift=span.shift if span else 0.0)
        report = fit_starts(
            problem,
            self._stopping,
            starts.make_starts(problem, positive, kmeans_start if is_em else two_level_start, progress),
            self._rng,
            progress.announce(explore_and_fit if is_em else fit_truncated),
        )
        report = span.lift_report(report, m_step) if span else report
        named = starts.by_name and not self.warm_start
        return report.ordered if named and is_exchangeable(source, self.n_components) else report

    @property
    def _stopping(self) -> Stopping:
        return Stopping(self.tol, self.max_iter, accelerate=self.accelerate)

    def _make_model(self, source: Source) -> tuple[MStep, tuple[Mixture, ...]]:
        """Return the model that the parameters describe, and the additional starts that its prior gives."""
        (m_step,) = self._make_models([named(self.covariance_type, source.n_features)], source)
        m_step = replace(m_step, eigenvalue_ratio=self.eigenvalue_ratio)
        self.shrinkage_ = None
        if self.prior != _AUTO:
            return add_prior(self.prior, self.n_components, m_step, partial(moments_of, source)), ()
        if self.algorithm == _EM and self.max_iter > 0:
            self.shrinkage_ = fit_shrinkage(source, self.n_components, m_step, self._stopping)
        if self.shrinkage_ is None:
            return m_step, ()
        return replace(m_step, prior=self.shrinkage_.prior), (self.shrinkage_.common,)

    def _start_parameters(self, source: Source) -> StartParameters:
        """Return the parameters that describe the starts; a warm start begins with the result of the previous fit."""
        if self.algorithm != _EM:
            refuse_random(self.init_params)
        shape = (self.n_components, source.n_features)
        warm = self.warm_start and hasattr(self, "mixture_") and self.mixture_.means.shape == shape
        return StartParameters(
            self.init_params,
            self.weights_init,
            self.means_init,
            self.precisions_init,
            self.n_init,
            self.mixture_ if warm else None,
        )
