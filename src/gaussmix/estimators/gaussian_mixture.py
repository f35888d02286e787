"""The drop-in for scikit-learn's ``GaussianMixture``."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from gaussmix._types import ArrayLike, Engine
from gaussmix.em import Fit, State, Status, distance_to_limit, run
from gaussmix.estimators.base import MixtureEstimator
from gaussmix.estimators.initial import InitialParameters, Kept, of_kept
from gaussmix.expectation import ENGINES
from gaussmix.m_step import IllDefinedCovarianceError
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.starts import KINDS, given
from gaussmix.structures import NAMES, named

__all__ = ["GaussianMixture"]


class GaussianMixture(MixtureEstimator):
    r"""A Gaussian mixture, fitted by expectation–maximization.

    A drop-in for :class:`sklearn.mixture.GaussianMixture`, with sample weights, and two meanings that differ on
    purpose: `tol` and the default of `reg_covar`.

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
    tol : float, default 1e-3
        EM stops when the log-likelihood is estimated to be within `tol` of its limit, in nats per row. scikit-learn
        stops when one step gains less than that, which on a plateau can be far from the limit.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, in squared units of the features, so that a component
        cannot collapse. ``"auto"`` adds 1e-6 of each feature's own variance (or of what its quartiles say, if less:
        see :func:`gaussmix.starts.relative_ridge`), so that a fit does not depend on units.
        A number is added to every feature, as in scikit-learn, whose default is 1e-6; 0 gives maximum likelihood.
    max_iter : int, default 100
        Largest number of EM steps. With 0, the start itself is kept.
    n_init : int, default 1
        Number of starts, of which the likeliest fit is kept. A start whose fit fails is lost, and the others go on.
    init_params : str, array_like, Mixture or callable, default "kmeans"
        Where to start: ``"kmeans"``; ``"k-means++"``, its seeds alone; ``"random_from_data"``, rows as seeds;
        ``"random"``, random responsibilities; labels ``(n,)``; responsibilities ``(n, K)``; a :class:`Mixture`; or a
        callable ``f(source, n_components, rng)`` that returns one of these, ``source.rows`` being the rows.
    weights_init : (K,) array_like, optional
        Weights to start from in place of those that `init_params` finds.
    means_init : (K, D) array_like, optional
        Means to start from.
    precisions_init : array_like, optional
        Inverse covariances to start from, in the shape of `covariances_`. Where all three are given, `init_params` is
        not used.
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
        How a pass over the rows is done: in plain NumPy, or by compiled code on all cores. ``"auto"`` compiles only
        where the data are large enough for it to pay. The answers agree to rounding.

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
    n_iter_ : int
        EM steps of the best start.
    lower_bound_ : float
        Log-likelihood per row of the fitted mixture: the same as ``score(X)`` of the training rows.
    lower_bounds_ : list of float
        The log-likelihood per row after each step of the best start.
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
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> model = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> np.sort(model.means_, axis=0)
    array([[ 1.,  2.],
           [10.,  2.]])
    >>> model.predict([[0, 0]]) == model.predict([[1, 3]])
    array([ True])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions(set(NAMES))],
        "weights": [StrOptions({"free", "equal"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions(set(KINDS)), "array-like", Mixture, callable],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "engine": [StrOptions(set(ENGINES))],
    }

    def __init__(  # noqa: PLR0913 - scikit-learn's parameters
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        weights: Literal["free", "equal"] = "free",
        tol: float = 1e-3,
        reg_covar: float | Literal["auto"] = "auto",
        max_iter: int = 100,
        n_init: int = 1,
        init_params: Any = "kmeans",  # noqa: ANN401 - a name, an array, a Mixture or a callable
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
        engine: Engine = "auto",
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.weights = weights
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.engine = engine

    def fit(self, X: ArrayLike, y: object = None, sample_weight: ArrayLike | None = None) -> Self:  # noqa: N803
        """Fit the mixture to rows.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame. float32 rows are read as they are; sums are kept in float64.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            How many rows each row stands for: weight 2 is the row twice, weight 0 is no row.

        Returns
        -------
        self : GaussianMixture

        Raises
        ------
        ValueError
            If a parameter or the rows cannot be used, or a component collapses with ``reg_covar=0`` from every start.

        Warns
        -----
        ConvergenceWarning
            If the best start did not meet the stopping rule within `max_iter` steps.
        """
        self._validate_params()
        rows = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        source, kept = self._source(rows, sample_weight)
        if source.n_rows < self.n_components:
            msg = (
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {source.n_rows}"
            )
            raise ValueError(msg)
        seeds = check_random_state(self.random_state)
        self._rng = np.random.default_rng(seeds.randint(2**31))
        fit = self._best_fit(source, kept)
        self._keep(fit, self._m_step, rows.dtype)
        self._warn(fit)
        return self

    def _best_fit(self, source: ArraySource, kept: Kept) -> Fit:
        (self._m_step,) = self._models([named(self.covariance_type, source.n_features)], source)
        shape = (self.n_components, source.n_features)
        if self.warm_start and hasattr(self, "mixture_") and self.mixture_.means.shape == shape:
            return self._run(source, self.mixture_, history=self._history)
        fits: list[Fit] = []
        lost: list[IllDefinedCovarianceError] = []
        draws = callable(self.init_params) or isinstance(self.init_params, str)
        for i in range(self.n_init if draws else 1):
            self._say(1, f"Initialization {i}")
            try:
                fits.append(self._run(source, self._start(source, kept)))
            except IllDefinedCovarianceError as error:
                lost.append(error)
        if not fits:
            raise lost[0]
        if lost:
            msg = f"{len(lost)} of {self.n_init} starts were lost, and the best of the others is kept. {lost[0]}"
            warnings.warn(msg, ConvergenceWarning, stacklevel=4)
        return max(fits, key=lambda fit: fit.state.log_likelihood)

    def _start(self, source: ArraySource, kept: Kept) -> Mixture:
        initial = InitialParameters.checked(
            self.weights_init,
            self.means_init,
            self.precisions_init,
            structure=self._m_step.structure,
            n_components=self.n_components,
            n_features=source.n_features,
        )
        return initial.complete() or initial.over(
            given(of_kept(self.init_params, kept), source, self.n_components, self._m_step, self._rng)
        )

    def _run(self, source: ArraySource, start: Mixture, history: tuple[float, ...] = ()) -> Fit:
        def watch(state: State, gain: float) -> None:
            if state.n_iter % self.verbose_interval == 0:
                self._say(1, f"  Iteration {state.n_iter}" + f"\t gain {gain:.5f}" * (self.verbose > 1))

        fit = run(
            source,
            start,
            self._m_step,
            tol=self.tol,
            max_iter=self.max_iter,
            history=history,
            watch=watch,
        )
        self._say(1, f"Initialization {'converged' if fit.status is Status.CONVERGED else 'did not converge'}.")
        return fit

    def _say(self, level: int, text: str) -> None:
        if self.verbose >= level:
            print(text)  # noqa: T201 - what `verbose` asks for

    def _warn(self, fit: Fit) -> None:
        """Warn if the answer is not final."""
        n_empty = int((self.mixture_.weights == 0).sum())
        if n_empty:
            msg = (
                f"{n_empty} of {self.n_components} components are empty: no row belongs to them. Try fewer components; "
                "there may be no more distinct rows."
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)
        if not self.converged_ and self.max_iter > 0:
            msg = (
                "Best performing initialization did not converge. Try different init parameters, or increase max_iter, "
                f"tol, or check for degenerate data. After {self.n_iter_} iterations {_what_is_left(fit)}; "
                f"tol is {self.tol:.2g}."
            )
            warnings.warn(msg, ConvergenceWarning, stacklevel=3)


def _what_is_left(fit: Fit) -> str:
    distance = distance_to_limit(fit.history)
    if np.isinf(distance):
        return "the gains are not shrinking yet"
    return f"the log-likelihood is estimated to be {distance:.2g} per row from its limit"
