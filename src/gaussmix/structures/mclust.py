"""The family of the fourteen models of mclust, and the reading of their three-letter names.

The letters stand for volume, shape and orientation of the components, each of which is E(qual), V(ariable) or
I(dentity): Celeux & Govaert (1995), Pattern Recognition 28; Scrucca, Fop, Murphy & Raftery (2016), The R Journal 8.
"""

from gaussmix.structures.base import Orientation, Structure

__all__ = ["MclustStructure"]

_FREEDOM = {"I": 0, "E": 1, "V": 2}
"""The letters in the order of nesting: an identity is equal in all components, and equal values are a case of variable
ones."""


class MclustStructure(Structure):
    """A structure whose name says what is equal in all components: volume, shape and orientation, letter by letter."""

    def contains(self, other: Structure) -> bool:
        return isinstance(other, MclustStructure) and all(
            _FREEDOM[theirs] <= _FREEDOM[ours] for theirs, ours in zip(other.name, self.name, strict=True)
        )

    @property
    def freedom(self) -> float:
        return sum(_FREEDOM[letter] for letter in self.name)

    def is_neighbour(self, other: Structure) -> bool:
        if not isinstance(other, MclustStructure):
            return False
        return sum(theirs != ours for theirs, ours in zip(other.name, self.name, strict=True)) == 1

    @property
    def equal_volume(self) -> bool:
        return self.name[0] == "E"

    @property
    def equal_shape(self) -> bool:
        return self.name[1] != "V"

    @property
    def scale_equivariant(self) -> bool:
        return self.name[1:] in _SCALE_EQUIVARIANT

    @property
    def orientation(self) -> Orientation:
        return Orientation.ROUND if self.name[1] == "I" else _ORIENTATIONS[self.name[2]]


_SCALE_EQUIVARIANT = {"EI", "VI", "EE", "VV"}
"""Shape and orientation of the structures for which the unit of a single column does not matter. A common factor on all
determinants is a volume; but a ball, common axes of different shapes, or one shape in different directions are such in
one unit only."""

_ORIENTATIONS = {"I": Orientation.COORDINATES, "E": Orientation.EQUAL, "V": Orientation.OWN}
