r"""The truncated E-step in plain NumPy: each row is evaluated under its candidate components only.

With the candidates :math:`C(x)` of a row, only the candidates have responsibilities, and

.. math:: \log p(x) \ge \log \sum_{k \in C(x)} \pi_k \, \mathcal{N}(x; \mu_k, \Sigma_k)

is a lower bound of the log-density. No M-step decreases the sum of the bounds while the candidates stay the same: this
is truncated variational EM. This module evaluates all components and applies a mask; the compiled version is in
:mod:`gaussmix.engines.fused.truncated`.

References
----------
Lücke & Eggert (2010), Journal of Machine Learning Research 11.
"""

from dataclasses import replace

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines import reference
from gaussmix.engines.candidate_sets import CandidateSets
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["best_two", "expect", "responsibilities", "rows_at_once"]

# Rows times components times features: the floats in the differences of a block. It bounds memory.
_NUMBERS_AT_ONCE = 2**22


def rows_at_once(mixture: Components) -> int:
    """Return the number of rows of a block whose differences from all means fit into the bound on memory."""
    return max(_NUMBERS_AT_ONCE // mixture.means.size, 1)


def expect(mixture: Components, rows: Rows, weights: Floats, sets: CandidateSets, moments: Moments) -> Statistics:
    """Return the statistics of a block of rows, each under the candidates of its set, about the means of the mixture.

    Parameters
    ----------
    mixture : Components
        Distribution; at least one candidate of each row has a positive weight.
    rows : (n, D) ndarray
        Points, in the order of the sets.
    weights : (n,) ndarray
        Weights of the rows.
    sets : CandidateSets
        The sets of the rows.
    moments : Moments
        Kind of second moments to sum.

    Returns
    -------
    Statistics
        The statistics; their log-likelihoods are lower bounds.
    """
    resp, top, log_density = _responsibilities(mixture, rows, sets)
    sums = reference.summarize(rows, weights, resp, mixture.means, moments)
    log_likelihood = float(weights @ log_density)
    return replace(sums, log_likelihood=log_likelihood, classification_log_likelihood=float(weights @ top))


def responsibilities(mixture: Components, rows: Rows, sets: CandidateSets) -> Floats:
    """Return the responsibilities ``(n, K)``: zero but for each row's candidates, among which they sum to one."""
    return _responsibilities(mixture, rows, sets)[0]


def _responsibilities(mixture: Components, rows: Rows, sets: CandidateSets) -> tuple[Floats, Floats, Floats]:
    """Return the responsibilities, each row's largest log-joint density, and the log-density of its candidates."""
    joint = _log_joint(mixture, rows, sets)
    top = joint.max(axis=1)
    resp = np.exp(joint - top[:, None])
    total = resp.sum(axis=1)
    return resp / total[:, None], top, top + np.log(total)


def best_two(mixture: Components, rows: Rows, sets: CandidateSets) -> Labels:
    """Return the two most probable candidates ``(n, 2)`` of each row; a single candidate is returned twice."""
    joint = _log_joint(mixture, rows, sets)
    best = joint.argmax(axis=1)
    joint[np.arange(len(joint)), best] = -np.inf
    second = joint.argmax(axis=1)
    return np.stack([best, np.where(np.isneginf(joint.max(axis=1)), best, second)], axis=1)


def _log_joint(mixture: Components, rows: Rows, sets: CandidateSets) -> Floats:
    """Return ``log(weight_k · density_k)`` as ``(n, K)``: -inf for components that are not candidates of the row."""
    return np.where(sets.mask(mixture.n_components), reference.log_joint(mixture, rows), -np.inf)
