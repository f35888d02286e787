"""Responsibilities by blocks, and the statistics of hard clusters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import MOMENTS
from gaussmix.initialization import responsibilities_from
from gaussmix.initialization.assignments import from_labels, summarize_clusters
from gaussmix.sources import ArraySource


def test_assigned_reads_blocks():
    resp = np.eye(3)[np.arange(6) % 3]
    block = responsibilities_from(resp, 6, 3)(slice(2, 4), np.zeros((2, 2)))
    np.testing.assert_array_equal(block, resp[2:4])


@given(
    seed=st.integers(0, 2**32 - 1),
    moments=st.sampled_from(MOMENTS),
    n=st.integers(1, 60),
    offset=st.sampled_from([0.0, 1e6]),
    dtype=st.sampled_from([np.float64, np.float32]),
    weighted=st.booleans(),
)
def test_statistics_of_clusters_are_those_of_their_responsibilities(seed, moments, n, offset, dtype, weighted):
    rng = np.random.default_rng(seed)
    rows, labels = (rng.normal(size=(n, 3)) + offset).astype(dtype), rng.integers(5, size=n)
    source = ArraySource(rows, rng.uniform(0.5, 2.0, size=n) if weighted else None)
    found = summarize_clusters(source, labels, 5, moments)
    expected = source.summarize(from_labels(labels, 5), found.origin, moments)
    np.testing.assert_allclose(found.mass, expected.mass)
    np.testing.assert_allclose(found.means, expected.means, rtol=1e-12)
    np.testing.assert_allclose(found.first, 0.0, atol=1e-12 * n * max(offset, 1.0))
    np.testing.assert_allclose(found.second, expected.second, rtol=1e-9, atol=1e-12 * n)
    assert found.weight == pytest.approx(expected.weight)
