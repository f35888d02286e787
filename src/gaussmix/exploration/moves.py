"""Split and merge: one component's place taken up, and used where it explains more."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gaussmix._types import Floats, Labels
from gaussmix.covariances import Full
from gaussmix.density.reduction import merge, merge_costs
from gaussmix.diagnosis import fewest_rows
from gaussmix.em import Status, run
from gaussmix.expectation import reference
from gaussmix.m_step import IllDefinedCovarianceError, MStep
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.starts import start
from gaussmix.starts.assignments import from_labels
from gaussmix.starts.pursuit import pursued

__all__ = ["Half", "halves", "moves"]

_MATTERS = 1e-2  # a responsibility that a local fit takes notice of
_LOCAL_STEPS = 8
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
    """Each component as two, by a local fit on its own rows; None where they are too few, or the fit fails.

    A local fit takes the rows that the component matters for, weighted by its responsibilities, and begins by cutting
    them in two: across the longest axis, or along the direction in which they most fall apart. All of them together
    cost about as much as ``4 / K`` passes a step.
    """
    joint = reference.log_joint(mixture, sample.rows)
    log_density = np.logaddexp.reduce(joint, axis=1)
    resp = np.exp(joint - log_density[:, None])
    return [_halved(sample, resp[:, k], mixture, k, m_step, rng) for k in range(mixture.n_components)]


def _halved(
    sample: ArraySource, resp: Floats, mixture: Mixture, k: int, m_step: MStep, rng: np.random.Generator
) -> Half | None:
    local = sample.subset(np.flatnonzero(resp > _MATTERS)).weighted(resp[resp > _MATTERS])
    fewest = max(fewest_rows(mixture.n_features, m_step.structure.form), 1)
    if local.some_weights.sum() < 2 * fewest:
        return None
    alone = Mixture([1.0], mixture.means[[k]], Full(mixture.factors[[k]]))
    before = float(local.some_weights @ alone.logpdf(local.rows))
    best = None
    both = replace(m_step.hold, components=(0, 1)) if m_step.hold and k in m_step.held else None
    for labels in _cuts(local, alone, mixture, rng):
        half = _local_fit(local, labels, replace(m_step, hold=both), before, float(sample.some_weights.sum()))
        if half and (best is None or half.gain > best.gain):
            best = half
    return best


def _cuts(local: ArraySource, alone: Mixture, mixture: Mixture, rng: np.random.Generator) -> Iterator[Labels]:
    """The rows in two: across the longest axis in units of all rows, and along the direction of least kurtosis."""
    factor = alone.factors[0]
    white = np.asarray(alone.covariances.whiten((local.rows - alone.means[0])[None])[0])
    longest = np.linalg.svd(factor / np.sqrt(np.diagonal(mixture.covariance))[:, None])[2][0]
    yield (white @ longest > 0).astype(np.intp)
    if mixture.n_features > 1:
        flattest = pursued(white, local.some_weights, 1, rng)[:, 0]
        yield (white @ flattest > 0).astype(np.intp)


def _local_fit(local: ArraySource, labels: Labels, m_step: MStep, before: float, weight: float) -> Half | None:
    try:
        first = start(local, from_labels(labels, 2), 2, m_step, quickly=True)
        fit = run(local, first, m_step, tol=_MATTERS, max_iter=_LOCAL_STEPS)
    except (IllDefinedCovarianceError, np.linalg.LinAlgError):
        return None
    if fit.status is Status.INTERRUPTED:
        raise KeyboardInterrupt
    fewest = max(fewest_rows(local.n_features, m_step.structure.form), 1)
    if fit.status is Status.COLLAPSED or fit.state.statistics.mass.min() < fewest:
        return None
    return Half((fit.state.statistics.log_likelihood - before) / weight, fit.state.mixture)


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
