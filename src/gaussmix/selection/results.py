"""The results of a search: a table of all models, and a summary in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gaussmix.arguments import check_index
from gaussmix.em import Status
from gaussmix.selection.candidate import CROSS_VALIDATION, Candidate, best, rank
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
        """The model with the lowest criterion."""
        return best(self.candidates, self.criterion)

    @property
    def ranked(self) -> list[Candidate]:
        """The fitted models, the best first; those with a collapsed component come last."""
        return sorted((one for one in self.candidates if one.fit), key=partial(rank, self.criterion))

    @property
    def runners_up(self) -> list[Candidate]:
        """The models after the best, in order, without those that equal a better one under another name.

        Only models with a finite criterion count. If no component of the best model has collapsed, models with a
        collapsed component do not count.
        """
        first, *others = different_models(self.ranked)
        fair = [one for one in others if bool(one.collapsed) == bool(first.collapsed)]
        return [one for one in fair if np.isfinite(one.criterion(self.criterion))]

    @property
    def columns(self) -> dict[str, list[Any]]:
        """The table, column by column; None where a model could not be fitted."""
        records = list(self)
        return {name: [record[name] for record in records] for name in records[0]}

    def to_pandas(self) -> "pd.DataFrame":
        """Return the table as a pandas frame."""
        import pandas as pd  # noqa: PLC0415 - pandas is not needed for anything else

        return pd.DataFrame(self.columns)

    def to_polars(self) -> "pl.DataFrame":
        """Return the table as a polars frame."""
        import polars as pl  # noqa: PLC0415 - polars is not needed for anything else

        return pl.DataFrame(self.columns, strict=False)

    def _record(self, one: Candidate) -> Record:
        fit = one.fit
        names = [*CRITERIA, *([CROSS_VALIDATION] if self.criterion == CROSS_VALIDATION else [])]
        return {
            "structure": one.structure_name,
            "n_components": one.n_components,
            "log_likelihood": one.log_likelihood if fit else None,
            "n_parameters": one.n_parameters if fit else None,
            **{name: one.criterion(name) if fit else None for name in names},
            "entropy_r2": one.entropy_r2 if fit else None,
            "n_iter": fit.state.n_iter if fit else None,
            "n_passes": one.n_passes,
            "seconds": one.seconds,
            "status": one.status,
            "reason": one.reason or (fit.status.value if fit and fit.status is not Status.CONVERGED else ""),
        }

    def name(self, one: Candidate) -> str:
        """Return the name of a model's structure for rows with so many features."""
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
        """Return a paragraph on the chosen model, its rivals, how clear the choice is, and what to be wary of."""
        return self._summary.text

    @property
    def warnings(self) -> list[str]:
        """Sentences on what to be wary of in the chosen model."""
        return self._summary.warnings

    @property
    def _summary(self) -> Summary:
        return Summary(self.best, self.candidates, tuple(self.runners_up), self.criterion, self.interrupted)


def _models(count: int) -> str:
    return f"{count} model{'s' * (count != 1)}"
