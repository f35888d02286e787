"""The search over structures and numbers of components: one walk up and one down in place of independent fits.

For each number of components K, in turn and upwards, all structures share their starts: k-means partitions, the
partition of one tree (Ward), and the best mixture of the K before with one component split. Each start is run for some
steps, and the best of them to the end. Then, downwards, each structure starts once more, from its own fit of the K
above with the cheapest pair of components merged (Runnalls' bound), and from a nested structure's fit where that is
likelier, which can only be for want of a better start. The likelier of both ways is kept.

A fit is given up when the limit that it is heading for is far behind the best model so far. What is the best so far
is settled between one K and the next, so that the answer does not depend on what runs side by side.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from gaussmix import starts
from gaussmix.covariances import Covariances
from gaussmix.density.reduction import cheapest_merge, split
from gaussmix.em import Fit, IllDefinedCovarianceError, MStep, State, Status, distance_to_limit, run
from gaussmix.mixture import Mixture
from gaussmix.selection.candidate import Candidate, best, collapsed
from gaussmix.selection.criteria import CRITERIA
from gaussmix.sources import Assignment, Source
from gaussmix.statistics import POOLED, SCALAR, Statistics
from gaussmix.structures import Structure, named

__all__ = ["Search"]

import os
ROUNDS=eval(os.environ.get('ROUNDS','(5,)'))
POLISH=int(os.environ.get('POLISH','1'))
EXT=int(os.environ.get('EXT','0'))
WALKS=int(os.environ.get('WALKS','1'))
ACROSS=int(os.environ.get('ACROSS','0'))
_RACE_STEPS = int(os.environ.get('RACE','5'))
_FAR_BEHIND = 10.0  # in units of a criterion: what is called very strong evidence ...
_FAR_BEHIND_PER_ROW = 0.05  # ... and what another start might gain
_HOPELESS = 2.0  # times as far behind as that, no other start is tried
_CAUTION = 2.0  # the distance to the limit may be so many times what is estimated

_Cells = dict[tuple[Structure, int], Candidate]
_Start = Callable[[MStep], Mixture]


@dataclass(frozen=True, eq=False)
class Search:
    """What to search through, and how.

    Attributes
    ----------
    source : Source
        The rows.
    n_components : tuple of int
        Numbers of components, ascending.
    m_steps : tuple of MStep
        The models: one for each structure.
    criterion : str
        What fits are given up by: a name from :data:`~gaussmix.selection.criteria.CRITERIA`.
    stop_early : bool
        Whether to give up fits that are heading far behind the best.
    n_init : int
        k-means starts for each number of components.
    tol : float
        Distance to the limit of the log-likelihood, in nats per row. Finer than the estimator's default, as criteria
        compare totals over all rows.
    max_iter : int
        Largest number of M-steps of a fit.
    n_workers : int
        Fits that run side by side.
    """

    source: Source
    n_components: tuple[int, ...]
    m_steps: tuple[MStep, ...]
    criterion: str = "bic"
    stop_early: bool = True
    n_init: int = 1
    tol: float = 1e-6
    max_iter: int = 1000
    n_workers: int = 1

    @property
    def n_visits(self) -> int:
        """How many candidates :meth:`visits` yields."""
        return len(self.m_steps) * (2 * len(self.n_components) - 1)

    def visits(self, rng: np.random.Generator) -> Iterator[Candidate]:
        """Yield a candidate after each visit to a cell: the last of a cell is its answer, and none is raised.

        Parameters
        ----------
        rng : numpy.random.Generator
            For the starts.
        """
        cells: _Cells = {}
        partitions = starts.tree(self.source, rng)
        near = self._pooled()
        for k in self.n_components:
            assignments = [partitions(k)] if k <= self.source.n_rows else []
            if assignments and k>1 and self.n_init:
                from sklearn.cluster import KMeans
                for r in range(int(os.environ.get('KM','1'))): assignments.append(starts._from_labels(KMeans(k,n_init=self.n_init,random_state=r).fit_predict(self.source.rows),k))
            shared = [*(self._partition(one, k, near) for one in assignments), *self._grown(cells, k)]
            yield from self._round(cells, k, lambda _, shared=shared: shared)
        for w in range(WALKS):
          for k in reversed(self.n_components[:-1]):
            yield from self._round(cells, k, lambda cell: self._reduced(cells, cell))
          if w<WALKS-1 or WALKS==1 and ACROSS:
           for k in self.n_components[1:]:
            yield from self._round(cells, k, lambda cell: self._ownsplit(cells, cell))

    def _round(self, cells: _Cells, k: int, starts_of: Callable[[Candidate], Sequence[_Start]]) -> Iterator[Candidate]:
        """Visit the cells of one number of components, side by side, and keep what is found."""
        goal = self._goal(cells)

        def visit(m_step: MStep) -> Candidate:
            cell = cells.get((m_step.structure, k), Candidate(m_step, k))
            return self._visit(cell, starts_of(cell), goal)

        if self.n_workers == 1:
            found = list(map(visit, self.m_steps))
        else:
            with ThreadPoolExecutor(self.n_workers) as pool:
                found = list(pool.map(visit, self.m_steps))
        cells.update({(cell.structure, k): cell for cell in found})
        yield from found

    def _goal(self, cells: _Cells) -> "_Goal":
        """What fits are measured by from now on."""
        known = [cell for cell in cells.values() if cell.fit and not cell.collapsed]
        if not known or not self.stop_early:
            return _Goal(self.criterion)
        leader = best(known, self.criterion)
        weight = leader.statistics.weight
        return _Goal(self.criterion, leader.criterion(self.criterion), _FAR_BEHIND + _FAR_BEHIND_PER_ROW * weight)

    def _visit(self, cell: Candidate, first: Sequence[_Start], goal: "_Goal") -> Candidate:
        """The cell after fits from some starts: the better of what it was and of what they found."""
        begun = perf_counter()
        known, reasons, n_passes = cell.fit, [], 0
        found = cell
        fits: list[Fit] = []
        for start in first:
            if any(goal.behind(fit, self._n_parameters(cell)) > _HOPELESS for fit in [*fits, cell.fit] if fit):
                break
            try:
                fits.append(self._fit(cell, start(cell.m_step), goal, ROUNDS[0]))
                n_passes += fits[-1].state.n_iter + 1
            except IllDefinedCovarianceError as error:
                reasons.append(str(error))
        for steps in ROUNDS[1:]:
            fits = self._ranked(cell, fits)[: max(1, (len(fits) + 1) // 2)]
            going, fits = fits, []
            for fit in going:
                n0 = fit.state.n_iter
                try:
                    fits.append(self._fit(cell, fit.state, goal, steps, fit))
                    n_passes += fits[-1].state.n_iter - n0
                except IllDefinedCovarianceError as error:
                    reasons.append(str(error))
        for fit in self._ranked(cell, fits)[:POLISH]:
            n0 = fit.state.n_iter
            try:
                ended = self._fit(found, fit.state, goal, self.max_iter, fit, accelerate=True)
            except IllDefinedCovarianceError as error:
                reasons.append(str(error))
                continue
            n_passes += ended.state.n_iter - n0
            tried = replace(cell, fit=ended, collapsed=collapsed(ended.state.mixture, cell.m_step.ridge), reason="")
            found = max(found, tried, key=lambda one: one.rank)
        if found.fit is None:
            found = replace(found, reason=next(iter(reasons), self._too_few_rows(cell)))
        seconds = cell.seconds + perf_counter() - begun
        return replace(found, n_passes=cell.n_passes + n_passes, seconds=seconds)

    def _ranked(self, cell, fits):
        if len(fits) < 2:
            return fits
        ridge = cell.m_step.ridge
        return sorted(fits, key=lambda fit: (not collapsed(fit.state.mixture, ridge), fit.state.log_likelihood), reverse=True)

    def _fit(self, cell: Candidate, start, goal: "_Goal", max_iter: int, earlier: Fit | None = None, accelerate=False) -> Fit:
        """A run from a start, or on from an earlier one, that is given up where it leads nowhere."""
        if earlier is not None and earlier.status is not Status.ITERATION_LIMIT:
            return earlier
        n_parameters = self._n_parameters(cell)
        so_far = -np.inf if cell.fit is None or cell.collapsed else cell.log_likelihood

        def hopeless(state: State, distance: float) -> bool:
            limit = _at_limit(state.statistics, distance)
            return limit.log_likelihood < so_far or goal.margins(limit, n_parameters) > 1.0

        return run(
            self.source,
            start,
            cell.m_step,
            tol=self.tol,
            max_iter=max_iter,
            history=() if earlier is None else earlier.history,
            hopeless=hopeless,
            accelerate=accelerate,
        )

    def _n_parameters(self, cell: Candidate) -> int:
        return cell.m_step.n_parameters(cell.n_components, self.source.n_features)

    def _too_few_rows(self, cell: Candidate) -> str:
        return f"{cell.n_components} components need at least as many rows, got {self.source.n_rows}."

    def _pooled(self) -> Covariances:
        """The covariance of all rows: a first guess at axes that components share."""
        mean, _ = starts.column_moments(self.source)
        everything = self.source.summarize(lambda _, rows: np.ones((len(rows), 1)), mean[None], POOLED)
        return MStep(named("EEE"), self.m_steps[0].ridge).maximize(everything).covariances

    def _partition(self, assignment: Assignment, k: int, near: Covariances) -> _Start:
        """A start from responsibilities: their sums are made once for all structures with the same moments."""
        means = starts.means(self.source, assignment, k)
        sums = {
            moments: self.source.summarize(assignment, means, moments)
            for moments in {m_step.moments: None for m_step in self.m_steps}
        }
        return lambda m_step: m_step.maximize(sums[m_step.moments], near)

    def _grown(self, cells: _Cells, k: int) -> list[_Start]:
        """The best mixture of fewer components, with components split until there are enough."""
        fewer = [cell for cell in cells.values() if cell.fit and cell.n_components < k <= self.source.n_rows]
        if not fewer:
            return []
        most = max(cell.n_components for cell in fewer)
        mixture = best([cell for cell in fewer if cell.n_components == most], self.criterion).mixture
        while mixture.n_components < k:
            halves = [split(mixture, j) for j in range(mixture.n_components)]
            mixture = max(halves, key=lambda one: self.source.reduce(one, SCALAR).log_likelihood)
        return [lambda _: mixture]

    def _ownsplit(self, cells, cell):
        below = cells[cell.structure, max(k for k in self.n_components if k < cell.n_components)]
        out=[]
        if below.fit:
            halves = [split(below.mixture, j) for j in range(below.n_components)]
            out.append(max(halves, key=lambda one: self.source.reduce(one, SCALAR).log_likelihood))
        nested = [one for (structure, k), one in cells.items() if k == cell.n_components and structure!=cell.structure and one.rank > cell.rank and one.n_parameters<=cell.n_parameters]
        if nested: out.append(max(nested, key=lambda one: one.rank).mixture)
        if ACROSS>1:
            for (structure,k),one in cells.items():
                if k==cell.n_components and one.fit and sum(a!=b for a,b in zip(structure.name,cell.structure.name))==1 and all(one.mixture is not o for o in out): out.append(one.mixture)
        return [lambda _, mixture=mixture: mixture for mixture in out]

    def _reduced(self, cells: _Cells, cell: Candidate) -> list[_Start]:
        """The cell's own structure with more components, merged until they are few enough; and a nested fit."""
        mixtures = []
        more = min(k for k in self.n_components if k > cell.n_components)
        above = cells[cell.structure, more]
        if above.fit:
            mixture = above.mixture
            while mixture.n_components > cell.n_components:
                mixture = cheapest_merge(mixture)
            mixtures.append(mixture)
        nested = [
            one
            for (structure, k), one in cells.items()
            if k == cell.n_components and cell.structure.contains(structure) and one.rank > cell.rank
        ]
        mixtures += [max(nested, key=lambda one: one.rank).mixture] if nested else []
        return [lambda _, mixture=mixture: mixture for mixture in mixtures]


@dataclass(frozen=True)
class _Goal:
    """What the best model so far has reached, and how far behind it a fit may be heading."""

    criterion: str
    best: float = np.inf
    margin: float = 1.0

    def margins(self, limit: Statistics, n_parameters: int) -> float:
        """How far behind the best a fit would be at its limit, in margins."""
        return (CRITERIA[self.criterion](limit, n_parameters) - self.best) / self.margin

    def behind(self, fit: Fit, n_parameters: int) -> float:
        """The same for a fit that was given up; nothing for others."""
        if fit.status is not Status.BEHIND:
            return 0.0
        return self.margins(_at_limit(fit.state.statistics, distance_to_limit(fit.history)), n_parameters)


def _at_limit(statistics: Statistics, distance: float) -> Statistics:
    """The statistics with the log-likelihoods that they may have when EM has gone the rest of its way."""
    gain = _CAUTION * distance * statistics.weight
    return replace(
        statistics,
        log_likelihood=statistics.log_likelihood + gain,
        classification=statistics.classification + gain,
    )
