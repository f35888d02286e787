"""The choice of a mixture model by the classifier, the regressor and the outlier detector, and its fit."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple, Self, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gaussmix._threads import usable_threads
from gaussmix._types import AnyArray, ArrayLike, Floats, Rows
from gaussmix.em import Status
from gaussmix.em.m_step import MStep
from gaussmix.estimators.base import distinct_names
from gaussmix.estimators.gaussian_mixture import GaussianMixture
from gaussmix.estimators.search import GaussianMixtureSearch
from gaussmix.estimators.validation import CHECKED, SEED, WEIGHTS_ARE, WholeNumber, make_generator, read_rows_with_holes
from gaussmix.fitting.report import FitReport
from gaussmix.initialization import make_models
from gaussmix.initialization.completion import complete_rows
from gaussmix.mixture import Mixture
from gaussmix.selection import NAMES as CRITERIA
from gaussmix.selection import Candidate, SearchResults, cautions_about, numbers_of_components
from gaussmix.sources import ArraySource, Source
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import NAMES as STRUCTURES
from gaussmix.structures import Structure, every, named

__all__ = ["AUTO", "MAX_ITER", "TOL", "Choice", "ChoosingEstimator", "SelectedModel", "warn"]

_ALL = "all"
"""The value of `covariance_type` for all structures."""
AUTO = "auto"
"""The value of `covariance_type` that selects the structure by the number of rows."""

TOL, MAX_ITER = 1e-6, 1000
"""The stopping rule of the fits: nats per row, and EM steps. It is strict, since criteria compare sums over all
rows."""

_Model = TypeVar("_Model")


class SelectedModel(NamedTuple):
    """The model that was selected, and its fit.

    Attributes
    ----------
    mixture : Mixture
        The fitted mixture.
    params : dict
        The parameters of :class:`GaussianMixture` for this model: ``n_components`` and ``covariance_type``.
    m_step : MStep
        The model, with the prior that regularizes degenerate components, if there are any.
    notes : tuple of str
        Sentences that warn the user about the fit and the selection.
    """

    mixture: Mixture
    params: dict[str, Any]
    m_step: MStep
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, mixture: Mixture, structure: str, m_step: MStep, notes: Iterable[str] = ()) -> Self:
        """Return a selected model, for a fitted mixture and the name of its structure."""
        params = {"n_components": mixture.n_components, "covariance_type": structure}
        return cls(mixture, params, m_step, tuple(notes))

    @property
    def structure(self) -> Structure:
        """The structure of the covariances."""
        return self.m_step.structure


@dataclass(frozen=True)
class Choice:
    """The models from which an estimator selects.

    Attributes
    ----------
    n_components : tuple of int
        Numbers of components, ascending.
    structures : tuple of str
        Names of structures.
    automatic : bool
        If True, the first structure is selected where there are enough rows; with fewer rows, the structure with the
        lowest cross-validated loss.
    reg_covar : float or "auto"
        Variance added to the diagonals of the covariances.
    n_jobs : int or None
        Number of threads of the fits.
    feature_names : tuple of str or None
        Names of the columns, for warnings.
    """

    n_components: tuple[int, ...]
    structures: tuple[str, ...]
    automatic: bool
    reg_covar: float | Literal["auto"]
    n_jobs: int | None
    feature_names: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls,
        n_components: int | Sequence[int],
        covariance_type: str | Sequence[str],
        reg_covar: float | Literal["auto"],
        n_jobs: int | None,
        n_features: int,
        auto_structures: Sequence[str],
        feature_names: tuple[str, ...] | None = None,
    ) -> Self:
        """Return the models that the parameters of an estimator name, for rows with `n_features` features.

        With ``"auto"``, the structures to choose from are `auto_structures`; the first is for many rows.

        Raises
        ------
        ValueError
            If a number of components is invalid, or a name is unknown.
        """
        automatic = isinstance(covariance_type, str) and covariance_type == AUTO
        names = auto_structures[: 2 if n_features == 1 else None] if automatic else covariance_type
        structures = _parse_structures(names, n_features)
        return cls(numbers_of_components(n_components), structures, automatic, reg_covar, n_jobs, feature_names)

    @property
    def has_one_model(self) -> bool:
        """True if there is only one model, so that there is nothing to select."""
        return len(self.n_components) == len(self.structures) == 1

    def limit_components(self, n_components: int) -> Self:
        """Return the choice among at most `n_components` components; only `n_components` if all numbers are larger."""
        numbers = tuple(k for k in self.n_components if k <= n_components)
        return replace(self, n_components=numbers or (n_components,))

    def fit_supported(
        self, fit: Callable[[Self], _Model], has_enough_rows: Callable[[_Model], bool], loss: Callable[[_Model], Any]
    ) -> _Model:
        """Fit the model whose number of parameters the rows support.

        Parameters
        ----------
        fit : callable
            The function that fits a choice: it selects a model, and returns the fitted model.
        has_enough_rows : callable
            The function that returns True if there are enough rows for a fitted model, so that no other is tried.
        loss : callable
            The function that returns the loss of a fitted model on rows that were not used in the fit.
        """
        if not self.automatic:
            return fit(self)
        first, *others = (replace(self, structures=(name,), automatic=False) for name in self.structures)
        model = fit(first)
        if has_enough_rows(model):
            return model
        if len(self.n_components) > 1:  # with few rows, criteria select too many components
            others += [replace(choice, n_components=self.n_components[:1]) for choice in (first, *others)]
        return min([model, *map(fit, others)], key=loss)

    def make_model(self, source: ArraySource, structure: Structure) -> MStep:
        """Return the model of a structure, with the ridge for these rows."""
        (model,) = make_models([structure], source, reg_covar=self.reg_covar)
        return model

    def fit_best(self, source: ArraySource, criterion: str, rng: np.random.Generator) -> SelectedModel:
        """Fit all models, and return the best model by a criterion."""
        if self.has_one_model:
            return self.fit_single(source.observed, source.weights, rng)
        results = self.search_models(source.observed, source.weights, rng, criterion=criterion)
        return self.select_candidate(results, results.best, source)

    def fit_single(self, rows: Rows, weights: Floats | None, rng: np.random.Generator) -> SelectedModel:
        """Fit the only model."""
        estimator = _QuietMixture(
            self.n_components[0],
            covariance_type=self.structures[0],
            reg_covar=self.reg_covar,
            tol=TOL,
            max_iter=MAX_ITER,
            weights_are=CHECKED,
            random_state=int(rng.integers(2**31)),
            n_jobs=self.n_jobs,
        )
        estimator.names = self.feature_names
        estimator.fit(rows, sample_weight=weights)
        return SelectedModel.of(estimator.mixture_, self.structures[0], estimator.report.m_step, estimator.notes)

    def select_candidate(self, results: SearchResults, best: Candidate, source: ArraySource) -> SelectedModel:
        """Return the best candidate of a search as the selected model, with warnings about its fit."""
        notes = cautions_about(best, source, self.feature_names)
        if best.fit and best.fit.status is Status.ITERATION_LIMIT:
            notes = [f"The fit did not converge in {MAX_ITER} iterations.", *notes]
        return SelectedModel.of(best.mixture, results.name(best), best.m_step, notes)

    def search_models(
        self,
        rows: Rows,
        weights: Floats | None,
        rng: np.random.Generator,
        **options: Any,  # noqa: ANN401 - parameters of the search
    ) -> SearchResults:
        """Fit all models by a search, and return its table."""
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
    """A mixture estimator that stores its warnings in `notes`: the model may not be the selected one."""

    report: FitReport
    notes: tuple[str, ...]
    names: tuple[str, ...] | None = None

    def _store_report(self, report: FitReport, source: Source) -> None:
        self.report, self.notes = report, ()
        if report.status is not Status.CONVERGED:
            self.notes = (self._describe_report(report, source),)

    def _get_feature_names(self) -> tuple[str, ...] | None:
        return self.names


class _QuietSearch(GaussianMixtureSearch):
    """A search that does not warn about its best model: the model may not be the selected one."""

    def _store_chosen(self, chosen: Candidate, source: Source) -> None:
        pass

    def _cautions(self, chosen: Candidate, source: Source) -> list[str]:
        return []

    def _notes_on_columns(self, source: Source) -> list[str]:
        return []


class ChoosingEstimator(BaseEstimator):
    """The base of estimators that use a mixture, and select its structure and its number of components."""

    n_components: int | Sequence[int]
    covariance_type: str | Sequence[str]
    criterion: str
    reg_covar: float | Literal["auto"]
    weights_are: Literal["counts", "relative"]
    random_state: int | np.random.RandomState | np.random.Generator | None
    n_jobs: int | None

    mixture_: Mixture
    n_features_in_: int
    feature_names_in_: AnyArray

    _auto_structures: ClassVar[tuple[str, ...]] = ("full", "tied", "diag", "spherical")
    """The structures that ``"auto"`` chooses from; the first is for many rows."""
    _ample_rows: ClassVar[float] = 8.0
    """The number of rows per component and feature from which ``"auto"`` selects the first structure."""
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [WholeNumber(1), "array-like"],
        "covariance_type": [str, "array-like"],
        "criterion": [StrOptions(set(CRITERIA))],
        "reg_covar": [Interval(Real, 0.0, None, closed="left"), StrOptions({"auto"})],
        "weights_are": WEIGHTS_ARE,
        "random_state": SEED,
        "n_jobs": [Integral, None],
    }

    def _make_generator(self) -> np.random.Generator:
        """Return a random generator with the seed of the estimator."""
        return make_generator(self.random_state)

    def _make_choice(self, n_features: int, feature_names: tuple[str, ...] | None) -> Choice:
        """Return the models that the parameters name, for columns with these names."""
        return Choice.of(
            self.n_components,
            self.covariance_type,
            self.reg_covar,
            self.n_jobs,
            n_features,
            self._auto_structures,
            feature_names,
        )

    def _has_ample_rows(self, source: ArraySource, n_components: int) -> bool:
        """Return True if there are enough rows for a separate full covariance of each component."""
        return bool(source.sample_weight.sum() >= self._ample_rows * source.n_features * n_components)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _read_rows(self, X: ArrayLike) -> Rows:  # noqa: N803
        """Return validated rows with the features of the training rows, in which missing values are NaN."""
        check_is_fitted(self, "mixture_")
        return read_rows_with_holes(self, X, reset=False)[0]

    def _make_source(self, rows: Rows, weights: Floats | None, *, holes: bool = False) -> ArraySource:
        """Return rows as a source, with the number of threads that the parameters set.

        With `holes`, NaN is a missing value.
        """
        n_threads = usable_threads(self.n_jobs)
        if holes:
            return complete_rows(IncompleteSource.of(rows, weights, n_threads=n_threads))
        return ArraySource(rows, weights, n_threads=n_threads)

    def _get_feature_names(self) -> tuple[str, ...] | None:
        """Return the names of the features, or None if there are none or if they repeat."""
        return distinct_names(getattr(self, "feature_names_in_", None))


def warn(notes: Iterable[str], category: type[Warning] = ConvergenceWarning) -> None:
    """Issue warnings at the line that called ``fit``; the ``fit`` must call this function itself."""
    for note in notes:
        warnings.warn(note, category, stacklevel=3)


def _parse_structures(covariance_type: str | Sequence[str], n_features: int) -> tuple[str, ...]:
    """Return the public names of the structures that `covariance_type` names, without repetitions."""
    if isinstance(covariance_type, str) and covariance_type == _ALL:
        return tuple(structure.public_name for structure in every(n_features))
    names: list[Any] = [covariance_type] if isinstance(covariance_type, str) else list(covariance_type)
    unknown = [name for name in names if not isinstance(name, str) or name not in STRUCTURES]
    if unknown or not names:
        wanted = f"{AUTO!r}, {_ALL!r}, or one or several of {', '.join(STRUCTURES)}"
        raise ValueError(f"covariance_type must be {wanted}, got {unknown[0] if unknown else names!r}.")
    return tuple(dict.fromkeys(named(name, n_features).public_name for name in names))
