import itertools
import re

import pytest

from gaussmix.structures import NAMES, STRUCTURES, Orientation, every, named

pairs = list(itertools.product(STRUCTURES, repeat=2))


def test_there_are_fourteen_with_a_name_each():
    names = [structure.name for structure in STRUCTURES]
    assert len(set(names)) == len(names) == 14
    assert all(named(name).name == name for name in names)


def test_scikit_learns_names_mean_the_same_models():
    aliases = {"spherical": "VII", "diag": "VVI", "tied": "EEE", "full": "VVV"}
    assert {alias: named(alias).name for alias in aliases} == aliases
    assert {named(alias).public_name for alias in aliases} == set(aliases)
    assert named("VEV").public_name == "VEV"


def test_one_letter_is_for_one_feature():
    assert named("E") == named("E", 1) == named("EII")
    assert named("V") == named("V", 1) == named("VII")
    with pytest.raises(ValueError, match=r"structure 'E' is for rows with one feature, got 2; use 'EII' instead\."):
        named("E", 2)
    assert named("EII", 2) == named("EII")
    assert [named("EII").name_for(n_features) for n_features in (1, 2)] == ["E", "EII"]
    assert [named("VVV").name_for(n_features) for n_features in (1, 2)] == ["full", "full"]


@pytest.mark.parametrize("name", ["", "vvv", "XXX", "I", "Full"])
def test_a_name_that_is_none_gets_the_list(name):
    with pytest.raises(ValueError, match=re.escape(f"structure must be one of {', '.join(NAMES)}, got {name!r}.")):
        named(name)
    assert {"E", "V", "VVV", "full"} <= set(NAMES)


def test_one_feature_leaves_two_structures():
    assert every(1) == (named("EII"), named("VII"))
    assert every(2) == every(7) == STRUCTURES


def test_one_feature_leaves_no_other_number_of_parameters():
    counts = {structure.n_covariance_parameters(3, 1) for structure in STRUCTURES}
    assert counts == {structure.n_covariance_parameters(3, 1) for structure in every(1)}


def test_to_contain_is_a_partial_order():
    assert all(one.contains(one) for one in STRUCTURES)
    assert all(a is b for a, b in pairs if a.contains(b) and b.contains(a))
    for a, b, c in itertools.product(STRUCTURES, repeat=3):
        assert a.contains(c) or not (a.contains(b) and b.contains(c))
    assert all(named("VVV").contains(one) and one.contains(named("EII")) for one in STRUCTURES)


def test_what_contains_has_at_least_as_many_parameters():
    for large, small in pairs:
        if large.contains(small):
            for k, d in itertools.product((1, 2, 5), (1, 2, 3, 8)):
                assert small.n_covariance_parameters(k, d) <= large.n_covariance_parameters(k, d)
            if large is not small:
                assert small.n_covariance_parameters(3, 3) < large.n_covariance_parameters(3, 3)


@pytest.mark.parametrize(
    ("large", "small", "expected"),
    [
        ("VEI", "VII", True),
        ("EEE", "EEI", True),
        ("EEV", "EEE", True),
        ("VVI", "EEE", False),
        ("EEE", "VVI", False),
        ("EVV", "VEV", False),
        ("EVV", "VII", False),
    ],
)
def test_containment_letter_by_letter(large, small, expected):
    assert named(large).contains(named(small)) == expected


def test_freedom_ranks_what_contains_above_what_is_contained():
    assert all(small.freedom < large.freedom for small, large in pairs if small != large and large.contains(small))
    assert all(not STRUCTURES[i].contains(later) for i in range(14) for later in STRUCTURES[i + 1 :])


def test_neighbours_differ_in_one_letter():
    assert all(a.is_neighbour(b) == b.is_neighbour(a) for a, b in pairs)
    beside = {one.name for one in STRUCTURES if one.is_neighbour(named("EEE"))}
    assert beside == {"VEE", "EVE", "EEI", "EEV"}
    assert {one.name for one in STRUCTURES if one.is_neighbour(named("EII"))} == {"VII", "EEI", "EVI"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("EII", (True, True, Orientation.ROUND, True)),
        ("VII", (False, True, Orientation.ROUND, False)),
        ("EEI", (True, True, Orientation.COORDINATES, True)),
        ("VEI", (False, True, Orientation.COORDINATES, False)),
        ("EVI", (True, False, Orientation.COORDINATES, False)),
        ("EEE", (True, True, Orientation.EQUAL, True)),
        ("VVE", (False, False, Orientation.EQUAL, False)),
        ("EEV", (True, True, Orientation.OWN, False)),
        ("VVV", (False, False, Orientation.OWN, False)),
    ],
)
def test_the_letters_say_what_the_components_share(name, expected):
    one = named(name)
    assert (one.equal_volume, one.equal_shape, one.orientation, one.shared) == expected
