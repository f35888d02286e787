"""The curvature of the log-posterior near the end of a run, from a few applications of the Jacobian of an EM step."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gaussmix._types import Floats
from gaussmix.em.standard_errors import standardize
from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics

__all__ = ["Curvature", "measure_curvature", "squared_length"]

# The Jacobian is applied to changes of this length, in units of the standard error of one row.
_CHANGE = 1e-4

# The Jacobian is applied at least this many times; more often where EM is slow, since eigenvalues near 1 lie close
# together; and at most this many times.
_FEWEST, _FEWEST_SLOW, _MOST = 5, 8, 14

# EM is slow where it reduces a deviation by less than a tenth in each step.
_SLOW = 0.9

# The largest eigenvalue is known well enough where the last application changes `1 - rate` by less than this share.
_SETTLED = 0.2

# A random direction is made from at most this many rows of each component, so that memory grows with the features only.
_MOST_DRAWN = 16

# Where the Krylov space leaves less than this share of an image, the space is invariant.
_NOTHING_LEFT = 1e-6


@dataclass(frozen=True, eq=False)
class Curvature:
    r"""The slowest direction of EM near a mixture, and the rate of convergence along it.

    An EM step maps statistics to statistics (:class:`~gaussmix.em.anderson.AndersonHistory`). The eigenvalues of its
    Jacobian J are the shares of complete-data information that are missing (Dempster, Laird & Rubin 1977). In units of
    standard errors, J is symmetric, and with the residual r of the last step, the log-posterior is
    :math:`r^\top (I - J)^{-1} r / 2` below its limit. Where an eigenvalue is above 1, there is a saddle point: the
    log-posterior grows along the eigenvector.

    Attributes
    ----------
    rate : float
        Estimate of the largest eigenvalue, from below: a step of EM multiplies the slowest deviation by this factor.
    direction : Statistics
        The direction of this deviation: a change of statistics of length 1, in standard errors of one row.
    n_passes : int
        Number of passes over the rows that the measurement took.

    References
    ----------
    Dempster, Laird & Rubin (1977), Journal of the Royal Statistical Society B 39. Lanczos (1950), Journal of Research
    of the National Bureau of Standards 45.
    """

    rate: float
    direction: Statistics
    n_passes: int


def measure_curvature(
    em_step: Callable[[Statistics], Statistics],
    made_from: Statistics,
    mixture: Mixture,
    statistics: Statistics,
    rng: np.random.Generator,
) -> Curvature:
    """Return the slowest direction of EM, by Arnoldi's form of Lanczos' method from a random direction.

    The Krylov space is spanned by the first direction and its images under the Jacobian, which are differences of EM
    steps. The first direction is the sum of the last residual and of random changes of all components, so that it has a
    part along each eigenvector, also where EM has come to rest in this direction.

    Parameters
    ----------
    em_step : callable
        From statistics to the statistics under the mixture that an M-step makes from them: one pass over the rows.
    made_from : Statistics
        The statistics from which the mixture was made.
    mixture : Mixture
        The mixture of the last pass.
    statistics : Statistics
        The statistics of the last pass.
    rng : numpy.random.Generator
        For the random changes.

    Raises
    ------
    ValueError
        If changed statistics belong to no mixture.
    """
    space = _StatisticsSpace(mixture, statistics)
    origin = made_from.about(statistics.origin)
    size = _CHANGE * np.sqrt(statistics.weight)

    def apply_jacobian(vector: Floats) -> Floats:
        changed = em_step(origin + space.to_statistics(size * vector))
        return np.asarray(space.to_vector(changed.about(statistics.origin) - statistics) / size)

    basis = [space.unit(space.unit(space.to_vector(statistics - origin)) + space.unit(space.draw(rng)))]
    projected = np.zeros((_MOST + 1, _MOST))
    rate = -np.inf
    for n_passes in range(1, _MOST + 1):
        image, parts = space.orthogonalize(apply_jacobian(basis[-1]), basis)
        projected[:n_passes, n_passes - 1], projected[n_passes, n_passes - 1] = parts, space.length(image)
        values, vectors = np.linalg.eig(projected[:n_passes, :n_passes])
        last_rate, rate = rate, float(values.real.max())
        fewest = _FEWEST_SLOW if rate > _SLOW else _FEWEST
        settled = n_passes >= fewest and rate - last_rate < _SETTLED * (1.0 - rate)
        if rate > 1.0 or settled or projected[n_passes, n_passes - 1] < _NOTHING_LEFT or n_passes == _MOST:
            break
        basis.append(space.unit(image))
    direction = space.unit(vectors[:, values.real.argmax()].real @ np.array(basis))
    return Curvature(rate, space.to_statistics(direction), n_passes)


def squared_length(change: Statistics, mixture: Mixture, statistics: Statistics) -> float:
    """Return the squared length of a change of statistics, in standard errors of one row.

    Parameters
    ----------
    change : Statistics
        A difference of statistics.
    mixture : Mixture
        The mixture whose covariances whiten the change.
    statistics : Statistics
        The statistics that give the masses and the variances.
    """
    standardized = standardize(change, mixture, statistics, products=True)
    return float(standardized @ standardized)


class _StatisticsSpace:
    """Changes of statistics as vectors: their entries, followed by the same entries in units of standard errors."""

    def __init__(self, mixture: Mixture, statistics: Statistics) -> None:
        self._mixture, self._statistics = mixture, statistics
        self._zero = Statistics.zero(statistics.origin, statistics.moments)
        self._sizes = (statistics.mass.size, statistics.first.size, statistics.second.size)

    def to_vector(self, change: Statistics) -> Floats:
        """Return a change of statistics as a vector."""
        entries = [change.mass, change.first.ravel(), change.second.ravel()]
        return np.concatenate([*entries, standardize(change, self._mixture, self._statistics, products=True)])

    def to_statistics(self, vector: Floats) -> Statistics:
        """Return a vector as a change of statistics."""
        mass, first, second = np.split(vector[: sum(self._sizes)], np.cumsum(self._sizes[:2]))
        shapes = self._statistics.first.shape, self._statistics.second.shape
        return replace(self._zero, mass=mass, first=first.reshape(shapes[0]), second=second.reshape(shapes[1]))

    def length(self, vector: Floats) -> float:
        """Return the length of a vector, in standard errors."""
        return float(np.linalg.norm(vector[sum(self._sizes) :]))

    def unit(self, vector: Floats) -> Floats:
        """Return a vector divided by its length; a vector of length 0 as it is."""
        return np.asarray(vector / (self.length(vector) or 1.0))

    def orthogonalize(self, vector: Floats, basis: list[Floats]) -> tuple[Floats, Floats]:
        """Return the part of a vector that is orthogonal to a basis, and its coefficients in the basis."""
        axes = np.array(basis)
        measured = axes[:, sum(self._sizes) :]
        first = measured @ vector[sum(self._sizes) :]
        vector = vector - first @ axes
        second = measured @ vector[sum(self._sizes) :]  # again, for the digits that the first subtraction lost
        return vector - second @ axes, first + second

    def draw(self, rng: np.random.Generator) -> Floats:
        """Return the sums of a few random rows of each component, with random signs."""
        n_components, n_features = self._statistics.origin.shape
        n_rows = min(2 * n_features + 2, _MOST_DRAWN)
        white = rng.standard_normal((n_components, n_rows, n_features))
        rows = np.stack([self._mixture.covariances.colour(k, one) for k, one in enumerate(white)])
        signs = rng.choice([-1.0, 1.0], white.shape[:2]) * np.sqrt(self._statistics.floored_mass)[:, None]
        first = np.einsum("kn,knd->kd", signs, rows)
        second = self._statistics.moments.sums(rows, signs)
        return self.to_vector(replace(self._zero, mass=signs.sum(axis=1), first=first, second=second))
