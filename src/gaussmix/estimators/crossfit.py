"""Fits of one model to parts of the rows, to see how well it does on rows that it has not seen."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.em import Fit, run
from gaussmix.em.m_step import MStep
from gaussmix.fitting import recover
from gaussmix.initialization import relative_ridge
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["CrossFit", "Refit", "folds"]

N_FOLDS = 10
_TOL, _MAX_ITER = 1e-5, 200  # nats per row and steps: of fits that begin near their end


class Refit(NamedTuple):
    """The mixture without some rows.

    Attributes
    ----------
    part : (m,) ndarray of int
        The rows that it has not seen.
    rest : ArraySource
        The others.
    mixture : Mixture
        The mixture that was fitted to these.
    """

    part: Labels
    rest: ArraySource
    mixture: Mixture


@dataclass(frozen=True, eq=False)
class CrossFit:
    """A mixture fitted again to all rows but a part, for each part of them; each fit begins with the mixture of all.

    So components keep their numbers, and a fit takes a few steps. What the mixture of all rows has seen of a part is
    forgotten but for the optimum that it is in.

    Attributes
    ----------
    source : ArraySource
        The rows.
    mixture : Mixture
        The mixture of all rows.
    m_step : MStep
        The model, with what holds components open.
    labels : (n,) ndarray of int, optional
        Classes of the rows: each part has its share of each.
    """

    source: ArraySource
    mixture: Mixture
    m_step: MStep
    labels: Labels | None = None

    @cached_property
    def variances(self) -> Floats:
        """How widely the rows are spread, all positive, ``(D,)``."""
        return relative_ridge(
            ArraySource(self.source.rows, self.source.weights, self.source.engine, self.source.n_threads), 1.0
        )

    @cached_property
    def refits(self) -> tuple[Refit, ...]:
        """The mixtures without each part."""
        return tuple(map(self._without, folds(self.source.rows, self.labels)))

    def _without(self, part: Labels) -> Refit:
        others = np.setdiff1d(np.arange(self.source.n_rows), part)
        rest = self.source.subset(others)

        def go_on(start: Mixture, m_step: MStep) -> Fit:
            return run(rest, start, m_step, tol=_TOL, max_iter=_MAX_ITER, accelerate=True)

        fit, _ = recover(go_on(self.mixture, self.m_step), self.m_step, self.variances, go_on)
        return Refit(part, rest, fit.state.mixture)


def folds(rows: Rows, labels: Labels | None = None) -> list[Labels]:
    """Return random parts of about equal size of all rows; of rows with labels, each part has its share of each.

    Equal rows are in one part, so that a row is as good as its weight, and no fit has seen a row that it is told to be
    new. A label of one row alone is in no part, as none would be left to fit.
    """
    of_all = np.zeros(len(rows), np.intp) if labels is None else labels
    distinct, group = np.unique(np.column_stack([of_all, rows]), axis=0, return_inverse=True)
    of_group = distinct[:, 0].astype(np.intp)
    shuffled = np.random.default_rng(0).permutation(len(distinct))
    order = shuffled[np.argsort(of_group[shuffled], kind="stable")]
    order = order[np.bincount(of_group)[of_group[order]] > 1]
    if len(order) < 2:  # noqa: PLR2004 - one part and another
        return []
    part = np.full(len(distinct), -1)
    part[order] = np.arange(len(order)) % N_FOLDS
    return [np.flatnonzero(part[group.ravel()] == i) for i in range(min(N_FOLDS, len(order)))]
