"""The results of a search: a table of all models, and a summary in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gaussmix.covariances import stays_diagonal
from gaussmix.em import Status
from gaussmix.mixture import Mixture
from gaussmix.selection.candidate import CROSS_VALIDATION, Candidate, best, rank
from gaussmix.selection.criteria import CRITERIA

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

__all__ = ["SearchResults"]

Record = dict[str, Any]

_SHOWN = 10
"""Models in the printed form of the results, the best first."""

_COUNTED = {
    "stopped early": "stopped on the way",
    "collapsed": "passed over for a collapsed component",
    "failed": "not to be fitted",
}
"""The statuses that a summary counts, and the words that follow the count."""

_GRADES = ((2.0, "hardly any"), (6.0, "positive"), (10.0, "strong"), (np.inf, "very strong"))
"""Upper bounds of differences in BIC, and what evidence they are by Kass & Raftery (1995)."""

_THIN = 1e-4
"""The variance of a component in some direction, as a share of the variance of all rows in that direction, below which
the component counts as nearly singular."""


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
        return self._record(self.candidates[index])

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
        """The models after the best, in order, that are not the same model under another name.

        Only models with a finite criterion count. If no component of the best model has collapsed, models with a
        collapsed component do not count.
        """
        first, *others = self.ranked
        fair = [one for one in others if bool(one.collapsed) == bool(first.collapsed)]
        return [one for one in fair if not _same(first, one) and np.isfinite(one.criterion(self.criterion))]

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
        """Return a paragraph on the chosen model: how clear the choice is, and what to be wary of."""
        chosen, name = self.best, self.criterion.upper()
        statuses = [one.status for one in self.candidates]
        counts = ", ".join(
            f"{statuses.count(status)} {words}" for status, words in _COUNTED.items() if status in statuses
        )
        chose = (
            f"{_described(chosen)} has the lowest {name}, {chosen.criterion(self.criterion):.2f}, of "
            f"{_models(len(self))}{f' ({counts})' if counts else ''}."
        )
        return " ".join([chose, *self._gap(), *self.warnings])

    def _gap(self) -> list[str]:
        """Return a sentence on the next two models, and what evidence their distance to the best is."""
        best, others = self.best, self.runners_up[:2]
        if not others:
            return []
        behind = [one.criterion(self.criterion) - best.criterion(self.criterion) for one in others]
        named = [
            f"{one.structure_name} with {one.n_components} ({gap:.2f} more)"
            for one, gap in zip(others, behind, strict=True)
        ]
        grade = next(words for most, words in _GRADES if behind[0] < most)
        evidence = f"Next come {' and '.join(named)}."
        if self.criterion == "bic":
            evidence += f" Such a gap is {grade} evidence for the first (Kass & Raftery 1995)."
        return [evidence]

    @property
    def warnings(self) -> list[str]:
        """Sentences on what to be wary of in the chosen model."""
        return [*self._at_the_edge(), *self._thin()]

    def _at_the_edge(self) -> list[str]:
        """Return a warning where the chosen number of components is the smallest or the largest, but for one."""
        k, tried = self.best.n_components, sorted({one.n_components for one in self.candidates})
        if len(tried) == 1 or tried[0] < k < tried[-1] or k == 1:
            return []
        edge = "most" if k == tried[-1] else "fewest"
        return [f"The chosen model has {k} components, the {edge} that were tried: widen the range to see beyond."]

    def _thin(self) -> list[str]:
        """Return a warning where components of the chosen model are nearly singular or have hardly any rows."""
        mixture = self.best.mixture
        rows = self.best.statistics.mass
        thin = np.flatnonzero((_thickness(mixture) < _THIN) | (rows < mixture.n_features + 1))
        if not thin.size and not self.best.collapsed:
            return []
        which = ", ".join(map(str, sorted({*thin.tolist(), *self.best.collapsed})))
        warning = (
            f"The chosen model has components that are nearly singular or hold hardly any rows ({which}, counted from "
            "0), which criteria reward: look at them before trusting the choice; fewer components, or a larger "
            "reg_covar, may serve better."
        )
        return [warning]


def _described(one: Candidate) -> str:
    plural = "s" * (one.n_components != 1)
    return f"{one.structure_name} ({one.structure.description}) with {one.n_components} component{plural}"


def _thickness(mixture: Mixture) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return each component's least variance, as a share of the mixture's own in that direction, ``(K,)``."""
    if stays_diagonal(mixture.covariances, mixture.n_features):
        return 1.0 / _widest_ratios(mixture)
    try:
        factor = np.linalg.cholesky(mixture.covariance)
    except np.linalg.LinAlgError:  # all rows together are flat: nothing to compare with
        return np.ones(mixture.n_components)
    dense = mixture.covariances.dense(mixture.n_components, mixture.n_features)
    half = np.linalg.solve(factor, dense)
    return np.asarray(np.linalg.eigvalsh(np.linalg.solve(factor, np.swapaxes(half, 1, 2)))[:, 0])


def _widest_ratios(mixture: Mixture) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return at least the largest variance of the whole in units of each component's own variances, ``(K,)``.

    The whole is diagonal but for what the K means add, whose squared distances bound that.
    """
    variances = mixture.covariances.variances(mixture.n_components, mixture.n_features)
    within, apart = mixture.weights @ variances, mixture.means - mixture.mean
    between = np.array([mixture.weights @ (np.square(apart) / one).sum(axis=1) for one in variances])
    return np.asarray((within / variances).max(axis=1) + between)


def _models(count: int) -> str:
    return f"{count} model{'s' * (count != 1)}"


def _same(one: Candidate, other: Candidate) -> bool:
    """Return whether two fits are of the same model: with one component, structures coincide."""
    close = np.isclose(one.log_likelihood, other.log_likelihood, rtol=1e-9, atol=0)
    return bool(close) and (one.n_components, one.n_parameters) == (other.n_components, other.n_parameters)
