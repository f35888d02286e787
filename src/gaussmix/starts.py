"""Where EM starts: labels or responsibilities from somewhere, and the mixture that an M-step makes of them."""

import warnings
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import pdist
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.em import MStep
from gaussmix.mixture import Mixture
from gaussmix.sources import Assignment, Source
from gaussmix.statistics import DIAGONAL, SCALAR

__all__ = [
    "KINDS",
    "RELATIVE_RIDGE",
    "Kind",
    "assigned",
    "column_moments",
    "given",
    "means",
    "relative_ridge",
    "start",
    "tree",
]

RELATIVE_RIDGE = 1e-6
"""What ``reg_covar="auto"`` adds to covariances, as a share of each column's variance."""

Kind = Callable[[Source, int, np.random.Generator], Assignment]
"""A way to find first responsibilities for K components, with a random generator."""

_QUARTILES_APART = 1.3489795003921634  # of the standard normal distribution
_SAMPLE = 2**16
_SAMPLE_OF_TREE = 2000
_EPS = float(np.finfo(np.float64).eps)
_SAMPLE_PER_COMPONENT = 256


def _anchor(source: Source) -> Floats:
    """Any row, ``(1, D)``: about it, first sums keep their digits however far the data lie from zero."""
    return source.sample(np.random.default_rng(0), 1)[0].astype(np.float64)


def column_moments(source: Source) -> tuple[Floats, Floats]:
    """Mean and variance of each column, ``(D,)`` each, in two passes."""

    def everything(_span: slice, rows: Rows) -> Floats:
        return np.ones((len(rows), 1))

    mean = source.summarize(everything, _anchor(source), SCALAR).means
    sums = source.summarize(everything, mean, DIAGONAL)
    return sums.means[0], sums.about(sums.means).second[0] / sums.floored_mass[0]


def start(source: Source, assignment: Assignment, n_components: int, m_step: MStep) -> Mixture:
    """The mixture that one M-step makes of first responsibilities; a component that got no rows stays empty."""
    return m_step.maximize(source.summarize(assignment, means(source, assignment, n_components), m_step.moments))


def means(source: Source, assignment: Assignment, n_components: int) -> Floats:
    """Means ``(K, D)`` under given responsibilities, about which the second moments keep their digits."""
    anchors = np.repeat(_anchor(source), n_components, axis=0)
    return source.summarize(assignment, anchors, SCALAR).means


def _seeded(find: Callable[[Floats, Floats, int, int], Floats]) -> Kind:
    """A kind of start that finds K seeds on a centred sample and gives each row to the nearest one.

    The sample bounds the work and the memory on large data; it holds all rows up to 65 536, or 256 a component.
    Centring first keeps the squared distances right however far the rows lie from zero.
    """

    def kind(source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
        rows, weights = source.sample(rng, max(_SAMPLE, _SAMPLE_PER_COMPONENT * n_components))
        origin = rows.mean(axis=0, dtype=np.float64)
        seeds = find(rows - origin, weights, n_components, int(rng.integers(2**31)))
        return _from_labels(source.map(lambda block: pairwise_distances_argmin(block - origin, seeds)), n_components)

    return kind


def _kmeans(rows: Floats, weights: Floats, n_components: int, seed: int) -> Floats:
    clusters = KMeans(n_components, n_init=1, random_state=seed)
    with warnings.catch_warnings():  # fewer distinct rows than components: the empty ones are the fit's to report
        warnings.simplefilter("ignore", ConvergenceWarning)
        clusters.fit(rows, sample_weight=weights)
    return cast("Floats", clusters.cluster_centers_)


def _kmeans_plusplus(rows: Floats, weights: Floats, n_components: int, seed: int) -> Floats:
    seeds, _ = kmeans_plusplus(rows, n_components, sample_weight=weights, random_state=seed)
    return cast("Floats", seeds)


def _random_rows(rows: Floats, weights: Floats, n_components: int, seed: int) -> Floats:
    chances = weights / weights.sum()
    chosen = np.random.default_rng(seed).choice(len(rows), size=n_components, replace=False, p=chances)
    return np.asarray(rows[chosen])


def _random(_source: Source, n_components: int, rng: np.random.Generator) -> Assignment:
    """Responsibilities at random. A block's numbers follow from its place, so that each pass sees the same."""
    seed = int(rng.integers(2**31))

    def drawn(span: slice, rows: Rows) -> Floats:
        resp = np.random.default_rng([seed, span.start]).random((len(rows), n_components))
        return np.asarray(resp / resp.sum(axis=1, keepdims=True))

    return drawn


KINDS: dict[str, Kind] = {
    "kmeans": _seeded(_kmeans),
    "k-means++": _seeded(_kmeans_plusplus),
    "random": _random,
    "random_from_data": _seeded(_random_rows),
}


def tree(source: Source, rng: np.random.Generator, most: int = 1) -> Callable[[int], Assignment]:
    """Partitions into any number of clusters, from one tree: Ward's, in coordinates that know no units.

    Columns are brought to one standard deviation, and principal axes to the square root of theirs: halfway to white,
    which neither lets one long axis rule nor blows up noise (Scrucca & Raftery 2015, Advances in Data Analysis and
    Classification 9). The tree is of a sample of 2000 rows, or as many as the clusters; other rows go to the nearest
    cluster.

    Parameters
    ----------
    source : Source
        The rows.
    rng : numpy.random.Generator
        For the sample.
    most : int
        The largest number of clusters that will be asked for.

    Returns
    -------
    callable
        From K to first responsibilities.
    """
    rows, _ = source.sample(rng, max(_SAMPLE_OF_TREE, most))
    centre = rows.mean(axis=0, dtype=np.float64)
    deviations = rows.std(axis=0, dtype=np.float64)
    centred = (rows - centre) / np.where(deviations > 0, deviations, 1.0)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    scale = np.where(lengths > _EPS * lengths[0] * len(rows), np.sqrt(lengths), np.inf)
    turn = (axes / scale[:, None]).T / np.where(deviations > 0, deviations, 1.0)[:, None]
    points = (rows - centre) @ turn
    merges = linkage(pdist(points), "ward")[:, :2].astype(np.intp) if len(rows) > 1 else np.empty((0, 2), np.intp)

    def partition(n_clusters: int) -> Assignment:
        if n_clusters > len(rows):
            raise ValueError(
                f"A tree of {len(rows)} rows has no {n_clusters} clusters; ask for a larger one with most."
            )
        labels = _cut(merges, len(rows), n_clusters)
        if len(rows) == source.n_rows:
            return _from_labels(labels, n_clusters)
        centres = np.stack([points[labels == k].mean(axis=0) for k in range(n_clusters)])
        near = source.map(lambda block: pairwise_distances_argmin((block - centre) @ turn, centres))
        return _from_labels(near, n_clusters)

    return partition


def _cut(merges: Labels, n_rows: int, n_clusters: int) -> Labels:
    """Labels of the rows when all but the last ``n_clusters - 1`` merges of a tree are done."""
    cluster = np.arange(n_rows + len(merges))
    for i in range(n_rows - n_clusters - 1, -1, -1):  # from the top, so that a cluster's own place is known already
        cluster[merges[i]] = cluster[n_rows + i]
    return np.unique(cluster[:n_rows], return_inverse=True)[1]


def assigned(values: AnyArray, n_rows: int, n_components: int) -> Assignment:
    """First responsibilities from labels ``(n,)`` or from responsibilities ``(n, K)`` that the user has.

    Raises
    ------
    ValueError
        If the shape is neither, a label is not in ``0 … K - 1``, or responsibilities are negative or do not sum to one.
    """
    if values.shape == (n_rows,):
        return _from_labels(values, n_components)
    if values.shape == (n_rows, n_components):
        return _from_responsibilities(values)
    msg = (
        f"A start given as an array must hold labels of shape ({n_rows},) or responsibilities of shape "
        f"({n_rows}, {n_components}), got shape {values.shape}."
    )
    raise ValueError(msg)


def _from_labels(labels: AnyArray, n_components: int) -> Assignment:
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= n_components:
        msg = (
            f"Labels given as a start must be integers from 0 to {n_components - 1}, "
            f"got {labels.dtype} from {labels.min()} to {labels.max()}."
        )
        raise ValueError(msg)
    return lambda span, _rows: _one_hot(labels[span], n_components)


def _from_responsibilities(resp: AnyArray) -> Assignment:
    if not (resp >= 0).all() or not np.allclose(resp.sum(axis=1), 1.0, rtol=0, atol=1e-6):
        msg = "Responsibilities given as a start must be at least 0 and sum to 1 in each row."
        raise ValueError(msg)
    return lambda span, _rows: np.asarray(resp[span], dtype=np.float64)


def given(
    origin: Any,  # noqa: ANN401 - a name, an array, a Mixture or a callable: sorted out here and nowhere else
    source: Source,
    n_components: int,
    m_step: MStep,
    rng: np.random.Generator,
) -> Mixture:
    """The start that the user described.

    Parameters
    ----------
    origin : str, array_like, Mixture or callable
        A name from :data:`KINDS`; labels ``(n,)``; responsibilities ``(n, K)``; a mixture, taken as it is; or a
        callable ``f(source, n_components, rng)`` that returns any of these.
    source, n_components, m_step
        The fit to start.
    rng : numpy.random.Generator
        For the kinds that draw.
    """
    if callable(origin):
        origin = origin(source, n_components, rng)
    if isinstance(origin, Mixture):
        return _fitting(origin, source, n_components)
    if isinstance(origin, str):
        assignment = KINDS[origin](source, n_components, rng)
    else:
        assignment = assigned(np.asarray(origin), source.n_rows, n_components)
    return start(source, assignment, n_components, m_step)


def _fitting(mixture: Mixture, source: Source, n_components: int) -> Mixture:
    if (mixture.n_components, mixture.n_features) != (n_components, source.n_features):
        msg = (
            f"A mixture given as a start must have {n_components} components in {source.n_features} dimensions, "
            f"got {mixture.n_components} in {mixture.n_features}."
        )
        raise ValueError(msg)
    return mixture


def _one_hot(labels: AnyArray, n_components: int) -> Floats:
    resp = np.zeros((len(labels), n_components))
    resp[np.arange(len(labels)), labels] = 1.0
    return resp


def relative_ridge(source: Source, fraction: float = RELATIVE_RIDGE) -> Floats:
    """A ridge of a given fraction of each column's variance, ``(D,)``, so that a fit does not depend on units.

    The variance is the usual one, or the one that the quartiles of a normal sample would say, if that is less: one row
    far out must not lift the ridge above the clusters. A column without spread takes the mean variance of the others,
    or one where no column has any.
    """
    mean, variance = column_moments(source)
    spread = variance > (64 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
    scale = np.minimum(variance, _quartile_variance(source, variance))
    fallback = scale[spread].mean() if spread.any() else 1.0
    return fraction * np.where(spread, scale, fallback)


def _quartile_variance(source: Source, otherwise: Floats) -> Floats:
    """Variances from the distance of the quartiles, on a sample; `otherwise` where they coincide."""
    rows, weights = source.sample(np.random.default_rng(0), _SAMPLE)
    low, high = np.quantile(rows, [0.25, 0.75], axis=0, weights=weights, method="inverted_cdf").astype(np.float64)
    return np.where(high > low, ((high - low) / _QUARTILES_APART) ** 2, otherwise)
