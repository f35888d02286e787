"""Probabilities of boxes."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from gaussmix._types import ArrayLike, Floats, Seed
from gaussmix.density.estimate import Estimate
from gaussmix.values import real

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["box_probability"]

_REPEATS = 8
_TOLERANCE = 1e-4  # absolute, of one repeat, in three standard errors
_CLOSED_FORM = 2  # features up to which nothing is random
_MOST_POINTS = 20_000  # of one repeat, for each feature


def box_probability(mixture: "Mixture", lower: ArrayLike, upper: ArrayLike, *, random_state: Seed = 0) -> Estimate:
    r"""Probability that every feature of a row lies between two limits.

    A component without correlations has the product of its features' probabilities, exact also far out. With
    correlations it is exact to 1e-15 where no more than two features are limited. Of more, it is found by scipy's
    randomized lattice rule (Genz & Bretz 2009), eight times over: the error is what these eight differ by. That takes
    about a millisecond for three features, a quarter of a second for sixteen, for each component and box.

    Parameters
    ----------
    lower, upper : (D,) or (n, D) array_like
        Limits of one box or of n boxes, in the units of the rows; ``-inf`` and ``inf`` where there are none. They are
        broadcast: one number stands for all features, one row for all boxes.
    random_state : int, Generator or None, default 0
        Where the lattices begin. The default gives the same answer each time.

    Returns
    -------
    Estimate
        Numbers for one box, arrays ``(n,)`` for n. The bounds are those of Fréchet: a component can give a box no more
        than the smallest probability of a side, and no less than is left when what lies beyond each is taken off.

    Raises
    ------
    ValueError
        If shapes do not fit the mixture, a limit is NaN, or a lower one is above the upper.

    References
    ----------
    Genz & Bretz (2009), Computation of Multivariate Normal and t Probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [4.0, 4.0]], [1.0, 1.0])
    >>> round(mixture.box_probability([-1.0, -np.inf], [1.0, 0.0]).value, 4)      # half of 0.5 * 0.6827, and a trace
    0.1707
    """
    low, high = _limits(mixture.n_features, lower, upper)
    rng = np.random.default_rng(random_state)
    factors = mixture.factors
    answers = np.zeros((_REPEATS + 2, *low.shape[:-1]))
    for weight, mean, factor in zip(mixture.weights, mixture.means, factors, strict=True):
        deviations = np.linalg.norm(factor, axis=1)
        below, above = (np.atleast_2d((limit - mean) / deviations) for limit in (low, high))
        answers += weight * _of_gaussian(factor / deviations[:, None], below, above, rng).reshape(answers.shape)
    return _estimate(answers)


def _limits(n_features: int, lower: ArrayLike, upper: ArrayLike) -> tuple[Floats, Floats]:
    """The corners of the boxes, ``(D,)`` or ``(n, D)``."""
    both = [real(name, limit).astype(np.float64) for name, limit in (("lower", lower), ("upper", upper))]
    try:
        low, high, _ = np.broadcast_arrays(*both, np.empty(n_features))
    except ValueError:
        low = high = np.empty(0)
    if low.ndim not in {1, 2} or low.shape[-1] != n_features:
        msg = (
            f"lower and upper must have shape ({n_features},) or (n, {n_features}), a limit for each feature, got "
            f"{both[0].shape} and {both[1].shape}."
        )
        raise ValueError(msg)
    wrong = np.argwhere(~(low <= high))
    if len(wrong):
        first = tuple(wrong[0])
        msg = f"lower must be at most upper, and neither may be NaN; got {low[first]} and {high[first]}."
        raise ValueError(msg)
    return low, high


def _of_gaussian(factor: Floats, low: Floats, high: Floats, rng: np.random.Generator) -> Floats:
    """Answers for one Gaussian about zero with unit variances, ``(_REPEATS + 2, n)``: repeats, then both bounds.

    They are all the same where nothing is random.
    """
    sides = _between(low, high)
    answers = np.tile(sides.prod(axis=1), (_REPEATS + 2, 1))
    if np.tril(factor, -1).any():
        limited = (low > -np.inf) | (high < np.inf)
        for i in np.flatnonzero((limited.sum(axis=1) > 1) & (sides > 0).all(axis=1)):
            roots = factor[limited[i]]
            answers[:, i] = _of_box(roots @ roots.T, low[i, limited[i]], high[i, limited[i]], rng)
    return answers


def _of_box(correlations: Floats, low: Floats, high: Floats, rng: np.random.Generator) -> Floats:
    size = len(low)

    def draw() -> float:
        return float(
            multivariate_normal.cdf(
                high,
                np.zeros(size),
                correlations,
                allow_singular=True,
                maxpts=_MOST_POINTS * size,
                abseps=_TOLERANCE,
                lower_limit=low,
                rng=rng,
            )
        )

    first, second = draw(), draw()
    if first == second and size <= _CLOSED_FORM:
        return np.full(_REPEATS + 2, first)
    sides = _between(low, high)
    lower_bound = max(1.0 - (1.0 - sides).sum(), 0.0)
    return np.array([first, second, *(draw() for _ in range(_REPEATS - 2)), lower_bound, sides.min()])


def _between(low: Floats, high: Floats) -> Floats:
    """Standard normal probabilities of intervals; those above zero are looked at from above, where digits are."""
    above = low > 0
    return np.asarray(ndtr(np.where(above, -low, high)) - ndtr(np.where(above, -high, low)))


def _estimate(answers: Floats) -> Estimate:
    """Mean of the repeats and its error; equal ones have none."""
    apart = answers[:_REPEATS] - answers[0]
    value = answers[0] + apart.mean(axis=0)
    error = apart.std(axis=0, ddof=1) / np.sqrt(_REPEATS)
    return Estimate.of(value, error, *answers[_REPEATS:])
