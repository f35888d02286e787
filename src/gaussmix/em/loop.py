"""The EM loop: its states, its stopping rule, its acceleration and its result."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise
from typing import Protocol

import numpy as np

from gaussmix._threads import one_thread
from gaussmix.covariances import Covariances
from gaussmix.em.anderson import AndersonHistory
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
    "distance_to_limit",
    "extend",
    "iterate",
    "iterate_accelerated",
    "run",
    "try_statistics",
]

_EPS = float(np.finfo(np.float64).eps)

# The first extrapolation is at most this many times longer than the last step of EM; later limits follow from success.
_FIRST_MAX_LENGTH = 1.0

# Moments about distant origins are summed again at most this many times. Each time reduces the distance of the origins
# at most by the 16 digits of a float, so that a distance of 1e100 standard deviations takes about seven.
_MOST_SUMMATIONS = 12

# The distance to the limit is estimated from the last five values: four gains, and three ratios of successive gains.
_N_VALUES = 5

# The first estimate needs three gains, that is, two ratios.
_FEWEST_GAINS = 3


class Status(Enum):
    """The end of a fit, as a value and as a sentence for the user.

    Examples
    --------
    >>> from gaussmix import GaussianMixture, Status
    >>> model = GaussianMixture(2, random_state=0).fit([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]] * 10)
    >>> model.status_ is Status.CONVERGED
    True
    """

    CONVERGED = "Converged: the estimated distance to the limit of the log-likelihood is below tol."
    ITERATION_LIMIT = "Stopped at max_iter before the estimated distance to the limit fell below tol."
    BEHIND = "Stopped early: it was heading for a log-likelihood or criterion behind the best."
    COLLAPSED = "Stopped where a component has no spread in some direction, and nothing holds it open."
    INTERRUPTED = "Interrupted: the best so far is kept."
    REGULARIZED = "Components of too few rows would have collapsed: a prior worth one row each holds them open."
    FLAT = "Components have no spread in some direction: reg_covar holds them open."
    ROUNDED = "Components are as narrow as the rounding of the columns allows."
    EMPTY = "Components are empty: no row belongs to them."


class Maximizer(Protocol):
    """The part of an M-step that the loop uses; an :class:`~gaussmix.em.MStep` is the usual case.

    EM raises the log-likelihood of the rows and :meth:`log_prior` together. Another M-step may be that of variational
    Bayes: its mixture has the expected log-densities, and its `log_prior` is minus the divergence from the prior.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.em import Maximizer
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.moments import FULL
    >>> from gaussmix.structures import named
    >>> m_step: Maximizer = MStep(named("full"), ridge=np.zeros(2))
    >>> m_step.moments is FULL
    True
    """

    @property
    def moments(self) -> Moments:
        """The second moments that the M-step needs."""

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Mixture:
        """Return the next mixture, from sums under the responsibilities and the covariances of the last step."""

    def log_prior(self, mixture: Mixture) -> float:
        """Return the term of a mixture that EM adds to the log-likelihood, in nats."""


@dataclass(frozen=True, eq=False)
class State:
    """A state of the loop: a mixture, and the statistics of the rows under this mixture.

    Attributes
    ----------
    mixture : Mixture
        The current parameters.
    statistics : Statistics
        The sums over the rows under `mixture`, its log-likelihood among them.
    n_iter : int
        Number of M-steps so far, without refused ones.
    log_prior : float
        Logarithm of the prior density of the mixture, up to a constant, in nats; 0 without a prior.
    n_refused : int
        Number of extrapolated steps so far that were tried and refused. Each took a pass over the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.em import iterate
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = ArraySource(np.array([[1.0], [2.0], [3.0], [7.0], [8.0], [9.0]]))
    >>> start = Mixture([0.5, 0.5], [[2.0], [5.0]], [4.0, 4.0])
    >>> m_step = MStep(named("spherical"), ridge=np.zeros(1))
    >>> states = iterate(rows, start, m_step)
    >>> first, second = next(states), next(states)
    >>> second.log_likelihood > first.log_likelihood
    True
    """

    mixture: Mixture
    statistics: Statistics
    n_iter: int
    log_prior: float = 0.0
    n_refused: int = 0

    @property
    def n_passes(self) -> int:
        """Number of passes over the rows, without the pass for the start."""
        return self.n_iter + self.n_refused

    @property
    def log_likelihood(self) -> float:
        """Log-likelihood of :attr:`mixture` per unit of weight, in nats."""
        return self.statistics.log_likelihood / self.statistics.weight

    @property
    def log_posterior(self) -> float:
        """The sum of log-likelihood and log-prior, which EM increases, per unit of weight, in nats."""
        return (self.statistics.log_likelihood + self.log_prior) / self.statistics.weight


@dataclass(frozen=True, eq=False)
class Fit:
    """The result of a run of the loop.

    Attributes
    ----------
    state : State
        The last state: the fitted mixture and its statistics.
    history : tuple of float
        Log-posterior per row of the mixture of each step, from the start on; without a prior, the log-likelihood.
    status : Status
        Why the run stopped.
    reason : str
        The error message, where a component collapsed; otherwise empty.
    skipped : tuple of float
        For each value of the history, the share of all pairs of a row and a component that the pass did not compute,
        because their responsibilities are provably negligible.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.em import run
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = ArraySource(np.array([[1.0], [2.0], [3.0], [7.0], [8.0], [9.0]]))
    >>> start = Mixture([0.5, 0.5], [[2.0], [5.0]], [4.0, 4.0])
    >>> m_step = MStep(named("spherical"), ridge=np.zeros(1))
    >>> fit = run(rows, start, m_step, tol=1e-4, max_iter=100)
    >>> len(fit.history) == fit.state.n_iter + 1
    True
    """

    state: State
    history: tuple[float, ...]
    status: Status
    reason: str = ""
    skipped: tuple[float, ...] = ()

    @property
    def distance(self) -> float:
        """The estimated distance of the last value of the history to its limit."""
        return distance_to_limit(self.history)


def iterate(source: Source, start: Mixture | State, m_step: Maximizer) -> Iterator[State]:
    """Yield the state of the start and of each EM step, without end: the caller decides when to stop.

    A start that is a state of the same rows and model takes no pass over the rows.

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
    state = _first_state(source, start, m_step)
    while True:
        yield state
        state = _take_em_step(source, state, m_step)


def _first_state(source: Source, start: Mixture | State, m_step: Maximizer) -> State:
    return start if isinstance(start, State) else _make_state(source, start, m_step)


def _make_state(source: Source, mixture: Mixture, m_step: Maximizer, before: State | None = None) -> State:
    """Return the state of a mixture by one pass: the start's, or the state one step after another."""
    n_iter, n_refused = (before.n_iter + 1, before.n_refused) if before else (0, 0)
    return State(mixture, source.reduce(mixture, m_step.moments), n_iter, m_step.log_prior(mixture), n_refused)


def _take_em_step(source: Source, state: State, m_step: Maximizer) -> State:
    """Return the state after one EM step."""
    mixture, statistics = state.mixture, state.statistics
    if statistics.far_off:
        statistics = _sum_about_means(source, mixture, statistics)
    return _make_state(source, m_step.maximize(statistics, mixture.covariances), m_step, state)


def iterate_accelerated(source: Source, start: Mixture | State, m_step: Maximizer) -> Iterator[State]:
    """Yield states like :func:`iterate`, with extrapolated steps from the third step on.

    An extrapolated step goes to the statistics that the last few passes predict
    (:class:`~gaussmix.em.anderson.AndersonHistory`). The M-step makes a mixture of the structure from them. A step that
    does not raise the log-posterior is refused: an EM step replaces it, the history begins anew, and the next
    extrapolation may be half as long. So the log-posterior never falls.
    """
    state = _first_state(source, start, m_step)
    yield state
    history, max_length = AndersonHistory((state.statistics,)), _FIRST_MAX_LENGTH
    while True:
        extrapolated = history.extrapolate(state.mixture, max_length)
        tried = extrapolated and try_statistics(source, state, extrapolated, m_step)
        if extrapolated and tried and tried.log_posterior >= state.log_posterior:
            made_from, state, max_length = extrapolated, tried, 2.0 * max_length
        else:
            if extrapolated:
                history, max_length = history.last_pass, max_length / 2.0
            made_from = state.statistics
            state = _take_em_step(source, replace(state, n_refused=state.n_refused + bool(tried)), m_step)
        yield state
        history = history.append(made_from, state.mixture, state.statistics)


def try_statistics(source: Source, state: State, extrapolated: Statistics, m_step: Maximizer) -> State | None:
    """Return the state after an M-step for extrapolated statistics; None where these belong to no mixture."""
    try:
        mixture = m_step.maximize(extrapolated, state.mixture.covariances)
    except ValueError:  # negative weights, or covariances that are not positive definite
        return None
    return _make_state(source, mixture, m_step, state)


def _sum_about_means(source: Source, mixture: Mixture, statistics: Statistics) -> Statistics:
    """Return the statistics summed again about the means that they have.

    The means of a start may be far from all rows. Each pass reduces their distance to the rows at most by as many
    digits as a float has, so that a distance of 1e100 standard deviations needs several passes.
    """
    for _ in range(_MOST_SUMMATIONS):
        statistics = source.reduce_about(statistics.means, mixture, statistics.moments)
        if not statistics.far_off:
            break
    return statistics


def distance_to_limit(history: Sequence[float]) -> float:
    """Return the estimated distance of the last value of a log-likelihood sequence to its limit.

    The estimate is Aitken's extrapolation: if each gain is the gain before times a factor a < 1, the gains still to
    come sum to ``gain · a / (1 - a)``. A single small gain does not show convergence: gains grow again after a plateau,
    the first step from a poor start makes all later gains look small, and an extrapolated step can gain little by
    accident. So a is the largest of the last three ratios of successive gains, and the last gain is replaced by a times
    the gain before it.

    Parameters
    ----------
    history : sequence of float
        Log-likelihoods of the steps, the last step at the end.

    Returns
    -------
    float
        The distance in the units of the history; infinite where there are too few steps, or where gains do not shrink.

    References
    ----------
    Böhning, Dietz, Schaub, Schlattmann & Lindsay (1994), Annals of the Institute of Statistical Mathematics 46.

    Examples
    --------
    >>> from gaussmix.em import distance_to_limit
    >>> history = [1.0 - 0.5**step for step in range(10)]         # half of the way with each step
    >>> distance_to_limit(history) == 1.0 - history[-1]
    True
    """
    gains = [after - before for before, after in pairwise(history[-_N_VALUES:])]
    if not gains:
        return np.inf
    gain = gains[-1]
    if abs(gain) <= 4 * _EPS * max(1.0, abs(history[-1])):
        return 0.0
    if gain < 0:  # at the limit, a ridge on the covariances can make the log-likelihood fall a little
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
    """Run EM until the estimated distance to the limit is below `tol`, or until `max_iter` M-steps are done.

    Parameters
    ----------
    source : Source
        The rows.
    start : Mixture, State or Fit
        The first mixture, or the state or fit from which the run continues. A fit brings its history.
    m_step : Maximizer
        The model to fit: an :class:`~gaussmix.em.MStep`, or an M-step of another kind.
    tol : float
        Distance to the limit of the log-likelihood, in nats per row.
    max_iter : int
        Largest number of M-steps; with 0 the start itself is returned.
    history : sequence of float
        Log-likelihoods of an earlier run that ended at `start`. Ignored unless its last value is the log-posterior of
        `start`: otherwise the rows differ.
    watch : callable
        Called with each state after the start and its gain in log-posterior.
    hopeless : callable
        Called with each state after the start and its estimated distance to the limit; the run ends where it returns
        true.
    accelerate : bool
        Whether to extrapolate, as :func:`iterate_accelerated` does. Where EM converges slowly, this takes a half or a
        third of the passes.

    Returns
    -------
    Fit
        The last complete state, also if a component collapsed or Ctrl-C was pressed, with the status of the run.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C was pressed before the pass for the start was complete: there is no state to return.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.em import run
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = ArraySource(np.array([[1.0], [2.0], [3.0], [7.0], [8.0], [9.0]]))
    >>> start = Mixture([0.5, 0.5], [[2.0], [5.0]], [4.0, 4.0])
    >>> m_step = MStep(named("spherical"), ridge=np.zeros(1))
    >>> fit = run(rows, start, m_step, tol=1e-4, max_iter=100)
    >>> fit.status.name, fit.state.mixture.means.round(2).tolist()
    ('CONVERGED', [[2.0], [8.0]])
    """
    path: list[float] = []
    skipped: list[float] = []
    status, reason = Status.ITERATION_LIMIT, ""
    begin = start.state if isinstance(start, Fit) else start
    try:
        # BLAS uses one thread: its threads would keep spinning after an M-step and slow down the next pass.
        with one_thread(source.n_rows * source.n_features**2):
            for state in (iterate_accelerated if accelerate else iterate)(source, begin, m_step):
                last = state
                if path:
                    path.append(state.log_posterior)
                    skipped.append(_skipped_share(source, state))
                    watch(state, path[-1] - path[-2])
                    distance = distance_to_limit(path)
                    if distance < tol:
                        status = Status.CONVERGED
                        break
                    if hopeless(state, distance):
                        status = Status.BEHIND
                        break
                else:
                    path = _history_until(start, state, history)
                    known = start.skipped[:-1] if isinstance(start, Fit) else [np.nan] * (len(path) - 1)
                    skipped = [*known, _skipped_share(source, state)]
                if state.n_iter >= max_iter:
                    break
    except IllDefinedCovarianceError as error:
        status, reason = Status.COLLAPSED, str(error)
    except KeyboardInterrupt:
        if not path:  # the start has no statistics yet
            raise
        status = Status.INTERRUPTED
    return Fit(last, tuple(path), status, reason, tuple(skipped))


def extend(source: Source, fit: Fit, state: State) -> Fit:
    """Return a fit with one more state of a run over given rows."""
    path, skipped = (*fit.history, state.log_posterior), (*fit.skipped, _skipped_share(source, state))
    return replace(fit, state=state, history=path, skipped=skipped)


def _skipped_share(source: Source, state: State) -> float:
    """Return the share of the pairs of a row and a component that the pass of a state skipped."""
    return state.statistics.skipped / (source.n_rows * state.mixture.n_components)


def _history_until(start: Mixture | State | Fit, state: State, history: Sequence[float]) -> list[float]:
    """Return the history up to the first state of a run."""
    if isinstance(start, Fit):
        return list(start.history)
    if history and np.isclose(history[-1], state.log_posterior, rtol=1e-12, atol=0):
        return list(history)
    return [state.log_posterior]
