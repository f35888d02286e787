"""The level of the log-density above which a mixture holds a given probability."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import chi2

from gaussmix._types import ArrayLike, Floats, Seed
from gaussmix.arguments import check_contents, check_count
from gaussmix.density.estimate import Estimate
from gaussmix.density.gaussian_pairs import CentredGaussians, log_product_integrals
from gaussmix.density.univariate import log_level

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["level"]

# At least so many random rows must lie on either side of a level.
_MIN_ROWS = 10


def level(mixture: "Mixture", content: ArrayLike, *, n_samples: int = 100_000, random_state: Seed = None) -> Estimate:
    r"""Return the log-density above which the mixture holds a given probability.

    The points with at least that log-density form the smallest region with that probability, the highest-density
    region (Hyndman 1996). The border of the region is a contour.

    The level is exact for one component, where the region is an ellipsoid, and for one feature. Otherwise it is the
    quantile of the log-densities of random rows. The standard error is half the distance between two order statistics:
    the ranks of these are one standard deviation above and below that of the quantile (Woodruff 1952).

    Parameters
    ----------
    content : float or (m,) array_like
        Probabilities, between 0 and 1. The same random rows serve all of them.
    n_samples : int, default 100_000
        Number of rows to draw. With the default, a region of content 0.9 holds 0.9 with a standard error of 0.001.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        The level in nats: a number, or arrays ``(m,)``. The bounds are proven; they are not a confidence interval.

    Raises
    ------
    ValueError
        If a content is not between 0 and 1, or is so near to 0 or 1 that fewer than 10 random rows lie beyond its
        level.

    References
    ----------
    Hyndman (1996), The American Statistician 50.
    Woodruff (1952), Journal of the American Statistical Association 47.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [9.0, 9.0]], [1.0, 1.0])
    >>> level = mixture.level(0.9, random_state=0)
    >>> round(level.value, 1), level.standard_error < 0.02
    (-4.8, True)
    >>> rows = mixture.sample(10_000, random_state=1)
    >>> round(float((mixture.logpdf(rows) >= level.value).mean()), 2)
    0.9
    """
    shares = check_contents(content)
    check_count("n_samples", n_samples, 1)
    if mixture.n_features == 1:
        return _exact(_map_contents(shares, lambda share: log_level(mixture, share)))
    lower = _map_contents(shares, lambda share: _lower_bound(mixture, share))
    if np.count_nonzero(mixture.weights) == 1:
        return _exact(lower)
    blocks = mixture.sample_blocks(_check_n_samples(n_samples, shares), random_state=random_state)
    heights = np.sort(np.concatenate([mixture.logpdf(rows) for rows, _ in blocks]))
    return Estimate.from_arrays(*_quantile(heights, 1.0 - shares), lower, _upper_bound(mixture, shares))


def _map_contents(shares: Floats, function: Callable[[float], float]) -> Floats:
    return np.array([function(float(share)) for share in shares.flat]).reshape(shares.shape)


def _exact(level: Floats) -> Estimate:
    return Estimate.from_arrays(level, np.zeros_like(level), level, level)


def _check_n_samples(n_samples: int, shares: Floats) -> int:
    scarcest = min(shares.min(initial=0.5), 1.0 - shares.max(initial=0.5))
    if n_samples * scarcest < _MIN_ROWS:
        msg = (
            f"content must leave {_MIN_ROWS} of {n_samples} random rows on either side of its level, got {shares}; "
            f"n_samples must then be at least {_MIN_ROWS / scarcest:.0f}."
        )
        raise ValueError(msg)
    return n_samples


def _quantile(values: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Return the quantiles of sorted values, and their standard errors."""
    rank, deviation = q * len(values), np.sqrt(q * (1.0 - q) * len(values))
    below = values[np.floor(rank - deviation).astype(np.intp)]
    above = values[np.minimum(np.ceil(rank + deviation), len(values) - 1).astype(np.intp)]
    return np.quantile(values, q), 0.5 * (above - below)


def _lower_bound(mixture: "Mixture", share: float) -> float:
    """Return the level at which the highest-density regions of the single components hold the probability together.

    The density of the mixture is at least that of each weighted component, so its own level is not lower.
    """
    positive = mixture.weights > 0
    norms, weights = mixture.log_norms[positive], mixture.weights[positive]
    own = norms - 0.5 * chi2.ppf(share, mixture.n_features)

    def excess(height: float) -> float:
        contents = weights @ chi2.cdf(2.0 * (norms - height), mixture.n_features)
        return float(contents) - share

    low, high = float(own.min()), float(own.max())
    if excess(high) >= 0.0 or excess(low) <= 0.0:  # up to rounding, one end of the bracket is the solution
        return high if excess(high) >= 0.0 else low
    return float(brentq(excess, low, high))


def _upper_bound(mixture: "Mixture", shares: Floats) -> Floats:
    """Return the smaller of two upper bounds of the level: the sum of the peaks, and Markov's bound.

    By Markov's inequality, the density exceeds its mean divided by the content with at most that probability.
    """
    gaussians = CentredGaussians.from_mixture(mixture)
    log_weights = np.log(gaussians.weights)
    mean = logsumexp(log_product_integrals(gaussians, gaussians) + log_weights + log_weights[:, None])
    return np.minimum(logsumexp(mixture.log_norms), mean - np.log(shares))
