"""Moving one mixture onto another: couplings of components, and the Wasserstein distance."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.integrate import tanhsinh
from scipy.optimize import linprog

from gaussmix._types import Floats
from gaussmix.density.estimate import Bounds
from gaussmix.density.gaussians import Gaussians, pair, squared_wasserstein_distances

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["cheapest_coupling", "wasserstein"]

_LP_TOLERANCE = 1e-10  # of the largest cost: the least that the solver takes
_TOLERANCE = 1e-10  # of a squared distance
_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of lengths
_DIGITS = 12  # of a probability: pieces of an integral are not shorter
_TURNS = np.array([-6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0])  # standard deviations from a mean, where quantiles may bend
_FIRST, _LAST = float(np.finfo(np.float64).tiny), 1.0 - float(np.finfo(np.float64).epsneg)


def wasserstein(mixture: "Mixture", other: "Mixture") -> Bounds:
    r"""2-Wasserstein distance from another mixture, in the units of the rows.

    .. math:: W_2(p, q)^2 = \min_{X \sim p, \, Y \sim q} E \lVert X - Y \rVert^2

    How far mass must be moved to make one of the other. Unlike the divergences it depends on the units of the features:
    bring them to a common scale first, with :meth:`Mixture.transform`.

    Parameters
    ----------
    other : Mixture
        The other mixture, of the same features.

    Returns
    -------
    Bounds
        Both are the distance itself for two single Gaussians, by closed form, and in one dimension, up to the error of
        a quadrature of quantiles, which they include. Else the lower is that of two Gaussians with the means and
        covariances of the mixtures (Gelbrich), and the upper that of the best plan that moves components as a whole
        (Delon and Desolneux).

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
    p, q = pair(mixture, other)
    if p.equals(q):
        return Bounds(0.0, 0.0)
    length = _length(p, q)
    bounds = _by_components(p.times(1.0 / length), q.times(1.0 / length))
    if p.n_features == 1 and bounds.lower < bounds.upper:
        bounds = Bounds.tightest(bounds, _by_quantiles(mixture, other, length, bounds.upper))
    return Bounds(bounds.lower * length, bounds.upper * length)


def _length(p: Gaussians, q: Gaussians) -> float:
    """A power of two near the largest length: in units of it, squares neither overflow nor vanish."""
    largest = max(float(np.abs(numbers).max()) for numbers in (p.factors, q.factors, p.means, q.means))
    return float(np.exp2(np.ceil(np.log2(largest))))


def _by_components(p: Gaussians, q: Gaussians) -> Bounds:
    costs = squared_wasserstein_distances(p, q)
    moved = float(np.sqrt((cheapest_coupling(costs, p.weights, q.weights) * costs).sum()))
    return Bounds(moved, moved) if costs.size == 1 else Bounds.tightest(Bounds(_of_moments(p.whole, q.whole), moved))


def _of_moments(p: Gaussians, q: Gaussians) -> float:
    """Distance of two single Gaussians, less what rounding may have added to it."""
    distance = float(np.sqrt(squared_wasserstein_distances(p, q)[0, 0]))
    lengths = sum(float(np.linalg.norm(numbers)) for numbers in (p.factors, q.factors, p.means, q.means))
    return max(distance - _ROUNDING * p.n_features * lengths, 0.0)


def _by_quantiles(mixture: "Mixture", other: "Mixture", length: float, upper: float) -> Bounds:
    """In one dimension the best plan keeps the order: it moves each quantile to that of the same probability.

    Its result is in units of a length, as `upper` is, a known upper bound.
    """

    def squares(probabilities: Floats) -> Floats:
        inside = np.clip(probabilities, _FIRST, _LAST)
        return ((mixture.ppf(inside) - other.ppf(inside)) / length) ** 2

    ends = np.unique(np.concatenate([[0.0, 1.0], _bends(mixture), _bends(other)]).round(_DIGITS))
    noise = max(_TOLERANCE * upper**2, (_ROUNDING * float(np.abs(mixture.means).max()) / length) ** 2)
    pieces = tanhsinh(squares, ends[:-1], ends[1:], rtol=_TOLERANCE, atol=noise / len(ends))
    square, error = float(pieces.integral.sum()), float(np.abs(pieces.error).sum())
    return Bounds(float(np.sqrt(max(square - error, 0.0))), float(np.sqrt(square + error)))


def _bends(mixture: "Mixture") -> Floats:
    """Probabilities at which the quantiles of a one-dimensional mixture may bend."""
    deviations = mixture.covariances.triangles(mixture.n_components, 1)[:, :, 0]
    return mixture.cdf((mixture.means + deviations * _TURNS).ravel())


def cheapest_coupling(costs: Floats, rows: Floats, columns: Floats) -> Floats:
    """Joint weights ``(K, K')`` with the given sums over rows and columns, of least total cost.

    The least is found up to the tolerance of the solver; the sums are kept to rounding, so that any bound which holds
    for all couplings holds for this one.
    """
    n_rows, n_columns = costs.shape
    sums = sparse.vstack(
        [
            sparse.kron(sparse.eye_array(n_rows), np.ones((1, n_columns))),
            sparse.kron(np.ones((1, n_rows)), sparse.eye_array(n_columns)),
        ]
    ).tocsr()
    spread = np.ptp(costs)
    found = linprog(  # type: ignore[call-overload] # scipy's stubs know no sparse constraints
        (costs - costs.min()).ravel() / (spread or 1.0),
        A_eq=sums[:-1],  # the last sum follows from the others
        b_eq=np.concatenate([rows, columns])[:-1],
        options={"primal_feasibility_tolerance": _LP_TOLERANCE, "dual_feasibility_tolerance": _LP_TOLERANCE},
    )
    return _with_sums(found.x.reshape(costs.shape), rows, columns)


def _with_sums(coupling: Floats, rows: Floats, columns: Floats) -> Floats:
    """A coupling made exact: what is too much is scaled down, what then lacks is filled (Altschuler et al. 2017)."""
    coupling = np.maximum(coupling, 0.0)
    coupling *= (rows / np.maximum(coupling.sum(axis=1), rows))[:, None]
    coupling *= columns / np.maximum(coupling.sum(axis=0), columns)
    lacking = np.maximum(rows - coupling.sum(axis=1), 0.0)
    filling = np.maximum(columns - coupling.sum(axis=0), 0.0)
    return coupling + np.outer(lacking, filling / max(filling.sum(), _FIRST))
