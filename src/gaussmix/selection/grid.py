"""Read which models a search is asked for: numbers of components and structures."""

from collections.abc import Iterable, Sequence
from itertools import chain
from numbers import Integral
from typing import Any

from gaussmix.structures import Structure, every, named

__all__ = ["ALL", "numbers_of_components", "structures_named"]

ALL = "all"
"""The name that stands for all structures."""


def numbers_of_components(given: int | Iterable[int]) -> tuple[int, ...]:
    """Return numbers of components in ascending order, each once.

    Raises
    ------
    ValueError
        If there is no number, or a number is not an integer of at least 1.
    """
    numbers: list[Any] = [given] if isinstance(given, Integral) else list(given)  # type: ignore[arg-type] # no integer
    wrong = [k for k in numbers if isinstance(k, bool) or not isinstance(k, Integral) or int(k) < 1]
    if wrong or not numbers:
        msg = f"n_components must be integers from 1 upwards, at least one, got {wrong[0] if wrong else numbers!r}."
        raise ValueError(msg)
    return tuple(sorted({int(k) for k in numbers}))


def structures_named(
    given: str | Sequence[str], n_features: int, *, with_prior: bool = False, with_ratio: bool = False
) -> tuple[Structure, ...]:
    """Return the structures of these names, in this order, each once.

    Parameters
    ----------
    given : str or sequence of str
        Names of structures; ``"all"`` stands for all structures that differ for rows with so many features.
    n_features : int
        D.
    with_prior : bool
        Whether ``"all"`` stands only for structures for which priors are defined.
    with_ratio : bool
        Whether ``"all"`` stands only for structures for which a bound on the ratio of eigenvalues is defined.

    Raises
    ------
    ValueError
        If there is no name, or a name is unknown or for another number of features.
    """
    names: list[Any] = [given] if isinstance(given, str) else list(given)
    if not names or not all(isinstance(name, str) for name in names):
        raise ValueError(f"structures must be 'all', a name or several, got {given!r}.")
    everything = tuple(
        one for one in every(n_features) if (one.takes_prior or not with_prior) and (one.takes_ratio or not with_ratio)
    )
    found = (everything if name == ALL else (named(name, n_features),) for name in names)
    return tuple(dict.fromkeys(chain.from_iterable(found)))
