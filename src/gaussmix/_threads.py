"""Work in threads: how many there are, ours and those of other libraries beneath them."""

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
    """The threads of BLAS: one, for the whole process, from the first who asks to the last who leaves."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._limits: Any = None
        self._n_within = 0

    @contextmanager
    def on_one_thread(self) -> Iterator[None]:
        """Keep it on one thread, also while others come and go."""
        with self._lock:
            if self._limits is None:
                _heed_any_thread()
                self._limits = _controller().limit(limits=1, user_api="blas")
            self._n_within += 1
        try:
            yield
        finally:
            with self._lock:
                self._n_within = max(self._n_within - 1, 0)  # a fork may have happened within
                if self._n_within == 0:
                    self._set_free()

    def begin_anew(self) -> None:
        """In a process just forked, where those who are within may not be."""
        self._lock, self._n_within = Lock(), 0
        self._set_free()

    def _set_free(self) -> None:
        if self._limits is not None:
            _heed_any_thread()
            self._limits.restore_original_limits()
            self._limits = None
            _heed_any_thread()


def _heed_any_thread() -> None:
    """From version 3.8 on, threadpoolctl heeds the thread that asked first and no other, until it is told so."""
    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


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
        By default as many as :func:`usable_threads` says.
    """
    n_helpers = min(len(parts), n_threads or usable_threads()) - 1 if len(parts) > 1 else 0
    with one_thread():
        yield from _by_several(work, parts, n_helpers) if n_helpers else map(work, parts)


def _by_several(work: Callable[[_Part], _Answer], parts: Sequence[_Part], n_helpers: int) -> Iterator[_Answer]:
    """The same, with helpers: none of them outlives this."""
    all_work = _Work(work, deque(enumerate(parts)))
    helpers: list[Thread] = []
    try:
        for _ in range(n_helpers):
            helper = Thread(target=all_work.help_out, name="gaussmix")
            with suppress(RuntimeError):  # there may be no more threads to be had; then there are fewer
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
    """Parts that several threads work on, and what has been made of them and not yet been given away."""

    work: Callable[[_Part], _Answer]
    left: deque[tuple[int, _Part]]
    answers: dict[int, _Answer] = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    n_given: int = 0

    def one_more(self) -> bool:
        """Work on the next part, where one is left. After an error nobody begins another."""
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
        """Work on parts until none is left; an error is the caller's."""
        try:
            while self.one_more():
                pass
        except BaseException as error:  # noqa: BLE001 - raised by the caller
            self.errors.append(error)

    def due(self) -> Iterator[_Answer]:
        """Give away the next answers in order, as far as there are any."""
        while self.n_given in self.answers:
            yield self.answers.pop(self.n_given)
            self.n_given += 1
