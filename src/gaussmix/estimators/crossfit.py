"""Cross-fitting: fits of a model without parts of the rows, to evaluate it on rows that the fit did not use."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Floats, Labels, Rows
from gaussmix.em import Fit, run
from gaussmix.em.m_step import MStep
from gaussmix.fitting import recover
from gaussmix.initialization import relative_ridge
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["CrossFit", "Refit", "split_folds"]

N_FOLDS = 10
"""The number of parts of the rows."""
_TOL, _MAX_ITER = 1e-5, 200
"""The stopping rule of the refits, in nats per row and EM steps: a refit starts close to its optimum."""


class Refit(NamedTuple):
    """A mixture that was fitted without a part of the rows.

    Attributes
    ----------
    part : (m,) ndarray of int
        The indices of the rows that the fit did not use.
    rest : ArraySource
        The other rows.
    mixture : Mixture
        The mixture that was fitted to the other rows.
    """

    part: Labels
    rest: ArraySource
    mixture: Mixture


@dataclass(frozen=True, eq=False)
class CrossFit:
    """Refits of a mixture, each without a part of the rows. Each refit starts from the mixture of all rows.

    Hence components keep their numbers, and a refit takes a few steps. The left-out part influences a refit only by the
    choice of the local optimum.

    Attributes
    ----------
    source : ArraySource
        The rows.
    mixture : Mixture
        The mixture of all rows.
    m_step : MStep
        The model, with the prior that regularizes degenerate components, if there are any.
    labels : (n,) ndarray of int, optional
        Classes of the rows; the rows of each class are spread evenly over the parts.
    """

    source: ArraySource
    mixture: Mixture
    m_step: MStep
    labels: Labels | None = None

    @cached_property
    def variances(self) -> Floats:
        """The scale of the columns of the rows: positive variances, ``(D,)``."""
        return relative_ridge(
            ArraySource(self.source.rows, self.source.weights, self.source.engine, self.source.n_threads), 1.0
        )

    @cached_property
    def refits(self) -> tuple[Refit, ...]:
        """The refits without each of the parts."""
        return tuple(map(self._refit_without, split_folds(self.source.rows, self.labels)))

    def _refit_without(self, part: Labels) -> Refit:
        """Fit the mixture to all rows except a part."""
        others = np.setdiff1d(np.arange(self.source.n_rows), part)
        rest = self.source.subset(others)

        def rerun(start: Mixture, m_step: MStep) -> Fit:
            return run(rest, start, m_step, tol=_TOL, max_iter=_MAX_ITER, accelerate=True)

        fit, _ = recover(rerun(self.mixture, self.m_step), self.m_step, self.variances, rerun)
        return Refit(part, rest, fit.state.mixture)


def split_folds(rows: Rows, labels: Labels | None = None) -> list[Labels]:
    """Split the rows at random into parts of about equal size; the rows of each label are spread over the parts.

    Equal rows are in the same part, so that repeated rows have the same effect as a weight, and no refit uses a copy of
    a left-out row. A label with a single distinct row is in no part, since a refit without this row would have no row
    of the label.
    """
    row_labels = np.zeros(len(rows), np.intp) if labels is None else labels
    distinct, group = np.unique(np.column_stack([row_labels, rows]), axis=0, return_inverse=True)
    group_labels = distinct[:, 0].astype(np.intp)
    shuffled = np.random.default_rng(0).permutation(len(distinct))
    order = shuffled[np.argsort(group_labels[shuffled], kind="stable")]
    order = order[np.bincount(group_labels)[group_labels[order]] > 1]
    if len(order) < 2:  # noqa: PLR2004 - a part and the other rows
        return []
    part = np.full(len(distinct), -1)
    part[order] = np.arange(len(order)) % N_FOLDS
    return [np.flatnonzero(part[group.ravel()] == i) for i in range(min(N_FOLDS, len(order)))]
