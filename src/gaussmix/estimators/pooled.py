"""A pooled fit of all classes: one mixture, with one covariance structure across the components of all classes."""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from gaussmix import initialization
from gaussmix._types import Labels
from gaussmix.em import Status
from gaussmix.em.degeneracy import degenerate_components
from gaussmix.estimators.class_models import Classes, ClassMixtures
from gaussmix.estimators.model_choice import MAX_ITER, TOL, Choice
from gaussmix.estimators.predictive import Predictive
from gaussmix.fitting import Problem, Stopping
from gaussmix.fitting.fit import explore, fit_from
from gaussmix.fitting.report import FitReport
from gaussmix.fitting.starts import make_start
from gaussmix.mixture import Mixture
from gaussmix.selection import Candidate, best
from gaussmix.sources import Assignment, LabelledSource
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import named

__all__ = ["fit_pooled", "label_source"]


def fit_pooled(classes: Classes, choice: Choice, criterion: str, rng: np.random.Generator) -> ClassMixtures:
    """Fit all classes together; select one structure for all components, and the numbers of components."""
    variances = initialization.relative_ridge(classes.source, 1.0)
    m_steps = {structure: choice.make_model(classes.source, named(structure)) for structure in choice.structures}
    fits: dict[Candidate, tuple[str, tuple[int, ...], FitReport]] = {}
    for sizes, labels in _make_partitions(classes, classes.max_components(choice), choice, rng):
        source = label_source(classes, sizes)
        for structure in choice.structures:
            problem = Problem(source, sum(sizes), m_steps[structure], variances)
            report = _fit(problem, labels, len(sizes), rng)
            if report.fit.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            fits[_make_candidate(report)] = structure, sizes, report
    structure, sizes, report = fits[best(list(fits), criterion)]
    ending = [] if report.status is Status.CONVERGED else [report.message(TOL)]
    params = [{"n_components": size, "covariance_type": structure} for size in sizes]
    mixture, masses = report.fit.state.mixture, report.fit.state.statistics.mass
    shortage = Predictive(mixture, masses, named(structure)).shortage_notes
    notes = (*classes.shortage_notes(choice), *(ending or shortage))
    return ClassMixtures(mixture, sizes, params, notes, bool(shortage))


def label_source(classes: Classes, sizes: tuple[int, ...]) -> LabelledSource:
    """Return the rows as a source with class labels, for the given number of components of each class."""
    source = classes.source
    return LabelledSource(
        source.rows,
        source.weights,
        source.engine,
        source.n_threads,
        labels=classes.labels,
        sizes=sizes,
        missing=source.missing if isinstance(source, IncompleteSource) else None,
    )


def _fit(problem: Problem, labels: Labels, n_classes: int, rng: np.random.Generator) -> FitReport:
    """Fit all classes, and return the report; the fit explores several starts if a class has several components.

    Parameters
    ----------
    problem : Problem
        The rows with their classes, the number of all components, and the model.
    labels : (n,) ndarray of int
        The component of each row, for one of the starts. Components are numbered in the order of the classes.
    n_classes : int
        Number of classes.
    rng : numpy.random.Generator
        The source of randomness of the exploration.
    """
    stopping, start = Stopping(TOL, MAX_ITER), partial(_start_from_labels, labels)
    if problem.n_components == n_classes:
        return fit_from(problem, stopping, start, rng)
    return fit_from(problem, stopping, explore, rng, beside=(start(problem, rng),))


def _start_from_labels(labels: Labels, problem: Problem, _rng: np.random.Generator) -> Mixture:
    """Return the start with the given component for each row."""
    assignment = initialization.responsibilities_from(labels, problem.source.n_rows, problem.n_components)
    return make_start(
        problem, lambda m_step: initialization.start_from(problem.source, assignment, problem.n_components, m_step)
    )


def _make_candidate(report: FitReport) -> Candidate:
    """Return a fit as a candidate, to be compared by a criterion."""
    mixture = report.fit.state.mixture
    flat = degenerate_components(mixture, report.fit.state.statistics, report.m_step)
    return Candidate(report.m_step, mixture.n_components, report.fit, collapsed=flat)


def _make_partitions(
    classes: Classes, max_components: Sequence[int], choice: Choice, rng: np.random.Generator
) -> Iterator[tuple[tuple[int, ...], Labels]]:
    """Yield numbers of components of the classes, each with a partition of the rows by hierarchical clustering."""
    trees = [
        initialization.ward_tree(part, rng, min(part.n_rows, k))
        for part, k in zip(classes.parts, max_components, strict=True)
    ]
    for sizes in dict.fromkeys(tuple(min(k, most) for most in max_components) for k in choice.n_components):
        assignments = [tree(size) for tree, size in zip(trees, sizes, strict=True)]
        yield sizes, _number_by_class(classes, sizes, assignments)


def _number_by_class(classes: Classes, sizes: tuple[int, ...], assignments: Sequence[Assignment]) -> Labels:
    """Return the component of each row from the partitions of the classes, ``(n,)``, in the order of the classes."""
    labels, before = np.empty(len(classes.labels), dtype=np.intp), 0
    for label, (part, size, assignment) in enumerate(zip(classes.parts, sizes, assignments, strict=True)):
        within = [assignment(span, part.rows[span]).argmax(axis=1) for span in part.spans(size)]
        labels[classes.labels == label] = before + np.concatenate(within)
        before += size
    return labels
