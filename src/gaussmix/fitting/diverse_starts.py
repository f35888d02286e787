"""Starts of several families for small tables, made and compared side by side in one batch.

Starts of one family tend to miss the same optima: partitions by k-means never put a tight component inside a wide one.
So the families differ in what they assume:

- partitions by k-means, in four views of the rows;
- hierarchical partitions (Ward), in the same views;
- a core and a halo: a partition into K - 1 clusters, with the rows around a centre as a component of their own;
- neighbourhoods: random rows, each with the rows nearest to it;
- lines: the rows nearest to the line through two random rows, for each component;
- random rows with the covariance of all rows;
- neighbourhoods for 2 K components, merged to K after a few steps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from gaussmix._types import Floats, Labels
from gaussmix.em.batch import BatchEM, MixtureBatch
from gaussmix.initialization.whitening import Whitening

__all__ = ["DiverseStarts"]

_SHARES = {
    "partitions": 0.16,
    "cores": 0.18,
    "neighbourhoods": 0.24,
    "lines": 0.1,
    "scattered": 0.12,
    "merged": 0.12,
}
"""The share of the starts that each family makes; the other starts are the hierarchical partitions."""
_KMEANS_STEPS = 8  # steps of k-means for a partition: EM improves it afterwards
_SMALLEST_GROUP, _LARGEST_GROUP = 0.15, 1.0  # rows of a neighbourhood, in units of n / K
_SMALLEST_CORE, _LARGEST_CORE = 0.2, 0.6  # rows of a core, as a share of the cluster around it
_MOST_ROWS_OF_WARD = 1000  # rows up to which hierarchical partitions are made: their time grows with the square
_MERGED_FROM = 2  # components before merging, in units of K
_STEPS_BEFORE_MERGING = 6


@dataclass(frozen=True, eq=False)
class DiverseStarts:
    """The maker of starts of several families for the rows of a batch.

    Parameters
    ----------
    em : BatchEM
        The rows and the model.
    n_components : int
        K.
    rng : numpy.random.Generator
    """

    em: BatchEM
    n_components: int
    rng: np.random.Generator

    def make(self, n_starts: int) -> MixtureBatch:
        """Return about `n_starts` mixtures, of all families."""
        families: dict[str, Callable[[int], MixtureBatch]] = {
            "partitions": lambda n: self._of_labels(self._partitions(self.n_components, n)),
            "cores": lambda n: self._of_labels(self._cores(n)),
            "neighbourhoods": self._neighbourhoods,
            "lines": self._lines,
            "scattered": self._scattered,
            "merged": self._merged,
        }
        batches = [families[name](max(1, round(share * n_starts))) for name, share in _SHARES.items()]
        if len(self._rows) <= _MOST_ROWS_OF_WARD:
            batches.append(self._of_labels(self._hierarchical()))
        return MixtureBatch.joined(batches)

    # --- Rows --------------------------------------------------------------------------------------------------------

    @property
    def _rows(self) -> Floats:
        return self.em.rows

    @cached_property
    def _views(self) -> tuple[Floats, ...]:
        """The rows in four coordinates, so that no choice of units decides: unscaled, scaled, half-whitened, whitened."""
        rows, weights = self._rows, self.em.sample_weight
        maps = [Whitening.of_columns(rows, weights)]
        if self.em.correlated:
            maps += [Whitening.along_principal_axes(rows, weights, whiteness) for whiteness in (0.5, 1.0)]
        return (rows - rows.mean(axis=0), *(one.transform(rows) for one in maps))

    @cached_property
    def _spread(self) -> Floats:
        """The covariance of one of K components that share the spread of all rows."""
        ones = np.ones((1, 1, len(self._rows)))
        mass, _, scatters = self.em.sums(ones)
        n_features = self._rows.shape[1]
        shares = scatters[0, 0] / mass[0, 0] / self.n_components ** (2.0 / n_features)
        return np.asarray(shares)

    # --- Families ----------------------------------------------------------------------------------------------------

    def _partitions(self, n_clusters: int, n_starts: int) -> Labels:
        """Return labels ``(S, n)`` by k-means, in all views in turn."""
        counts = np.bincount(np.arange(n_starts) % len(self._views), minlength=len(self._views))
        parts = [
            _kmeans(view, n_clusters, int(count), self.rng)
            for view, count in zip(self._views, counts, strict=True)
            if count
        ]
        return np.concatenate(parts)

    def _hierarchical(self) -> Labels:
        trees = [linkage(view, "ward") for view in self._views]
        return np.stack([fcluster(tree, self.n_components, "maxclust") - 1 for tree in trees])

    def _cores(self, n_starts: int) -> Labels:
        """Return labels ``(S, n)`` of K - 1 clusters, with the rows nearest to a centre as the last cluster."""
        labels = self._partitions(self.n_components - 1, n_starts)
        for one in labels:
            members = np.flatnonzero(one == one[self.rng.integers(len(one))])  # larger clusters are taken more often
            view = self._views[self.rng.integers(len(self._views))]
            centre = view[self.rng.choice(members)] if self.rng.random() < 0.5 else np.median(view[members], axis=0)
            distances = ((view - centre) ** 2).sum(axis=1)
            share = self.rng.uniform(_SMALLEST_CORE, _LARGEST_CORE)
            n_core = min(len(one), max(self._rows.shape[1] + 2, int(share * len(members))))
            one[np.argpartition(distances, n_core - 1)[:n_core]] = self.n_components - 1
        return labels

    def _neighbourhoods(self, n_starts: int, n_components: int | None = None) -> MixtureBatch:
        n_components = n_components or self.n_components
        view = self._views[-1]
        seeds = self._draw_rows((n_starts, n_components))
        distances = _squared_distances(view, view[seeds].reshape(-1, view.shape[1]))
        return self._of_nearest(distances.reshape(n_starts, n_components, -1))

    def _lines(self, n_starts: int) -> MixtureBatch:
        view = self._views[-1]
        if view.shape[1] == 1:
            return self._neighbourhoods(n_starts)
        first, second = (view[self._draw_rows((n_starts, self.n_components))] for _ in range(2))
        direction = second - first
        length = np.sqrt((direction**2).sum(axis=-1, keepdims=True))
        direction = (direction / np.where(length > 0, length, 1.0)).reshape(-1, view.shape[1])
        start = first.reshape(-1, view.shape[1])
        along = direction @ view.T - (start * direction).sum(axis=1)[:, None]
        distances = _squared_distances(view, start) - along**2
        return self._of_nearest(distances.reshape(n_starts, self.n_components, -1))

    def _scattered(self, n_starts: int) -> MixtureBatch:
        shape = (n_starts, self.n_components)
        mass = np.full(shape, len(self._rows) / self.n_components)
        covariances = np.broadcast_to(self._spread, (*shape, *self._spread.shape))
        scatters = covariances * mass[0, 0]
        return self.em.maximize(mass, self._rows[self._draw_rows(shape)], scatters, covariances)

    def _merged(self, n_starts: int) -> MixtureBatch:
        n_more = min(_MERGED_FROM * self.n_components, max(self.n_components + 1, len(self._rows) // 4))
        batch, _, _ = self.em.run(self._neighbourhoods(n_starts, n_more), _STEPS_BEFORE_MERGING)
        mass = batch.weights * len(self._rows)
        merged = merge_to(self.n_components, mass, batch.means, batch.covariances)
        mass, means, covariances = merged
        scatters = covariances * mass.reshape(mass.shape + (1,) * (covariances.ndim - 2))
        return self.em.maximize(mass, means, scatters, covariances)

    # --- Mixtures of groups of rows ----------------------------------------------------------------------------------

    def _draw_rows(self, shape: tuple[int, int]) -> Labels:
        """Return indices ``(S, K)`` of random rows, different ones within a mixture."""
        return np.argsort(self.rng.random((shape[0], len(self._rows))), axis=1)[:, : shape[1]]

    def _of_nearest(self, distances: Floats) -> MixtureBatch:
        """Return mixtures of the rows at the smallest distances ``(S, K, n)``; a component has a random share of n / K."""
        n_rows = len(self._rows)
        shares = self.rng.uniform(_SMALLEST_GROUP, _LARGEST_GROUP, distances.shape[:2])
        sizes = np.clip((shares * n_rows / distances.shape[1]).astype(int), min(n_rows, 2 * self._rows.shape[1] + 2), None)
        bounds = np.take_along_axis(np.sort(distances, axis=-1), sizes[..., None] - 1, axis=-1)
        return self._of_groups((distances <= bounds).astype(np.float64))

    def _of_labels(self, labels: Labels) -> MixtureBatch:
        return self._of_groups((labels[:, None] == np.arange(self.n_components)[:, None]).astype(np.float64))

    def _of_groups(self, memberships: Floats) -> MixtureBatch:
        """Return the mixtures of groups of rows ``(S, K, n)``, each with one pseudo-row of the common spread."""
        mass, means, scatters = self.em.sums(memberships)
        mass, scatters = mass + 1.0, scatters + self._spread
        last = scatters / mass.reshape(mass.shape + (1,) * (scatters.ndim - 2))
        return self.em.maximize(mass, means, scatters, last)


def _kmeans(points: Floats, n_clusters: int, n_starts: int, rng: np.random.Generator) -> Labels:
    """Return labels ``(S, n)`` of several runs of k-means from k-means++ centres."""
    if n_clusters == 1:
        return np.zeros((n_starts, len(points)), dtype=np.intp)
    centres = _spread_centres(points, n_clusters, n_starts, rng)
    for _ in range(_KMEANS_STEPS):
        distances = _squared_distances(points, centres.reshape(-1, points.shape[1]))
        labels = distances.reshape(n_starts, n_clusters, -1).argmin(axis=1)
        members = (labels[:, None] == np.arange(n_clusters)[:, None]).astype(np.float64)
        counts = members.sum(axis=-1, keepdims=True)
        centres = np.where(counts > 0, members @ points / np.maximum(counts, 1.0), centres)
    return labels


def _spread_centres(points: Floats, n_clusters: int, n_starts: int, rng: np.random.Generator) -> Floats:
    """Return centres ``(S, K, D)`` by k-means++ (Arthur & Vassilvitskii 2007)."""
    chosen = [rng.integers(len(points), size=n_starts)]
    distances = np.full((n_starts, len(points)), np.inf)
    for _ in range(n_clusters - 1):
        distances = np.minimum(distances, _squared_distances(points, points[chosen[-1]]))
        sums = np.cumsum(distances, axis=1)
        drawn = rng.random((n_starts, 1)) * sums[:, -1:]
        chosen.append(np.minimum((sums <= drawn).sum(axis=1), len(points) - 1))
    return points[np.stack(chosen, axis=1)]


def _squared_distances(points: Floats, centres: Floats) -> Floats:
    """Return squared distances ``(C, n)`` of all points from centres ``(C, D)``."""
    squares = (points**2).sum(axis=1) - 2.0 * centres @ points.T + (centres**2).sum(axis=1)[:, None]
    return np.maximum(squares, 0.0, out=squares)


def merge_to(n_components: int, mass: Floats, means: Floats, covariances: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the mixtures of a batch with fewer components: the pair of the cheapest merge becomes one, again and again.

    The cost of a merge is Runnalls' bound (:func:`~gaussmix.density.reduction.merge_costs`).
    """
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
    return mass, means, covariances


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
    return total, centre, covariances[:, left] + share * (covariances[:, right] - covariances[:, left]) + between * outer


def _log_dets(covariances: Floats) -> Floats:
    """Return log-determinants of matrices ``(S, K, D, D)``, or of variances ``(S, K, D)``."""
    if covariances.ndim == 3:
        return np.asarray(np.log(covariances).sum(axis=-1))
    return np.asarray(np.linalg.slogdet(covariances)[1])
