"""The cache of machine code on disk: each file begins with a hash of its content, which is checked before it is loaded.

Numba loads any file that it finds. If a disk was full, the power failed or a bit flipped, the process would end with an
error of ``pickle`` or execute damaged machine code.
"""

import pickle
import warnings
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.serialize import dumps

from gaussmix.atomic_file import write_atomically

__all__ = ["CheckedCache", "NoCache", "disk_cache"]

_HASH_BYTES = sha256().digest_size
"""Number of bytes of the hash at the beginning of a file."""

_VERSIONS = numba.__version__, llvmlite.__version__
"""The versions of the compiler, which are part of the name of each file."""


def disk_cache(function: Any) -> "CheckedCache | NoCache":
    """Return the cache of a function: a folder, or no cache if no folder can be written."""
    try:
        return CheckedCache(function)
    except RuntimeError as error:  # a read-only installation without a home folder
        return NoCache(str(error))


class CheckedCache(FunctionCache):
    """A cache with one file for each combination of types of arguments and processor.

    The folder is that of Numba: ``NUMBA_CACHE_DIR`` if set, otherwise ``__pycache__`` beside the source, otherwise the
    user's folder for caches. A damaged file causes a warning and is replaced.
    """

    def path(self, signature: Any, codegen: Any) -> Path:
        """Return the path of the file for the types of arguments; `codegen` knows the processor."""
        key = repr((self._index_key(signature, codegen), _VERSIONS))
        return Path(self.cache_path) / f"{self._impl.filename_base}-{sha256(key.encode()).hexdigest()[:16]}.nbc"

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, or None if it is not in the cache or its file is damaged."""
        path = self.path(sig, target_context.codegen())
        try:
            file = path.read_bytes()
        except OSError:
            return None
        content = memoryview(file)[_HASH_BYTES:]
        if sha256(content).digest() != file[:_HASH_BYTES]:
            _warn_of_damage(str(self.cache_path))
            return None
        return self._impl.rebuild(target_context, pickle.loads(content))  # noqa: S301 - what this class has written

    def _save_overload(self, sig: Any, data: Any) -> None:
        """Write the compiled function to its file; warn if the system refuses."""
        content = dumps(self._impl.reduce(data))
        try:
            self._impl.locator.ensure_cache_path()
            write_atomically(self.path(sig, data.codegen), sha256(content).digest() + content, overwrite=True)
        except OSError as error:
            _warn_that_code_is_lost(f"{self.cache_path}: {error.strerror or error}")


class NoCache(NullCache):
    """A cache that stores nothing, and warns that each process compiles.

    Parameters
    ----------
    reason : str
        The reason why there is no folder.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def save_overload(self, sig: Any, data: Any) -> None:
        """Warn that the compiled function is lost when the process ends."""
        _warn_that_code_is_lost(self.reason)


@cache
def _warn_of_damage(folder: str) -> None:
    """Warn that files are damaged: once for each folder, not once for each file."""
    msg = f"Compiled code in {folder} is damaged. It is compiled again and replaced, which takes some seconds."
    warnings.warn(msg, RuntimeWarning, stacklevel=2)


@cache
def _warn_that_code_is_lost(reason: str) -> None:
    """Warn that compiled code cannot be stored: once for each reason, not once for each function."""
    msg = (
        f"The compiled code of large fits cannot be stored ({reason}). This process uses it from memory; each later "
        "process compiles again, which takes some seconds. Set the environment variable NUMBA_CACHE_DIR to a folder "
        "that you alone can write."
    )
    warnings.warn(msg, RuntimeWarning, stacklevel=2)
