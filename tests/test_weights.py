import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaussmix.weights import describe_shortfall, effective_size, scale_to_effective_size

positive = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30).map(np.array)
REMEDY = "say so"


def test_the_effective_size_is_kishs():
    assert effective_size(np.array([1.0, 2.0, 3.0])) == pytest.approx(36 / 14)
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7.0)
    assert effective_size(np.array([5.0, 0.0, 0.0])) == 1.0


@given(weights=positive, factor=st.sampled_from([1e-300, 1e-5, 3.0, 1e300]))
def test_scaling_weights_changes_nothing(weights, factor):
    assert effective_size(factor * weights) == pytest.approx(effective_size(weights))
    np.testing.assert_allclose(scale_to_effective_size(factor * weights), scale_to_effective_size(weights))


@given(weights=positive)
def test_relative_weights_sum_to_the_effective_size_and_compare_rows_as_before(weights):
    scaled = scale_to_effective_size(weights)
    assert scaled.sum() == pytest.approx(effective_size(weights))
    np.testing.assert_allclose(scaled / scaled.max(), weights / weights.max())
    assert effective_size(weights) <= len(weights) * (1 + 1e-12)


@given(counts=st.lists(st.one_of(st.just(0.0), st.floats(1.0, 1e6)), min_size=1, max_size=30))
def test_weights_of_at_least_one_are_never_warned_about(counts):
    weights = np.array([*counts, 1.0])
    assert describe_shortfall(weights, REMEDY) is None


@given(weights=positive)
def test_neither_relative_weights_nor_weights_of_mean_one_are_warned_about(weights):
    assert describe_shortfall(scale_to_effective_size(weights), REMEDY) is None
    assert describe_shortfall(weights / weights.mean(), REMEDY) is None
    assert describe_shortfall((weights / weights.mean()).astype(np.float32).astype(float), REMEDY) is None


def test_weights_that_sum_to_one_are_warned_about_with_numbers_and_the_remedy():
    said = describe_shortfall(np.full(500, 1 / 500), REMEDY)
    assert "sum to 1, less than the effective number of rows, 500" in said
    assert said.endswith("If the weights only compare rows, say so.")
    assert describe_shortfall(np.full(10, 0.5), REMEDY) is not None
