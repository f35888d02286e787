"""Look at the rows that fit worst: a small group in a large table has no rows in a sample."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.covariances import Full, NotPositiveDefiniteError, stays_diagonal
from gaussmix.density.reduction import merge, merge_costs
from gaussmix.diagnosis import fewest_rows
from gaussmix.em import Status, run
from gaussmix.expectation.assessment import log_densities
from gaussmix.expectation.reference import log_joint
from gaussmix.m_step import IllDefinedCovarianceError, MStep
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.starts.kmeans import kmeans, nearest

__all__ = ["with_rare_groups"]

_WORST = 2048  # rows: those of the lowest density, taken whole
_CUTS = (1, 4, 16, 64)  # the worst rows are looked at together, and a quarter, a sixteenth and a 64th of them
_CLUSTERS = 3  # into which k-means divides each of these
_GAIN = 3.0  # nats for each parameter of a component, at least: what a group gains that is no accident
_STEPS = 40  # of EM over the stratified sample
_TOL = 1e-6  # nats per row of the stratified sample
_FEWEST_COMPONENTS = 2  # two are merged for one that is new


def with_rare_groups(
    source: ArraySource, sample: ArraySource, mixture: Mixture, m_step: MStep, ridge: Floats
) -> Mixture:
    """Return a mixture that has components for small groups among the rows that fit worst, or the mixture itself.

    One pass finds the rows of the lowest density. Together with a sample of the others, each of which stands for many,
    they make a stratified sample of all rows. A group among them takes the place of the component whose merge with
    another costs least.

    Parameters
    ----------
    source : ArraySource
        All rows.
    sample : ArraySource
        A random sample of them.
    mixture : Mixture
        A fit to the sample.
    m_step : MStep
        The model.
    ridge : (D,) ndarray
        Variances added to the first covariance of a group, all positive.
    """
    if mixture.n_components < _FEWEST_COMPONENTS or stays_diagonal(mixture.covariances, mixture.n_features):
        return mixture
    for _ in range(mixture.n_components):
        better = _with_one_more(source, sample, mixture, m_step, ridge)
        if better is None:
            break
        mixture = better
    return mixture


def _with_one_more(
    source: ArraySource, sample: ArraySource, mixture: Mixture, m_step: MStep, ridge: Floats
) -> Mixture | None:
    """Return the mixture with a component for one more small group; None where there is none."""
    strata, n_worst = _stratified(source, sample, mixture)
    least = _GAIN * (m_step.n_parameters(2, source.n_features) - m_step.n_parameters(1, source.n_features))
    group = max(_groups(strata, n_worst, mixture, ridge), key=lambda one: one[0], default=None)
    if group is None or group[0] < least:
        return None
    try:
        fits = [
            run(strata, start, m_step, tol=_TOL, max_iter=_STEPS, accelerate=True)
            for start in (mixture, _replaced(mixture, group[1]))
        ]
    except (IllDefinedCovarianceError, np.linalg.LinAlgError):
        return None
    if any(fit.status is Status.INTERRUPTED for fit in fits):
        raise KeyboardInterrupt
    best = max(fits, key=lambda fit: (fit.status is not Status.COLLAPSED, fit.state.log_posterior))
    before = fits[0].history[0] * best.state.statistics.weight
    return best.state.mixture if best.state.log_posterior * best.state.statistics.weight > before + least else None


def _stratified(source: ArraySource, sample: ArraySource, mixture: Mixture) -> tuple[ArraySource, int]:
    """Return the worst rows, in the order of their densities, with a sample of the others, and the number of worst."""
    densities = log_densities(mixture, source.rows, source.n_threads)
    n_worst = min(_WORST, source.n_rows // 2)
    worst = np.argpartition(densities, n_worst)[:n_worst]
    worst = worst[np.argsort(densities[worst], kind="stable")]
    limit = densities[worst[-1]]
    others = np.flatnonzero(log_densities(mixture, sample.rows, sample.n_threads) > limit)
    of_worst, of_others = source.some_weights[worst], sample.some_weights[others]
    scale = (float(source.some_weights.sum()) - of_worst.sum()) / max(float(of_others.sum()), 1.0)
    rows = np.concatenate([source.rows[worst], sample.rows[others]])
    return replace(source, rows=rows, weights=np.concatenate([of_worst, scale * of_others])), n_worst


def _groups(
    strata: ArraySource, n_worst: int, mixture: Mixture, ridge: Floats
) -> Iterator[tuple[float, tuple[float, Floats, Floats]]]:
    """Yield groups among the worst rows as weight, mean and covariance, and what the rows would gain by each."""
    joint = log_joint(mixture, strata.rows)
    before = np.logaddexp.reduce(joint, axis=1)
    weights = strata.some_weights
    fewest = fewest_rows(mixture.n_features)
    for cut in _CUTS:
        n_rows = n_worst // cut
        for members in _clusters(strata.rows[:n_rows], weights[:n_rows]):
            if weights[:n_rows][members].sum() < fewest:
                continue
            group = _gaussian(strata.rows[:n_rows][members], weights[:n_rows][members], weights.sum(), ridge)
            try:
                alone = Mixture(np.ones(1), group[1][None], Full.from_covariances(group[2][None]))
            except NotPositiveDefiniteError:
                continue
            own = np.log(group[0]) + log_joint(alone, strata.rows)[:, 0]
            after = np.logaddexp(before + np.log1p(-group[0]), own)
            yield float(weights @ (after - before)), group


def _clusters(rows: Rows, weights: Floats) -> Iterator[Labels]:
    """Yield the rows of each cluster, by k-means on columns of one deviation."""
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    deviations = centred.std(axis=0)
    points = centred / np.where(deviations > 0, deviations, 1.0)
    centres = kmeans(points, weights, min(_CLUSTERS, len(points)), np.random.default_rng(0))
    labels = nearest(points, centres)
    return (np.flatnonzero(labels == k) for k in range(len(centres)))


def _gaussian(rows: Rows, weights: Floats, total: float, ridge: Floats) -> tuple[float, Floats, Floats]:
    """Return the share of some rows in all, their mean and their covariance."""
    mass = float(weights.sum())
    mean = rows[0] + (weights / mass) @ (rows - rows[0].astype(np.float64))
    centred = rows - mean
    return mass / total, mean, (centred.T * (weights / mass)) @ centred + np.diag(ridge)


def _replaced(mixture: Mixture, group: tuple[float, Floats, Floats]) -> Mixture:
    """Return the mixture with the two components merged that are merged at the least cost, and one for the group."""
    costs = merge_costs(mixture)
    np.fill_diagonal(costs, np.inf)
    i, j = np.unravel_index(int(np.argmin(costs)), costs.shape)
    fewer = merge(mixture, int(i), int(j))
    share, mean, covariance = group
    return Mixture(
        np.append((1.0 - share) * fewer.weights, share),
        np.vstack([fewer.means, mean]),
        Full(np.concatenate([fewer.factors, np.linalg.cholesky(covariance)[None]])),
    )
