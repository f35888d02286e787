"""Expectation–maximization: the one loop, its state, its stopping rule, and how it ended."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Protocol

import numpy as np

from gaussmix._threads import one_thread
from gaussmix.covariances import Covariances
from gaussmix.em.anderson import Trail
from gaussmix.em.m_step import IllDefinedCovarianceError
from gaussmix.mixture import Mixture
from gaussmix.moments import Moments
from gaussmix.sources import Source
from gaussmix.statistics import Statistics

__all__ = [
    "Fit",
    "Maximizer",
    "State",
    "Status",
    "accelerated",
    "distance_to_limit",
    "iterate",
    "run",
]

_EPS = float(np.finfo(np.float64).eps)

_FIRST_LEAP = 1.0  # last steps, at most
_MOST_SUMMATIONS = 12
_REMEMBERED = 5  # values, between which there are three factors of gains ...
_FEWEST_GAINS = 3  # ... or two, in the beginning


class Status(Enum):
    """How a fit ended; the value is the sentence that says so."""

    CONVERGED = "Converged: the estimated distance to the limit of the log-likelihood is below tol."
    ITERATION_LIMIT = "Stopped at max_iter before the estimated distance to the limit fell below tol."
    BEHIND = "Stopped early: it was heading for a log-likelihood or criterion behind the best."
    COLLAPSED = "Stopped where a component has no spread in some direction, and nothing holds it open."
    INTERRUPTED = "Interrupted: the best so far is kept."
    HELD = "Components of too few rows would have collapsed: a prior worth one row each holds them open."
    FLAT = "Components have no spread in some direction: reg_covar holds them open."
    ROUNDED = "Components are as narrow as the rounding of the columns allows."
    EMPTY = "Components are empty: no row belongs to them."


class Maximizer(Protocol):
    """The part of an M-step that the loop uses; an :class:`~gaussmix.em.MStep` is the usual case.

    EM raises the log-likelihood of the rows and :meth:`log_prior` together. Another M-step may be that of variational
    Bayes: its mixture has the expected log-densities, and its `log_prior` is minus the divergence from the prior.
    """

    @property
    def moments(self) -> Moments:
        """The second moments that the M-step needs."""

    def maximize(self, statistics: Statistics, near: Covariances | None = None) -> Mixture:
        """Return the next mixture, from sums under the responsibilities and the covariances of the last step."""

    def log_prior(self, mixture: Mixture) -> float:
        """Return the term of a mixture that EM adds to the log-likelihood, in nats."""


@dataclass(frozen=True, eq=False)
class State:
    """One step of the loop: a mixture and what the rows look like under it.

    Attributes
    ----------
    mixture : Mixture
        The current parameters.
    statistics : Statistics
        Sums over the rows under `mixture`; their log-likelihood is this mixture's own.
    n_iter : int
        M-steps done so far.
    log_prior : float
        Logarithm of the prior density of the mixture, but for a constant, in nats; 0 without a prior.
    n_refused : int
        Leaps that were tried and refused so far; each cost a pass.
    """

    mixture: Mixture
    statistics: Statistics
    n_iter: int
    log_prior: float = 0.0
    n_refused: int = 0

    @property
    def n_passes(self) -> int:
        """Passes over the rows since the start's own."""
        return self.n_iter + self.n_refused

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of :attr:`mixture` per unit of weight, in nats."""
        return self.statistics.log_likelihood / self.statistics.weight

    @property
    def log_posterior(self) -> float:
        """What EM raises: log-likelihood and logarithm of the prior together, per unit of weight, in nats."""
        return (self.statistics.log_likelihood + self.log_prior) / self.statistics.weight


@dataclass(frozen=True, eq=False)
class Fit:
    """How a run of the loop ended.

    Attributes
    ----------
    state : State
        The last state: the fitted mixture and its statistics.
    history : tuple of float
        Log-posterior per row of each mixture on the way, the start's first: without a prior, the log-likelihood.
    status : Status
        Why the run stopped.
    reason : str
        What went wrong, where a component collapsed.
    skipped : tuple of float
        Share of the pairs of a row and a component that the pass behind each value of the history has proven to be
        negligible, and not computed.
    """

    state: State
    history: tuple[float, ...]
    status: Status
    reason: str = ""
    skipped: tuple[float, ...] = ()

    @property
    def distance(self) -> float:
        """How far the last value of the history is estimated to be below its limit."""
        return distance_to_limit(self.history)


def iterate(source: Source, start: Mixture | State, m_step: Maximizer) -> Iterator[State]:
    """Yield the start and then each EM step's state, without end: the caller decides when to stop.

    A start that is a state already, of these rows and this model, costs no pass over the rows again.

    Examples
    --------
    >>> import numpy as np
    >>> from itertools import islice
    >>> from gaussmix import Mixture
    >>> from gaussmix.em import iterate
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = np.array([[0.0], [1.0], [5.0], [6.0]])
    >>> start = Mixture([0.5, 0.5], [[0.0], [6.0]], [1.0, 1.0])
    >>> for state in islice(iterate(ArraySource(rows), start, MStep(named("full"), ridge=np.zeros(1))), 3):
    ...     print(state.n_iter, round(state.log_likelihood, 4))
    0 -1.8621
    1 -1.4189
    2 -1.4189
    """
    state = _first(source, start, m_step)
    while True:
        yield state
        state = _next(source, state, m_step)


def _first(source: Source, start: Mixture | State, m_step: Maximizer) -> State:
    return start if isinstance(start, State) else _state(source, start, m_step)


def _state(source: Source, mixture: Mixture, m_step: Maximizer, before: State | None = None) -> State:
    """The state of a mixture, one step after another or at the start."""
    n_iter, n_refused = (before.n_iter + 1, before.n_refused) if before else (0, 0)
    return State(mixture, source.reduce(mixture, m_step.moments), n_iter, m_step.log_prior(mixture), n_refused)


def _next(source: Source, state: State, m_step: Maximizer) -> State:
    """The state after one EM step."""
    mixture, statistics = state.mixture, state.statistics
    near = _about_own_means(source, mixture, statistics) if statistics.far_off else statistics
    return _state(source, m_step.maximize(near, mixture.covariances), m_step, state)


def accelerated(source: Source, start: Mixture | State, m_step: Maximizer) -> Iterator[State]:
    """As :func:`iterate`, but from the third step on with leaps; the log-likelihood never falls.

    A leap goes to statistics further on, as the last few passes foretell them (:class:`~gaussmix.em.anderson.Trail`);
    the M-step then makes a mixture of the structure, whatever that is. A leap that does not raise the log-likelihood is
    forgotten, with what it was foretold from, and the next may not be as long.
    """
    state = _first(source, start, m_step)
    yield state
    trail, longest = Trail((state.statistics,)), _FIRST_LEAP
    while True:
        further = trail.further(state.mixture, longest)
        leap = further and _leap(source, state, further, m_step)
        if further and leap and leap.log_posterior >= state.log_posterior:
            made_of, state, longest = further, leap, 2.0 * longest
        else:
            if further:
                trail, longest = trail.end, longest / 2.0
            made_of = state.statistics
            state = _next(source, replace(state, n_refused=state.n_refused + bool(leap)), m_step)
        yield state
        trail = trail.to(made_of, state.mixture, state.statistics)


def _leap(source: Source, state: State, further: Statistics, m_step: Maximizer) -> State | None:
    """The state after a leap to given statistics, where there is one."""
    try:
        mixture = m_step.maximize(further, state.mixture.covariances)
    except ValueError:  # weights or covariances that are none
        return None
    return _state(source, mixture, m_step, state)


def _about_own_means(source: Source, mixture: Mixture, statistics: Statistics) -> Statistics:
    """The moments summed again, about the means they have: a start may lie anywhere, far from all rows too.

    From 1e100 deviations away, it takes several times: each brings the means nearer by no more than their digits.
    """
    for _ in range(_MOST_SUMMATIONS):
        statistics = source.reduce_about(statistics.means, mixture, statistics.moments)
        if not statistics.far_off:
            break
    return statistics


def distance_to_limit(history: Sequence[float]) -> float:
    """Estimate how far the last value of a log-likelihood sequence is below its limit.

    Aitken's extrapolation: where gains shrink by a factor a each step, what is still to come is ``gain · a / (1 - a)``.
    A small gain alone proves nothing. EM crosses plateaus in small steps that grow again, the first step from a poor
    start gains so much that any next one looks small, and a leap may have gone astray. So a is the largest of the last
    three factors, and the last gain is taken to be no less than the one before it foretold.

    Parameters
    ----------
    history : sequence of float
        Log-likelihoods, one for each step, the last at the end.

    Returns
    -------
    float
        In the units of the history; infinite where too few steps are known, or where gains are not shrinking.

    References
    ----------
    Böhning, Dietz, Schaub, Schlattmann & Lindsay (1994), Annals of the Institute of Statistical Mathematics 46.
    """
    gains = [after - before for before, after in pairwise(history[-_REMEMBERED:])]
    if not gains:
        return np.inf
    gain = gains[-1]
    if abs(gain) <= 4 * _EPS * max(1.0, abs(history[-1])):
        return 0.0
    if gain < 0:  # a ridge on the covariances can undo the last of a gain: hovering at the limit
        return -gain
    if len(gains) < _FEWEST_GAINS or min(gains) <= 0:
        return np.inf
    factor = max(after / before for before, after in pairwise(gains))
    return gains[-2] * factor**2 / (1.0 - factor) if factor < 1.0 else np.inf


def run(
    source: Source,
    start: Mixture | State | Fit,
    m_step: Maximizer,
    *,
    tol: float,
    max_iter: int,
    history: Sequence[float] = (),
    watch: Callable[[State, float], None] = lambda _state, _gain: None,
    hopeless: Callable[[State, float], bool] = lambda _state, _distance: False,
    accelerate: bool = False,
) -> Fit:
    """Drive the loop until the estimated distance to the limit is below `tol`, or `max_iter` M-steps are done.

    Parameters
    ----------
    source : Source
        The rows.
    start : Mixture, State or Fit
        Where to begin, or to go on from. A fit brings its history.
    m_step : Maximizer
        The model to fit: an :class:`~gaussmix.em.MStep`, or an M-step of another kind.
    tol : float
        Distance to the limit of the log-likelihood, in nats per row.
    max_iter : int
        Largest number of M-steps; with 0 the start itself is returned.
    history : sequence of float
        Log-likelihoods of an earlier run that `start` goes on from; heeded where its last is that of `start`, that is,
        where the rows are the same.
    watch : callable
        Called with each state after the start and its gain in log-likelihood.
    hopeless : callable
        Called with each state after the start and its estimated distance to the limit; the run ends where it says so.
    accelerate : bool
        Whether to leap, as :func:`accelerated` does. It takes two or three times fewer passes where EM crawls.

    Returns
    -------
    Fit
        Also where a component collapses, or Ctrl-C is pressed: the last complete state, and a status that says so.
    """
    path: list[float] = []
    skipped: list[float] = []
    status, reason = Status.ITERATION_LIMIT, ""
    begin = start.state if isinstance(start, Fit) else start
    try:
        with one_thread(source.n_rows * source.n_features**2):  # or its threads would spin on into the passes
            for state in (accelerated if accelerate else iterate)(source, begin, m_step):
                last = state
                if path:
                    path.append(state.log_posterior)
                    skipped.append(_skipped(source, state))
                    watch(state, path[-1] - path[-2])
                    distance = distance_to_limit(path)
                    if distance < tol:
                        status = Status.CONVERGED
                        break
                    if hopeless(state, distance):
                        status = Status.BEHIND
                        break
                else:
                    path = _so_far(start, state, history)
                    known = start.skipped[:-1] if isinstance(start, Fit) else [np.nan] * (len(path) - 1)
                    skipped = [*known, _skipped(source, state)]
                if state.n_iter >= max_iter:
                    break
    except IllDefinedCovarianceError as error:
        status, reason = Status.COLLAPSED, str(error)
    except KeyboardInterrupt:
        if not path:
            raise
        status = Status.INTERRUPTED
    return Fit(last, tuple(path), status, reason, tuple(skipped))


def _skipped(source: Source, state: State) -> float:
    """Share of the pairs of a row and a component that a state's pass has skipped."""
    return state.statistics.skipped / (source.n_rows * state.mixture.n_components)


def _so_far(start: Mixture | State | Fit, state: State, history: Sequence[float]) -> list[float]:
    """The history up to the first state of a run."""
    if isinstance(start, Fit):
        return list(start.history)
    if history and np.isclose(history[-1], state.log_posterior, rtol=1e-12, atol=0):
        return list(history)
    return [state.log_posterior]
