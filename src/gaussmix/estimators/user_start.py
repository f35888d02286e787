"""Starts that a user gives to an estimator: validation, completion, and restriction to rows with positive weight."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from inspect import signature
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gaussmix._types import ArrayLike, Floats
from gaussmix.covariances import Covariances
from gaussmix.estimators.progress import Progress
from gaussmix.fitting.problem import Problem
from gaussmix.fitting.starts import Start, user_start
from gaussmix.mixture import Mixture
from gaussmix.values import real

__all__ = [
    "EXPLORE",
    "InitialParameters",
    "PositiveRows",
    "StartParameters",
    "UserStart",
    "refuse_random",
]

EXPLORE = "explore"
"""The value of `init_params` that explores many starts in search of a good optimum."""

PositiveRows = slice | NDArray[np.bool_]
"""The index of the rows with positive weight: a slice if all rows have positive weight, else a boolean mask."""


@dataclass(frozen=True, eq=False)
class InitialParameters:
    """Weights, means and covariances to start from; None for each parameter that the start is to determine."""

    weights: Floats | None
    means: Floats | None
    covariances: Covariances | None

    @classmethod
    def validate(
        cls,
        weights: ArrayLike | None,
        means: ArrayLike | None,
        precisions: ArrayLike | None,
        problem: Problem,
    ) -> Self:
        """Validate the values of ``weights_init``, ``means_init`` and ``precisions_init``, and return them.

        Raises
        ------
        ValueError
            If a shape is wrong, weights are not a distribution, or a precision is not positive definite.
        """
        form, n_components, n_features = problem.m_step.structure.form, problem.n_components, problem.source.n_features
        return cls(
            weights=None if weights is None else _check_weights(weights, n_components),
            means=None if means is None else _check_array("means", means, (n_components, n_features)),
            covariances=None
            if precisions is None
            else form.from_precisions(
                _check_array(f"{form.form} precision", precisions, form.shape(n_components, n_features))
            ),
        )

    @property
    def any_given(self) -> bool:
        """True if at least one parameter is given."""
        return any(value is not None for value in (self.weights, self.means, self.covariances))

    def to_mixture(self) -> Mixture | None:
        """Return the mixture of the parameters, or None unless all three are given."""
        if self.weights is None or self.means is None or self.covariances is None:
            return None
        return Mixture(self.weights, self.means, self.covariances)

    def replace_in(self, start: Mixture) -> Mixture:
        """Return a start with the given parameters in place of its own."""
        return Mixture(
            start.weights if self.weights is None else self.weights,
            start.means if self.means is None else self.means,
            start.covariances if self.covariances is None else self.covariances,
        )


def _check_array(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return an array of finite numbers with the given shape; ``ValueError`` for other input."""
    array = real(name, values).astype(np.float64)
    if array.shape != shape:
        msg = f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}"
        raise ValueError(msg)
    if not np.isfinite(array).all():
        msg = f"The parameter '{name}' should be finite, but got NaN or infinity"
        raise ValueError(msg)
    return array


def _check_weights(values: ArrayLike, n_components: int) -> Floats:
    """Return weights ``(K,)`` that are at least 0 and sum to 1; ``ValueError`` for other input."""
    weights = _check_array("weights", values, (n_components,))
    if weights.min() < 0 or weights.max() > 1:
        msg = (
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{weights.max():.5f}, min value {weights.min():.5f}"
        )
        raise ValueError(msg)
    if not np.isclose(weights.sum(), 1.0, rtol=0, atol=1e-6):
        msg = f"The parameter 'weights' should be normalized, but got sum(weights) = {weights.sum():.5f}"
        raise ValueError(msg)
    return weights


@dataclass(frozen=True, eq=False)
class UserStart:
    """The start that the parameters of an estimator describe, as a function of the problem.

    Attributes
    ----------
    origin : str, array_like, Mixture or callable
        The parameter `init_params`.
    parameters : InitialParameters
        Weights, means and covariances that replace the parameters of the start.
    fallback : Start
        The start that completes `parameters` if only one or two are given and `origin` asks for an exploration.
    """

    origin: Any
    parameters: InitialParameters
    fallback: Start

    def __call__(self, problem: Problem, rng: np.random.Generator) -> Mixture | None:
        """Return the mixture to start from, or None for an exploration."""
        mixture = self.parameters.to_mixture()
        if mixture:
            return mixture
        origin = _call(self.origin, problem, rng) if callable(self.origin) else self.origin
        if not (isinstance(origin, str) and origin == EXPLORE):
            return self.parameters.replace_in(user_start(origin, problem, rng))
        start = self.fallback(problem, rng) if self.parameters.any_given else None
        return start and self.parameters.replace_in(start)


def _call(function: Callable[..., Any], problem: Problem, rng: np.random.Generator) -> Any:  # noqa: ANN401 - a start
    """Return the start that a function of the user makes; raise ``TypeError`` if the function takes other arguments."""
    arguments = problem.source, problem.n_components, rng
    with suppress(ValueError):  # some functions that are not written in Python have no signature
        try:
            signature(function).bind(*arguments)
        except TypeError as error:
            msg = f"init_params must be a function of three arguments, f(source, n_components, rng): {error}."
            raise TypeError(msg) from error
    return function(*arguments)


@dataclass(frozen=True, eq=False)
class StartParameters:
    """The parameters of an estimator that describe its starts.

    Attributes
    ----------
    init_params : str, array_like, Mixture or callable
        The start.
    weights, means, precisions : array_like or None
        The values of ``weights_init``, ``means_init`` and ``precisions_init``, which replace parameters of the start.
    n_init : int
        Number of starts. There is a single start if the parameters leave nothing to chance.
    previous : Mixture or None
        The result of the previous fit, which is the only start of a warm start.
    """

    init_params: Any
    weights: ArrayLike | None
    means: ArrayLike | None
    precisions: ArrayLike | None
    n_init: int
    previous: Mixture | None

    @property
    def by_name(self) -> bool:
        """True if the starts have a name and no other parameters, so that they can be made in other coordinates."""
        given = (self.weights, self.means, self.precisions)
        return isinstance(self.init_params, str) and all(value is None for value in given)

    def make_starts(
        self, problem: Problem, positive: PositiveRows, fallback: Start, progress: Progress
    ) -> Iterator[Start]:
        """Validate the parameters, and return the starts.

        Parameters
        ----------
        problem : Problem
        positive : slice or (n,) ndarray of bool
            The rows with positive weight, to which labels or responsibilities of all rows are restricted.
        fallback : Start
            The start that completes weights, means and precisions if only one or two of them are given.
        progress : Progress
            The printing of each start.
        """
        if self.previous is not None:
            previous = self.previous
            return iter([lambda _problem, _rng: previous])
        parameters = InitialParameters.validate(self.weights, self.means, self.precisions, problem)
        return self._draw_starts(UserStart(self._restrict(positive), parameters, fallback), progress)

    def _draw_starts(self, start: UserStart, progress: Progress) -> Iterator[Start]:
        """Yield a start several times: each call of a random start gives another mixture."""
        random = isinstance(start.origin, str) or callable(start.origin)
        for i in range(self.n_init if random and not start.parameters.to_mixture() else 1):
            progress.print(f"Initialization {i}")
            yield start

    def _restrict(self, positive: PositiveRows) -> Any:  # noqa: ANN401 - any value of `init_params`
        """Return `init_params`; labels or responsibilities of all rows are restricted to rows with positive weight."""
        origin = self.init_params
        if isinstance(positive, slice) or isinstance(origin, str | Mixture) or callable(origin):
            return origin
        array = real("init_params", origin)
        return array[positive] if len(array) == len(positive) else array


def refuse_random(origin: Any) -> None:  # noqa: ANN401 - the parameter `init_params`
    """Raise ``ValueError`` for random responsibilities, which truncated EM cannot start from."""
    if isinstance(origin, str) and origin == "random":
        raise ValueError(
            "init_params='random' assigns each row to all components, so algorithm='truncated' cannot use it; omit "
            "init_params, or set 'kmeans', 'k-means++' or 'random_from_data'."
        )
