"""Look at the rows that fit worst: a small group in a large table has no rows in a sample."""

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

_WORST = 2048  # rows: those of the lowest density, taken whole
_CUTS = (1, 4, 16, 64)  # the worst rows are looked at together, and a quarter, a sixteenth and a 64th of them
_CLUSTERS = 3  # into which k-means divides each of these
_GAIN = 3.0  # nats for each parameter of a component, at least: what a group gains that is no accident
_STEPS = 10  # of EM for a group alone
_REFINED = 2  # groups, of the most gain, that take these steps beside each mixture
_FEWEST_COMPONENTS = 2  # one gives its place to a group


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

    Where there is no such group, the mixture is the given one after a step of EM.

    One pass finds the rows of the lowest density. Together with a sample of the others, each of which stands for many,
    they make a stratified sample of all rows. A group among them takes the place of the component that is missed least:
    two are merged, or one of hardly any rows is left out. The group alone takes some steps of EM. All rows, and not the
    sample, decide whether the mixture with the group is better; both have taken a step of EM over all rows.

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
        now = _stepped(source, mixture, m_step)
        for _ in range(mixture.n_components):
            strata = _stratified(now, sample, source.weight)
            found = _likeliest(strata, len(now.worst.rows), now.mixture, ridge, least)
            if found is None:
                break
            n_passes += 2
            then = _stepped(source, found, m_step)
            if then.log_likelihood <= now.log_likelihood + least:
                break
            now = then
    except (IllDefinedCovarianceError, NotPositiveDefiniteError, np.linalg.LinAlgError):
        pass  # a component collapses, or is so nearly singular that it cannot be merged: the best so far remains
    return now.mixture if now else mixture, n_passes


class _Seen(NamedTuple):
    """Rows ``(m, D)``, their weights ``(m,)`` and their log-densities ``(m,)``."""

    rows: Rows
    weights: Floats
    densities: Floats

    def lowest(self, n_rows: int) -> "_Seen":
        """Return the rows of the lowest density, the lowest first."""
        some = np.arange(len(self.rows))
        if len(some) > n_rows:
            some = np.argpartition(self.densities, n_rows)[:n_rows]
        some = some[np.argsort(self.densities[some], kind="stable")]
        return _Seen(self.rows[some], self.weights[some], self.densities[some])

    def with_more(self, other: "_Seen") -> "_Seen":
        """Return these rows and others."""
        return _Seen(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.weights, other.weights]),
            np.concatenate([self.densities, other.densities]),
        )


class _Step(NamedTuple):
    """A mixture after a step of EM over all rows, the rows that fit worst, and the log-likelihood of all rows."""

    mixture: Mixture
    worst: _Seen
    log_likelihood: float


def _stepped(source: Source, mixture: Mixture, m_step: MStep) -> _Step:
    """Return what one step of EM over all rows makes of a mixture: two passes."""
    after = m_step.maximize(source.reduce(mixture, m_step.moments), mixture.covariances)
    return _Step(after, *_looked_at(source, after))


def _looked_at(source: Source, mixture: Mixture) -> tuple[_Seen, float]:
    """Return the rows that fit worst, and the log-likelihood of all rows."""
    n_worst, log_likelihood, worst = min(_WORST, source.n_rows // 2), 0.0, None
    for rows, weights in source.arrays():
        seen = _Seen(rows, weights, log_densities(mixture, rows, source.n_threads))
        log_likelihood += float(weights @ seen.densities)
        lowest = seen.lowest(n_worst)
        worst = lowest if worst is None else worst.with_more(lowest).lowest(n_worst)
    if worst is None:  # pragma: no cover - a source has rows
        raise ValueError("A source must have rows.")
    return worst, log_likelihood


def _stratified(step: _Step, sample: ArraySource, weight: float) -> ArraySource:
    """Return the worst rows with a sample of the others, which weigh as much as all others: a sample of all rows."""
    worst = step.worst
    others = np.flatnonzero(log_densities(step.mixture, sample.rows, sample.n_threads) > worst.densities[-1])
    of_others = sample.sample_weight[others]
    scale = (weight - worst.weights.sum()) / max(float(of_others.sum()), 1.0)
    rows = np.concatenate([worst.rows, sample.rows[others]])
    return replace(sample, rows=rows, weights=np.concatenate([worst.weights, scale * of_others]))


def _likeliest(strata: ArraySource, n_worst: int, mixture: Mixture, ridge: Floats, least: float) -> Mixture | None:
    """Return the likeliest mixture with a group in the place of a component; None where no group gains enough."""
    found, before = [], float(strata.sample_weight @ mixture.logpdf(strata.rows))
    for fewer in _with_one_fewer(mixture, n_worst / float(strata.sample_weight.sum())):
        density = fewer.logpdf(strata.rows)
        groups = sorted(_groups(strata, n_worst, density, ridge), key=lambda pair: -pair[0])
        for _, group in groups[:_REFINED]:
            refined, gained = _refined(strata, density, group, ridge)
            if refined is not None:
                found.append((float(strata.sample_weight @ (density + gained)) - before, refined.beside(fewer)))
    gain, best = max(found, key=lambda pair: pair[0], default=(0.0, None))
    return best if gain > least else None


def _with_one_fewer(mixture: Mixture, hardly_any: float) -> Iterator[Mixture]:
    """Yield the mixture with the two components merged that cost least, and without one of hardly any rows."""
    yield from cheapest_merges(mixture, 1)
    smallest = int(np.argmin(mixture.weights))
    if mixture.weights[smallest] <= hardly_any:
        left = np.delete(np.arange(mixture.n_components), smallest)
        weights = mixture.weights[left]
        yield Mixture(weights / weights.sum(), mixture.means[left], Full(mixture.factors[left]))


def _groups(strata: ArraySource, n_worst: int, density: Floats, ridge: Floats) -> Iterator[tuple[float, _Group]]:
    """Yield groups among the worst rows, and what all rows would gain by each."""
    weights, fewest = strata.sample_weight, Full.fewest_rows(strata.n_features)
    for cut in _CUTS:
        n_rows = n_worst // cut
        for members in _clusters(strata.rows[:n_rows], weights[:n_rows]):
            if weights[:n_rows][members].sum() < fewest:
                continue
            group = _gaussian(strata.rows[:n_rows][members], weights[:n_rows][members], weights.sum(), ridge)
            try:
                yield float(weights @ _gains(strata, density, group)), group
            except NotPositiveDefiniteError:
                continue


def _gains(strata: ArraySource, density: Floats, group: _Group) -> Floats:
    """Return what the log-density of each row gains by a group beside a mixture with this density."""
    return np.asarray(np.logaddexp(np.log1p(-group.share), group.log_density(strata.rows) - density))


def _refined(strata: ArraySource, density: Floats, group: _Group, ridge: Floats) -> tuple[_Group | None, Floats]:
    """Return the group after steps of EM in which the mixture stays as it is, and the gain of each row.

    None where the group has too few rows.
    """
    weights, fewest = strata.sample_weight, Full.fewest_rows(strata.n_features)
    gains = _gains(strata, density, group)
    for _ in range(_STEPS):
        its = weights * np.exp(group.log_density(strata.rows) - density - gains)
        if its.sum() < fewest:
            return None, gains
        group = _gaussian(strata.rows, its, weights.sum(), ridge)
        try:
            gains = _gains(strata, density, group)
        except NotPositiveDefiniteError:
            return None, gains
    return group, gains


def _clusters(rows: Rows, weights: Floats) -> Iterator[Labels]:
    """Yield the rows of each cluster, by k-means on columns of one deviation."""
    centred = rows - rows.mean(axis=0, dtype=np.float64)
    deviations = centred.std(axis=0)
    points = centred / np.where(deviations > 0, deviations, 1.0)
    centres = kmeans(points, weights, min(_CLUSTERS, len(points)), np.random.default_rng(0))
    labels = assign_to_nearest(points, centres)
    return (np.flatnonzero(labels == k) for k in range(len(centres)))


def _gaussian(rows: Rows, weights: Floats, total: float, ridge: Floats) -> _Group:
    """Return the Gaussian of weighted rows, and their share of the total weight."""
    mass = float(weights.sum())
    anchor = rows[int(np.argmax(weights))].astype(np.float64)
    mean = anchor + (weights / mass) @ (rows - anchor)
    centred = rows - mean
    return _Group(mass / total, mean, (centred.T * (weights / mass)) @ centred + np.diag(ridge))
