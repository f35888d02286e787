"""Components fitted again as two, by local fits on their own rows."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import stays_diagonal
from gaussmix.density.subset import subset
from gaussmix.em import Status, run
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.engines.assessment import labels, log_densities, responsibilities
from gaussmix.initialization.assignments import start_from_clusters
from gaussmix.initialization.projection_pursuit import pursue_directions
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource

__all__ = ["SplitCandidate", "cost_of_splits", "split_candidates"]

_ENOUGH = 2**13  # rows that tell which components should be two, unless the next constant asks for more
_ENOUGH_PER_COMPONENT = 4  # rows that tell it, in units of the fewest rows that all components need
_ENOUGH_PER_AXIS = 3  # rows for each feature from which a direction of least kurtosis is looked for
_MOST_CUTS = 16  # cuts of components that are fitted
_MATTERS = 1e-2  # smallest responsibility with which a row takes part in a local fit
_LOCAL_STEPS = 8  # steps of EM of a local fit
_PASSES_OF_SPLITS = 32.0  # passes times K: two cuts of each component, eight steps each, two components
_ENTROPY = 1.0 + float(np.log(2.0 * np.pi))  # twice the entropy of the standard normal distribution, in nats


@dataclass(frozen=True, eq=False)
class SplitCandidate:
    """A component fitted again as two.

    Attributes
    ----------
    gain : float
        Log-likelihood that the two components gain on the component's rows, in nats per row of all rows.
    mixture : Mixture
        The two components, their weights summing to one.
    """

    gain: float
    mixture: Mixture


def split_candidates(
    sample: ArraySource, mixture: Mixture, m_step: MStep, rng: np.random.Generator
) -> list[SplitCandidate | None]:
    """Return the most promising components as two, and None for other components and for fits that fail.

    A local fit takes the rows that the component matters for, weighted by its responsibilities. It begins with these
    rows cut in two: across the longest axis, or along the direction of least kurtosis. The cuts that promise the
    highest log-likelihood of rows with their halves are fitted.

    Parameters
    ----------
    sample : ArraySource
        The rows.
    mixture : Mixture
        Their mixture.
    m_step : MStep
        The model.
    rng : numpy.random.Generator
    """
    rows, stand_for = _rows_of_each(sample.completed, mixture, m_step, rng)
    resp = responsibilities(mixture, rows.rows, rows.n_threads)
    cuts = [
        cut for k in range(mixture.n_components) for cut in _cuts(rows, resp[:, k], stand_for, mixture, k, m_step, rng)
    ]
    weight = float(sample.sample_weight.sum())
    candidates: list[SplitCandidate | None] = [None] * mixture.n_components
    for cut in sorted(cuts, key=lambda cut: -cut.promise)[:_MOST_CUTS]:
        candidate, other = cut.fit(weight), candidates[cut.k]
        if candidate and (other is None or candidate.gain > other.gain):
            candidates[cut.k] = candidate
    return candidates


def cost_of_splits(sample: ArraySource, mixture: Mixture, m_step: MStep) -> float:
    """Return the largest cost of :func:`split_candidates`, in passes over the sample."""
    fits, enough = _PASSES_OF_SPLITS / mixture.n_components, _enough(mixture, m_step)
    return fits if sample.n_rows <= enough else 1.0 + fits * min(2.0 * enough / sample.n_rows, 1.0)


def _rows_of_each(
    sample: ArraySource, mixture: Mixture, m_step: MStep, rng: np.random.Generator
) -> tuple[ArraySource, Floats]:
    """Return rows of each component that tell whether it should be two, and how many rows each of them stands for.

    All rows of a small component are among them.
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
    """Return the number of rows that tell which components should be two."""
    return max(_ENOUGH, _ENOUGH_PER_COMPONENT * mixture.n_components * _fewest_rows(m_step, mixture.n_features))


def _fewest_rows(m_step: MStep, n_features: int) -> int:
    return max(m_step.structure.form.fewest_rows(n_features), 1)


@dataclass(frozen=True, eq=False)
class _Cut:
    """The rows that component `k` matters for, cut in two, and the mixture that one M-step makes of the two parts.

    Attributes
    ----------
    k : int
        The component.
    stands_for : float
        Rows of the sample that each row stands for, on average.
    local : ArraySource
        The rows, weighted by their responsibilities.
    m_step : MStep
        The model.
    two : Mixture
        The mixture of the two parts.
    alone : float
        Log-likelihood of the rows under the component as it is, which the two are to raise.
    """

    k: int
    stands_for: float
    local: ArraySource
    m_step: MStep
    two: Mixture
    alone: float

    @property
    def promise(self) -> float:
        """The gain of the rows, each with the label of its part: an entropy tells a Gaussian's log-likelihood."""
        weights, log_det = self.two.weights, self.two.covariances.log_det(*self.two.means.shape)
        entropies = 0.5 * (log_det + self.local.n_features * _ENTROPY) - np.log(weights)
        return self._for_all(float(-self.local.sample_weight.sum() * (weights @ entropies) - self.alone))

    def fit(self, weight: float) -> SplitCandidate | None:
        """Return the two components after some steps, and their gain per unit of the weight of all rows."""
        try:
            fit = run(self.local, self.two, self.m_step, tol=_MATTERS, max_iter=_LOCAL_STEPS)
        except (IllDefinedCovarianceError, np.linalg.LinAlgError):
            return None
        if fit.status is Status.INTERRUPTED:
            raise KeyboardInterrupt
        too_few = fit.state.statistics.mass.min() < _fewest_rows(self.m_step, self.local.n_features)
        if fit.status is Status.COLLAPSED or too_few:
            return None
        gain = self._for_all(fit.state.statistics.log_likelihood - self.alone)
        return SplitCandidate(gain / weight, fit.state.mixture)

    def _for_all(self, gain: float) -> float:
        """Return the gain of all rows that these rows stand for.

        Two components with p parameters gain about ``p / 2`` nats by chance on the rows that they are fitted to, and
        more where these are few, but nothing on other rows.
        """
        n_rows, n_features = float(self.local.sample_weight.sum()), self.local.n_features
        free = max(n_rows - self.m_step.structure.form.fewest_rows(n_features), 1.0)
        by_chance = 0.5 * self.m_step.n_parameters(2, n_features) * n_rows / free
        return gain + (self.stands_for - 1.0) * (gain - by_chance)


def _cuts(
    rows: ArraySource,
    resp: Floats,
    stand_for: Floats,
    mixture: Mixture,
    k: int,
    m_step: MStep,
    rng: np.random.Generator,
) -> Iterator[_Cut]:
    """Yield the rows of a component cut in two, for each of two directions; both parts have enough rows."""
    own = np.flatnonzero(resp > _MATTERS)
    local, stand_for = rows.subset(own).weighted(resp[own]), stand_for[own]
    weight, fewest = float(local.sample_weight.sum()), _fewest_rows(m_step, mixture.n_features)
    if weight < 2 * fewest:
        return
    stands_for = float(local.sample_weight @ stand_for) / weight
    local = local.weighted(stand_for / stands_for)
    alone = subset(mixture, slice(k, k + 1))
    before = float(local.sample_weight @ log_densities(alone, local.rows, local.n_threads))
    both = (
        replace(m_step.component_prior, components=(0, 1))
        if m_step.component_prior and k in m_step.regularized
        else None
    )
    model = replace(m_step, component_prior=both)
    for sides in _sides(local, alone, mixture, rng):
        with suppress(IllDefinedCovarianceError, np.linalg.LinAlgError):
            two = start_from_clusters(local, sides, 2, model)
            if weight * two.weights.min() >= fewest:
                yield _Cut(k, stands_for, local, model, two, before)


def _sides(local: ArraySource, alone: Mixture, mixture: Mixture, rng: np.random.Generator) -> Iterator[Labels]:
    """Yield the side of each row: across the longest axis in units of all rows, and along the least kurtosis.

    On few rows, some direction has a small kurtosis by chance: then there is no second way.
    """
    white = np.asarray(alone.covariances.whiten((local.rows - alone.means[0])[None])[0])
    if stays_diagonal(alone.covariances, mixture.n_features):
        yield (white[:, np.argmax(alone.variances / mixture.variances)] > 0).astype(np.intp)
    else:
        longest = np.linalg.svd(alone.factors[0] / np.sqrt(np.diagonal(mixture.covariance))[:, None])[2][0]
        yield (white @ longest > 0).astype(np.intp)
    if mixture.n_features > 1 and local.sample_weight.sum() > _ENOUGH_PER_AXIS * mixture.n_features:
        flattest = pursue_directions(white, local.sample_weight, 1, rng, quickly=True)[:, 0]
        yield (white @ flattest > 0).astype(np.intp)
