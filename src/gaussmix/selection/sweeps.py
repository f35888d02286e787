"""The search: sweeps over the numbers of components, in which each model starts from the fits of its neighbours.

1. The first sweep goes up. For each number of components K, all structures share their starts: a partition of one Ward
   tree, k-means partitions, and the best mixture so far with one component split. On small tables, the best of a few
   starts of several families are added (:mod:`~gaussmix.fitting.diverse_starts`), which are compared for the widest
   structures.
2. A sweep down follows. Each structure starts from its own fit with K + 1 components after a merge of two, for the few
   merges that cost least by Runnalls' bound, and from the fit of a nested structure if that is better: it can only be
   better because the larger structure lacked a good start.
3. With ``n_walks > 1``, more sweeps go up and down. Upwards, each structure starts from its own fit with K - 1
   components after a split, and from the fits of the structures whose names differ in one letter.
4. Every model starts once more from nested structures with a better fit, in order of their number of parameters.
5. On small tables, the models that could still win, and the neighbours of the best model, are fitted again from many
   starts of several families, until no such model is left.
6. Last, models with collapsed components that might win are fitted with a prior on these components.

In each evaluation the starts of a model are reduced by successive halving: after one EM step, and again after three,
the better half goes on; after six steps the best (as many as there are sweeps down) run to the end. On small tables all
starts take these steps side by side in one batch, and the best of them run to the end. A run is stopped
when the limit that it is heading for is behind the best fit of its own model, or far behind the best model so far. The
best model so far is determined between one K and the next, so that the answer does not depend on which models are
evaluated in parallel.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from threading import Event

import numpy as np

from gaussmix import initialization
from gaussmix.em.m_step import MStep
from gaussmix.fitting import loss_if_regularized
from gaussmix.fitting.schedule import SCHEDULES
from gaussmix.selection.candidate import Candidate, Candidates, best_sound, rank
from gaussmix.selection.evaluation import Evaluation, StartsOf
from gaussmix.selection.pruning import Pruning, margin_for
from gaussmix.selection.results import SearchResults
from gaussmix.selection.search import Search
from gaussmix.selection.starts import (
    Start,
    compared_starts,
    nested_starts,
    partition_starts,
    pooled_covariance,
    split_starts,
    starts_after_merges,
    starts_after_splits,
)
from gaussmix.structures import Structure

__all__ = ["Watch", "fit_models", "ignore"]

_MOST_CONTENDERS = 12
"""Models near the best that are fitted from many starts in one round."""

Watch = Callable[[Candidate], None]
"""A function that is called with the model after each evaluation, in the thread of the caller."""


def ignore(_candidate: Candidate) -> None:
    """Do nothing."""


def fit_models(search: Search, rng: np.random.Generator, watch: Watch = ignore) -> SearchResults:
    """Return all models of a search with their best fits.

    Where Ctrl-C is pressed, the search ends with the fits that it has, and the results say that it was interrupted.
    Models that cannot be fitted have a reason; none raises.

    Parameters
    ----------
    search : Search
        The settings.
    rng : numpy.random.Generator
        For the starts.
    watch : callable, optional
        Called with the model after each evaluation, and at last once with each model that more starts could not make
        the best: ``search.n_evaluations`` times, unless interrupted.
    """
    sweeps = _Sweeps(search, rng, watch)
    try:
        interrupted = not sweeps.run()
    except KeyboardInterrupt:  # outside of EM, which turns it into a status
        interrupted = True
    return SearchResults(tuple(sweeps.candidates.values()), search.criterion, interrupted)


class _Sweeps:
    """The models of a search with their best fits so far, and the evaluations that improve the fits.

    The methods that evaluate models return False where Ctrl-C was pressed.
    """

    def __init__(self, search: Search, rng: np.random.Generator, watch: Watch) -> None:
        self._search, self._rng, self._watch = search, rng, watch
        self._seed = int(rng.integers(2**32))
        self._interruption = Event()
        self.candidates: Candidates = {
            (m_step.structure, k): Candidate(m_step, k, reason=reason)
            for m_step, reason in search.skipped_models
            for k in search.n_components
        }

    def run(self) -> bool:
        """Evaluate all models, in all sweeps."""
        return (
            all(self._evaluate_structures(k, starts_of) for k, starts_of in self._sweeps())
            and self._start_from_nested()
            and self._confirm()
            and self._regularize_collapsed()
        )

    def _sweeps(self) -> Iterator[tuple[int, StartsOf]]:
        """Yield numbers of components in the order of the sweeps, each with the function that finds the starts."""
        search, candidates = self._search, self.candidates
        yield from self._first_sweep()
        for i in range(search.n_walks):
            if i:
                yield from ((k, partial(starts_after_splits, search, candidates)) for k in search.n_components[1:])
            downwards = reversed(search.n_components[:-1])
            yield from ((k, partial(starts_after_merges, search, candidates)) for k in downwards)

    def _first_sweep(self) -> Iterator[tuple[int, StartsOf]]:
        """Yield numbers of components, each with starts that all structures share."""
        search, n_rows = self._search, self._search.source.n_rows
        most = max(k for k in (1, *search.n_components) if k <= n_rows)
        partition, init = initialization.ward_tree(search.source, self._rng, most), pooled_covariance(search)
        for k in search.n_components:
            starts: list[Start] = []
            if k <= n_rows:
                starts = partition_starts(search, k, partition, init, self._rng)
                starts += split_starts(search, self.candidates, k)
                starts += [start for wide in self._widest for start in self._compare(wide, k)]
            yield k, partial(_shared, starts)

    def _compare(self, m_step: MStep, k: int) -> list[Start]:
        """Return the best of a few starts of several families for one model."""
        candidate = Candidate(self._search.with_prior(m_step, k), k)
        return compared_starts(self._search, candidate, SCHEDULES["quick"], self._rng_for(candidate))

    @property
    def _widest(self) -> list[MStep]:
        """The models that no other model contains: among all, and among those without correlations."""
        models = self._search.fitted_models
        groups = (models, [m_step for m_step in models if not m_step.structure.form.correlated])
        return [
            one
            for group in groups
            for one in group
            if not any(other is not one and other.structure.contains(one.structure) for other in group)
        ]

    def _rng_for(self, candidate: Candidate) -> np.random.Generator:
        """Return the generator of a model: its draws do not depend on the models that are evaluated before."""
        structures = [m_step.structure for m_step in self._search.fitted_models]
        return np.random.default_rng([self._seed, candidate.n_components, structures.index(candidate.structure)])

    def _evaluate_structures(self, k: int, starts_of: StartsOf) -> bool:
        """Evaluate all structures with K components, in parallel, and keep their fits."""
        search, pruning, single_bic = self._search, self._pruning(), self._single_bic

        def evaluate(m_step: MStep) -> Candidate | None:
            key = (m_step.structure, k)
            known = self.candidates.get(key) or Candidate(search.with_prior(m_step, k), k, single_bic=single_bic)
            return Evaluation(search, known, pruning, self._interruption).run(starts_of)

        found: list[Candidate] = []
        with ThreadPoolExecutor(search.n_workers) if search.n_workers > 1 else nullcontext() as pool:
            try:
                for candidate in (pool.map if pool else map)(evaluate, search.fitted_models):
                    if candidate is None:
                        break
                    found.append(candidate)
                    self._watch(candidate)
            except KeyboardInterrupt:  # in this thread, while others run EM: they end at their next step
                self._interruption.set()
        self.candidates.update({(one.structure, k): one for one in found})
        return not self._interruption.is_set()

    @property
    def _single_bic(self) -> float:
        """The lowest BIC of a single Gaussian so far, without collapsed fits; infinite if there is none."""
        singles = [one for one in self.candidates.values() if one.n_components == 1 and one.fit and not one.collapsed]
        return min((one.comparable("bic") for one in singles), default=np.inf)

    def _pruning(self) -> Pruning:
        """Return the rule that stops EM runs early, for the best criterion so far."""
        criterion = self._search.criterion
        return (
            Pruning.against_best(self.candidates.values(), criterion) if self._search.stop_early else Pruning(criterion)
        )

    def _start_from_nested(self) -> bool:
        """Evaluate each model once more, from the fits of nested structures."""
        pruning, starts_of = self._pruning(), partial(nested_starts, self._search, self.candidates)
        for k in self._search.n_components:
            for m_step in sorted(self._search.fitted_models, key=lambda m_step: m_step.structure.freedom):
                key = (m_step.structure, k)
                candidate = Evaluation(self._search, self.candidates[key], pruning, self._interruption).run(starts_of)
                if candidate is None:
                    return False
                self.candidates[key] = self._with_cells_gain(candidate)
                self._watch(candidate)
        return True

    def _confirm(self) -> bool:
        """Fit the models that could still win from many starts, until no such model is left."""
        confirmed: set[tuple[Structure, int]] = set()
        while contenders := [key for key in self._contenders() if key not in confirmed]:
            for key in contenders:
                candidate = self.candidates[key]
                evaluation = Evaluation(self._search, candidate, Pruning(self._search.criterion), self._interruption)
                again = evaluation.run(self._many_starts)
                if again is None:
                    return False
                self.candidates[key] = self._with_cells_gain(again)
                confirmed.add(key)
                self._watch(self.candidates[key])
        for candidate in self._evaluated:
            if (candidate.structure, candidate.n_components) not in confirmed:
                self._watch(candidate)
        return True

    def _many_starts(self, candidate: Candidate) -> list[Start]:
        return compared_starts(self._search, candidate, self._search.schedule, self._rng_for(candidate))

    def _contenders(self) -> list[tuple[Structure, int]]:
        """Return the models that more starts could make the best: those near the best, and its neighbours."""
        criterion = self._search.criterion
        ranked = sorted((one for one in self._fitted if not one.collapsed), key=partial(rank, criterion))
        if not ranked:
            return []
        best = ranked[0]
        reach = best.comparable(criterion) + margin_for(best.statistics.weight)
        near = [one for one in ranked[:_MOST_CONTENDERS] if one.comparable(criterion) <= reach]
        return list(dict.fromkeys((one.structure, one.n_components) for one in [*near, *self._neighbours(best)]))

    def _neighbours(self, best: Candidate) -> list[Candidate]:
        """Return the fitted models that differ from the best in K by one, or in the structure in one respect."""
        numbers = self._search.n_components
        place = numbers.index(best.n_components)
        beside = numbers[max(place - 1, 0) : place + 2]
        return [
            one
            for one in self._fitted
            if (one.structure == best.structure and one.n_components in beside)
            or (one.n_components == best.n_components and one.structure.is_neighbour(best.structure))
        ]

    @property
    def _evaluated(self) -> list[Candidate]:
        models = [m_step.structure for m_step in self._search.fitted_models]
        return [one for (structure, _), one in self.candidates.items() if structure in models]

    @property
    def _fitted(self) -> list[Candidate]:
        return [one for one in self._evaluated if one.fit]

    def _regularize_collapsed(self) -> bool:
        """Fit models with collapsed components again, with a prior on these components, if they might then be the best.

        A component on equal rows may be right, where rows hold sentinels or zeros. With a prior worth one row, its
        model can be compared with the others.
        """
        search = self._search
        best = best_sound(self.candidates.values(), search.criterion)
        for key, candidate in self.candidates.items():
            if candidate.fit and candidate.collapsed and best and self._may_win(candidate, best):
                evaluation = Evaluation(search, candidate, Pruning(search.criterion), self._interruption)
                regularized = evaluation.regularize()
                if regularized is None:
                    return False
                self.candidates[key] = self._with_cells_gain(regularized)
                best = best_sound([best, self.candidates[key]], search.criterion)
        return True

    def _may_win(self, candidate: Candidate, best: Candidate) -> bool:
        """Return whether a model may be better than the best with a prior on its collapsed components.

        Each collapsed component must have rows enough for a covariance of its own: components of fewer rows collapse
        whatever the data are like. The bound on the loss is that of the rows of the collapsed components.
        """
        search = self._search
        masses, fewest = candidate.statistics.mass, candidate.structure.form.fewest_rows(search.source.n_features)
        if best.collapsed or min(masses[k] for k in candidate.collapsed) < max(fewest, 1):
            return False
        if not search.stop_early:
            return True
        mixture, variances = candidate.mixture, search.variances
        losses = [loss_if_regularized(mixture, k, float(masses[k]), variances) for k in candidate.collapsed]
        return candidate.comparable(search.criterion) + 2.0 * sum(losses) < best.comparable(search.criterion)

    def _with_cells_gain(self, candidate: Candidate) -> Candidate:
        """Return a model with what it gains from the rounding of the columns, if some are rounded."""
        floor = candidate.m_step.rounding
        if floor is None or candidate.fit is None:
            return candidate
        gain = self._search.rounding.gain(candidate.mixture, self._search.source, floor)
        return replace(candidate, cells_gain=gain)


def _shared(starts: list[Start], _candidate: Candidate) -> list[Start]:
    return starts
