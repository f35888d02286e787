"""The base of all structures: what an M-step, a search and a plot ask of a covariance model."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import ClassVar

from gaussmix.covariances import Covariances
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["Orientation", "Structure"]


class Orientation(StrEnum):
    """The directions in which the principal axes of the components point."""

    ROUND = "round"
    COORDINATES = "axes aligned"
    EQUAL = "equal axes"
    OWN = "own axes"


class Structure(ABC):
    """A restriction on the K covariances, with the M-step that maximizes the likelihood under the restriction.

    A structure is a value: structures of one class with equal parameters are equal. A structure with parameters keeps
    them in the instance (as a frozen dataclass does), and its class is registered under one name in
    :data:`~gaussmix.structures.NAMES`.

    Attributes
    ----------
    name : str
        The name in the registry.
    alias : str or None
        scikit-learn's ``covariance_type`` for the same model, where there is one.
    letter : str or None
        The name for rows with one feature; None for a structure that equals another structure there.
    description : str
        The restriction in a few words.
    form : type of Covariances
        The form in which the covariances are stored.
    moments : Moments
        The second moments that the M-step needs.
    iterates : bool
        True where the M-step has no closed form, so that the covariances of the last step save work.
    takes_prior : bool
        True where a conjugate prior is defined.
    takes_ratio : bool
        True where covariances with eigenvalues cut off still meet the restriction: any covariances of the form do.
    """

    name: ClassVar[str]
    alias: ClassVar[str | None] = None
    letter: ClassVar[str | None] = None
    description: ClassVar[str]
    form: ClassVar[type[Covariances]]
    moments: ClassVar[Moments]
    iterates: ClassVar[bool] = False
    takes_prior: ClassVar[bool] = True
    takes_ratio: ClassVar[bool] = False

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *sorted(vars(self).items())))

    # --- The M-step --------------------------------------------------------------------------------------------------

    @abstractmethod
    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Covariances:
        """Return the covariances under which rows with these statistics are most likely.

        Parameters
        ----------
        statistics : Statistics
            Sums about the component means themselves, with second moments of the kind :attr:`moments`.
        init : Covariances, optional
            A guess, of any form, for a structure without a closed form: the covariances of the last step. A guess
            saves inner iterations, and the answer is then at least as likely as the guess.

        Raises
        ------
        NotPositiveDefiniteError
            If a component has collapsed: it has no spread in some direction.
        """

    @abstractmethod
    def n_covariance_parameters(self, n_components: int, n_features: int) -> int:
        """Return the number of free parameters in the covariances."""

    # --- The order of structures -------------------------------------------------------------------------------------

    def contains(self, other: "Structure") -> bool:
        """Return whether every mixture of the other structure also has this structure: a partial order."""
        return self == other

    @property
    @abstractmethod
    def freedom(self) -> float:
        """A rank that agrees with :meth:`contains`: a structure ranks above each other structure that it contains.

        A search fits structures in this order, and prefers the lower rank where two models are equally likely. Of the
        fourteen models, EII has rank 0 and VVV has rank 6.
        """

    def is_neighbour(self, other: "Structure") -> bool:
        """Return whether the structures differ in one respect alone, so that a search starts each from the other."""
        return False

    # --- The geometry of the components ------------------------------------------------------------------------------

    @property
    def equal_volume(self) -> bool:
        """True where all covariances have one determinant."""
        return False

    @property
    def equal_shape(self) -> bool:
        """True where the eigenvalues of all covariances have the same ratios."""
        return False

    @property
    def orientation(self) -> Orientation:
        """The directions of the principal axes."""
        return Orientation.OWN

    @property
    def scale_equivariant(self) -> bool:
        """True where a fit stays the same if one column is in other units.

        A structure has this property if ``S Σ_k S`` meets the restriction for every diagonal matrix S whenever ``Σ_k``
        does. A fit with any structure stays the same if all columns change their units by one factor.
        """
        return False

    @property
    def shared(self) -> bool:
        """True where all components have one covariance, so that a prior is on this one covariance."""
        return self.equal_volume and self.equal_shape and self.orientation is not Orientation.OWN

    # --- Names -------------------------------------------------------------------------------------------------------

    @property
    def public_name(self) -> str:
        """The name that tables show: scikit-learn's where there is one, with the parameters where there are some."""
        parameters = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        name = self.alias or self.name
        return f"{name}({parameters})" if parameters else name

    def name_for(self, n_features: int) -> str:
        """Return the name that tables of rows with so many features show: the letter for one feature."""
        return self.letter if n_features == 1 and self.letter else self.public_name
