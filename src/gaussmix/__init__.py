"""Gaussian mixtures: cluster softly, estimate densities, choose models, generate data."""

import os
from threading import RLock

import lazy_loader

# The names and where they are stand in __init__.pyi; each module is loaded when one of its names is first asked for.
# They point at modules: by way of another lazy package, imports are nested deeper, and take some 30 ms longer.
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

# Python cannot import two modules that import each other in two threads at once. A fork waits for the import, too.
_lock = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


def __getattr__(name: str) -> object:
    """Return the version or a public name; the module of a name is loaded by one thread at a time."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - it takes longer to load than the package

        return version("gaussmix")
    with _lock:
        return _load(name)
