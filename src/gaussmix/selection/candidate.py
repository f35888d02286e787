"""A model of a search: a structure with a number of components, and its best fit so far."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix.em import Fit, Status
from gaussmix.em.m_step import MStep
from gaussmix.em.support import find_unsupported
from gaussmix.fitting.order import order_components
from gaussmix.mixture import Mixture
from gaussmix.selection.criteria import CRITERIA, entropy_r2
from gaussmix.selection.few_rows import is_short_of_values
from gaussmix.statistics import Statistics
from gaussmix.structures import Structure

__all__ = [
    "CROSS_VALIDATION",
    "NAMES",
    "VALIDATED",
    "WITHIN_ONE_ERROR",
    "Candidate",
    "Candidates",
    "best",
    "best_sound",
    "rank",
]

CROSS_VALIDATION = "cv"
"""The name of the cross-validated log-likelihood among the criteria."""

WITHIN_ONE_ERROR = "cv_1se"
"""The name of the one-standard-error rule among the criteria: it chooses the model with the fewest parameters of those
whose cross-validated log-likelihood is less than one standard error below the highest."""

VALIDATED = (CROSS_VALIDATION, WITHIN_ONE_ERROR)
"""The names of the criteria that need cross-validation."""

NAMES = (*CRITERIA, *VALIDATED)
"""The names of all criteria that a model can be chosen by."""


@dataclass(frozen=True, eq=False, repr=False)
class Candidate:
    """A model of a search, and its best fit so far.

    Attributes
    ----------
    m_step : MStep
        The model: structure, ridge, prior, and whether the weights are equal.
    n_components : int
        Number of components.
    fit : Fit or None
        The best fit of this model; None where none could be fitted.
    reason : str
        The reason why there is no fit; empty where there is a fit.
    collapsed : tuple of int
        Components whose spread in some direction is from the ridge alone; see
        :func:`~gaussmix.em.degeneracy.degenerate_components`.
    cells_gain : float or None
        The log-likelihood minus that of the cells that values are rounded to, in nats; None where no column is rounded,
        or it is not known yet. See :meth:`~gaussmix.initialization.rounding.Rounding.gain`.
    held_out : float or None
        Cross-validated log-likelihood of all rows, in nats, where it was asked for.
    held_out_error : float
        Standard error of the difference between `held_out` and that of the model with the highest, in nats.
    single_bic : float
        The lowest BIC of a single Gaussian in the search; infinite if there is none.
    n_passes : int
        Passes over the rows, in all fits of this model, without those in which starts are compared side by side.
    seconds : float
        Time that these fits took.
    """

    m_step: MStep
    n_components: int
    fit: Fit | None = None
    reason: str = ""
    collapsed: tuple[int, ...] = ()
    cells_gain: float | None = None
    held_out: float | None = None
    held_out_error: float = 0.0
    single_bic: float = np.inf
    n_passes: int = 0
    seconds: float = 0.0

    def __repr__(self) -> str:
        model = f"{self.structure_name} with {self.n_components} component{'s' * (self.n_components != 1)}"
        if self.fit is None:
            return f"<Candidate: {model}, failed: {self.reason}>"
        numbers = f"log-likelihood {self.log_likelihood:.2f}, {self.n_parameters} parameters"
        return f"<Candidate: {model}, {numbers}, BIC {self.criterion('bic'):.2f}, {self.status}>"

    @property
    def ordered(self) -> "Candidate":
        """The model with the components of its fit ordered by decreasing weight."""
        if self.fit is None:
            return self
        fit, m_step, order = order_components(self.fit, self.m_step)
        collapsed = np.flatnonzero(np.isin(order, self.collapsed)).tolist()
        return replace(self, fit=fit, m_step=m_step, collapsed=tuple(collapsed))

    @property
    def structure(self) -> Structure:
        """The shapes that the covariances may take."""
        return self.m_step.structure

    @property
    def structure_name(self) -> str:
        """The name of the structure for rows with so many features: with one feature, a letter."""
        return self.structure.name_for(len(self.m_step.ridge))

    @property
    def mixture(self) -> Mixture:
        """The fitted mixture."""
        return self._fitted.state.mixture

    @property
    def statistics(self) -> Statistics:
        """Sums over the rows under the fitted mixture."""
        return self._fitted.state.statistics

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of all rows, in nats."""
        return self.statistics.log_likelihood

    @property
    def log_posterior(self) -> float:
        """Log-likelihood of all rows and logarithm of the prior density together, in nats."""
        return self.log_likelihood + self._fitted.state.log_prior

    @property
    def entropy_r2(self) -> float:
        """The certainty of the responsibilities; see :func:`~gaussmix.selection.criteria.entropy_r2`."""
        return entropy_r2(self.mixture, self.statistics)

    @property
    def n_parameters(self) -> int:
        """Number of free parameters."""
        return self.m_step.n_parameters(self.n_components, self.mixture.n_features)

    @property
    def status(self) -> str:
        """The end of the fit in a word or two; :attr:`reason` and the status of the fit say more."""
        if self.fit is None:
            return "failed"
        if self.collapsed:
            return "collapsed"
        if not self.supported and self.fit.status is not Status.BEHIND:
            return "spurious"
        return "regularized" if self.regularized else _WORDS[self.fit.status]

    @cached_property
    def rounding_gain(self) -> float:
        """The log-likelihood that narrow components gain from the rounding of the columns, in nats.

        Models are compared without it.
        """
        if self.cells_gain is not None:
            return self.cells_gain
        return self.m_step.rounding_gain(self.mixture, self.statistics.mass)

    @property
    def regularized(self) -> tuple[int, ...]:
        """The components that would have collapsed without a prior worth one row."""
        return self.m_step.regularized

    @cached_property
    def spurious(self) -> tuple[int, ...]:
        """The components on which no choice should rest: see :func:`~gaussmix.em.support.find_unsupported`."""
        return () if self.fit is None else find_unsupported(self.mixture, self.statistics.mass)

    @cached_property
    def supported(self) -> bool:
        """True if the rows support a choice of the model: no component is spurious, and there are enough values."""
        bic = self.comparable("bic")
        return not self.spurious and not is_short_of_values(self.statistics, self.n_parameters, bic, self.single_bic)

    @property
    def sound(self) -> bool:
        """True if there is a fit that the rows support, in which no component has collapsed."""
        return self.fit is not None and not self.collapsed and self.supported

    @property
    def penalized_log_likelihood(self) -> float:
        """Log-likelihood of all rows, with the model's prior if it has one, minus :attr:`rounding_gain`, in nats."""
        return (self.log_posterior if self.m_step.prior else self.log_likelihood) - self.rounding_gain

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """The key by which fits of one model are compared; the largest is the best.

        A fit is better than none, one without a collapsed component is better than one with, and then the penalized
        log-likelihood decides.
        """
        return (
            self.fit is not None,
            not self.collapsed,
            -np.inf if self.fit is None else self.penalized_log_likelihood,
        )

    def improve(self, other: "Candidate") -> "Candidate":
        """Return the better of two fits of the same model: this or the other, with preference for one that is sound."""
        best, worse = (other, self) if other.rank > self.rank else (self, other)
        return worse if not best.sound and worse.sound else best

    def criterion(self, name: str) -> float:
        """Return the value of a criterion; lower is better, infinite where there is none.

        Parameters
        ----------
        name : str
            One of :data:`~gaussmix.selection.criteria.CRITERIA`, or ``"cv"`` or ``"cv_1se"``: minus twice the
            cross-validated log-likelihood.
        """
        if name in VALIDATED:
            return np.inf if self.held_out is None else -2.0 * self.held_out
        return np.inf if self.fit is None else CRITERIA[name](self.statistics, self.n_parameters)

    def comparable(self, name: str) -> float:
        """Return the value of a criterion without what narrow components gain from the rounding of the columns.

        Models are compared by it. Where no column is rounded, it is the value of the criterion.
        """
        value = self.criterion(name)
        return value if self.fit is None or name in VALIDATED else value + 2.0 * self.rounding_gain

    @property
    def _fitted(self) -> Fit:
        if self.fit is None:
            raise ValueError(self.reason)
        return self.fit


Candidates = dict[tuple[Structure, int], Candidate]
"""The models of a search by structure and number of components, each with its best fit so far."""

_WORDS = {Status.CONVERGED: "converged", Status.ITERATION_LIMIT: "max_iter", Status.BEHIND: "stopped early"}


def rank(criterion: str, one: Candidate) -> tuple[bool, bool, bool, bool, float, float]:
    """Return the key by which models are sorted; the smallest is the best.

    Models with a finite criterion come first, of these the sound ones, and those with a collapsed component last, in
    ascending order of the criterion. Values that differ only by rounding belong to the same model under several names,
    as with one component; the structure with the fewest free parameters comes first.
    """
    unfit, infinite, collapsed, value, freedom = _rank_by_value(criterion, one)
    return (unfit, infinite, collapsed, not unfit and not one.supported, value, freedom)


def _rank_by_value(criterion: str, one: Candidate) -> tuple[bool, bool, bool, float, float]:
    """Return the key of :func:`rank` without the judgement of components, which takes longer than the rest."""
    value = one.comparable(criterion)
    return (one.fit is None, not np.isfinite(value), bool(one.collapsed), round(value, 6), one.structure.freedom)


def best_sound(candidates: Iterable[Candidate], criterion: str) -> Candidate | None:
    """Return the model with the lowest criterion among those that are sound; among all where none is sound.

    It is None where no model has a fit.
    """
    by_value = sorted((one for one in candidates if one.fit), key=partial(_rank_by_value, criterion))
    sound = (one for one in by_value if np.isfinite(one.comparable(criterion)) and one.sound)
    return next(sound, by_value[0] if by_value else None)


def best(candidates: Sequence[Candidate], criterion: str) -> Candidate:
    """Return the model with the lowest criterion, if possible one without collapsed or spurious components.

    By the one-standard-error rule (Breiman, Friedman, Olshen & Stone 1984, Classification and Regression Trees), it is
    the model with the fewest parameters of those less than one standard error from the lowest.

    Raises
    ------
    ValueError
        If no model could be fitted, with the reason of the first, or no model has a finite criterion.
    """
    chosen = best_sound(candidates, criterion)
    if chosen is None:
        raise ValueError(candidates[0].reason)
    if not np.isfinite(chosen.criterion(criterion)):
        msg = (
            f"No model has a finite {criterion}: there are too few rows for so many parameters; choose by another "
            "criterion, or try simpler structures."
        )
        raise ValueError(msg)
    return _simplest_near(chosen, candidates) if criterion == WITHIN_ONE_ERROR else chosen


def _simplest_near(lowest: Candidate, candidates: Sequence[Candidate]) -> Candidate:
    """Return the model with the fewest parameters of those less than one standard error from the lowest criterion."""
    bound = lowest.criterion(CROSS_VALIDATION)
    near = [one for one in candidates if one.criterion(CROSS_VALIDATION) < bound + 2.0 * one.held_out_error]
    sound = [one for one in near if one.sound]
    return min([lowest, *sound], key=lambda one: (one.n_parameters, one.criterion(CROSS_VALIDATION)))
