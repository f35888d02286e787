"""One mixture for all classes of rows, with one covariance structure across their components."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from gaussmix import initialization
from gaussmix._types import Labels
from gaussmix.em import Status
from gaussmix.em.degeneracy import degenerate_components
from gaussmix.estimators.choice import MAX_ITER, TOL, Choice
from gaussmix.estimators.classes import Classes, ClassMixtures
from gaussmix.estimators.predictive import Predictive
from gaussmix.fitting import Problem, Stopping
from gaussmix.fitting.fit import explore, fit_from
from gaussmix.fitting.report import FitReport
from gaussmix.fitting.starts import make_start
from gaussmix.mixture import Mixture
from gaussmix.selection import Candidate, best
from gaussmix.sources import Assignment, LabelledSource
from gaussmix.structures import named

__all__ = ["fit_pooled", "labelled"]


def fit_pooled(classes: Classes, choice: Choice, criterion: str, rng: np.random.Generator) -> ClassMixtures:
    """Fit all classes together; choose one structure for all, and how many components each may have."""
    variances = initialization.relative_ridge(classes.source, 1.0)
    m_steps = {structure: choice.model(classes.source, named(structure)) for structure in choice.structures}
    found: dict[Candidate, tuple[str, tuple[int, ...], FitReport]] = {}
    for sizes, labels in _partitions(classes, classes.borne(choice), choice, rng):
        source = labelled(classes, sizes)
        for structure in choice.structures:
            problem = Problem(source, sum(sizes), m_steps[structure], variances)
            report = _fit(problem, labels, len(sizes), rng)
            if report.fit.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            found[_candidate(report)] = structure, sizes, report
    structure, sizes, report = found[best(list(found), criterion)]
    ended = [] if report.status is Status.CONVERGED else [report.message(TOL)]
    params = [{"n_components": size, "covariance_type": structure} for size in sizes]
    mixture, masses = report.fit.state.mixture, report.fit.state.statistics.mass
    lacking = Predictive(mixture, masses, named(structure)).uncarried
    notes = (*classes.too_few(choice), *(ended or lacking))
    return ClassMixtures(mixture, sizes, params, notes, bool(lacking))


def labelled(classes: Classes, sizes: tuple[int, ...]) -> LabelledSource:
    """Return the rows with their classes, each of which has so many components."""
    source = classes.source
    return LabelledSource(
        source.rows, source.weights, source.engine, source.n_threads, labels=classes.labels, sizes=sizes
    )


def _fit(problem: Problem, labels: Labels, n_classes: int, rng: np.random.Generator) -> FitReport:
    """Return the report of a fit of all classes: an exploration, if a class may have several components.

    Parameters
    ----------
    problem : Problem
        The rows with their classes, the number of all components, and the model.
    labels : (n,) ndarray of int
        Components of the rows, of which one start is made: all components in a row, class by class.
    n_classes : int
    rng : numpy.random.Generator
    """
    stopping, start = Stopping(TOL, MAX_ITER), partial(_start, labels)
    if problem.n_components == n_classes:
        return fit_from(problem, stopping, start, rng)
    return fit_from(problem, stopping, explore, rng, beside=(start(problem, rng),))


def _start(labels: Labels, problem: Problem, _rng: np.random.Generator) -> Mixture:
    """Return the start that a partition of the rows makes."""
    assignment = initialization.responsibilities_from(labels, problem.source.n_rows, problem.n_components)
    return make_start(
        problem, lambda m_step: initialization.start_from(problem.source, assignment, problem.n_components, m_step)
    )


def _candidate(report: FitReport) -> Candidate:
    mixture = report.fit.state.mixture
    flat = degenerate_components(mixture, report.fit.state.statistics, report.m_step)
    return Candidate(report.m_step, mixture.n_components, report.fit, collapsed=flat)


def _partitions(
    classes: Classes, most: Sequence[int], choice: Choice, rng: np.random.Generator
) -> Iterator[tuple[tuple[int, ...], Labels]]:
    """Yield the numbers of components that the classes may have, each with a partition of all rows by trees."""
    trees = [
        initialization.ward_tree(part, rng, min(part.n_rows, k)) for part, k in zip(classes.parts, most, strict=True)
    ]
    for sizes in dict.fromkeys(tuple(min(k, borne) for borne in most) for k in choice.n_components):
        assignments = [tree(size) for tree, size in zip(trees, sizes, strict=True)]
        yield sizes, _number_by_class(classes, sizes, assignments)


def _number_by_class(classes: Classes, sizes: tuple[int, ...], assignments: Sequence[Assignment]) -> Labels:
    """Return the component of each row for partitions of each class, ``(n,)``: components of the first class first."""
    labels, before = np.empty(len(classes.labels), dtype=np.intp), 0
    for label, (part, size, assignment) in enumerate(zip(classes.parts, sizes, assignments, strict=True)):
        within = [assignment(span, part.rows[span]).argmax(axis=1) for span in part.spans(size)]
        labels[classes.labels == label] = before + np.concatenate(within)
        before += size
    return labels
