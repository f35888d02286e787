"""What estimators that make use of a mixture share: which one it is, and how it is fitted."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from gaussmix._threads import usable_threads
from gaussmix._types import AnyArray, ArrayLike, Floats, Rows
from gaussmix.estimators.base import distinct
from gaussmix.estimators.gaussian_mixture import GaussianMixture
from gaussmix.estimators.rows import CHECKED, WEIGHTS_ARE, read_rows
from gaussmix.estimators.search import GaussianMixtureSearch
from gaussmix.mixture import Mixture
from gaussmix.selection import NAMES as CRITERIA
from gaussmix.sources import ArraySource
from gaussmix.structures import NAMES as STRUCTURES
from gaussmix.structures import every, named

__all__ = ["MAX_ITER", "TOL", "Choice", "ChoosingEstimator", "Chosen", "warnings_about"]

_ALL = "all"
TOL, MAX_ITER = 1e-6, 1000
"""When fits end: as in a search, since criteria compare sums over all rows."""


class Chosen(NamedTuple):
    """The mixture that was chosen and fitted, and what :class:`GaussianMixture` would be told to make one like it."""

    mixture: Mixture
    params: dict[str, Any]

    @classmethod
    def of(cls, mixture: Mixture, structure: str) -> Self:
        """A mixture of some structure."""
        return cls(mixture, {"n_components": mixture.n_components, "covariance_type": structure})


@dataclass(frozen=True)
class Choice:
    """The models to choose from.

    Attributes
    ----------
    n_components : tuple of int
        Numbers of components, ascending.
    structures : tuple of str
        Names of structures.
    reg_covar : float or "auto"
        The ridge.
    n_jobs : int or None
        Threads of the fits.
    """

    n_components: tuple[int, ...]
    structures: tuple[str, ...]
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
    ) -> Self:
        """The models that an estimator's parameters name, for rows with so many features.

        Raises
        ------
        ValueError
            If a number is not one, or a name is unknown.
        """
        return cls(_numbers(n_components), _structures(covariance_type, n_features), reg_covar, n_jobs)

    @property
    def single(self) -> bool:
        """Whether there is one model only."""
        return len(self.n_components) == len(self.structures) == 1

    def at_most(self, n_components: int) -> Self:
        """The same without larger numbers of components; with that many, where all are larger."""
        numbers = tuple(k for k in self.n_components if k <= n_components)
        return replace(self, n_components=numbers or (n_components,))

    def fitted(self, rows: Rows, weights: Floats | None, criterion: str, rng: np.random.Generator) -> Chosen:
        """The best model by a criterion, or the only one."""
        if self.single:
            return self.only(rows, weights, rng)
        search = self.searched(rows, weights, rng, criterion=criterion)
        return Chosen.of(search.mixture_, search.best_params_["covariance_type"])

    def only(self, rows: Rows, weights: Floats | None, rng: np.random.Generator) -> Chosen:
        """The only model."""
        one = GaussianMixture(
            self.n_components[0],
            covariance_type=self.structures[0],
            reg_covar=self.reg_covar,
            tol=TOL,
            max_iter=MAX_ITER,
            weights_are=CHECKED,
            random_state=int(rng.integers(2**31)),
            n_jobs=self.n_jobs,
        )
        return Chosen.of(one.fit(rows, sample_weight=weights).mixture_, self.structures[0])

    def searched(
        self,
        rows: Rows,
        weights: Floats | None,
        rng: np.random.Generator,
        **options: Any,  # noqa: ANN401 - of the search
    ) -> GaussianMixtureSearch:
        """A search through all models."""
        search = GaussianMixtureSearch(
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
        return search.fit(rows, sample_weight=weights)


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
        return Choice.of(self.n_components, self.covariance_type, self.reg_covar, self.n_jobs, n_features)

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


@contextmanager
def warnings_about(subject: str) -> Iterator[None]:
    """Warnings that say, first of all, what they are about."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for one in caught:
        warnings.warn(f"{subject}: {one.message}", one.category, stacklevel=5)


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
        wanted = f"{_ALL!r}, or one or several of {', '.join(STRUCTURES)}"
        raise ValueError(f"covariance_type must be {wanted}, got {unknown[0] if unknown else names!r}.")
    return tuple(dict.fromkeys(named(name, n_features).public_name for name in names))
