"""How far apart two mixtures are: the divergences of Kullback and Leibler, and of Jensen and Shannon."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_expit, logsumexp

from gaussmix._types import Floats, Seed
from gaussmix.density import bhattacharyya
from gaussmix.density.entropy import entropies, information
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.gaussian_pairs import Gaussians, bhattacharyya_distances, kl_divergences, log_overlaps, pair
from gaussmix.density.importance_sampling import log_affinities, mean_between, overlaps
from gaussmix.density.monte_carlo import Draws

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["js_divergence", "kl_divergence"]

_LOG_2 = float(np.log(2.0))
_FAR = 700.0  # log-odds; beyond, they leave less than 1e-150 uncertain
_ROUNDS = 100  # of the variational bound, which is valid after any number


def kl_divergence(
    mixture: "Mixture", other: "Mixture", *, n_samples: int = 100_000, random_state: Seed = None
) -> Estimate:
    r"""Kullback-Leibler divergence from this mixture p to another, q, in nats.

    .. math:: KL(p \| q) = \int p(x) \log \frac{p(x)}{q(x)} \, dx

    What rows of p lose in log-density, on average, where q is taken for p. At least 0, and not symmetric. Closed form
    where both have one component.

    Parameters
    ----------
    other : Mixture
        The mixture q, of the same features.
    n_samples : int, default 100_000
        How many rows to draw from each of the two, some more where there are rare components.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        Its bounds are, below, those of Durrieu, Thiran and Kelly, with a tighter one for the entropy of p, or the same
        with Bhattacharyya distances in place of products; above, theirs too, or the variational one of Hershey and
        Olsen.

    Raises
    ------
    ValueError
        If the features differ, or `n_samples` is less than 2.

    Notes
    -----
    With the log-ratio :math:`d = \log p - \log q` and :math:`s = p / (p + q)`, the mean of
    :math:`2 (s d - 2 s + 1)` over rows drawn from p and q, half each, is the divergence. This is nowhere negative, and
    nearly :math:`d^2 / 2` where p and q are alike: small divergences too are found to a few per cent of themselves.
    Log-ratios and divergences above 1e150 are taken for that.

    References
    ----------
    Durrieu, Thiran & Kelly (2012), ICASSP, 4833-4836.
    Hershey & Olsen (2007), ICASSP, IV-317-320.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> normal = Mixture([1.0], [[0.0]], [1.0])
    >>> normal.kl_divergence(Mixture([1.0], [[1.0]], [1.0])).value
    0.5
    >>> twins = Mixture([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0])
    >>> found = twins.kl_divergence(normal, random_state=0)
    >>> round(found.value, 2), found.standard_error < 0.01
    (0.16, True)
    """
    draws, (p, q) = Draws.of(n_samples, random_state), pair(mixture, other)
    return Estimate.within(_kl_bounds(p, q), lambda: draws.mean_of_both(mixture, other, _kl_of))


def js_divergence(
    mixture: "Mixture", other: "Mixture", *, n_samples: int = 100_000, random_state: Seed = None
) -> Estimate:
    r"""Jensen-Shannon divergence between this mixture p and another, q, in nats.

    .. math:: JS(p, q) = \tfrac12 KL(p \| m) + \tfrac12 KL(q \| m), \qquad m = \tfrac12 p + \tfrac12 q

    What a row says of which of the two it came from: from 0, where they are the same, to log 2 = 0.693, where they do
    not overlap. Symmetric; its square root is a metric.

    Parameters
    ----------
    other : Mixture
        The mixture q, of the same features.
    n_samples : int, default 100_000
        How many rows to draw from each of the two, some more where there are rare components; where the two are proven
        to be apart, how many to draw between them, as in :meth:`Mixture.bhattacharyya`.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        Its bounds are the tightest of those from the entropies of p, q and m (see :meth:`Mixture.entropy`), from the
        coefficient of Bhattacharyya (``log(2) * (1 - BC)`` and ``1 - BC``), and from those of the two divergences.

    Raises
    ------
    ValueError
        If the features differ, or `n_samples` is less than 2.

    References
    ----------
    Lin (1991), IEEE Transactions on Information Theory 37.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> near, far = Mixture([1.0], [[0.0]], [1.0]), Mixture([1.0], [[9.0]], [1.0])
    >>> round(near.js_divergence(far, random_state=0).value, 3)
    0.693
    """
    draws, (p, q) = Draws.of(n_samples, random_state), pair(mixture, other)
    draw = _js_between if logsumexp(log_affinities(p, q)) < 0 else _js_of_both
    return Estimate.within(_js_bounds(p, q), lambda: draw(draws, mixture, other))


def _kl_bounds(p: Gaussians, q: Gaussians) -> Bounds:
    """From bounds of the cross-entropy and of the entropy, both beyond the mean entropy of the components of p."""
    if p.equals(q):
        return Bounds(0.0, 0.0)
    divergences = kl_divergences(p, q)
    if divergences.size == 1:
        return Bounds(float(divergences[0, 0]), float(divergences[0, 0]))
    own, cross = information(p), -float(p.weights @ logsumexp(np.log(q.weights) - divergences, axis=1))
    upper = min(cross - own.lower, _variational(p, q))
    return Bounds.tightest(Bounds(_cross_information(p, q) - own.upper, upper), Bounds(0.0, np.inf))


def _cross_information(p: Gaussians, q: Gaussians) -> float:
    """A lower bound of the cross-entropy, by Jensen's inequality for the mean of ``q``, or of ``sqrt(q / p_i)``."""
    log_weights = np.log(q.weights)
    products = -p.weights @ (logsumexp(log_weights + log_overlaps(p, q), axis=1) + entropies(p))
    roots = -2.0 * p.weights @ logsumexp(0.5 * log_weights - bhattacharyya_distances(p, q), axis=1)
    return float(max(products, roots))


def _variational(p: Gaussians, q: Gaussians) -> float:
    """An upper bound of the divergence: both mixtures are cut into a piece for each pair, and pieces compared.

    In turns, the pieces of q are made proportional to those of p, and those of p best for those of q.
    """
    divergences, log_weights = kl_divergences(p, q), np.log(p.weights)[:, None]
    pieces = log_weights + np.log(q.weights)
    for _ in range(_ROUNDS):
        mine = pieces - divergences
        mine += log_weights - np.logaddexp.reduce(mine, axis=1, keepdims=True)
        pieces = mine + np.log(q.weights) - np.logaddexp.reduce(mine, axis=0)
    return float(p.weights @ (log_weights[:, 0] - np.logaddexp.reduce(pieces - divergences, axis=1)))


def _js_bounds(p: Gaussians, q: Gaussians) -> Bounds:
    if p.equals(q):
        return Bounds(0.0, 0.0)
    both = p.averaged(q)
    whole, mine, theirs = information(both), information(p), information(q)
    apart = bhattacharyya.bounds(p, q)
    return Bounds.tightest(
        Bounds(whole.lower - 0.5 * (mine.upper + theirs.upper), whole.upper - 0.5 * (mine.lower + theirs.lower)),
        Bounds(-_LOG_2 * np.expm1(-apart.lower), -np.expm1(-apart.upper)),
        Bounds(0.0, min(0.5 * (_variational(p, both) + _variational(q, both)), _LOG_2)),
    )


def _kl_of(log_ratios: Floats) -> Floats:
    share = expit(log_ratios)
    return np.asarray(2.0 * (share * log_ratios - 2.0 * share + 1.0))


def _js_of_both(draws: Draws, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    def values(log_ratios: Floats) -> Floats:
        mine, theirs = (expit(ratios) * (_LOG_2 + log_expit(ratios)) for ratios in (log_ratios, -log_ratios))
        return np.asarray(mine + theirs)

    return draws.mean_of_both(mixture, other, values)


def _js_between(draws: Draws, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    """What lacks to log 2: the uncertainty of which of the two a row is from, where few rows leave any."""
    p, q = pair(mixture, other)
    affinities = log_affinities(p, q)

    def values(rows: Floats) -> Floats:
        return overlaps(mixture, other, rows) * _uncertainty(mixture.logpdf(rows) - other.logpdf(rows))

    mean, error = mean_between(draws, mixture, p, q, affinities, values)
    total = float(np.exp(logsumexp(affinities)))
    return _LOG_2 - total * mean, total * error


def _uncertainty(log_odds: Floats) -> Floats:
    """Entropy of ``s`` and ``1 - s``, over ``2 sqrt(s (1 - s))``."""
    odds = np.minimum(np.abs(log_odds), _FAR)
    return np.asarray(np.cosh(0.5 * odds) * (np.log1p(np.exp(-odds)) + odds * expit(-odds)))
