r"""The E-step under candidates alone: each row as if only some of the components were there.

With candidates :math:`C(x)`, responsibilities are shared out among them, and

.. math:: \log p(x) \ge \log \sum_{k \in C(x)} \pi_k \, \mathcal{N}(x; \mu_k, \Sigma_k)

is a lower bound, which no M-step lowers while the candidates stay: truncated variational EM. There are two twins, as of
the whole E-step: here in plain NumPy, over all components with a mask; compiled in
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

_NUMBERS_AT_ONCE = 2**22  # distances of rows from means, in each feature


def rows_at_once(mixture: Components) -> int:
    """How many rows a block should have, for memory's sake."""
    return max(_NUMBERS_AT_ONCE // mixture.means.size, 1)


def expect(mixture: Components, rows: Rows, weights: Floats, sets: CandidateSets, moments: Moments) -> Statistics:
    """Statistics of one block of rows, each under the candidates of its set, about the means of the mixture.

    Parameters
    ----------
    mixture : Components
        Of each row's candidates one weighs something, at least.
    rows : (n, D) ndarray
        In the order of the sets.
    weights : (n,) ndarray
    sets : CandidateSets
    moments : Moments
        How much of the second moments to sum.

    Returns
    -------
    Statistics
        In place of log-likelihoods they hold their lower bounds.
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
    """The likeliest and the second likeliest ``(n, 2)`` of each row's candidates; the one twice, where it is alone."""
    joint = _log_joint(mixture, rows, sets)
    best = joint.argmax(axis=1)
    joint[np.arange(len(joint)), best] = -np.inf
    second = joint.argmax(axis=1)
    return np.stack([best, np.where(np.isneginf(joint.max(axis=1)), best, second)], axis=1)


def _log_joint(mixture: Components, rows: Rows, sets: CandidateSets) -> Floats:
    """``log(weight_k · density_k)`` as ``(n, K)``, of candidates alone."""
    return np.where(sets.mask(mixture.n_components), reference.log_joint(mixture, rows), -np.inf)
