"""Keeping the threads of other libraries out of the way."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

from threadpoolctl import ThreadpoolController

__all__ = ["one_thread"]

_SEEING_TO_THEM = Lock()


@lru_cache(maxsize=1)
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS and OpenMP on one thread: on little work theirs cost more than they save, and go on spinning after it.

    Their number is the whole process's, so that one at a time sees to it.
    """
    if not _SEEING_TO_THEM.acquire(blocking=False):
        yield
        return
    try:
        with _pools().limit(limits=1):
            yield
    finally:
        _SEEING_TO_THEM.release()
