"""Conjugate priors on means and covariances: each weighs as much as a few additional rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import ArrayLike, Floats
from gaussmix.arguments import check_finite, check_number
from gaussmix.covariances import NotPositiveDefiniteError
from gaussmix.mixture import Mixture
from gaussmix.statistics import Statistics
from gaussmix.structures import Structure

__all__ = ["NAMES", "ComponentPrior", "NormalInverseWishart", "scaled"]

_ROUNDING = 1e-8
"""The error of a correlation, and of an eigenvalue of a correlation matrix, that counts as rounding."""


@dataclass(frozen=True, eq=False)
class NormalInverseWishart:
    r"""A normal prior on each mean given its covariance, and an inverse Wishart prior on the covariances.

    .. math::

        \mu_k \mid \Sigma_k \sim \mathcal{N}(m, \Sigma_k / \kappa), \qquad
        p(\Sigma) \propto \det(\Sigma)^{-(\nu + D + 1) / 2} \exp(-\tfrac{1}{2} \operatorname{tr} \Lambda \Sigma^{-1})

    For a structure without correlations, each variance has an inverse gamma prior instead,

    .. math:: p(\sigma_j^2) \propto (\sigma_j^2)^{-(\nu + 2) / 2} \exp(-\tfrac{1}{2} \Lambda_{jj} / \sigma_j^2)

    with the mean of the diagonal in place of :math:`\Lambda_{jj}` where a component has one variance for all features.
    A covariance that all components share has one prior. Otherwise each covariance has a prior, and the structure
    restricts the product of the priors.

    For rows with masses :math:`n_k`, means :math:`\bar x_k` and scatters :math:`W_k`, the M-step to the most probable
    parameters equals the M-step to the most likely ones, with

    .. math::

        \mu_k = \frac{n_k \bar x_k + \kappa m}{n_k + \kappa}, \qquad
        W_k + \Lambda + \frac{\kappa n_k}{\kappa + n_k} (\bar x_k - m)(\bar x_k - m)^\top

    in place of the means and scatters, and :math:`n_k + \nu + D + 2` in place of the masses; of the :math:`D + 2`, one
    is the mean's, and missing where :math:`\kappa = 0`. For inverse gamma priors it is :math:`n_k + \nu + 3`, and for
    one variance :math:`n_k + (\nu + 2) / D + 1`. The weights remain those of the rows.

    Parameters
    ----------
    mean : (D,) array_like
        m, towards which the means are shrunk, in the units of the rows.
    shrinkage : float
        κ, the number of rows that the prior on a mean weighs; 0 for no prior on the means.
    dof : float
        ν, the degrees of freedom. The prior weighs nothing where ν is ``-(D + 1)``, or -2 for variances; smaller
        values are refused. The prior is proper only for ν above ``D - 1``, or above 0 for variances; below, it is a
        penalty.
    scale : (D, D) or (D,) array_like
        Λ, symmetric and positive semidefinite, in squared units of the rows; or the diagonal of a diagonal one.

    Raises
    ------
    ValueError
        If an argument has another shape or type.

    References
    ----------
    Fraley & Raftery (2007), Journal of Classification 24, 155-181, for EII, VII, EEI, VVI, EEE and VVV. The estimates
    of mclust 6 for EII, EEI, VEI, EVI, EEV and VEV with more than one component do not maximize this density.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.priors import NormalInverseWishart
    >>> prior = NormalInverseWishart(mean=[0.0, 5.0], shrinkage=0.01, dof=4, scale=np.diag([1.0, 2.0]))
    >>> prior.scale
    array([[1., 0.],
           [0., 2.]])
    """

    mean: Floats
    shrinkage: float
    dof: float
    spread: Floats

    def __init__(self, mean: ArrayLike, shrinkage: float, dof: float, scale: ArrayLike) -> None:
        centre = _frozen("mean", mean)
        n_features = centre.size
        if centre.shape != (n_features,) or not n_features:
            raise ValueError(f"mean must have shape (n_features,), got {centre.shape}.")
        object.__setattr__(self, "mean", centre)
        object.__setattr__(self, "shrinkage", check_number("shrinkage", shrinkage, 0))
        object.__setattr__(self, "dof", check_number("dof", dof, -(n_features + 1)))
        object.__setattr__(self, "spread", _positive_semidefinite("scale", scale, n_features))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.mean, self.shrinkage, self.dof, self.spread)

    @property
    def scale(self) -> Floats:
        """The scale as a matrix, ``(D, D)``."""
        return _frozen("scale", np.diag(self.spread)) if self.spread.ndim == 1 else self.spread

    def weight(self, structure: Structure) -> float:
        """Return the number of rows that the prior on one covariance of a structure weighs.

        Examples
        --------
        >>> from gaussmix import Mixture, NormalInverseWishart
        >>> from gaussmix.structures import named
        >>> prior = NormalInverseWishart(mean=[0.0], shrinkage=1.0, dof=4.0, scale=[[1.0]])
        >>> prior.weight(named("full"))
        6.0
        """
        moments, n_features = structure.moments, len(self.mean)
        return (self.dof - moments.weightless_dof(n_features)) / moments.dof_per_row(n_features)

    def add_to(self, statistics: Statistics, structure: Structure) -> Statistics:
        """Return statistics whose most likely means and covariances are the most probable ones of the rows.

        Parameters
        ----------
        statistics : Statistics
            Sums over the rows alone, about any origin.
        structure : Structure
            The structure that the covariances will have.

        Examples
        --------
        >>> import numpy as np
        >>> from gaussmix import Mixture, NormalInverseWishart
        >>> from gaussmix.moments import FULL
        >>> from gaussmix.sources import ArraySource
        >>> from gaussmix.structures import named
        >>> rows = ArraySource(np.array([[1.0], [2.0], [3.0]]))
        >>> statistics = rows.reduce(Mixture([1.0], [[0.0]], [1.0]), FULL)
        >>> prior = NormalInverseWishart(mean=[0.0], shrinkage=1.0, dof=4.0, scale=[[1.0]])
        >>> prior.add_to(statistics, named("full")).means.round(2)     # the mean of the rows, 2, moves towards 0
        array([[1.5]])
        """
        central = statistics.central()
        n_components = len(central.origin)
        mass = central.floored_mass + self.shrinkage
        away = self.mean - central.origin
        between = central.moments.outer(away * (self.shrinkage * central.floored_mass / mass)[:, None], away)
        root = self._root_for(structure)
        rows = np.broadcast_to(root, (n_components, *root.shape))
        scale = central.moments.sums(rows, np.full(rows.shape[:2], self._repeats(structure, n_components)))
        return replace(
            central,
            origin=central.origin + away * (self.shrinkage / mass)[:, None],
            mass=central.mass + self._weights(structure, n_components),
            second=central.second + between + scale,
        )

    def log_density(self, mixture: Mixture, structure: Structure) -> float:
        """Return the logarithm of the prior density of a mixture's means and covariances, in nats.

        It is known up to a constant that depends only on the prior, the structure, K and D: where the prior on a
        covariance has a maximum, the logarithm of the maximum is 0. Without a ridge, the sum of the log-likelihood and
        this logarithm never falls from one EM step to the next.

        Examples
        --------
        >>> from gaussmix import Mixture, NormalInverseWishart
        >>> from gaussmix.structures import named
        >>> prior = NormalInverseWishart(mean=[0.0], shrinkage=1.0, dof=4.0, scale=[[1.0]])
        >>> far, near = (Mixture([1.0], [[mean]], [1.0]) for mean in (5.0, 0.0))
        >>> round(prior.log_density(far, named("full")) - prior.log_density(near, named("full")), 2)
        -12.5
        """
        return float(self.log_densities(mixture, structure).sum())

    def log_densities(self, mixture: Mixture, structure: Structure) -> Floats:
        """Return the part of each component in :meth:`log_density`, ``(K,)``.

        Examples
        --------
        >>> from gaussmix import Mixture, NormalInverseWishart
        >>> from gaussmix.structures import named
        >>> prior = NormalInverseWishart(mean=[0.0], shrinkage=1.0, dof=4.0, scale=[[1.0]])
        >>> mixture = Mixture([0.5, 0.5], [[0.0], [2.0]], [1.0, 1.0])
        >>> densities = prior.log_densities(mixture, named("spherical"))
        >>> round(float(densities[1] - densities[0]), 2)
        -2.0
        """
        peak = _share(structure, mixture.n_components) * self._peak(structure)
        return self._unscaled(mixture, structure) - peak

    def _unscaled(self, mixture: Mixture, structure: Structure) -> Floats:
        """Return :meth:`log_densities` with the constant of the formulas of this class."""
        n_components, n_features = mixture.means.shape
        root = np.broadcast_to(self._root_for(structure), (n_components, *self._root_for(structure).shape))
        white = mixture.covariances.whiten(np.concatenate([root, (mixture.means - self.mean)[:, None]], axis=1))
        counts = np.append(np.full(root.shape[1], self._repeats(structure, n_components)), self.shrinkage)
        log_dets = mixture.covariances.log_det(n_components, n_features)
        exponents = np.einsum("kid,kid,i->k", white, white, counts)
        return np.asarray(-0.5 * (self._weights(structure, n_components) * log_dets + exponents))

    def _peak(self, structure: Structure) -> float:
        """Return the maximum of the log-density of one mean and covariance; 0 where there is no maximum."""
        if structure not in self._peaks:
            self._peaks[structure] = self._compute_peak(structure)
        return self._peaks[structure]

    def _compute_peak(self, structure: Structure) -> float:
        alone = Statistics.zero(self.mean[None], structure.moments)
        root = self._root_for(structure)
        scatter = alone.moments.sums(root[None], np.full((1, len(root)), self._repeats(structure, 1)))
        mass = np.full(1, self._weights(structure, 1))
        if not mass[0] > 0:
            return 0.0
        try:
            covariances = structure.maximize(replace(alone, mass=mass, second=scatter, weight=float(mass[0])))
        except (NotPositiveDefiniteError, np.linalg.LinAlgError):
            return 0.0
        return float(self._unscaled(Mixture(np.ones(1), self.mean[None], covariances), structure)[0])

    @cached_property
    def _peaks(self) -> dict[Structure, float]:
        return {}

    def _weights(self, structure: Structure, n_components: int) -> float:
        """Return the number of pseudo-rows of each component."""
        return self.weight(structure) * _share(structure, n_components) + (self.shrinkage > 0)

    def _repeats(self, structure: Structure, n_components: int) -> float:
        """Return the weight that each pseudo-row of the prior's scatter has in each component."""
        return _share(structure, n_components) / structure.moments.dof_per_row(len(self.mean))

    def _root_for(self, structure: Structure) -> Floats:
        """Return rows ``(R, D)`` whose sum of outer products is the scale, in the moments of the structure.

        For structures without correlations, one row of standard deviations is enough: it has the scale's variances.
        """
        if not structure.moments.correlated:
            return np.sqrt(_variances(self.spread))[None]
        return self._root

    @cached_property
    def _root(self) -> Floats:
        """Rows ``(D, D)`` whose sum of outer products is the scale."""
        if self.spread.ndim == 1:
            return np.diag(np.sqrt(self.spread))
        units, values, axes = _decomposed(self.scale)
        return np.asarray(np.sqrt(np.maximum(values, 0.0))[:, None] * axes.T * units)


@dataclass(frozen=True, eq=False)
class ComponentPrior:
    """A prior on given components, which would collapse without it.

    Attributes
    ----------
    components : tuple of int
        The components; for a structure with a shared covariance the prior is on all components.
    prior : NormalInverseWishart
        The prior: ``"weak"`` of :func:`scaled`, which weighs one row.
    """

    components: tuple[int, ...]
    prior: NormalInverseWishart

    def add_to(self, statistics: Statistics, structure: Structure) -> Statistics:
        """Return the statistics with the prior's pseudo-rows in the given components."""
        central, regularized = statistics.central(), self.prior.add_to(statistics, structure)
        if structure.shared:
            return regularized
        mass, second = central.mass.copy(), central.second.copy()
        own = list(self.components)
        mass[own], second[own] = regularized.mass[own], regularized.second[own]
        return replace(central, mass=mass, second=second)

    def log_density(self, mixture: Mixture, structure: Structure) -> float:
        """Return the logarithm of the prior density of the given components, up to a constant, in nats."""
        parts = self.prior.log_densities(mixture, structure)
        return float(parts.sum() if structure.shared else parts[list(self.components)].sum())


def _share(structure: Structure, n_components: int) -> float:
    """Return the share of each component in the prior on a covariance."""
    return 1.0 / n_components if structure.shared else 1.0


def _frozen(name: str, values: ArrayLike) -> Floats:
    array = check_finite(name, values).copy()
    array.flags.writeable = False
    return array


def _positive_semidefinite(name: str, values: ArrayLike, n_features: int) -> Floats:
    matrix = _frozen(name, values)
    if matrix.shape == (n_features,) and (matrix >= 0).all():
        return matrix
    if matrix.shape != (n_features, n_features):
        wanted = (n_features, n_features)
        msg = f"{name} must have shape {wanted}, as mean has {n_features} entries, got {matrix.shape}."
        raise ValueError(msg)
    units, eigenvalues, _ = _decomposed(matrix)
    if (np.abs(matrix - matrix.T) > _ROUNDING * np.outer(units, units)).any():
        raise ValueError(f"{name} must be symmetric, got {matrix.tolist()}.")
    if eigenvalues[0] < -_ROUNDING:
        msg = f"{name} must be positive semidefinite, got {matrix.tolist()}, with a negative eigenvalue."
        raise ValueError(msg)
    return matrix


def _decomposed(matrix: Floats) -> tuple[Floats, Floats, Floats]:
    """Return units in which the variances are one, and eigenvalues and eigenvectors in these units.

    Small variances are not lost in the rounding of large ones.
    """
    variances = np.abs(np.diagonal(matrix))
    units = np.sqrt(np.where(variances > 0, variances, 1.0))
    values, axes = np.linalg.eigh(matrix / np.outer(units, units))
    return units, values, axes


def _variances(matrix: Floats) -> Floats:
    """Return the diagonal of a matrix ``(D, D)``, or the variances ``(D,)`` of a diagonal matrix."""
    return matrix if matrix.ndim == 1 else np.diagonal(matrix)


def _weak(mean: Floats, covariance: Floats, structure: Structure) -> NormalInverseWishart:
    """Return a prior that weighs one row with the variances of the columns, and has no prior on the means."""
    moments, n_features = structure.moments, len(mean)
    per_row = moments.dof_per_row(n_features)
    scale = per_row * _variances(covariance)
    return NormalInverseWishart(mean, 0.0, moments.weightless_dof(n_features) + per_row, scale)


def _mclust(mean: Floats, covariance: Floats, structure: Structure) -> NormalInverseWishart:
    """Return the default prior of Fraley & Raftery (2007)."""
    n_features = len(mean)
    round_one = np.full(n_features, _variances(covariance).mean())
    return NormalInverseWishart(mean, 0.01, n_features + 2.0, covariance if structure.moments.correlated else round_one)


NAMES: dict[str, Callable[[Floats, Floats, Structure], NormalInverseWishart]] = {"weak": _weak, "mclust": _mclust}
"""The named priors: functions of the mean of the columns, the scale and the structure."""


def scaled(
    name: str, mean: Floats, covariance: Floats, n_components: int, structure: Structure
) -> NormalInverseWishart:
    """Return the prior of a name for rows with the given mean and covariance.

    Its scale is the covariance divided by ``K^(2/D)``: of K parts of equal volume.

    Parameters
    ----------
    name : str
        ``"weak"``: weighs one row for each covariance, with the variances of the columns, and has no prior on the
        means. It does not depend on the unit of any column; for round structures, on the common unit of all columns.
        ``"mclust"``: the defaults of Fraley & Raftery (2007): κ = 0.01, ν = D + 2, and as scale the covariance, or for
        variances their mean.
    mean : (D,) ndarray
        Column means.
    covariance : (D, D) or (D,) ndarray
        Covariance of the columns, with the divisor n - 1; or their variances, for ``"weak"`` and for structures without
        correlations.
    n_components : int
        K.
    structure : Structure
        The structure that the covariances will have.

    Raises
    ------
    ValueError
        If there is no prior of that name.

    References
    ----------
    Chen & Tan (2009), Journal of Multivariate Analysis 100, for the penalty ``"weak"``.
    """
    if name not in NAMES:
        raise ValueError(f"prior must be one of {', '.join(NAMES)}, got {name!r}.")
    return NAMES[name](mean, covariance / n_components ** (2.0 / len(mean)), structure)
