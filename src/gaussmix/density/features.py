"""Look up the features of a mixture by index or by name."""

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Feature", "indices", "names", "rest"]

Feature = int | str
"""The index of a feature, from 0 to D - 1, or its name."""


def indices(mixture: "Mixture", features: Feature | Iterable[Feature], argument: str = "features") -> list[int]:
    """Return the indices of one or several features, in the order given.

    Raise ``ValueError`` if a feature is unknown or repeated. The message names the argument.
    """
    single = isinstance(features, str) or not isinstance(features, Iterable)
    several = [cast("Feature", features)] if single else list(cast("Iterable[Feature]", features))
    numbers = [_index(mixture, feature, argument) for feature in several]
    if not numbers or len(set(numbers)) < len(numbers):
        msg = f"{argument} must be one or several different features, got {several}."
        raise ValueError(msg)
    return numbers


def rest(mixture: "Mixture", selected: list[int]) -> list[int]:
    """Return the indices of all features that are not selected, in their order."""
    return [feature for feature in range(mixture.n_features) if feature not in selected]


def names(mixture: "Mixture", selected: list[int]) -> tuple[str, ...] | None:
    """Return the names of the selected features, or None if features have no names."""
    known = mixture.feature_names
    return None if known is None else tuple(known[feature] for feature in selected)


def _index(mixture: "Mixture", feature: Feature, argument: str) -> int:
    known = mixture.feature_names or ()
    if isinstance(feature, str) and feature in known:
        return known.index(feature)
    if isinstance(feature, Integral) and not isinstance(feature, bool) and 0 <= feature < mixture.n_features:
        return int(feature)
    named = f" or one of the names {', '.join(map(repr, known))}" if known else "; these features have no names"
    msg = f"{argument} must be from 0 to {mixture.n_features - 1}{named}, got {feature!r}."
    raise ValueError(msg)
