"""Which of a mixture's features are meant, by index or by name."""

from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["Feature", "indices", "names", "rest"]

Feature = int | str
"""A feature's index, from 0 to D - 1, or its name."""


def indices(mixture: "Mixture", features: Feature | Iterable[Feature], argument: str = "features") -> list[int]:
    """Indices of one or several features, in the order given; raise ``ValueError`` where one is unknown or repeated.

    The message names the argument that they came from.
    """
    one = isinstance(features, str) or not isinstance(features, Iterable)
    several = [cast("Feature", features)] if one else list(cast("Iterable[Feature]", features))
    found = [_index(mixture, feature, argument) for feature in several]
    if not found or len(set(found)) < len(found):
        msg = f"{argument} must be one or several different features, got {several}."
        raise ValueError(msg)
    return found


def rest(mixture: "Mixture", some: list[int]) -> list[int]:
    """Indices of all other features, in their order."""
    return [feature for feature in range(mixture.n_features) if feature not in some]


def names(mixture: "Mixture", some: list[int]) -> tuple[str, ...] | None:
    """Names of some features, where they have names."""
    known = mixture.feature_names
    return None if known is None else tuple(known[feature] for feature in some)


def _index(mixture: "Mixture", feature: Feature, argument: str) -> int:
    known = mixture.feature_names or ()
    if isinstance(feature, str) and feature in known:
        return known.index(feature)
    if isinstance(feature, Integral) and not isinstance(feature, bool) and 0 <= feature < mixture.n_features:
        return int(feature)
    named = f" or one of the names {', '.join(map(repr, known))}" if known else "; these features have no names"
    msg = f"{argument} must be from 0 to {mixture.n_features - 1}{named}, got {feature!r}."
    raise ValueError(msg)
