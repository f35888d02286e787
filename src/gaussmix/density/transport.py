"""Moving one mixture onto another: couplings of components, and the Wasserstein distance."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse
from scipy.integrate import tanhsinh
from scipy.optimize import linprog
from scipy.special import ndtr

from gaussmix._types import Floats
from gaussmix.density.estimate import Bounds
from gaussmix.density.gaussian_pairs import Gaussians, pair, squared_wasserstein_distances
from gaussmix.density.univariate_mixtures import Lines, in_blocks

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["cheapest_coupling", "wasserstein"]

_LP_TOLERANCE = 1e-10  # of the largest cost: the least that the solver takes
_TOLERANCE = 1e-10  # of a squared distance
_ROUNDING = float(np.finfo(np.float64).eps)
_SLACK = 1e-12  # of the largest length: more than rounding adds to a lower bound
_FAR = 40.0  # standard deviations; beyond, a normal's tail is 0
_PARTS = 256  # of probability, for a lower bound
_SHORTEST = 1e-12  # piece of an integral, in probability
_TURNS = np.array(
    [-9.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 9.0]
)  # standard deviations from a mean, where quantiles may bend
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
        a quadrature of quantiles, which they include. Else the upper is that of the best plan that moves components as
        a whole (Delon and Desolneux). The lower is that of two Gaussians with the means and covariances of the mixtures
        (Gelbrich), or that along each of the principal axes by itself, if this is larger.

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
    bounds = _bounds(p.times(1.0 / length), q.times(1.0 / length))
    return Bounds(bounds.lower * length, bounds.upper * length)


def _length(p: Gaussians, q: Gaussians) -> float:
    """A power of two, at least the largest length: in units of it, squares neither overflow nor vanish."""
    largest = max(float(np.abs(numbers).max()) for numbers in (p.factors, q.factors, p.means, q.means))
    return float(np.exp2(np.ceil(np.log2(largest))))


def _bounds(p: Gaussians, q: Gaussians) -> Bounds:
    """Bounds for mixtures whose numbers are at most about one; the lower less what rounding may have added to it."""
    costs = squared_wasserstein_distances(p, q)
    moved = float(np.sqrt((cheapest_coupling(costs, p.weights, q.weights) * costs).sum()))
    if costs.size == 1:
        return Bounds(moved, moved)
    axes = np.linalg.svd(p.averaged(q).whole.factors[0]).U
    lines = list(zip(_along(axes, p), _along(axes, q), strict=True))
    squares = max(squared_wasserstein_distances(p.whole, q.whole)[0, 0], sum(_of_parts(*pair) for pair in lines))
    bounds = Bounds.tightest(Bounds(float(np.sqrt(squares)) - _SLACK, moved), Bounds(0.0, np.inf))
    return bounds if len(lines) > 1 else _by_quantiles(*lines[0], bounds)


def _along(axes: Floats, components: Gaussians) -> list[Lines]:
    """What the mixture is along each of some directions, the columns of a rotation."""
    means = components.means @ axes
    deviations = np.maximum(np.linalg.norm(components.roots @ axes, axis=1), _ROUNDING**2)
    return [Lines(components.weights[None], *line) for line in zip(means.T[:, None], deviations.T, strict=True)]


def _of_parts(one: Lines, other: Lines) -> float:
    """A squared distance in one dimension that is too small: that of the means of equal parts of the probability."""
    return _PARTS * float(((_in_parts(one) - _in_parts(other)) ** 2).sum())


def _in_parts(line: Lines) -> Floats:
    """What each part of the probability, from one quantile to the next, adds to the mean.

    The integral of the quantiles up to u is the largest of ``u x - E max(x - X, 0)``, at the quantile x: where rounding
    moves x, it hardly changes.
    """
    probabilities = np.arange(1, _PARTS) / _PARTS
    cuts = line.quantile(probabilities)
    apart = cuts[:, None] - line.means
    standard = np.clip(apart / line.deviations, -_FAR, _FAR)
    excess = apart * ndtr(standard) + line.deviations * np.exp(-0.5 * standard**2) / np.sqrt(2.0 * np.pi)
    below = probabilities * cuts - excess @ line.weights[0]
    return np.diff(below, prepend=0.0, append=line.means[0] @ line.weights[0])


def _by_quantiles(one: Lines, other: Lines, bounds: Bounds) -> Bounds:
    """Closer bounds in one dimension, where the best plan moves each quantile to that of the same probability."""

    def squares(probabilities: Floats) -> Floats:
        return (_quantiles(one, probabilities) - _quantiles(other, probabilities)) ** 2

    ends = np.unique(np.concatenate([[0.0, 1.0], _bends(one), _bends(other)]))
    ends = np.append(ends[:-1][np.diff(ends) > _SHORTEST], 1.0)
    noise = max(_TOLERANCE * bounds.upper**2, _ROUNDING**2) / len(ends)
    pieces = tanhsinh(squares, ends[:-1], ends[1:], rtol=_TOLERANCE, atol=noise)
    square, error = float(pieces.integral.sum()), float(np.abs(pieces.error).sum())
    closer = np.clip(np.sqrt([max(square - error, 0.0), square + error]), bounds.lower, bounds.upper)
    return Bounds(float(closer[0]), float(closer[1]))


def _bends(line: Lines) -> Floats:
    """Probabilities at which quantiles may bend: those of the components' own standard deviations."""
    return np.exp(line.log_cdf((line.means[0] + line.deviations * _TURNS[:, None]).ravel()))


def _quantiles(line: Lines, probabilities: Floats) -> Floats:
    """Quantiles for probabilities of any shape, which 0 and 1 are kept from."""
    inside = np.clip(probabilities, _FIRST, _LAST).ravel()
    return in_blocks(line, line.quantile, inside).reshape(probabilities.shape)


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
