"""One mixture for all classes of rows, with one covariance structure across their components."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gaussmix import initialization
from gaussmix._types import Floats, Labels
from gaussmix.em import Fit, Status, run
from gaussmix.em.degeneracy import degenerate
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.estimators.choice import MAX_ITER, TOL, Choice
from gaussmix.estimators.classes import Classes, ClassMixtures
from gaussmix.estimators.fitting import Outcome, best_of, count_equal
from gaussmix.estimators.predictive import Predictive
from gaussmix.fitting import held, mended
from gaussmix.mixture import Mixture
from gaussmix.selection import Candidate, best
from gaussmix.sources import Assignment, LabelledSource
from gaussmix.structures import named

__all__ = ["across", "labelled"]


def across(classes: Classes, choice: Choice, criterion: str, rng: np.random.Generator) -> ClassMixtures:
    """Fit all classes together; choose one structure for all, and how many components each may have."""
    variances = initialization.relative_ridge(classes.source, 1.0)
    m_steps = {structure: choice.model(classes.source, named(structure)) for structure in choice.structures}
    found: dict[Candidate, tuple[str, tuple[int, ...], Outcome]] = {}
    for sizes, partitions in _partitions(classes, classes.borne(choice), choice, rng):
        fits = _Fits(labelled(classes, sizes), partitions, variances)
        for structure in choice.structures:
            outcome = fits.best(m_steps[structure])
            found[_candidate(outcome)] = structure, sizes, outcome
    structure, sizes, outcome = found[best(list(found), criterion)]
    ended = [] if outcome.status is Status.CONVERGED else [outcome.message(TOL)]
    params = [{"n_components": size, "covariance_type": structure} for size in sizes]
    mixture, masses = outcome.fit.state.mixture, outcome.fit.state.statistics.mass
    lacking = Predictive(mixture, masses, named(structure)).uncarried
    notes = (*classes.too_few(choice), *(ended or lacking))
    return ClassMixtures(mixture, sizes, params, notes, bool(lacking))


def labelled(classes: Classes, sizes: tuple[int, ...]) -> LabelledSource:
    """Rows that can only have come from the components of their own class, of which there are so many."""
    source = classes.source
    return LabelledSource(
        source.rows, source.weights, source.engine, source.n_threads, labels=classes.labels, sizes=sizes
    )


@dataclass(frozen=True, eq=False)
class _Fits:
    """Fits with so many components in each class.

    Attributes
    ----------
    source : LabelledSource
        The rows.
    partitions : sequence of (n,) ndarray of int
        Components of the rows, to start from: of all components one after the other, class by class.
    variances : (D,) ndarray
        How widely the rows are spread.
    """

    source: LabelledSource
    partitions: Sequence[Labels]
    variances: Floats

    def best(self, m_step: MStep) -> Outcome:
        """The best end from all initialization."""
        return best_of([self._ended(labels, m_step) for labels in self.partitions])

    def _ended(self, labels: Labels, m_step: MStep) -> Outcome:
        try:
            start = self._start(labels, m_step)
        except IllDefinedCovarianceError:
            n_components = sum(self.source.sizes)
            m_step = held(m_step, tuple(range(n_components)), n_components, self.variances)
            start = self._start(labels, m_step)
        fit, m_step = mended(self._run(start, m_step), m_step, self.variances, self._run)
        worth = fit.state.log_posterior
        return Outcome(fit, m_step, (worth,), float(fit.state.n_passes), worth, count_equal(self.source))

    def _start(self, labels: Labels, m_step: MStep) -> Mixture:
        n_components = sum(self.source.sizes)
        assignment = initialization.assigned(labels, self.source.n_rows, n_components)
        return initialization.start(self.source, assignment, n_components, m_step)

    def _run(self, start: Mixture, m_step: MStep) -> Fit:
        fit = run(self.source, start, m_step, tol=TOL, max_iter=MAX_ITER, accelerate=True)
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        return fit


def _candidate(outcome: Outcome) -> Candidate:
    mixture = outcome.fit.state.mixture
    flat = degenerate(mixture, outcome.fit.state.statistics, outcome.m_step)
    return Candidate(outcome.m_step, mixture.n_components, outcome.fit, collapsed=flat)


def _partitions(
    classes: Classes, most: Sequence[int], choice: Choice, rng: np.random.Generator
) -> Iterator[tuple[tuple[int, ...], list[Labels]]]:
    """Numbers of components that the classes may have, each with partitions of all rows: by trees and by k-means."""
    trees = [initialization.tree(part, rng, min(part.n_rows, k)) for part, k in zip(classes.parts, most, strict=True)]
    for sizes in dict.fromkeys(tuple(min(k, borne) for borne in most) for k in choice.n_components):
        kinds = [[tree(size) for tree, size in zip(trees, sizes, strict=True)]]
        if max(sizes) > 1:
            kinds.append([initialization.KINDS["kmeans"](*cut, rng) for cut in zip(classes.parts, sizes, strict=True)])
        yield sizes, [_one_after_the_other(classes, sizes, kind) for kind in kinds]


def _one_after_the_other(classes: Classes, sizes: tuple[int, ...], kind: Sequence[Assignment]) -> Labels:
    """The component of each row, when the classes are cut up so: ``(n,)``, those of the first class first."""
    labels, before = np.empty(len(classes.labels), dtype=np.intp), 0
    for label, (part, size, assignment) in enumerate(zip(classes.parts, sizes, kind, strict=True)):
        within = [assignment(span, part.rows[span]).argmax(axis=1) for span in part.spans(size)]
        labels[classes.labels == label] = before + np.concatenate(within)
        before += size
    return labels
