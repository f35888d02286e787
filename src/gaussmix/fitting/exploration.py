"""The search for a good optimum of one problem: many starts, a race, split and merge, and one run over all rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gaussmix._threads import one_thread
from gaussmix.em import Fit, Status, run
from gaussmix.em.m_step import IllDefinedCovarianceError
from gaussmix.fitting.partitions import same_solution
from gaussmix.fitting.penalty import underpopulated
from gaussmix.fitting.problem import Problem, Stopping
from gaussmix.fitting.race import race
from gaussmix.fitting.rare_groups import with_rare_groups
from gaussmix.fitting.runs import Runs
from gaussmix.fitting.schedule import SCHEDULE, Schedule
from gaussmix.fitting.side_by_side import LONGEST, compare_side_by_side, count_starts
from gaussmix.fitting.split_merge import split_and_merge
from gaussmix.fitting.starts import candidate_starts, plain_start, start_in_turn, sure_starts
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["Exploration", "ExplorationResult"]


@dataclass(frozen=True, eq=False)
class ExplorationResult:
    """The end of an exploration.

    Attributes
    ----------
    fit : Fit
        The best fit.
    optima : tuple of float
        Scores per row that the runs from different starts ended at or were heading for, the best first.
    n_passes : float
        Passes over the rows that all runs took together. A pass over a part of the rows counts as that part of a pass.
    runners_up : tuple of Fit
        The other runs over all rows, the best first.
    """

    fit: Fit
    optima: tuple[float, ...]
    n_passes: float
    runners_up: tuple[Fit, ...] = ()


@dataclass(frozen=True, eq=False)
class Exploration:
    """A search for a good optimum of one problem.

    A mixture of one component has one optimum, and one start. For more components:

    0. Where all rows are explored, plain k-means on the columns, ``init_params="kmeans"``, is one start. Its run goes
       to the limit whatever other starts promise, so that the answer is never worse.
    1. K-means in several coordinates makes partitions of the rows, or of a sample where rows are many (see
       :func:`~gaussmix.fitting.partitions.partition_starts`). The most promising partitions become starts. Where there
       is much work, starts are overfitted mixtures, whose components are merged after some steps over fewer rows.
    2. The starts race (:func:`~gaussmix.fitting.race.race`): the better half goes on after two steps and after five.
       Then the best three run to their limits, or until it is clear that they end lower than another; over a sample,
       the best two. Where there is much work, starts run one after the other for five steps over the sample, until
       the best run is at the same solution as another.
    3. From the best run, split and merge looks for a better optimum
       (:func:`~gaussmix.fitting.split_merge.split_and_merge`). This step is left out where all runs came to one end.
    4. The last run is over all rows; where rows are very many, after runs over larger and larger samples.

    Fits are compared by their score: the log-posterior per row, less what degenerate components gain
    (:func:`~gaussmix.fitting.penalty.spike_penalty`).

    Parameters
    ----------
    problem : Problem
        Rows, number of components and model.
    stopping : Stopping
        When the runs over all rows stop.
    beside : tuple of Mixture
        Starts that do not race: each runs to its limit.
    schedule : Schedule
        The constants.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.fitting import Exploration, Problem, Stopping
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rng = np.random.default_rng(0)
    >>> rows = np.concatenate([rng.normal(size=(200, 2)), rng.normal(size=(100, 2)) + 6])
    >>> problem = Problem.of(ArraySource(rows), 2, MStep(named("full"), ridge=np.full(2, 1e-6)))
    >>> found = Exploration(problem, Stopping(tol=1e-4, max_iter=100)).explore(rng)
    >>> np.sort(found.fit.state.mixture.weights).round(2)
    array([0.33, 0.67])
    """

    problem: Problem
    stopping: Stopping
    beside: tuple[Mixture, ...] = ()
    schedule: Schedule = SCHEDULE

    def explore(self, rng: np.random.Generator, runs: Runs | None = None) -> ExplorationResult:
        """Return the best fit of all starts.

        After Ctrl-C, the result is the best run so far, and its status says so.

        Parameters
        ----------
        rng : numpy.random.Generator
            For the sample and the starts.
        runs : Runs, optional
            Runs of the problem, for those who watch them.

        Raises
        ------
        IllDefinedCovarianceError
            If from every start a component collapses in the first step.
        KeyboardInterrupt
            If Ctrl-C comes before the first run has ended.
        """
        runs = runs or Runs(self.problem, self.stopping, self.schedule)
        try:
            sample = self.explored_rows(rng)
            if self.problem.n_components == 1:
                return self._result(runs, self._run_alone(runs, sample))
            with one_thread(sample.rows.size * self.problem.n_components):  # in k-means and in the pursuit too
                sure = sure_starts(runs, sample, self.beside, rng) if self._takes_all_starts(sample) else ()
                ended = [runs.rerun(sample, start, self.stopping.max_iter) for start in sure]
                finalists, agreed = self._run_finalists(runs, sample, ended, rng)
            leader = max(finalists, key=runs.rank)
            others = [runs.limit(fit) for fit in finalists if fit is not leader]
            agreed = agreed or (len(others) > 0 and min(others) > runs.score(leader) - self.schedule.better)
            best = leader
            if not agreed or underpopulated(self.problem, leader):
                best = split_and_merge(runs, sample, leader, rng, self._limit_of_moves(runs, sample))
            fit = self.run_over_all(runs, sample, best, rng)
            shift = runs.score(fit) - runs.score(best)  # from the rows of the sample to all rows
            result = self._result(runs, fit, [float(other + shift) for other in others])
            whole = sample is self.problem.source
            runners_up = [other for other in _best_first(runs)(finalists) if other is not best]
            return replace(result, runners_up=tuple(runners_up) if whole else ())
        except KeyboardInterrupt:
            if runs.ledger.best is None:
                raise
            return self._interrupted(runs, runs.ledger.best)

    def _result(self, runs: Runs, fit: Fit, others: Sequence[float] = ()) -> ExplorationResult:
        return ExplorationResult(fit, tuple(sorted([runs.score(fit), *others], reverse=True)), runs.ledger.n_passes)

    def _interrupted(self, runs: Runs, best: Fit) -> ExplorationResult:
        """Return the best run so far, seen on all rows."""
        over_all = run(self.problem.source, best.state.mixture, self.problem.m_step, tol=0.0, max_iter=0)
        return ExplorationResult(replace(over_all, status=Status.INTERRUPTED), (), runs.ledger.n_passes + 1)

    def _run_alone(self, runs: Runs, sample: ArraySource) -> Fit:
        """Return the run of one component, which has one start."""
        return runs.run(self.problem.source, start_in_turn(runs, sample), self.stopping.max_iter, watched=True)

    def without_underpopulated(self, runs: Runs, fit: Fit, rng: np.random.Generator) -> Fit:
        """Return a fit from elsewhere, after moves that use the place of components with too few rows."""
        if not underpopulated(self.problem, fit):
            return fit
        sample = self.explored_rows(rng)
        before = fit if sample is self.problem.source else runs.run(sample, fit.state.mixture, 0)
        limit = min(self._budget, self.schedule.recovery * (1 + fit.state.n_passes))
        moved = split_and_merge(runs, sample, before, rng, limit)
        return fit if moved is before else self.run_over_all(runs, sample, moved, rng)

    # --- Rows --------------------------------------------------------------------------------------------------------

    def explored_rows(self, rng: np.random.Generator) -> ArraySource:
        """Return the rows, or a sample of them where rows are many more than starts and moves need.

        Rows with classes are explored whole: a sample may have too few of a class.
        """
        schedule, source, k = self.schedule, self.problem.source, self.problem.n_components
        wanted = max(
            schedule.sample_per_feature * k * source.n_features,
            schedule.sample_per_parameter * self.problem.n_parameters,
        )
        most = max(schedule.large_sample, int(schedule.sample_per_component * k * self.problem.fewest_rows))
        enough = max(schedule.least_sample, min(wanted, most))
        if isinstance(source, ArraySource) and len(source.component_groups(k)) > 1:
            return source
        if source.n_rows > schedule.whole_instead * enough:
            return source.sample(rng, enough)
        return source if isinstance(source, ArraySource) else source.sample(rng, source.n_rows)

    @property
    def _roomy(self) -> bool:
        """True if the components have enough rows, so that a better optimum is not an accident of a few rows."""
        least = self.schedule.roomy * self.problem.n_components * self.problem.fewest_rows
        return bool(self.problem.source.weight >= least)

    @property
    def _budget(self) -> float:
        return self.schedule.budget if self._roomy else self.schedule.budget_in_little_room

    def _limit_of_moves(self, runs: Runs, sample: ArraySource) -> float:
        """Return the passes over all rows after which no move begins; the passes of the starts are included."""
        budget = self._budget * (sample.n_rows / self.problem.source.n_rows)
        return max(budget, runs.ledger.n_passes + self.schedule.share_of_moves * budget)

    # --- Starts ------------------------------------------------------------------------------------------------------

    def _effort(self, sample: ArraySource) -> float:
        """Return the share of all starts that are made, at most 1; of rows with classes, all."""
        classed = len(sample.component_groups(self.problem.n_components)) > 1
        return 1.0 if classed else min(1.0, self.schedule.work / (sample.rows.size * self.problem.n_components))

    def _takes_all_starts(self, sample: ArraySource) -> bool:
        """Return True if all rows are explored, from all starts."""
        return sample is self.problem.source and self._effort(sample) == 1.0

    def _run_finalists(
        self, runs: Runs, sample: ArraySource, ended: Sequence[Fit], rng: np.random.Generator
    ) -> tuple[list[Fit], bool]:
        """Return the finalists at their limits, and whether other starts are known to lead to the best of them."""
        n_starts = self._count_side_by_side(sample)
        if n_starts:
            n_finalists = self.schedule.n_finalists_side_by_side
            mixtures, agreed, n_passes = compare_side_by_side(self.problem, sample, n_starts, n_finalists, rng)
            runs.count_passes(n_passes, sample)
            if mixtures:
                fits = _best_first(runs)([runs.run(sample, mixture, 0) for mixture in mixtures])
                return self._run_to_limits(runs, sample, fits, ended), agreed
        schedule, effort, rows = self.schedule, self._effort(sample), sample
        enough = max(schedule.least_sample, schedule.starts_per_parameter * self.problem.n_parameters)
        in_turn = sample is not self.problem.source and effort < 1.0 and sample.n_rows > enough
        if in_turn:
            rows = self.problem.source.sample(rng, enough)
        most = schedule.n_candidates if self._roomy else schedule.n_candidates_in_little_room
        starts = candidate_starts(runs, rows, rng, effort=effort, most=most)
        if in_turn:
            fits, agreed = self.run_until_same(runs, sample, starts)
        else:
            firsts = list(starts) if effort == 1.0 else until_same(starts)
            fits, agreed = self._race(runs, sample, firsts), False
        return self._run_to_limits(runs, sample, fits, ended), agreed

    def _count_side_by_side(self, sample: ArraySource) -> int:
        """Return the number of starts to compare side by side; 0 where starts race one after the other."""
        classed = len(sample.component_groups(self.problem.n_components)) > 1
        whole = sample is self.problem.source and not classed
        fits = whole and self.stopping.max_iter >= LONGEST
        return count_starts(self.problem, sample, self.schedule) if fits else 0

    def _race(self, runs: Runs, sample: ArraySource, firsts: Sequence[Mixture]) -> list[Fit]:
        """Return the candidates that win the race, the best first."""
        n_finalists = self.schedule.n_finalists_of_sample
        if sample is self.problem.source:
            n_finalists = self.schedule.n_finalists if self._roomy else self.schedule.n_finalists_in_little_room
        ranked = _best_first(runs)
        begun = ranked([runs.run(sample, first, 0) for first in firsts])
        fits = race(begun, self.schedule.rungs, lambda fit, n: runs.run(sample, fit, n), ranked, n_kept=n_finalists)
        return fits[:n_finalists]

    def run_until_same(self, runs: Runs, sample: ArraySource, starts: Iterable[Mixture]) -> tuple[list[Fit], bool]:
        """Return runs of a few steps over a sample, and whether the best run is at the same solution as another.

        Starts run one after the other, until two are at the same solution. After three, a start goes on only if it
        begins better than the third of those before.
        """
        n_finalists, ranked = self.schedule.n_finalists, _best_first(runs)
        begun: list[Fit] = []
        fits: list[Fit] = []
        for start in starts:
            if fits and same_solution(fits[0].state.mixture, start):
                return fits[:1], True
            first = runs.run(sample, start, 0)
            if len(begun) >= n_finalists and runs.rank(first) < sorted(map(runs.rank, begun))[-n_finalists]:
                continue
            begun.append(first)
            fits = ranked([*fits, runs.run(sample, first, self.schedule.rungs[-1], accelerate=True)])
            if any(self._same_end(runs, fits[0], fit) for fit in fits[1:]):
                return fits[:1], True
        return fits[:n_finalists], False

    def _same_end(self, runs: Runs, fit: Fit, other: Fit) -> bool:
        """Return whether two runs seem to be on the way to the same optimum."""
        near = runs.score(fit) - runs.score(other) < self.schedule.same
        return near and same_solution(fit.state.mixture, other.state.mixture)

    def _run_to_limits(self, runs: Runs, sample: ArraySource, fits: Sequence[Fit], ended: Sequence[Fit]) -> list[Fit]:
        """Return runs that have ended, and fits run to their limits; a fit that is heading lower is given up."""
        finalists = list(ended)
        for fit in fits:
            best = max((runs.rank(other)[1] for other in finalists), default=-np.inf)
            longest = self.schedule.long_run
            finalists.append(runs.run(sample, fit, longest, above=best, accelerate=True, watched=True))
        return finalists

    # --- All rows ----------------------------------------------------------------------------------------------------

    def run_over_all(self, runs: Runs, sample: ArraySource, best: Fit, rng: np.random.Generator) -> Fit:
        """Return the best fit of a sample after its run over all rows."""
        source, schedule = self.problem.source, self.schedule
        if sample is source:
            ended = best.status not in {Status.ITERATION_LIMIT, Status.BEHIND}
            return best if ended else runs.rerun(source, best, self.stopping.max_iter)
        size = schedule.growth * sample.n_rows
        while schedule.much_larger * size <= source.n_rows:
            best = runs.rerun(source.sample(rng, size), best.state.mixture, schedule.long_run)
            size *= schedule.growth
        ridge = np.maximum(self.problem.m_step.ridge, schedule.least_ridge * self.problem.variances)
        start, n_passes = with_rare_groups(
            source.completed, sample.completed, best.state.mixture, self.problem.m_step, ridge
        )
        runs.count_passes(n_passes, source)
        fit = runs.rerun(source, start, self.stopping.max_iter)
        return self._without_needless(runs, sample, fit, rng) if underpopulated(self.problem, fit) else fit

    def _without_needless(self, runs: Runs, sample: ArraySource, fit: Fit, rng: np.random.Generator) -> Fit:
        """Return the fit from plain k-means, if all its components have rows enough and it is hardly worse."""
        problem, longest = self.problem, self.schedule.long_run
        try:
            of_sample = runs.run(sample, plain_start(runs, sample, rng), longest, accelerate=True)
            other = runs.run(problem.source, of_sample.state.mixture, self.stopping.max_iter, accelerate=True)
        except IllDefinedCovarianceError:
            return fit
        hardly_worse = runs.score(other) > runs.score(fit) - self.schedule.better
        return other if hardly_worse and not underpopulated(problem, other) else fit


def until_same(starts: Iterable[Mixture]) -> list[Mixture]:
    """Return all starts, or the first two where these are the same solution."""
    made: list[Mixture] = []
    for start in starts:
        made.append(start)
        if len(made) == 2 and same_solution(*made):  # noqa: PLR2004 - the first and the second
            break
    return made


def _best_first(runs: Runs) -> Callable[[list[Fit]], list[Fit]]:
    """Return the function that sorts fits by their rank."""
    return lambda fits: sorted(fits, key=runs.rank, reverse=True)
