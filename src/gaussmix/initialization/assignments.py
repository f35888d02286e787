"""Make starts from responsibilities or labels by one M-step."""

from itertools import pairwise

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels
from gaussmix.em.m_step import MStep
from gaussmix.initialization.column_moments import anchor
from gaussmix.mixture import Mixture
from gaussmix.moments import SCALAR, Moments
from gaussmix.sources import ArraySource, Assignment, Source
from gaussmix.statistics import Statistics

__all__ = [
    "compute_means",
    "from_labels",
    "responsibilities_from",
    "start_from",
    "start_from_clusters",
    "summarize_clusters",
]


def start_from(
    source: Source, assignment: Assignment, n_components: int, m_step: MStep, *, quickly: bool = False
) -> Mixture:
    """Return the mixture that one M-step makes from given responsibilities; a component without rows stays empty.

    Parameters
    ----------
    source : Source
        The rows.
    assignment : callable
        The responsibilities of the rows of a block.
    n_components : int
        K.
    m_step : MStep
        The model.
    quickly : bool
        For structures without a closed form: whether the axes start from those of the pooled covariance alone, and not
        from several guesses.
    """
    statistics = source.summarize(assignment, compute_means(source, assignment, n_components), m_step.moments)
    return m_step.maximize(statistics, m_step.pooled_guess(statistics) if quickly else None)


def start_from_clusters(source: ArraySource, labels: Labels, n_clusters: int, m_step: MStep) -> Mixture:
    """Return the mixture that one M-step makes from labels ``(n,)`` of rows in memory.

    The result is that of :func:`start_from` with `quickly`; each row is summed in its own cluster only.
    """
    statistics = summarize_clusters(source, labels, n_clusters, m_step.moments)
    return m_step.maximize(statistics, m_step.pooled_guess(statistics))


def summarize_clusters(source: ArraySource, labels: Labels, n_clusters: int, moments: Moments) -> Statistics:
    """Return the statistics of clusters about their own means; a cluster without rows has the first row as origin."""
    order = np.argsort(labels, kind="stable")
    rows, weights = source.rows[order], source.sample_weight[order]
    shape = (n_clusters, rows.shape[1])
    origin, mass, first = (
        np.repeat(rows[:1].astype(np.float64), n_clusters, axis=0),
        np.zeros(n_clusters),
        np.zeros(shape),
    )
    second = moments.zero(*shape)
    ends = np.searchsorted(labels[order], np.arange(n_clusters + 1))
    for k, (begin, end) in enumerate(pairwise(ends)):
        if begin == end:
            continue
        members, member_weights = rows[begin:end], weights[begin:end]
        mass[k] = member_weights.sum()
        origin[k] = members[0] + (member_weights / mass[k]) @ (members - members[0].astype(np.float64))
        centred = members - origin[k]
        first[k] = member_weights @ centred
        moments.add_rows(second, k, centred, member_weights)
    return Statistics(origin, mass, first, second, 0.0, 0.0, float(weights.sum()), moments)


def compute_means(source: Source, assignment: Assignment, n_components: int) -> Floats:
    """Return the means ``(K, D)`` under given responsibilities; second moments about them keep their digits."""
    anchors = np.repeat(anchor(source), n_components, axis=0)
    return source.summarize(assignment, anchors, SCALAR).means


def responsibilities_from(values: AnyArray, n_rows: int, n_components: int) -> Assignment:
    """Return first responsibilities from labels ``(n,)`` or responsibilities ``(n, K)`` in an array.

    Raises
    ------
    ValueError
        If the array has another shape, if a label is not in ``0 … K - 1``, or if responsibilities are negative or do
        not sum to one.
    """
    if values.shape == (n_rows,):
        return from_labels(values, n_components)
    if values.shape == (n_rows, n_components):
        return _from_responsibilities(values)
    msg = (
        f"A start given as an array must hold labels of shape ({n_rows},) or responsibilities of shape "
        f"({n_rows}, {n_components}), got shape {values.shape}."
    )
    raise ValueError(msg)


def from_labels(labels: AnyArray, n_components: int) -> Assignment:
    """Return responsibilities of one and zero from integer labels ``(n,)``.

    Raises
    ------
    ValueError
        If a label is not in ``0 … K - 1``.
    """
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


def _one_hot(labels: AnyArray, n_components: int) -> Floats:
    resp = np.zeros((len(labels), n_components))
    resp[np.arange(len(labels)), labels] = 1.0
    return resp
