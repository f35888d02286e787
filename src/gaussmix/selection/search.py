"""The search over structures and numbers of components: walks up and down in place of independent fits.

Upwards, all structures share the starts of each number of components K: the partition of one tree (Ward), k-means
partitions, and the best mixture of the K before with a component split. Downwards, each structure starts from its own
fit of the K above with two components merged, for the few pairs that are cheapest by Runnalls' bound, and from a
nested structure's fit where that is likelier, which can only be for want of a better start. Walking up again, a
structure starts from its own fit of the K below with a component split, and from the fits of the structures that are
one letter away. What is likelier is kept.

Starts race: after one step, and again after three, the better half goes on, and after six the likeliest (as many as
there are walks) are run to the end. Last, every cell is looked at once more, the freest structures last, for a nested
structure's fit that is likelier. A fit is given up when
the limit that it is heading for is far behind the best model so far, or behind what its cell has already. What the
best so far is, is settled between one K and the next, so that the answer does not depend on what runs side by side.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from time import perf_counter
from typing import TypeVar

import numpy as np

from gaussmix import initialization
from gaussmix._types import Floats
from gaussmix.covariances import Covariances, NotPositiveDefiniteError, stays_diagonal
from gaussmix.density.reduction import cheapest_merges, split
from gaussmix.em import Fit, State, Status, run
from gaussmix.em.degeneracy import degenerate
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting import loss_if_regularized, recover
from gaussmix.initialization.columns import rounding_of
from gaussmix.initialization.rounding import Rounding
from gaussmix.mixture import Mixture
from gaussmix.moments import POOLED, SCALAR
from gaussmix.selection.candidate import Candidate, rank
from gaussmix.selection.criteria import CRITERIA
from gaussmix.sources import Assignment, Source
from gaussmix.statistics import Statistics
from gaussmix.structures import EEE, Structure

__all__ = ["Search"]

_ROUNDS = (3, 6)  # steps; between them the better half of the starts goes on
_MERGES, _SPLITS = 2, 3  # the cheapest, as many for each walk, and the likeliest
_FAR_BEHIND = 10.0  # in units of a criterion: what is called very strong evidence ...
_FAR_BEHIND_PER_ROW = 0.05  # ... and what another start might gain
_HOPELESS = 2.0  # times as far behind as that, no other start is tried
_LOOK_EVERY = 4  # steps: how often a run is looked at for collapsed components
_CAUTION = 2.5  # the distance to the limit may be so many times what is estimated

_Cells = dict[tuple[Structure, int], Candidate]
_Start = Callable[[MStep], Mixture]
_Answer = TypeVar("_Answer")


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
    n_walks : int
        Walks up and down. The second and later ones are for those who want every cell, not only the best, to be good.
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
    n_walks: int = 1
    tol: float = 1e-6
    max_iter: int = 1000
    n_workers: int = 1

    @property
    def n_visits(self) -> int:
        """How many candidates :meth:`visits` yields."""
        rounds = 2 * len(self.n_components) + (2 * self.n_walks - 1) * (len(self.n_components) - 1)
        return len(self.fitted_models) * rounds + len(self.beyond) * len(self.n_components)

    def visits(self, rng: np.random.Generator) -> Iterator[Candidate]:
        """Yield a candidate after each visit to a cell: the last of a cell is its answer, and none is raised.

        Parameters
        ----------
        rng : numpy.random.Generator
            For the starts.
        """
        yield from (Candidate(m_step, k, reason=reason) for m_step, reason in self.beyond for k in self.n_components)
        cells: _Cells = {}
        most = max(k for k in (1, *self.n_components) if k <= self.source.n_rows)
        partitions, near = initialization.tree(self.source, rng, most), self._pooled()
        for k in self.n_components:
            shared = self._shared(cells, k, partitions, near, rng) if k <= self.source.n_rows else []
            yield from self._round(cells, k, partial(_regardless, shared))
        for walk in range(self.n_walks):
            if walk:
                for k in self.n_components[1:]:
                    yield from self._round(cells, k, partial(self._from_below, cells))
            for k in reversed(self.n_components[:-1]):
                yield from self._round(cells, k, partial(self._from_above, cells))
        goal, nested = self._goal(cells), partial(self._nested, cells)
        last = []
        for k in self.n_components:
            for m_step in sorted(self.fitted_models, key=lambda m_step: m_step.structure.freedom):
                key = (m_step.structure, k)
                cells[key] = self._in_cells(_Visit(self, cells[key], goal).candidate(nested))
                last.append(key)
        self._hold(cells)
        yield from (cells[key] for key in last)

    @cached_property
    def fitted_models(self) -> tuple[MStep, ...]:
        """The models that are fitted: those whose covariances the rows can carry, or all where they can carry none."""
        weight, n_features = self.source.weight, self.source.n_features
        carried = tuple(m_step for m_step in self.m_steps if not m_step.exceeds(weight, n_features))
        return carried or self.m_steps

    @property
    def beyond(self) -> list[tuple[MStep, str]]:
        """The other models, and why they are not fitted."""
        n_features = self.source.n_features
        reason = (
            f"Rows of a total weight of {self.source.weight:.6g} have no spread in most directions of {n_features} "
            "features: any covariance with axes of its own is degenerate."
        )
        return [(m_step, reason) for m_step in self.m_steps if m_step not in self.fitted_models]

    def _in_cells(self, cell: Candidate) -> Candidate:
        """Return a candidate that knows what it gains from the rounding of the columns, where some are rounded."""
        floor = cell.m_step.rounding
        if floor is None or cell.fit is None:
            return cell
        return replace(cell, cells_gain=self._rounding.gain(cell.mixture, self.source, floor))

    def _hold(self, cells: _Cells) -> None:
        """Hold collapsed components open, in the cells that may then be the best.

        A component on equal rows may be what the data are like, sentinels or zeros. Held open by a prior worth one row,
        it can be compared with others.
        """
        best = min((one for one in cells.values() if one.fit), key=partial(rank, self.criterion), default=None)
        for key, cell in cells.items():
            if cell.fit and cell.collapsed and best and self._may_win(cell, best):
                cells[key] = self._in_cells(_Visit(self, cell, _Goal(self.criterion)).opened())
                best = min(best, cells[key], key=partial(rank, self.criterion))

    def _may_win(self, cell: Candidate, best: Candidate) -> bool:
        """Return whether a candidate may be better than the best with its collapsed components held open.

        Each must have rows enough for a covariance of its own: fewer collapse whatever the data are like. The other
        rows lose nothing, and those of the collapsed components some of what they would lose.
        """
        masses, fewest = cell.statistics.mass, cell.structure.form.fewest_rows(self.source.n_features)
        if best.collapsed or min(masses[k] for k in cell.collapsed) < max(fewest, 1):
            return False
        if not self.stop_early:
            return True
        losses = [loss_if_regularized(cell.mixture, k, float(masses[k]), self.variances) for k in cell.collapsed]
        return cell.comparable(self.criterion) + 2.0 * sum(losses) < best.comparable(self.criterion)

    @cached_property
    def _rounding(self) -> Rounding:
        return rounding_of(self.source)

    @cached_property
    def variances(self) -> Floats:
        """How widely the rows are spread, ``(D,)``."""
        return initialization.relative_ridge(self.source, 1.0)

    def _round(self, cells: _Cells, k: int, starts_of: Callable[[Candidate], Sequence[_Start]]) -> Iterator[Candidate]:
        """Visit the cells of one number of components, side by side, and keep what is found."""
        goal = self._goal(cells)

        def visit(m_step: MStep) -> Candidate:
            cell = cells.get((m_step.structure, k), Candidate(m_step, k))
            return _Visit(self, cell, goal).candidate(starts_of)

        found = []
        with ThreadPoolExecutor(self.n_workers) if self.n_workers > 1 else nullcontext() as pool:
            for cell in pool.map(visit, self.fitted_models) if pool else map(visit, self.fitted_models):
                found.append(cell)
                yield cell
        cells.update({(cell.structure, k): cell for cell in found})

    def _goal(self, cells: _Cells) -> "_Goal":
        """What fits are measured by from now on."""
        known = [cell for cell in cells.values() if cell.fit and not cell.collapsed]
        if not known or not self.stop_early:
            return _Goal(self.criterion)
        leader = min(known, key=partial(rank, self.criterion))
        margin = _FAR_BEHIND + _FAR_BEHIND_PER_ROW * leader.statistics.weight
        return _Goal(self.criterion, leader.criterion(self.criterion), margin)

    # --- Where visits start ------------------------------------------------------------------------------------------

    def _pooled(self) -> Covariances | None:
        """The covariance of all rows, if they have one: a first guess at axes that components share."""
        if all(stays_diagonal(m_step.structure.form, self.source.n_features) for m_step in self.fitted_models):
            return None
        mean, _ = initialization.column_moments(self.source)
        everything = self.source.summarize(lambda _, rows: np.ones((len(rows), 1)), mean[None], POOLED)
        try:
            return MStep(EEE(), self.m_steps[0].ridge).maximize(everything).covariances
        except IllDefinedCovarianceError:
            return None

    def _shared(
        self,
        cells: _Cells,
        k: int,
        partitions: Callable[[int], Assignment],
        near: Covariances | None,
        rng: np.random.Generator,
    ) -> list[_Start]:
        """The starts that all structures share."""
        assignments = [partitions(k)]
        if k > 1:
            assignments += [initialization.KINDS["kmeans"](self.source, k, rng) for _ in range(self.n_init)]
        return [*(self._partition(one, k, near) for one in assignments), *self._grown(cells, k)]

    def _partition(self, assignment: Assignment, k: int, near: Covariances | None) -> _Start:
        """A start from responsibilities: their sums are made once for all structures with the same moments."""
        means = initialization.means(self.source, assignment, k)
        sums = {
            moments: self.source.summarize(assignment, means, moments)
            for moments in dict.fromkeys(m_step.moments for m_step in self.fitted_models)
        }
        return lambda m_step: m_step.maximize(sums[m_step.moments], near)

    def _grown(self, cells: _Cells, k: int) -> list[_Start]:
        """The best mixture of the next fewer components, with components split until there are enough."""
        fewer = [cell for cell in cells.values() if cell.fit and cell.n_components < k]
        if not fewer:
            return []
        most = max(cell.n_components for cell in fewer)
        mixture = min((cell for cell in fewer if cell.n_components == most), key=partial(rank, self.criterion)).mixture
        try:
            while mixture.n_components < k:
                mixture = self._splits(mixture)[0]
        except (NotPositiveDefiniteError, np.linalg.LinAlgError):  # so nearly singular that it cannot be split
            return []
        return _as_starts([mixture])

    def _splits(self, mixture: Mixture) -> list[Mixture]:
        """The mixture with each of its components split, the likeliest first."""
        halves = [split(mixture, j) for j in range(mixture.n_components)]
        return sorted(halves, key=lambda one: -self.source.reduce(one, SCALAR).log_likelihood)

    def _from_above(self, cells: _Cells, cell: Candidate) -> list[_Start]:
        """The cell's own structure with more components, merged until they are few enough; and a nested fit."""
        above = cells[cell.structure, min(k for k in self.n_components if k > cell.n_components)]
        mixtures = []
        if above.fit:
            mixture = above.mixture
            while mixture.n_components > cell.n_components + 1:
                mixture = cheapest_merges(mixture, 1)[0]
            mixtures += cheapest_merges(mixture, _MERGES * self.n_walks)
        return [*_as_starts(mixtures), *self._nested(cells, cell)]

    def _nested(self, cells: _Cells, cell: Candidate) -> list[_Start]:
        """The likeliest fit of a structure within the cell's own, if it is likelier than what the cell has."""
        nested = [one for one in self._beside(cells, cell) if cell.structure.contains(one.structure)]
        likeliest = max(nested, key=lambda one: one.rank, default=cell)
        return _as_starts([likeliest.mixture]) if likeliest.rank > cell.rank else []

    def _from_below(self, cells: _Cells, cell: Candidate) -> list[_Start]:
        """The cell's own structure with fewer components, split; and the fits of structures one letter away."""
        below = cells[cell.structure, max(k for k in self.n_components if k < cell.n_components)]
        mixtures = []
        if below.fit:
            mixture = below.mixture
            while mixture.n_components < cell.n_components - 1:
                mixture = self._splits(mixture)[0]
            mixtures += self._splits(mixture)[:_SPLITS]
        alike = [one for one in self._beside(cells, cell) if cell.structure.is_neighbour(one.structure)]
        return _as_starts([*mixtures, *(one.mixture for one in alike)])

    def _beside(self, cells: _Cells, cell: Candidate) -> list[Candidate]:
        """The fits of other structures with as many components."""
        return [one for (_, k), one in cells.items() if k == cell.n_components and one.fit]


def _as_starts(mixtures: Sequence[Mixture]) -> list[_Start]:
    return [partial(_regardless, mixture) for mixture in mixtures]


def _regardless(answer: _Answer, _question: object) -> _Answer:
    """The same answer, whatever the model or the cell."""
    return answer


@dataclass(frozen=True)
class _Goal:
    """What the best model so far has reached, and how far behind it a fit may be heading."""

    criterion: str
    best: float = np.inf
    margin: float = 1.0

    def margins(self, limit: Statistics, n_parameters: int) -> float:
        """How far behind the best a fit would be at its limit, in margins."""
        return (CRITERIA[self.criterion](limit, n_parameters) - self.best) / self.margin


@dataclass(frozen=True, eq=False)
class _Visit:
    """Some fits of one cell, and what was lost on the way."""

    search: Search
    cell: Candidate
    goal: _Goal
    reasons: list[str] = field(default_factory=list)
    passes: list[int] = field(default_factory=list)

    def candidate(self, starts_of: Callable[[Candidate], Sequence[_Start]]) -> Candidate:
        """The cell after fits from some starts: the better of what it was and of what they found."""
        begun = perf_counter()
        found = self.cell
        n_rows = self.search.source.n_rows
        if found.n_components <= n_rows and not (found.fit and self._hopeless(found.fit)):
            for fit in self._raced(self._starts(starts_of))[: self.search.n_walks]:
                ended = self._gone_on(fit, self.search.max_iter, found, accelerate=True)
                found = max(found, self._tried(ended), key=lambda one: one.rank)
        if found.fit is None:
            too_few = f"{found.n_components} components need at least as many rows, got {n_rows}."
            found = replace(found, reason=self.cell.reason or next(iter(self.reasons), too_few))
        seconds = self.cell.seconds + perf_counter() - begun
        return replace(found, n_passes=self.cell.n_passes + sum(self.passes), seconds=seconds)

    def opened(self) -> Candidate:
        """Return the cell with its collapsed components held open; the cell itself where that cannot be done."""
        fit, begun = self.cell.fit, perf_counter()
        if fit is None:
            return self.cell
        variances = self.search.variances
        try:
            fit, m_step = recover(fit, self.cell.m_step, variances, self._run_with, of_many_rows=True)
        except (IllDefinedCovarianceError, np.linalg.LinAlgError):
            return self.cell
        seconds, n_passes = self.cell.seconds + perf_counter() - begun, self.cell.n_passes + sum(self.passes)
        collapsed = tuple(set(degenerate(fit.state.mixture, fit.state.statistics, m_step)) - set(m_step.held))
        return replace(
            self.cell, fit=fit, m_step=m_step, collapsed=collapsed, reason="", seconds=seconds, n_passes=n_passes
        )

    def _run_with(self, start: Mixture, m_step: MStep) -> Fit:
        """Return a fit of the cell with other bounds."""
        search = self.search
        fit = run(search.source, start, m_step, tol=search.tol, max_iter=search.max_iter, accelerate=True)
        self.passes.append(fit.state.n_passes + 1)
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return fit

    def _starts(self, starts_of: Callable[[Candidate], Sequence[_Start]]) -> Sequence[_Start]:
        """The starts; none where a neighbour is so nearly singular that it can be neither merged nor split."""
        try:
            return starts_of(self.cell)
        except (NotPositiveDefiniteError, np.linalg.LinAlgError) as error:
            self.reasons.append(str(error))
            return []

    def _raced(self, first: Sequence[_Start]) -> list[Fit]:
        """The fits that won the race, the likeliest first."""
        fits = [fit for start in first if (fit := self._started(start))]
        fits.sort(key=lambda fit: -fit.state.log_likelihood)  # no component collapses in one step
        for steps in _ROUNDS:
            lead = self._run(fits[:1], steps)
            if any(map(self._hopeless, lead)):
                return lead
            fits = self._ranked([*lead, *self._run(fits[1 : (len(fits) + 1) // 2], steps)])
        return fits

    def _ranked(self, fits: list[Fit]) -> list[Fit]:
        """The likeliest first, those with a collapsed component last."""
        if len(fits) < 2:  # noqa: PLR2004 - nothing to compare
            return fits
        return sorted(fits, key=lambda fit: (bool(self._collapsed(fit)), -self._worth(fit)))

    def _collapsed(self, fit: Fit) -> tuple[int, ...]:
        """Return the components that only the ridge holds open."""
        return degenerate(fit.state.mixture, fit.state.statistics, self.cell.m_step)

    def _worth(self, fit: Fit) -> float:
        """Return the log-likelihood less what narrow components gain from the rounding of the columns."""
        state = fit.state
        return state.statistics.log_likelihood - self.cell.m_step.rounding_gain(state.mixture, state.statistics.mass)

    def _started(self, start: _Start) -> Fit | None:
        """A fit of one step from a start."""
        return self._guarded(lambda: self._fit(start(self.cell.m_step), 1, self.cell))

    def _run(self, fits: Sequence[Fit], steps: int) -> list[Fit]:
        """The fits after so many steps, but for those that are lost."""
        going = [self._gone_on(fit, min(steps, self.search.max_iter), self.cell) for fit in fits]
        return [fit for fit in going if fit]

    def _gone_on(self, fit: Fit, max_iter: int, so_far: Candidate, *, accelerate: bool = False) -> Fit | None:
        """The fit, gone on with where it has not ended."""
        if fit.status is not Status.ITERATION_LIMIT:
            return fit
        return self._guarded(lambda: self._fit(fit, max_iter, so_far, accelerate=accelerate))

    def _guarded(self, run: Callable[[], Fit]) -> Fit | None:
        """The fit, or None where a component collapsed; the reason is kept."""
        try:
            return run()
        except IllDefinedCovarianceError as error:
            self.reasons.append(str(error))
            return None

    def _fit(
        self,
        start: Mixture | Fit,
        max_iter: int,
        so_far: Candidate,
        *,
        accelerate: bool = False,
    ) -> Fit:
        """A run that is given up where it leads nowhere."""
        m_step, search = self.cell.m_step, self.search
        known = -np.inf if so_far.fit is None or so_far.collapsed else so_far.log_likelihood

        def hopeless(state: State, distance: float) -> bool:
            if search.stop_early and state.n_iter % _LOOK_EVERY == 0 and self._lost(state):
                return True
            if distance == np.inf:
                return False
            limit = _at_limit(state.statistics, distance)
            return limit.log_likelihood < known or self.goal.margins(limit, self._n_parameters) > 1.0

        fit = run(
            search.source,
            start,
            m_step,
            tol=search.tol,
            max_iter=max_iter,
            hopeless=hopeless,
            accelerate=accelerate,
        )
        self.passes.append(fit.state.n_passes - (start.state.n_passes if isinstance(start, Fit) else -1))
        if fit.status is Status.COLLAPSED:
            raise IllDefinedCovarianceError(fit.reason)
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return fit

    def _lost(self, state: State) -> bool:
        """Return whether a component of few rows has collapsed: such a fit is passed over wherever it ends."""
        mass, m_step = state.statistics.mass, self.cell.m_step
        fewest = m_step.structure.form.fewest_rows(self.search.source.n_features)
        return any(mass[k] < fewest for k in degenerate(state.mixture, state.statistics, m_step))

    def _tried(self, fit: Fit | None) -> Candidate:
        """The cell with this fit, or with none."""
        if fit is None:
            return replace(self.cell, fit=None)
        return replace(self.cell, fit=fit, reason="", collapsed=self._collapsed(fit))

    def _hopeless(self, fit: Fit) -> bool:
        """Whether a fit was given up so far behind the best that no other start is worth trying."""
        if fit.status is not Status.BEHIND:
            return False
        limit = _at_limit(fit.state.statistics, fit.distance)
        return self.goal.margins(limit, self._n_parameters) > _HOPELESS

    @property
    def _n_parameters(self) -> int:
        return self.cell.m_step.n_parameters(self.cell.n_components, self.search.source.n_features)


def _at_limit(statistics: Statistics, distance: float) -> Statistics:
    """The statistics with the log-likelihoods that they may have when EM has gone the rest of its way."""
    gain = _CAUTION * distance * statistics.weight
    return replace(
        statistics,
        log_likelihood=statistics.log_likelihood + gain,
        classification_log_likelihood=statistics.classification_log_likelihood + gain,
    )
