"""Model files: one mixture in one safetensors file, without pickle."""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gaussmix._types import Floats
from gaussmix.covariances import FORMS
from gaussmix.mixture import Mixture

__all__ = ["ModelFileError", "load", "save", "write_whole"]

_FORMAT = "gaussmix.mixture"
_VERSION = "1"


class ModelFileError(ValueError):
    """A file that contains no mixture, or is damaged."""


def save(mixture: Mixture, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a mixture to a model file.

    The file is a safetensors file: arrays behind a plain header, without anything that could be executed. It holds the
    weights, the means, the Cholesky factors of the covariances, the feature names, and a checksum of them.

    Parameters
    ----------
    mixture : Mixture
        The mixture to save.
    path : str or path-like
        Path of the file; ``.gmx`` is the usual ending, but any is accepted.
    overwrite : bool, default False
        If True, an existing file is replaced. In any case the file is written completely or not at all.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is False.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from gaussmix import Mixture, load, save
    >>> mixture = Mixture([0.5, 0.5], [[0.0], [3.0]], [1.0, 2.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(mixture, pathlib.Path(folder) / "model.gmx")
    ...     again = load(pathlib.Path(folder) / "model.gmx")
    >>> again.means.tolist()
    [[0.0], [3.0]]
    """
    from safetensors.numpy import save as to_bytes  # noqa: PLC0415 - only files need it

    arrays = {
        "weights": mixture.weights,
        "means": mixture.means,
        "factors": np.ascontiguousarray(mixture.covariances.factors),
    }
    names = json.dumps(mixture.feature_names)
    header = {
        "format": _FORMAT,
        "version": _VERSION,
        "gaussmix": version("gaussmix"),
        "form": mixture.covariances.form,
        "feature_names": names,
        "sha256": _digest(arrays, mixture.covariances.form, names),
    }
    write_whole(Path(path), to_bytes(arrays, metadata=header), overwrite=overwrite)


def load(path: str | os.PathLike[str]) -> Mixture:
    """Read a mixture from a model file: the same numbers that were saved, to the bit.

    Parameters
    ----------
    path : str or path-like
        A file that :func:`save` wrote. An untrusted file does no harm: nothing in it is executed, and it is checked
        before it is used.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file has another format or a newer version, or is truncated or changed.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415 - only files need it

    file = Path(path)
    if not file.is_file():
        msg = f"There is no file {file}."
        raise FileNotFoundError(msg)
    try:
        with safe_open(file, framework="numpy") as content:
            header = content.metadata() or {}
            arrays = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - not a mapping
    except SafetensorError as error:
        msg = f"{file} is not a gaussmix model, or it is damaged: {error}."
        raise ModelFileError(msg) from error
    return _mixture(file, header, arrays)


def _mixture(file: Path, header: Mapping[str, str], arrays: Mapping[str, Floats]) -> Mixture:
    if header.get("format") != _FORMAT:
        msg = f"{file} is a safetensors file, but not a gaussmix model."
        raise ModelFileError(msg)
    if header.get("version") != _VERSION:
        msg = (
            f"{file} has format version {header.get('version')}, written by gaussmix {header.get('gaussmix')}; "
            f"this gaussmix reads version {_VERSION}. Upgrade gaussmix to read it."
        )
        raise ModelFileError(msg)
    damaged = f"{file} is damaged: its content does not match its checksum."
    form, names = header.get("form", ""), header.get("feature_names", "null")
    if set(arrays) != {"weights", "means", "factors"} or form not in FORMS:
        raise ModelFileError(damaged)
    if _digest(arrays, form, names) != header.get("sha256"):
        raise ModelFileError(damaged)
    try:
        covariances = FORMS[form](arrays["factors"])
        return Mixture(arrays["weights"], arrays["means"], covariances, feature_names=_names(names))
    except (ValueError, TypeError) as error:
        msg = f"{file} holds no mixture: {error}"
        raise ModelFileError(msg) from error


def _names(text: str) -> list[str] | None:
    names = json.loads(text)
    if names is None or (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        return names
    msg = f"feature names must be texts, got {text}."
    raise ValueError(msg)


def _digest(arrays: Mapping[str, Floats], *texts: str) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    for text in texts:
        digest.update(text.encode() + b"\0")
    return digest.hexdigest()


def write_whole(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a file completely or not at all: to a temporary file beside it, which is then renamed in one step.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is False.
    """
    if path.exists() and not overwrite:
        msg = f"{path} exists already, and is left as it is."
        raise FileExistsError(msg)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with beside.open("xb") as file:
            file.write(content)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
