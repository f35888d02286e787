r"""The E-step in one pass over the rows, compiled: the fast twin of :mod:`~gaussmix.engines.reference`.

Rows are taken a tile at a time, and for one tile all that depends on the rows is made, used and forgotten: squared
distances :math:`|L_k^{-1}(x - \mu_k)|^2`; responsibilities, by log-sum-exp; moments, weighted by the responsibilities.
The loops are in the files whose names begin with an underscore. Which of them serve a mixture is decided here, by a
registry of plans.
"""

from functools import lru_cache
from threading import Lock
from typing import Any

import numpy as np

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
_ONE_AT_A_TIME = Lock()


def _planned(mixture: Components, moments: Moments, precision: np.dtype[Any] = DOUBLE) -> _Plans:
    """The plan of a mixture, made once for all blocks, even where several threads ask for it."""
    with _ONE_AT_A_TIME, np.errstate(all="ignore"):  # a plan that overflows finds no finite sum
        return _made(mixture, moments, precision)


@lru_cache(maxsize=4)
def _made(mixture: Components, moments: Moments, precision: np.dtype[Any]) -> _Plans:
    form = kernel_form(mixture.covariances)
    if moments is not form.moments:
        return general(mixture, moments, precision)
    return (screened if form.is_screened else from_products)(mixture, moments, precision)


def expect(mixture: Components, rows: Rows, weights: Floats, moments: Moments) -> Statistics:
    """Statistics of one block of rows under a mixture, about its means.

    The global interpreter lock is released in the arithmetic: blocks may be run side by side in threads. The same
    block gives the same numbers, bit for bit.

    Parameters
    ----------
    mixture : Components
        The distribution that gives the responsibilities.
    rows : (n, D) ndarray
        Points, of any layout; they are neither changed nor copied as a whole.
    weights : (n,) ndarray
        Weights of the rows, not negative.
    moments : Moments
        How much of the second moments to sum.

    Returns
    -------
    Statistics
        Equal to those of :func:`gaussmix.engines.reference.expect` but for rounding and for responsibilities
        below 1e-16, which are left out. Blocks with rows so far out that a sum is not finite are handed to it.
    """
    found = None
    if rows.dtype.newbyteorder("=") == SINGLE:
        found = _planned(mixture, moments, SINGLE).run(rows, weights)
    if found is None:
        found = _planned(mixture, moments).run(rows, weights)
    if found is None:
        return reference.expect(mixture, rows, weights, moments)
    return found if found.origin is mixture.means else found.about(mixture.means)


def assess(mixture: Components, rows: Rows, *, responsibilities: bool = False) -> tuple[Floats, Labels, Floats]:
    """Log-densities and the most probable components of a block of rows, and on demand responsibilities.

    Parameters
    ----------
    mixture : Components
        The distribution.
    rows : (n, D) ndarray
        Points, of any layout.
    responsibilities : bool
        Whether they are wanted.

    Returns
    -------
    log_density : (n,) ndarray
    labels : (n,) ndarray of int
    responsibilities : (n, K) or (0, K) ndarray
        All equal to those of :mod:`gaussmix.engines.reference` but for rounding; rows so far out that a square
        overflows are handed to it.
    """
    moments = kernel_form(mixture.covariances).moments
    labels = np.empty(len(rows), dtype=np.intp)
    shares = np.empty((len(rows) if responsibilities else 0, mixture.n_components))
    log_density = _planned(mixture, moments).assess(rows, labels, shares)
    far = ~np.isfinite(log_density)
    if far.any():
        right, log_density[far] = reference.responsibilities(mixture, rows[far])
        labels[far] = right.argmax(axis=1)
        if responsibilities:
            shares[far] = right
    return log_density, labels, shares
