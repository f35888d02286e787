"""The M-step: from statistics to the most likely mixture of one model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np
from threadpoolctl import ThreadpoolController

from gaussmix._types import Floats
from gaussmix.covariances import Covariances, NotPositiveDefiniteError
from gaussmix.mixture import Mixture
from gaussmix.statistics import Moments, Statistics
from gaussmix.structures import Structure

__all__ = ["IllDefinedCovarianceError", "MStep"]

_WAKES_BLAS = 8  # features
_SEEING_TO_BLAS = Lock()


class IllDefinedCovarianceError(ValueError):
    """A component collapsed onto too few or too flat rows, and nothing was set to hold it open."""


@dataclass(frozen=True, eq=False)
class MStep:
    """The M-step: the most likely mixture of one model for given statistics.

    Attributes
    ----------
    structure : Structure
        The shapes that the covariances may take.
    ridge : (D,) ndarray
        Variances added to the covariances' diagonals, in squared units of the features.
    equal_weights : bool
        Whether all mixing proportions are 1 / K, in place of being estimated.
    """

    structure: Structure
    ridge: Floats
    equal_weights: bool = False

    @property
    def moments(self) -> Moments:
        """The second moments that it needs."""
        return self.structure.moments

    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Number of free parameters of the whole mixture: proportions, means and covariances."""
        proportions = 0 if self.equal_weights else n_components - 1
        covariances = self.structure.n_covariance_parameters(n_components, n_features)
        return proportions + n_components * n_features + covariances

    def maximize(self, statistics: Statistics, near: Covariances | None = None) -> Mixture:
        """The most likely mixture for these statistics.

        Parameters
        ----------
        statistics : Statistics
            Sums under the current responsibilities, about any origin.
        near : Covariances, optional
            The covariances of the last step, from which a structure without a closed form goes on.

        Raises
        ------
        IllDefinedCovarianceError
            If a component has no spread in some direction and the ridge gives it none.
        """
        central = statistics.central()
        means = central.origin
        try:
            with (
                np.errstate(all="ignore"),
                _one_blas_thread(central.origin.shape[1]),
            ):  # what is no number has no factor
                covariances = self.structure.maximize(central.blurred(self.ridge), near)
        except (NotPositiveDefiniteError, np.linalg.LinAlgError) as error:
            msg = (
                "Fitting the mixture model failed because some components have ill-defined empirical covariance (for "
                "instance caused by singleton or collapsed samples). Try to decrease the number of components, "
                f"increase reg_covar, or scale the input data. {error}"
            )
            raise IllDefinedCovarianceError(msg) from error
        if self.equal_weights:
            return Mixture(np.full(len(means), 1.0 / len(means)), means, covariances)
        return Mixture(statistics.mass / statistics.mass.sum(), means, covariances)


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def _one_blas_thread(n_features: int) -> Iterator[None]:
    """Keep the threads of BLAS asleep: they would go on spinning for a while, and take the cores from the next pass.

    Their number is the whole process's, so that one M-step at a time sees to it; where there are few features, they are
    not woken anyway.
    """
    if n_features < _WAKES_BLAS or not _SEEING_TO_BLAS.acquire(blocking=False):
        yield
        return
    try:
        with _blas().limit(limits=1):
            yield
    finally:
        _SEEING_TO_BLAS.release()
