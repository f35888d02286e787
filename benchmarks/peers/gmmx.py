"""The library gmmx, which uses JAX."""

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.peer import FLOOR, Fitted, Peer
from benchmarks.workloads import Array, Parameters


class Gmmx(Peer):
    """``EMFitter`` of gmmx, which computes only in float32 and is compiled again for each number of iterations."""

    name = "gmmx"
    module = "gmmx"
    distribution = "gmmx"
    covariance_types = ("full", "diag")

    def fit(self, rows: Array, covariance_type: str, start: Parameters, n_iter: int) -> Fitted:
        jax: Any = import_module("jax")
        gmmx: Any = import_module("gmmx")
        given, weights, means, covariances = (
            jax.numpy.asarray(part, dtype=np.float32) for part in (rows, start.weights, start.means, start.covariances)
        )
        model = gmmx.GaussianMixtureModelJax.from_squeezed(means, covariances, weights, covariance_type)
        result = gmmx.EMFitter(max_iter=n_iter, tol=0.0, reg_covar=FLOOR).fit(given, model)
        fitted = result.gmm
        parameters = Parameters(fitted.weights_numpy, fitted.means_numpy, fitted.covariances.values_numpy)
        return Fitted(parameters, int(result.n_iter))
