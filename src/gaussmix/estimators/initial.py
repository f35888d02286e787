"""What a user may give an estimator to start from: checked, laid over a start, cut to the rows that are kept."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gaussmix._types import ArrayLike, Floats
from gaussmix.covariances import Covariances
from gaussmix.fitting.problem import Problem
from gaussmix.fitting.starts import Start, user_start
from gaussmix.mixture import Mixture
from gaussmix.structures import Structure
from gaussmix.values import real

__all__ = ["EXPLORE", "InitialParameters", "Kept", "UserStart", "of_kept"]

EXPLORE = "explore"
"""The name of the start that looks for a good optimum."""

Kept = slice | NDArray[np.bool_]
"""Which of all rows weigh something."""


@dataclass(frozen=True, eq=False)
class InitialParameters:
    """Weights, means and covariances to start from; None where the start is to find them."""

    weights: Floats | None
    means: Floats | None
    covariances: Covariances | None

    @classmethod
    def checked(
        cls,
        weights: ArrayLike | None,
        means: ArrayLike | None,
        precisions: ArrayLike | None,
        *,
        structure: Structure,
        n_components: int,
        n_features: int,
    ) -> Self:
        """Check ``weights_init``, ``means_init`` and ``precisions_init``.

        Raises
        ------
        ValueError
            If a shape is wrong, weights are not a distribution, or a precision is not positive definite.
        """
        form = structure.form
        return cls(
            weights=None if weights is None else _weights(weights, n_components),
            means=None if means is None else _shaped("means", means, (n_components, n_features)),
            covariances=None
            if precisions is None
            else form.from_precisions(
                _shaped(f"{form.form} precision", precisions, form.shape(n_components, n_features))
            ),
        )

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return any(one is not None for one in (self.weights, self.means, self.covariances))

    def complete(self) -> Mixture | None:
        """The mixture that they say, where all three are given."""
        if self.weights is None or self.means is None or self.covariances is None:
            return None
        return Mixture(self.weights, self.means, self.covariances)

    def over(self, start: Mixture) -> Mixture:
        """The start with what the user gave in place of what it found."""
        return Mixture(
            start.weights if self.weights is None else self.weights,
            start.means if self.means is None else self.means,
            start.covariances if self.covariances is None else self.covariances,
        )


def _shaped(name: str, values: ArrayLike, shape: tuple[int, ...]) -> Floats:
    array = real(name, values).astype(np.float64)
    if array.shape != shape:
        msg = f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}"
        raise ValueError(msg)
    if not np.isfinite(array).all():
        msg = f"The parameter '{name}' should be finite, but got NaN or infinity"
        raise ValueError(msg)
    return array


def _weights(values: ArrayLike, n_components: int) -> Floats:
    weights = _shaped("weights", values, (n_components,))
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


def of_kept(origin: Any, kept: Kept) -> Any:  # noqa: ANN401 - what `init_params` may be
    """A start of the rows that are kept: labels or responsibilities are given for all."""
    if isinstance(kept, slice) or isinstance(origin, str | Mixture) or callable(origin):
        return origin
    array = real("init_params", origin)
    return array[kept] if len(array) == len(kept) else array


@dataclass(frozen=True, eq=False)
class UserStart:
    """The start that the parameters of an estimator describe.

    Attributes
    ----------
    origin : str, array_like, Mixture or callable
        The parameter `init_params`.
    parameters : InitialParameters
        Weights, means and covariances in place of those of the start.
    partition : callable
        The start that gives the rest where some parameters are given and `origin` asks for an exploration.
    """

    origin: Any
    parameters: InitialParameters
    partition: Start

    def __call__(self, problem: Problem, rng: np.random.Generator) -> Mixture | None:
        """Return the mixture to start from, or None for an exploration."""
        complete = self.parameters.complete()
        if complete:
            return complete
        origin = self.origin(problem.source, problem.n_components, rng) if callable(self.origin) else self.origin
        if not (isinstance(origin, str) and origin == EXPLORE):
            return self.parameters.over(user_start(origin, problem, rng))
        found = self.partition(problem, rng) if self.parameters.given else None
        return found and self.parameters.over(found)
