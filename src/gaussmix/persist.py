"""Model files: one mixture in one safetensors file, without pickle."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from importlib.metadata import version
from typing import BinaryIO

import numpy as np

from gaussmix._types import Floats
from gaussmix.arguments import as_mixture, check_path
from gaussmix.atomic_file import write_atomically
from gaussmix.covariances import FORMS
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.model_header import FORMAT, LARGEST_HEADER, VERSION, NotAModelError, parse_header, parse_names

__all__ = ["ModelFileError", "load", "save"]

_LENGTH = 8
"""The number of bytes at the begin of a file that hold the length of its header."""


class ModelFileError(ValueError):
    """A file that contains no mixture, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from gaussmix import ModelFileError, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "model.gmx").write_bytes(b"no model")
    ...     try:
    ...         load(Path(folder, "model.gmx"))
    ...     except ModelFileError:
    ...         print("fit again")
    fit again
    """


def save(mixture: Mixture | HasMixture, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write a mixture to a model file.

    The file is a safetensors file: arrays behind a plain header, without anything that could be executed. It holds the
    weights, the means, the Cholesky factors of the covariances, the feature names, and a checksum of them.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        The mixture to save. Of an estimator, its mixture is saved, without the parameters and the report of the fit.
    path : str or path-like
        Path of the file; ``.gmx`` is the usual ending, but any is accepted.
    overwrite : bool, default False
        If True, an existing file is replaced, and its mode is kept. In any case the file is written completely or not
        at all, also if the power fails. Of several simultaneous writers without `overwrite`, exactly one succeeds.

    Raises
    ------
    FileExistsError
        If the file exists and `overwrite` is False.
    FileNotFoundError
        If there is no folder for the file.
    OSError
        If the path is a folder, a pipe or a device, or the system refuses to write. A symbolic link is followed.
    ValueError
        If the feature names take more than 100 MB.

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

    mixture, file = as_mixture("mixture", mixture, Mixture), check_path("path", path)
    if not file.parent.is_dir():
        msg = f"There is no folder {file.parent} for the file {file.name}."
        raise FileNotFoundError(msg)
    arrays = {
        "weights": mixture.weights,
        "means": mixture.means,
        "factors": np.ascontiguousarray(mixture.covariances.factors),
    }
    names = json.dumps(mixture.feature_names)
    header = {
        "format": FORMAT,
        "version": VERSION,
        "gaussmix": version("gaussmix"),
        "form": mixture.covariances.form,
        "feature_names": names,
        "sha256": _digest(arrays, mixture.covariances.form, names),
    }
    content = to_bytes(arrays, metadata=header)
    if int.from_bytes(content[:_LENGTH], "little") > LARGEST_HEADER:
        msg = f"The {mixture.n_features} feature names are too long for a model file: {LARGEST_HEADER} bytes at most."
        raise ValueError(msg)
    write_atomically(file, content, overwrite=overwrite)


def load(path: str | os.PathLike[str]) -> Mixture:
    """Read a mixture from a model file: the same numbers that were saved, to the bit.

    Parameters
    ----------
    path : str or path-like
        A file that :func:`save` wrote. An untrusted file does no harm: nothing in it is executed, it is checked before
        it is used, and reading it takes time and memory in proportion to its size, whatever it says about itself.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    PermissionError
        If the file must not be read.
    ModelFileError
        If the file has another format or a newer version, or is truncated or changed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from gaussmix import Mixture, load, save
    >>> mixture = Mixture([0.5, 0.5], [[0.0], [4.0]], [1.0, 2.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(mixture, Path(folder, "model.gmx"))
    ...     load(Path(folder, "model.gmx")).weights
    array([0.5, 0.5])
    """
    file = check_path("path", path)
    try:
        status = file.stat()
    except FileNotFoundError:
        msg = f"There is no file {file}."
        raise FileNotFoundError(msg) from None
    if stat.S_ISDIR(status.st_mode):
        msg = f"{file} is a folder; give the name of a model file."
        raise IsADirectoryError(msg)
    if not stat.S_ISREG(status.st_mode):
        msg = f"{file} is a pipe or a device, but not a model file."
        raise ModelFileError(msg)
    try:
        with file.open("rb") as stream:
            return _read(stream, os.fstat(stream.fileno()).st_size)
    except NotAModelError as error:
        msg = f"{file} {error}"
        raise ModelFileError(msg) from error


def _read(stream: BinaryIO, size: int) -> Mixture:
    """Return the mixture in a file with a number of bytes.

    The bytes are read once, and the file is not mapped to memory: another process may write over the file meanwhile.
    """
    start = stream.read(_LENGTH)
    n_header = int.from_bytes(start, "little")
    if n_header > min(size - _LENGTH, LARGEST_HEADER):
        raise NotAModelError("is not a gaussmix model, or it is damaged: it ends within its header.")
    text = stream.read(n_header)
    header = parse_header(text, size - _LENGTH - n_header)
    arrays = _read_arrays(b"".join([start, text, stream.read(size - _LENGTH - n_header)]))
    if _digest(arrays, header.form, header.names) != header.checksum:
        raise NotAModelError("is damaged: its content does not match its checksum.")
    try:
        with np.errstate(all="ignore"):
            names = parse_names(header.names, header.n_features)
            covariances = FORMS[header.form](arrays["factors"])
            return Mixture(arrays["weights"], arrays["means"], covariances, feature_names=names)
    except NotAModelError:
        raise
    except (ValueError, TypeError) as error:
        raise NotAModelError(f"holds no mixture: {error!s:.500}") from error


def _read_arrays(content: bytes) -> dict[str, Floats]:
    """Return the arrays in the bytes of a file."""
    from safetensors import SafetensorError  # noqa: PLC0415 - only files need it
    from safetensors.numpy import load as from_bytes  # noqa: PLC0415 - only files need it

    try:
        return from_bytes(content)
    except SafetensorError as error:
        raise NotAModelError(f"is not a gaussmix model, or it is damaged: {error}.") from error


def _digest(arrays: Mapping[str, Floats], *texts: str) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.data.cast("B"))
    for text in texts:
        digest.update(text.encode(errors="surrogatepass") + b"\0")
    return digest.hexdigest()
