"""Mixture models of classes, with a separate fit for each class."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gaussmix import initialization
from gaussmix._cached_property import cached_property
from gaussmix._types import AnyArray, Floats, Labels
from gaussmix.density.mix import mix
from gaussmix.em.m_step import MStep
from gaussmix.estimators.model_choice import Choice, SelectedModel
from gaussmix.estimators.predictive import Predictive
from gaussmix.mixture import Mixture
from gaussmix.priors import scaled
from gaussmix.sources import ArraySource
from gaussmix.structures import VVI, named

__all__ = ["ClassMixtures", "Classes", "fit_separate"]

_EQUAL_ROWS_STRUCTURE = VVI()
"""The structure of a class whose rows are all equal: such rows have no information about correlations."""


class ClassMixtures(NamedTuple):
    """The mixture of the components of all classes, in the order of the classes.

    Attributes
    ----------
    mixture : Mixture
        The mixture. The weight of a component is its weight within the class times the share of the class.
    sizes : tuple of int
        Number of components of each class.
    params : list of dict
        The parameters of :class:`GaussianMixture` for each class: ``n_components`` and ``covariance_type``.
    notes : tuple of str
        Sentences that warn the user about the fits.
    lacks_rows : bool
        True if a component has fewer rows than its covariance needs.
    """

    mixture: Mixture
    sizes: tuple[int, ...]
    params: list[dict[str, Any]]
    notes: tuple[str, ...]
    lacks_rows: bool


@dataclass(frozen=True, eq=False)
class Classes:
    """Rows with class labels.

    Attributes
    ----------
    source : ArraySource
        The rows.
    labels : (n,) ndarray of int
        The class of each row, from 0 to C - 1; each class has at least one row.
    names : (C,) ndarray
        The names of the classes in warnings.
    """

    source: ArraySource
    labels: Labels
    names: AnyArray

    @cached_property
    def parts(self) -> tuple[ArraySource, ...]:
        """The rows of each class."""
        return tuple(self.source.subset(np.flatnonzero(self.labels == label)) for label in range(len(self.names)))

    @property
    def shares(self) -> Floats:
        """The weight of each class as a share of the weight of all rows, ``(C,)``."""
        masses = np.array([part.sample_weight.sum() for part in self.parts])
        return np.asarray(masses / masses.sum())

    def max_components(self, choice: Choice) -> tuple[int, ...]:
        """Return the largest number of components that each class has enough rows for, ``(C,)``; at least 1."""
        fewest = self._fewest_rows(choice)
        return tuple(max(1, int(count // fewest)) for count, _ in self._row_counts)

    def shortage_notes(self, choice: Choice) -> list[str]:
        """Return a warning for each class that has fewer rows than even the smallest number of components needs."""
        fewest, smallest = self._fewest_rows(choice), choice.n_components[0]
        notes = []
        for name, (_, rows), n_components in zip(
            self.names, self._row_counts, self.max_components(choice), strict=True
        ):
            if n_components < smallest:
                notes.append(
                    f"Class {name!s} has {rows}, which are enough for {n_components} of the {smallest} components that "
                    f"n_components asks for: a component needs {fewest} rows."
                )
        return notes

    @cached_property
    def _row_counts(self) -> tuple[tuple[float, str], ...]:
        """The number of rows of each class that counts for its number of components, and a phrase for warnings."""
        return tuple(map(_count_rows, self.parts))

    def _fewest_rows(self, choice: Choice) -> int:
        """Return the number of rows that a component needs, for the simplest of the structures."""
        forms = [named(name).form for name in choice.structures]
        return max(1, min(form.fewest_rows(self.source.n_features) for form in forms))


def fit_separate(classes: Classes, choice: Choice, criterion: str, rng: np.random.Generator) -> ClassMixtures:
    """Fit a separate mixture to each class, and select its structure and its number of components."""
    models, notes, lacks_rows = [], classes.shortage_notes(choice), False
    for name, part, most in zip(classes.names, classes.parts, classes.max_components(choice), strict=True):
        if (part.rows == part.rows[0]).all():
            model = _fit_equal_rows(part, classes.source)
        else:
            model = choice.limit_components(most).fit_best(part, criterion, rng)
        models.append(model)
        shortage = Predictive.of(model.mixture, part, model.structure).shortage_notes
        notes += [f"Class {name!s}: {note}" for note in model.notes or shortage]
        lacks_rows |= bool(shortage)
    mixture = mix([model.mixture for model in models], classes.shares)
    sizes = tuple(model.mixture.n_components for model in models)
    return ClassMixtures(mixture, sizes, [model.params for model in models], tuple(notes), lacks_rows)


def _count_rows(part: ArraySource) -> tuple[float, str]:
    """Return the number of rows that counts for the number of components, and a phrase for warnings.

    It is the number of distinct rows, since equal rows add no spread, or the sum of the weights if that is less.
    """
    n_distinct, weight = _count_distinct(part), float(part.sample_weight.sum())
    if weight < n_distinct:
        return weight, f"rows that weigh {weight:.3g}"
    return n_distinct, f"{n_distinct} distinct rows"


def _count_distinct(part: ArraySource) -> int:
    """Return the number of distinct rows, by a set of their bytes, which is faster than sorting the rows."""
    spans = (part.rows[span] + 0.0 for span in part.spans())  # adding 0.0 turns -0.0, which has other bytes, into 0.0
    return len({row.tobytes() for rows in spans for row in rows})


def _fit_equal_rows(part: ArraySource, everything: ArraySource) -> SelectedModel:
    """Return a model of one component for rows that are all equal; a prior worth one row gives its variances."""
    structure = _EQUAL_ROWS_STRUCTURE
    prior = scaled("weak", *initialization.moments_of(everything, correlated=False), 1, structure)
    m_step = MStep(structure, initialization.relative_ridge(everything), prior=prior)
    assignment = initialization.responsibilities_from(np.zeros(part.n_rows, np.intp), part.n_rows, 1)
    note = (
        "its rows are all alike and have no spread. Its variances come from a prior worth one row, with the spread of "
        "the rows of all classes; more rows would be better."
    )
    return SelectedModel.of(
        initialization.start_from(part, assignment, 1, m_step), structure.public_name, m_step, [note]
    )
