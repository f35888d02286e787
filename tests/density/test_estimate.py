import pytest

from gaussmix.density.estimate import Bounds, Estimate


def test_the_tightest_bounds_are_those_that_all_agree_on():
    assert Bounds.intersect(Bounds(0.0, 3.0), Bounds(1.0, 9.0), Bounds(-1.0, 2.0)) == Bounds(1.0, 2.0)


def test_bounds_that_rounding_has_crossed_meet():
    assert Bounds.intersect(Bounds(0.0, 1.0 - 1e-16), Bounds(1.0, 1.0)) == Bounds(1.0, 1.0)


def test_an_estimate_is_a_number_where_one_is_asked_for():
    estimate = Estimate(0.12345, 0.01, 0.0, 1.0)
    assert float(estimate) == estimate.value
    assert f"{estimate:.3f}" == "0.123"
    assert f"{estimate}" == repr(estimate)


def test_an_exact_number_has_no_error():
    assert Estimate.from_exact(2.0) == Estimate(2.0, 0.0, 2.0, 2.0)


def test_a_drawn_value_stays_as_it_is_beside_its_bounds():
    assert Estimate.from_bounds(Bounds(0.0, 1.0), lambda: (1.1, 0.2)) == Estimate(1.1, 0.2, 0.0, 1.0)


def test_where_bounds_meet_nothing_is_drawn():
    assert Estimate.from_bounds(Bounds(1.0, 1.0), lambda: pytest.fail("drawn")) == Estimate.from_exact(1.0)
