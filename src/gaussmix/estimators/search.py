"""The estimator that chooses the structure and the number of components."""

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from dataclasses import replace
from functools import partial
from itertools import count
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions

from gaussmix._threads import one_thread
from gaussmix._types import ArrayLike
from gaussmix.em import Fit, Status
from gaussmix.estimators.base import MixtureEstimator
from gaussmix.estimators.callbacks import CallbackSupport, Task, begin_fit
from gaussmix.estimators.gaussian_mixture import GaussianMixture
from gaussmix.estimators.validation import SEED, WEIGHTS_ARE, WholeNumber, make_generator
from gaussmix.fitting import Problem
from gaussmix.fitting.order import is_exchangeable
from gaussmix.fitting.penalty import penalized_log_posterior
from gaussmix.fitting.report import FitReport, count_equal_rows, describe_constant_columns, describe_equal_rows
from gaussmix.fitting.schedule import SCHEDULES
from gaussmix.priors import NAMES as PRIORS
from gaussmix.priors import NormalInverseWishart
from gaussmix.selection import (
    ALL,
    NAMES,
    VALIDATED,
    Candidate,
    Search,
    SearchResults,
    Watch,
    cautions_about,
    cross_validate,
    dependence_in,
    fit_models,
    n_evaluations,
    numbers_of_components,
    search_source,
    structures_named,
)
from gaussmix.sources import Source

__all__ = ["GaussianMixtureSearch"]


class GaussianMixtureSearch(CallbackSupport, MixtureEstimator):
    r"""Fit mixtures of every structure and number of components, and choose the best by a criterion.

    The fitted estimator has the attributes and methods of the chosen mixture, as :class:`GaussianMixture` has.

    The components of each model are ordered by decreasing weight, so that their order does not depend on the seed.

    The fits are not independent: they share starts, each number of components starts from the fits of the next larger
    or smaller one by merging and splitting, and fits that are heading far behind the best are stopped. The search
    takes about as long as a few dozen single fits.

    Parameters
    ----------
    n_components : int, range or sequence of int, default 1 to 9
        Numbers of components to try.
    structures : "all", str or list of str, default "all"
        Structures of the covariances to try: names as for ``covariance_type`` of :class:`GaussianMixture`. ``"all"``
        tries the fourteen structures of Celeux & Govaert (1995); for rows with one feature, the two that differ (E and
        V). With a `prior` or an `eigenvalue_ratio`, ``"all"`` tries the structures for which they are defined.
    criterion : str, default "bic"
        The criterion by which the model is chosen: ``"bic"``, ``"aic"``, ``"aicc"``, ``"icl"``, ``"sabic"``,
        ``"caic"``, or ``"cv"``, minus twice the fivefold cross-validated log-likelihood, for which the search is
        repeated five times. ``"cv_1se"`` chooses the model with the fewest parameters of those less than one standard
        error from the lowest ``"cv"``: it takes fewer components, and other parts of the rows change its choice less
        often. Lower is better for all criteria, as in scikit-learn; mclust's BIC and ICL have the opposite sign.
    weights : {"free", "equal"}, default "free"
        ``"free"`` estimates the mixing proportions; ``"equal"`` fixes them at 1 / K.
    prior : {"weak", "mclust"}, NormalInverseWishart or None, default None
        A prior on means and covariances, as for :class:`GaussianMixture`: each fit maximizes the posterior density.
        Criteria use the log-likelihood at that fit (Fraley & Raftery 2007).
    eigenvalue_ratio : float, optional
        Upper bound on the ratio of the largest to the smallest eigenvalue of all covariances, as for
        :class:`GaussianMixture`.
    stop_early : bool, default True
        If True, a fit is stopped when its predicted criterion is behind the best by more than 10 + n / 20. The row of
        this model in `results_` says so, and has the values of the unfinished fit. Cross-validation stops no fits.
    effort : {"quick", "default", "thorough"}, default "default"
        On small tables, the number of starts from which the models that could win are fitted again: a quarter of the
        default number, or ten times as many.
    n_init : int, default 1
        Number of k-means starts for each number of components, in addition to the starts that the search makes from
        other fits.
    n_walks : int, default 1
        Number of sweeps down the numbers of components, and of starts of each model that are run to the end. The second
        and later sweeps are preceded by a sweep up. With ``n_walks=2, n_init=3, stop_early=False``, each row of
        `results_` is about as good as the best of ten independent fits, and takes a seventh of their passes. The
        chosen model can change.
    n_repeats : int, default 1
        Number of cross-validations with other parts of the rows, whose log-likelihoods are averaged. Each takes as long
        as five searches. Other criteria do not use it.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`.
    tol : float, default 1e-6
        Distance of each log-likelihood to its limit at which a fit ends, in nats per row. It is finer than that of
        :class:`GaussianMixture`, because criteria compare sums over all rows.
    max_iter : int, default 1000
        Largest number of EM steps of one fit.
    accelerate : bool, default True
        Whether long runs are accelerated, as for :class:`GaussianMixture`.
    weights_are : {"counts", "relative"}, default "counts"
        The meaning of `sample_weight`. With ``"counts"``, a weight is the number of rows that a row stands for; with
        ``"relative"``, weights only compare rows, as survey weights and probabilities do. Relative weights are scaled
        to sum to the effective number of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria,
        priors and rules about few rows use.
    random_state : int, RandomState, Generator or None
        Seed of the starts and of :meth:`sample`.
    verbose : int, default 0
        1 prints a line whenever all structures were evaluated with one number of components.
    engine : {"auto", "reference", "fused"}, default "auto"
        The engine of the passes over the rows, as for :class:`GaussianMixture`.
    n_jobs : int, optional
        Number of threads, in scikit-learn's convention: -1 for all cores. The default is the setting of
        ``joblib.parallel_config``; without a setting, all cores, or one thread in a worker of joblib. The result does
        not depend on the number of threads, to the last bit.

    Attributes
    ----------
    best_params_ : dict
        ``n_components``, ``covariance_type`` and ``weights`` of the chosen model: ``GaussianMixture(**best_params_)``
        fits the same model again, and with ``init_params=search.mixture_`` it starts from the chosen fit.
    best_score_ : float
        Value of the criterion for the chosen model; lower is better.
    best_estimator_ : GaussianMixture
        The chosen model as a fitted :class:`GaussianMixture`, with its history and its report; there is no other fit.
    results_ : SearchResults
        The table of all models; see :meth:`SearchResults.to_pandas` and :meth:`SearchResults.to_polars`.
    mixture_ : Mixture
        The fitted distribution of the chosen model. ``weights_``, ``means_``, ``covariances_``, ``precisions_`` and
        ``precisions_cholesky_`` are read from it.
    converged_ : bool
        True if the chosen fit met the stopping rule within `max_iter` steps.
    n_iter_ : int
        Number of EM steps of the chosen fit.
    lower_bound_ : float
        Log-likelihood per row of the chosen mixture.
    lower_bounds_ : list of float
        Log-likelihood per row after each step of the chosen fit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features; only if the rows have column names.

    See Also
    --------
    GaussianMixture : one model.

    Notes
    -----
    With scikit-learn 1.9 or later, ``set_callbacks`` sets scikit-learn's callbacks, such as
    :class:`sklearn.callback.ProgressBar`. The tasks are the evaluations of models. A callback that returns True at the
    end of a task stops the search as Ctrl-C does: the best model so far is kept, except in cross-validation.

    References
    ----------
    Fraley & Raftery (2002), Journal of the American Statistical Association 97; Scrucca, Fop, Murphy & Raftery (2016),
    The R Journal 8.

    Examples
    --------
    >>> from gaussmix import GaussianMixtureSearch
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> search = GaussianMixtureSearch(n_components=range(1, 6), random_state=0).fit(X)
    >>> search.best_params_
    {'n_components': 3, 'covariance_type': 'tied', 'weights': 'free'}
    >>> round(search.bic(X), 1)
    2314.3
    >>> len(search.results_)
    70
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [WholeNumber(1), "array-like"],
        "structures": [str, "array-like"],
        "criterion": [StrOptions(set(NAMES))],
        "weights": [StrOptions({"free", "equal"})],
        "prior": [StrOptions(set(PRIORS)), NormalInverseWishart, None],
        "eigenvalue_ratio": [Interval(Real, 1.0, None, closed="left"), None],
        "stop_early": ["boolean"],
        "effort": [StrOptions(set(SCHEDULES))],
        "n_init": [WholeNumber(0)],
        "n_walks": [WholeNumber(1)],
        "n_repeats": [WholeNumber(1)],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [WholeNumber(1)],
        "accelerate": ["boolean"],
        "weights_are": WEIGHTS_ARE,
        "random_state": SEED,
        "verbose": ["verbose"],
        "engine": [str],
        "n_jobs": [Integral, None],
    }

    best_params_: dict[str, Any]
    best_score_: float
    best_estimator_: GaussianMixture
    results_: SearchResults

    def __init__(  # noqa: PLR0913 - as many as a search has
        self,
        n_components: int | Sequence[int] = tuple(range(1, 10)),
        *,
        structures: str | Sequence[str] = ALL,
        criterion: str = "bic",
        weights: Literal["free", "equal"] = "free",
        prior: Literal["weak", "mclust"] | NormalInverseWishart | None = None,
        eigenvalue_ratio: float | None = None,
        stop_early: bool = True,
        effort: Literal["quick", "default", "thorough"] = "default",
        n_init: int = 1,
        n_walks: int = 1,
        n_repeats: int = 1,
        reg_covar: float | Literal["auto"] = "auto",
        tol: float = 1e-6,
        max_iter: int = 1000,
        accelerate: bool = True,
        weights_are: Literal["counts", "relative"] = "counts",
        random_state: int | np.random.RandomState | np.random.Generator | None = None,
        verbose: int = 0,
        engine: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.structures = structures
        self.criterion = criterion
        self.weights = weights
        self.prior = prior
        self.eigenvalue_ratio = eigenvalue_ratio
        self.stop_early = stop_early
        self.effort = effort
        self.n_init = n_init
        self.n_walks = n_walks
        self.n_repeats = n_repeats
        self.reg_covar = reg_covar
        self.tol = tol
        self.max_iter = max_iter
        self.accelerate = accelerate
        self.weights_are = weights_are
        self.random_state = random_state
        self.verbose = verbose
        self.engine = engine
        self.n_jobs = n_jobs

    def fit(self, X: ArrayLike | Source, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit all models, and choose the best by the criterion.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, a pandas or polars frame, or a :class:`~gaussmix.sources.Source`, which brings its own
            weights. NaN is a missing value: the fits maximize the likelihood of the observed values.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            The number of rows that each row stands for: weight 2 counts a row twice, weight 0 omits the row. Weights
            that only compare rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixtureSearch

        Raises
        ------
        ValueError
            If a parameter or the rows cannot be used, or no model at all could be fitted. A single model that cannot be
            fitted is a row of `results_` with a reason.

        Warns
        -----
        ConvergenceWarning
            If the chosen fit did not meet the stopping rule within `max_iter` steps, or all rows are equal. Also if the
            search was interrupted (Ctrl-C): the best model so far is kept. In cross-validation, and before any model
            was fitted, ``KeyboardInterrupt`` is raised instead.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureSearch
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> search = GaussianMixtureSearch([2, 3], structures=["tied", "full"], random_state=0).fit(X)
        >>> search.best_params_["n_components"]
        3
        """
        self._validate_params()
        source, _ = self._read_training(X, sample_weight)
        if count_equal_rows(source):
            warnings.warn(describe_equal_rows(source.n_rows), ConvergenceWarning, stacklevel=2)
        search = self._search(source)
        self._rng = make_generator(self.random_state)
        validated = self.criterion in VALIDATED
        total = n_evaluations(search, self.n_repeats) if validated else search.n_evaluations
        with one_thread(), begin_fit(self, total, X=X, y=y, sample_weight=sample_weight) as task:
            self.results_ = self._results(search, total, task)
            if self.results_.interrupted:
                self._warn_of_interruption()
            self._store_chosen(self.results_.best, search.source)
        for warning in self._cautions(self.results_.best, search.source):
            warnings.warn(warning, ConvergenceWarning, stacklevel=2)
        for note in self._notes_on_columns(search.source):
            warnings.warn(note, UserWarning, stacklevel=2)
        return self

    def summary(self) -> str:
        """Return a paragraph on the chosen model: its rivals, the strength of the choice, and warnings about its fit.

        The strength follows from the search. Differences in BIC of 2, 6 and 10 or more are called positive, strong and
        very strong evidence (Kass & Raftery 1995), by a convention that is not proven for mixtures. In place of a
        grade, the text says that the choice is unclear if a component of the chosen model looks spurious, if models
        were stopped so early that they may still end near the chosen model, or if there are fewer than 10 rows for each
        parameter.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureSearch
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> search = GaussianMixtureSearch(range(1, 5), structures=["full", "tied"], random_state=0).fit(X)
        >>> print(search.summary())  # doctest: +ELLIPSIS
        tied (ellipses, equal volume, shape and axes) with 3 components has the lowest BIC, 2314.30, of 7 different
        models...
        """
        self._get_mixture()
        return self.results_.summary()

    def _cautions(self, chosen: Candidate, source: Source) -> list[str]:
        """Return sentences on the bounds that decided the chosen fit beside the likelihood of the rows."""
        names = self._get_feature_names()
        return [*cautions_about(chosen, source, names), *dependence_in(chosen, source, names)]

    def _notes_on_columns(self, source: Source) -> list[str]:
        """Return sentences on columns that no model can use."""
        return describe_constant_columns(source, self._get_feature_names())

    def _search(self, source: Source) -> Search:
        """Return the settings of the search, for these rows."""
        structures = structures_named(
            self.structures,
            source.n_features,
            with_prior=self.prior is not None,
            with_ratio=self.eigenvalue_ratio is not None,
        )
        n_components = numbers_of_components(self.n_components)
        source, n_workers = search_source(source, n_components, len(structures))
        models = self._make_models(structures, source)
        return Search(
            source,
            n_components,
            tuple(replace(one, eigenvalue_ratio=self.eigenvalue_ratio) for one in models),
            criterion="aic" if self.criterion in VALIDATED else self.criterion,
            prior=self.prior,
            stop_early=self.stop_early,
            n_init=self.n_init,
            n_walks=self.n_walks,
            tol=self.tol,
            max_iter=self.max_iter,
            accelerate=self.accelerate,
            n_workers=n_workers,
            schedule=SCHEDULES[self.effort],
        )

    def _results(self, search: Search, total: int, task: Task) -> SearchResults:
        """Return all models with their best fits; callbacks see `total` evaluations of models as subtasks of the task.

        Raises
        ------
        KeyboardInterrupt
            If Ctrl-C was pressed, or a callback asked to stop, before there was a model to keep.
        """
        validated, n_repeats, dtype = self.criterion in VALIDATED, self.n_repeats, search.source.dtype
        with self._progress(search, total) as show:

            def watch(candidate: Candidate) -> None:
                show(candidate)
                if task.begin("model").end(partial(self._attributes_of, candidate, dtype)):
                    raise KeyboardInterrupt

            results = (
                cross_validate(search, self._rng, watch, n_repeats=n_repeats, criterion=self.criterion)
                if validated
                else fit_models(search, self._rng, watch)
            )
        if results.interrupted and (validated or not results.ranked):
            raise KeyboardInterrupt
        if not is_exchangeable(search.source, 1):
            return results
        return replace(results, candidates=tuple(one.ordered for one in results.candidates))

    def _attributes_of(self, candidate: Candidate, dtype: np.dtype[Any]) -> dict[str, Any]:
        """Return the attributes of an estimator with the best fit of a model so far; none if it cannot be fitted."""
        fit = candidate.fit
        return {} if fit is None else self._attributes_with(fit.state.mixture, candidate.m_step, dtype)

    def _progress(self, search: Search, total: int) -> AbstractContextManager[Watch]:
        """Return the context of a search with so many evaluations: the function to call with the model after each."""
        n_evaluated, n_structures = count(1), len(search.fitted_models)

        def watch(candidate: Candidate) -> None:
            i = next(n_evaluated)
            if self.verbose and i % n_structures == 0:
                print(f"{i} of {total}: {candidate.n_components} components")  # noqa: T201 - what `verbose` is for

        return nullcontext(watch)

    def _make_estimator(self, chosen: Candidate, fit: Fit, source: Source) -> GaussianMixture:
        """Return a :class:`GaussianMixture` that is fitted already, with the chosen model and its fit."""
        estimator = GaussianMixture(
            **self.best_params_,
            tol=self.tol,
            reg_covar=self.reg_covar,
            prior=self.prior,
            max_iter=self.max_iter,
            effort=self.effort,
            weights_are=self.weights_are,
            random_state=self.random_state,
            engine=self.engine,
            n_jobs=self.n_jobs,
        )
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self, name):
                setattr(estimator, name, getattr(self, name))
        estimator.shrinkage_, estimator._rng = None, deepcopy(self._rng)  # noqa: SLF001 - of the same base class
        score = penalized_log_posterior(Problem.of(source, chosen.n_components, chosen.m_step), fit)
        report = FitReport(fit, chosen.m_step, (score,), chosen.n_passes, score, count_equal_rows(source))
        estimator._store_fit(fit, chosen.m_step, source.dtype)  # noqa: SLF001
        estimator._keep_report(report, source)  # noqa: SLF001
        return estimator

    def _warn_of_interruption(self) -> None:
        msg = f"Interrupted: the best of the {len(self.results_.ranked)} models that were fitted so far is kept."
        warnings.warn(msg, ConvergenceWarning, stacklevel=3)

    def _store_chosen(self, chosen: Candidate, source: Source) -> None:
        """Store the chosen model under scikit-learn's names, and warn if its fit did not converge."""
        if chosen.fit is None:  # pragma: no cover - best() has raised
            raise ValueError(chosen.reason)
        self._store_fit(chosen.fit, chosen.m_step, source.dtype)
        self.best_params_ = {
            "n_components": chosen.n_components,
            "covariance_type": self.results_.name(chosen),
            "weights": self.weights,
        }
        self.best_score_ = chosen.criterion(self.criterion)
        self.best_estimator_ = self._make_estimator(chosen, chosen.fit, source)
        if chosen.fit.status is Status.ITERATION_LIMIT:
            msg = f"The best model's fit did not converge in {self.max_iter} iterations; raise max_iter or tol."
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)
