"""EM steps of many mixtures of the same rows at once, in a few array operations.

On small tables, an EM step takes far longer in Python than in arithmetic. A batch of S mixtures takes its steps
together: two matrix products with the rows and their products serve the E-steps of all S mixtures. The steps are made
for comparing starts. Second moments are summed about the centre of all rows, so that a component far from the centre
loses digits, and structures without a closed form take a shorter M-step, which increases the likelihood less than
theirs. A fit goes on from the best mixtures with the steps of :mod:`~gaussmix.em.loop`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Flags, Floats, Labels
from gaussmix.covariances import Diagonal, Full
from gaussmix.mixture import Mixture
from gaussmix.moments import DIAGONAL, FULL
from gaussmix.structures import Orientation, Structure

__all__ = ["BatchEM", "MixtureBatch", "merge_to"]

_LEAST_MASS = 1e-8  # the mass of a component, in rows, below which it counts as this mass in quotients
_LEAST_VARIANCE = 1e-300  # variances are raised to this value before their logarithms are taken
_LEAST_LOG = -1e6  # the log-density of a component without weight, in nats
_ALTERNATIONS = 3  # alternations between volumes and shape in one M-step: the next EM step moves both anyway
_TURNS = 2  # steps of the common axes in one M-step
_LOG_2PI = float(np.log(2.0 * np.pi))


@dataclass(frozen=True, eq=False)
class MixtureBatch:
    """S mixtures of K components each, for rows with D features.

    Attributes
    ----------
    weights : (S, K) ndarray
    means : (S, K, D) ndarray
    covariances : (S, K, D, D) or (S, K, D) ndarray
        The covariances, or the variances of components without correlations.
    """

    weights: Floats
    means: Floats
    covariances: Floats

    def __len__(self) -> int:
        return len(self.weights)

    def take(self, places: Labels | Flags | slice) -> Self:
        """Return the mixtures at given places."""
        return type(self)(self.weights[places], self.means[places], self.covariances[places])

    def mixture(self, place: int) -> Mixture:
        """Return one mixture; raise :class:`~gaussmix.covariances.NotPositiveDefiniteError` if it is degenerate."""
        form = Full if self.covariances.ndim > self.means.ndim else Diagonal
        weights = self.weights[place]
        covariances = form.from_covariances(self.covariances[place])
        return Mixture(weights / weights.sum(), self.means[place], covariances)

    @classmethod
    def of(cls, mixtures: Sequence[Mixture], *, correlated: bool) -> Self:
        """Return the batch of given mixtures, of which only the variances are kept if it is not `correlated`."""
        covariances = [
            one.covariances.dense(*one.means.shape) if correlated else one.covariances.variances(*one.means.shape)
            for one in mixtures
        ]
        weights, means = np.stack([one.weights for one in mixtures]), np.stack([one.means for one in mixtures])
        return cls(weights, means, np.stack(covariances))

    @classmethod
    def joined(cls, batches: "list[Self]") -> Self:
        """Return the mixtures of all batches, batch by batch."""
        names = ("weights", "means", "covariances")
        return cls(*(np.concatenate([getattr(batch, name) for batch in batches]) for name in names))


@dataclass(frozen=True, eq=False)
class BatchEM:
    """The EM steps of a batch of mixtures of the same rows.

    Parameters
    ----------
    rows : (n, D) ndarray
        float64 rows, whose squares neither overflow nor underflow.
    sample_weight : (n,) ndarray
    structure : Structure
        The structure of the covariances. The batch keeps what the structure says of volumes, shapes and axes.
    ridge : (D,) ndarray
        Variances that are added to the diagonals of the covariances.
    equal_weights : bool
        Whether all mixing proportions stay 1 / K.
    least : (D,) ndarray or None
        Variances, all positive, that covariances are raised to where they are below; None for no such bound.
    """

    rows: Floats
    sample_weight: Floats
    structure: Structure
    ridge: Floats
    equal_weights: bool = False
    least: Floats | None = None

    @property
    def correlated(self) -> bool:
        """True where covariances are matrices, not variances alone."""
        return self.structure.form.correlated and self.rows.shape[1] > 1

    @cached_property
    def _centre(self) -> Floats:
        return np.asarray(self.sample_weight @ self.rows / self.sample_weight.sum())

    @cached_property
    def _pairs(self) -> tuple[Labels, Labels]:
        """The pairs of features whose products enter the log-densities."""
        n_features = self.rows.shape[1]
        return np.triu_indices(n_features) if self.correlated else (np.arange(n_features),) * 2

    @cached_property
    def _powers(self) -> Floats:
        """A one, the centred row, and the products of its values: ``(n, 1 + D + P)``."""
        centred, (left, right) = self.rows - self._centre, self._pairs
        return np.concatenate([np.ones((len(centred), 1)), centred, centred[:, left] * centred[:, right]], axis=1)

    @cached_property
    def _powers_across(self) -> Floats:
        return np.ascontiguousarray(self._powers.T)

    def run(self, batch: MixtureBatch, n_steps: int) -> tuple[MixtureBatch, Floats, Floats]:
        """Return the batch after some steps, with the log-likelihoods and masses of its last but one state.

        Parameters
        ----------
        batch : MixtureBatch
        n_steps : int
            At least 1.

        Returns
        -------
        batch : MixtureBatch
        log_likelihood : (S,) ndarray
            In nats, before the last step; not finite for a mixture that became degenerate.
        mass : (S, K) ndarray
            Rows of the components.
        """
        for _ in range(n_steps):
            responsibilities, log_likelihood = self.expect(batch)
            mass, means, scatters = self.sums(responsibilities)
            batch = self.maximize(mass, means, scatters, batch.covariances)
        return batch, log_likelihood, mass

    def expect(self, batch: MixtureBatch) -> tuple[Floats, Floats]:
        """Return responsibilities ``(S, K, n)`` and log-likelihoods ``(S,)``."""
        joint = (self._natural_parameters(batch) @ self._powers_across).reshape(*batch.weights.shape, -1)
        largest = joint.max(axis=1, keepdims=True)
        joint -= largest
        np.exp(joint, out=joint)
        total = joint.sum(axis=1, keepdims=True)
        joint /= total
        return joint, (largest + np.log(total))[:, 0] @ self.sample_weight

    def _natural_parameters(self, batch: MixtureBatch) -> Floats:
        """Return the coefficients of the log-densities in the powers of a row, ``(S K, 1 + D + P)``."""
        left, right = self._pairs
        n_features = self.rows.shape[1]
        means = batch.means - self._centre
        if self.correlated:
            factors = np.linalg.cholesky(batch.covariances)
            inverse = np.linalg.inv(factors)
            precisions = np.swapaxes(inverse, -1, -2) @ inverse
            log_dets = 2.0 * np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1)
            linear, products = (precisions @ means[..., None])[..., 0], precisions[..., left, right]
        else:
            products = 1.0 / batch.covariances
            log_dets, linear = np.log(batch.covariances).sum(axis=-1), products * means
        with np.errstate(divide="ignore"):
            logs = np.log(batch.weights)
        constant = logs - 0.5 * (n_features * _LOG_2PI + log_dets + (means * linear).sum(axis=-1))
        parts = [np.maximum(constant, _LEAST_LOG)[..., None], linear, np.where(left == right, -0.5, -1.0) * products]
        return np.concatenate(parts, axis=-1).reshape(batch.weights.size, -1)

    def sums(self, responsibilities: Floats) -> tuple[Floats, Floats, Floats]:
        """Return masses ``(S, K)``, means ``(S, K, D)``, and scatters about the means in the shape of covariances."""
        n_mixtures, n_components, n_rows = responsibilities.shape
        n_features, (left, right) = self.rows.shape[1], self._pairs
        weighted = responsibilities.reshape(-1, n_rows) * self.sample_weight
        sums = (weighted @ self._powers).reshape(n_mixtures, n_components, -1)
        mass, products = sums[..., 0], sums[..., 1 + n_features :]
        means = sums[..., 1 : 1 + n_features] / np.maximum(mass, _LEAST_MASS)[..., None]
        if not self.correlated:
            return mass, means + self._centre, np.maximum(products - mass[..., None] * means**2, 0.0)
        scatters = np.empty((n_mixtures, n_components, n_features, n_features))
        scatters[..., left, right] = scatters[..., right, left] = products
        scatters -= mass[..., None, None] * means[..., :, None] * means[..., None, :]
        return mass, means + self._centre, scatters

    def maximize(self, mass: Floats, means: Floats, scatters: Floats, last: Floats) -> MixtureBatch:
        """Return the next mixtures from masses, means, scatters about the means, and the last covariances."""
        mass = np.maximum(mass, _LEAST_MASS)
        ridge = np.diag(self.ridge) if self.correlated else self.ridge
        scatters = scatters + mass.reshape(mass.shape + (1,) * ridge.ndim) * ridge
        if self.least is not None:
            scatters = self._raise(scatters, mass, self.least)
        weights = np.full(mass.shape, 1.0 / mass.shape[1]) if self.equal_weights else mass
        weights = weights / weights.sum(axis=1, keepdims=True)
        return MixtureBatch(weights, means, _restrict(self.structure, mass, scatters, last))

    def _raise(self, scatters: Floats, mass: Floats, least: Floats) -> Floats:
        """Return scatters that are nowhere below given variances: each, or their sums if the components share one."""
        moments = FULL if self.correlated else DIAGONAL
        if self.structure.shared:
            total = scatters.sum(axis=1)
            lacking = moments.floored(total, mass.sum(axis=1), least) - total
            return np.asarray(scatters + lacking[:, None] / mass.shape[1])
        return moments.floored(scatters.reshape(-1, *scatters.shape[2:]), mass.ravel(), least).reshape(scatters.shape)


def _restrict(structure: Structure, mass: Floats, scatters: Floats, last: Floats) -> Floats:
    """Return covariances with the volumes, shapes and axes that a structure allows.

    They are those of Celeux & Govaert (1995), Pattern Recognition 28, and of Browne & McNicholas (2014), Statistics and
    Computing 24, for common axes. Where the maximum has no closed form, the result is a step towards the maximum.
    """
    if scatters.ndim == mass.ndim + 1:
        round_ = structure.orientation is Orientation.ROUND
        spectra = np.broadcast_to(scatters.mean(axis=-1, keepdims=True), scatters.shape) if round_ else scatters
        return _scale(structure, mass, spectra, last)
    if structure.orientation is Orientation.OWN and not (structure.equal_volume or structure.equal_shape):
        return np.asarray(scatters / mass[..., None, None])
    if structure.orientation is Orientation.EQUAL and structure.equal_shape:
        return _share_one_matrix(structure, mass, scatters, last)
    if structure.orientation is Orientation.EQUAL:
        axes = _turn_common_axes(structure, mass, scatters, last)[:, None]
        spectra = np.diagonal(np.swapaxes(axes, -1, -2) @ scatters @ axes, axis1=-2, axis2=-1)
    else:
        values, axes = np.linalg.eigh(scatters)
        spectra = np.maximum(values, _LEAST_VARIANCE)
    volumes = np.broadcast_to(_volumes(last)[..., None], spectra.shape)
    return (axes * _scale(structure, mass, spectra, volumes)[..., None, :]) @ np.swapaxes(axes, -1, -2)


def _scale(structure: Structure, mass: Floats, spectra: Floats, last: Floats) -> Floats:
    """Return variances ``(S, K, D)`` along axes, from the scatters along them and the last variances."""
    total = mass.sum(axis=1)[:, None, None]
    if structure.equal_volume and structure.equal_shape:
        return np.broadcast_to(spectra.sum(axis=1, keepdims=True) / total, spectra.shape)
    if structure.equal_volume:
        sizes = _geometric_means(spectra)[..., None]
        return np.asarray(sizes.sum(axis=1, keepdims=True) / total * spectra / sizes)
    if not structure.equal_shape or structure.orientation is Orientation.ROUND:
        return np.asarray(spectra / mass[..., None])
    volumes = _geometric_means(last)
    for _ in range(_ALTERNATIONS):
        shape = (spectra / volumes[..., None]).sum(axis=1, keepdims=True)
        shape = shape / _geometric_means(shape)[..., None]
        volumes = (spectra / shape).mean(axis=-1) / mass
    return np.asarray(volumes[..., None] * shape)


def _share_one_matrix(structure: Structure, mass: Floats, scatters: Floats, last: Floats) -> Floats:
    """Return multiples of one matrix for all components of a mixture; of equal volume, this matrix itself."""
    if structure.equal_volume:
        pooled = scatters.sum(axis=1, keepdims=True) / mass.sum(axis=1)[:, None, None, None]
        return np.broadcast_to(pooled, scatters.shape)
    volumes, n_features = _volumes(last), scatters.shape[-1]
    for _ in range(_ALTERNATIONS):
        shape = (scatters / volumes[..., None, None]).sum(axis=1, keepdims=True)
        shape = shape / _volumes(shape)[..., None, None]
        volumes = np.trace(np.linalg.inv(shape) @ scatters, axis1=-2, axis2=-1) / (n_features * mass)
    return np.asarray(volumes[..., None, None] * shape)


def _turn_common_axes(structure: Structure, mass: Floats, scatters: Floats, last: Floats) -> Floats:
    """Return axes ``(S, D, D)`` that all components of a mixture share, after steps from the last axes.

    Each step minimizes a bound on ``Σ_k tr(W_k Q Λ_k⁻¹ Qᵀ)`` that touches it at the current axes Q, for the variances
    Λ_k along them.
    """
    factors = np.sqrt(np.arange(2.0, mass.shape[1] + 2.0)) / np.trace(last, axis1=-2, axis2=-1)
    axes = np.linalg.eigh((factors[..., None, None] * last).sum(axis=1))[1]
    largest = np.linalg.eigvalsh(scatters)[..., -1:, None] * np.eye(scatters.shape[-1])
    for _ in range(_TURNS):
        along = np.diagonal(np.swapaxes(axes, -1, -2)[:, None] @ scatters @ axes[:, None], axis1=-2, axis2=-1)
        slopes = 1.0 / np.maximum(_scale(structure, mass, along, along), _LEAST_VARIANCE)
        pull = ((largest - scatters) @ (axes[:, None] * slopes[..., None, :])).sum(axis=1)
        left, _, right = np.linalg.svd(pull)
        axes = left @ right
    return axes


def _geometric_means(variances: Floats) -> Floats:
    return np.asarray(np.exp(np.log(np.maximum(variances, _LEAST_VARIANCE)).mean(axis=-1)))


def _volumes(covariances: Floats) -> Floats:
    """Return the volumes ``det^(1/D)`` of matrices ``(…, D, D)``."""
    return np.asarray(np.exp(np.linalg.slogdet(covariances)[1] / covariances.shape[-1]))


def merge_to(n_components: int, batch: MixtureBatch) -> MixtureBatch:
    """Return the mixtures with fewer components: the pair of the cheapest merge becomes one, again and again.

    The cost of a merge is Runnalls' bound (:func:`~gaussmix.density.reduction.merge_costs`).

    Parameters
    ----------
    n_components : int
        Components that are left.
    batch : MixtureBatch
    """
    mass, means, covariances = batch.weights, batch.means, batch.covariances
    each = np.arange(len(mass))
    for _ in range(mass.shape[1] - n_components):
        left, right = np.triu_indices(mass.shape[1], 1)
        sizes, centres, pairs = _join(mass, means, covariances, left, right)
        logs = _log_dets(covariances)
        costs = sizes * _log_dets(pairs) - mass[:, left] * logs[:, left] - mass[:, right] * logs[:, right]
        cheapest = costs.argmin(axis=1)
        i, j = left[cheapest], right[cheapest]
        mass, means, covariances = mass.copy(), means.copy(), covariances.copy()
        mass[each, i], means[each, i], covariances[each, i] = (
            sizes[each, cheapest],
            centres[each, cheapest],
            pairs[each, cheapest],
        )
        kept = np.arange(mass.shape[1]) != j[:, None]
        mass, means, covariances = (
            array[kept].reshape(len(each), -1, *array.shape[2:]) for array in (mass, means, covariances)
        )
    return MixtureBatch(mass, means, covariances)


def _join(
    mass: Floats, means: Floats, covariances: Floats, left: Labels, right: Labels
) -> tuple[Floats, Floats, Floats]:
    """Return masses, means and covariances of pairs of components."""
    total = mass[:, left] + mass[:, right]
    share = (mass[:, right] / total)[..., None]
    apart = means[:, right] - means[:, left]
    centre = means[:, left] + share * apart
    between = share * (1.0 - share)
    if covariances.ndim == means.ndim:
        joint = covariances[:, left] + share * (covariances[:, right] - covariances[:, left]) + between * apart**2
        return total, centre, joint
    share, between = share[..., None], between[..., None]
    outer = apart[..., :, None] * apart[..., None, :]
    return (
        total,
        centre,
        covariances[:, left] + share * (covariances[:, right] - covariances[:, left]) + between * outer,
    )


def _log_dets(covariances: Floats) -> Floats:
    """Return log-determinants of matrices ``(S, K, D, D)``, or of variances ``(S, K, D)``."""
    if covariances.ndim == 3:  # noqa: PLR2004 - mixtures, components, variances
        return np.asarray(np.log(covariances).sum(axis=-1))
    return np.asarray(np.linalg.slogdet(covariances)[1])
