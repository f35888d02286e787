"""Optimal transport between mixtures: couplings of components, and the Wasserstein distance."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.integrate import tanhsinh
from scipy.optimize import linprog
from scipy.special import ndtr

from gaussmix._types import Floats
from gaussmix.density.estimate import Bounds
from gaussmix.density.features import match
from gaussmix.density.gaussian_pairs import CentredGaussians, centre_pair, squared_wasserstein_distances
from gaussmix.density.univariate_mixtures import UnivariateMixtures, evaluate_in_blocks

if TYPE_CHECKING:
    from gaussmix.mixture import HasMixture, Mixture

__all__ = ["cheapest_coupling", "wasserstein"]

# The linear program is solved to this fraction of the largest cost, the smallest tolerance that the solver accepts.
_LP_TOLERANCE = 1e-10
# The quadrature in one dimension is solved to this fraction of the squared distance.
_TOLERANCE = 1e-10
_ROUNDING = float(np.finfo(np.float64).eps)
# Lower bounds are reduced by this fraction of the largest length, which is more than rounding adds to them.
_SLACK = 1e-12
# The tail of a normal distribution is zero in double precision beyond so many standard deviations.
_FAR = 40.0
# The lower bound in one dimension divides the probability into so many equal parts.
_PARTS = 256
# The quadrature ignores intervals of at most this probability.
_SHORTEST = 1e-12
# Quantiles may bend where a value is so many standard deviations from a mean.
_BENDS = np.array([-9.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 9.0])
# The smallest and the largest probability of which a quantile is computed.
_FIRST, _LAST = float(np.finfo(np.float64).tiny), 1.0 - float(np.finfo(np.float64).epsneg)


def wasserstein(mixture: "Mixture", other: "Mixture | HasMixture") -> Bounds:
    r"""Return the 2-Wasserstein distance from another mixture, in the units of the rows.

    .. math:: W_2(p, q)^2 = \min_{X \sim p, \, Y \sim q} E \lVert X - Y \rVert^2

    It measures how far probability must be moved to turn one mixture into the other. Unlike the divergences, it depends
    on the units of the features: scale the features first, with :meth:`Mixture.transform`.

    Parameters
    ----------
    other : Mixture or fitted estimator
        The other mixture, of the same features. Features are compared by name, if both mixtures have names.

    Returns
    -------
    Bounds
        Bounds of the distance. For two single Gaussians, both are the distance, by closed form. In one dimension, both
        are the distance up to the error of a quadrature over quantiles. Otherwise the upper bound is the cost of the
        best plan that moves components as a whole (Delon and Desolneux). The lower bound is the distance of the two
        Gaussians with the means and covariances of the mixtures (Gelbrich), or a bound from the distances along each
        principal axis if that is larger.

    Raises
    ------
    ValueError
        If the features differ.

    References
    ----------
    Gelbrich (1990), Mathematische Nachrichten 147.
    Delon & Desolneux (2020), SIAM Journal on Imaging Sciences 13.

    Examples
    --------
    >>> from gaussmix import Mixture
    >>> mixture = Mixture([0.5, 0.5], [[0.0, 0.0], [9.0, 0.0]], [1.0, 1.0])
    >>> moved = Mixture([0.5, 0.5], [[3.0, 4.0], [12.0, 4.0]], [1.0, 1.0])
    >>> bounds = mixture.wasserstein(moved)
    >>> round(bounds.lower, 9), round(bounds.upper, 9)
    (5.0, 5.0)
    """
    p, q = centre_pair(mixture, match(mixture, other))
    if p.equals(q):
        return Bounds(0.0, 0.0)
    length = _length(p, q)
    bounds = _bounds(p.scale(1.0 / length), q.scale(1.0 / length))
    return Bounds(bounds.lower * length, bounds.upper * length)


def _length(p: CentredGaussians, q: CentredGaussians) -> float:
    """Return a power of two that is at least the largest length; in this unit, squares neither overflow nor vanish."""
    largest = max(float(np.abs(numbers).max()) for numbers in (p.factors, q.factors, p.means, q.means))
    return float(np.exp2(np.ceil(np.log2(largest))))


def _bounds(p: CentredGaussians, q: CentredGaussians) -> Bounds:
    """Return the bounds for mixtures with numbers of at most about one; the lower bound allows for rounding."""
    costs = squared_wasserstein_distances(p, q)
    moved = float(np.sqrt((cheapest_coupling(costs, p.weights, q.weights) * costs).sum()))
    if costs.size == 1:
        return Bounds(moved, moved)
    axes = np.linalg.svd(p.average(q).moment_match.factors[0]).U
    projections = list(zip(_project(axes, p), _project(axes, q), strict=True))
    gelbrich = squared_wasserstein_distances(p.moment_match, q.moment_match)[0, 0]
    squares = max(gelbrich, sum(_squared_distance_of_parts(*pair) for pair in projections))
    bounds = Bounds.intersect(Bounds(float(np.sqrt(squares)) - _SLACK, moved), Bounds(0.0, np.inf))
    return bounds if len(projections) > 1 else _integrate_quantiles(*projections[0], bounds)


def _project(axes: Floats, components: CentredGaussians) -> list[UnivariateMixtures]:
    """Return the projections of the mixture on the columns of a rotation."""
    means = components.means @ axes
    deviations = np.maximum(np.linalg.norm(components.roots @ axes, axis=1), _ROUNDING**2)
    moments_along = zip(means.T[:, None], deviations.T, strict=True)
    return [UnivariateMixtures(components.weights[None], *moments) for moments in moments_along]


def _squared_distance_of_parts(one: UnivariateMixtures, other: UnivariateMixtures) -> float:
    """Return a lower bound of a squared distance in one dimension, from the means of equal parts of the probability."""
    return _PARTS * float(((_means_of_parts(one) - _means_of_parts(other)) ** 2).sum())


def _means_of_parts(mixture: UnivariateMixtures) -> Floats:
    """Return the contribution to the mean of each part of the probability, from one quantile to the next.

    The integral of the quantiles up to u is the maximum over x of ``u x - E max(x - X, 0)``, at the quantile x. A
    rounding error of x therefore changes the integral only in second order.
    """
    probabilities = np.arange(1, _PARTS) / _PARTS
    cuts = mixture.quantile(probabilities)
    apart = cuts[:, None] - mixture.means
    standard = np.clip(apart / mixture.deviations, -_FAR, _FAR)
    excess = apart * ndtr(standard) + mixture.deviations * np.exp(-0.5 * standard**2) / np.sqrt(2.0 * np.pi)
    below = probabilities * cuts - excess @ mixture.weights[0]
    return np.diff(below, prepend=0.0, append=mixture.means[0] @ mixture.weights[0])


def _integrate_quantiles(one: UnivariateMixtures, other: UnivariateMixtures, bounds: Bounds) -> Bounds:
    """Return tighter bounds in one dimension; the best plan maps quantiles to quantiles of the same probability."""

    def squares(probabilities: Floats) -> Floats:
        return (_quantiles(one, probabilities) - _quantiles(other, probabilities)) ** 2

    ends = np.unique(np.concatenate([[0.0, 1.0], _quantile_bends(one), _quantile_bends(other)]))
    ends = np.append(ends[:-1][np.diff(ends) > _SHORTEST], 1.0)
    noise = max(_TOLERANCE * bounds.upper**2, _ROUNDING**2) / len(ends)
    pieces = tanhsinh(squares, ends[:-1], ends[1:], rtol=_TOLERANCE, atol=noise)
    square, error = float(pieces.integral.sum()), float(np.abs(pieces.error).sum())
    tighter = np.clip(np.sqrt([max(square - error, 0.0), square + error]), bounds.lower, bounds.upper)
    return Bounds(float(tighter[0]), float(tighter[1]))


def _quantile_bends(mixture: UnivariateMixtures) -> Floats:
    """Return the probabilities at which the quantile function may bend, from multiples of the standard deviations."""
    return np.exp(mixture.log_cdf((mixture.means[0] + mixture.deviations * _BENDS[:, None]).ravel()))


def _quantiles(mixture: UnivariateMixtures, probabilities: Floats) -> Floats:
    """Return the quantiles for probabilities of any shape, which are clipped away from 0 and 1."""
    inside = np.clip(probabilities, _FIRST, _LAST).ravel()
    return evaluate_in_blocks(mixture, mixture.quantile, inside).reshape(probabilities.shape)


def cheapest_coupling(costs: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return the joint weights ``(K, K')`` with the given row and column sums that have the smallest total cost.

    The cost is minimal up to the tolerance of the solver. The sums are exact up to rounding, so that a bound that holds
    for every coupling holds for the result.
    """
    n_rows, n_columns = costs.shape
    sums = sparse.vstack(
        [
            sparse.kron(sparse.eye_array(n_rows), np.ones((1, n_columns))),
            sparse.kron(np.ones((1, n_rows)), sparse.eye_array(n_columns)),
        ]
    ).tocsr()
    spread = np.ptp(costs)
    solution = linprog(  # type: ignore[call-overload] # scipy's stubs know no sparse constraints
        (costs - costs.min()).ravel() / (spread or 1.0),
        A_eq=sums[:-1],  # the last sum follows from the others
        b_eq=np.concatenate([rows, columns])[:-1],
        options={"primal_feasibility_tolerance": _LP_TOLERANCE, "dual_feasibility_tolerance": _LP_TOLERANCE},
    )
    return _round_to_marginals(solution.x.reshape(costs.shape), rows, columns)


def _round_to_marginals(coupling: Floats, rows: Floats, columns: Floats) -> Floats:
    """Return a coupling with exact sums: scale large sums down, then add the rest (Altschuler et al. 2017)."""
    coupling = np.maximum(coupling, 0.0)
    coupling *= (rows / np.maximum(coupling.sum(axis=1), rows))[:, None]
    coupling *= columns / np.maximum(coupling.sum(axis=0), columns)
    lacking = np.maximum(rows - coupling.sum(axis=1), 0.0)
    filling = np.maximum(columns - coupling.sum(axis=0), 0.0)
    return coupling + np.outer(lacking, filling / max(filling.sum(), _FIRST))
