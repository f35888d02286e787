"""The results of a search: a table of all models, and a summary in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gaussmix.arguments import check_index
from gaussmix.em import Status
from gaussmix.selection.candidate import CROSS_VALIDATION, VALIDATED, Candidate, best, rank
from gaussmix.selection.criteria import CRITERIA
from gaussmix.selection.summary import Summary, different_models

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["SearchResults"]

Record = dict[str, Any]

_SHOWN = 10
"""Models in the printed form of the results, the best first."""


@dataclass(frozen=True, eq=False)
class SearchResults:
    """The models of a search: one row each, as a table or as :class:`~gaussmix.selection.Candidate` objects.

    The results can be indexed and iterated over like a list of dictionaries, whose keys are the columns of the table.

    Attributes
    ----------
    candidates : tuple of Candidate
        The models, each with its fitted mixture.
    criterion : str
        The criterion by which the best model is chosen; lower is better, as for all criteria in the table. (mclust's
        sign is the reverse.)
    interrupted : bool
        Whether Ctrl-C ended the search early, so that models may be missing or have poorer fits.

    Examples
    --------
    >>> from gaussmix import GaussianMixtureSearch
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> search = GaussianMixtureSearch([1, 2], structures=["tied", "full"], random_state=0).fit(X)
    >>> results = search.results_
    >>> len(results), results[0]["structure"], round(results[0]["bic"], 1)
    (4, 'tied', 2607.6)
    """

    candidates: tuple[Candidate, ...]
    criterion: str
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.candidates)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        if isinstance(index, slice):
            return [self._record(one) for one in self.candidates[index]]
        return self._record(self.candidates[check_index("the models", index, len(self))])

    def __iter__(self) -> Iterator[Record]:
        return map(self._record, self.candidates)

    @property
    def best(self) -> Candidate:
        """The chosen model: that with the lowest criterion, or by the one-standard-error rule."""
        return best(self.candidates, self.criterion)

    @property
    def ranked(self) -> list[Candidate]:
        """The fitted models, in ascending order of the criterion; spurious or collapsed components come last.

        The best is the first model, but by the one-standard-error rule.
        """
        return sorted((one for one in self.candidates if one.fit), key=partial(rank, self.criterion))

    @property
    def runners_up(self) -> list[Candidate]:
        """The models after the best, in order, without those that equal a better one under another name.

        Only models with a finite criterion count, and only sound models if the best model is sound.
        """
        first, *others = different_models([self.best, *self.ranked])
        fair = [one for one in others if one.sound == first.sound]
        return [one for one in fair if np.isfinite(one.criterion(self.criterion))]

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The table, column by column; None where a model could not be fitted."""
        records = list(self)
        return {name: [record[name] for record in records] for name in records[0]}

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table as a pandas frame.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureSearch
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> search = GaussianMixtureSearch([1, 2], structures=["tied", "full"], random_state=0).fit(X)
        >>> search.results_.to_pandas().pivot(index="n_components", columns="structure", values="bic").round(1)
        structure       full    tied
        n_components
        1             2607.6  2607.6
        2             2322.2  2325.2
        """
        import pandas as pd  # noqa: PLC0415 - pandas is not needed for anything else

        return pd.DataFrame(self.columns)

    def to_polars(self) -> "pl.DataFrame":
        """Return the table as a polars frame.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureSearch
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> search = GaussianMixtureSearch([1, 2], structures=["tied", "full"], random_state=0).fit(X)
        >>> search.results_.to_polars().shape
        (4, 16)
        """
        import polars as pl  # noqa: PLC0415 - polars is not needed for anything else

        return pl.DataFrame(self.columns, strict=False)

    def _record(self, one: Candidate) -> Record:
        fit = one.fit
        validated = self.criterion in VALIDATED
        names = [*CRITERIA, *([CROSS_VALIDATION] if validated else [])]
        return {
            "structure": one.structure_name,
            "n_components": one.n_components,
            "log_likelihood": one.log_likelihood if fit else None,
            "n_parameters": one.n_parameters if fit else None,
            **{name: one.criterion(name) if fit else None for name in names},
            **({"cv_error": 2.0 * one.held_out_error if fit else None} if validated else {}),
            "entropy_r2": one.entropy_r2 if fit else None,
            "n_iter": fit.state.n_iter if fit else None,
            "n_passes": one.n_passes,
            "seconds": one.seconds,
            "status": one.status,
            "reason": _reason(one),
        }

    def name(self, one: Candidate) -> str:
        """Return the name of a model's structure for rows with so many features.

        Parameters
        ----------
        one : Candidate
            One of `candidates`.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureSearch
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> search = GaussianMixtureSearch([1, 2], structures=["tied", "full"], random_state=0).fit(X)
        >>> search.results_.name(search.results_.best)
        'full'
        """
        return one.structure_name

    def __repr__(self) -> str:
        title = f"{_models(len(self))}, the best by {self.criterion} first (lower is better)"
        lines = [f"{'structure':<10}{'components':>11}{self.criterion:>14}{'log-likelihood':>16}  status"]
        for one in self.ranked[:_SHOWN]:
            values = f"{one.criterion(self.criterion):>14.2f}{one.log_likelihood:>16.2f}"
            lines.append(f"{one.structure_name:<10}{one.n_components:>11}{values}  {one.status}")
        left = len(self) - len(lines) + 1
        return "\n".join([title, *lines, *([f"... and {left} more"] if left else [])])

    # --- In words ----------------------------------------------------------------------------------------------------

    def summary(self) -> str:
        """Return a paragraph on the chosen model, its rivals, how clear the choice is, and what to be wary of.

        Examples
        --------
        >>> from gaussmix import GaussianMixtureSearch
        >>> from gaussmix.datasets import load_faithful
        >>> X = load_faithful().data
        >>> search = GaussianMixtureSearch([1, 2], structures=["tied", "full"], random_state=0).fit(X)
        >>> print(search.results_.summary())  # doctest: +ELLIPSIS
        full (ellipses, ...) with 2 components has the lowest BIC, 2322.19, ... widen the range to see beyond.
        """
        return self._summary.text

    @property
    def warnings(self) -> list[str]:
        """Sentences on what to be wary of in the chosen model."""
        return self._summary.warnings

    @property
    def _summary(self) -> Summary:
        return Summary(self.best, self.candidates, tuple(self.runners_up), self.criterion, self.interrupted)


def _reason(one: Candidate) -> str:
    """Return a sentence on the status of a model; empty where it converged and is sound."""
    if one.reason or not one.fit:
        return one.reason
    if one.status == "spurious" and not one.spurious:
        return f"{one.n_parameters} free parameters are too many for the rows: the BIC of a single Gaussian is as good."
    if one.status == "spurious":
        components = ", ".join(map(str, one.spurious))
        return f"Component{'s'[: len(one.spurious) > 1]} {components}, on few rows: not enough to choose a model for."
    return one.fit.status.value if one.fit.status is not Status.CONVERGED else ""


def _models(count: int) -> str:
    return f"{count} model{'s' * (count != 1)}"
