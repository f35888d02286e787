"""The drop-in for scikit-learn's ``GaussianMixture``."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from gaussmix._threads import one_thread
from gaussmix._types import ArrayLike
from gaussmix.diagnosis import Diagnosis, diagnose
from gaussmix.em import State, Status
from gaussmix.em.m_step import MStep
from gaussmix.estimators.base import MixtureEstimator, distinct
from gaussmix.estimators.initial import EXPLORE, InitialParameters, Kept, UserStart, of_kept
from gaussmix.estimators.rows import WEIGHTS_ARE
from gaussmix.estimators.span import Span
from gaussmix.fitting import Problem, Shrinkage, Stopping, fit_shrinkage
from gaussmix.fitting.fit import FitOnce, fit_from, fit_starts
from gaussmix.fitting.report import FitReport
from gaussmix.fitting.starts import Start, kmeans_start
from gaussmix.fitting.truncated_em import fit_truncated, two_level_start
from gaussmix.initialization import NAMED_STARTS, moments_of
from gaussmix.initialization.columns import rounding_of
from gaussmix.mixture import Mixture
from gaussmix.priors import NAMES as PRIORS
from gaussmix.priors import NormalInverseWishart, scaled
from gaussmix.sources import ArraySource, Source
from gaussmix.structures import NAMES, named

__all__ = ["GaussianMixture"]

_AUTO, _EM = "auto", "em"


class GaussianMixture(MixtureEstimator):
    r"""A Gaussian mixture, fitted by expectation–maximization.

    A drop-in for :class:`sklearn.mixture.GaussianMixture`, with sample weights. Three defaults differ on purpose,
    `init_params`, `tol` and `reg_covar`, and `tol` has another meaning.

    Parameters
    ----------
    n_components : int, default 1
        Number of components, K.
    covariance_type : str, default "full"
        Shapes that the covariances may take: ``"full"``, each its own matrix; ``"tied"``, one matrix for all;
        ``"diag"``, each its own diagonal; ``"spherical"``, each its own variance. Or one of the fourteen models of
        Celeux & Govaert (1995), whose letters say whether volume, shape and axes are equal for all components (E),
        each component's own (V), or those of the coordinates (I): ``"EII"``, ``"VII"``, ``"EEI"``, ``"VEI"``,
        ``"EVI"``, ``"VVI"``, ``"EEE"``, ``"VEE"``, ``"EVE"``, ``"VVE"``, ``"EEV"``, ``"VEV"``, ``"EVV"``, ``"VVV"``;
        for one feature also ``"E"`` and ``"V"``. :class:`GaussianMixtureSearch` chooses among them.
    weights : {"free", "equal"}, default "free"
        Whether the mixing proportions are estimated, or all 1 / K.
    tol : float, default 1e-4
        EM stops when the log-likelihood is estimated to be within `tol` of its limit, in nats per row. scikit-learn
        stops when one step gains less than that (1e-3 by default), which on a plateau can be far from the limit.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, in squared units of the features, so that a component
        cannot collapse. ``"auto"`` adds 1e-6 of each feature's own variance (or of what its quartiles say, if less:
        see :func:`gaussmix.initialization.relative_ridge`), so that a fit does not depend on units.
        A number is added to every feature, as in scikit-learn, whose default is 1e-6; 0 gives maximum likelihood.
    prior : {"auto", "weak", "mclust"}, NormalInverseWishart or None, default "auto"
        A prior on means and covariances, under which the fit is the most probable one. ``"auto"`` is no prior where
        rows are plenty. Where a component has on average less than 12 rows for each feature, and `covariance_type` is
        ``"full"``, it is a prior that draws covariances towards their common one, strongly where they are alike, and
        weakly where they clearly differ (`shrinkage_`): maximum likelihood loses groups there that k-means finds.
        ``"weak"`` is worth one row for each covariance; ``"mclust"`` are the defaults of Fraley & Raftery (2007); or
        give your own. Not defined for ``"VEE"``, ``"EVE"``, ``"VVE"`` and ``"EVV"``. None is maximum likelihood.
    eigenvalue_ratio : float, optional
        How many times the smallest eigenvalue of all covariances the largest may be, at least 1, as in TCLUST
        (García-Escudero et al. 2008). It depends on the units of the features. For ``"full"``, ``"tied"``, ``"diag"``,
        ``"spherical"``, ``"EEI"`` and ``"EII"``.
    max_iter : int, default 100
        Largest number of EM steps of each run. With 0, the start itself is kept: of the default, the best partition's.
    algorithm : {"em", "truncated"}, default "em"
        ``"em"`` looks at each row under all components. ``"truncated"`` is for thousands of them, and saves nothing for
        less than a few hundred: a row looks only at the component that it most likely came from and at those near this
        one, some seventy in all. EM then raises a lower bound of the log-likelihood, which `history_` holds, and one
        exact pass at the end gives the log-likelihood itself. The default start is k-means in two levels; there is no
        exploration. See the page on large mixtures.
    n_init : int, default 1
        Number of starts, or of explorations, of which the likeliest fit is kept, of those with the fewest components
        held open.
    init_params : str, array_like, Mixture or callable, default "explore"
        Where to start. ``"explore"`` looks for a good optimum: many partitions, short runs that race, components merged
        and split (see :class:`~gaussmix.fitting.Exploration`). The others make one start, as in scikit-learn:
        ``"kmeans"``, its default; ``"k-means++"``, its seeds alone; ``"random_from_data"``, rows as seeds;
        ``"random"``, random responsibilities; labels ``(n,)``; responsibilities ``(n, K)``; a :class:`Mixture`; or a
        callable ``f(source, n_components, rng)`` that returns one of these, ``source.rows`` being the rows.
    weights_init : (K,) array_like, optional
        Weights to start from in place of those that `init_params` finds.
    means_init : (K, D) array_like, optional
        Means to start from.
    precisions_init : array_like, optional
        Inverse covariances to start from, in the shape of `covariances_`. Where all three are given, `init_params` is
        not used.
    weights_are : {"counts", "relative"}, default "counts"
        What `sample_weight` says: with ``"counts"``, how many rows each row stands for; with ``"relative"``, only how
        rows compare, as survey weights and probabilities do. Relative weights are scaled to sum to the effective number
        of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules about few rows use.
    random_state : int, RandomState or None
        Seed of the starts and of :meth:`sample`.
    warm_start : bool, default False
        Whether to go on from the last fit, if there is one of that many components and features, in place of starting
        anew.
    verbose : int, default 0
        1 prints each start and every `verbose_interval`-th step; 2 prints the gains too.
    verbose_interval : int, default 10
        Steps between two lines of print.
    engine : {"auto", "reference", "fused"}, default "auto"
        How a pass over the rows is done: in plain NumPy, or by compiled code in threads. ``"auto"`` compiles only
        where the data are large enough for it to pay. The answers agree to rounding.
    n_jobs : int, optional
        Threads to work with, in scikit-learn's way: -1 for all cores. By default what ``joblib.parallel_config`` says;
        else all cores, or one in a worker of joblib. No bit of any answer depends on it.

    Attributes
    ----------
    mixture_ : Mixture
        The fitted distribution. The next five are read from it.
    weights_ : (K,) ndarray
        Mixing proportions.
    means_ : (K, D) ndarray
        Component means.
    covariances_, precisions_, precisions_cholesky_ : ndarray
        Covariances, their inverses, and the upper factors ``U`` of these, ``Σ⁻¹ = U Uᵀ``: ``(K, D, D)`` for
        ``"full"``, ``(D, D)`` for ``"tied"``, ``(K, D)`` for ``"diag"``, ``(K,)`` for ``"spherical"``. ``"EII"`` is as
        ``"spherical"``, the other models whose names end in I as ``"diag"``, all others as ``"full"``.
    converged_ : bool
        Whether the stopping rule was met within `max_iter` steps.
    status_ : Status
        How the fit ended: converged, stopped at `max_iter`, interrupted, or with components that are empty, flat or had
        to be held open.
    message_ : str
        The same in a sentence or two, with numbers and what to do.
    n_iter_ : int
        EM steps of the run that led to the answer.
    n_passes_ : float
        Passes over the rows that all runs took together; one over a part of the rows counts as that part.
    lower_bound_ : float
        Log-likelihood per row of the fitted mixture: the same as ``score(X)`` of the training rows. With a prior, also
        one that holds components open, its logarithm is added, as for `log_posterior_`.
    lower_bounds_ : list of float
        The same after each step of the best start; with ``algorithm="truncated"``, lower bounds of it.
    history_ : tuple of float
        The same, with the start's own value first. It never falls where `reg_covar` is 0.
    skipped_ : tuple of float
        For each value of `history_`, the share of all pairs of a row and a component whose responsibility was proven to
        be below 1e-16, so that nothing more of it had to be computed. Above zero with full covariances and components
        that lie apart; NaN for values of an earlier fit.
    log_likelihood_ : float
        Log-likelihood per row.
    log_posterior_ : float
        Log-likelihood and logarithm of the prior density together, per row, but for a constant that depends on the
        prior and the number of components alone. The same as `log_likelihood_` without a prior and components held
        open.
    objective_ : float
        What fits are compared by: `log_posterior_`, less what components gain by having hardly any rows or no spread,
        and by being narrow beside the rounding of the columns. No run of the exploration ended at more, and no plain
        k-means start does.
    shrinkage_ : Shrinkage or None
        The prior that ``prior="auto"`` made, and how many rows it is worth; None where none was needed.
    optima_ : tuple of float
        What runs from different starts ended at or were heading for, log-posteriors per row, the best first.
    n_optima_ : int
        How many of them differ by more than 0.001. Where it is more than one, another seed may find another answer.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features, where the rows came with names.

    See Also
    --------
    Mixture : the distribution itself, also from known parameters.

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
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions(NAMES.keys())],
        "weights": [StrOptions({"free", "equal"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "algorithm": [StrOptions({_EM, "truncated"})],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "prior": [StrOptions({*PRIORS, _AUTO}), NormalInverseWishart, None],
        "eigenvalue_ratio": [Interval(Real, 1.0, None, closed="left"), None],
        "init_params": [StrOptions({*NAMED_STARTS, EXPLORE}), "array-like", Mixture, callable],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "weights_are": WEIGHTS_ARE,
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "engine": [str],
        "n_jobs": [Integral, None],
    }

    shrinkage_: Shrinkage | None
    status_: Status
    message_: str
    n_passes_: float
    history_: tuple[float, ...]
    skipped_: tuple[float, ...]
    log_likelihood_: float
    log_posterior_: float
    objective_: float
    optima_: tuple[float, ...]
    n_optima_: int

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
        algorithm: Literal["em", "truncated"] = "em",
        n_init: int = 1,
        init_params: Any = EXPLORE,  # noqa: ANN401 - a name, an array, a Mixture or a callable
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        weights_are: Literal["counts", "relative"] = "counts",
        random_state: int | np.random.RandomState | None = None,
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
        self.algorithm = algorithm
        self.n_init = n_init
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
            weights. float32 rows are read as they are; sums are kept in float64.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            How many rows each row stands for: weight 2 is the row twice, weight 0 is no row. Weights that only compare
            rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixture

        Raises
        ------
        ValueError
            If a parameter or the rows cannot be used.

        Warns
        -----
        ConvergenceWarning
            If the fit ended otherwise than converged: `message_`.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.
        """
        self._validate_params()
        source, kept = self._training(X, sample_weight)
        if source.n_rows < self.n_components:
            msg = (
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {source.n_rows}"
            )
            raise ValueError(msg)
        seeds = check_random_state(self.random_state)
        self._rng = np.random.default_rng(seeds.randint(2**31))
        with one_thread():  # where other work is on the cores, BLAS's threads wait for each other
            m_step, beside = self._model(source)
            problem, span = Problem.of(source, self.n_components, m_step), self._span(source, m_step)
            problem = span.reduce(problem) if span else problem
            stopping, fit_once = Stopping(self.tol, self.max_iter, self._watch), self._fit_once(source, beside)
            report = fit_starts(problem, stopping, self._starts(problem, kept), self._rng, fit_once)
            report = span.lift_report(report, m_step) if span else report
        self._keep(report.fit, report.m_step, source.dtype)
        self._report(report, source)
        return self

    def diagnose(self, X: ArrayLike | Source, sample_weight: ArrayLike | None = None) -> Diagnosis:  # noqa: N803
        """Look at each component: how many rows it has, how tight it is, and what it adds to the log-likelihood.

        Parameters
        ----------
        X : (n, D) array_like
            The rows of the fit.
        sample_weight : (n,) array_like, optional
            Their weights, with the meaning that `weights_are` says.

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
        mixture = self._fitted()
        source = self._read(X, sample_weight)
        return diagnose(mixture, source)

    def _model(self, source: Source) -> tuple[MStep, tuple[Mixture, ...]]:
        """Return the model that the parameters describe, and the start that comes with its prior."""
        (m_step,) = self._models([named(self.covariance_type, source.n_features)], source)
        return self._with_prior(source, replace(m_step, eigenvalue_ratio=self.eigenvalue_ratio))

    def _span(self, source: Source, m_step: MStep) -> Span | None:
        """Return the span of the rows, if a fit in it is the same and quicker."""
        given = (self.weights_init, self.means_init, self.precisions_init)
        named_alone = isinstance(self.init_params, str) and all(value is None for value in given)
        free = named_alone and self.algorithm == _EM and not self.warm_start
        if free and isinstance(source, ArraySource) and Span.serves(source, m_step):
            return Span.of(source, m_step.ridge)
        return None

    def _fit_once(self, source: Source, beside: tuple[Mixture, ...]) -> FitOnce:
        """Return the function that fits from one start, and says at its end whether the fit converged."""
        fit_once: FitOnce = fit_truncated
        if self.algorithm == _EM:
            fit_once = partial(fit_from, beside=beside, history=self._history if self._goes_on(source) else ())

        def fit(problem: Problem, stopping: Stopping, start: Start, rng: np.random.Generator) -> FitReport:
            report = fit_once(problem, stopping, start, rng)
            converged = report.fit.status is Status.CONVERGED
            self._say(1, f"Initialization {'converged' if converged else 'did not converge'}.")
            return report

        return fit

    def _goes_on(self, source: Source) -> bool:
        """Return whether the fit goes on from the one before."""
        shape = (self.n_components, source.n_features)
        return self.warm_start and hasattr(self, "mixture_") and self.mixture_.means.shape == shape

    def _starts(self, problem: Problem, kept: Kept) -> Iterator[Start]:
        """Yield the starts that the parameters describe."""
        if self._goes_on(problem.source):
            before = self.mixture_
            yield lambda _problem, _rng: before
            return
        parameters = InitialParameters.checked(
            self.weights_init,
            self.means_init,
            self.precisions_init,
            structure=problem.m_step.structure,
            n_components=self.n_components,
            n_features=problem.source.n_features,
        )
        if self.algorithm != _EM and isinstance(self.init_params, str) and self.init_params == "random":
            raise ValueError(
                "init_params='random' gives each row to all components, which algorithm='truncated' is there to avoid; "
                "leave init_params out, or set 'kmeans', 'k-means++' or 'random_from_data'."
            )
        partition = kmeans_start if self.algorithm == _EM else two_level_start
        given_once = not isinstance(self.init_params, str) and not callable(self.init_params)
        for i in range(1 if given_once or parameters.complete() else self.n_init):
            self._say(1, f"Initialization {i}")
            yield UserStart(of_kept(self.init_params, kept), parameters, partition)

    def _with_prior(self, source: Source, m_step: MStep) -> tuple[MStep, tuple[Mixture, ...]]:
        """Return the model with the prior that the parameters ask for, and the start that comes with the prior."""
        self.shrinkage_ = None
        if isinstance(self.prior, str) and self.prior == _AUTO:
            if self.algorithm == _EM and self.max_iter > 0:
                self.shrinkage_ = fit_shrinkage(source, self.n_components, m_step, self.tol, self.max_iter)
            if self.shrinkage_ is None:
                return m_step, ()
            return replace(m_step, prior=self.shrinkage_.prior), (self.shrinkage_.common,)
        prior = self._named_prior(source, m_step, self.prior) if isinstance(self.prior, str) else self.prior
        return replace(m_step, prior=prior), ()

    def _named_prior(self, source: Source, m_step: MStep, name: str) -> NormalInverseWishart:
        """Return a prior that is made to the measure of the rows."""
        mean, covariance = moments_of(source, correlated=m_step.moments.correlated)
        return scaled(name, mean, covariance, self.n_components, m_step.structure)

    def _watch(self, state: State, gain: float) -> None:
        if state.n_iter % self.verbose_interval == 0:
            self._say(1, f"  Iteration {state.n_iter}" + f"\t gain {gain:.5f}" * (self.verbose > 1))

    def _say(self, level: int, text: str) -> None:
        if self.verbose >= level:
            print(text)  # noqa: T201 - what `verbose` asks for

    def _notes(self, report: FitReport, source: Source) -> list[str]:
        """Return sentences on rounded columns and on the prior, where they decided the fit."""
        said, floor = [], report.m_step.rounding
        if report.narrowed and floor is not None:
            names = distinct(getattr(self, "feature_names_in_", None))
            said.append(rounding_of(source).describe(report.fit.state.mixture, report.narrowed, floor, names))
        if self.shrinkage_ is not None:
            said.append(self.shrinkage_.describe(source.weight))
        return said

    def _report(self, report: FitReport, source: Source) -> None:
        """Say how it ended, and warn unless all is well."""
        self.history_, self.skipped_ = report.fit.history, report.fit.skipped
        self.log_likelihood_ = report.fit.state.log_likelihood
        self.log_posterior_ = report.fit.state.log_posterior
        self.optima_, self.n_optima_ = report.optima, report.n_optima
        self.n_passes_ = report.n_passes
        self.objective_ = report.score
        self.status_, self.message_ = report.status, report.message(self.tol, self._notes(report, source))
        if self.status_ is not Status.CONVERGED and self.max_iter > 0:
            warnings.warn(self.message_, ConvergenceWarning, stacklevel=3)
