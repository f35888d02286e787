"""How many threads work at once: ours, and those of other libraries beneath them."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from math import inf
from multiprocessing import current_process
from threading import Lock, local
from typing import Any, TypeVar

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import ThreadpoolController

__all__ = ["one_thread", "side_by_side", "usable_threads"]

_Part = TypeVar("_Part")
_Answer = TypeVar("_Answer")

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
    """The threads of BLAS: one, for the whole process, from the first who asks to the last who leaves.

    A thread of its own sees to it, as threadpoolctl heeds no other while the one that asked first is within. Where that
    is a thread that had asked before any of this, it may be the caller's.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._limits: Any = None
        self._n_within = 0

    @contextmanager
    def on_one_thread(self) -> Iterator[None]:
        """Keep it on one thread, also while others come and go."""
        with self._lock:
            if self._n_within == 0:
                _keeper(os.getpid()).submit(self._hold).result()
            self._n_within += 1
        try:
            with _limited():
                yield
        finally:
            with self._lock:
                self._n_within = max(self._n_within - 1, 0)  # a fork may have happened within
                if self._n_within == 0:
                    _keeper(os.getpid()).submit(self._set_free).result()

    def begin_anew(self) -> None:
        """In a process just forked, where those who are within may not be."""
        self._lock, self._n_within = Lock(), 0
        self._set_free()

    def _hold(self) -> None:
        self._limits = _limited().__enter__()

    def _set_free(self) -> None:
        if self._limits is not None:
            self._limits.__exit__(None, None, None)
            self._limits = None


def _limited() -> Any:  # noqa: ANN401 - threadpoolctl has no types
    return _controller().limit(limits=1, user_api="blas")


@lru_cache(maxsize=1)
def _keeper(_process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "gaussmix-blas")


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


_OF_OURS = local()


@lru_cache(maxsize=2)
def _helpers(_process: int, count: int) -> ThreadPoolExecutor:
    """Threads that are kept from pass to pass, as starting them takes a fifth of a small one; not across a fork."""
    return ThreadPoolExecutor(count, "gaussmix", initializer=lambda: setattr(_OF_OURS, "here", True))


def side_by_side(
    work: Callable[[_Part], _Answer], parts: Sequence[_Part], n_threads: int | None = None
) -> Iterator[_Answer]:
    """What is made of each part, in their order; several are worked on at once, and BLAS is kept on one thread.

    The caller's thread works too, and hands answers on between its own parts: to be woken for each takes longer.

    Parameters
    ----------
    work : callable
        Of a part. Threads gain where it releases the interpreter's lock.
    parts : sequence
    n_threads : int, optional
        By default as many as :func:`usable_threads` says. Work inside of such work is done by its own thread.
    """
    alone = len(parts) <= 1 or hasattr(_OF_OURS, "here")
    n_helpers = 0 if alone else min(len(parts), n_threads or usable_threads()) - 1
    with one_thread():
        yield from _shared(work, parts, n_helpers) if n_helpers else map(work, parts)


def _shared(work: Callable[[_Part], _Answer], parts: Sequence[_Part], n_helpers: int) -> Iterator[_Answer]:
    """The same, with helpers."""
    left, answers = deque(enumerate(parts)), dict[int, _Answer]()

    def worked() -> bool:
        try:
            i, part = left.popleft()
        except IndexError:
            return False
        answers[i] = work(part)
        return True

    def work_on() -> None:
        while worked():
            pass

    pool = _helpers(os.getpid(), n_helpers)
    helpers = [pool.submit(work_on) for _ in range(n_helpers)]
    try:
        n_given = 0
        while worked():
            while n_given in answers:
                yield answers.pop(n_given)
                n_given += 1
    finally:
        left.clear()
        wait(helpers)
    for helper in helpers:
        helper.result()
    while n_given in answers:
        yield answers.pop(n_given)
        n_given += 1
