"""What estimators that make use of a mixture share: which one it is, and how it is fitted."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gaussmix._threads import usable_threads
from gaussmix._types import AnyArray, ArrayLike, Floats, Rows
from gaussmix.em import Status
from gaussmix.em.m_step import MStep
from gaussmix.estimators.base import distinct
from gaussmix.estimators.gaussian_mixture import GaussianMixture
from gaussmix.estimators.rows import CHECKED, WEIGHTS_ARE, read_rows
from gaussmix.estimators.search import GaussianMixtureSearch
from gaussmix.fitting.report import FitReport
from gaussmix.initialization import make_models
from gaussmix.mixture import Mixture
from gaussmix.selection import NAMES as CRITERIA
from gaussmix.selection import Candidate, SearchResults, cautions_about, numbers_of_components
from gaussmix.sources import ArraySource, Source
from gaussmix.structures import NAMES as STRUCTURES
from gaussmix.structures import Structure, every, named

__all__ = ["AUTO", "MAX_ITER", "TOL", "Choice", "ChoosingEstimator", "Chosen", "warn"]

_ALL = "all"
AUTO = "auto"
"""The name of the choice among structures that the rows can carry."""

TOL, MAX_ITER = 1e-6, 1000
"""When fits end: as in a search, since criteria compare sums over all rows."""

_Model = TypeVar("_Model")


class Chosen(NamedTuple):
    """The mixture that was chosen and fitted.

    Attributes
    ----------
    mixture : Mixture
        The fitted mixture.
    params : dict
        What :class:`GaussianMixture` would be told to make one like it.
    m_step : MStep
        The model, with what holds components open.
    notes : tuple of str
        What the user should know of the fit and of the choice, in sentences.
    """

    mixture: Mixture
    params: dict[str, Any]
    m_step: MStep
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, mixture: Mixture, structure: str, m_step: MStep, notes: Iterable[str] = ()) -> Self:
        """A mixture of some structure."""
        params = {"n_components": mixture.n_components, "covariance_type": structure}
        return cls(mixture, params, m_step, tuple(notes))

    @property
    def structure(self) -> Structure:
        """The shapes that its covariances were chosen from."""
        return self.m_step.structure


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
        return cls(numbers_of_components(n_components), _structures(names, n_features), automatic, reg_covar, n_jobs)

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
        (model,) = make_models([structure], source, reg_covar=self.reg_covar)
        return model

    def fitted(self, rows: Rows, weights: Floats | None, criterion: str, rng: np.random.Generator) -> Chosen:
        """The best model by a criterion, or the only one."""
        if self.single:
            return self.only(rows, weights, rng)
        results = self.searched(rows, weights, rng, criterion=criterion)
        return self.told(results, results.best, ArraySource(rows, weights))

    def only(self, rows: Rows, weights: Floats | None, rng: np.random.Generator) -> Chosen:
        """The only model."""
        one = _QuietMixture(
            self.n_components[0],
            covariance_type=self.structures[0],
            reg_covar=self.reg_covar,
            tol=TOL,
            max_iter=MAX_ITER,
            weights_are=CHECKED,
            random_state=int(rng.integers(2**31)),
            n_jobs=self.n_jobs,
        )
        one.fit(rows, sample_weight=weights)
        return Chosen.of(one.mixture_, self.structures[0], one.report.m_step, one.notes)

    def told(self, results: SearchResults, best: Candidate, source: ArraySource) -> Chosen:
        """Return one of several models, with what is to be said of it."""
        notes = cautions_about(best, source, None)
        if best.fit and best.fit.status is Status.ITERATION_LIMIT:
            notes = [f"The fit did not converge in {MAX_ITER} iterations.", *notes]
        return Chosen.of(best.mixture, results.name(best), best.m_step, notes)

    def searched(
        self,
        rows: Rows,
        weights: Floats | None,
        rng: np.random.Generator,
        **options: Any,  # noqa: ANN401 - of the search
    ) -> SearchResults:
        """All models."""
        search = _QuietSearch(
            self.n_components,
            structures=self.structures,
            reg_covar=self.reg_covar,
            tol=TOL,
            max_iter=MAX_ITER,
            weights_are=CHECKED,
            random_state=int(rng.integers(2**31)),
            n_jobs=self.n_jobs,
            **options,
        )
        return search.fit(rows, sample_weight=weights).results_


class _QuietMixture(GaussianMixture):
    """A mixture that keeps what it would warn of, as it may be one of several and not the one that is chosen."""

    report: FitReport
    notes: tuple[str, ...]

    def _report(self, report: FitReport, source: Source) -> None:
        self.report, self.notes = report, ()
        if report.status is not Status.CONVERGED:
            self.notes = (report.message(self.tol, self._notes(report, source)),)


class _QuietSearch(GaussianMixtureSearch):
    """A search that warns of nothing in its best model, as that may not be the one that is chosen."""

    def _become(self, chosen: Candidate, dtype: np.dtype[Any]) -> None:
        pass

    def _cautions(self, chosen: Candidate, source: Source) -> list[str]:
        return []


class ChoosingEstimator(BaseEstimator):
    """An estimator that is built on a mixture, whose structure and number of components it may choose."""

    n_components: int | Sequence[int]
    covariance_type: str | Sequence[str]
    criterion: str
    reg_covar: float | Literal["auto"]
    weights_are: Literal["counts", "relative"]
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
        "weights_are": WEIGHTS_ARE,
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
        return bool(source.sample_weight.sum() >= self._plenty * source.n_features * n_components)

    def _rows(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Rows to say something about."""
        check_is_fitted(self, "mixture_")
        return read_rows(self, X, reset=False)

    def _source(self, rows: Rows, weights: Floats | None) -> ArraySource:
        """Rows to pass over, with as many threads as the parameters say."""
        return ArraySource(rows, weights, n_threads=usable_threads(self.n_jobs))

    def _names(self) -> tuple[str, ...] | None:
        """Names of the features, where there are such that tell them apart."""
        return distinct(getattr(self, "feature_names_in_", None))


def warn(notes: Iterable[str]) -> None:
    """Warn the user who called the ``fit`` that calls this function."""
    for note in notes:
        warnings.warn(note, ConvergenceWarning, stacklevel=3)


def _structures(covariance_type: str | Sequence[str], n_features: int) -> tuple[str, ...]:
    if isinstance(covariance_type, str) and covariance_type == _ALL:
        return tuple(one.public_name for one in every(n_features))
    names: list[Any] = [covariance_type] if isinstance(covariance_type, str) else list(covariance_type)
    unknown = [name for name in names if not isinstance(name, str) or name not in STRUCTURES]
    if unknown or not names:
        wanted = f"{AUTO!r}, {_ALL!r}, or one or several of {', '.join(STRUCTURES)}"
        raise ValueError(f"covariance_type must be {wanted}, got {unknown[0] if unknown else names!r}.")
    return tuple(dict.fromkeys(named(name, n_features).public_name for name in names))
