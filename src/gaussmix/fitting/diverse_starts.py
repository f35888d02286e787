"""Starts of several families for small tables, made side by side in a batch.

Starts of one family tend to miss the same optima: partitions by k-means never put a tight component inside a wide one.
So the families differ in what they assume:

- partitions by k-means, in several views of the rows;
- partitions into twice as many clusters, merged to K;
- a core and a halo: a partition into K - 1 clusters, with the rows around a centre as a component of their own;
- neighbourhoods: random rows, each with the rows nearest to it;
- lines: for each component, the rows nearest to the line through two random rows;
- random rows as means, with the covariance of all rows;
- neighbourhoods for 2 K components, merged to K after a few steps of EM.

Rows are drawn and counted by their weights, so that a row of weight two counts like two equal rows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gaussmix._cached_property import cached_property
from gaussmix._types import Floats, Labels
from gaussmix.em.batch import BatchEM, MixtureBatch, merge_to
from gaussmix.initialization.whitening import Whitening

__all__ = ["DiverseStarts"]

_KMEANS_STEPS = 8  # steps of k-means for a partition: EM improves the partition afterwards
_SMALLEST_GROUP, _LARGEST_GROUP = 0.15, 1.0  # rows of a neighbourhood, in units of n / K
_SMALLEST_CORE, _LARGEST_CORE = 0.2, 0.6  # rows of a core, as a share of the cluster around it
_CLUSTERS = 2  # clusters of a partition before merging, in units of K
_NEIGHBOURHOODS = 2  # neighbourhoods before merging, in units of K
_STEPS_BEFORE_MERGING = 6  # EM steps of the mixture of neighbourhoods before merging
_FEWEST_ROWS_TO_MERGE = 4  # rows for each component of a mixture that is to be merged


@dataclass(frozen=True, eq=False)
class DiverseStarts:
    """The starts of several families for the rows of a batch.

    Parameters
    ----------
    em : BatchEM
        The rows and the model.
    n_components : int
        K, at least 2.
    rng : numpy.random.Generator
    """

    em: BatchEM
    n_components: int
    rng: np.random.Generator

    def make(self, n_starts: int) -> tuple[MixtureBatch, int]:
        """Return about `n_starts` mixtures, each family with its share, and the passes over the rows that they took.

        The shares were chosen on half of the tables of ``python -m benchmarks.optimum``.
        """
        shares: tuple[tuple[float, Callable[[int], MixtureBatch]], ...] = (
            (0.16, self._partitions),
            (0.10, self._merged_partitions),
            (0.18, self._cores),
            (0.24, self._neighbourhoods),
            (0.10, self._lines),
            (0.10, self._scattered),
            (0.12, self._merged_neighbourhoods),
        )
        batches = [family(max(1, round(share * n_starts))) for share, family in shares]
        return MixtureBatch.joined(batches), _STEPS_BEFORE_MERGING * len(batches[-1])

    # --- Families ----------------------------------------------------------------------------------------------------

    def _partitions(self, n_starts: int) -> MixtureBatch:
        return self._of_labels(self._cluster(self.n_components, n_starts), self.n_components)

    def _merged_partitions(self, n_starts: int) -> MixtureBatch:
        n_clusters = self._limit(_CLUSTERS * self.n_components)
        return self._merge(self._of_labels(self._cluster(n_clusters, n_starts), n_clusters))

    def _cores(self, n_starts: int) -> MixtureBatch:
        labels = self._cluster(self.n_components - 1, n_starts)
        for one in labels:
            members = one == one[self._draw(self._weights)]
            view = self._views[self.rng.integers(len(self._views))]
            distances = ((view - view[self._draw(self._weights * members)]) ** 2).sum(axis=1)
            share = self.rng.uniform(_SMALLEST_CORE, _LARGEST_CORE)
            size = max(self._fewest, share * float(self._weights @ members))
            one[distances <= self._radii(distances, np.array(size))] = self.n_components - 1
        return self._of_labels(labels, self.n_components)

    def _neighbourhoods(self, n_starts: int) -> MixtureBatch:
        return self._of_neighbourhoods(n_starts, self.n_components)

    def _merged_neighbourhoods(self, n_starts: int) -> MixtureBatch:
        batch = self._of_neighbourhoods(n_starts, self._limit(_NEIGHBOURHOODS * self.n_components))
        return self._merge(self.em.run(batch, _STEPS_BEFORE_MERGING)[0])

    def _lines(self, n_starts: int) -> MixtureBatch:
        view = self._views[-1]
        first, second = (self._draw_rows(view, n_starts, self.n_components) for _ in range(2))
        direction = second - first
        length = np.sqrt((direction**2).sum(axis=-1, keepdims=True))
        direction = direction / np.where(length > 0, length, 1.0)
        along = direction @ view.T - (first * direction).sum(axis=-1)[..., None]
        return self._of_nearest(np.maximum(_squared_distances(view, first) - along**2, 0.0))

    def _scattered(self, n_starts: int) -> MixtureBatch:
        means = self._draw_rows(self.em.rows, n_starts, self.n_components)
        mass = np.full(means.shape[:2], self._total / self.n_components)
        covariances = np.broadcast_to(self._spread, (*mass.shape, *self._spread.shape))
        return self.em.maximize(mass, means, covariances * mass[0, 0], covariances)

    # --- Rows --------------------------------------------------------------------------------------------------------

    @property
    def _weights(self) -> Floats:
        return self.em.sample_weight

    @cached_property
    def _total(self) -> float:
        return float(self._weights.sum())

    @property
    def _fewest(self) -> float:
        """Rows of the smallest group: twice as many as a covariance needs."""
        return 2.0 * (len(self.em.ridge) + 1)

    @cached_property
    def _views(self) -> tuple[Floats, ...]:
        """The rows in several coordinates: unscaled, scaled and, for ellipses, half-whitened and whitened."""
        maps = [Whitening.of_columns(self.em.rows, self._weights)]
        if self.em.correlated:
            maps += [Whitening.along_principal_axes(self.em.rows, self._weights, power) for power in (0.5, 1.0)]
        return (self.em.rows - maps[0].centre, *(one.transform(self.em.rows) for one in maps))

    @cached_property
    def _spread(self) -> Floats:
        """The covariance of one of K components that share the spread of all rows."""
        mass, _, scatters = self.em.sums(np.ones((1, 1, len(self.em.rows))))
        return np.asarray(scatters[0, 0] / mass[0, 0] / self.n_components ** (2.0 / self.em.rows.shape[1]))

    def _limit(self, n_components: int) -> int:
        """Return a number of components that the rows allow before merging, more than K."""
        most = int(self._total / _FEWEST_ROWS_TO_MERGE)
        return max(self.n_components + 1, min(n_components, most))

    def _draw(self, weights: Floats) -> int:
        """Return the index of a random row, drawn by the weights."""
        sums = np.cumsum(weights)
        return int(np.searchsorted(sums, self.rng.random() * sums[-1], side="right"))

    def _draw_rows(self, rows: Floats, n_starts: int, n_components: int) -> Floats:
        """Return random rows ``(S, K, D)``, drawn by their weights."""
        sums = np.cumsum(self._weights)
        drawn = self.rng.random((n_starts, n_components)) * sums[-1]
        return np.asarray(rows[np.minimum(np.searchsorted(sums, drawn, side="right"), len(rows) - 1)])

    # --- Groups of rows ----------------------------------------------------------------------------------------------

    def _cluster(self, n_clusters: int, n_starts: int) -> Labels:
        """Return labels ``(S, n)`` by k-means, in all views in turn."""
        counts = np.bincount(np.arange(n_starts) % len(self._views), minlength=len(self._views))
        views = zip(self._views, counts.tolist(), strict=True)
        return np.concatenate([_kmeans(view, self._weights, n_clusters, n, self.rng) for view, n in views if n])

    def _of_neighbourhoods(self, n_starts: int, n_components: int) -> MixtureBatch:
        seeds = self._draw_rows(self._views[-1], n_starts, n_components)
        return self._of_nearest(_squared_distances(self._views[-1], seeds))

    def _of_nearest(self, distances: Floats) -> MixtureBatch:
        """Return mixtures of the rows at the smallest distances ``(S, K, n)``: each a random share of n / K rows."""
        shares = self.rng.uniform(_SMALLEST_GROUP, _LARGEST_GROUP, distances.shape[:2])
        sizes = np.maximum(self._fewest, shares * self._total / distances.shape[1])
        return self._of_groups((distances <= self._radii(distances, sizes)[..., None]).astype(np.float64))

    def _radii(self, distances: Floats, sizes: Floats) -> Floats:
        """Return the distances within which rows of given total weights lie, from distances of all rows."""
        order = np.argsort(distances, axis=-1, kind="stable")
        inside = np.cumsum(self._weights[order], axis=-1) < sizes[..., None]
        last = np.minimum(inside.sum(axis=-1, keepdims=True), distances.shape[-1] - 1)
        radii = np.take_along_axis(np.take_along_axis(distances, order, axis=-1), last, axis=-1)
        return np.asarray(radii[..., 0])

    def _of_labels(self, labels: Labels, n_clusters: int) -> MixtureBatch:
        return self._of_groups((labels[:, None] == np.arange(n_clusters)[:, None]).astype(np.float64))

    def _of_groups(self, memberships: Floats) -> MixtureBatch:
        """Return the mixtures of groups of rows ``(S, K, n)``, each with one pseudo-row of the common spread."""
        mass, means, scatters = self.em.sums(memberships)
        mass, scatters = mass + 1.0, scatters + self._spread
        return self.em.maximize(mass, means, scatters, scatters / _expand(mass, scatters))

    def _merge(self, batch: MixtureBatch) -> MixtureBatch:
        """Return the mixtures with their components merged to K, in the structure of the model."""
        merged = merge_to(self.n_components, batch)
        mass = merged.weights * self._total
        scatters = merged.covariances * _expand(mass, merged.covariances)
        return self.em.maximize(mass, merged.means, scatters, merged.covariances)


def _expand(mass: Floats, values: Floats) -> Floats:
    """Return masses ``(S, K)`` with as many axes as the values ``(S, K, …)``."""
    return mass.reshape(mass.shape + (1,) * (values.ndim - mass.ndim))


def _kmeans(points: Floats, weights: Floats, n_clusters: int, n_starts: int, rng: np.random.Generator) -> Labels:
    """Return labels ``(S, n)`` of several runs of k-means from k-means++ centres, side by side.

    On tables of 150 to 600 rows, ten runs take a third of the time of ten calls of
    :func:`~gaussmix.initialization.kmeans.kmeans`.
    """
    centres = _spread_centres(points, weights, n_clusters, n_starts, rng)
    weighted = weights[:, None] * points
    for _ in range(_KMEANS_STEPS):
        labels = _squared_distances(points, centres).argmin(axis=1)
        members = (labels[:, None] == np.arange(n_clusters)[:, None]).astype(np.float64)
        mass = (members @ weights)[..., None]
        centres = np.where(mass > 0, members @ weighted / np.where(mass > 0, mass, 1.0), centres)
    return np.asarray(labels)


def _spread_centres(
    points: Floats, weights: Floats, n_clusters: int, n_starts: int, rng: np.random.Generator
) -> Floats:
    """Return centres ``(S, K, D)`` by k-means++ (Arthur & Vassilvitskii 2007, SODA)."""
    distances, chosen = np.ones((n_starts, len(points))), []
    for _ in range(n_clusters):
        sums = np.cumsum(weights * distances, axis=1)
        drawn = rng.random((n_starts, 1)) * sums[:, -1:]
        chosen.append(points[np.minimum((sums <= drawn).sum(axis=1), len(points) - 1)])
        nearest = _squared_distances(points, chosen[-1][:, None])[:, 0]
        distances = nearest if len(chosen) == 1 else np.minimum(distances, nearest)
    return np.stack(chosen, axis=1)


def _squared_distances(points: Floats, centres: Floats) -> Floats:
    """Return squared distances ``(S, K, n)`` of all points from centres ``(S, K, D)``."""
    squares = (points**2).sum(axis=1) - 2.0 * centres @ points.T + (centres**2).sum(axis=-1)[..., None]
    return np.asarray(np.maximum(squares, 0.0))
