"""Threads: the number of threads, work on several threads, and control of the threads of BLAS."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from multiprocessing import current_process
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import OpenBLASController, ThreadpoolController

__all__ = ["one_thread", "side_by_side", "usable_threads"]

_Part = TypeVar("_Part")
_Answer = TypeVar("_Answer")

_WAKES_BLAS = 2**14
"""Number of multiplications in a product of matrices from which BLAS starts threads."""


def usable_threads(n_jobs: int | None = None) -> int:
    """Return the number of threads to use, by scikit-learn's parameter `n_jobs`.

    Parameters
    ----------
    n_jobs : int, optional
        A positive number of threads; -1 for all cores that this process may use, -2 for all but one, and so on. By
        default, the setting of :func:`joblib.parallel_config`; without a setting, one thread in a worker of joblib or
        of a pool of processes, as the other workers use the other cores, and all cores elsewhere.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.
    """
    if n_jobs is None:
        backend, n_jobs = get_active_backend()
        if n_jobs is None:
            n_jobs = 1 if backend.nesting_level or current_process().daemon else -1
    if n_jobs == 0:
        raise ValueError("n_jobs must be a positive number of threads, or negative: -1 for all cores; got 0.")
    return int(n_jobs) if n_jobs > 0 else max(1, joblib.cpu_count() + 1 + n_jobs)


class _Blas:
    """The limit on the threads of BLAS: one thread for the whole process, while any context is active."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._limits: Any = None
        self._n_within = 0

    @contextmanager
    def on_one_thread(self) -> Iterator[None]:
        """Keep BLAS on one thread while the context is active; other threads may enter and leave contexts meanwhile."""
        with self._lock:
            if self._limits is None:
                _obey_any_thread()
                self._limits = _controller().limit(limits=1, user_api="blas")
            self._n_within += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_within = max(self._n_within - 1, 0)  # a fork may have reset the count within the context
                if self._n_within == 0:
                    self._set_free()

    def reset_after_fork(self) -> None:
        """Reset the state in a forked process, in which the contexts of other threads do not exist."""
        self._lock, self._n_within = Lock(), 0
        self._set_free()

    def _set_free(self) -> None:
        if self._limits is not None:
            _obey_any_thread()
            self._limits.restore_original_limits()
            self._limits = None
            _obey_any_thread()


def _obey_any_thread() -> None:
    """Let threadpoolctl obey any thread: since version 3.8, it obeys only the thread that set the first limit."""
    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


_BLAS = _Blas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_BLAS.reset_after_fork)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_thread(work: float = inf) -> Iterator[None]:
    """Keep BLAS on one thread: for small products, the threads of BLAS cost more than they save, and spin afterwards.

    Parameters
    ----------
    work : float
        Number of multiplications in the largest product of matrices. If it is small, BLAS starts no threads anyway,
        and no limit is set.
    """
    with nullcontext() if work < _WAKES_BLAS else _BLAS.on_one_thread():
        yield


def side_by_side(
    work: Callable[[_Part], _Answer], parts: Sequence[_Part], n_threads: int | None = None
) -> Iterator[_Answer]:
    """Yield the result of each part, in the order of the parts; threads work side by side, and BLAS has one thread.

    The caller's thread works too, and yields results between its own parts: waking it for each result takes longer.

    Parameters
    ----------
    work : callable
        A function of a part. Threads are faster only if the function releases the interpreter's lock.
    parts : sequence
        The parts.
    n_threads : int, optional
        Number of threads; by default :func:`usable_threads`.
    """
    n_helpers = min(len(parts), n_threads or usable_threads()) - 1 if len(parts) > 1 else 0
    with one_thread():
        yield from _by_several(work, parts, n_helpers) if n_helpers else map(work, parts)


def _by_several(work: Callable[[_Part], _Answer], parts: Sequence[_Part], n_helpers: int) -> Iterator[_Answer]:
    """Yield the results of :func:`side_by_side` with helper threads, all of which end before this function returns."""
    all_work = _Work(work, deque(enumerate(parts)))
    helpers: list[Thread] = []
    try:
        for _ in range(n_helpers):
            helper = Thread(target=all_work.help_out, name="gaussmix")
            with suppress(RuntimeError):  # the system may refuse more threads; then fewer threads work
                helper.start()
                helpers.append(helper)
        while all_work.one_more():
            yield from all_work.due()
    finally:
        all_work.left.clear()
        for helper in helpers:
            helper.join()
    if all_work.errors:
        raise all_work.errors[0]
    yield from all_work.due()


@dataclass(eq=False)
class _Work(Generic[_Part, _Answer]):
    """The parts that no thread has begun, and the results that have not been yielded."""

    work: Callable[[_Part], _Answer]
    left: deque[tuple[int, _Part]]
    answers: dict[int, _Answer] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    n_yielded: int = 0

    def one_more(self) -> bool:
        """Work on the next part and return True, or return False if no part is left; an error discards all parts."""
        try:
            i, part = self.left.popleft()
        except IndexError:
            return False
        try:
            self.answers[i] = self.work(part)
        except BaseException:
            self.left.clear()
            raise
        return True

    def help_out(self) -> None:
        """Work until no part is left; keep an error for the caller to raise."""
        try:
            while self.one_more():
                pass
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            self.errors.append(error)

    def due(self) -> Iterator[_Answer]:
        """Yield the next results in order, up to the first result that is not known."""
        while self.n_yielded in self.answers:
            yield self.answers.pop(self.n_yielded)
            self.n_yielded += 1
