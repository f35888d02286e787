"""The log-density above which a mixture holds a given probability."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import logsumexp
from scipy.stats import chi2

from gaussmix._types import ArrayLike, Floats, Seed
from gaussmix.density.estimate import Estimate
from gaussmix.density.gaussian_pairs import Gaussians, log_overlaps
from gaussmix.density.univariate import log_level
from gaussmix.density.validation import contents, count

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["level"]

_FEWEST = 10


def level(mixture: "Mixture", content: ArrayLike, *, n_samples: int = 100_000, random_state: Seed = None) -> Estimate:
    r"""Log-density above which the mixture holds a given probability.

    The rows with at least that log-density make up the smallest region that holds it, the highest-density region
    (Hyndman 1996). Its border is a contour.

    It is exact for one component, whose region is an ellipsoid, and for one feature. Otherwise it is the quantile of
    the log-densities of random rows. The standard error is half the distance of the two order statistics that are a
    standard deviation of their rank above and below it (Woodruff 1952).

    Parameters
    ----------
    content : float or (m,) array_like
        Probabilities, between 0 and 1. All are answered from the same rows.
    n_samples : int, default 100_000
        How many rows to draw. With 0.9 of them within, the error of that share is then 0.001.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        In nats; a number, or arrays ``(m,)``. The bounds are proven, and no confidence interval: at the lower one the
        regions of the single components hold that probability already, and no density is above the upper one.

    Raises
    ------
    ValueError
        If a content is not between 0 and 1, or so near to either that there are too few rows beyond.

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
    shares = contents(content)
    count("n_samples", n_samples, 1)
    if mixture.n_features == 1:
        return _exact(_each(shares, lambda share: log_level(mixture, share)))
    lower = _each(shares, lambda share: _lower_bound(mixture, share))
    if np.count_nonzero(mixture.weights) == 1:
        return _exact(lower)
    blocks = mixture.sample_blocks(_enough(n_samples, shares), random_state=random_state)
    heights = np.sort(np.concatenate([mixture.logpdf(rows) for rows, _ in blocks]))
    return Estimate.of(*_quantile(heights, 1.0 - shares), lower, _upper_bound(mixture, shares))


def _each(shares: Floats, function: Callable[[float], float]) -> Floats:
    return np.array([function(float(share)) for share in shares.flat]).reshape(shares.shape)


def _exact(level: Floats) -> Estimate:
    return Estimate.of(level, np.zeros_like(level), level, level)


def _enough(n_samples: int, shares: Floats) -> int:
    scarcest = min(shares.min(initial=0.5), 1.0 - shares.max(initial=0.5))
    if n_samples * scarcest < _FEWEST:
        msg = (
            f"content must leave {_FEWEST} of {n_samples} random rows on either side of its level, got {shares}; "
            f"n_samples must then be at least {_FEWEST / scarcest:.0f}."
        )
        raise ValueError(msg)
    return n_samples


def _quantile(values: Floats, q: Floats) -> tuple[Floats, Floats]:
    """Quantiles of sorted values, and their standard errors."""
    rank, deviation = q * len(values), np.sqrt(q * (1.0 - q) * len(values))
    below = values[np.floor(rank - deviation).astype(np.intp)]
    above = values[np.minimum(np.ceil(rank + deviation), len(values) - 1).astype(np.intp)]
    return np.quantile(values, q), 0.5 * (above - below)


def _lower_bound(mixture: "Mixture", share: float) -> float:
    """The level of components that know nothing of each other: together they are only denser."""
    heavy = mixture.weights > 0
    norms, weights = mixture.log_norms[heavy], mixture.weights[heavy]
    own = norms - 0.5 * chi2.ppf(share, mixture.n_features)

    def beyond(height: float) -> float:
        held = weights @ chi2.cdf(2.0 * (norms - height), mixture.n_features)
        return float(held) - share

    low, high = float(own.min()), float(own.max())
    if beyond(high) >= 0.0 or beyond(low) <= 0.0:  # but for rounding, one of them is it
        return high if beyond(high) >= 0.0 else low
    return float(brentq(beyond, low, high))


def _upper_bound(mixture: "Mixture", shares: Floats) -> Floats:
    """No density is above the sum of the peaks; and by Markov's inequality, not too much above the mean density."""
    parts = Gaussians.of(mixture)
    log_weights = np.log(parts.weights)
    mean = logsumexp(log_overlaps(parts, parts) + log_weights + log_weights[:, None])
    return np.minimum(logsumexp(mixture.log_norms), mean - np.log(shares))
