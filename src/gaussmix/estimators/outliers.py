"""Rows that do not belong, by the density of a mixture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from scipy.stats import binom
from sklearn.base import OutlierMixin
from sklearn.utils._param_validation import Interval

from gaussmix._threads import one_thread
from gaussmix._types import ArrayLike, Flags, Floats, Labels
from gaussmix.density.subset import subset
from gaussmix.diagnosis import Diagnosis, diagnose
from gaussmix.estimators.choice import AUTO, Choice, ChoosingEstimator, Chosen, warn
from gaussmix.estimators.crossfit import CrossFit
from gaussmix.estimators.predictive import Predictive
from gaussmix.estimators.rows import read_rows, read_weights
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import ArraySource

__all__ = ["GaussianMixtureOutlierDetector"]

_THRESHOLD = 0.01
_DRAWS, _BEYOND = 100_000, 100  # random rows by which the border is found, and at least how many beyond it
_FEW_DRAWS = 20_000  # random rows by which the border of a fit without a part of the rows is found
_AMPLE = 20.0  # rows per component and feature, from which on the border is not checked by cross-fitting
_TOLD = 5.0  # rows per component and feature, from which on departures of a structure are well known
_OFF = 6.0  # times the threshold: the most new rows that were beyond it in a table of benchmarks.few_rows with fewer
_TENTH = 0.1  # share of new rows by which a border is checked
_SOME = 0.1  # share of the rows beyond which components that are left out are told of
_CHANCE = 0.01  # probability of a warning where the border is right
_ROUNDING = 1e-9  # of the rows to flag
_FEWEST = 3  # rows of a component that says what belongs, also where its covariance is not its own
_FEW = 2.0  # times the fewest rows: with less than that, a covariance follows each single row
_MANY = 10.0  # times the fewest rows: what looks spurious and has so many is no accident


class GaussianMixtureOutlierDetector(OutlierMixin, ChoosingEstimator):
    r"""Outliers: rows where a Gaussian mixture has next to no density.

    A row is an outlier where the log-density is below `offset_`. There are two ways to say where that is. With
    `threshold` t, of new rows of the same kind a share of about t lies beyond, and how many of the training rows do is
    for the data to say. With `contamination` c, a share c of the training rows lies beyond, whatever they are like.

    Parameters
    ----------
    n_components : int or sequence of int, default 1 to 9
        Number of components, or numbers to choose from.
    covariance_type : str or sequence of str, default "auto"
        Shapes of the covariances, as for :class:`GaussianMixture`, or several to choose from; ``"all"`` for all.
        ``"auto"`` is ``"full"`` where there are at least 8 rows per feature and component. Where there are fewer, it is
        the one of ``"full"``, ``"tied"``, ``"diag"`` and ``"spherical"`` with the highest cross-fitted log-likelihood.
    contamination : float, optional
        Share of the training rows to flag, in (0, 0.5]. Rows with equal densities are not told apart, so that fewer may
        be flagged.
    threshold : float, optional
        Probability beyond the border, from 1e-6 to 0.5: how often one accepts to flag a row that belongs. It is 0.01
        where neither this nor `contamination` is given; giving both is an error. Below 1e-4 it takes more random rows
        to find the border, and more time.
    criterion : str, default "bic"
        What to choose by, where there is a choice: see :class:`GaussianMixtureSearch`.
    reg_covar : float or "auto", default "auto"
        Variance added to the diagonals of the covariances, as for :class:`GaussianMixture`.
    weights_are : {"counts", "relative"}, default "counts"
        What `sample_weight` says: with ``"counts"``, how many rows each row stands for; with ``"relative"``, only how
        rows compare, as survey weights and probabilities do. Relative weights are scaled to sum to the effective number
        of rows, :math:`(\sum_i w_i)^2 / \sum_i w_i^2` (Kish 1965), which criteria, priors and rules about few rows use.
    random_state : int, RandomState or None
        Seed of the fit, and of the random rows by which the border is found.
    n_jobs : int, optional
        Threads to work with, in scikit-learn's way: -1 for all cores. By default what ``joblib.parallel_config`` says;
        else all cores, or one in a worker of joblib. No bit of any answer depends on it.

    Attributes
    ----------
    mixture_ : Mixture
        The distribution of the rows that belong: the fitted one without components that rest on a few rows.
    best_params_ : dict
        ``n_components`` and ``covariance_type`` of the fitted one.
    offset_ : float
        The log-density, in nats, below which a row is an outlier.
    left_out_ : list of dict
        The components of the fit that were left out of `mixture_`: ``rows``, how many each has, its ``mean``, and the
        ``reason``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features, where the rows came with names.

    See Also
    --------
    Mixture.level : the border, if all parameters were known.

    Notes
    -----
    The border for a `threshold` allows for what is not known of the parameters. With one component it is exact for
    normal rows: squared distances of new rows follow an F-distribution (Hotelling 1931). With more, it is the quantile
    of the log-densities of random rows from a mixture of t-distributions, each with as many degrees of freedom as the
    component has rows to spare. Where a structure leaves out how features go together, random rows have what the rows
    say of that beyond chance. Below 20 rows per feature and component the border is checked on rows that a fit has not
    seen, in ten parts: where significantly more than a tenth of them are below the log-density that a tenth should be
    below, it is lowered.

    Outliers among the training rows take part in the fit, and may get components of their own. Those that rest on fewer
    than twice the rows that their covariance needs, or look spurious by :func:`diagnose` and have less than ten times
    as many as it needs, are left out afterwards. A component that many outliers share stays. If they make up more than
    `threshold` of the rows, the mixture takes them for granted: raise it, or use `contamination`, which goes by the
    order of the densities.

    References
    ----------
    Bishop (1994), IEE Proceedings - Vision, Image and Signal Processing 141. Hotelling (1931), Annals of Mathematical
    Statistics 2. Geisser (1993), Predictive Inference, chapter 9.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import GaussianMixtureOutlierDetector
    >>> X = np.loadtxt("examples/data/faithful.csv", delimiter=",", skiprows=1)
    >>> detector = GaussianMixtureOutlierDetector(range(1, 4), threshold=0.001, random_state=0).fit(X)
    >>> detector.predict([[2.0, 55.0], [2.0, 80.0]])
    array([ 1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ChoosingEstimator._parameter_constraints,  # noqa: SLF001 - scikit-learn's way to inherit them
        "contamination": [Interval(Real, 0, 0.5, closed="right"), None],
        "threshold": [Interval(Real, 1e-6, 0.5, closed="both"), None],
    }

    best_params_: dict[str, Any]
    left_out_: list[dict[str, Any]]
    offset_: float

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
        random_state: int | np.random.RandomState | None = None,
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
        """Fit the mixture, and find the border.

        Parameters
        ----------
        X : (n, D) array_like
            Rows: an array, or a pandas or polars frame.
        y : ignored
            Present for scikit-learn's pipelines.
        sample_weight : (n,) array_like, optional
            How many rows each row stands for, in the fit and in `contamination`: weight 2 is the row twice, weight 0 is
            no row. Weights that only compare rows need ``weights_are="relative"``.

        Returns
        -------
        self : GaussianMixtureOutlierDetector

        Raises
        ------
        ValueError
            If a parameter or the rows cannot be used, or both `contamination` and `threshold` are given.

        Warns
        -----
        ConvergenceWarning
            If the fit ended otherwise than converged; if components were left out though they have rows enough; if of
            new rows more than `threshold` may be flagged.
        UserWarning
            If weights that are counts sum to less than the effective number of rows.
        """
        self._validate_params()
        if self.contamination is not None and self.threshold is not None:
            msg = (
                f"Give contamination or threshold, not both, got contamination={self.contamination} and "
                f"threshold={self.threshold}; set the one that is not meant to None."
            )
            raise ValueError(msg)
        rows = read_rows(self, X, reset=True, at_least=2)
        kept, weights = read_weights(rows, sample_weight, self.weights_are)
        rng, source = self._generator(), self._source(rows[kept], weights)
        with one_thread():
            trial = self._chosen(source, rng)
        found, self.best_params_ = trial.chosen.mixture, trial.chosen.params
        named = Mixture(found.weights, found.means, found.covariances, feature_names=self._names())
        self.mixture_, self.left_out_ = subset(named, trial.sound), trial.left_out
        self.offset_, doubts = self._border(trial, rng)
        warn([*trial.chosen.notes, *trial.notes, *doubts])
        return self

    def score_samples(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Log-density at each row, in nats, ``(n, D) -> (n,)``: the lower, the stranger."""
        rows = self._rows(X)
        return self.mixture_.logpdf(rows)

    def decision_function(self, X: ArrayLike) -> Floats:  # noqa: N803
        """How far each row's log-density is above the border, in nats, ``(n, D) -> (n,)``; below 0 for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> Labels:  # noqa: N803
        """Whether each row belongs, 1, or is an outlier, -1, ``(n, D) -> (n,)``."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _chosen(self, source: ArraySource, rng: np.random.Generator) -> "_Trial":
        """The model that the rows can carry."""
        choice = self._choice(source.n_features)

        def fit(one: Choice) -> _Trial:
            chosen = one.fitted(source.rows, source.weights, self.criterion, rng)
            fits = CrossFit(source, chosen.mixture, chosen.m_step)
            return _Trial(chosen, fits, *_sound(chosen.mixture, source))

        def enough(trial: _Trial) -> bool:
            return self._carries(source, trial.chosen.mixture.n_components)

        return choice.carried(fit, enough, lambda trial: -trial.held_out)

    def _border(self, trial: "_Trial", rng: np.random.Generator) -> tuple[float, list[str]]:
        """The log-density below which a row is an outlier, and what is to be said of it."""
        source = trial.fits.source
        if self.contamination is not None:
            return _lowest(self.mixture_.logpdf(source.rows), source.weights, self.contamination), []
        share = _THRESHOLD if self.threshold is None else self.threshold
        n_samples = max(_DRAWS, math.ceil(_BEYOND / share))
        few = source.sample_weight.sum() < _AMPLE * source.n_features * self.mixture_.n_components
        whole = Predictive.of(trial.chosen.mixture, source, trial.chosen.structure, departing=few)
        predictive = whole.part(trial.sound)
        border = predictive.border(share, n_samples, rng)
        if not few:
            return border, []
        border, doubts = trial.checked(border, predictive, rng)
        return border, doubts or trial.departing(predictive, share)


@dataclass(frozen=True, eq=False)
class _Trial:
    """A model, its fits without parts of the rows, and which of its components say what belongs.

    Attributes
    ----------
    chosen : Chosen
        The mixture of all rows.
    fits : CrossFit
        The same without parts of the rows.
    sound : (K,) ndarray of bool
        The components that say what belongs.
    left_out : list of dict
        The others.
    """

    chosen: Chosen
    fits: CrossFit
    sound: Flags
    left_out: list[dict[str, Any]]

    @property
    def notes(self) -> list[str]:
        """Say which components were left out though their rows are not few."""
        rows = sum(one["rows"] for one in self.left_out)
        fewest = self.chosen.mixture.n_features + 2
        if rows < _SOME * self._weight and all(one["rows"] < fewest for one in self.left_out):
            return []
        which = " and ".join(f"{one['rows']:.3g} rows ({one['reason']})" for one in self.left_out)
        note = (
            f"Components of {which} are left out of what belongs, as resting on few rows: rows like these are flagged. "
            "If they belong, take fewer components, or a covariance_type with fewer parameters; left_out_ says where "
            "they are."
        )
        return [note]

    @property
    def held_out(self) -> float:
        """Log-likelihood of all rows, each under what belongs by a fit that has not seen it, in nats."""
        parts = ((self.fits.source.subset(refit.part), subset(refit.mixture, self.sound)) for refit in self.fits.refits)
        return sum(rows.reduce(mixture, SCALAR).log_likelihood for rows, mixture in parts)

    def checked(self, border: float, predictive: Predictive, rng: np.random.Generator) -> tuple[float, list[str]]:
        """Return the border, lower where it is wrong for rows that the fit has not seen, and a note that says so.

        Few rows tell nothing of a hundredth. So it is seen what share of them is lower than a tenth should be, and
        the depth of the border below the median is stretched as the depth of that tenth is.
        """
        depths = self._depths(rng)
        weights = self.fits.source.sample_weight
        low = float(weights @ (depths < -1.0))
        if binom.sf(np.ceil(low) - 1, max(round(self._weight), 1), _TENTH) > _CHANCE:
            return border, []
        middle, tenth = np.quantile(depths, [0.5, _TENTH], weights=weights, method="inverted_cdf")
        median, unit = _middle(predictive, rng)
        lower = median + unit * (middle + (middle - tenth) * (border - median) / unit)
        params, less = self.chosen.params, max(border - lower, 0.0)
        note = (
            f"Of {self._weight:.6g} rows, {low:.3g} ({low / self._weight:.0%}) have a log-density that {_TENTH:.0%} "
            f"should have, when the fit has not seen them: {params['n_components']} components with covariance_type="
            f"{params['covariance_type']!r} are too many parameters for the rows, or have another shape. The border "
            f"was lowered by {less:.3g} nats for that, and the share of new rows beyond it is known roughly only. Try "
            "more rows, fewer features, or contamination."
        )
        return border - less, [note]

    def departing(self, predictive: Predictive, share: float) -> list[str]:
        """Say so where the rows depart from the structure that they can carry, and are too few to say how."""
        params, n_features = self.chosen.params, self.chosen.mixture.n_features
        per_component = self._weight / params["n_components"]
        if not predictive.departs or per_component >= _TOLD * n_features:
            return []
        note = (
            f"{per_component:.3g} rows per component are too few for covariances of {n_features} features, and they "
            f"depart from covariance_type={params['covariance_type']!r}, which was taken. The border allows for that, "
            f"but of new rows up to {_OFF:g} times the threshold of {share:g} may be beyond it. Try more rows, or "
            "fewer features."
        )
        return [note]

    @property
    def _weight(self) -> float:
        return float(self.fits.source.sample_weight.sum())

    def _depths(self, rng: np.random.Generator) -> Floats:
        """Log-densities of rows that a fit has not seen, ``(n,)``: about the median, in units of a tenth's depth."""
        depths = np.zeros(self.fits.source.n_rows)
        for refit in self.fits.refits:
            whole = Predictive.of(refit.mixture, refit.rest, self.chosen.structure, departing=True)
            predictive = whole.part(self.sound)
            median, unit = _middle(predictive, rng)
            heights = predictive.mixture.logpdf(self.fits.source.rows[refit.part])
            depths[refit.part] = (heights - median) / unit
        return depths


def _middle(predictive: Predictive, rng: np.random.Generator) -> tuple[float, float]:
    """The median log-density of new rows, and how far below it the lowest tenth begins."""
    tenth, median = np.quantile(predictive.heights(_FEW_DRAWS, rng), [_TENTH, 0.5])
    return float(median), float(median - tenth)


def _sound(mixture: Mixture, source: ArraySource) -> tuple[Flags, list[dict[str, Any]]]:
    """Which components do not rest on a few rows alone, as long as there are such; and the others, with the reason."""
    found = diagnose(mixture, source)
    fewest = max(found.fewest, _FEWEST)
    spurious = np.isin(np.arange(mixture.n_components), found.spurious)
    wanted = np.where(spurious, _MANY, _FEW) * fewest
    kept = found.masses >= wanted
    if not kept.any():
        return np.ones_like(kept), []
    left_out = [
        {"rows": float(found.masses[k]), "mean": mixture.means[k], "reason": _reason(found, int(k), float(wanted[k]))}
        for k in np.flatnonzero(~kept)
    ]
    return kept, left_out


def _reason(found: Diagnosis, k: int, wanted: float) -> str:
    """Why a component was left out."""
    looks = f"{found.verdicts[k]}: " if found.verdicts[k] else ""
    return f"{looks}fewer than {wanted:g}"


def _lowest(values: Floats, weights: Floats | None, share: float) -> float:
    """What a share of the values are below, at most: the middle between the largest of these and the next."""
    order = np.argsort(values)
    heights = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    above = values[order[np.searchsorted(heights, share * heights[-1] * (1.0 + _ROUNDING), side="right")]]
    below = values[values < above].max(initial=values.min())
    return float(0.5 * below + 0.5 * above)
