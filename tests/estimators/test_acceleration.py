"""The parameter `accelerate`: with False, all steps of all runs are EM steps."""

import numpy as np
import pytest

from cases import clusters
from gaussmix import GaussianMixture, GaussianMixtureSearch
from gaussmix.em import loop

ROWS = clusters(np.random.default_rng(0), n=60, spread=1.0)  # so few that `prior="auto"` is estimated
MODELS = {
    "explore": GaussianMixture(3, random_state=0, max_iter=500),
    "kmeans": GaussianMixture(3, init_params="kmeans", random_state=0, max_iter=500),
    "truncated": GaussianMixture(3, algorithm="truncated", prior="weak", random_state=0, max_iter=500),
    "search": GaussianMixtureSearch([2, 3], structures=["full", "tied"], random_state=0),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    return request.param


@pytest.fixture
def accelerated(monkeypatch):
    """Return the list of accelerated runs, which grows during the test."""
    runs, iterate_accelerated = [], loop.iterate_accelerated

    def record(source, start, m_step):
        runs.append(source.n_rows)
        return iterate_accelerated(source, start, m_step)

    monkeypatch.setattr(loop, "iterate_accelerated", record)
    return runs


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_accelerated_runs_are_the_default_and_can_be_excluded(model, accelerated):
    model.set_params(accelerate=False).fit(ROWS)
    assert accelerated == []
    assert model.converged_
    model.set_params(accelerate=True).fit(ROWS)
    assert accelerated
    assert model.converged_


def test_accelerate_must_be_a_boolean(model):
    with pytest.raises(ValueError, match=r"'accelerate' parameter of .* must be an instance of 'bool'"):
        model.set_params(accelerate="yes").fit(ROWS)
    model.set_params(accelerate=True)
