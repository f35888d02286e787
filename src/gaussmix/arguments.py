"""Checks of the arguments of public functions: the wrong type or value gets a sentence that names the argument.

Arrays of numbers come in through :mod:`gaussmix.values`; this module checks their values, and all other arguments.
"""

import os
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from gaussmix._types import ArrayLike, Floats, Seed
from gaussmix.values import real

__all__ = [
    "as_generator",
    "as_mixture",
    "check_choice",
    "check_contents",
    "check_count",
    "check_finite",
    "check_fitted",
    "check_index",
    "check_indices",
    "check_number",
    "check_numbers",
    "check_path",
    "check_probabilities",
    "check_type",
]

_Mixture = TypeVar("_Mixture")
_Type = TypeVar("_Type")


def check_finite(name: str, values: ArrayLike) -> Floats:
    """Return an array of finite numbers; raise ``ValueError`` if a value is NaN or infinite."""
    array = _floats(name, values)
    if not np.isfinite(array).all():
        msg = f"{name} must be finite, got NaN or infinity."
        raise ValueError(msg)
    return array


def check_numbers(name: str, values: ArrayLike) -> Floats:
    """Return an array of numbers, finite or infinite; raise ``ValueError`` if a value is NaN."""
    array = _floats(name, values)
    if np.isnan(array).any():
        msg = f"{name} must be numbers, got NaN."
        raise ValueError(msg)
    return array


def check_probabilities(name: str, values: ArrayLike) -> Floats:
    """Return an array of probabilities from 0 to 1; raise ``ValueError`` if a value is outside."""
    probabilities = _floats(name, values)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        msg = f"{name} must be from 0 to 1, got {probabilities}."
        raise ValueError(msg)
    return probabilities


def check_contents(content: ArrayLike) -> Floats:
    """Return the probabilities that regions must hold; raise ``ValueError`` unless they are strictly from 0 to 1."""
    contents = _floats("content", content)
    if not ((contents > 0) & (contents < 1)).all():
        msg = f"content must be a probability between 0 and 1, got {contents}."
        raise ValueError(msg)
    return contents


def check_number(name: str, number: object, least: float, *, above: bool = False) -> float:
    """Return a finite number; raise ``ValueError`` below the smallest, or with `above` also at the smallest.

    Raise ``TypeError`` for a value that is no real number, such as None, a text or an array.
    """
    wanted = f"a finite number, {'above' if above else 'at least'} {least:g}"
    if not isinstance(number, Real) or isinstance(number, bool):
        msg = f"{name} must be {wanted}, got {_describe(number)}."
        raise TypeError(msg)
    value = float(number)
    if not least <= value < np.inf or (above and value == least):
        msg = f"{name} must be {wanted}, got {number}."
        raise ValueError(msg)
    return value


def check_count(name: str, number: object, least: int, most: int | None = None, advice: str = "") -> int:
    """Return a whole number; raise ``ValueError`` if the number is not whole or not between two bounds.

    Parameters
    ----------
    name : str
        The argument, for the message.
    number : object
        The value that came. A float such as 2.0 and a bool are no whole numbers.
    least, most : int
        The smallest and the largest number that is accepted; without `most` there is no largest.
    advice : str
        The end of the message about a number outside the bounds.
    """
    whole = int(number) if isinstance(number, Integral) and not isinstance(number, bool) else None
    if whole is not None and least <= whole and (most is None or whole <= most):
        return whole
    bounds = f"at least {least}" if most is None else f"from {least} to {most}"
    requirement = f"a whole number, {bounds}" if whole is None else bounds
    msg = f"{name} must be {requirement}, got {_describe(number) if whole is None else whole}{advice}."
    raise ValueError(msg)


def check_index(name: str, index: object, length: int) -> int:
    """Return an index from 0 on, which may be given as one from the end, below 0.

    Raise ``TypeError`` unless the index is a whole number, and ``IndexError`` if it is outside.
    """
    if not isinstance(index, Integral) or isinstance(index, bool):
        msg = f"{name} are numbered from 0 to {length - 1}, and an index is such a number, got {_describe(index)}."
        raise TypeError(msg)
    place = int(index)
    if not -length <= place < length:
        msg = f"{name} are numbered from 0 to {length - 1}, got the index {index}."
        raise IndexError(msg)
    return place % length


def check_indices(name: str, given: object, n_components: int) -> tuple[int, ...]:
    """Return indices of components; raise ``TypeError`` for no collection, and ``ValueError`` for a wrong index."""
    if not isinstance(given, Iterable) or isinstance(given, str):
        msg = f"{name} must be a list of components, got {_describe(given)}; a single component is a list too, as [0]."
        raise TypeError(msg)
    return tuple(check_count(name, component, 0, n_components - 1) for component in given)


def check_path(name: str, path: object) -> Path:
    """Return a path; raise ``TypeError`` for a value that is neither a text nor a path."""
    if not isinstance(path, str | os.PathLike):
        msg = f"{name} must be the path of a file, got {_describe(path)}."
        raise TypeError(msg)
    return Path(path)


def check_choice(name: str, given: object, choices: Iterable[str]) -> str:
    """Return a name; raise ``ValueError`` with all names unless it is among them."""
    names = list(choices)
    if not isinstance(given, str) or given not in names:
        msg = f"{name} must be one of {', '.join(names)}, got {_describe(given)}."
        raise ValueError(msg)
    return given


def check_type(name: str, given: object, wanted: type[_Type], advice: str) -> _Type:
    """Return an argument; raise ``TypeError`` with advice if it has another type."""
    if not isinstance(given, wanted):
        article = "an" if wanted.__name__[0] in "AEIOU" else "a"
        msg = f"{name} must be {article} {wanted.__name__}, got {_describe(given)}; {advice}."
        raise TypeError(msg)
    return given


def as_generator(random_state: Seed) -> np.random.Generator:
    """Return the random generator of a seed, or the generator itself; raise for values that are no seeds."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        msg = (
            "random_state must be a whole number, at least 0, a numpy.random.Generator or None, got "
            f"{_describe(random_state)}."
        )
        raise type(error)(msg) from error


def as_mixture(name: str, given: object, mixture_type: type[_Mixture]) -> _Mixture:
    """Return a mixture, or the mixture of a fitted estimator, of this library or of scikit-learn.

    Parameters
    ----------
    name : str
        The argument, for the message.
    given : object
        The value that came.
    mixture_type : type
        ``Mixture``; the modules that this function is for may not import it.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If the value is no mixture and has none.
    """
    found = getattr(given, "mixture_", given)
    if isinstance(found, mixture_type):
        return found
    if hasattr(given, "covariance_type") and hasattr(given, "means_"):
        return cast("_Mixture", cast("Any", mixture_type).from_sklearn(given))
    if hasattr(given, "get_params") and hasattr(given, "n_components"):
        raise _not_fitted(name, given)
    msg = (
        f"{name} must be a Mixture, or an estimator with a fitted mixture such as GaussianMixture, got "
        f"{_describe(given)}."
    )
    raise TypeError(msg)


def check_fitted(name: str, given: object, attribute: str, wanted: str) -> None:
    """Raise unless an object has an attribute that only a fitted estimator of some kind has.

    Parameters
    ----------
    name : str
        The argument, for the message.
    given : object
        The value that came.
    attribute : str
        The attribute, such as ``"history_"``.
    wanted : str
        The kind of estimator, such as ``"a fitted GaussianMixture"``.

    Raises
    ------
    NotFittedError
        If the value is an estimator without any attribute of a fit.
    TypeError
        If it is another object.
    """
    if hasattr(given, attribute):
        return
    if hasattr(given, "get_params") and not any(key.endswith("_") and key[0] != "_" for key in vars(given)):
        raise _not_fitted(name, given)
    msg = f"{name} must be {wanted}, with the attribute {attribute}, got {_describe(given)}."
    raise TypeError(msg)


def _not_fitted(name: str, estimator: object) -> Exception:
    """Return the error about an estimator that is not fitted; the estimator has loaded scikit-learn already."""
    from sklearn.exceptions import NotFittedError  # noqa: PLC0415 - mixtures alone do without scikit-learn

    error: Exception = NotFittedError(f"{name} is a {type(estimator).__name__} that is not fitted yet; call fit first.")
    return error


def _floats(name: str, values: ArrayLike) -> Floats:
    """Return real numbers in double precision; missing values become NaN."""
    return real(name, values).astype(np.float64, copy=False)


def _describe(given: object) -> str:
    """Return a short value as Python writes it, and the type of any other value."""
    if given is None or isinstance(given, str | bool | Real | range):
        return repr(given)
    shape = getattr(given, "shape", None)
    return type(given).__name__ if shape is None else f"{type(given).__name__} of shape {tuple(shape)}"
