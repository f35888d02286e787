"""Threads: their number, that no answer depends on it, and that they get on with joblib, forks and each other."""

import dis
import multiprocessing
import subprocess
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Barrier, Event, Thread, current_thread
from threading import enumerate as enumerate_threads
from time import sleep

import joblib
import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from threadpoolctl import threadpool_info, threadpool_limits

from cases import clusters, vector
from gaussmix import (
    GaussianMixture,
    GaussianMixtureClassifier,
    GaussianMixtureOutlierDetector,
    GaussianMixtureRegressor,
    GaussianMixtureSearch,
    _threads,
)
from gaussmix._cached_property import cached_property
from gaussmix._threads import one_thread, side_by_side, usable_threads
from gaussmix.sources import ArraySource

PATIENCE = 300  # seconds, after which a process that waits for a lock for ever is a failure and not a test that hangs
MODEL = GaussianMixture(16, tol=0.1, init_params="random_from_data", random_state=0, engine="fused", n_jobs=2)
processes = pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
with_two_threads = pytest.mark.usefixtures("two_threads")
backends = pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])


@pytest.fixture(scope="module")
def rows():
    """So many that a pass is several blocks."""
    rows = clusters(np.random.default_rng(0), n=40_000, n_components=16, n_features=16)
    assert len(list(ArraySource(rows).spans(16))) > 2
    return rows


@pytest.fixture(scope="module")
def answer(rows):
    """The parameters that one thread finds."""
    return vector(clone(MODEL).set_params(n_jobs=1).fit(rows).mixture_)


def elsewhere(function, *arguments):
    """What a function gives in a thread of its own, which is over afterwards."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result(PATIENCE)


@pytest.fixture
def two_threads():
    """BLAS as users have it, also where the tests are run with one thread; threads that live may change it."""
    limits = elsewhere(threadpool_limits, 2, "blas")
    yield
    elsewhere(limits.restore_original_limits)


@pytest.fixture(autouse=True, scope="module")
def _no_workers_left():
    yield
    get_reusable_executor().shutdown(wait=True)


@contextmanager
def one_worker(method):
    """A process to work in. Newer versions of Python warn of forking one that has threads, which is what is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context(method)) as pool:
            yield lambda function, *arguments: pool.submit(function, *arguments).result(PATIENCE)


def of_blas(pools):
    """Numbers of threads, all different ones."""
    return {pool["num_threads"] for pool in pools if pool["user_api"] == "blas"}


# --- How many ---------------------------------------------------------------------------------------------------------


def test_numbers_are_meant_as_in_scikit_learn():
    assert [usable_threads(n) for n in (1, 2, 7)] == [1, 2, 7]
    assert usable_threads(-1) == joblib.cpu_count()
    assert usable_threads(-2) == max(1, joblib.cpu_count() - 1)
    assert usable_threads(-1000) == 1
    with pytest.raises(ValueError, match=r"n_jobs must be .* got 0"):
        usable_threads(0)


def test_without_a_number_all_cores_are_used():
    assert usable_threads() == joblib.cpu_count()


def test_cores_that_this_process_may_not_use_do_not_count(monkeypatch):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert usable_threads() == usable_threads(-1) == 1


def test_a_context_of_joblib_says_how_many():
    with joblib.parallel_config(n_jobs=5):
        assert usable_threads() == 5
        assert usable_threads(2) == 2
    with joblib.parallel_config(backend="threading"):
        assert usable_threads() == joblib.cpu_count()


@backends
def test_a_worker_of_joblib_uses_one_unless_it_is_told_otherwise(backend):
    with joblib.parallel_config(n_jobs=2):
        assert joblib.Parallel(backend=backend)(joblib.delayed(usable_threads)(n) for n in (None, 3)) == [1, 3]


@processes
def test_a_worker_of_a_pool_of_processes_uses_one(method):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply_async(usable_threads).get(PATIENCE) == 1


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianMixture(2),
        GaussianMixtureSearch([1, 2], structures=["full", "tied"]),
        GaussianMixtureClassifier(2),
        GaussianMixtureClassifier(2, across_classes=True),
        GaussianMixtureOutlierDetector([1, 2]),
        GaussianMixtureRegressor([1, 2]),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_the_number_reaches_every_pass(estimator, monkeypatch):
    seen, reduce = set(), ArraySource.reduce

    def watched(source, *arguments):
        seen.add(source.n_threads)
        return reduce(source, *arguments)

    monkeypatch.setattr(ArraySource, "reduce", watched)
    rows = clusters(np.random.default_rng(0), n=200)
    target = rows[:, 0] if isinstance(estimator, GaussianMixtureRegressor) else rows[:, 0] > 0
    estimator.set_params(n_jobs=3, random_state=0).fit(rows, target)
    assert seen == {3}
    with pytest.raises(ValueError, match="n_jobs"):
        estimator.set_params(n_jobs=0).fit(rows, target)


# --- The same answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [2, 3, None])
def test_no_bit_depends_on_the_number(n_jobs, rows, answer):
    model = clone(MODEL).set_params(n_jobs=n_jobs)
    np.testing.assert_array_equal(vector(model.fit(rows).mixture_), answer)


@with_two_threads
@pytest.mark.parametrize("init_params", ["explore", "kmeans", "random_from_data"])
def test_no_bit_depends_on_the_threads_of_blas(init_params, rows):
    model = clone(MODEL).set_params(init_params=init_params, n_jobs=1)
    with threadpool_limits(1, "blas"):
        answer = vector(clone(model).fit(rows).mixture_)
    np.testing.assert_array_equal(vector(model.fit(rows).mixture_), answer)


def test_no_bit_of_a_search_depends_on_the_number(rows):
    found = [
        GaussianMixtureSearch([2, 3], structures=["full", "EEV"], engine="fused", random_state=0, n_jobs=n_jobs)
        .fit(rows)
        .results_
        for n_jobs in (1, 2, 3)
    ]
    for cells in zip(*(results.candidates for results in found), strict=True):
        for other in cells[1:]:
            np.testing.assert_array_equal(vector(other.mixture), vector(cells[0].mixture))


@backends
def test_under_joblib_the_answer_is_the_same(backend, rows, answer):
    fits = joblib.Parallel(2, backend=backend)(joblib.delayed(clone(MODEL).fit)(rows) for _ in range(2))
    for fit in fits:
        np.testing.assert_array_equal(vector(fit.mixture_), answer)


@processes
def test_in_another_process_the_answer_is_the_same(method, rows, answer):
    """Also in one forked from this, whose threads have worked already."""
    with one_worker(method) as worker:
        np.testing.assert_array_equal(vector(worker(clone(MODEL).fit, rows).mixture_), answer)


@with_two_threads
def test_fits_in_several_threads_at_once_do_not_touch_each_other(rows, answer):
    models = [clone(MODEL) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for fit in pool.map(lambda model: model.fit(rows), models):
            np.testing.assert_array_equal(vector(fit.mixture_), answer)
    assert of_blas(threadpool_info()) == {2}


# --- Side by side -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_threads", [None, 1, 2, 5])
def test_answers_come_in_the_order_of_the_parts(n_threads):
    assert list(side_by_side(lambda part: -part, range(100), n_threads)) == [-part for part in range(100)]


def test_threads_work_at_the_same_time():
    met = Barrier(3)
    assert sorted(side_by_side(lambda _: met.wait(PATIENCE), range(3), 3)) == [0, 1, 2]


def test_work_within_such_work_does_not_wait_for_threads_that_wait_for_it():
    def sums(part):
        return sum(side_by_side(lambda inner: part * inner, range(10), 2))

    assert list(side_by_side(sums, range(10), 2)) == [45 * part for part in range(10)]


VERY_MANY = range(200_000)


@pytest.mark.parametrize("of_caller", [True, False])
def test_an_error_is_the_callers_and_ends_all(of_caller):
    met, caller, done = Barrier(2), current_thread(), []

    def work(part):
        if part < 2:
            met.wait(PATIENCE)
        if (current_thread() is caller) is of_caller:
            raise ZeroDivisionError
        done.append(part)

    with pytest.raises(ZeroDivisionError):
        list(side_by_side(work, VERY_MANY, 2))
    assert len(done) < len(VERY_MANY) - 1
    assert not [thread for thread in enumerate_threads() if thread.name == "gaussmix"]


def test_what_nobody_wants_any_more_is_not_worked_on():
    done = []
    answers = side_by_side(done.append, VERY_MANY, 2)
    next(answers)
    answers.close()
    assert len(done) < len(VERY_MANY)
    assert list(side_by_side(abs, range(5), 2)) == [0, 1, 2, 3, 4]


def test_callers_do_not_wait_for_each_other():
    gate = Event()
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(lambda: list(side_by_side(lambda _: gate.wait(PATIENCE), range(2), 2)))
        assert list(side_by_side(abs, range(4), 2)) == [0, 1, 2, 3]
        assert not other.done()
        gate.set()


_AS_THE_INTERPRETER_ENDS = """
import threading
import numpy as np
from gaussmix import GaussianMixture
rows = np.random.default_rng(0).normal(size=(20_000, 8))
model = GaussianMixture(2, max_iter=3, n_jobs=2, engine="fused")
threading.Thread(target=lambda: print(model.fit(rows).n_iter_)).start()
"""


def test_a_fit_may_outlive_the_main_thread():
    ended = subprocess.run(  # noqa: S603 - this interpreter, on the text above
        [sys.executable, "-W", "ignore", "-c", _AS_THE_INTERPRETER_ENDS],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert int(ended.stdout) > 0


# --- BLAS -------------------------------------------------------------------------------------------------------------


@with_two_threads
def test_blas_has_one_thread_within_and_its_own_number_afterwards():
    with one_thread():
        with one_thread():
            assert of_blas(threadpool_info()) == {1}
        assert of_blas(threadpool_info()) == {1}
    assert of_blas(threadpool_info()) == {2}


@with_two_threads
def test_little_work_leaves_blas_alone():
    with one_thread(10):
        assert of_blas(threadpool_info()) == {2}


@with_two_threads
def test_blas_is_set_free_after_an_error():
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 / 0
    assert of_blas(threadpool_info()) == {2}


@dataclass
class Other:
    """A thread that keeps BLAS on one thread until it is told to leave."""

    pool: ThreadPoolExecutor
    begun: Event = field(default_factory=Event)
    over: Event = field(default_factory=Event)

    def hold(self):
        with one_thread():
            self.begun.set()
            self.over.wait(PATIENCE)

    def leave(self):
        self.over.set()
        self.pool.shutdown(wait=True)


@contextmanager
def held_elsewhere():
    other = Other(ThreadPoolExecutor(1))
    other.pool.submit(other.hold)
    other.begun.wait(PATIENCE)
    try:
        yield other
    finally:
        other.leave()


@with_two_threads
def test_one_thread_at_a_time_sees_to_it():
    with held_elsewhere():
        assert of_blas(threadpool_info()) == {1}
        with one_thread():
            assert of_blas(threadpool_info()) == {1}
        assert of_blas(threadpool_info()) == {1}
    assert of_blas(threadpool_info()) == {2}


@with_two_threads
def test_blas_has_one_thread_within_also_for_a_thread_that_has_limits_of_its_own():
    with threadpool_limits(2, "blas"):
        with one_thread():
            assert of_blas(threadpool_info()) == {1}
        assert of_blas(threadpool_info()) == {2}
    assert of_blas(threadpool_info()) == {2}


@with_two_threads
def test_blas_stays_on_one_thread_until_the_last_leaves():
    with held_elsewhere() as others:
        with one_thread():
            others.leave()
            assert of_blas(threadpool_info()) == {1}
        assert of_blas(threadpool_info()) == {2}


@pytest.mark.parametrize("method", [one for one in multiprocessing.get_all_start_methods() if one == "fork"])
@with_two_threads
def test_a_fork_does_not_wait_for_threads_that_it_does_not_have(method):
    with held_elsewhere(), one_worker(method) as worker:
        assert of_blas(worker(threadpool_info)) == {2}


@with_two_threads
def test_a_fit_leaves_blas_as_it_was(rows):
    clone(MODEL).fit(rows)
    assert of_blas(threadpool_info()) == {2}


# --- Interruptions ----------------------------------------------------------------------------------------------------


def interrupted_at(n, function):
    """Call a function with Ctrl-C at the n-th place in the module of threads; return whether it came.

    Python handles signals after calls, at the begin of functions and in loops.
    """
    places, last = iter(range(n)), {}

    def trace(frame, event, _):
        if frame.f_code.co_filename != _threads.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            before, last[frame] = last.get(frame, ""), dis.opname[frame.f_code.co_code[frame.f_lasti]]
            if before.startswith(("CALL", "RESUME", "JUMP_BACKWARD")) and next(places, None) == n - 1:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
        last.clear()  # the frames must not outlive the interruption
    return False


def pairs_of_contexts():
    with one_thread(), one_thread():
        pass


@with_two_threads
@pytest.mark.parametrize("function", [pairs_of_contexts, lambda: list(side_by_side(abs, range(4), 2))])
def test_blas_is_set_free_wherever_ctrl_c_comes(function):
    places, late = 0, 0
    while interrupted_at(places + 1, function):
        places += 1
        if of_blas(threadpool_info()) != {2}:
            late += 1
            with one_thread():
                pass
        assert of_blas(threadpool_info()) == {2}, places
    assert places > 30
    assert late <= 6  # before the first attempt to leave: three places in each of two contexts


@with_two_threads
def test_blas_has_one_thread_after_an_interruption_elsewhere():
    places = 0
    with held_elsewhere():
        while interrupted_at(places + 1, pairs_of_contexts):
            places += 1
            with one_thread():
                assert of_blas(threadpool_info()) == {1}, places
    assert of_blas(threadpool_info()) == {2}


def test_helpers_end_before_ctrl_c_reaches_the_caller(monkeypatch):
    join, interruptions = Thread.join, iter([KeyboardInterrupt, KeyboardInterrupt])

    def interrupted(thread, *arguments):
        for interruption in interruptions:
            raise interruption
        join(thread, *arguments)

    monkeypatch.setattr(Thread, "join", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(side_by_side(lambda _: sleep(0.01), range(4), 2))
    assert not [thread for thread in enumerate_threads() if thread.name == "gaussmix"]


def test_an_error_that_repeats_is_raised():
    with pytest.raises(ZeroDivisionError):
        _threads._insist(lambda: 1 / 0)


class Wanted:
    """An object whose property waits until that of another object has begun."""

    met = Barrier(2)

    @cached_property
    def value(self):
        return self.met.wait(PATIENCE)


def test_threads_compute_the_properties_of_two_objects_at_once():
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(lambda one: one.value, [Wanted(), Wanted()], timeout=PATIENCE)) == [0, 1]


# --- Forks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [one for one in multiprocessing.get_all_start_methods() if one == "fork"])
@pytest.mark.parametrize("lock", ["_PLAN_LOCK", "global_compiler_lock"])
def test_a_fork_waits_for_locks_of_other_threads(method, lock, rows, answer):
    """The lock is held while the process forks, as in the middle of a fit, and is free in the child."""
    from gaussmix.engines.fused import engine  # noqa: PLC0415 - loads the compiler

    held, over = Event(), Event()

    def hold():
        with getattr(engine, lock):
            held.set()
            over.wait(0.5)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        held.wait(PATIENCE)
        with one_worker(method) as worker:
            fit = worker(clone(MODEL).set_params(n_jobs=1).fit, rows)
    np.testing.assert_array_equal(vector(fit.mixture_), answer)
