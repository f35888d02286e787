"""The M-step: maximize the likelihood of one model for given statistics."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats
from gaussmix.covariances import Covariances, NotPositiveDefiniteError, Tied
from gaussmix.mixture import Mixture
from gaussmix.moments import POOLED, Moments
from gaussmix.priors import ComponentPrior, NormalInverseWishart
from gaussmix.statistics import Statistics
from gaussmix.structures import STRUCTURES, Structure
from gaussmix.structures.constraint import within_floor, within_ratio

__all__ = ["IllDefinedCovarianceError", "MStep"]

# From this number of features on, BLAS uses its threads for the factors of covariances.
_BLAS_THREADS_FEATURES = 8

# Sums of squares between these bounds have products and quotients that neither overflow nor underflow.
_SMALL, _LARGE = 1e-100, 1e100

# The rounding error of a Cholesky factor, as a share of a variance and for each feature.
_ROUNDING = 64 * float(np.finfo(np.float64).eps)

# A variance that the floor raises by a smaller share than this is not counted as below the floor.
_SMALLEST_RAISE = 1e-9

# The floor of continuous columns without a ridge, as a share of the mean variance within components.
_SMALLEST_SHARE = 1e-12


class IllDefinedCovarianceError(ValueError):
    """A component without spread in some direction, in a model without ridge, prior or bound."""


@dataclass(frozen=True, eq=False)
class MStep:
    """The M-step of one model: it maximizes the likelihood, or the posterior, for given statistics.

    Attributes
    ----------
    structure : Structure
        The restriction on the covariances.
    ridge : (D,) ndarray
        Variances added to the covariances' diagonals, in squared units of the features.
    equal_weights : bool
        Whether all mixing proportions are fixed at 1 / K; otherwise they are estimated.
    prior : NormalInverseWishart or None
        A prior on the means and covariances of all components.
    eigenvalue_ratio : float or None
        An upper bound, at least 1, on the ratio of the largest to the smallest eigenvalue of all covariances; None for
        no bound.
    component_prior : ComponentPrior or None
        A prior on those components that would collapse without it.
    rounding : (D,) ndarray or None
        Lower bounds on the variances of all components, from the rounding of the columns; see
        :meth:`~gaussmix.initialization.rounding.Rounding.floor`. 0 for continuous columns; None where all are
        continuous.
    observed : (D,) ndarray or None
        The share of observed values of each column; None if no value is missing.

    Raises
    ------
    ValueError
        If the prior or the ratio is not defined for this structure or is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.em.m_step import MStep
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.structures import named
    >>> rows = ArraySource(np.array([[1.0], [2.0], [3.0], [7.0], [8.0], [9.0]]))
    >>> start = Mixture([0.5, 0.5], [[2.0], [5.0]], [4.0, 4.0])
    >>> m_step = MStep(named("spherical"), ridge=np.zeros(1))
    >>> m_step.maximize(rows.reduce(start, m_step.moments)).means.round(2)
    array([[2.16],
           [6.8 ]])
    """

    structure: Structure
    ridge: Floats
    equal_weights: bool = False
    prior: NormalInverseWishart | None = None
    eigenvalue_ratio: float | None = None
    component_prior: ComponentPrior | None = None
    rounding: Floats | None = None
    observed: Floats | None = None

    def __post_init__(self) -> None:
        if self.prior is not None:
            _check_prior(self.prior, self.structure, len(self.ridge))
        if self.eigenvalue_ratio is not None:
            _check_ratio(self.eigenvalue_ratio, self.structure)

    @property
    def moments(self) -> Moments:
        """The second moments that the structure needs."""
        return self.structure.moments

    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Return the number of free parameters of the mixture: of proportions, means and covariances."""
        proportions = 0 if self.equal_weights else n_components - 1
        covariances = self.structure.n_covariance_parameters(n_components, n_features)
        return proportions + n_components * n_features + covariances

    def exceeds(self, weight: float, n_features: int) -> bool:
        """Return true if there are so few rows that all covariances of the model are degenerate.

        Parameters
        ----------
        weight : float
            Total weight of the rows. If there are not more rows than features, covariances are singular.
        n_features : int
        """
        return self.structure.form.correlated and self.prior is None and weight <= n_features

    def maximize(self, statistics: Statistics, init: Covariances | None = None) -> Mixture:
        """Return the most likely mixture for given statistics; with a prior, the most probable one.

        Parameters
        ----------
        statistics : Statistics
            Sums of the rows under their responsibilities, about any origin.
        init : Covariances, optional
            The initial covariances for structures without a closed form, such as those of the last step.

        Raises
        ------
        IllDefinedCovarianceError
            If a component has no spread in some direction, and neither ridge, prior nor bound adds any.
        """
        n_features = statistics.origin.shape[1]
        try:
            with np.errstate(all="ignore"), _limit_blas(n_features):  # what overflows has no factor, an error below
                central = self._regularize(statistics)
                covariances = self._covariances(central, init)
        except (NotPositiveDefiniteError, np.linalg.LinAlgError) as error:
            msg = (
                "Fitting the mixture model failed because some components have ill-defined empirical covariance (for "
                "instance caused by singleton or collapsed samples). Try to decrease the number of components, "
                f"increase reg_covar, or scale the input data. {error}"
            )
            raise IllDefinedCovarianceError(msg) from error
        means = central.origin
        if self.equal_weights:
            return Mixture(np.full(len(means), 1.0 / len(means)), means, covariances)
        return Mixture(statistics.mass / statistics.mass.sum(), means, covariances)

    def pooled_guess(self, statistics: Statistics) -> Covariances | None:
        """Return the pooled covariance, an initial guess for structures without a closed form.

        None for structures with a closed form, and where the pooled covariance is singular.
        """
        if not (self.structure.iterates and statistics.moments.correlated):
            return None
        try:
            with np.errstate(all="ignore"), _limit_blas(statistics.origin.shape[1]):
                central = self._regularize(statistics)
                return Tied.from_covariances(POOLED.extract(central.second) / central.floored_mass.sum())
        except (NotPositiveDefiniteError, np.linalg.LinAlgError):
            return None

    def log_prior(self, mixture: Mixture) -> float:
        """Return the logarithm of the prior density of a mixture, up to a constant, in nats; 0 without a prior.

        EM increases the sum of this and the log-likelihood of all rows, except for the effect of the ridge.
        """
        parts = [part for part in (self.prior, self.component_prior) if part is not None]
        if not parts:
            return 0.0
        with _limit_blas(mixture.n_features):
            return sum(part.log_density(mixture, self.structure) for part in parts)

    def _covariances(self, central: Statistics, init: Covariances | None) -> Covariances:
        """Return the covariances of the structure for regularized statistics.

        A distant outlier can make a variance 1e16 times larger than the ridge or the prior, so that both vanish in
        rounding. If the covariances are singular for this reason, they are inflated by the size of the rounding error.
        """
        try:
            return _maximize_in_safe_unit(self.structure, central, init)
        except (NotPositiveDefiniteError, np.linalg.LinAlgError):
            n_components, n_features = central.origin.shape
            share = np.full(n_components, _ROUNDING * n_features)
            if not self.ridge.all():
                share[[k not in self.regularized for k in range(n_components)]] = 0.0
            if not share.any():
                raise
            return _maximize_in_safe_unit(self.structure, central.inflated(share), init)

    @property
    def regularized(self) -> tuple[int, ...]:
        """The components with a prior of their own, without which they would collapse."""
        return self.component_prior.components if self.component_prior else ()

    def narrowed_by_rounding(self, statistics: Statistics) -> tuple[int, ...]:
        """Return the components whose variances the rounding of the columns bounds from below.

        Parameters
        ----------
        statistics : Statistics
            Sums of the rows under their responsibilities.
        """
        if self.rounding is None:
            return ()
        bounded = self._regularize_without_floor(statistics)
        before, after = (bounded.moments.spread(one.second) for one in (bounded, self._apply_floor(bounded)))
        n_covariances = 1 if bounded.moments.pooled else len(statistics.mass)
        changed = (after > before * (1.0 + _SMALLEST_RAISE)).reshape(n_covariances, -1).any(axis=1)
        return tuple(np.flatnonzero(np.broadcast_to(changed, len(statistics.mass))).tolist())

    def rounding_gain(self, mixture: Mixture, mass: Floats) -> float:
        """Return the gain in log-likelihood of components that are narrow relative to the rounding, in nats.

        This is the loss if each value were spread evenly over its rounding step: ``Σ_k n_k tr(Σ_k⁻¹ F) / 2`` with the
        variances F within a step. The density at a rounded value has no upper bound, but the probability of the values
        that are rounded to it has. A missing value gains nothing: F is multiplied by the shares of observed values.
        """
        if self.rounding is None:
            return 0.0
        hidden = self.rounding if self.observed is None else self.rounding * self.observed
        return 0.5 * float((mass * mixture.covariances.relative_trace(hidden)).sum())

    def _regularize(self, statistics: Statistics) -> Statistics:
        """Return the statistics about the new means, with prior, ridge, bound on eigenvalues and floor applied."""
        bounded = self._regularize_without_floor(statistics)
        return bounded if self.rounding is None else self._apply_floor(bounded)

    def _regularize_without_floor(self, statistics: Statistics) -> Statistics:
        """Return the statistics about the new means, with prior, ridge and bound on eigenvalues applied."""
        central = statistics.central() if self.prior is None else self.prior.add_to(statistics, self.structure)
        if self.component_prior is not None:
            central = self.component_prior.add_to(central, self.structure)
        regularized = central.with_ridge(self.ridge)
        if self.eigenvalue_ratio is None:
            return regularized
        return within_ratio(regularized, self.eigenvalue_ratio, shared=self.structure.shared)

    def _apply_floor(self, statistics: Statistics) -> Statistics:
        return within_floor(statistics, self._floor(statistics), shared=self.structure.shared)

    def _floor(self, statistics: Statistics) -> Floats:
        """Return lower bounds on the variances of all columns, ``(D,)``; for continuous columns at least the ridge."""
        rounded = np.zeros(len(self.ridge)) if self.rounding is None else self.rounding
        total = statistics.moments.spread(statistics.second).reshape(-1, statistics.second.shape[-1]).sum(axis=0)
        least = _SMALLEST_SHARE * total / statistics.floored_mass.sum() if len(total) == len(rounded) else 0.0
        return np.where(rounded > 0, rounded, np.maximum(self.ridge, least))


def _maximize_in_safe_unit(structure: Structure, central: Statistics, init: Covariances | None) -> Covariances:
    """Return the covariances of the structure, computed in a unit in which no product over- or underflows."""
    exponent = _exponent(central.moments.spread(central.second))
    if exponent == 0:
        return structure.maximize(central, init)
    scaled = replace(central, second=np.ldexp(central.second, -2 * exponent))
    return structure.maximize(scaled, init and init.times(2.0**-exponent)).times(2.0**exponent)


def _exponent(spread: Floats) -> int:
    """Return the exponent of the power of two in the middle of all standard deviations; 0 without extreme variances."""
    if spread.min() > _SMALL and spread.max() < _LARGE:
        return 0
    usable = spread[(spread > 0) & np.isfinite(spread)]
    return round(float(np.log2(usable.min()) + np.log2(usable.max())) / 4.0) if usable.size else 0


def _check_prior(prior: NormalInverseWishart, structure: Structure, n_features: int) -> None:
    if not structure.takes_prior:
        names = ", ".join(one.public_name for one in STRUCTURES if one.takes_prior)
        msg = f"prior is not defined for structure {structure.public_name!r}; it is for {names}."
        raise ValueError(msg)
    if len(prior.mean) != n_features:
        msg = f"prior must be for {n_features} features, as the rows have, got one for {len(prior.mean)}."
        raise ValueError(msg)
    if prior.weight(structure) < 0:
        least = structure.moments.weightless_dof(n_features)
        msg = f"The prior's dof must be at least {least:g} for structure {structure.public_name!r}, got {prior.dof:g}."
        raise ValueError(msg)


def _check_ratio(ratio: float, structure: Structure) -> None:
    if not ratio >= 1:
        raise ValueError(f"eigenvalue_ratio must be at least 1, got {ratio}.")
    if not structure.takes_ratio:
        names = ", ".join(one.public_name for one in STRUCTURES if one.takes_ratio)
        msg = f"eigenvalue_ratio is not defined for structure {structure.public_name!r}; it is for {names}."
        raise ValueError(msg)


def _limit_blas(n_features: int) -> AbstractContextManager[None]:
    """Return a context in which BLAS uses one thread, if there are enough features for more.

    BLAS threads keep spinning for a while after their work and would slow down the next pass.
    """
    return one_thread() if n_features >= _BLAS_THREADS_FEATURES else nullcontext()
