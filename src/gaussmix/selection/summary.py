"""The summary of a search in words: the chosen model, its rivals, and how clear the choice is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gaussmix.em import Status
from gaussmix.em.support import Support
from gaussmix.selection.candidate import WITHIN_ONE_ERROR, Candidate
from gaussmix.selection.pruning import CAUTION, FEWEST_STEPS
from gaussmix.structures import Structure

__all__ = ["Summary", "different_models"]

_STATUSES = {
    "stopped early": "stopped early",
    "collapsed": "passed over for a collapsed component",
    "spurious": "passed over for resting on too few rows",
    "failed": "not to be fitted",
}
"""The statuses that a summary counts, and the words that follow the count."""

_GRADES = ((6.0, "positive"), (10.0, "strong"), (np.inf, "very strong"))
"""Upper bounds of differences in BIC, and what evidence they are by Kass & Raftery (1995)."""

_UNCLEAR = 2.0
"""The difference in a criterion below which models are equally good: "not worth more than a bare mention" (Kass &
Raftery 1995)."""

_REACH = 10.0
"""The difference in a criterion from which on a stopped model is out of reach: the bound of very strong evidence."""

_ROWS_PER_PARAMETER = 10.0
"""Rows for each parameter of a model below which its lead says nothing. BIC omits terms of the order of a nat for each
parameter. In 64 searches on single Gaussians of 20 to 50 rows, 19 chose two components or more; all 19 models had at
most 7.1 rows for each parameter."""


@dataclass(frozen=True, eq=False)
class Summary:
    """The words about a search.

    Attributes
    ----------
    chosen : Candidate
        The chosen model.
    candidates : tuple of Candidate
        All models.
    rivals : tuple of Candidate
        The models that the chosen model was compared with, the best first.
    criterion : str
        The name of the criterion.
    interrupted : bool
        Whether Ctrl-C ended the search.
    """

    chosen: Candidate
    candidates: tuple[Candidate, ...]
    rivals: tuple[Candidate, ...]
    criterion: str
    interrupted: bool

    @property
    def text(self) -> str:
        """The whole summary."""
        return " ".join([self._choice(), *self._rivals(), *self._strength(), *self.warnings])

    def _choice(self) -> str:
        """Return the sentence on the chosen model."""
        different = different_models(self.candidates)
        statuses = [one.status for one in different]
        counts = ", ".join(
            f"{statuses.count(status)} {words}" for status, words in _STATUSES.items() if status in statuses
        )
        of = f"{len(different)} different models" if len(different) > 1 else "1 model"
        value, tail = f"{self.chosen.criterion(self.criterion):.2f}", f"of {of}{f' ({counts})' if counts else ''}."
        if self.criterion == WITHIN_ONE_ERROR:
            return (
                f"{_describe(self.chosen)} has the fewest parameters of the models less than one standard error from "
                f"the lowest CV; its CV is {value}; {tail}"
            )
        return f"{_describe(self.chosen)} has the lowest {self.criterion.upper()}, {value}, {tail}"

    def _rivals(self) -> list[str]:
        """Return the sentence on the best models with another number of components, and with another structure."""
        kinds = (
            ("number of components", [one for one in self.rivals if one.n_components != self.chosen.n_components]),
            ("structure", [one for one in self.rivals if one.structure != self.chosen.structure]),
        )
        said = [f"with another {kind} is {self._name(rivals[0])}" for kind, rivals in kinds if rivals]
        rounded = self.chosen.m_step.rounding is not None
        note = " Rounded columns are compared by the probabilities of their values." if rounded else ""
        return [f"The best model {', and '.join(said)}.{note}"] if said else []

    def _name(self, rival: Candidate) -> str:
        behind = self._behind(rival)
        return (
            f"{rival.structure_name} with {rival.n_components} ({abs(behind):.2f} {'more' if behind >= 0 else 'less'})"
        )

    def _behind(self, rival: Candidate) -> float:
        """Return the distance of a rival to the chosen model, in units of the criterion."""
        return rival.comparable(self.criterion) - self.chosen.comparable(self.criterion)

    # --- How clear the choice is -------------------------------------------------------------------------------------

    def _strength(self) -> list[str]:
        """Return the sentence on the strength of the choice."""
        if self.doubts:
            return [f"It is unclear whether this is the right model: {'; '.join(self.doubts)}."]
        if not self.rivals or self.criterion == WITHIN_ONE_ERROR:
            return []
        gap = self._behind(self.rivals[0])
        if gap < _UNCLEAR:
            return [f"The choice is unclear: models less than {_UNCLEAR:g} apart describe the rows equally well."]
        if self.criterion != "bic":
            return []
        grade = next(words for most, words in _GRADES if gap < most)
        scale = "by the convention of Kass & Raftery (1995), which is a rule of thumb for mixtures"
        return [f"A difference of {gap:.2f} is {grade} evidence {scale}."]

    @cached_property
    def doubts(self) -> list[str]:
        """The reasons why the lead of the chosen model says nothing, in clauses."""
        doubts = []
        if self.unsound:
            doubts.append("components of the chosen model look spurious")
        if self.chosen.fit and self.chosen.fit.status is Status.ITERATION_LIMIT:
            doubts.append("its fit did not converge")
        if self.interrupted:
            doubts.append("the search was interrupted")
        if self._n_open:
            were, them = ("model was", "it") if self._n_open == 1 else ("models were", "them")
            doubts.append(f"{self._n_open} {were} stopped too early to rule {them} out (try stop_early=False)")
        n_rows, n_parameters = self.chosen.statistics.weight, self.chosen.n_parameters
        if n_rows < _ROWS_PER_PARAMETER * n_parameters:
            doubts.append(f"{n_rows:.4g} rows are few for {n_parameters} parameters")
        return doubts

    @cached_property
    def _n_open(self) -> int:
        """Number of models that were stopped before it was certain that they end far behind the chosen model."""
        stopped = (one for one in different_models(self.candidates) if one.status == "stopped early")
        return sum(not self._is_out_of_reach(one) for one in stopped)

    def _is_out_of_reach(self, stopped: Candidate) -> bool:
        """Return True if a stopped run had enough steps, and its limit is far behind the chosen model."""
        if stopped.fit is None:
            return True
        gain = 2.0 * CAUTION * stopped.fit.distance * stopped.statistics.weight
        return stopped.fit.state.n_iter >= FEWEST_STEPS and self._behind(stopped) - gain > _REACH

    @cached_property
    def unsound(self) -> dict[int, str]:
        """The components of the chosen model that look spurious, each with the reason in a word or two."""
        verdicts = Support.measure(self.chosen.mixture, self.chosen.statistics.mass).verdicts
        found = {k: verdict for k, verdict in enumerate(verdicts) if verdict}
        flat = dict.fromkeys(self.chosen.collapsed, "flat") | dict.fromkeys(self.chosen.regularized, "regularized")
        return dict(sorted((flat | found).items()))

    # --- Warnings ----------------------------------------------------------------------------------------------------

    @property
    def warnings(self) -> list[str]:
        """Sentences on the limits of the chosen model."""
        return [*self._at_the_edge(), *self._warn_of_unsound()]

    def _at_the_edge(self) -> list[str]:
        """Return a warning where the chosen number of components is the smallest or the largest, but for one."""
        k, tried = self.chosen.n_components, sorted({one.n_components for one in self.candidates})
        if len(tried) == 1 or tried[0] < k < tried[-1] or k == 1:
            return []
        edge = "most" if k == tried[-1] else "fewest"
        return [f"The chosen model has {k} components, the {edge} that were tried: widen the range to see beyond."]

    def _warn_of_unsound(self) -> list[str]:
        """Return a warning where components of the chosen model look spurious."""
        if not self.unsound:
            return []
        masses = self.chosen.statistics.mass
        named = ", ".join(f"{k} with {masses[k]:.1f} rows ({word})" for k, word in self.unsound.items())
        subject, look = ("Component", "looks") if len(self.unsound) == 1 else ("Components", "look")
        remedy = "try fewer components, structures with fewer parameters, or prior='weak'"
        return [f"{subject} {named} {look} spurious, and criteria reward that: {remedy}."]


def different_models(candidates: Iterable[Candidate]) -> Sequence[Candidate]:
    """Return the models without those that equal a model before: with one component, structures coincide.

    Parameters
    ----------
    candidates : iterable of Candidate
        Models. Of equal models the first is kept.
    """
    different: dict[tuple[Structure | int, int], Candidate] = {}
    for one in candidates:
        n_features = len(one.m_step.ridge)
        single = one.structure.n_covariance_parameters(1, n_features)
        different.setdefault((single if one.n_components == 1 else one.structure, one.n_components), one)
    return tuple(different.values())


def _describe(one: Candidate) -> str:
    plural = "s" * (one.n_components != 1)
    return f"{one.structure_name} ({one.structure.description}) with {one.n_components} component{plural}"
