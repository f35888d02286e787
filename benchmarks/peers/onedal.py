"""The library oneDAL of Intel, which the package scikit-learn-intelex installs."""

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.peer import FLOOR, Fitted, Peer
from benchmarks.workloads import Array, Parameters

PRECISIONS = {"float64": "double", "float32": "float"}
STORAGES = {"full": "full", "diag": "diagonal"}


class OneDAL(Peer):
    """``em_gmm`` of the module daal4py, with two covariance types."""

    name = "oneDAL"
    module = "daal4py"
    distribution = "scikit-learn-intelex"
    covariance_types = tuple(STORAGES)

    def fit(self, rows: Array, covariance_type: str, start: Parameters, n_iter: int) -> Fitted:
        daal4py: Any = import_module("daal4py")
        algorithm = daal4py.em_gmm(
            len(start.weights),
            fptype=PRECISIONS[rows.dtype.name],
            maxIterations=n_iter,
            accuracyThreshold=0.0,
            regularizationFactor=FLOOR,
            covarianceStorage=STORAGES[covariance_type],
        )
        result = algorithm.compute(
            rows,
            np.atleast_2d(start.weights),
            start.means,
            [np.atleast_2d(covariance) for covariance in start.covariances],
        )
        covariances = np.stack(result.covariances).reshape(start.covariances.shape)
        return Fitted(
            Parameters(np.ravel(result.weights), result.means, covariances), float(np.ravel(result.nIterations)[0])
        )
