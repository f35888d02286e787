"""Fits of very many components, by truncated EM."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from gaussmix.em.m_step import IllDefinedCovarianceError
from gaussmix.estimators.fitting import EXPLORE, Fitting, Outcome, count_equal
from gaussmix.fitting.truncated_em import Truncation
from gaussmix.initialization.two_level_kmeans import start_in_two_levels
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["TruncatedFitting", "TruncatedOutcome"]

_DENSE = "random"  # the start that gives each row to all components


@dataclass(frozen=True, eq=False)
class TruncatedOutcome(Outcome):
    """How truncated EM ended: the history of the fit is of lower bounds, its state is from an exact pass."""

    climbed: ClassVar[str] = "bound"

    def _ending(self, tol: float) -> str:
        above = max(self.fit.state.log_posterior - self.fit.history[-1], 0.0)  # which rounding can undercut
        return f"{super()._ending(tol)} The log-likelihood of all rows is {above:.2g} per row above the bound."


@dataclass(frozen=True, eq=False)
class TruncatedFitting(Fitting):
    """Fits of one model by truncated EM, each from one start and ended by an exact pass."""

    overlaid: ClassVar[str] = EXPLORE

    @property
    def _array(self) -> ArraySource:
        """The rows, which are taken in the order of their components."""
        if not isinstance(self.source, ArraySource):
            msg = "algorithm='truncated' needs rows in an array, which may be memory-mapped, got "
            raise TypeError(f"{msg}{type(self.source).__name__}.")
        return self.source

    def _explored(self) -> Outcome:
        return self._reached(self._given(EXPLORE))

    def _reached(self, start: Mixture, history: tuple[float, ...] = ()) -> Outcome:
        truncation = Truncation(self._array, self.m_step, self.variances, self.tol, self.max_iter, self.rng, self.watch)
        found = truncation.run(start)
        fit = replace(found.fit, state=found.state)
        worth = self._exploration(found.m_step).worth(fit)
        return TruncatedOutcome(fit, found.m_step, (worth,), found.n_passes, worth, count_equal(self.source))

    def _given(self, origin: Any) -> Mixture:  # noqa: ANN401 - what `init_params` may be
        """The start that the user described; one of two levels takes the place of the exploration."""
        if not isinstance(origin, str) or origin not in {EXPLORE, _DENSE}:
            return super()._given(origin)
        if origin == _DENSE:
            raise ValueError(
                "init_params='random' gives each row to all components, which algorithm='truncated' is there to avoid; "
                "leave init_params out, or set 'kmeans', 'k-means++' or 'random_from_data'."
            )
        try:
            return start_in_two_levels(self._array, self.n_components, self.m_step, self.rng)
        except IllDefinedCovarianceError:
            return start_in_two_levels(self._array, self.n_components, self._all_held, self.rng)
