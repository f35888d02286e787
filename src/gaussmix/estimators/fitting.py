"""One fit of one model from what the user gave to start from, and how it ended, in words."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from gaussmix._types import Floats
from gaussmix.em import Fit, State, Status, run
from gaussmix.em.degeneracy import degenerate
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.estimators.initial import InitialParameters
from gaussmix.fitting import Exploration, flat, held, mended
from gaussmix.initialization import given, relative_ridge
from gaussmix.mixture import Mixture
from gaussmix.sources import Source

__all__ = ["EXPLORE", "Fitting", "Outcome", "all_equal", "best_of", "count_equal"]

EXPLORE = "explore"
"""The name of the start that looks for a good optimum."""

_SAME = 1e-3  # nats per row: two optima that differ by less are one


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a fit ended.

    Attributes
    ----------
    fit : Fit
        The last run.
    m_step : MStep
        The model, with what holds components open that would have collapsed.
    optima : tuple of float
        Log-posteriors per row that runs from different starts ended at or were heading for, the best first.
    n_passes : float
        Passes over the rows, in all runs.
    worth : float
        Log-posterior per row, less what components gain by being flat.
    n_alike : int
        How many rows there are, where all of them are equal; otherwise 0.
    """

    fit: Fit
    m_step: MStep
    optima: tuple[float, ...]
    n_passes: float
    worth: float
    n_alike: int = 0

    climbed: ClassVar[str] = "log-likelihood"  # what the history is of

    @property
    def held(self) -> tuple[int, ...]:
        """The components that are held open."""
        return self.m_step.hold.components if self.m_step.hold else ()

    @cached_property
    def flat(self) -> tuple[int, ...]:
        """The components with rows enough that lie in a plane, a line or a point."""
        found = degenerate(self.fit.state.mixture, self.fit.state.statistics, self.m_step)
        return tuple(k for k in found if k not in self.held and k not in self.empty)

    @cached_property
    def narrowed(self) -> tuple[int, ...]:
        """The components that are as narrow as the rounding of the columns allows."""
        return self.m_step.narrowed_by_rounding(self.fit.state.statistics)

    @property
    def empty(self) -> tuple[int, ...]:
        """The components without rows."""
        return tuple(np.flatnonzero(self.fit.state.statistics.mass == 0).tolist())

    @property
    def n_optima(self) -> int:
        """How many of the optima differ."""
        return 1 + sum(
            bool(before - after > _SAME) for before, after in zip(self.optima, self.optima[1:], strict=False)
        )

    @property
    def interrupted(self) -> "Outcome":
        """The same, as the best so far."""
        return replace(self, fit=replace(self.fit, status=Status.INTERRUPTED))

    @property
    def rank(self) -> tuple[bool, float]:
        """What outcomes are compared by."""
        return self.fit.status is not Status.INTERRUPTED, self.worth

    @property
    def status(self) -> Status:
        """What the user should know first."""
        if self.fit.status is not Status.CONVERGED:
            return self.fit.status
        if self.held:
            return Status.HELD
        if self.flat or self.n_alike:
            return Status.FLAT
        if self.narrowed:
            return Status.ROUNDED
        return Status.EMPTY if self.empty else Status.CONVERGED

    def message(self, tol: float, notes: Sequence[str] = ()) -> str:
        """All that the user should know, with numbers and what to do.

        Parameters
        ----------
        tol : float
            What the distance to the limit was to be.
        notes : sequence of str
            Sentences on the columns and the prior.
        """
        return " ".join([self._ending(tol), *self._collapses(), *notes, *self._others()])

    def _ending(self, tol: float) -> str:
        n_iter, left = self.fit.state.n_iter, self._what_is_left()
        if self.fit.status is Status.CONVERGED:
            return f"Converged after {n_iter} iterations: {left}."
        if self.fit.status is Status.INTERRUPTED:
            return f"Interrupted after {self.n_passes:.0f} passes over the rows: the best so far is kept."
        if self.fit.status is Status.COLLAPSED:
            return f"Stopped after {n_iter} iterations. {self.fit.reason}"
        return (
            "Best performing initialization did not converge. Try different init parameters, or increase max_iter, "
            f"tol, or check for degenerate data. After {n_iter} iterations {left}; tol is {tol:.2g}."
        )

    def _what_is_left(self) -> str:
        if np.isinf(self.fit.distance):
            return "the gains are not shrinking yet"
        return f"the {self.climbed} is estimated to be {self.fit.distance:.2g} per row from its limit"

    def _collapses(self) -> list[str]:
        masses, said = self.fit.state.statistics.mass, []
        if self.n_alike:
            said.append(all_equal(self.n_alike))
        if self.held:
            rows = _listed(masses, self.held)
            said.append(
                f"{_named(self.held)} would have collapsed, with {rows} rows; a prior worth one row holds each open. "
                "Try fewer components, a covariance_type with fewer parameters, or GaussianMixture(prior='weak')."
            )
        if self.flat:
            rows = _listed(masses, self.flat)
            said.append(
                f"{_named(self.flat)} with {rows} rows: spread in some direction is from reg_covar alone, and the "
                "log-likelihood says little. Are values rounded, repeated or censored? Try "
                "GaussianMixture(prior='weak')."
            )
        if self.empty:
            said.append(
                f"{len(self.empty)} of {len(masses)} components are empty: no row belongs to them. Try fewer "
                "components; there may be no more distinct rows."
            )
        return said

    def _others(self) -> list[str]:
        if self.n_optima == 1:
            return []
        spread = self.optima[0] - self.optima[-1]
        others = "another optimum" if self.n_optima == 2 else f"{self.n_optima - 1} other optima"  # noqa: PLR2004 - one
        return [f"Runs from other starts led to {others}, up to {spread:.2g} per row lower."]


def all_equal(n_rows: int) -> str:
    """Return the warning that all rows are equal."""
    return (
        f"All {n_rows} rows are equal, so that they have no spread and no groups: reg_covar or a prior gives all "
        "variances, and the log-likelihood says nothing. Check that X holds the values that it should."
    )


def count_equal(source: Source) -> int:
    """Return the number of rows where all are equal, otherwise 0."""
    return source.n_rows if source.all_equal else 0


_NAMED = 5  # components in a message


def _named(components: Sequence[int]) -> str:
    some = ", ".join(map(str, components[:_NAMED]))
    if len(components) == 1:
        return f"Component {some}"
    return f"Components {some}" + f" and {len(components) - _NAMED} more" * (len(components) > _NAMED)


def _listed(masses: Floats, components: Sequence[int]) -> str:
    return ", ".join(f"{masses[k]:.3g}" for k in components[:_NAMED]) + ", ..." * (len(components) > _NAMED)


def best_of(outcomes: Sequence[Outcome]) -> Outcome:
    """The best one, knowing of the optima of all and the passes that all took."""
    best = max(outcomes, key=lambda one: one.rank)
    optima = tuple(sorted((value for one in outcomes for value in one.optima), reverse=True))
    whole = replace(best, optima=optima, n_passes=sum(one.n_passes for one in outcomes))
    return whole.interrupted if any(one.fit.status is Status.INTERRUPTED for one in outcomes) else whole


@dataclass(frozen=True, eq=False)
class Fitting:
    """Fits of one model to some rows, from any start, until no component is flat for want of rows.

    Attributes
    ----------
    source : Source
        The rows.
    n_components : int
        K.
    m_step : MStep
        The model.
    tol, max_iter
        When to stop; see :func:`gaussmix.em.run`.
    rng : numpy.random.Generator
        For the starts.
    watch : callable
        For the states of the last run.
    """

    source: Source
    n_components: int
    m_step: MStep
    tol: float
    max_iter: int
    rng: np.random.Generator
    watch: Callable[[State, float], None]
    _steps: list[int] = field(default_factory=list)

    beside: tuple[Mixture, ...] = ()
    """Other starts of an exploration, run to their ends."""

    overlaid: ClassVar[str] = "kmeans"  # what gives the rest where some parameters are given

    @cached_property
    def variances(self) -> Floats:
        """How widely the rows are spread, all positive."""
        return relative_ridge(self.source, 1.0)

    def going_on(self, mixture: Mixture, history: tuple[float, ...]) -> Outcome:
        """From the end of an earlier fit, whose history is heeded if the rows are the same."""
        return self._reached(mixture, history)

    def begun(self, origin: Any, initial: InitialParameters) -> Outcome:  # noqa: ANN401 - what `init_params` may be
        """From what the user gave."""
        start = initial.complete()
        if start:
            return self._reached(start)
        if callable(origin):
            origin = origin(self.source, self.n_components, self.rng)
        if isinstance(origin, str) and origin == EXPLORE:
            if not initial.given:
                return self._explored()
            origin = self.overlaid
        return self._reached(initial.over(self._given(origin)))

    def _reached(self, start: Mixture, history: tuple[float, ...] = ()) -> Outcome:
        """What one start led to."""
        return self._ended(self._run(start, self.m_step, history), self.m_step)

    def _explored(self) -> Outcome:
        m_step = self.m_step
        try:
            found = self._exploration(m_step).found(self.rng)
        except IllDefinedCovarianceError:  # there is nothing that all components have spread in
            m_step = self._all_held
            found = self._exploration(m_step).found(self.rng)
        return self._ended(found.fit, m_step, found.optima, found.n_passes)

    def _exploration(self, m_step: MStep) -> Exploration:
        return Exploration(
            self.source,
            self.n_components,
            m_step,
            self.variances,
            self.tol,
            self.max_iter,
            self.watch,
            beside=self.beside,
        )

    def _given(self, origin: Any) -> Mixture:  # noqa: ANN401 - what `init_params` may be
        """The start that the user described; one that collapses at once is held open."""
        try:
            return given(origin, self.source, self.n_components, self.m_step, self.rng)
        except IllDefinedCovarianceError:
            return given(origin, self.source, self.n_components, self._all_held, self.rng)

    @property
    def _all_held(self) -> MStep:
        return held(self.m_step, tuple(range(self.n_components)), self.n_components, self.variances)

    def _run(self, start: Mixture, m_step: MStep, history: tuple[float, ...] = ()) -> Fit:
        fit = run(
            self.source,
            start,
            m_step,
            tol=self.tol,
            max_iter=self.max_iter,
            history=history,
            watch=self.watch,
            accelerate=True,
        )
        self._steps.append(fit.state.n_passes + 1)
        return fit

    def _ended(self, fit: Fit, m_step: MStep, optima: tuple[float, ...] = (), n_passes: float = 0.0) -> Outcome:
        """The outcome, after mending."""
        exploration = self._exploration(m_step)
        try:
            if fit.status is not Status.INTERRUPTED and self.max_iter > 0 and flat(fit, m_step, self.variances):
                fit = exploration.without_doomed(fit, self.rng)
                fit, m_step = mended(fit, m_step, self.variances, self._run)
        except KeyboardInterrupt:
            fit = replace(fit, status=Status.INTERRUPTED)
        n_passes += sum(exploration.passes) + sum(self._steps)
        self._steps.clear()
        worth = exploration.worth(fit)
        return Outcome(fit, m_step, optima or (worth,), n_passes, worth, count_equal(self.source))
