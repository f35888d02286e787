"""The library scikit-learn."""

import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from benchmarks.peers.peer import FLOOR, Fitted, Peer
from benchmarks.workloads import Array, Parameters

INVERSES: dict[str, Callable[[Array], Array]] = {
    "full": np.linalg.inv,
    "tied": np.linalg.inv,
    "diag": np.reciprocal,
    "spherical": np.reciprocal,
}


class ScikitLearn(Peer):
    """``GaussianMixture`` of scikit-learn; a base for libraries with the same arguments."""

    name = "scikit-learn"
    module = "sklearn"
    distribution = "scikit-learn"
    estimators: ClassVar[str] = "sklearn.mixture"
    counted: ClassVar[str] = "n_iter_"

    def fit(self, rows: Array, covariance_type: str, start: Parameters, n_iter: int) -> Fitted:
        model: Any = import_module(self.estimators).GaussianMixture(
            len(start.weights),
            covariance_type=covariance_type,
            reg_covar=FLOOR,
            tol=0.0,
            max_iter=n_iter,
            weights_init=start.weights,
            means_init=start.means,
            precisions_init=INVERSES[covariance_type](start.covariances),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fit stops at max_iter on purpose
            model.fit(rows)
        parameters = Parameters(model.weights_, model.means_, model.covariances_)
        return Fitted(parameters, getattr(model, self.counted))
