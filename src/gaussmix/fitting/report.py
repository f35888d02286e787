"""The report of a fit: its end, in values and in words."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Floats
from gaussmix.em import Fit, Status
from gaussmix.em.degeneracy import ThinDirection, degenerate_components, find_thin_direction
from gaussmix.em.m_step import MStep
from gaussmix.em.support import Support
from gaussmix.fitting.order import order_components
from gaussmix.sources import Source

__all__ = [
    "FitReport",
    "best_of",
    "count_equal_rows",
    "describe_constant_columns",
    "describe_equal_rows",
    "describe_thin_direction",
]

_SAME = 1e-3  # largest difference, in nats per row, between two optima that count as one
_NAMED = 5  # components that a message names
_MANY = 10.0  # rows, in units of the fewest that a covariance needs, from which on a message asks no more for accidents
_PAIRS = 4096  # pairs of components whose covariances a message compares at most: 0.2 s at D = 16


@dataclass(frozen=True, eq=False)
class FitReport:
    """The end of a fit: the last run, its model, and sentences with numbers.

    Attributes
    ----------
    fit : Fit
        The last run.
    m_step : MStep
        The model, with the prior on components that would have collapsed.
    optima : tuple of float
        Scores per row that runs from different starts ended at or were heading for, the best first.
    n_passes : float
        Passes over the rows, in all runs.
    score : float
        Log-posterior per row, less what components gain by being degenerate.
    n_equal : int
        Number of rows if all rows are equal, otherwise 0.
    """

    fit: Fit
    m_step: MStep
    optima: tuple[float, ...]
    n_passes: float
    score: float
    n_equal: int = 0

    objective: ClassVar[str] = "log-likelihood"
    """The quantity in the history of the fit."""

    @property
    def regularized(self) -> tuple[int, ...]:
        """The components with a prior of their own, without which they would have collapsed."""
        return self.m_step.component_prior.components if self.m_step.component_prior else ()

    @cached_property
    def degenerate(self) -> tuple[int, ...]:
        """The components of enough rows that lie in a plane, on a line or at a point."""
        found = degenerate_components(self.fit.state.mixture, self.fit.state.statistics, self.m_step)
        return tuple(k for k in found if k not in self.regularized and k not in self.empty)

    @cached_property
    def spurious(self) -> tuple[int, ...]:
        """Other components with few rows, or thin by accident; see :class:`~gaussmix.em.support.Support`."""
        mixture, masses = self.fit.state.mixture, self.fit.state.statistics.mass
        fewest = mixture.covariances.fewest_rows(mixture.n_features)
        small = np.flatnonzero(masses < _MANY * fewest)
        asked = small if len(small) * len(masses) <= _PAIRS else ()
        known = {*self.regularized, *self.degenerate, *self.empty}
        verdicts = Support.measure(mixture, masses, asked).verdicts
        return tuple(k for k, verdict in enumerate(verdicts) if verdict and k not in known)

    @cached_property
    def thin_direction(self) -> ThinDirection | None:
        """The direction in which the ridge decides the variance of all rows, if there is such a direction."""
        return None if self.n_equal else find_thin_direction(self.fit.state.mixture, self.m_step.ridge)

    @cached_property
    def narrowed(self) -> tuple[int, ...]:
        """The components whose width is the rounding of the columns."""
        return self.m_step.narrowed_by_rounding(self.fit.state.statistics)

    @property
    def empty(self) -> tuple[int, ...]:
        """The components without rows."""
        return tuple(np.flatnonzero(self.fit.state.statistics.mass == 0).tolist())

    @property
    def n_optima(self) -> int:
        """Number of different optima."""
        return 1 + sum(
            bool(before - after > _SAME) for before, after in zip(self.optima, self.optima[1:], strict=False)
        )

    @property
    def interrupted(self) -> "FitReport":
        """The report of the best fit before an interruption."""
        return replace(self, fit=replace(self.fit, status=Status.INTERRUPTED))

    @property
    def ordered(self) -> "FitReport":
        """The report with its components ordered by decreasing weight."""
        fit, m_step, _ = order_components(self.fit, self.m_step)
        return replace(self, fit=fit, m_step=m_step)

    @property
    def rank(self) -> tuple[bool, float]:
        """The key by which reports are sorted."""
        return self.fit.status is not Status.INTERRUPTED, self.score

    @property
    def status(self) -> Status:
        """The one word that the user should know first."""
        if self.fit.status is not Status.CONVERGED:
            return self.fit.status
        if self.regularized:
            return Status.REGULARIZED
        if self.degenerate or self.n_equal or self.thin_direction:
            return Status.FLAT
        if self.narrowed:
            return Status.ROUNDED
        return Status.EMPTY if self.empty else Status.CONVERGED

    def message(self, tol: float, notes: Sequence[str] = (), names: Sequence[str] | None = None) -> str:
        """Return all that the user should know, with numbers and what to do.

        Parameters
        ----------
        tol : float
            Largest distance to the limit at which a fit has converged.
        notes : sequence of str
            Sentences on the columns and the prior.
        names : sequence of str, optional
            Names of the columns; by default they are numbered from 0.
        """
        return " ".join([self._ending(tol), *self._degeneracies(names), *notes, *self._other_optima()])

    def _ending(self, tol: float) -> str:
        n_iter, left = self.fit.state.n_iter, self._distance()
        if self.fit.status is Status.CONVERGED:
            return f"Converged after {n_iter} iteration{'s' * (n_iter != 1)}: {left}."
        if self.fit.status is Status.INTERRUPTED:
            return f"Interrupted after {self.n_passes:.0f} passes over the rows: the best so far is kept."
        if self.fit.status is Status.COLLAPSED:
            return f"Stopped after {n_iter} iterations. {self.fit.reason}"
        return (
            "Best performing initialization did not converge. Try different init parameters, or increase max_iter, "
            f"tol, or check for degenerate data. After {n_iter} iterations {left}; tol is {tol:.2g}."
        )

    def _distance(self) -> str:
        if np.isinf(self.fit.distance):
            return "the gains are not shrinking yet"
        return f"the {self.objective} is estimated to be {self.fit.distance:.2g} per row from its limit"

    def _degeneracies(self, names: Sequence[str] | None) -> list[str]:
        masses, said = self.fit.state.statistics.mass, []
        if self.n_equal:
            said.append(describe_equal_rows(self.n_equal))
        if self.regularized:
            rows = _listed(masses, self.regularized)
            said.append(
                f"{_named(self.regularized)} would have collapsed, with {rows} rows; a prior worth one row holds each "
                "open. Try fewer components, a covariance_type with fewer parameters, or GaussianMixture(prior='weak')."
            )
        if self.degenerate:
            rows = _listed(masses, self.degenerate)
            said.append(
                f"{_named(self.degenerate)} with {rows} rows: spread in some direction is from reg_covar alone, and "
                "the log-likelihood says little. Are values rounded, repeated or censored? Try "
                "GaussianMixture(prior='weak')."
            )
        if self.thin_direction:
            said.append(describe_thin_direction(self.thin_direction, names))
        if self.spurious:
            look = "looks" if len(self.spurious) == 1 else "look"
            remedy = "Try fewer components" + (", or prior='weak'." if self.m_step.prior is None else ".")
            said.append(
                f"{_named(self.spurious)} {look} spurious, with {_listed(masses, self.spurious)} rows: diagnose(X) "
                f"says why. {remedy}"
            )
        if self.empty:
            said.append(
                f"{len(self.empty)} of {len(masses)} components are empty: no row belongs to them. Try fewer "
                "components; there may be no more distinct rows."
            )
        return said

    def _other_optima(self) -> list[str]:
        if self.n_optima == 1:
            return []
        spread = self.optima[0] - self.optima[-1]
        others = "another optimum" if self.n_optima == 2 else f"{self.n_optima - 1} other optima"  # noqa: PLR2004 - one
        return [f"Runs from other starts led to {others}, up to {spread:.2g} per row lower."]


def describe_thin_direction(direction: ThinDirection, names: Sequence[str] | None = None) -> str:
    """Return the sentence that some columns follow from others, so that the ridge decides a variance.

    Parameters
    ----------
    direction : ThinDirection
    names : sequence of str, optional
        Names of the columns; by default they are numbered from 0.
    """
    columns = _name_columns(direction.columns, names)
    return (
        f"{columns} depend on each other: in some direction all rows vary so little that reg_covar gives "
        f"{100 * direction.share:.0f} % of the variance. Leave out one of these columns, or set a smaller reg_covar."
    )


def describe_constant_columns(source: Source, names: Sequence[str] | None = None) -> list[str]:
    """Return a sentence on the columns in which all rows are equal, if there are such columns beside others."""
    constant = source.constant_columns
    if not constant or source.all_equal:
        return []
    are, them = ("is", "it") if len(constant) == 1 else ("are", "them")
    said = f"{_name_columns(constant, names)} {are} constant, and cannot separate components"
    return [f"{said}: reg_covar or a prior alone gives the variance. Leave {them} out."]


def describe_equal_rows(n_rows: int) -> str:
    """Return the sentence that all rows are equal."""
    return (
        f"All {n_rows} rows are equal, so that they have no spread and no groups: reg_covar or a prior gives all "
        "variances, and the log-likelihood says nothing. Check that X holds the values that it should."
    )


def count_equal_rows(source: Source) -> int:
    """Return the number of rows if all are equal, otherwise 0."""
    return source.n_rows if source.all_equal else 0


def _name_columns(columns: Sequence[int], names: Sequence[str] | None) -> str:
    """Return columns as the subject of a sentence, by name, or by number without names."""
    shown = [str(j) if names is None else repr(names[j]) for j in columns]
    if len(shown) == 1:
        return f"Column {shown[0]}"
    if len(shown) > _NAMED:
        return f"Columns {', '.join(shown[:_NAMED])} and {len(shown) - _NAMED} more"
    return f"Columns {', '.join(shown[:-1])} and {shown[-1]}"


def _named(components: Sequence[int]) -> str:
    some = ", ".join(map(str, components[:_NAMED]))
    if len(components) == 1:
        return f"Component {some}"
    return f"Components {some}" + f" and {len(components) - _NAMED} more" * (len(components) > _NAMED)


def _listed(masses: Floats, components: Sequence[int]) -> str:
    return ", ".join(f"{masses[k]:.3g}" for k in components[:_NAMED]) + ", ..." * (len(components) > _NAMED)


def best_of(outcomes: Sequence[FitReport]) -> FitReport:
    """Return the best report, with the optima of all fits and the passes that all took."""
    best = max(outcomes, key=lambda one: one.rank)
    optima = tuple(sorted((value for one in outcomes for value in one.optima), reverse=True))
    whole = replace(best, optima=optima, n_passes=sum(one.n_passes for one in outcomes))
    return whole.interrupted if any(one.fit.status is Status.INTERRUPTED for one in outcomes) else whole
