"""Mixtures for the classes of rows, each fitted by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gaussmix import initialization
from gaussmix._types import AnyArray, Floats, Labels
from gaussmix.covariances import Covariances, Full
from gaussmix.em.m_step import MStep
from gaussmix.estimators.choice import Choice, Chosen
from gaussmix.estimators.predictive import Predictive
from gaussmix.mixture import Mixture
from gaussmix.priors import scaled
from gaussmix.sources import ArraySource
from gaussmix.structures import VVI, named

__all__ = ["ClassMixtures", "Classes", "apart"]

_LONE = VVI()
"""The structure of a class whose rows are all equal: such rows say nothing of correlations."""


class ClassMixtures(NamedTuple):
    """One mixture of the components of all classes, class by class.

    Attributes
    ----------
    mixture : Mixture
        Weights are the class's share times those within the class.
    sizes : tuple of int
        How many components each class has.
    params : list of dict
        For each class, what :class:`GaussianMixture` would be told: number of components and covariance type.
    notes : tuple of str
        What the user should know of the fits, in sentences.
    uncarried : bool
        Whether some component has not the rows that its covariance needs.
    """

    mixture: Mixture
    sizes: tuple[int, ...]
    params: list[dict[str, Any]]
    notes: tuple[str, ...]
    uncarried: bool


@dataclass(frozen=True, eq=False)
class Classes:
    """Rows of several classes.

    Attributes
    ----------
    source : ArraySource
        The rows.
    labels : (n,) ndarray of int
        The class of each row, from 0 to C - 1; each class has rows.
    names : (C,) ndarray
        The classes, as warnings name them.
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
        """The part of each class in the weight of all rows, ``(C,)``."""
        masses = np.array([part.sample_weight.sum() for part in self.parts])
        return np.asarray(masses / masses.sum())

    def borne(self, choice: Choice) -> tuple[int, ...]:
        """How many components the rows of each class can bear, ``(C,)``."""
        fewest = self._fewest(choice)
        return tuple(max(1, int(size // fewest)) for size, _ in self._sizes)

    def too_few(self, choice: Choice) -> list[str]:
        """Say which classes have fewer rows than all choices need."""
        fewest, smallest = self._fewest(choice), choice.n_components[0]
        notes = []
        for name, (_, rows), n_components in zip(self.names, self._sizes, self.borne(choice), strict=True):
            if n_components < smallest:
                notes.append(
                    f"Class {name!s} has {rows}, which bear {n_components} of the {smallest} components that "
                    f"n_components asks for, at {fewest} rows each."
                )
        return notes

    @cached_property
    def _sizes(self) -> tuple[tuple[float, str], ...]:
        """How many rows each class has to bear components, also in words."""
        return tuple(map(_size, self.parts))

    def _fewest(self, choice: Choice) -> int:
        """Rows that a component needs."""
        forms = [named(name).form for name in choice.structures]
        return max(1, min(form.fewest_rows(self.source.n_features) for form in forms))


def apart(classes: Classes, choice: Choice, criterion: str, rng: np.random.Generator) -> ClassMixtures:
    """Fit a mixture to each class by itself, and choose its structure and number of components."""
    chosen, notes, uncarried = [], classes.too_few(choice), False
    for name, part, most in zip(classes.names, classes.parts, classes.borne(choice), strict=True):
        if (part.rows == part.rows[0]).all():
            one = _lone(part, classes.source)
        else:
            one = choice.at_most(most).fitted(part.rows, part.weights, criterion, rng)
        chosen.append(one)
        lacking = Predictive.of(one.mixture, part, one.structure).uncarried
        notes += [f"Class {name!s}: {note}" for note in one.notes or lacking]
        uncarried |= bool(lacking)
    mixture = _joined([one.mixture for one in chosen], classes.shares)
    sizes = tuple(one.mixture.n_components for one in chosen)
    return ClassMixtures(mixture, sizes, [one.params for one in chosen], tuple(notes), uncarried)


def _size(part: ArraySource) -> tuple[float, str]:
    """How many rows there are to bear components, also in words; one that is repeated counts once, as if weighted."""
    n_distinct, weight = _n_distinct(part), float(part.sample_weight.sum())
    if weight < n_distinct:
        return weight, f"rows that weigh {weight:.3g}"
    return n_distinct, f"{n_distinct} distinct rows"


def _n_distinct(part: ArraySource) -> int:
    """Return how many different rows there are, by their bytes: sorting them would compare them column by column."""
    spans = (part.rows[span] + 0.0 for span in part.spans())  # 0.0 and -0.0 are one number
    return len({row.tobytes() for rows in spans for row in rows})


def _lone(part: ArraySource, everything: ArraySource) -> Chosen:
    """One component for rows that are all alike, as wide as a prior that is worth one row says."""
    prior = scaled("weak", *initialization.moments_of(everything, correlated=False), 1, _LONE)
    m_step = MStep(_LONE, initialization.relative_ridge(everything), prior=prior)
    alike = initialization.responsibilities_from(np.zeros(part.n_rows, np.intp), part.n_rows, 1)
    note = (
        "its rows are all alike and have no spread. A prior worth one row, as widely spread as the rows of all "
        "classes, takes its place; more rows would be better."
    )
    return Chosen.of(initialization.start_from(part, alike, 1, m_step), _LONE.public_name, m_step, [note])


def _joined(mixtures: Sequence[Mixture], shares: Floats) -> Mixture:
    """One mixture of several, each with its share."""
    return Mixture(
        np.concatenate([share * one.weights for share, one in zip(shares, mixtures, strict=True)]),
        np.concatenate([one.means for one in mixtures]),
        _side_by_side(mixtures),
    )


def _side_by_side(mixtures: Sequence[Mixture]) -> Covariances:
    """The covariances of all components, in their own form where it is one that holds each."""
    forms, n_features = {type(one.covariances) for one in mixtures}, mixtures[0].n_features
    form = forms.pop()
    if not forms and form.shape(1, n_features) != form.shape(2, n_features):
        return form(np.concatenate([one.covariances.factors for one in mixtures]))
    return Full(np.concatenate([one.factors for one in mixtures]))
