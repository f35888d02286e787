"""The header of a model file, which is read and checked before any array is.

A model file is a safetensors file: the length of the header in eight bytes, the header as JSON, and the bytes of the
arrays. The checks bound the time and the memory that a hostile file can cost by the size of the file: nothing is
allocated by a number that stands in a header, and JSON is parsed only where it is as shallow as a header should be.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, chain, repeat, zip_longest
from math import prod
from typing import Any

from gaussmix.covariances import FORMS

__all__ = ["FORMAT", "LARGEST_HEADER", "VERSION", "ModelHeader", "NotAModelError", "parse_header", "parse_names"]

FORMAT, VERSION = "gaussmix.mixture", "1"

LARGEST_HEADER = 100_000_000
"""The number of bytes in the largest header that safetensors reads."""

_LONGEST_OUTLINE = 2000
"""The number of characters of a header with all texts empty. A header that gaussmix writes has about 300."""

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
"""A text in JSON."""

_LONGEST_SHOWN = 40
"""The number of characters of a value that a message shows."""

_ARRAYS = ("weights", "means", "factors")
_DTYPE, _ITEM_SIZE = "F64", 8


class NotAModelError(ValueError):
    """The content of a file that holds no mixture. The message is the end of a sentence that begins with the file."""


@dataclass(frozen=True)
class ModelHeader:
    """The content of a valid header.

    Attributes
    ----------
    form : str
        The storage form of the covariances.
    names : str
        The feature names, as JSON.
    checksum : str
        The SHA-256 of the content, in hexadecimal digits.
    n_features : int
        D, by the shape of the means.
    """

    form: str
    names: str
    checksum: str
    n_features: int


def parse_header(header: bytes, n_bytes: int) -> ModelHeader:
    """Return the content of a header after all checks that need no array.

    Parameters
    ----------
    header : bytes
        The JSON text.
    n_bytes : int
        The number of bytes of the arrays, which the file has after the header.

    Raises
    ------
    NotAModelError
        If the header is not that of a model file, or of a newer version, or does not agree with the number of bytes.
    """
    content = _parse_shallow(header)
    metadata = content.pop("__metadata__", {})
    texts = metadata if isinstance(metadata, dict) else {}
    if texts.get("format") != FORMAT:
        raise NotAModelError("is a safetensors file, but not a gaussmix model.")
    if texts.get("version") != VERSION:
        raise NotAModelError(
            f"has format version {_shown(texts.get('version'))}, written by gaussmix {_shown(texts.get('gaussmix'))}; "
            f"this gaussmix reads version {VERSION}. Upgrade gaussmix to read it."
        )
    form, names, checksum = (_text(texts, key) for key in ("form", "feature_names", "sha256"))
    if form not in FORMS:
        raise NotAModelError(f"is damaged: its covariances have the form {_shown(form)}.")
    return ModelHeader(form, names, checksum, _check_arrays(content, form, n_bytes))


def _text(texts: Mapping[str, object], key: str) -> str:
    """Return an entry of the metadata."""
    text = texts.get(key)
    if not isinstance(text, str):
        raise NotAModelError(f"is damaged: its header lacks the text {key}.")
    return text


def parse_names(names: str, n_features: int) -> list[str] | None:
    """Return the feature names in a header; raise :class:`NotAModelError` unless it is D texts or null."""
    if names == "null":
        return None
    pieces = _between_texts(names.encode(errors="surrogatepass"))
    expected = chain([b"["], repeat(b",", n_features - 1), [b"]"])
    if not all(piece is not None and piece.strip() == mark for piece, mark in zip_longest(pieces, expected)):
        raise NotAModelError(f"holds no mixture: feature_names must be {n_features} texts, one for each feature.")
    return list(json.loads(names))


def _between_texts(json_text: bytes) -> Iterator[bytes]:
    """Yield what stands before, between and after the texts in JSON, without a list of all of it."""
    end = 0
    for text in _TEXT.finditer(json_text):
        yield json_text[end : text.start()]
        end = text.end()
    yield json_text[end:]


def _parse_shallow(header: bytes) -> dict[str, Any]:
    """Return the JSON object of a header with few entries."""
    if any(length > _LONGEST_OUTLINE for length in accumulate(2 + len(piece) for piece in _between_texts(header))):
        raise NotAModelError("is not a gaussmix model, or it is damaged: its header has too many entries.")
    try:
        content = json.loads(header.decode())
    except (ValueError, RecursionError) as error:
        raise NotAModelError(
            f"is not a gaussmix model, or it is damaged: its header cannot be read: {error}."
        ) from error
    if not isinstance(content, dict):
        raise NotAModelError("is not a gaussmix model, or it is damaged: its header is no JSON object.")
    return content


def _check_arrays(arrays: Mapping[str, Any], form: str, n_bytes: int) -> int:
    """Check the types and the shapes of the arrays; return the number of features."""
    if set(arrays) != set(_ARRAYS):
        raise NotAModelError(f"is damaged: it must hold the arrays {', '.join(_ARRAYS)}.")
    shapes = {name: _shape(name, arrays[name]) for name in _ARRAYS}
    if len(shapes["means"]) != 2 or not all(shapes["means"]):  # noqa: PLR2004 - components and features
        raise NotAModelError(f"holds no mixture: means must have shape (K, D), got {shapes['means']}.")
    n_components, n_features = shapes["means"]
    expected = {"weights": (n_components,), "factors": FORMS[form].shape(n_components, n_features)}
    for name, shape in expected.items():
        if shapes[name] != shape:
            raise NotAModelError(f"holds no mixture: {name} must have shape {shape}, got {shapes[name]}.")
    if sum(map(prod, shapes.values())) * _ITEM_SIZE != n_bytes:
        raise NotAModelError("is damaged: its arrays are not of the size that its header says.")
    return n_features


def _shape(name: str, entry: object) -> tuple[int, ...]:
    """Return the shape of an array of float64."""
    described = entry if isinstance(entry, dict) else {}
    if described.get("dtype") != _DTYPE:
        raise NotAModelError(f"is damaged: {name} must be of the type {_DTYPE}, got {_shown(described.get('dtype'))}.")
    shape = described.get("shape")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise NotAModelError(f"is damaged: {name} has the shape {_shown(shape)}.")
    return tuple(shape)


def _shown(value: object) -> str:
    """Return the first characters of a value, in a text that can be printed."""
    return str(value)[:_LONGEST_SHOWN].encode(errors="backslashreplace").decode()
