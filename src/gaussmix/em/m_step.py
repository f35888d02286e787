"""The M-step: from statistics to the most likely mixture of one model."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

import numpy as np

from gaussmix._threads import one_thread
from gaussmix._types import Floats
from gaussmix.covariances import Covariances, NotPositiveDefiniteError, Tied
from gaussmix.mixture import Mixture
from gaussmix.moments import FULL, POOLED, Moments
from gaussmix.priors import ComponentPrior, NormalInverseWishart
from gaussmix.statistics import Statistics
from gaussmix.structures import STRUCTURES, Structure
from gaussmix.structures.constraint import within_floor, within_ratio

__all__ = ["IllDefinedCovarianceError", "MStep"]

_WAKES_BLAS = 8  # features
_SMALL, _LARGE = 1e-100, 1e100  # sums whose products and quotients are numbers
_ROUNDING = 64 * float(np.finfo(np.float64).eps)  # of a variance, for each feature
_BARELY = 1e-9  # share of a variance: a scatter that the floor widens by less is on it by accident
_ALMOST_NOTHING = 1e-12  # of a variance: the floor of continuous columns without a ridge


class IllDefinedCovarianceError(ValueError):
    """A component collapsed onto too few or too flat rows, and nothing was set to hold it open."""


@dataclass(frozen=True, eq=False)
class MStep:
    """The M-step: the most likely mixture of one model for given statistics.

    Attributes
    ----------
    structure : Structure
        The shapes that the covariances may take.
    ridge : (D,) ndarray
        Variances added to the covariances' diagonals, in squared units of the features.
    equal_weights : bool
        Whether all mixing proportions are 1 / K, in place of being estimated.
    prior : NormalInverseWishart or None
        A prior on means and covariances, under which the mixture is the most probable one.
    eigenvalue_ratio : float or None
        How many times the smallest eigenvalue of all covariances the largest may be, at least 1; None for no bound.
    hold : ComponentPrior or None
        What holds components open that would collapse.
    rounding : (D,) ndarray or None
        Variances below which no component goes, as the columns are rounded: see
        :attr:`~gaussmix.initialization.rounding.Rounding.variances`. 0 for continuous columns; None where all are.

    Raises
    ------
    ValueError
        If the prior or the ratio is not defined for this structure, or not in its range.
    """

    structure: Structure
    ridge: Floats
    equal_weights: bool = False
    prior: NormalInverseWishart | None = None
    eigenvalue_ratio: float | None = None
    hold: ComponentPrior | None = None
    rounding: Floats | None = None

    def __post_init__(self) -> None:
        if self.prior is not None:
            _check_prior(self.prior, self.structure, len(self.ridge))
        if self.eigenvalue_ratio is not None:
            _check_ratio(self.eigenvalue_ratio, self.structure)

    @property
    def moments(self) -> Moments:
        """The second moments that it needs."""
        return self.structure.moments

    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Number of free parameters of the whole mixture: proportions, means and covariances."""
        proportions = 0 if self.equal_weights else n_components - 1
        covariances = self.structure.n_covariance_parameters(n_components, n_features)
        return proportions + n_components * n_features + covariances

    def exceeds(self, weight: float, n_features: int) -> bool:
        """Return whether every covariance that the model may find is degenerate, for want of rows.

        Parameters
        ----------
        weight : float
            Total weight of the rows. No more rows than features have no spread in some directions.
        n_features : int
        """
        return self.structure.form.correlated and self.prior is None and weight <= n_features

    def maximize(self, statistics: Statistics, near: Covariances | None = None) -> Mixture:
        """The most likely mixture for these statistics.

        Parameters
        ----------
        statistics : Statistics
            Sums under the current responsibilities, about any origin.
        near : Covariances, optional
            The covariances of the last step, from which a structure without a closed form goes on.

        Raises
        ------
        IllDefinedCovarianceError
            If a component has no spread in some direction, and neither ridge, prior nor bound gives it any.
        """
        n_features = statistics.origin.shape[1]
        try:
            with np.errstate(all="ignore"), _quietly(n_features):  # what is no number has no factor
                central = self._completed(statistics)
                covariances = self._covariances(central, near)
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

    def all_alike(self, statistics: Statistics) -> Covariances | None:
        """One covariance for all components, to go on from quickly; None where none is needed, or there is none."""
        if not self.structure.iterates or statistics.moments is not FULL:
            return None
        try:
            with np.errstate(all="ignore"), _quietly(statistics.origin.shape[1]):
                central = self._completed(statistics)
                return Tied.from_covariances(POOLED.extract(central.second) / central.floored_mass.sum())
        except (NotPositiveDefiniteError, np.linalg.LinAlgError):
            return None

    def log_prior(self, mixture: Mixture) -> float:
        """Logarithm of the prior density of a mixture but for a constant, in nats; 0 without a prior.

        EM raises the log-likelihood of all rows and this together, as far as the ridge lets it.
        """
        parts = [part for part in (self.prior, self.hold) if part is not None]
        if not parts:
            return 0.0
        with _quietly(mixture.n_features):
            return sum(part.log_density(mixture, self.structure) for part in parts)

    def _covariances(self, central: Statistics, near: Covariances | None) -> Covariances:
        """The structure's covariances for completed statistics.

        Beside a variance that is 1e16 times larger, as a row far out makes it, a ridge is lost in rounding, and what
        holds a component open too. Where there are no covariances, rounding's own size takes its place.
        """
        try:
            return _maximized(self.structure, central, near)
        except (NotPositiveDefiniteError, np.linalg.LinAlgError):
            n_components, n_features = central.origin.shape
            share = np.full(n_components, _ROUNDING * n_features)
            if not self.ridge.all():
                share[[k not in self.held for k in range(n_components)]] = 0.0
            if not share.any():
                raise
            return _maximized(self.structure, central.inflated(share), near)

    @property
    def held(self) -> tuple[int, ...]:
        """The components that are held open."""
        return self.hold.components if self.hold else ()

    def narrowed_by_rounding(self, statistics: Statistics) -> tuple[int, ...]:
        """Return the components that would be narrower than the rounding of the columns allows.

        Parameters
        ----------
        statistics : Statistics
            Sums under the current responsibilities.
        """
        if self.rounding is None:
            return ()
        bounded = self._bounded(statistics)
        before, after = (bounded.moments.spread(one.second) for one in (bounded, self._floored(bounded)))
        n_sets = 1 if bounded.moments is POOLED else len(statistics.mass)
        changed = (after > before * (1.0 + _BARELY)).reshape(n_sets, -1).any(axis=1)
        return tuple(np.flatnonzero(np.broadcast_to(changed, len(statistics.mass))).tolist())

    def rounding_gain(self, mixture: Mixture, mass: Floats) -> float:
        """Return what components gain in log-likelihood by being narrow beside the rounding of the columns, in nats.

        It is what they would lose if each value were spread evenly over its step: ``Σ_k n_k tr(Σ_k⁻¹ F) / 2`` with the
        variances F that rounding hides. A density may be as high as one likes at a rounded value, a probability cannot.
        """
        if self.rounding is None:
            return 0.0
        return 0.5 * float((mass * mixture.covariances.relative_trace(self.rounding)).sum())

    def _completed(self, statistics: Statistics) -> Statistics:
        """The statistics that the structure gets: about the new means, with prior, ridge and bounds in them."""
        bounded = self._bounded(statistics)
        return bounded if self.rounding is None else self._floored(bounded)

    def _bounded(self, statistics: Statistics) -> Statistics:
        """The same, but for the floor that the rounding of the columns sets."""
        central = statistics.central() if self.prior is None else self.prior.add_to(statistics, self.structure)
        if self.hold is not None:
            central = self.hold.add_to(central, self.structure)
        regularized = central.with_ridge(self.ridge)
        if self.eigenvalue_ratio is None:
            return regularized
        return within_ratio(regularized, self.eigenvalue_ratio, shared=self.structure.shared)

    def _floored(self, statistics: Statistics) -> Statistics:
        return within_floor(statistics, self._floor(statistics), shared=self.structure.shared)

    def _floor(self, statistics: Statistics) -> Floats:
        """The floor on variances in all columns: of the continuous ones, the ridge, which no variance is below."""
        rounded = np.zeros(len(self.ridge)) if self.rounding is None else self.rounding
        total = statistics.moments.spread(statistics.second).reshape(-1, statistics.second.shape[-1]).sum(axis=0)
        least = _ALMOST_NOTHING * total / statistics.floored_mass.sum() if len(total) == len(rounded) else 0.0
        return np.where(rounded > 0, rounded, np.maximum(self.ridge, least))


def _maximized(structure: Structure, central: Statistics, near: Covariances | None) -> Covariances:
    """The structure's covariances, found in a unit in which products of variances neither over- nor underflow."""
    exponent = _exponent(central.moments.spread(central.second))
    if exponent == 0:
        return structure.maximize(central, near)
    scaled = replace(central, second=np.ldexp(central.second, -2 * exponent))
    return structure.maximize(scaled, near and near.times(2.0**-exponent)).times(2.0**exponent)


def _exponent(spread: Floats) -> int:
    """Of the power of two in the middle of the deviations, on a scale of logarithms; 0 where no variance is extreme."""
    if spread.min() > _SMALL and spread.max() < _LARGE:
        return 0
    some = spread[(spread > 0) & np.isfinite(spread)]
    return round(float(np.log2(some.min()) + np.log2(some.max())) / 4.0) if some.size else 0


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


def _quietly(n_features: int) -> AbstractContextManager[None]:
    """BLAS on one thread, where there are features enough to wake its threads.

    They would go on spinning for a while, and take the cores from the next pass.
    """
    return one_thread() if n_features >= _WAKES_BLAS else nullcontext()
