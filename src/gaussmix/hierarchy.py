"""Clusters made of several components: partitions from one component in each cluster to all components in one.

A cluster that is not Gaussian is fitted by several components, so that there are more components than clusters. Here
components that share rows are joined, two at a time; the density stays as it was fitted.

References
----------
Baudry, Raftery, Celeux, Lo & Gottardo (2010). Combining mixture components for clustering. Journal of Computational
and Graphical Statistics 19(2), 332-353.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.arguments import as_mixture, check_choice, check_count
from gaussmix.mixture import HasMixture, Mixture
from gaussmix.moments import SCALAR
from gaussmix.sources import Source

__all__ = ["Hierarchy", "merge_components"]

_CRITERIA = ("entropy",)
_ROUNDING = 1e-12
"""Misfits that differ by less than the square of this share of the largest entropy are equal."""

_SEPARATED = 0.01
"""The entropy of a merge, in nats per row of the two components, up to which these components are separated. Two equal
spherical components have this entropy if their means are 5.4 standard deviations apart, where 1 row in 290 is nearer to
the other mean."""


@dataclass(frozen=True, eq=False)
class Hierarchy:
    r"""Partitions of K components into 1 to K clusters, each made from the next finer one by joining two clusters.

    The entropy of a partition measures the uncertainty about the clusters of the rows:

    .. math:: \mathrm{Ent}(G) = -\sum_i w_i \sum_{g=1}^{G} t_{ig} \log t_{ig}

    where :math:`t_{ig}` is the sum of the responsibilities of the components in cluster g for row i.

    Parameters
    ----------
    merges : (K - 1, 2) ndarray of int
        The two clusters joined at each step, in the order of the steps; the name of a cluster is its lowest component,
        and the lower name comes first.
    entropies : (K,) ndarray
        Entropies in nats: ``entropies[g - 1]`` is the entropy of g clusters. The first is 0; they never fall.
    masses : (K,) ndarray
        Expected weight of the rows of each component. The paper also draws the entropy against the cumulated weight of
        the joined clusters.

    Examples
    --------
    >>> from gaussmix import GaussianMixture
    >>> from gaussmix.datasets import load_faithful
    >>> X = load_faithful().data
    >>> hierarchy = GaussianMixture(4, random_state=0).fit(X).merge_components(X)
    >>> hierarchy.n_clusters                                      # the suggestion
    3
    >>> hierarchy.entropies.round()
    array([ 0.,  1., 27., 93.])
    """

    merges: Labels
    entropies: Floats
    masses: Floats

    @property
    def n_components(self) -> int:
        """Number of components, K."""
        return len(self.entropies)

    @property
    def n_clusters(self) -> int:
        """The suggested number of clusters: K if the components are separated, otherwise the elbow of the entropies.

        The components are separated if the first merge lowers the entropy by less than 0.01 nats for each row of the
        two components together: then no two components share rows, and none need to be joined.

        Otherwise two straight lines are fitted by least squares, one to the entropies of 1 to g clusters and the other
        to the entropies of g to K clusters. The elbow is the g from 2 to K - 1 with the best fit. If several g have
        equal fits, the elbow is the largest. An elbow needs three points: two components that share rows stay two.

        The automatic choice of the paper fits the lines to the plot against the cumulated weight, and is never K.
        """
        if self.n_components <= 2 or self._is_separated:  # noqa: PLR2004 - as documented
            return self.n_components
        elbows = np.arange(2, self.n_components)
        misfits = np.array([_misfit(self.entropies[:g]) + _misfit(self.entropies[g - 1 :]) for g in elbows])
        equal = misfits <= misfits.min() + (_ROUNDING * self.entropies[-1]) ** 2
        return int(elbows[equal].max())

    @property
    def _is_separated(self) -> bool:
        """True where the two components that share most rows share hardly any."""
        fall = self.entropies[-1] - self.entropies[-2]
        return bool(fall <= _SEPARATED * self.masses[self.merges[0]].sum())

    def clusters(self, n_clusters: int) -> Labels:
        """Return the cluster of each component.

        Parameters
        ----------
        n_clusters : int
            Number of clusters, from 1 to K.

        Returns
        -------
        (K,) ndarray of int
            Clusters from 0 to ``n_clusters - 1``, numbered in the order of their lowest components. The probabilities
            of the clusters are ``mixture.responsibilities(rows) @ np.eye(g)[hierarchy.clusters(g)]``; the most probable
            cluster need not be the cluster of the most probable component.

        Raises
        ------
        ValueError
            If `n_clusters` is not from 1 to K.

        Examples
        --------
        >>> from gaussmix import Hierarchy
        >>> hierarchy = Hierarchy(merges=[[1, 2], [0, 1]], entropies=[0.0, 2.0, 30.0], masses=[50.0, 20.0, 30.0])
        >>> hierarchy.clusters(2)
        array([0, 1, 1])
        """
        advice = "; components are only joined, so fit a mixture of more components to get more clusters"
        n_clusters = check_count("n_clusters", n_clusters, 1, self.n_components, advice)
        names = np.arange(self.n_components)
        for kept, joined in self.merges[: self.n_components - n_clusters]:
            names[names == joined] = kept
        return np.unique(names, return_inverse=True)[1]


def merge_components(mixture: Mixture | HasMixture, source: Source, criterion: str = "entropy") -> Hierarchy:
    """Join the components of a mixture into clusters, two at a time, until all are in one.

    Each step joins the two clusters whose union lowers the entropy of the partition most: the clusters that share most
    rows. Of equal pairs, the pair with the lowest components is joined. The function makes K passes over the rows.

    Parameters
    ----------
    mixture : Mixture or fitted estimator
        A fitted mixture, for example with the number of components that BIC selects.
    source : Source
        The rows that were fitted.
    criterion : {"entropy"}
        The quantity that a step lowers most.

    Returns
    -------
    Hierarchy
        The partitions into 1 to K clusters, their entropies, and a suggested number of clusters.

    Raises
    ------
    ValueError
        If `criterion` is unknown, or the rows have another number of features than the mixture.

    References
    ----------
    Baudry, Raftery, Celeux, Lo & Gottardo (2010). Combining mixture components for clustering. Journal of Computational
    and Graphical Statistics 19(2), 332-353.

    Examples
    --------
    The first and the last component overlap; together they are one of two clusters.

    >>> import numpy as np
    >>> from gaussmix import Mixture
    >>> from gaussmix.hierarchy import merge_components
    >>> from gaussmix.sources import ArraySource
    >>> mixture = Mixture([0.3, 0.4, 0.3], [[0.0, 0.0], [9.0, 0.0], [1.0, 2.0]], [1.0, 1.0, 1.0])
    >>> rows = mixture.sample(500, random_state=0)
    >>> hierarchy = merge_components(mixture, ArraySource(rows))
    >>> hierarchy.merges
    array([[0, 2], [0, 1]])
    >>> hierarchy.n_clusters
    2
    >>> hierarchy.clusters(2)
    array([0, 1, 0])
    >>> probabilities = mixture.responsibilities(rows) @ np.eye(2)[hierarchy.clusters(2)]
    >>> probabilities.argmax(axis=1)[:5]
    array([0, 0, 0, 1, 1])
    """
    mixture = as_mixture("mixture", mixture, Mixture)
    _check(mixture, source, criterion)
    names = np.arange(mixture.n_components)
    falls = _first_falls(mixture, source)
    merges = np.empty((mixture.n_components - 1, 2), dtype=np.intp)
    lowered = np.empty(mixture.n_components - 1)
    for step in range(len(merges)):
        kept, joined = np.unravel_index(falls.argmax(), falls.shape)
        merges[step], lowered[step] = (kept, joined), falls[kept, joined]
        names[names == joined] = kept
        falls[joined, :] = falls[:, joined] = -np.inf
        others = np.setdiff1d(names, kept)
        if others.size:
            pairs = np.minimum(others, kept), np.maximum(others, kept)
            falls[pairs] = _later_falls(mixture, source, names == kept, names[:, None] == others)
    return Hierarchy(merges, _entropies(lowered), source.reduce(mixture, SCALAR).mass)


def _check(mixture: Mixture, source: Source, criterion: str) -> None:
    """Raise ``ValueError`` for an unknown criterion, or for rows with other features than the mixture has."""
    check_choice("criterion", criterion, _CRITERIA)
    if source.n_features != mixture.n_features:
        msg = (
            f"source must have {mixture.n_features} features, as many as the mixture, got {source.n_features}; "
            "pass the rows that were fitted."
        )
        raise ValueError(msg)


def _first_falls(mixture: Mixture, source: Source) -> Floats:
    """Return the fall of the entropy by joining each pair of components: ``(K, K)``, -inf except above the diagonal."""
    size = mixture.n_components
    assess = source.engine_for(size).arithmetic.assess

    def block(rows: Rows, weights: Floats) -> Floats:
        *_, resp = assess(mixture, rows, responsibilities=True)
        falls = np.full((size, size), -np.inf)
        for k in range(size - 1):
            falls[k, k + 1 :] = _falls(resp[:, [k]], resp[:, k + 1 :], weights)
        return falls

    return source.total(block)


def _later_falls(mixture: Mixture, source: Source, cluster: AnyArray, others: AnyArray) -> Floats:
    """Return the fall of the entropy by joining a cluster with each of the other clusters, ``(G,)``.

    The clusters are flags of their components, ``(K,)`` and ``(K, G)``.
    """
    assess = source.engine_for(mixture.n_components).arithmetic.assess

    def block(rows: Rows, weights: Floats) -> Floats:
        *_, resp = assess(mixture, rows, responsibilities=True)
        return _falls(resp @ cluster[:, None], resp @ others, weights)

    return source.total(block)


def _falls(cluster: Floats, others: Floats, weights: Floats) -> Floats:
    """Return ``Σ w [(t + u) log(t + u) - t log t - u log u]`` for t in ``(b, 1)`` and each u in ``(b, G)``.

    In the form ``Σ w [t log((t + u) / t) + u log((t + u) / u)]`` no term is negative and nothing cancels.
    """
    together = cluster + others
    return -(weights @ (rel_entr(cluster, together) + rel_entr(others, together)))


def _entropies(lowered: Floats) -> Floats:
    """Return the entropies of 1 to K clusters: the cumulated falls, from the last step back to the first."""
    return np.cumsum(np.concatenate([[0.0], lowered[::-1]]))


def _misfit(values: Floats) -> float:
    """Return the sum of squared residuals of equally spaced values about their regression line."""
    place = np.arange(len(values)) - (len(values) - 1) / 2
    height = values - values.mean()
    slope = place @ height / (place @ place)
    return float(((height - slope * place) ** 2).sum())
