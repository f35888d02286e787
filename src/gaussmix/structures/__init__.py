"""The M-steps, and the one place where a structure's name is looked up."""

from gaussmix.structures.base import Structure
from gaussmix.structures.diagonal import EEI, VVI
from gaussmix.structures.ellipsoidal import EEE, VVV
from gaussmix.structures.spherical import EII, VII

__all__ = ["NAMES", "STRUCTURES", "Structure", "named"]

STRUCTURES: tuple[Structure, ...] = (EII(), VII(), EEI(), VVI(), EEE(), VVV())
NAMES: dict[str, Structure] = {
    name: structure for structure in STRUCTURES for name in (structure.name, structure.alias) if name is not None
}


def named(name: str) -> Structure:
    """The structure of that name, scikit-learn's or the three letters.

    Raises
    ------
    ValueError
        If there is none; the message lists the names.
    """
    try:
        return NAMES[name]
    except KeyError:
        msg = f"structure must be one of {', '.join(NAMES)}, got {name!r}."
        raise ValueError(msg) from None
