"""How many threads work at once: ours, and those of other libraries beneath them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from math import inf
from multiprocessing import current_process
from threading import Lock
from typing import Any

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

__all__ = ["one_thread", "usable_threads"]

_WAKES_BLAS = 2**14  # multiplications at once; with fewer it works alone


def usable_threads(n_jobs: int | None = None) -> int:
    """How many threads to use where this is called, by scikit-learn's parameter `n_jobs`.

    Parameters
    ----------
    n_jobs : int, optional
        So many; of negative numbers, -1 is all cores that this process may use, -2 all but one, and so on. By default
        what :func:`joblib.parallel_config` says where it says something. Where it does not: one in a worker of joblib
        or of a pool of processes, whose cores are taken by the other workers, and all cores elsewhere.

    Raises
    ------
    ValueError
        If it is 0.
    """
    if n_jobs is None:
        backend, n_jobs = get_active_backend()
        if n_jobs is None:
            n_jobs = 1 if backend.nesting_level or current_process().daemon else -1
    if n_jobs == 0:
        raise ValueError("n_jobs must be a positive number of threads, or negative: -1 for all cores; got 0.")
    return int(n_jobs) if n_jobs > 0 else max(1, joblib.cpu_count() + 1 + n_jobs)


class _Blas:
    """The threads of BLAS, whose number is the whole process's, so that one of ours at a time sees to it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._limits: Any = None

    @contextmanager
    def on_one_thread(self) -> Iterator[None]:
        """Keep it on one thread; nothing is done where another of our threads does so already."""
        lock = self._lock
        if not lock.acquire(blocking=False):
            yield
            return
        try:
            self._limits = _controller().limit(limits=1, user_api="blas")
            with self._limits:
                yield
        finally:
            self._limits = None
            lock.release()

    def begin_anew(self) -> None:
        """In a process just forked, where the thread that saw to it may not be."""
        self._lock = Lock()
        if self._limits is not None:
            self._limits.restore_original_limits()
            self._limits = None


_BLAS = _Blas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_BLAS.begin_anew)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_thread(work: float = inf) -> Iterator[None]:
    """Keep BLAS on one thread: on little work its threads cost more than they save, and go on spinning after it.

    Parameters
    ----------
    work : float
        Multiplications in the largest product of matrices: with few, BLAS starts no threads by itself, and nothing
        needs to be done.
    """
    with nullcontext() if work < _WAKES_BLAS else _BLAS.on_one_thread():
        yield
