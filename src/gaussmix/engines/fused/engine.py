r"""The E-step in one compiled pass over the rows; :mod:`~gaussmix.engines.reference` is its oracle.

Kernels work on a tile of rows at a time. For each tile they compute squared distances
:math:`|L_k^{-1}(x - \mu_k)|^2`, responsibilities by log-sum-exp, and moments weighted by the responsibilities. The next
tile overwrites these arrays. The kernels are in the files whose names begin with an underscore. This module selects
the plan, and with the plan the kernels, for a mixture.
"""

from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np
from numba.core.compiler_lock import global_compiler_lock

from gaussmix._threads import wait_at_forks
from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines import reference
from gaussmix.engines.fused.forms import kernel_form
from gaussmix.engines.fused.plans import DOUBLE, SINGLE, Plan, general
from gaussmix.engines.fused.products import ProductsPlan, from_products
from gaussmix.engines.fused.screening import ScreenedPlan, screened
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = ["assess", "expect"]

_Plans = Plan | ProductsPlan | ScreenedPlan
_PLAN_LOCK = wait_at_forks(Lock())
wait_at_forks(global_compiler_lock)  # a forked process could not compile while a thread that it lacks does


def _cached_plan(mixture: Components, moments: Moments, precision: np.dtype[Any] = DOUBLE) -> _Plans:
    """Return the plan of a mixture, which is made once for all blocks and threads."""
    with _PLAN_LOCK, np.errstate(all="ignore"):  # a plan with overflows has no finite sums, and its results are refused
        return _make_plan(mixture, moments, precision)


@lru_cache(maxsize=4)
def _make_plan(mixture: Components, moments: Moments, precision: np.dtype[Any]) -> _Plans:
    form = kernel_form(mixture.covariances)
    if moments is not form.moments:
        return general(mixture, moments, precision)
    return (screened if form.is_screened else from_products)(mixture, moments, precision)


def expect(mixture: Components, rows: Rows, weights: Floats, moments: Moments) -> Statistics:
    """Return the statistics of a block of rows under a mixture, about its means.

    The kernels release the global interpreter lock, so that several threads can work on blocks. Equal blocks give equal
    numbers, to the bit.

    Parameters
    ----------
    mixture : Components
        The distribution that gives the responsibilities.
    rows : (n, D) ndarray
        Points, in any memory layout.
    weights : (n,) ndarray
        Weights of the rows, not negative.
    moments : Moments
        Kind of second moments to sum.

    Returns
    -------
    Statistics
        Equal to the statistics of :func:`gaussmix.engines.reference.expect` except for rounding and for
        responsibilities below 1e-16, which are ignored. Blocks with a sum that is not finite, because a row is far
        from all means, are evaluated by that function.
    """
    statistics = None
    if rows.dtype.newbyteorder("=") == SINGLE:
        statistics = _cached_plan(mixture, moments, SINGLE).run(rows, weights)
    if statistics is None:
        statistics = _cached_plan(mixture, moments).run(rows, weights)
    if statistics is None:
        return reference.expect(mixture, rows, weights, moments)
    return statistics if statistics.origin is mixture.means else statistics.about(mixture.means)


def assess(mixture: Components, rows: Rows, *, responsibilities: bool = False) -> tuple[Floats, Labels, Floats]:
    """Return log-densities, most probable components and, if requested, responsibilities of a block of rows.

    Parameters
    ----------
    mixture : Components
        The distribution.
    rows : (n, D) ndarray
        Points, in any memory layout.
    responsibilities : bool
        Whether to return responsibilities.

    Returns
    -------
    log_density : (n,) ndarray
        Log-densities of the rows.
    labels : (n,) ndarray of int
        Most probable components of the rows.
    responsibilities : (n, K) or (0, K) ndarray
        Responsibilities; without rows if they are not requested.

    Notes
    -----
    The results are equal to the results of :func:`gaussmix.engines.reference.assess` except for rounding. Rows that are
    so far from all means that a squared distance overflows are evaluated by that module.
    """
    moments = kernel_form(mixture.covariances).moments
    labels = np.empty(len(rows), dtype=np.intp)
    shares = np.empty((len(rows) if responsibilities else 0, mixture.n_components))
    log_density = _cached_plan(mixture, moments).assess(rows, labels, shares)
    far = ~np.isfinite(log_density)
    if far.any():
        far_responsibilities, log_density[far] = reference.responsibilities(mixture, rows[far])
        labels[far] = far_responsibilities.argmax(axis=1)
        if responsibilities:
            shares[far] = far_responsibilities
    return log_density, labels, shares
