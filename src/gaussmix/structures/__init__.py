"""The structures that covariances may have, and the one place where a structure is looked up by its name."""

from inspect import signature
from typing import Any

from gaussmix.structures.base import Orientation, Structure
from gaussmix.structures.diagonal import EEI, EVI, VEI, VVI
from gaussmix.structures.own_axes import EEV, EVV, VEV, VVV
from gaussmix.structures.shared_axes import EEE, EVE, VEE, VVE
from gaussmix.structures.spherical import EII, VII

__all__ = ["EEE", "NAMES", "STRUCTURES", "VVI", "Orientation", "Structure", "every", "named"]

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
"""The structures without parameters, in an order in which each comes after those that it contains."""

NAMES: dict[str, type[Structure]] = {
    name: type(structure) for structure in STRUCTURES for name in (structure.name, structure.alias) if name is not None
} | {structure.letter: type(structure) for structure in STRUCTURES if structure.letter is not None}
"""The classes of the structures by all their names. A structure with parameters is added here, under its name."""


def named(name: str, n_features: int | None = None, /, **parameters: Any) -> Structure:  # noqa: ANN401 - its own types
    """Return the structure of a name: three letters, scikit-learn's name, or one letter for rows with one feature.

    Parameters
    ----------
    name : str
        A name in :data:`NAMES`.
    n_features : int, optional
        The number of features of the rows, to refuse names that are for one feature.
    **parameters
        The parameters of the structure.

    Raises
    ------
    TypeError
        If the structure does not take these parameters.
    ValueError
        If there is no structure of this name, or the name is for one feature and there are more; the message lists the
        names.

    Examples
    --------
    >>> from gaussmix.structures import named
    >>> named("full") == named("VVV"), named("full").contains(named("tied"))
    (True, True)
    """
    if name not in NAMES:
        msg = f"structure must be one of {', '.join(NAMES)}, got {name!r}."
        raise ValueError(msg)
    family = NAMES[name]
    if name == family.letter and n_features not in {None, 1}:
        msg = f"structure {name!r} is for rows with one feature, got {n_features}; use {family.name!r} instead."
        raise ValueError(msg)
    try:
        signature(family).bind(**parameters)
    except TypeError as error:
        raise TypeError(f"structure {name!r} was given wrong parameters: {error}.") from error
    return family(**parameters)


def every(n_features: int) -> tuple[Structure, ...]:
    """Return the structures without parameters that differ for rows with so many features: two for one feature."""
    return STRUCTURES if n_features > 1 else tuple(one for one in STRUCTURES if one.letter is not None)
