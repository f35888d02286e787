"""Source: what a chunk may hold, and what is refused with its place."""

import numpy as np
import pytest

from gaussmix import GaussianMixture
from gaussmix.sources import Source


class Given(Source):
    def __init__(self, *parts):
        self.parts = parts

    def chunks(self):
        return self.parts


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((), "at least one row, got none"),
        ((np.zeros((0, 2)),), "at least one row, got none"),
        ((np.zeros((3, 2)), np.zeros((3, 3))), r"shape \(n, 2\), got float64 of shape \(3, 3\) after 3 rows"),
        ((np.zeros(3),), "A chunk must hold rows of numbers"),
        ((np.array([["a", "b"]]),), "A chunk must hold rows of numbers"),
        ((np.zeros((2, 2)), np.array([[1.0, 2.0], [np.nan, 1.0]])), "row 3 holds nan in column 0"),
        (((np.zeros((2, 2)), np.ones(3)),), "2 positive numbers, one for each row"),
        (((np.zeros((2, 2)), np.array([1.0, -1.0])),), "2 positive numbers"),
    ],
)
def test_what_is_no_row_is_refused_with_its_place(parts, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(2).fit(Given(*parts))


def test_whole_numbers_are_rows():
    rows = np.random.default_rng(0).integers(0, 50, (300, 2))
    found = GaussianMixture(2, random_state=0).fit(Given(rows[:100], rows[100:]))
    assert found.score(rows) == pytest.approx(GaussianMixture(2, random_state=0).fit(rows).score(rows), abs=1e-3)
