"""Shrink covariances towards their common covariance if there are too few rows for separate covariances."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import multigammaln

from gaussmix._types import Floats
from gaussmix.covariances import Covariances
from gaussmix.em import Status, run
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.fitting.exploration import Exploration
from gaussmix.fitting.problem import Problem, Stopping
from gaussmix.mixture import Mixture
from gaussmix.moments import FULL, POOLED
from gaussmix.priors import NormalInverseWishart
from gaussmix.sources import Source
from gaussmix.statistics import Statistics
from gaussmix.structures import named

__all__ = ["PLENTY", "Shrinkage", "estimate_shrinkage", "fit_shrinkage", "max_strength"]

PLENTY = 12.0
"""Number of rows per feature and component from which separate covariances need no prior.

With 10 to 200 features, maximum likelihood lost groups that k-means finds at 2 to 6 rows per feature and component.
From 8 to 12 it found them, but new rows were less likely than under the prior (``python -m benchmarks.trust few``).
"""

_COMMON = named("tied")
# With fewer rows per feature than this, beyond one row for each mean, the common covariance is too inaccurate.
_FEWEST_ROWS_PER_FEATURE = 2.0

# This many strengths of the prior are compared, evenly spaced on a logarithmic scale.
_CANDIDATES = 40

# The weakest prior is worth this many rows.
_WEAKEST = 0.5

# The strongest prior is worth this many rows per feature: under it, covariances differ by a few per cent.
_STRONGEST = 64.0

# The bound on the strength falls by this many times the relative lack of rows: from 2/3 of plenty on, it is below the
# strongest prior, and at plenty it is zero.
_SLOPE = 2.0


@dataclass(frozen=True, eq=False)
class Shrinkage:
    """A prior towards a common covariance, and the mixture with this covariance.

    Attributes
    ----------
    prior : NormalInverseWishart
        The prior on covariances, worth `n_rows` rows with the common covariance. There is no prior on the means.
    n_rows : float
        The strength of the prior on each covariance, in rows.
    common : Mixture
        The fitted mixture with one covariance for all components: a start for a fit under the prior.
    """

    prior: NormalInverseWishart
    n_rows: float
    common: Mixture

    def describe(self, weight: float) -> str:
        """Return a sentence on the prior, for rows of a given total weight."""
        n_components, n_features = self.common.means.shape
        return (
            f"With {weight / n_components:.3g} rows for each component, where {PLENTY * n_features:g} are plenty for a "
            f"full covariance of {n_features} features, a prior worth {self.n_rows:.3g} rows draws each covariance "
            "towards their common one; prior=None fits without."
        )


def max_strength(weight: float, n_components: int, n_features: int) -> float:
    """Return the largest strength of a prior on a covariance, in rows; 0 if no prior is possible or necessary.

    The bound decreases to zero as the rows approach :data:`PLENTY`, so that a few more rows change a fit by little.

    Parameters
    ----------
    weight : float
        Total weight of the rows: their number if all weights are 1.
    n_components : int
    n_features : int
    """
    n_free = weight - n_components
    if n_components == 1 or n_free < _FEWEST_ROWS_PER_FEATURE * n_features:
        return 0.0
    too_few = PLENTY * n_features * n_components / weight - 1.0
    return _STRONGEST * n_features * min(max(_SLOPE * too_few, 0.0), 1.0)


def fit_shrinkage(source: Source, n_components: int, m_step: MStep, stopping: Stopping) -> Shrinkage | None:
    """Return the prior that a model needs for given rows; None if rows are plenty, or if no such prior is defined.

    The common covariance is that of a fit with one covariance for all components. It does not depend on the seed of the
    fit, so that fits from different seeds have the same objective.

    Parameters
    ----------
    source : Source
        The rows.
    n_components : int
    m_step : MStep
        The model, which has no prior of its own.
    stopping : Stopping
        When the runs stop.
    """
    weight = source.weight
    structure = m_step.structure
    separate = structure.takes_ratio and structure.form.correlated and not structure.shared
    if not separate or m_step.eigenvalue_ratio is not None or not max_strength(weight, n_components, source.n_features):
        return None
    tied = replace(m_step, structure=_COMMON)
    problem = Problem.of(source, n_components, tied)
    try:
        explored = Exploration(problem, stopping).explore(np.random.default_rng(0))
    except IllDefinedCovarianceError:  # columns are linearly dependent, and there is no ridge
        return None
    return estimate_shrinkage(source, _smooth(source, explored.fit.state.mixture, tied, stopping))


def _smooth(source: Source, common: Mixture, tied: MStep, stopping: Stopping) -> Mixture:
    """Return the fit with one covariance, shrunk towards its diagonal with the most probable strength."""
    statistics = source.reduce(common, POOLED).central()
    n_components, n_features = common.means.shape
    variances = np.diagonal(statistics.second) / statistics.weight + tied.ridge
    units = np.sqrt(variances)
    spectrum = np.maximum(np.linalg.eigvalsh(statistics.second / np.outer(units, units)), 0.0)
    candidates = np.geomspace(_WEAKEST, _STRONGEST * n_features, _CANDIDATES)
    mass = np.array([statistics.weight - n_components + 1.0])
    n_rows = float(candidates[int(np.argmax([_log_evidence(one, spectrum[None], mass) for one in candidates]))])
    prior = _make_prior(n_rows, common.mean, np.diag(variances))
    model, tol, max_iter = replace(tied, prior=prior), stopping.tol, stopping.max_iter
    fit = run(source, common, model, tol=tol, max_iter=max_iter, accelerate=stopping.accelerate)
    if fit.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    return fit.state.mixture


def _make_prior(n_rows: float, mean: Floats, covariance: Floats) -> NormalInverseWishart:
    """Return the prior on covariances that is worth `n_rows` rows with a given covariance."""
    dof = FULL.weightless_dof(len(mean)) + n_rows
    return NormalInverseWishart(mean, 0.0, dof, n_rows * covariance)


def estimate_shrinkage(source: Source, common: Mixture) -> Shrinkage:
    r"""Return the prior that shrinks covariances towards the common covariance of a mixture.

    The prior is inverse Wishart with the common covariance :math:`T` as its mean. Its strength in rows, :math:`\nu`,
    maximizes the marginal density of the scatters of the components, up to the bound of :func:`max_strength`. So the
    prior is strong if covariances are similar, weak if they clearly differ, and absent if rows are plenty. The scatter
    :math:`W_k` of :math:`n_k` rows about their mean has the marginal density

    .. math:: p(W_k \mid \nu) \propto
        \frac{\Gamma_D(\frac{m + n_k - 1}{2})}{\Gamma_D(\frac m 2)}
        \frac{\det(\nu T)^{m/2}}{\det(\nu T + W_k)^{(m + n_k - 1)/2}}, \qquad m = \nu + D + 1

    Parameters
    ----------
    source : Source
        The rows.
    common : Mixture
        A fitted mixture with one covariance for all components.

    References
    ----------
    Chen (1979), Journal of the Royal Statistical Society B 41, for the estimate of :math:`\nu`; Friedman (1989),
    Journal of the American Statistical Association 84, for covariances between separate and pooled ones.
    """
    n_components, n_features = common.means.shape
    statistics = source.reduce(common, FULL).central()
    target = common.covariances.dense(1, n_features)[0]
    most = max_strength(statistics.weight, n_components, n_features)
    candidates = np.geomspace(min(_WEAKEST, most), most, _CANDIDATES)
    spectra = _relative_spectra(statistics, common.covariances)
    evidence = [_log_evidence(n_rows, spectra, statistics.mass) for n_rows in candidates]
    n_rows = float(candidates[int(np.argmax(evidence))])
    return Shrinkage(_make_prior(n_rows, common.mean, target), n_rows, common)


def _relative_spectra(statistics: Statistics, common: Covariances) -> Floats:
    """Return the eigenvalues of each scatter relative to the common covariance, ``(K, D)``."""
    n_components = len(statistics.mass)
    half = common.whiten(statistics.second)
    white = common.whiten(np.swapaxes(half, 1, 2))
    spectra = np.linalg.eigvalsh(white.reshape(n_components, *statistics.second.shape[1:]))
    return np.asarray(np.maximum(spectra, 0.0))


def _log_evidence(n_rows: float, spectra: Floats, mass: Floats) -> float:
    """Return the logarithm of the marginal density of scatters with given spectra, up to a constant."""
    n_features = spectra.shape[1]
    dof = n_rows + n_features + 1.0
    of_rows = np.maximum(mass - 1.0, 0.0)
    determinants = 0.5 * (dof * n_features * np.log(n_rows) - (dof + of_rows) * np.log(n_rows + spectra).sum(axis=1))
    gammas = multigammaln(0.5 * (dof + of_rows), n_features) - multigammaln(0.5 * dof, n_features)
    return float((determinants + gammas).sum())
