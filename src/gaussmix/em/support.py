r"""Judge the support of components by their rows: too few rows, or a spread that is small by accident.

A component that is thin in some direction is real if more rows lie in its region than would lie there by accident. The
argument is that of scan statistics (Glaz, Naus & Wallenstein 2001): count the regions of this size that could have been
chosen, and multiply by the probability that a given region holds so many rows. The component is taken for an accident
if the expected number of such regions is not small.

For component k with m rows, the *usual* covariance T is that of the component of a typical row, and
:math:`\lambda_1 \le \dots \le \lambda_D` are the eigenvalues of :math:`T^{-1} \Sigma_k`. If the rows nearby were spread
like T about the mean of the component, then

- a row nearby would lie in the region of the component with probability
  :math:`q = \prod_i \min(1, \sqrt{2 \lambda_i / (1 + \lambda_i)})`, the overlap of two Gaussians relative to that of
  the component with itself;
- the rows nearby would be :math:`N = m + R`, where R counts the rows of all other components by their overlap with T;
- s rows determine the place of a region: D for a plane of any direction, and 1 for a coordinate plane;
- there are :math:`n / N` neighbourhoods.

The expected number of regions with as many rows is then

.. math:: E = \frac{n}{N} \binom{N}{s} \, P\{\mathrm{Bin}(N - s, q) \ge m + R q - s\}.

References
----------
Glaz, Naus & Wallenstein (2001), Scan Statistics. Day (1969), Biometrika 56. McLachlan & Peel (2000), Finite Mixture
Models, section 3.10.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, gammaln

from gaussmix._types import Floats, Labels
from gaussmix.mixture import Mixture

__all__ = ["ACCIDENTS", "THIN", "Support", "find_unsupported", "measure_tightness"]

THIN = 1e-2
"""The tightness below which a component may be an accident: a tenth of the usual standard deviation in some direction.
The smallest value on Old Faithful and iris is 0.02, for full covariances and K = 2 to 4."""

ACCIDENTS = 0.05
"""The expected number of equally thin regions by accident from which on a thin component counts as an accident: the
usual level of a test."""

_FEW = 2.0
"""Rows, in units of the fewest that its covariance needs, below which a component that is thin supports no choice of a
model: such components are found by accident. This bound and the next two were chosen on 150 single Gaussians of 20 to
50 rows in 2 to 5 dimensions: the search chose more than one component for 39 of these tables without the bounds, and
for 5 with them."""

_THIN_FOR_FEW = 0.1
"""The tightness below which a component of few rows is thin: a third of the usual standard deviation in a direction."""

_LONE = 2.0
"""Rows below which a component supports no choice of a model, also with a common covariance: one row is no cluster."""

_EMPTY = float(np.finfo(np.float64).eps)
"""A component is empty if its mass is at most this share of the weight of all rows."""

_PRINTED = 0.05
"""Rows that may be missing from the fewest that are enough: masses are printed with one decimal, and the
responsibilities for a component's own rows sum to a little less than their number."""

_LARGEST_LOG = 700.0
"""The largest logarithm whose exponential is computed."""

_FAR = 1e150
"""The largest deviation that is squared."""


@dataclass(frozen=True, eq=False)
class Support:
    """The support of the components of a mixture by the rows.

    Attributes
    ----------
    masses : (K,) ndarray
        Effective rows of each component.
    tightness : (K,) ndarray
        The smallest variance ratio of each component to the component of a typical row: see
        :func:`measure_tightness`; NaN where it was not asked for.
    accidents : (K,) ndarray
        The expected number of equally thin regions by accident, for components with a tightness below :data:`THIN`;
        infinite if the component has no more rows than determine its region, and NaN for other components.
    fewest : int
        The smallest number of rows that a covariance needs.
    """

    masses: Floats
    tightness: Floats
    accidents: Floats
    fewest: int

    @classmethod
    def measure(cls, mixture: Mixture, masses: Floats, components: Iterable[int] | None = None) -> "Support":
        """Measure the support of the components of a mixture.

        Parameters
        ----------
        mixture : Mixture
            A fit.
        masses : (K,) ndarray
            Effective rows of each component.
        components : iterable of int, optional
            The components whose tightness is measured; by default all.
        """
        chosen = np.arange(mixture.n_components) if components is None else np.array(list(components), dtype=np.intp)
        tightness, accidents = np.full((2, mixture.n_components), np.nan)
        tightness[chosen], usual = measure_tightness(mixture, chosen)
        fewest = mixture.covariances.fewest_rows(mixture.n_features)
        for k, j in zip(chosen.tolist(), usual.tolist(), strict=True):
            if tightness[k] < THIN:
                accidents[k] = _count_accidents(mixture, masses, k, j)
        return cls(masses, tightness, accidents, fewest)

    @property
    def verdicts(self) -> tuple[str, ...]:
        """For each component ``"empty"``, ``"few rows"``, ``"tight"``, ``"few rows, tight"``, or ``""``."""
        few, tight = self.masses < self.fewest - _PRINTED, self.accidents >= ACCIDENTS
        words = (
            ", ".join(word for word, holds in (("few rows", few[k]), ("tight", tight[k])) if holds)
            for k in range(len(self.masses))
        )
        empty = self.masses <= _EMPTY * self.masses.sum()
        return tuple("empty" if nothing else said for nothing, said in zip(empty, words, strict=True))


def find_unsupported(mixture: Mixture, masses: Floats) -> tuple[int, ...]:
    """Return the components on which the choice of a model should not rest.

    They are the components with a verdict, thin components of few rows, and components of less than two rows.

    Parameters
    ----------
    mixture : Mixture
        A fit.
    masses : (K,) ndarray
        Effective rows of each component.
    """
    if mixture.n_components == 1:
        return ()
    support = Support.measure(mixture, masses)
    few = masses < _FEW * support.fewest - _PRINTED
    weak = (few & (support.tightness < _THIN_FOR_FEW)) | (masses < _LONE - _PRINTED)
    return tuple(k for k, verdict in enumerate(support.verdicts) if verdict or weak[k])


def measure_tightness(mixture: Mixture, components: Labels) -> tuple[Floats, Labels]:
    r"""Return the tightness of components, and the component of a typical row for each.

    The tightness is the smallest eigenvalue of :math:`\Sigma_j^{-1} \Sigma_k`, as the weighted median over the
    components j; the median's j is the component of a typical row. A mean in place of the median would let one wide
    component, on a few far rows or on background noise, make all others look tight.

    Parameters
    ----------
    mixture : Mixture
    components : (C,) ndarray of int
        The components k.

    Returns
    -------
    tightness : (C,) ndarray
    usual : (C,) ndarray of int
    """
    ratios = _smallest_ratios(mixture, components)
    order = ratios.argsort(axis=1)
    weight = mixture.weights[order].cumsum(axis=1)
    middle = (weight > weight[:, -1:] / 2).argmax(axis=1)
    places = np.arange(len(components))
    usual = order[places, middle]
    return np.asarray(ratios[places, usual]), np.asarray(usual)


def _smallest_ratios(mixture: Mixture, components: Labels) -> Floats:
    """Return the smallest eigenvalue of ``Σ_j⁻¹ Σ_k`` for each k and j, ``(C, K)``; whitening roots keeps digits."""
    covariances, (n_components, n_features) = mixture.covariances, mixture.means.shape
    if not covariances.correlated:
        variances = covariances.variances(n_components, n_features)
        return np.asarray((variances[components, None] / variances).min(axis=-1))
    roots = [covariances.colour(k, np.eye(n_features)) for k in components.tolist()]
    shape = (n_components, len(roots) * n_features, n_features)
    white = covariances.whiten(np.broadcast_to(np.array(roots).reshape(shape[1:]), shape))
    smallest = np.linalg.svd(white.reshape(n_components, len(roots), n_features, n_features), compute_uv=False)[..., -1]
    return np.asarray(smallest.T**2, dtype=np.float64)


def _count_accidents(mixture: Mixture, masses: Floats, k: int, usual: int) -> float:
    """Return the expected number of regions as thin as component k that hold as many rows by accident."""
    covariances, n_features = mixture.covariances, mixture.n_features
    n_fixed = max(covariances.fewest_rows(n_features) - 2, 0)
    share = float(np.prod(np.minimum(np.sqrt(2.0 / (1.0 + 1.0 / _eigenvalues(mixture, k, usual))), 1.0)))
    others = min(_count_nearby(mixture, masses, k, usual), float(masses.sum() - masses[k]))
    nearby = float(masses[k]) + others
    excess = float(masses[k]) + others * share - n_fixed
    if excess <= 0:
        return np.inf
    probability = betainc(excess, max(nearby - n_fixed - excess, 0.0) + 1.0, share)
    n_directions = 1 if covariances.correlated else n_features
    places = gammaln(nearby + 1.0) - gammaln(n_fixed + 1.0) - gammaln(nearby - n_fixed + 1.0)
    with np.errstate(divide="ignore"):
        log_expected = np.log(n_directions * masses.sum() / nearby) + places + np.log(probability)
    return float(np.exp(min(log_expected, _LARGEST_LOG)))


def _eigenvalues(mixture: Mixture, k: int, usual: int) -> Floats:
    """Return the eigenvalues of the covariance of component k relative to the usual covariance, ``(D,)``."""
    if not mixture.covariances.correlated:
        variances = mixture.covariances.variances(*mixture.means.shape)
        return np.asarray(variances[k] / variances[usual])
    white = _whiten_root(mixture, k, usual)
    return np.asarray(np.maximum(np.linalg.svd(white, compute_uv=False) ** 2, np.finfo(np.float64).tiny))


def _whiten_root(mixture: Mixture, i: int, usual: int) -> Floats:
    """Return the root of the covariance of component i, ``(D, D)``, whitened by the usual covariance."""
    root = mixture.covariances.colour(i, np.eye(mixture.n_features))
    return np.asarray(mixture.covariances.of(np.array([usual])).whiten(root[None])[0])


def _count_nearby(mixture: Mixture, masses: Floats, k: int, usual: int) -> float:
    """Return the rows of all other components near component k: each counts by its overlap with the usual covariance.

    The overlap of ``N(μ_i, Σ_i)`` with ``N(μ_k, T)`` is ``N(μ_k; μ_i, Σ_i + T)``, relative to that of ``N(μ_k, T)``
    with itself, and at most 1.
    """
    total = 0.0
    for i in np.flatnonzero(np.arange(mixture.n_components) != k).tolist():
        total += float(masses[i]) * float(np.exp(min(_log_overlap(mixture, i, k, usual), 0.0)))
    return total


def _log_overlap(mixture: Mixture, i: int, k: int, usual: int) -> float:
    """Return the logarithm of the overlap of component i with ``N(μ_k, T)``; -inf if it is too far to compute."""
    with np.errstate(over="ignore", invalid="ignore"):
        shift = mixture.covariances.of(np.array([usual])).whiten((mixture.means[i] - mixture.means[k])[None, None])[
            0, 0
        ]
        if not mixture.covariances.correlated:
            ratios = _eigenvalues(mixture, i, usual)
        else:
            white = _whiten_root(mixture, i, usual)
            if not np.isfinite(white).all():
                return -np.inf
            _, deviations, axes = np.linalg.svd(white)
            ratios, shift = np.minimum(deviations, _FAR) ** 2, axes @ shift
        log_overlap = 0.5 * (np.log(2.0 / (1.0 + ratios)) - np.square(shift) / (1.0 + ratios)).sum()
    return float(log_overlap) if np.isfinite(log_overlap) else -np.inf
