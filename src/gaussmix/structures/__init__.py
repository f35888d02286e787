"""The M-steps, and the one place where a structure's name is looked up."""

from gaussmix.structures.base import Structure
from gaussmix.structures.diagonal import EEI, EVI, VEI, VVI
from gaussmix.structures.own_axes import EEV, EVV, VEV, VVV
from gaussmix.structures.shared_axes import EEE, EVE, VEE, VVE
from gaussmix.structures.spherical import EII, VII

__all__ = ["NAMES", "STRUCTURES", "Structure", "every", "named"]

STRUCTURES: tuple[Structure, ...] = (
    EII(),
    VII(),
    EEI(),
    VEI(),
    EVI(),
    VVI(),
    EEE(),
    VEE(),
    EVE(),
    VVE(),
    EEV(),
    VEV(),
    EVV(),
    VVV(),
)
NAMES: dict[str, Structure] = {
    name: structure for structure in STRUCTURES for name in (structure.name, structure.alias) if name is not None
} | {structure.letter: structure for structure in STRUCTURES if structure.letter is not None}


def named(name: str, n_features: int | None = None) -> Structure:
    """The structure of that name: three letters, scikit-learn's, or one letter for rows with one feature.

    Raises
    ------
    ValueError
        If there is none, or the name is for one feature and there are more; the message lists the names.
    """
    if name not in NAMES:
        msg = f"structure must be one of {', '.join(NAMES)}, got {name!r}."
        raise ValueError(msg)
    structure = NAMES[name]
    if name == structure.letter and n_features not in {None, 1}:
        msg = f"structure {name!r} is for rows with one feature, got {n_features}; use {structure.name!r} instead."
        raise ValueError(msg)
    return structure


def every(n_features: int) -> tuple[Structure, ...]:
    """All structures that differ for rows with so many features: with one feature, two."""
    return STRUCTURES if n_features > 1 else tuple(one for one in STRUCTURES if one.letter is not None)
