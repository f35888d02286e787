"""Rows that do not belong, by the density of a mixture."""

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils._param_validation import Interval

from gaussmix._types import ArrayLike, Floats, Labels
from gaussmix.density.parts import part
from gaussmix.diagnosis import diagnose
from gaussmix.estimators.choice import ChoosingEstimator
from gaussmix.estimators.rows import read_rows, read_weights
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["GaussianMixtureOutlierDetector"]

_THRESHOLD = 0.01
_DRAWS, _BEYOND = 100_000, 100  # random rows by which the border is found, and at least how many beyond it
_ROUNDING = 1e-9  # of the rows to flag
_FEWEST = 3  # rows of a component that says what belongs, also where its covariance is not its own
_FEW = 2.0  # times the fewest rows: with less than that, a covariance follows each single row
_MANY = 10.0  # times the fewest rows: what looks spurious and has so many is no accident


class GaussianMixtureOutlierDetector(OutlierMixin, ChoosingEstimator):
    r"""Outliers: rows where a Gaussian mixture has next to no density.

    A row is an outlier where the log-density is below `offset_`. There are two ways to say where that is. With
    `threshold` t it is the border of the smallest region that holds probability 1 - t of the fitted mixture: of new
    rows of the same kind a share of about t lies beyond, and how many of the training rows do is for the data to say.
    With `contamination` c, a share c of the training rows lies beyond, whatever they are like.

    Parameters
    ----------
    n_components : int or sequence of int, default 1 to 9
        Number of components, or numbers to choose from.
    covariance_type : str or sequence of str, default "full"
        Shapes of the covariances, as for :class:`GaussianMixture`, or several to choose from; ``"all"`` for all.
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
    n_features_in_ : int
        Number of features.
    feature_names_in_ : (D,) ndarray of str
        Names of the features, where the rows came with names.

    See Also
    --------
    Mixture.level : the border.

    Notes
    -----
    Outliers among the training rows take part in the fit, and may get components of their own. Those that rest on fewer
    than twice the rows that their covariance needs, or look spurious by :func:`diagnose` and have less than ten times
    as many as it needs, are left out afterwards. A component that many outliers share stays. If they make up more than
    `threshold` of the rows, the mixture takes them for granted: raise it, or use `contamination`, which goes by the
    order of the densities.

    References
    ----------
    Bishop (1994), IEE Proceedings - Vision, Image and Signal Processing 141.

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
    offset_: float

    def __init__(
        self,
        n_components: int | Sequence[int] = tuple(range(1, 10)),
        *,
        covariance_type: str | Sequence[str] = "full",
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
            If the fit ended otherwise than converged.
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
        rng, choice = self._generator(), self._choice(rows.shape[1])
        found, self.best_params_ = choice.fitted(rows[kept], weights, self.criterion, rng)
        named = Mixture(found.weights, found.means, found.covariances, feature_names=self._names())
        self.mixture_ = _sound(named, self._source(rows[kept], weights))
        self.offset_ = self._border(self.mixture_.logpdf(rows[kept]), weights, rng)
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

    def _border(self, log_densities: Floats, weights: Floats | None, rng: np.random.Generator) -> float:
        """The log-density below which a row is an outlier."""
        if self.contamination is not None:
            return _lowest(log_densities, weights, self.contamination)
        threshold = _THRESHOLD if self.threshold is None else self.threshold
        n_samples = max(_DRAWS, math.ceil(_BEYOND / threshold))
        return float(self.mixture_.level(1.0 - threshold, n_samples=n_samples, random_state=rng).value)


def _sound(mixture: Mixture, source: ArraySource) -> Mixture:
    """The mixture without the components that rest on a few rows alone, as long as there are others."""
    found = diagnose(mixture, source)
    fewest = max(found.fewest, _FEWEST)
    spurious = np.isin(np.arange(mixture.n_components), found.spurious)
    kept = found.masses >= np.where(spurious, _MANY, _FEW) * fewest
    return part(mixture, kept) if kept.any() else mixture


def _lowest(values: Floats, weights: Floats | None, share: float) -> float:
    """What a share of the values are below, at most: the middle between the largest of these and the next."""
    order = np.argsort(values)
    heights = np.cumsum(np.ones(len(values)) if weights is None else weights[order])
    above = values[order[np.searchsorted(heights, share * heights[-1] * (1.0 + _ROUNDING), side="right")]]
    below = values[values < above].max(initial=values.min())
    return float(0.5 * below + 0.5 * above)
