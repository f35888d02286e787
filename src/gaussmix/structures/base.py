"""What every rule for the M-step must answer."""

from abc import ABC, abstractmethod
from typing import ClassVar

from gaussmix.covariances import Covariances
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["Structure"]

_FREEDOM = "IEV"


class Structure(ABC):
    """Which shapes the K covariances may take, and the most likely ones of that shape.

    Attributes
    ----------
    name : str
        The model's three-letter name: volume, shape and orientation, each E(qual), V(ariable) or I(dentity), after
        Celeux & Govaert (1995).
    alias : str or None
        scikit-learn's ``covariance_type`` for the same model, where there is one.
    letter : str or None
        The model's name for rows with one feature, where it is one of the two that are left of all.
    description : str
        The same in words.
    form : type of Covariances
        How the covariances are stored.
    moments : Moments
        The second moments that the M-step needs.
    shared : bool
        Whether all components have one covariance, so that a prior is on that one, and not on each.
    iterates : bool
        Whether there is no closed form, so that the covariances of the last step save work.
    takes_prior : bool
        Whether a conjugate prior is defined for it.
    equal_volumes_of_own_shapes : bool
        Whether components have shapes of their own and one volume, so that one that is flat is blown up elsewhere.
    takes_ratio : bool
        Whether covariances with eigenvalues cut off are still of the structure: they are free within their form.
    """

    name: ClassVar[str]
    alias: ClassVar[str | None] = None
    letter: ClassVar[str | None] = None
    description: ClassVar[str]
    form: ClassVar[type[Covariances]]
    moments: ClassVar[Moments]
    shared: ClassVar[bool] = False
    iterates: ClassVar[bool] = False
    takes_prior: ClassVar[bool] = True
    takes_ratio: ClassVar[bool] = False
    equal_volumes_of_own_shapes: ClassVar[bool] = False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *sorted(vars(self).items())))

    @abstractmethod
    def maximize(self, statistics: Statistics, near: Covariances | None = None) -> Covariances:
        """The covariances under which rows with these statistics are most likely.

        Parameters
        ----------
        statistics : Statistics
            Sums about the component means themselves, with second moments of the kind :attr:`moments`.
        near : Covariances, optional
            A guess, of any form, where a structure has no closed form: the covariances of the last step. It saves
            inner iterations, and the answer is then at least as likely as the guess.

        Raises
        ------
        NotPositiveDefiniteError
            If a component has collapsed: it has no spread in some direction.
        """

    @abstractmethod
    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        """Number of free parameters in the covariances."""

    def contains(self, other: "Structure") -> bool:
        """Whether every mixture of the other structure is one of this: letter by letter, I is within E within V."""
        pairs = zip(other.name, self.name, strict=True)
        return all(_FREEDOM.index(theirs) <= _FREEDOM.index(ours) for theirs, ours in pairs)

    @property
    def freedom(self) -> int:
        """How far up in the order of containing it is: a structure that contains another has more."""
        return sum(map(_FREEDOM.index, self.name))

    def letters_apart(self, other: "Structure") -> int:
        """In how many of volume, shape and orientation the two differ."""
        return sum(theirs != ours for theirs, ours in zip(other.name, self.name, strict=True))

    @property
    def public_name(self) -> str:
        """The name that tables show: scikit-learn's where it has one."""
        return self.alias or self.name
