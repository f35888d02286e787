"""What estimators that make use of a mixture share: which one it is, and how it is fitted."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeVar, cast

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from gaussmix._threads import usable_threads
from gaussmix._types import AnyArray, ArrayLike, Floats, Rows
from gaussmix.diagnosis import fewest_rows
from gaussmix.em import Status
from gaussmix.estimators.base import distinct
from gaussmix.estimators.fitting import Outcome
from gaussmix.estimators.gaussian_mixture import GaussianMixture
from gaussmix.estimators.initial import Kept
from gaussmix.estimators.search import GaussianMixtureSearch
from gaussmix.m_step import MStep
from gaussmix.mixture import Mixture
from gaussmix.selection import NAMES as CRITERIA
from gaussmix.selection import Candidate, SearchResults
from gaussmix.sources import ArraySource
from gaussmix.starts import RELATIVE_RIDGE, relative_ridge
from gaussmix.structures import NAMES as STRUCTURES
from gaussmix.structures import Structure, every, named

__all__ = ["AUTO", "MAX_ITER", "TOL", "Choice", "ChoosingEstimator", "Chosen", "passed_over", "warn", "weighing"]

_ALL = "all"
AUTO = "auto"
"""The name of the choice among structures that the rows can carry."""

TOL, MAX_ITER = 1e-6, 1000
"""When fits end: as in a search, since criteria compare sums over all rows."""

_DISTINCT = 0.5  # share of distinct values in a column, above which it is not rounded
_SHOWN = 4  # features of a place in a warning

_Model = TypeVar("_Model")


class Chosen(NamedTuple):
    """The mixture that was chosen and fitted.

    Attributes
    ----------
    mixture : Mixture
        The fitted mixture.
    params : dict
        What :class:`GaussianMixture` would be told to make one like it.
    notes : tuple of str
        What the user should know of the fit and of the choice, in sentences.
    """

    mixture: Mixture
    params: dict[str, Any]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, mixture: Mixture, structure: str, notes: Iterable[str] = ()) -> Self:
        """A mixture of some structure."""
        return cls(mixture, {"n_components": mixture.n_components, "covariance_type": structure}, tuple(notes))

    @property
    def structure(self) -> Structure:
        """The shapes that its covariances were chosen from."""
        return named(self.params["covariance_type"])


@dataclass(frozen=True)
class Choice:
    """The models to choose from.

    Attributes
    ----------
    n_components : tuple of int
        Numbers of components, ascending.
    structures : tuple of str
        Names of structures.
    automatic : bool
        Whether the first structure is to be taken where the rows can carry it, and else the one of all that does best
        on rows that it has not seen.
    reg_covar : float or "auto"
        The ridge.
    n_jobs : int or None
        Threads of the fits.
    """

    n_components: tuple[int, ...]
    structures: tuple[str, ...]
    automatic: bool
    reg_covar: float | Literal["auto"]
    n_jobs: int | None

    @classmethod
    def of(
        cls,
        n_components: int | Sequence[int],
        covariance_type: str | Sequence[str],
        reg_covar: float | Literal["auto"],
        n_jobs: int | None,
        n_features: int,
        simpler: Sequence[str],
    ) -> Self:
        """The models that an estimator's parameters name, for rows with so many features.

        Structures that ``"auto"`` chooses among are in `simpler`, the one for plenty of rows first.

        Raises
        ------
        ValueError
            If a number is not one, or a name is unknown.
        """
        automatic = isinstance(covariance_type, str) and covariance_type == AUTO
        names = simpler[: 2 if n_features == 1 else None] if automatic else covariance_type
        return cls(_numbers(n_components), _structures(names, n_features), automatic, reg_covar, n_jobs)

    @property
    def single(self) -> bool:
        """Whether there is one model only."""
        return len(self.n_components) == len(self.structures) == 1

    def at_most(self, n_components: int) -> Self:
        """The same without larger numbers of components; with that many, where all are larger."""
        numbers = tuple(k for k in self.n_components if k <= n_components)
        return replace(self, n_components=numbers or (n_components,))

    def carried(
        self, fit: Callable[[Self], _Model], enough: Callable[[_Model], bool], loss: Callable[[_Model], Any]
    ) -> _Model:
        """Return the model that the rows can carry.

        Parameters
        ----------
        fit : callable
            From a choice to a fitted model.
        enough : callable
            Whether there are rows enough for a model, so that no other is tried.
        loss : callable
            What models are compared by, on rows that they have not seen.
        """
        if not self.automatic:
            return fit(self)
        first, *others = (replace(self, structures=(name,), automatic=False) for name in self.structures)
        found = fit(first)
        if enough(found):
            return found
        if len(self.n_components) > 1:  # criteria take too many components where rows are few
            others += [replace(one, n_components=self.n_components[:1]) for one in (first, *others)]
        return min([found, *map(fit, others)], key=loss)

    def model(self, source: ArraySource, structure: Structure) -> MStep:
        """Return the model of one structure, with the ridge for these rows."""
        ridge = (
            relative_ridge(source, RELATIVE_RIDGE)
            if self.reg_covar == "auto"
            else np.full(source.n_features, float(self.reg_covar))
        )
        return MStep(structure, ridge)

    def fitted(self, rows: Rows, weights: Floats | None, criterion: str, rng: np.random.Generator) -> Chosen:
        """The best model by a criterion, or the only one."""
        if self.single:
            return self.only(rows, weights, rng)
        results, notes = self.searched(rows, weights, rng, criterion=criterion)
        best = results.best
        over = passed_over(results, rows, best, lambda one: one.criterion(criterion))
        return Chosen.of(best.mixture, results.name(best), [*notes, *over])

    def only(self, rows: Rows, weights: Floats | None, rng: np.random.Generator) -> Chosen:
        """The only model."""
        one = _QuietMixture(
            self.n_components[0],
            covariance_type=self.structures[0],
            reg_covar=self.reg_covar,
            tol=TOL,
            max_iter=MAX_ITER,
            random_state=int(rng.integers(2**31)),
            n_jobs=self.n_jobs,
        )
        one.fit(rows, sample_weight=weights)
        return Chosen.of(one.mixture_, self.structures[0], one.notes)

    def searched(
        self,
        rows: Rows,
        weights: Floats | None,
        rng: np.random.Generator,
        **options: Any,  # noqa: ANN401 - of the search
    ) -> tuple[SearchResults, tuple[str, ...]]:
        """All models, and what is to be said of the fit of the best."""
        search = _QuietSearch(
            self.n_components,
            structures=self.structures,
            reg_covar=self.reg_covar,
            tol=TOL,
            max_iter=MAX_ITER,
            random_state=int(rng.integers(2**31)),
            n_jobs=self.n_jobs,
            **options,
        )
        search.fit(rows, sample_weight=weights)
        return search.results_, search.notes


class _QuietMixture(GaussianMixture):
    """A mixture that keeps what it would warn of, as it may be one of several and not the one that is chosen."""

    notes: tuple[str, ...]

    def _report(self, outcome: Outcome) -> None:
        self.notes = () if outcome.status is Status.CONVERGED else (outcome.message(self.tol),)


class _QuietSearch(GaussianMixtureSearch):
    """A search that keeps what it would warn of."""

    notes: tuple[str, ...]

    def _become(self, chosen: Candidate, dtype: np.dtype[Any]) -> None:
        ended = chosen.fit and chosen.fit.status is not Status.ITERATION_LIMIT
        self.notes = () if ended else (f"The fit did not converge in {self.max_iter} iterations.",)


class ChoosingEstimator(BaseEstimator):
    """An estimator that is built on a mixture, whose structure and number of components it may choose."""

    n_components: int | Sequence[int]
    covariance_type: str | Sequence[str]
    criterion: str
    reg_covar: float | Literal["auto"]
    random_state: int | np.random.RandomState | None
    n_jobs: int | None

    mixture_: Mixture
    n_features_in_: int
    feature_names_in_: AnyArray

    _simpler: ClassVar[tuple[str, ...]] = ("full", "tied", "diag", "spherical")
    _plenty: ClassVar[float] = 8.0  # rows per component and feature, from which on "auto" is "full"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "covariance_type": [str, "array-like"],
        "criterion": [StrOptions(set(CRITERIA))],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def _generator(self) -> np.random.Generator:
        return np.random.default_rng(check_random_state(self.random_state).randint(2**31))

    def _choice(self, n_features: int) -> Choice:
        return Choice.of(
            self.n_components, self.covariance_type, self.reg_covar, self.n_jobs, n_features, self._simpler
        )

    def _carries(self, source: ArraySource, n_components: int) -> bool:
        """Return whether there are rows enough for a covariance of its own for each of so many components."""
        return bool(source.some_weights.sum() >= self._plenty * source.n_features * n_components)

    def _rows(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Rows to say something about."""
        check_is_fitted(self, "mixture_")
        return cast("Rows", validate_data(self, X, dtype=[np.float64, np.float32], reset=False))

    def _source(self, rows: Rows, weights: Floats | None) -> ArraySource:
        """Rows to pass over, with as many threads as the parameters say."""
        return ArraySource(rows, weights, n_threads=usable_threads(self.n_jobs))

    def _names(self) -> tuple[str, ...] | None:
        """Names of the features, where there are such that tell them apart."""
        return distinct(getattr(self, "feature_names_in_", None))


def weighing(rows: Rows, sample_weight: ArrayLike | None) -> tuple[Kept, Floats | None]:
    """Which rows weigh something, and how much."""
    if sample_weight is None:
        return slice(None), None
    weights = _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    kept = weights > 0
    return kept, weights[kept]


def passed_over(
    results: SearchResults, rows: Rows, chosen: Candidate, value: Callable[[Candidate], float]
) -> list[str]:
    """Say which model would have been chosen, but for a component without spread that many rows rest on.

    A component of too few rows collapses whatever the rows are like, and one of rows that are rounded wherever they
    lie. What is told of are rows that repeat a value where the others do not, or far from all others.

    Parameters
    ----------
    results : SearchResults
        All models.
    rows : (n, D) ndarray
        The rows.
    chosen : Candidate
        The model that was chosen.
    value : callable
        What models were compared by; lower is better.
    """
    better = [one for one in results.candidates if one.fit and _flat(one) and value(one) < value(chosen)]
    if not better or _flat(chosen):
        return []
    best = min(better, key=value)
    labels = best.mixture.predict(rows)
    spikes = [k for k in _flat(best) if _repeat_alone(rows[labels == k], rows[labels != k])]
    if not spikes:
        return []
    masses, means = best.statistics.mass[spikes], best.mixture.means[spikes]
    where = " and ".join(f"{mass:.3g} rows near {_place(mean)}" for mass, mean in zip(masses, means, strict=True))
    return [
        (
            f"A model with a better criterion, {results.name(best)} with {best.n_components} components, was passed "
            f"over for {results.name(chosen)} with {chosen.n_components}: {where} have no spread in some direction. "
            "Are such values codes for missing ones, or censored? Leave these rows out, or model them apart."
        )
    ]


def _flat(one: Candidate) -> list[int]:
    """The components without spread, though they have rows enough for a covariance."""
    mass = one.statistics.mass
    if one.structure.shared:
        return list(one.collapsed) if mass.sum() >= one.n_components + one.mixture.n_features + 1 else []
    fewest = fewest_rows(one.mixture.n_features, type(one.mixture.covariances))
    return [k for k in one.collapsed if mass[k] >= fewest]


def _repeat_alone(rows: Rows, others: Rows) -> bool:
    """Whether rows repeat a value of a column in which the others are not rounded, or that is far from theirs."""
    if not (len(rows) and len(others)):
        return False
    same = (rows == rows[0]).all(axis=0)
    for value, other in zip(rows[0, same], others.T[same], strict=True):
        low, high = float(other.min()), float(other.max())
        if len(np.unique(other)) > _DISTINCT * len(other) or not 2 * low - high <= value <= 2 * high - low:
            return True
    return False


def _place(mean: Floats) -> str:
    return f"({', '.join(f'{value:.4g}' for value in mean[:_SHOWN])}{', ...' * (len(mean) > _SHOWN)})"


def warn(notes: Iterable[str]) -> None:
    """Warn the user who called the ``fit`` that calls this function."""
    for note in notes:
        warnings.warn(note, ConvergenceWarning, stacklevel=3)


def _numbers(n_components: int | Sequence[int]) -> tuple[int, ...]:
    several: Any = n_components
    given: list[Any] = [several] if isinstance(several, Integral) else list(several)
    wrong = [k for k in given if isinstance(k, bool) or not isinstance(k, Integral) or k < 1]
    if wrong or not given:
        msg = f"n_components must be integers from 1 upwards, at least one, got {wrong[0] if wrong else given!r}."
        raise ValueError(msg)
    return tuple(sorted({int(k) for k in given}))


def _structures(covariance_type: str | Sequence[str], n_features: int) -> tuple[str, ...]:
    if isinstance(covariance_type, str) and covariance_type == _ALL:
        return tuple(one.public_name for one in every(n_features))
    names: list[Any] = [covariance_type] if isinstance(covariance_type, str) else list(covariance_type)
    unknown = [name for name in names if not isinstance(name, str) or name not in STRUCTURES]
    if unknown or not names:
        wanted = f"{AUTO!r}, {_ALL!r}, or one or several of {', '.join(STRUCTURES)}"
        raise ValueError(f"covariance_type must be {wanted}, got {unknown[0] if unknown else names!r}.")
    return tuple(dict.fromkeys(named(name, n_features).public_name for name in names))
