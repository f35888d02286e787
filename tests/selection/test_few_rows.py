"""A mixture that rests on too few values is passed over, unless the evidence for it is overwhelming."""

import numpy as np
import pytest

from gaussmix import GaussianMixture, GaussianMixtureSearch
from gaussmix.selection.few_rows import _bic_of_one_gaussian
from gaussmix.sources import ArraySource
from gaussmix.structures import named


@pytest.mark.parametrize("structure", ["spherical", "diag", "tied", "full"])
def test_the_bic_of_one_gaussian_from_the_statistics_of_a_mixture_is_that_of_its_fit(structure):
    rows = np.random.default_rng(0).normal(size=(60, 3)) @ np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.3], [0.0, 0.0, 2.0]])
    options = {"covariance_type": structure, "prior": None, "reg_covar": 0.0, "random_state": 0}
    model = GaussianMixture(3, **options).fit(rows)
    statistics = ArraySource(rows).reduce(model.mixture_, named(structure).moments)
    single = GaussianMixture(1, **options).fit(rows)
    assert _bic_of_one_gaussian(statistics) == pytest.approx(single.bic(rows), abs=1e-6)


def test_two_clear_clusters_of_six_rows_are_found():
    rows = np.concatenate([np.linspace(0, 2, 6), np.linspace(100, 102, 6)])[:, None]
    assert GaussianMixtureSearch([1, 2], random_state=0).fit(rows).best_params_["n_components"] == 2


def test_a_model_with_too_many_parameters_for_the_rows_is_passed_over_with_a_reason():
    rows = np.random.default_rng(3).normal(size=(20, 2))
    table = (
        GaussianMixtureSearch([1, 2], structures=["EII", "VVV"], random_state=0, stop_early=False).fit(rows).results_
    )
    (record,) = [one for one in table if (one["structure"], one["n_components"]) == ("full", 2)]
    candidate = table.candidates[list(table).index(record)]
    assert not candidate.supported
    assert record["status"] == "spurious"
    assert table.best.n_components == 1
