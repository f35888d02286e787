"""Look up the features of a mixture by index or by name, also in the columns of a frame and in another mixture."""

from collections.abc import Iterable
from numbers import Integral
from reprlib import repr as shorten
from typing import TYPE_CHECKING, Any, cast

from gaussmix._types import ArrayLike, Rows
from gaussmix.arguments import as_mixture
from gaussmix.values import check_container, column_names, finite_rows, rows_with_holes

if TYPE_CHECKING:
    from gaussmix.mixture import HasMixture, Mixture

__all__ = ["Feature", "features_of", "indices", "match", "names", "rest", "rows_of", "rows_with_holes_of"]

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


def features_of(mixture: "Mixture", name: str, table: ArrayLike) -> ArrayLike:
    """Return the columns of a frame that have the names of the features, in the order of the mixture.

    An array, and a frame whose columns are numbered, is returned as it is: its columns are in the mixture's order. So
    is every table if the features of the mixture have no names.

    Raises
    ------
    TypeError
        If a frame has not been read yet.
    ValueError
        If a feature has no column, or more than one; the message names the argument and the columns.
    """
    check_container(name, table)
    known, columns = mixture.feature_names, column_names(table)
    named = all(isinstance(column, str) for column in columns)
    if known is None or not columns or not named or columns == known:
        return table
    wrong = [feature for feature in known if columns.count(feature) != 1]
    if wrong:
        fault = "no column" if wrong[0] not in columns else "several columns"
        msg = (
            f"{name} must have a column for each feature of the mixture, {shorten(known)}, but has {fault} "
            f"{wrong[0]!r}, got {shorten(columns)}; rename the columns, or pass an array with the features in order."
        )
        raise ValueError(msg)
    frame = cast("Any", table)
    return cast("ArrayLike", frame.select(list(known)) if hasattr(frame, "select") else frame[list(known)])


def rows_of(mixture: "Mixture", name: str, rows: ArrayLike) -> Rows:
    """Return finite rows ``(n, D)`` of the features of a mixture; the columns of a frame are found by their names.

    Raises
    ------
    TypeError, ValueError
        If a value is not a finite number, a feature has no column, or the shape is not ``(n, D)``.
    """
    return _check_shape(mixture, name, finite_rows(name, features_of(mixture, name, rows)))


def rows_with_holes_of(mixture: "Mixture", name: str, rows: ArrayLike) -> tuple[Rows, bool]:
    """Return rows like :func:`rows_of`, in which missing values are NaN, and whether there are any."""
    points, holes = rows_with_holes(name, features_of(mixture, name, rows))
    return _check_shape(mixture, name, points), holes


def _check_shape(mixture: "Mixture", name: str, points: Rows) -> Rows:
    if points.ndim != 2 or points.shape[1] != mixture.n_features:  # noqa: PLR2004 - rows and columns
        msg = f"{name} must have shape (n, {mixture.n_features}), one column for each feature, got {points.shape}."
        raise ValueError(msg)
    return points


def match(mixture: "Mixture", other: "Mixture | HasMixture") -> "Mixture":
    """Return another mixture with the features of a mixture in the same order.

    Parameters
    ----------
    mixture : Mixture
    other : Mixture or fitted estimator
        The argument `other` of a method of `mixture`.

    Raises
    ------
    ValueError
        If the other mixture has other features.
    """
    theirs = as_mixture("other", other, type(mixture))
    if theirs.n_features != mixture.n_features:
        msg = (
            f"other must have {mixture.n_features} features like this mixture, got {theirs.n_features}; see marginal()."
        )
        raise ValueError(msg)
    ours, names_ = mixture.feature_names, theirs.feature_names
    if ours is None or names_ is None or ours == names_:
        return theirs
    if set(ours) != set(names_):
        msg = f"other must have the features {ours} like this mixture, got {names_}; see marginal()."
        raise ValueError(msg)
    return theirs.marginal(ours)


def _index(mixture: "Mixture", feature: Feature, argument: str) -> int:
    known = mixture.feature_names or ()
    if isinstance(feature, str) and feature in known:
        return known.index(feature)
    if isinstance(feature, Integral) and not isinstance(feature, bool) and 0 <= feature < mixture.n_features:
        return int(feature)
    named = f" or one of the names {', '.join(map(repr, known))}" if known else "; these features have no names"
    msg = f"{argument} must be from 0 to {mixture.n_features - 1}{named}, got {feature!r}."
    raise ValueError(msg)
