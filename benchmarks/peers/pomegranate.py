"""The library pomegranate, which uses PyTorch."""

from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.peers.peer import Fitted, Peer
from benchmarks.workloads import Array, Parameters


class Pomegranate(Peer):
    """``GeneralMixtureModel`` of normal distributions, which adds nothing to the variances."""

    name = "pomegranate"
    module = "pomegranate"
    distribution = "pomegranate"
    covariance_types = ("full", "diag")

    def fit(self, rows: Array, covariance_type: str, start: Parameters, n_iter: int) -> Fitted:
        torch: Any = import_module("torch")
        normal: Any = import_module("pomegranate.distributions").Normal
        mixture: Any = import_module("pomegranate.gmm").GeneralMixtureModel
        weights, means, covariances = (  # copies, because the fit changes them in place
            torch.tensor(part) for part in (start.weights, start.means, start.covariances)
        )
        components = [
            normal(mean, covariance, covariance_type) for mean, covariance in zip(means, covariances, strict=True)
        ]
        model = mixture(components, priors=weights, max_iter=n_iter, tol=-np.inf).fit(torch.from_numpy(rows))
        means, covariances = (
            torch.stack([getattr(component, part).detach() for component in model.distributions]).numpy()
            for part in ("means", "covs")
        )
        return Fitted(Parameters(model.priors.detach().numpy(), means, covariances), n_iter)
