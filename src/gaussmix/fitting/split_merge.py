"""Split and merge: one component's place taken up, and used where it explains more."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import Covariances, Diagonal, Full, stays_diagonal
from gaussmix.density.reduction import merge, merge_costs
from gaussmix.density.subset import subset
from gaussmix.em import Status, run
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.engines.assessment import labels, log_densities, responsibilities
from gaussmix.initialization.assignments import start_of_clusters
from gaussmix.initialization.projection_pursuit import pursued
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["Half", "cost_of_halves", "halves", "moves"]

_ENOUGH = 2**13  # rows
_ENOUGH_PER_COMPONENT = 4  # times the fewest rows that a component needs
_ENOUGH_PER_AXIS = 3  # rows, to look for a direction
_MOST_CUTS = 16
_MATTERS = 1e-2  # a responsibility that a local fit takes notice of
_LOCAL_STEPS = 8
_PASSES_OF_HALVES = 32.0  # over K: two cuts of each component, eight steps, two components
_ENTROPY = 1.0 + float(np.log(2.0 * np.pi))  # twice that of the standard normal distribution
_LEAST = -0.4  # nats per row: what two fits side by side foresee errs by as much


@dataclass(frozen=True, eq=False)
class Half:
    """A component fitted again as two.

    Attributes
    ----------
    gain : float
        What the two gain on its rows, in nats per row of all.
    mixture : Mixture
        The two, their weights summing to one.
    """

    gain: float
    mixture: Mixture


def halves(sample: ArraySource, mixture: Mixture, m_step: MStep, rng: np.random.Generator) -> list[Half | None]:
    """The most promising components as two, by local fits on their own rows; None for the others, and where one fails.

    A local fit takes the rows that the component matters for, weighted by its responsibilities, and begins by cutting
    them in two: across the longest axis, or along the direction in which they most fall apart. The cuts are done that
    promise the highest log-likelihood of rows with their halves.
    """
    some, stand_for = _some(sample, mixture, m_step, rng)
    shares = responsibilities(mixture, some.rows, some.n_threads)
    cuts = [
        cut
        for k in range(mixture.n_components)
        for cut in _cuts(some, shares[:, k], stand_for, mixture, k, m_step, rng)
    ]
    weight = float(sample.some_weights.sum())
    split: list[Half | None] = [None] * mixture.n_components
    for cut in sorted(cuts, key=lambda cut: -cut.promise)[:_MOST_CUTS]:
        half, other = cut.fitted(weight), split[cut.k]
        if half and (other is None or half.gain > other.gain):
            split[cut.k] = half
    return split


def cost_of_halves(sample: ArraySource, mixture: Mixture, m_step: MStep) -> float:
    """What :func:`halves` cost at most, in passes over the sample."""
    fits, enough = _PASSES_OF_HALVES / mixture.n_components, _enough(mixture, m_step)
    return fits if sample.n_rows <= enough else 1.0 + fits * min(2.0 * enough / sample.n_rows, 1.0)


def _some(sample: ArraySource, mixture: Mixture, m_step: MStep, rng: np.random.Generator) -> tuple[ArraySource, Floats]:
    """The rows, or as many of each component's as it takes to tell whether it should be two; of a small one, all.

    Besides, how many rows each of them stands for.
    """
    enough = _enough(mixture, m_step)
    if sample.n_rows <= enough:
        return sample, np.ones(sample.n_rows)
    components = labels(mixture, sample.rows, sample.n_threads)
    stand_for = np.zeros(sample.n_rows)
    for k in range(mixture.n_components):
        own = np.flatnonzero(components == k)
        chosen = rng.permutation(own)[: ceil(enough * max(1.0 / mixture.n_components, len(own) / sample.n_rows))]
        stand_for[chosen] = len(own) / max(len(chosen), 1)
    rows = np.flatnonzero(stand_for)
    return sample.subset(rows), stand_for[rows]


def _enough(mixture: Mixture, m_step: MStep) -> int:
    """Rows that tell which components should be two."""
    return max(_ENOUGH, _ENOUGH_PER_COMPONENT * mixture.n_components * _fewest(m_step, mixture.n_features))


def _fewest(m_step: MStep, n_features: int) -> int:
    return max(m_step.structure.form.fewest_rows(n_features), 1)


@dataclass(frozen=True, eq=False)
class _Cut:
    """The rows that component `k` matters for, and the two that one M-step makes of them when they are cut in two.

    `alone` is their log-likelihood under the component, which the two are to raise. On average, each row stands for so
    many of the sample.
    """

    k: int
    stands_for: float
    local: ArraySource
    m_step: MStep
    two: Mixture
    alone: float

    @property
    def promise(self) -> float:
        """What the rows gain, each with its half's label: a Gaussian's entropy tells its own log-likelihood."""
        weights, log_det = self.two.weights, self.two.covariances.log_det(*self.two.means.shape)
        entropies = 0.5 * (log_det + self.local.n_features * _ENTROPY) - np.log(weights)
        return self._for_all(float(-self.local.some_weights.sum() * (weights @ entropies) - self.alone))

    def fitted(self, weight: float) -> Half | None:
        """The two after some steps, and what they gain per unit of the weight of all rows."""
        try:
            fit = run(self.local, self.two, self.m_step, tol=_MATTERS, max_iter=_LOCAL_STEPS)
        except (IllDefinedCovarianceError, np.linalg.LinAlgError):
            return None
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        too_few = fit.state.statistics.mass.min() < _fewest(self.m_step, self.local.n_features)
        if fit.status is Status.COLLAPSED or too_few:
            return None
        gain = self._for_all(fit.state.statistics.log_likelihood - self.alone)
        return Half(gain / weight, fit.state.mixture)

    def _for_all(self, gain: float) -> float:
        """What all rows that these stand for gain, from what these do, to which the two are fitted.

        P parameters gain about ``P / 2`` nats by chance on the rows that they are fitted to, and the more the fewer
        these are, but nothing on others.
        """
        n_rows, n_features = float(self.local.some_weights.sum()), self.local.n_features
        free = max(n_rows - self.m_step.structure.form.fewest_rows(n_features), 1.0)
        by_chance = 0.5 * self.m_step.n_parameters(2, n_features) * n_rows / free
        return gain + (self.stands_for - 1.0) * (gain - by_chance)


def _cuts(
    some: ArraySource,
    shares: Floats,
    stand_for: Floats,
    mixture: Mixture,
    k: int,
    m_step: MStep,
    rng: np.random.Generator,
) -> Iterator[_Cut]:
    """A component's rows in two, where there are enough, in both ways."""
    theirs = np.flatnonzero(shares > _MATTERS)
    local, stand_for = some.subset(theirs).weighted(shares[theirs]), stand_for[theirs]
    weight, fewest = float(local.some_weights.sum()), _fewest(m_step, mixture.n_features)
    if weight < 2 * fewest:
        return
    stands_for = float(local.some_weights @ stand_for) / weight
    local = local.weighted(stand_for / stands_for)
    alone = subset(mixture, slice(k, k + 1))
    before = float(local.some_weights @ log_densities(alone, local.rows, local.n_threads))
    both = replace(m_step.hold, components=(0, 1)) if m_step.hold and k in m_step.held else None
    model = replace(m_step, hold=both)
    for sides in _sides(local, alone, mixture, rng):
        with suppress(IllDefinedCovarianceError, np.linalg.LinAlgError):
            two = start_of_clusters(local, sides, 2, model)
            if weight * two.weights.min() >= fewest:
                yield _Cut(k, stands_for, local, model, two, before)


def _sides(local: ArraySource, alone: Mixture, mixture: Mixture, rng: np.random.Generator) -> Iterator[Labels]:
    """The rows in two: across the longest axis in units of all rows, and along the direction of least kurtosis.

    On few rows, some direction has little by chance.
    """
    white = np.asarray(alone.covariances.whiten((local.rows - alone.means[0])[None])[0])
    if stays_diagonal(alone.covariances, mixture.n_features):
        yield (white[:, np.argmax(alone.variances / mixture.variances)] > 0).astype(np.intp)
    else:
        longest = np.linalg.svd(alone.factors[0] / np.sqrt(np.diagonal(mixture.covariance))[:, None])[2][0]
        yield (white @ longest > 0).astype(np.intp)
    if mixture.n_features > 1 and local.some_weights.sum() > _ENOUGH_PER_AXIS * mixture.n_features:
        flattest = pursued(white, local.some_weights, 1, rng, quickly=True)[:, 0]
        yield (white @ flattest > 0).astype(np.intp)


def moves(mixture: Mixture, split: list[Half | None], doomed: tuple[int, ...] = ()) -> Iterator[Mixture]:
    """Mixtures with two components merged and a third split, the most promising first.

    What a move promises is the gain of the split less the loss of the merge by Runnalls' bound; each merge and each
    split is offered once. A doomed component's merge with the one nearest to it costs nothing.

    Parameters
    ----------
    mixture : Mixture
        Three components or more, or there is no move.
    split : list of Half or None
        From :func:`halves`.
    doomed : tuple of int
        Components that are not worth keeping.
    """
    costs = _costs(mixture, doomed)
    gains = np.array([half.gain if half else -np.inf for half in split])
    left, right = np.triu_indices(mixture.n_components, 1)
    promises = gains[None, :] - costs[left, right][:, None]
    pairs = np.arange(len(left))
    promises[pairs, left] = promises[pairs, right] = -np.inf
    while promises.size and promises.max() > _LEAST:
        pair, k = np.unravel_index(np.argmax(promises), promises.shape)
        half = split[k]
        if half is not None:
            yield _moved(mixture, int(left[pair]), int(right[pair]), int(k), half)
        promises[pair], promises[:, k] = -np.inf, -np.inf


def _costs(mixture: Mixture, doomed: tuple[int, ...]) -> Floats:
    costs = merge_costs(mixture)
    for k in doomed:
        costs[k] -= costs[k].min()
        costs[:, k] = costs[k]
    return costs


def _moved(mixture: Mixture, i: int, j: int, k: int, half: Half) -> Mixture:
    """The mixture with i and j merged, and k in two."""
    fewer = merge(mixture, i, j)
    place = k - (i < k) - (j < k)
    two = half.mixture
    return Mixture(
        np.concatenate([np.delete(fewer.weights, place), fewer.weights[place] * two.weights]),
        np.concatenate([np.delete(fewer.means, place, axis=0), two.means]),
        _joined(fewer, place, two),
    )


def _joined(fewer: Mixture, place: int, two: Mixture) -> Covariances:
    """Return the covariances of all components but one, and of two others."""
    if stays_diagonal(fewer.covariances, fewer.n_features):
        parts = [one.covariances.variances(*one.means.shape) ** 0.5 for one in (fewer, two)]
        return Diagonal(np.concatenate([np.delete(parts[0], place, axis=0), parts[1]]))
    return Full(np.concatenate([np.delete(fewer.factors, place, axis=0), two.factors]))
