"""Split and merge: one component's place taken up, and used where it explains more."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import Full
from gaussmix.density.parts import part
from gaussmix.density.reduction import merge, merge_costs
from gaussmix.diagnosis import fewest_rows
from gaussmix.em import Status, run
from gaussmix.m_step import IllDefinedCovarianceError, MStep
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.starts.assignments import start_of_clusters
from gaussmix.starts.pursuit import pursued

__all__ = ["Half", "halves", "moves"]

_ENOUGH = 2**13  # rows
_ENOUGH_PER_COMPONENT = 4  # times the fewest rows that a component needs
_ENOUGH_PER_AXIS = 3  # rows, to look for a direction
_MOST_CUTS = 16
_MATTERS = 1e-2  # a responsibility that a local fit takes notice of
_LOCAL_STEPS = 8
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
    promise the highest log-likelihood of rows with their halves. All of them together cost about as much as ``4 / K``
    passes a step, or less where there are many components.
    """
    some, stands_for = _some(sample, mixture, m_step, rng)
    shares = mixture.responsibilities(some.rows)
    cuts = [
        cut
        for k in range(mixture.n_components)
        for cut in _cuts(some, shares[:, k], stands_for[k], mixture, k, m_step, rng)
    ]
    split: list[Half | None] = [None] * mixture.n_components
    for cut in sorted(cuts, key=lambda cut: -cut.promise)[:_MOST_CUTS]:
        half, other = cut.fitted(float(some.some_weights.sum())), split[cut.k]
        if half and (other is None or half.gain > other.gain):
            split[cut.k] = half
    return split


def _some(sample: ArraySource, mixture: Mixture, m_step: MStep, rng: np.random.Generator) -> tuple[ArraySource, Floats]:
    """The rows, or as many of each component's as it takes to tell whether it should be two.

    Besides, how many rows each of these stands for, by component: of a small one, all are taken.
    """
    n_components = mixture.n_components
    enough = max(_ENOUGH, _ENOUGH_PER_COMPONENT * n_components * _fewest(m_step, mixture.n_features))
    stands_for = np.ones(n_components)
    if sample.n_rows <= enough:
        return sample, stands_for
    labels = mixture.predict(sample.rows)
    chosen = np.zeros(sample.n_rows, dtype=bool)
    for k in range(n_components):
        own = np.flatnonzero(labels == k)
        some = rng.permutation(own)[: ceil(enough * max(1.0 / n_components, len(own) / sample.n_rows))]
        chosen[some] = True
        stands_for[k] = len(own) / max(len(some), 1)
    rows = np.flatnonzero(chosen)
    return sample.subset(rows).weighted(stands_for[labels[rows]]), stands_for


def _fewest(m_step: MStep, n_features: int) -> int:
    return max(fewest_rows(n_features, m_step.structure.form), 1)


@dataclass(frozen=True, eq=False)
class _Cut:
    """The rows that component `k` matters for, and the two that one M-step makes of them when they are cut in two.

    `alone` is their log-likelihood under the component, which the two are to raise. Each stands for some of the sample.
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
        return self._for_all(float(-self.local.some_weights.sum() * (weights @ entropies) - self.alone), self.two)

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
        gain = self._for_all(fit.state.statistics.log_likelihood - self.alone, fit.state.mixture)
        return Half(gain / weight, fit.state.mixture)

    def _for_all(self, gain: float, two: Mixture) -> float:
        """What the rows gain by two that are fitted to some of them: the others gain nothing by chance.

        Two Gaussians with p parameters each, fitted to n rows, gain about ``p n / (n - 2 D - 4)`` nats by chance.
        """
        n_features, count = two.n_features, self.m_step.structure.n_covariance_parameters
        own = n_features + count(2, n_features) - count(1, n_features)
        n_rows = two.weights * float(self.local.some_weights.sum())
        by_chance = 0.5 * own * float((n_rows / np.maximum(n_rows - n_features - 2.0, 1.0)).sum())
        return gain + (self.stands_for - 1.0) * (gain - by_chance)


def _cuts(
    some: ArraySource,
    shares: Floats,
    stands_for: float,
    mixture: Mixture,
    k: int,
    m_step: MStep,
    rng: np.random.Generator,
) -> Iterator[_Cut]:
    """A component's rows in two, where there are enough, in both ways."""
    theirs = np.flatnonzero(shares > _MATTERS)
    local = some.subset(theirs).weighted(shares[theirs] / stands_for)
    weight, fewest = float(local.some_weights.sum()), _fewest(m_step, mixture.n_features)
    if weight < 2 * fewest:
        return
    alone = part(mixture, slice(k, k + 1))
    before = float(local.some_weights @ alone.logpdf(local.rows))
    both = replace(m_step.hold, components=(0, 1)) if m_step.hold and k in m_step.held else None
    model = replace(m_step, hold=both)
    for labels in _labels(local, alone, mixture, rng):
        with suppress(IllDefinedCovarianceError, np.linalg.LinAlgError):
            two = start_of_clusters(local, labels, 2, model)
            if weight * two.weights.min() >= fewest:
                yield _Cut(k, stands_for, local, model, two, before)


def _labels(local: ArraySource, alone: Mixture, mixture: Mixture, rng: np.random.Generator) -> Iterator[Labels]:
    """The rows in two: across the longest axis in units of all rows, and along the direction of least kurtosis.

    On few rows, some direction has little by chance.
    """
    factor = alone.factors[0]
    white = np.asarray(alone.covariances.whiten((local.rows - alone.means[0])[None])[0])
    longest = np.linalg.svd(factor / np.sqrt(np.diagonal(mixture.covariance))[:, None])[2][0]
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
    others = np.delete(fewer.factors, place, axis=0)
    two = half.mixture
    return Mixture(
        np.concatenate([np.delete(fewer.weights, place), fewer.weights[place] * two.weights]),
        np.concatenate([np.delete(fewer.means, place, axis=0), two.means]),
        Full(np.concatenate([others, two.factors])),
    )
