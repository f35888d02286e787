"""Damaged and hostile model files, with checksums that agree with their content."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cases import FORMS, mixture
from gaussmix import Mixture
from gaussmix.persist import _digest

SIZES = {"F64": 8, "I64": 8, "U64": 8, "C64": 8, "F32": 4, "I32": 4, "BF16": 2, "F16": 2, "F8_E4M3": 1, "U8": 1}
NUMBERS = [0.0, -0.0, -1.0, 5e-324, -5e-324, 1e-310, 1e-160, 1e160, 1e308, np.inf, -np.inf, np.nan, 1.0, 1.5e154]
SPECIMENS: list[Any] = [None, True, -1, 0, 1, 2**31, 2**63, 2**64, 10**400, 0.5, 1e400, "", "null", "[]", '["a"]']
SPECIMENS += ['"ab"', "\ud800", '["\\ud800", "b"]', "F64", "full", "tied", "diag", [], {}, [1], [2, 2], [2**63, 0]]


@dataclass
class ModelFile:
    """The parts of a model file, each of which a mutation may change.

    Attributes
    ----------
    header : dict
        The header before it becomes JSON.
    data : bytearray
        The bytes of the arrays.
    raw : list of callables
        Changes of the JSON text.
    """

    header: dict[str, Any]
    data: bytearray
    raw: list[Callable[[bytes], bytes]] = field(default_factory=list)

    @classmethod
    def parse(cls, content: bytes) -> "ModelFile":
        n = 8 + int.from_bytes(content[:8], "little")
        return cls(json.loads(content[8:n]), bytearray(content[n:]))

    def sign(self) -> None:
        """Make the checksum agree with the content, as far as the content has a checksum."""
        try:
            metadata = self.header["__metadata__"]
            arrays = {name: self._array(entry) for name, entry in self.header.items() if name != "__metadata__"}
            metadata["sha256"] = _digest(arrays, metadata["form"], metadata["feature_names"])
        except (TypeError, ValueError, KeyError, AttributeError, OverflowError):
            pass  # a file without arrays has no checksum

    def _array(self, entry: dict[str, Any]) -> Any:
        begin, end = entry["data_offsets"]
        dtype = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "C64": "<c8"}[entry["dtype"]]
        return np.frombuffer(bytes(self.data[begin:end]), dtype).reshape(entry["shape"])

    def assemble(self) -> bytes:
        text = json.dumps(self.header).encode()
        text += b" " * (-len(text) % 8)
        for change in self.raw:
            text = change(text)
        return len(text).to_bytes(8, "little") + text + bytes(self.data)


def flip_bit(file: ModelFile, rng: np.random.Generator) -> None:
    if file.data:
        file.data[rng.integers(len(file.data))] ^= 1 << int(rng.integers(8))


def set_number(file: ModelFile, rng: np.random.Generator) -> None:
    place = 8 * int(rng.integers(max(len(file.data) // 8, 1)))
    file.data[place : place + 8] = np.float64(rng.choice(NUMBERS)).tobytes()


def resize(file: ModelFile, rng: np.random.Generator) -> None:
    n = int(rng.integers(-16, 17))
    file.data = file.data + bytes(n) if n > 0 else file.data[:n]


def set_value(file: ModelFile, rng: np.random.Generator) -> None:
    """Put a specimen in the place of a random value of the header, at any depth."""
    places = list(_places(file.header))
    holder, key = places[int(rng.integers(len(places)))]
    holder[key] = deepcopy(SPECIMENS[int(rng.integers(len(SPECIMENS)))])


def drop_value(file: ModelFile, rng: np.random.Generator) -> None:
    places = list(_places(file.header))
    holder, key = places[int(rng.integers(len(places)))]
    del holder[key]


def add_array(file: ModelFile, rng: np.random.Generator) -> None:
    end = len(file.data)
    dtype = list(SIZES)[int(rng.integers(len(SIZES)))]
    file.data += bytes(SIZES[dtype])
    name = str(rng.choice(["x", "weights", "means", "__metadata__", ""]))
    file.header[name] = {"dtype": dtype, "shape": [1], "data_offsets": [end, end + SIZES[dtype]]}


def set_dtype(file: ModelFile, rng: np.random.Generator) -> None:
    """Give an array another type, and a shape of the same number of bytes."""
    name = str(rng.choice(["weights", "means", "factors"]))
    dtype = list(SIZES)[int(rng.integers(len(SIZES)))]
    entry = file.header.get(name)
    if isinstance(entry, dict) and isinstance(entry.get("shape"), list) and entry["shape"]:
        entry["dtype"] = dtype
        last = entry["shape"][-1]
        entry["shape"][-1] = last * 8 // SIZES[dtype] if isinstance(last, int) else last


def permute_shape(file: ModelFile, rng: np.random.Generator) -> None:
    entries = [entry for entry in file.header.values() if isinstance(entry, dict) and "shape" in entry]
    if entries:
        entry = entries[int(rng.integers(len(entries)))]
        size = int(np.prod([size for size in entry["shape"] if isinstance(size, int)] or [1], dtype=object))
        entry["shape"] = [[size], [1, size], [size, 1], [size, 1, 1], [1] * 40 + [size], [0, size]][rng.integers(6)]


def change_text(file: ModelFile, rng: np.random.Generator) -> None:
    """Change a byte of the JSON text."""
    share, value = rng.random(), int(rng.integers(256))

    def change(text: bytes) -> bytes:
        place = int(share * len(text))
        return text[:place] + bytes([value]) + text[place + 1 :]

    file.raw.append(change)


def nest(file: ModelFile, rng: np.random.Generator) -> None:
    depth = int(rng.choice([10, 150, 1000, 3000]))
    if rng.random() < 0.5:
        file.header.setdefault("__metadata__", {})
        if isinstance(file.header["__metadata__"], dict):
            file.header["__metadata__"]["feature_names"] = "[" * depth + "]" * int(depth * rng.integers(2))
    else:
        file.raw.append(lambda text: text.rstrip()[:-1] + b', "a": ' + b"[" * depth + b"]" * depth + b"}")


MUTATIONS = [flip_bit, set_number, resize, set_value, drop_value]
MUTATIONS += [add_array, set_dtype, permute_shape, change_text, nest]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container in a JSON value with each of its keys or indices."""
    for key in value if isinstance(value, dict) else range(len(value)):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def originals(save: Callable[[Mixture], bytes]) -> list[bytes]:
    """Return model files of all storage forms, with and without feature names."""
    rng = np.random.default_rng(0)
    plain = [mixture(rng, form, n_components=2, n_features=2) for form in FORMS]
    named = [Mixture(one.weights, one.means, one.covariances, feature_names=["a", "ç"]) for one in plain]
    return [save(one) for one in (*plain, *named)]


def mutate(original: bytes, rng: np.random.Generator) -> tuple[str, bytes]:
    """Return the names of one to three mutations, and the file after them, with a checksum that agrees."""
    file, names = ModelFile.parse(original), []
    for _ in range(int(rng.integers(1, 4))):
        mutation = MUTATIONS[int(rng.integers(len(MUTATIONS)))]
        try:
            mutation(file, rng)
        except (IndexError, ValueError, TypeError):
            continue  # an earlier mutation left nothing to change
        names.append(mutation.__name__)
    file.sign()
    return " ".join(names), file.assemble()


MOST_MEMORY = 10
"""The most memory that reading a file may take, in units of the size of the file."""


def bomb(text: bytes) -> bytes:
    """Return a file with a header and without arrays."""
    return len(text).to_bytes(8, "little") + text


def names_bomb(names: str, n_features: int = 2) -> bytes:
    """Return a model file whose feature names are some JSON, with a checksum that agrees."""
    numbers = [np.ones(1), np.zeros((1, n_features)), np.ones(1)]
    ends = np.cumsum([8 * array.size for array in numbers]).tolist()
    header: dict[str, Any] = {
        name: {"dtype": "F64", "shape": list(array.shape), "data_offsets": [end - 8 * array.size, end]}
        for name, array, end in zip(("weights", "means", "factors"), numbers, ends, strict=True)
    }
    metadata = {"format": "gaussmix.mixture", "version": "1", "form": "spherical", "feature_names": names}
    file = ModelFile({**header, "__metadata__": metadata}, bytearray(b"".join(array.tobytes() for array in numbers)))
    file.sign()
    return file.assemble()


BOMBS: dict[str, Callable[[int], bytes]] = {
    "many short lists": lambda n: bomb(b'{"a": [' + b"[]," * n + b"[]]}"),
    "many arrays": lambda n: bomb(b"{" + b",".join(b'"%d":{}' % i for i in range(n)) + b"}"),
    "metadata of many entries": lambda n: bomb(
        b'{"__metadata__":{' + b",".join(b'"%d":""' % i for i in range(n)) + b"}}"
    ),
    "deep lists": lambda n: bomb(b"[" * n),
    "deep objects": lambda n: bomb(b'{"a":' * n),
    "blanks": lambda n: bomb(b" " * n + b"{}"),
    "backslashes": lambda n: bomb(b'{"' + b"\\\\" * n + b'": 1}'),
    "text without an end": lambda n: bomb(b'{"' + b"\\a" * n),
    "long number": lambda n: bomb(b'{"a": ' + b"9" * n + b"}"),
    "wide characters": lambda n: bomb('{"__metadata__": {"format": "\U0001f600'.encode() + b"a" * n + b'"}}'),
    "names that are lists": lambda n: names_bomb("[" + "[]," * n + "[]]"),
    "deep names": lambda n: names_bomb("[" * n),
    "too many names": lambda n: names_bomb("[" + '"",' * n + '""]'),
    "equal names": lambda n: names_bomb("[" + '"",' * (n - 1) + '""]', n),
    "wide names": lambda n: names_bomb("[" + '"\U0001f600' + "a" * n + '", "\U0001f600' + "a" * n + '", ""]'),
    "long equal names": lambda n: names_bomb(json.dumps(["\U0001f600" + "a" * n] * 2, ensure_ascii=False)),
}
"""Files with a checksum that agrees, which name many or deep values in few bytes, by a number of values."""
