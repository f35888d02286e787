import numpy as np
import pytest

from gaussmix.selection import numbers_of_components, structures_named
from gaussmix.structures import STRUCTURES


@pytest.mark.parametrize(
    ("given", "numbers"), [(3, (3,)), (range(1, 4), (1, 2, 3)), ([4, 2, 4], (2, 4)), (np.arange(1, 3), (1, 2))]
)
def test_numbers_are_sorted_and_each_comes_once(given, numbers):
    assert numbers_of_components(given) == numbers
    assert all(type(k) is int for k in numbers_of_components(given))


@pytest.mark.parametrize(("given", "got"), [(0, "0"), ([2, -1], "-1"), ([True], "True"), ([1.5], "1.5"), ([], r"\[\]")])
def test_what_is_no_number_of_components_is_named(given, got):
    with pytest.raises(ValueError, match=f"n_components must be integers from 1 upwards, at least one, got {got}"):
        numbers_of_components(given)


def names(*arguments, **options):
    return [structure.name for structure in structures_named(*arguments, **options)]


def test_structures_come_in_the_given_order_and_once():
    everything = [structure.name for structure in STRUCTURES]
    assert names("all", 2) == everything
    assert names("full", 2) == names(["VVV", "full"], 2) == ["VVV"]
    assert names(["tied", "all"], 2) == ["EEE", *(name for name in everything if name != "EEE")]


def test_with_one_feature_two_structures_differ():
    assert names("all", 1) == ["EII", "VII"]
    with pytest.raises(ValueError, match="structure 'V' is for rows with one feature, got 2"):
        names(["full", "V"], 2)


def test_with_a_prior_all_structures_are_those_that_take_a_prior():
    assert names("all", 2, with_prior=True) == [structure.name for structure in STRUCTURES if structure.takes_prior]
    assert len(names("all", 2, with_prior=True)) < len(STRUCTURES)


def test_with_a_bound_on_eigenvalues_all_structures_are_those_that_take_it():
    bounded = [structure.name for structure in STRUCTURES if structure.takes_ratio]
    assert names("all", 2, with_ratio=True) == bounded
    assert names("all", 2, with_prior=True, with_ratio=True) == [
        structure.name for structure in STRUCTURES if structure.takes_ratio and structure.takes_prior
    ]


@pytest.mark.parametrize("given", [[], [["full"]], [3]])
def test_what_is_no_list_of_names_is_refused(given):
    with pytest.raises(ValueError, match="structures must be 'all', a name or several"):
        names(given, 2)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="structure must be one of EII, VII"):
        names(["full", "round"], 2)
