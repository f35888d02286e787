"""Threads: the number of threads, work on several threads, and control of the threads of BLAS."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf
from multiprocessing import current_process
from threading import RLock, Thread, get_ident
from typing import Any, Generic, TypeVar
from weakref import WeakSet

import joblib
from joblib.parallel import get_active_backend
from threadpoolctl import LibController, OpenBLASController, ThreadpoolController

__all__ = ["one_thread", "side_by_side", "usable_threads", "wait_at_forks"]

_Part = TypeVar("_Part")
_Answer = TypeVar("_Answer")

_ATTEMPTS = 10
"""The number of times that an action is begun: each Ctrl-C within it takes one attempt."""

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


def wait_at_forks(lock: Any) -> Any:  # noqa: ANN401 - locks have no common type
    """Let each fork wait until no other thread holds a lock, which would never be released in the child; return it."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock


class _Blas:
    """The limit on the threads of BLAS: one thread for the whole process, while any context is active.

    An interruption, such as Ctrl-C, may end each method at any line; to call the method again completes it.

    Attributes
    ----------
    holders : WeakSet of _OneThread
        The active contexts. A context that Ctrl-C ended before the first line of its ``__exit__`` leaves the set when
        it is garbage, and BLAS is set free at the end of the next context.
    """

    def __init__(self) -> None:
        self._lock = wait_at_forks(RLock())
        self.holders: WeakSet[_OneThread] = WeakSet()
        self._own_numbers: list[tuple[LibController, int]] = []
        self._is_limited = False

    def enter(self, holder: "_OneThread") -> None:
        """Keep BLAS on one thread until the holder leaves."""
        with self._lock:
            self.holders.add(holder)
            if not self._is_limited:
                _obey_any_thread()
                self._own_numbers = self._own_numbers or [(blas, blas.num_threads) for blas in _libraries()]
                for blas, _ in self._own_numbers:
                    blas.set_num_threads(1)
                self._is_limited = True

    def leave(self, holder: "_OneThread") -> None:
        """Let BLAS have its own number of threads if this was the last holder."""
        with self._lock:
            self.holders.discard(holder)
            self._set_free()

    def forget_other_threads(self) -> None:
        """Forget the contexts of the threads that a forked process does not have."""
        self.holders = WeakSet(holder for holder in self.holders if holder.thread == get_ident())
        self._set_free()

    def _set_free(self) -> None:
        if not self.holders and self._own_numbers:
            self._is_limited = False
            _obey_any_thread()
            for blas, n_threads in self._own_numbers:
                blas.set_num_threads(n_threads)
            self._own_numbers = []
            _obey_any_thread()


def _obey_any_thread() -> None:
    """Let threadpoolctl obey any thread: since version 3.8, it obeys only the thread that set the first limit."""
    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


_BLAS = _Blas()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_BLAS.forget_other_threads)


@lru_cache(maxsize=1)
def _libraries() -> list[LibController]:
    """Return the libraries of linear algebra that are loaded."""
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


class _OneThread:
    """A context in which BLAS has one thread; other threads may enter and leave contexts meanwhile."""

    def __init__(self) -> None:
        self.thread = get_ident()

    def __enter__(self) -> None:
        try:
            _BLAS.enter(self)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_error: object) -> None:
        _insist(lambda: _BLAS.leave(self))


def one_thread(work: float = inf) -> AbstractContextManager[None]:
    """Return a context with BLAS on one thread: for small products, its threads cost more than they save, and spin.

    Parameters
    ----------
    work : float
        Number of multiplications in the largest product of matrices. If it is small, BLAS starts no threads anyway,
        and no limit is set.
    """
    return nullcontext() if work < _WAKES_BLAS else _OneThread()


def _insist(action: Callable[[], object]) -> None:
    """Complete an action that may be repeated; an interruption, such as Ctrl-C, is raised afterwards."""
    interruption = None
    for _ in range(_ATTEMPTS):
        try:
            action()
            break
        except BaseException as error:  # noqa: BLE001 - raised below
            interruption = error
    if interruption is not None:
        try:
            raise interruption
        finally:
            interruption = None  # the error holds this frame, and the frame must not hold the error


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
    helpers = [Thread(target=all_work.help_out, name="gaussmix") for _ in range(n_helpers)]
    try:
        for helper in helpers:
            with suppress(RuntimeError):  # the system may refuse more threads; then fewer threads work
                helper.start()
        while all_work.one_more():
            yield from all_work.due()
    finally:
        _insist(lambda: all_work.end(helpers))
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

    def end(self, helpers: Sequence[Thread]) -> None:
        """Discard the parts that no thread has begun, and wait for the helpers."""
        self.left.clear()
        for helper in helpers:
            with suppress(RuntimeError):  # it was never started
                helper.join()

    def due(self) -> Iterator[_Answer]:
        """Yield the next results in order, up to the first result that is not known."""
        while self.n_yielded in self.answers:
            yield self.answers.pop(self.n_yielded)
            self.n_yielded += 1
