"""From many starts to one good optimum, under a budget of passes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats
from gaussmix.em import Fit, State, Status, run
from gaussmix.em.degeneracy import degenerate
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting.partitions import alike, begun, fuller
from gaussmix.fitting.rare_groups import with_rare_groups
from gaussmix.fitting.recovery import loss_if_held
from gaussmix.fitting.split_merge import Half, cost_of_halves, halves, moves
from gaussmix.initialization import given, start
from gaussmix.initialization.assignments import from_labels
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource, Source

__all__ = ["Exploration", "Found"]

_SAMPLE = 2000
_SAMPLE_PER_FEATURE = 20  # and component
_SAMPLE_PER_PARAMETER = 8  # on fewer rows, EM is caught by optima that all rows have not
_LARGE_SAMPLE = 40_000  # which is enough, unless ...
_SAMPLE_PER_COMPONENT = 4  # ... times the fewest rows that each needs are more
_WORK = 2**20  # rows of it times components times features, above which there are fewer starts, ...
_STARTS_PER_PARAMETER = 4  # ... from so many rows
_LARGER = 4  # times a sample: the next one, on the way to all rows
_MUCH_LARGER = 3  # times that: where there are so many rows
_CHANCE = 0.01  # of what a sample's rows gain by chance: how near a run over them comes to its limit
_MENDING = 1.0  # times the passes of a fit: what may be spent on moves from where it ended, before the last begins
_RACERS = 10
_ROUNDS = (2, 5)  # steps; between them the better half of the starts goes on
_FINALISTS, _FINALISTS_OF_A_SAMPLE = 3, 2  # many rows tell earlier how fits will end
_BUDGET = 60.0  # passes over the rows that are explored, after which no move is begun
_SHARE_OF_MOVES = 0.5  # of it, whatever has been done before
_ROOMY = 2.0  # times the fewest rows that a component needs
_RACERS_IN_LITTLE_ROOM, _FINALISTS_IN_LITTLE_ROOM, _BUDGET_IN_LITTLE_ROOM = 4, 2, 15.0
_THINNING_STEPS = 6  # of too many components, before they are merged
_TRIES = 16  # moves
_TRIED_AT_ONCE = 8  # before components are split anew
_TRIAL_STEPS = 8
_LONG_STEPS = 60
_CAUTION = 2.0  # the distance to the limit may be so many times what is estimated
_FOR_A_MOVE = 3  # components: two to merge, one to split
_MOST_COMPONENTS = 128  # that moves are looked for: there are K³ / 2 of them
_BETTER = 1e-3  # nats per row
_NEAR = 2e-3  # nats per row: two runs that may go the same way
_MANY = 10.0  # times the fewest rows: a flat component of so many is no accident
_ALMOST_NONE = 1e-6  # of a row
_LEAST_RIDGE = 1e-9  # of a variance, in the first covariance of a group of rows


@dataclass(frozen=True, eq=False)
class Found:
    """What an exploration ended with.

    Attributes
    ----------
    fit : Fit
        The best fit.
    optima : tuple of float
        Log-posteriors per row that the runs from different starts ended at or were heading for, the best first; less
        what components gain by being flat.
    n_passes : float
        Passes over the rows that all runs took together. A pass over a part of the rows counts as that part of one.
    """

    fit: Fit
    optima: tuple[float, ...]
    n_passes: float


@dataclass(frozen=True, eq=False)
class Exploration:
    """A search for a good optimum of one model.

    One component has one optimum, and one start. Of more:

    0. Where all rows are explored, one start is plain k-means on the columns as they are, as ``init_params="kmeans"``
       makes it. It is run to its limit whatever the others promise, so that the answer is never worse.
    1. Partitions of the rows, or of a sample where they are many, are made by k-means in several coordinates (see
       :func:`~gaussmix.fitting.partitions.begun`); the most promising become starts. Where there is much to do,
       starts are mixtures of too many components, merged after some steps over fewer rows.
    2. They race: of the starts, and again after two steps, the better half goes on. After five, the three likeliest are
       run to their limits, or until it is clear that it will not be the highest; of a sample, the two likeliest. Where
       there is much to do, there is no race: one start after the other takes five steps over the sample, until the best
       of them is like another. After three, a start goes only if it begins likelier than the third of those before.
    3. From the best, components are merged in pairs, while others are split in two, as long as it gains something.
       Where all came to one end, this is left out.
    4. The last run is over all rows, where there are very many after runs over larger and larger samples.

    Where a component has fewer rows than it needs for a covariance of its own, or not many more and no spread but the
    ridge's in some direction, what it gains by being flat does not count.

    Attributes
    ----------
    source : Source
        The rows.
    n_components : int
        K.
    m_step : MStep
        The model.
    variances : (D,) ndarray
        How widely the rows are spread, all positive.
    tol : float
        Distance to the limit of the log-likelihood, in nats per row, for all runs.
    max_iter : int
        Largest number of M-steps of the last run.
    watch : callable
        For the states of the long runs.
    passes : list of float
        What each run took, in passes over all rows.
    kept : list of Fit
        The best run so far, in case of Ctrl-C.
    beside : tuple of Mixture
        Starts that take no part in the race and are run to their limits, beside those that win it.
    """

    source: Source
    n_components: int
    m_step: MStep
    variances: Floats
    tol: float
    max_iter: int
    watch: Callable[[State, float], None] = lambda _state, _gain: None
    passes: list[float] = field(default_factory=list)
    kept: list[Fit] = field(default_factory=list)
    beside: tuple[Mixture, ...] = ()

    def found(self, rng: np.random.Generator) -> Found:
        """Search.

        Parameters
        ----------
        rng : numpy.random.Generator
            For the sample and the starts.

        Raises
        ------
        IllDefinedCovarianceError
            If from every start a component collapses in the first step.
        """
        try:
            return self._found(rng)
        except KeyboardInterrupt:
            if not self.kept:
                raise
            whole = run(self.source, self.kept[0].state.mixture, self.m_step, tol=0.0, max_iter=0)
            return Found(replace(whole, status=Status.INTERRUPTED), (), sum(self.passes) + 1)

    def without_doomed(self, fit: Fit, rng: np.random.Generator) -> Fit:
        """A fit from elsewhere, after moves that give the place of components with too few rows to others."""
        if not self._doomed(fit):
            return fit
        sample = self._sample(rng)
        before = fit if sample is self.source else self._run(sample, fit.state.mixture, 0)
        moved = self._moved(sample, before, rng, min(self._budget, _MENDING * (1 + fit.state.n_passes)))
        return fit if moved is before else self._whole(sample, moved, rng)

    def _found(self, rng: np.random.Generator) -> Found:
        if self.n_components == 1:
            alone = self._run(self.source, self._in_turn(self._sample(rng)), self.max_iter, watch=self.watch)
            return Found(alone, (self.worth(alone),), sum(self.passes))
        sample = self._sample(rng)
        finalists, agreed = self._finalists(sample, rng)
        leader = max(finalists, key=self._rank)
        others = [_limit(fit) - self._owed(fit) for fit in finalists if fit is not leader]
        agreed = agreed or (len(others) > 0 and min(others) > self.worth(leader) - _BETTER)
        done = agreed and not self._doomed(leader)
        best = leader if done else self._moved(sample, leader, rng, self._budget_of_moves(sample))
        whole = self._whole(sample, best, rng)
        shift = self.worth(whole) - self.worth(best)  # from the sample's rows to all
        optima = sorted([self.worth(whole), *(float(other + shift) for other in others)], reverse=True)
        return Found(whole, tuple(optima), sum(self.passes))

    def worth(self, fit: Fit) -> float:
        """The log-posterior per row, less what components gain by being flat."""
        return float(fit.state.log_posterior - self._owed(fit))

    def _whole(self, sample: ArraySource, best: Fit, rng: np.random.Generator) -> Fit:
        """The best fit, run to its end over all rows: first over larger and larger samples."""
        if sample is self.source:
            ended = best.status not in {Status.ITERATION_LIMIT, Status.BEHIND}
            return best if ended else self._run(sample, best, self.max_iter, accelerate=True, watch=self.watch)
        size = _LARGER * sample.n_rows
        while _MUCH_LARGER * size <= self.source.n_rows:
            larger = self._some(rng, size)
            best = self._run(larger, best.state.mixture, _LONG_STEPS, accelerate=True, watch=self.watch)
            size *= _LARGER
        ridge = np.maximum(self.m_step.ridge, _LEAST_RIDGE * self.variances)
        start, n_passes = with_rare_groups(self.source, sample, best.state.mixture, self.m_step, ridge)
        self.passes.append(n_passes)
        whole = self._run(self.source, start, self.max_iter, accelerate=True, watch=self.watch)
        return self._without_needless(sample, whole, rng) if self._doomed(whole) else whole

    def _without_needless(self, sample: ArraySource, whole: Fit, rng: np.random.Generator) -> Fit:
        """Return the fit from plain k-means, if all its components have rows enough and it is hardly worse."""
        try:
            first = given("kmeans", sample, self.n_components, self.m_step, rng)
            begun = self._run(sample, first, _LONG_STEPS, accelerate=True)
            other = self._run(self.source, begun.state.mixture, self.max_iter, accelerate=True)
        except IllDefinedCovarianceError:
            return whole
        return other if not self._doomed(other) and self.worth(other) > self.worth(whole) - _BETTER else whole

    def _sample(self, rng: np.random.Generator) -> ArraySource:
        """The rows, or some of them where there are many more than starts and moves need."""
        wanted = max(
            _SAMPLE_PER_FEATURE * self.n_components * self.source.n_features,
            _SAMPLE_PER_PARAMETER * self._n_parameters,
        )
        most = max(_LARGE_SAMPLE, int(_SAMPLE_PER_COMPONENT * self.n_components * self._fewest))
        enough = max(_SAMPLE, min(wanted, most))
        if self.source.n_rows > 1.5 * enough:
            return self._some(rng, enough)
        return self.source if isinstance(self.source, ArraySource) else self._some(rng, self.source.n_rows)

    def _some(self, rng: np.random.Generator, n_rows: int) -> ArraySource:
        return self.source.sample(rng, n_rows)

    def _finalists(self, sample: ArraySource, rng: np.random.Generator) -> tuple[list[Fit], bool]:
        """The fits that came to their ends, and whether it is known that others come to the same as the best."""
        effort = min(1.0, _WORK / (sample.rows.size * self.n_components))
        enough = max(_SAMPLE, _STARTS_PER_PARAMETER * self._n_parameters)
        with one_thread(sample.rows.size * self.n_components):  # k-means and pursuit too, between the passes
            if sample is self.source or effort == 1.0 or sample.n_rows <= enough:
                certain = self._certain(rng) if sample is self.source and effort == 1.0 else []
                firsts = self._firsts(sample, rng, effort)
                racers = _until_alike(firsts) if effort < 1.0 else list(firsts)
                return self._finished(sample, self._raced(sample, racers), certain), False
            going, agreed = self._going(sample, self._firsts(self._some(rng, enough), rng, effort))
            return self._finished(sample, going, []), agreed

    def _certain(self, rng: np.random.Generator) -> list[Fit]:
        """Return the runs that are made whatever the race says: from plain k-means, and from what is known beside."""
        certain = list(self.beside)
        with suppress(IllDefinedCovarianceError):
            certain.insert(0, given("kmeans", self.source, self.n_components, self.m_step, rng))
        return [self._run(self.source, one, self.max_iter, accelerate=True, watch=self.watch) for one in certain]

    def _going(self, sample: ArraySource, firsts: Iterable[Mixture]) -> tuple[list[Fit], bool]:
        """Runs of a few steps over a sample, until the likeliest is like another; and whether it is.

        One start after the other is asked for. After three, only those go that begin likelier than the third of them.
        """
        begins: list[Fit] = []
        fits: list[Fit] = []
        for first in firsts:
            if fits and alike(fits[0].state.mixture, first):
                return fits[:1], True
            begin = self._run(sample, first, 0)
            if len(begins) >= _FINALISTS and self._rank(begin) < sorted(map(self._rank, begins))[-_FINALISTS]:
                continue
            begins.append(begin)
            fits.append(self._gone_on(sample, begin, _ROUNDS[-1], accelerate=True))
            fits.sort(key=self._rank, reverse=True)
            if any(self._same(fits[0], fit) for fit in fits[1:]):
                return fits[:1], True
        return fits[:_FINALISTS], False

    def _same(self, fit: Fit, other: Fit) -> bool:
        """Whether two runs seem to be on the way to the same end."""
        near = self.worth(fit) - self.worth(other) < _NEAR
        return near and alike(fit.state.mixture, other.state.mixture)

    def _firsts(self, sample: ArraySource, rng: np.random.Generator, effort: float) -> Iterator[Mixture]:
        """Starts, the first of them made when they are asked for; or the only one that there is."""
        firsts = islice(self._looked_for(sample, rng, effort), _RACERS if self._roomy else _RACERS_IN_LITTLE_ROOM)
        first = next(firsts, None)
        if first:
            yield first
            yield from firsts
        else:
            yield self._in_turn(sample)

    def _in_turn(self, sample: ArraySource) -> Mixture:
        """Return the start that gives the rows to the components in turn: the only one for one component."""
        in_turn = from_labels(np.arange(sample.n_rows) % self.n_components, self.n_components)
        return start(sample, in_turn, self.n_components, self.m_step)

    def _looked_for(self, sample: ArraySource, rng: np.random.Generator, effort: float) -> Iterator[Mixture]:
        """Where there is much to do, mixtures of too many components, thinned; then those that partitions make."""
        for more in fuller(sample, self.n_components, self.m_step, rng) if effort < 1.0 else ():
            try:
                fewer = self._thinned(sample, more)
            except (IllDefinedCovarianceError, np.linalg.LinAlgError):
                continue
            yield fewer
        yield from begun(sample, self.n_components, self.m_step, rng, effort)

    def _thinned(self, sample: ArraySource, fuller: Mixture) -> Mixture:
        """What merging a mixture of too many components, after some steps, leaves, and one step makes of it."""
        fit = run(sample, fuller, self.m_step, tol=self._tol(sample), max_iter=_THINNING_STEPS, accelerate=True)
        self.passes.append((2 + fit.state.n_passes) * sample.n_rows / self.source.n_rows)
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return self._reached(sample, fit.state.mixture.reduce(self.n_components))

    def _reached(self, sample: ArraySource, begin: Mixture) -> Mixture:
        """The mixture of the model that one step leads to, from one of any form."""
        return self.m_step.maximize(sample.reduce(begin, self.m_step.moments), begin.covariances)

    @property
    def _n_parameters(self) -> int:
        return self.m_step.n_parameters(self.n_components, self.source.n_features)

    @property
    def _roomy(self) -> bool:
        """Whether there are rows enough for all components, so that a better optimum is not an accident of a few."""
        return bool(self.source.weight >= _ROOMY * self.n_components * self._fewest)

    @property
    def _n_finalists(self) -> int:
        return _FINALISTS if self._roomy else _FINALISTS_IN_LITTLE_ROOM

    @property
    def _budget(self) -> float:
        return _BUDGET if self._roomy else _BUDGET_IN_LITTLE_ROOM

    def _budget_of_moves(self, sample: ArraySource) -> float:
        """The passes over all rows after which no move is begun: those done included."""
        part = sample.n_rows / self.source.n_rows
        return max(self._budget * part, sum(self.passes) + _SHARE_OF_MOVES * self._budget * part)

    @property
    def _fewest(self) -> float:
        """Rows below which a component is not worth keeping."""
        return max(self.m_step.structure.form.fewest_rows(self.source.n_features), _ALMOST_NONE)

    def _raced(self, sample: ArraySource, firsts: Sequence[Mixture]) -> list[Fit]:
        """The fits that won the race, the likeliest first."""
        n_finalists = self._n_finalists if sample is self.source else _FINALISTS_OF_A_SAMPLE
        fits = sorted((self._run(sample, first, 0) for first in firsts), key=self._rank, reverse=True)
        for steps in _ROUNDS:
            going = fits[: max(n_finalists, (len(fits) + 1) // 2)]
            fits = sorted((self._gone_on(sample, fit, steps) for fit in going), key=self._rank, reverse=True)
        return fits[:n_finalists]

    def _finished(self, sample: ArraySource, fits: Sequence[Fit], certain: Sequence[Fit]) -> list[Fit]:
        """The fits run to their limits, but for those that are heading for less than the best of those before."""
        ended = list(certain)
        for fit in fits:
            best = max((self._rank(one)[1] for one in ended), default=-np.inf)
            ended.append(self._gone_on(sample, fit, _LONG_STEPS, above=best, accelerate=True, watch=self.watch))
        return ended

    def _moved(self, sample: ArraySource, best: Fit, rng: np.random.Generator, budget: float) -> Fit:
        """The best fit after moves, for as long as they are better and less than so many passes are done."""
        if self.max_iter == 0 or not _FOR_A_MOVE <= self.n_components <= _MOST_COMPONENTS:
            return best
        tries = _TRIES
        while tries > 0 and sum(self.passes) < budget:
            mixture = best.state.mixture
            split = self._halves(sample, mixture, rng)
            found = None
            for moved in islice(moves(mixture, split, self._doomed(best)), min(tries, _TRIED_AT_ONCE)):
                tries -= 1
                found = self._tried(sample, moved, best)
                if found or sum(self.passes) > budget:
                    break
            if found is None:
                return best
            best = found
        return best

    def _halves(self, sample: ArraySource, mixture: Mixture, rng: np.random.Generator) -> list[Half | None]:
        try:
            split = halves(sample, mixture, self.m_step, rng)
        except np.linalg.LinAlgError:  # a component so nearly singular that it cannot be cut
            return [None] * self.n_components
        self.passes.append(cost_of_halves(sample, mixture, self.m_step) * sample.n_rows / self.source.n_rows)
        return split

    def _tried(self, sample: ArraySource, moved: Mixture, best: Fit) -> Fit | None:
        """The fit from a move, if it is better."""
        target = self._rank(best)[1]
        try:
            first = self._reached(sample, moved)
        except IllDefinedCovarianceError:
            return None
        self.passes.append(sample.n_rows / self.source.n_rows)
        fit = self._run(sample, first, _TRIAL_STEPS, above=target)
        if fit.status is Status.ITERATION_LIMIT:
            fit = self._gone_on(sample, fit, _LONG_STEPS, above=target, accelerate=True)
        found, before = self._rank(fit), self._rank(best)
        better = found[0] > before[0] or (found[0] == before[0] and found[1] > before[1] + _BETTER)
        return fit if better and fit.status is not Status.BEHIND else None

    # --- Runs --------------------------------------------------------------------------------------------------------

    def _gone_on(self, source: Source, fit: Fit, max_iter: int, **options: Any) -> Fit:  # noqa: ANN401 - of _run
        """The fit, gone on with where it has not ended."""
        if fit.status is not Status.ITERATION_LIMIT:
            return fit
        return self._run(source, fit, max_iter, **options)

    def _run(
        self,
        source: Source,
        begin: Mixture | Fit,
        max_iter: int,
        *,
        above: float = -np.inf,
        **options: Any,  # noqa: ANN401 - of run
    ) -> Fit:
        """A run, given up where it is heading for less than `above`."""

        def hopeless(state: State, distance: float) -> bool:
            return state.log_posterior + _CAUTION * distance < above

        fit = run(
            source,
            begin,
            self.m_step,
            tol=self._tol(source),
            max_iter=min(max_iter, self.max_iter),
            hopeless=hopeless,
            **options,
        )
        steps = fit.state.n_passes - (begin.state.n_passes if isinstance(begin, Fit) else -1)
        self.passes.append(steps * source.n_rows / self.source.n_rows)
        self.kept[:] = [max([*self.kept, fit], key=lambda one: (one.state.statistics.weight, self._rank(one)))]
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return fit

    def _tol(self, source: Source) -> float:
        """How near a run comes to its limit: over a sample, no nearer than the rows themselves can tell.

        With p parameters, n rows gain some ``p / 2n`` nats each by chance.
        """
        if source is self.source:
            return self.tol
        return max(self.tol, _CHANCE * self._n_parameters / (2.0 * source.n_rows))

    def _rank(self, fit: Fit) -> tuple[bool, float]:
        """What fits are compared by: that none collapsed, and the log-posterior less what is owed."""
        return fit.status is not Status.COLLAPSED, self.worth(fit)

    def _owed(self, fit: Fit) -> float:
        """What components owe to their being flat, or having too few rows: what each would lose if it were held open.

        And what they gain by being narrow beside the rounding of the columns.
        """
        mixture, statistics = fit.state.mixture, fit.state.statistics
        lost = self.m_step.rounding_gain(mixture, statistics.mass)
        if self.m_step.prior is not None:
            return lost / statistics.weight
        needles = (k for k in degenerate(mixture, statistics, self.m_step) if statistics.mass[k] < _MANY * self._fewest)
        for k in {*self._doomed(fit), *needles} - set(self.m_step.held):
            lost += loss_if_held(mixture, k, float(statistics.mass[k]), self.variances)
        return lost / statistics.weight

    def _doomed(self, fit: Fit) -> tuple[int, ...]:
        """The components that have fewer rows than they need for a covariance of their own, or none."""
        return tuple(np.flatnonzero(fit.state.statistics.mass < self._fewest).tolist())


def _until_alike(firsts: Iterable[Mixture]) -> list[Mixture]:
    """All starts, or the first two where these are alike."""
    found: list[Mixture] = []
    for first in firsts:
        found.append(first)
        if len(found) == 2 and alike(*found):  # noqa: PLR2004 - as said
            break
    return found


def _limit(fit: Fit) -> float:
    """The log-posterior that a run is heading for."""
    return fit.state.log_posterior + (fit.distance if np.isfinite(fit.distance) else 0.0)
