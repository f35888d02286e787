"""The Kullback-Leibler and Jensen-Shannon divergences between mixtures."""

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_expit, logsumexp

from gaussmix._types import Floats, Seed
from gaussmix.density import bhattacharyya
from gaussmix.density.entropy import component_entropies, information_bounds
from gaussmix.density.estimate import Bounds, Estimate
from gaussmix.density.features import match
from gaussmix.density.gaussian_pairs import (
    CentredGaussians,
    bhattacharyya_distances,
    centre_pair,
    kl_divergences,
    log_product_integrals,
)
from gaussmix.density.importance_sampling import importance_weights, log_affinities, mean_over_pairs
from gaussmix.density.monte_carlo import MonteCarlo

if TYPE_CHECKING:
    from gaussmix.mixture import HasMixture, Mixture

__all__ = ["js_divergence", "kl_divergence"]

_LOG_2 = float(np.log(2.0))
# Log-odds are clipped to this size; beyond it, the remaining uncertainty is below 1e-150.
_FAR = 700.0
# The variational bound takes so many iterations; it is valid after any number.
_ITERATIONS = 100


def kl_divergence(
    mixture: "Mixture", other: "Mixture | HasMixture", *, n_samples: int = 100_000, random_state: Seed = None
) -> Estimate:
    r"""Return the Kullback-Leibler divergence from this mixture p to another mixture q, in nats.

    .. math:: KL(p \| q) = \int p(x) \log \frac{p(x)}{q(x)} \, dx

    It is the mean loss of log-density of rows of p when q is used in place of p. It is at least 0, and not symmetric.
    It has a closed form if both mixtures have one component.

    Parameters
    ----------
    other : Mixture or fitted estimator
        The mixture q, of the same features. Features are compared by name, if both mixtures have names.
    n_samples : int, default 100_000
        Number of rows to draw from each of the two mixtures; slightly more if components are rare.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        The divergence, with bounds. The lower bound is that of Durrieu, Thiran and Kelly with a tighter bound for the
        entropy of p, or its variant with Bhattacharyya distances in place of products, whichever is larger. The upper
        bound is also theirs, or the variational bound of Hershey and Olsen, whichever is smaller.

    Raises
    ------
    ValueError
        If the features differ, or `n_samples` is less than 2.

    Notes
    -----
    With the log-ratio :math:`d = \log p - \log q` and :math:`s = p / (p + q)`, the mean of
    :math:`2 (s d - 2 s + 1)` over rows drawn from p and q, half from each, is the divergence. This function is nowhere
    negative, and nearly :math:`d^2 / 2` where p and q are nearly equal. Small divergences too have therefore relative
    errors of a few per cent only. Log-ratios and divergences above 1e150 are replaced by 1e150.

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
    >>> mixture = Mixture([0.5, 0.5], [[-1.0], [1.0]], [1.0, 1.0])
    >>> divergence = mixture.kl_divergence(normal, random_state=0)
    >>> round(divergence.value, 2), divergence.standard_error < 0.01
    (0.16, True)
    """
    theirs = match(mixture, other)
    monte_carlo, (p, q) = MonteCarlo.from_seed(n_samples, random_state), centre_pair(mixture, theirs)
    return Estimate.from_bounds(
        _kl_bounds(p, q), lambda: monte_carlo.mean_of_log_ratios(mixture, theirs, _kl_integrand)
    )


def js_divergence(
    mixture: "Mixture", other: "Mixture | HasMixture", *, n_samples: int = 100_000, random_state: Seed = None
) -> Estimate:
    r"""Return the Jensen-Shannon divergence between this mixture p and another mixture q, in nats.

    .. math:: JS(p, q) = \tfrac12 KL(p \| m) + \tfrac12 KL(q \| m), \qquad m = \tfrac12 p + \tfrac12 q

    It is the information that a row carries about its source, p or q: from 0 for equal mixtures to log 2 = 0.693 for
    mixtures that do not overlap. It is symmetric, and its square root is a metric.

    Parameters
    ----------
    other : Mixture or fitted estimator
        The mixture q, of the same features. Features are compared by name, if both mixtures have names.
    n_samples : int, default 100_000
        Number of rows to draw from each of the two mixtures; slightly more if components are rare. If the mixtures are
        far apart, the rows are drawn between them, see :meth:`Mixture.bhattacharyya`.
    random_state : int, Generator or None, default None
        A seed, or a generator that advances with each call.

    Returns
    -------
    Estimate
        The divergence, with the tightest of three pairs of bounds: from the entropies of p, q and m (see
        :meth:`Mixture.entropy`), from the Bhattacharyya coefficient (``log(2) * (1 - BC)`` and ``1 - BC``), and from
        the bounds of the two Kullback-Leibler divergences.

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
    theirs = match(mixture, other)
    monte_carlo, (p, q) = MonteCarlo.from_seed(n_samples, random_state), centre_pair(mixture, theirs)
    draw = _js_over_pairs if logsumexp(log_affinities(p, q)) < 0 else _js_from_both
    return Estimate.from_bounds(_js_bounds(p, q), lambda: draw(monte_carlo, mixture, theirs))


def _kl_bounds(p: CentredGaussians, q: CentredGaussians) -> Bounds:
    """Return bounds of the divergence, from bounds of the cross-entropy and of the entropy.

    Both are relative to the mean entropy of the components of p.
    """
    if p.equals(q):
        return Bounds(0.0, 0.0)
    divergences = kl_divergences(p, q)
    if divergences.size == 1:
        return Bounds(float(divergences[0, 0]), float(divergences[0, 0]))
    own, cross = information_bounds(p), -float(p.weights @ logsumexp(np.log(q.weights) - divergences, axis=1))
    upper = min(cross - own.lower, _variational(p, q))
    return Bounds.intersect(Bounds(_cross_information(p, q) - own.upper, upper), Bounds(0.0, np.inf))


def _cross_information(p: CentredGaussians, q: CentredGaussians) -> float:
    """Return a lower bound of the cross-entropy, by Jensen's inequality for the mean of q or of ``sqrt(q / p_i)``."""
    log_weights = np.log(q.weights)
    products = -p.weights @ (logsumexp(log_weights + log_product_integrals(p, q), axis=1) + component_entropies(p))
    roots = -2.0 * p.weights @ logsumexp(0.5 * log_weights - bhattacharyya_distances(p, q), axis=1)
    return float(max(products, roots))


def _variational(p: CentredGaussians, q: CentredGaussians) -> float:
    """Return the variational upper bound of the divergence (Hershey & Olsen 2007).

    Both mixtures are divided into a piece for each pair of components. Iterations alternate between the pieces of q,
    given those of p, and the pieces of p, given those of q.
    """
    divergences, log_weights = kl_divergences(p, q), np.log(p.weights)[:, None]
    pieces = log_weights + np.log(q.weights)
    for _ in range(_ITERATIONS):
        mine = pieces - divergences
        mine += log_weights - np.logaddexp.reduce(mine, axis=1, keepdims=True)
        pieces = mine + np.log(q.weights) - np.logaddexp.reduce(mine, axis=0)
    return float(p.weights @ (log_weights[:, 0] - np.logaddexp.reduce(pieces - divergences, axis=1)))


def _js_bounds(p: CentredGaussians, q: CentredGaussians) -> Bounds:
    if p.equals(q):
        return Bounds(0.0, 0.0)
    both = p.average(q)
    whole, mine, theirs = information_bounds(both), information_bounds(p), information_bounds(q)
    apart = bhattacharyya.bounds(p, q)
    return Bounds.intersect(
        Bounds(whole.lower - 0.5 * (mine.upper + theirs.upper), whole.upper - 0.5 * (mine.lower + theirs.lower)),
        Bounds(-_LOG_2 * np.expm1(-apart.lower), -np.expm1(-apart.upper)),
        Bounds(0.0, min(0.5 * (_variational(p, both) + _variational(q, both)), _LOG_2)),
    )


def _kl_integrand(log_ratios: Floats) -> Floats:
    share = expit(log_ratios)
    return np.asarray(2.0 * (share * log_ratios - 2.0 * share + 1.0))


def _js_from_both(monte_carlo: MonteCarlo, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    def values(log_ratios: Floats) -> Floats:
        mine, theirs = (expit(ratios) * (_LOG_2 + log_expit(ratios)) for ratios in (log_ratios, -log_ratios))
        return np.asarray(mine + theirs)

    return monte_carlo.mean_of_log_ratios(mixture, other, values)


def _js_over_pairs(monte_carlo: MonteCarlo, mixture: "Mixture", other: "Mixture") -> tuple[float, float]:
    """Estimate ``log 2 - JS`` by importance sampling: it is the mean uncertainty of the source of a row.

    Return the divergence and its standard error. This is precise for mixtures that hardly overlap.
    """
    p, q = centre_pair(mixture, other)
    affinities = log_affinities(p, q)

    def values(rows: Floats) -> Floats:
        return importance_weights(mixture, other, rows) * _uncertainty(mixture.logpdf(rows) - other.logpdf(rows))

    mean, error = mean_over_pairs(monte_carlo, mixture, p, q, affinities, values)
    total = float(np.exp(logsumexp(affinities)))
    return _LOG_2 - total * mean, total * error


def _uncertainty(log_odds: Floats) -> Floats:
    """Return the entropy of ``(s, 1 - s)`` divided by ``2 sqrt(s (1 - s))``."""
    odds = np.minimum(np.abs(log_odds), _FAR)
    return np.asarray(np.cosh(0.5 * odds) * (np.log1p(np.exp(-odds)) + odds * expit(-odds)))
