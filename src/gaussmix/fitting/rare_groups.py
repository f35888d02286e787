"""Find rare groups of rows in large data: a random sample of the rows usually contains no row of such a group."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.covariances import Full, NotPositiveDefiniteError, stays_diagonal
from gaussmix.density.reduction import cheapest_merges
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.engines.assessment import log_densities
from gaussmix.engines.reference import log_joint
from gaussmix.initialization.kmeans import assign_to_nearest, kmeans
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource, Source

__all__ = ["with_rare_groups"]

# Groups are looked for among this many rows, those with the lowest densities.
_WORST = 2048

# K-means works on all of the worst rows, and on the worst quarter, sixteenth and 64th of them.
_CUTS = (1, 4, 16, 64)

# K-means divides each of these sets of rows into this many clusters.
_CLUSTERS = 3

# A group counts as real if it gains at least this many nats for each parameter of a component.
_GAIN = 3.0

# A group alone takes this many steps of EM, while the mixture is fixed.
_STEPS = 10

# For each mixture, only this many groups with the largest gains take these steps.
_REFINED = 2

# A mixture has at least this many components: a group replaces one of them.
_FEWEST_COMPONENTS = 2


class _Group(NamedTuple):
    """A group of rows as one more component: its share of all rows, its mean and its covariance."""

    share: float
    mean: Floats
    covariance: Floats

    def log_density(self, rows: Rows) -> Floats:
        """Return the logarithm of the share times the density, ``(n,)``."""
        alone = Mixture(np.ones(1), self.mean[None], Full.from_covariances(self.covariance[None]))
        return np.asarray(np.log(self.share) + log_joint(alone, rows)[:, 0])

    def beside(self, mixture: Mixture) -> Mixture:
        """Return the mixture with the group as its last component."""
        return Mixture(
            np.append((1.0 - self.share) * mixture.weights, self.share),
            np.vstack([mixture.means, self.mean]),
            Full(np.concatenate([mixture.factors, np.linalg.cholesky(self.covariance)[None]])),
        )


def with_rare_groups(
    source: Source, sample: ArraySource, mixture: Mixture, m_step: MStep, ridge: Floats
) -> tuple[Mixture, int]:
    """Return a mixture with components for small groups among the rows that fit worst, and the number of passes.

    If there is no such group, the mixture is the given one after a step of EM.

    One pass finds the rows with the lowest densities. Together with a weighted sample of the others, they are a
    stratified sample of all rows. A group among them replaces the component whose removal costs least: two
    components are merged, or a component with very few rows is removed. The group alone takes a few steps of EM. The
    log-likelihood of all rows, not of the sample, decides whether the mixture with the group is better; both mixtures
    have taken a step of EM over all rows.

    Parameters
    ----------
    source : Source
        All rows.
    sample : ArraySource
        A random sample of them.
    mixture : Mixture
        A fit to the sample.
    m_step : MStep
        The model.
    ridge : (D,) ndarray
        Variances added to the covariance of a group, all positive.
    """
    if mixture.n_components < _FEWEST_COMPONENTS or stays_diagonal(mixture.covariances, mixture.n_features):
        return mixture, 0
    least = _GAIN * (m_step.n_parameters(2, source.n_features) - m_step.n_parameters(1, source.n_features))
    now, n_passes = None, 2
    try:
        now = _take_step(source, mixture, m_step)
        for _ in range(mixture.n_components):
            strata = _stratify(now, sample, source.weight)
            found = _find_best(strata, len(now.worst.rows), now.mixture, ridge, least)
            if found is None:
                break
            n_passes += 2
            then = _take_step(source, found, m_step)
            if then.log_likelihood <= now.log_likelihood + least:
                break
            now = then
    except (IllDefinedCovarianceError, NotPositiveDefiniteError, np.linalg.LinAlgError):
        pass  # a component collapses, or is so nearly singular that it cannot be merged: the best so far remains
    return now.mixture if now else mixture, n_passes


class _AssessedRows(NamedTuple):
    """Rows ``(m, D)`` with their weights ``(m,)`` and their log-densities ``(m,)``."""

    rows: Rows
    weights: Floats
    densities: Floats

    def lowest(self, n_rows: int) -> "_AssessedRows":
        """Return the rows of the lowest density, the lowest first."""
        lowest = np.arange(len(self.rows))
        if len(lowest) > n_rows:
            lowest = np.argpartition(self.densities, n_rows)[:n_rows]
        lowest = lowest[np.argsort(self.densities[lowest], kind="stable")]
        return _AssessedRows(self.rows[lowest], self.weights[lowest], self.densities[lowest])

    def with_more(self, other: "_AssessedRows") -> "_AssessedRows":
        """Return these rows together with other rows."""
        return _AssessedRows(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.densities, other.densities]),
        )


class _Step(NamedTuple):
    """A mixture after a step of EM over all rows, the rows that fit worst, and the log-likelihood of all rows."""

    mixture: Mixture
    worst: _AssessedRows
    log_likelihood: float


def _take_step(source: Source, mixture: Mixture, m_step: MStep) -> _Step:
    """Return a mixture after one step of EM over all rows, with its worst rows, by two passes."""
    after = m_step.maximize(source.reduce(mixture, m_step.moments), mixture.covariances)
    return _Step(after, *_find_worst(source, after))


def _find_worst(source: Source, mixture: Mixture) -> tuple[_AssessedRows, float]:
    """Return the rows that fit worst, and the log-likelihood of all rows."""
    n_worst, log_likelihood, worst = min(_WORST, source.n_rows // 2), 0.0, None
    for rows, weights in source.arrays():
        seen = _AssessedRows(rows, weights, log_densities(mixture, rows, source.n_threads))
        log_likelihood += float(weights @ seen.densities)
        lowest = seen.lowest(n_worst)
        worst = lowest if worst is None else worst.with_more(lowest).lowest(n_worst)
    if worst is None:  # pragma: no cover - a source has rows
        raise ValueError("A source must have rows.")
    return worst, log_likelihood


def _stratify(step: _Step, sample: ArraySource, weight: float) -> ArraySource:
    """Return the worst rows with a sample of the others, which weigh as much as all others: a sample of all rows."""
    worst = step.worst
    others = np.flatnonzero(log_densities(step.mixture, sample.rows, sample.n_threads) > worst.densities[-1])
    of_others = sample.sample_weight[others]
    scale = (weight - worst.weights.sum()) / max(float(of_others.sum()), 1.0)
    rows = np.concatenate([worst.rows, sample.rows[others]])
    return replace(sample, rows=rows, weights=np.concatenate([worst.weights, scale * of_others]))


def _find_best(strata: ArraySource, n_worst: int, mixture: Mixture, ridge: Floats, least: float) -> Mixture | None:
    """Return the most likely mixture in which a group replaces a component; None if no group gains enough."""
    found, before = [], float(strata.sample_weight @ mixture.logpdf(strata.rows))
    for fewer in _remove_component(mixture, n_worst / float(strata.sample_weight.sum())):
        density = fewer.logpdf(strata.rows)
        groups = sorted(_find_groups(strata, n_worst, density, ridge), key=lambda pair: -pair[0])
        for _, group in groups[:_REFINED]:
            refined, gained = _refine(strata, density, group, ridge)
            if refined is not None:
                found.append((float(strata.sample_weight @ (density + gained)) - before, refined.beside(fewer)))
    gain, best = max(found, key=lambda pair: pair[0], default=(0.0, None))
    return best if gain > least else None


def _remove_component(mixture: Mixture, very_few: float) -> Iterator[Mixture]:
    """Yield the mixture with its cheapest merge, and without its smallest component if that has very few rows."""
    yield from cheapest_merges(mixture, 1)
    smallest = int(np.argmin(mixture.weights))
    if mixture.weights[smallest] <= very_few:
        remaining = np.delete(np.arange(mixture.n_components), smallest)
        weights = mixture.weights[remaining]
        yield Mixture(weights / weights.sum(), mixture.means[remaining], Full(mixture.factors[remaining]))


def _find_groups(strata: ArraySource, n_worst: int, density: Floats, ridge: Floats) -> Iterator[tuple[float, _Group]]:
    """Yield groups among the worst rows, each with the gain in log-likelihood of all rows."""
    weights, fewest = strata.sample_weight, Full.fewest_rows(strata.n_features)
    for cut in _CUTS:
        n_rows = n_worst // cut
        for members in _cluster(strata.rows[:n_rows], weights[:n_rows]):
            if weights[:n_rows][members].sum() < fewest:
                continue
            group = _fit_gaussian(strata.rows[:n_rows][members], weights[:n_rows][members], weights.sum(), ridge)
            try:
                yield float(weights @ _compute_gains(strata, density, group)), group
            except NotPositiveDefiniteError:
                continue


def _compute_gains(strata: ArraySource, density: Floats, group: _Group) -> Floats:
    """Return the gain in log-density of each row from a group beside a mixture with the given log-density."""
    return np.asarray(np.logaddexp(np.log1p(-group.share), group.log_density(strata.rows) - density))


def _refine(strata: ArraySource, density: Floats, group: _Group, ridge: Floats) -> tuple[_Group | None, Floats]:
    """Return the group after steps of EM in which the mixture is fixed, and the gain of each row.

    The group is None if it has too few rows.
    """
    weights, fewest = strata.sample_weight, Full.fewest_rows(strata.n_features)
    gains = _compute_gains(strata, density, group)
    for _ in range(_STEPS):
        group_weights = weights * np.exp(group.log_density(strata.rows) - density - gains)
        if group_weights.sum() < fewest:
            return None, gains
        group = _fit_gaussian(strata.rows, group_weights, weights.sum(), ridge)
        try:
            gains = _compute_gains(strata, density, group)
        except NotPositiveDefiniteError:
            return None, gains
    return group, gains


def _cluster(rows: Rows, weights: Floats) -> Iterator[Labels]:
    """Return the row indices of each cluster, by k-means on columns with unit standard deviation."""
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    deviations = centred.std(axis=0)
    points = centred / np.where(deviations > 0, deviations, 1.0)
    centres = kmeans(points, weights, min(_CLUSTERS, len(points)), np.random.default_rng(0))
    labels = assign_to_nearest(points, centres)
    return (np.flatnonzero(labels == k) for k in range(len(centres)))


def _fit_gaussian(rows: Rows, weights: Floats, total: float, ridge: Floats) -> _Group:
    """Return the group of weighted rows: their mean, their covariance, and their share of the total weight."""
    mass = float(weights.sum())
    anchor = rows[int(np.argmax(weights))].astype(np.float64)
    mean = anchor + (weights / mass) @ (rows - anchor)
    centred = rows - mean
    return _Group(mass / total, mean, (centred.T * (weights / mass)) @ centred + np.diag(ridge))
