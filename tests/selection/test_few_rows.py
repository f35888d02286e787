"""A mixture that rests on too few values is passed over, unless the evidence for it is overwhelming."""

import numpy as np

from gaussmix import GaussianMixtureSearch


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


def test_without_one_component_in_the_search_the_lowest_bic_is_chosen():
    rows = np.random.default_rng(3).normal(size=(20, 2))
    results = GaussianMixtureSearch([2, 3], structures=["EII", "full"], random_state=0).fit(rows).results_
    assert all(one.supported == (not one.spurious) for one in results.candidates)
