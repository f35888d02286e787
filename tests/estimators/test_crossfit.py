"""Fits without parts of the rows: no fit has seen the rows that it is asked about."""

import numpy as np
import pytest

from cases import clusters
from gaussmix import GaussianMixture
from gaussmix.em.m_step import MStep
from gaussmix.estimators.crossfit import CrossFit, split_folds
from gaussmix.sources import ArraySource
from gaussmix.structures import named


def test_each_row_is_in_one_part():
    parts = split_folds(np.random.default_rng(0).normal(size=(57, 2)))
    np.testing.assert_array_equal(np.sort(np.concatenate(parts)), np.arange(57))
    assert {len(part) for part in parts} == {5, 6}


def test_equal_rows_are_in_one_part():
    rows = np.repeat(np.arange(20.0), 3)[:, None]
    for part in split_folds(rows):
        assert all(np.count_nonzero(rows[part] == value) == 3 for value in np.unique(rows[part]))


def test_labels_are_in_each_part_in_proportion_and_a_lone_one_in_none():
    labels = np.repeat([0, 1, 2], [40, 20, 1])
    parts = split_folds(np.random.default_rng(0).normal(size=(61, 2)), labels)
    for part in parts:
        assert np.bincount(labels[part], minlength=3).tolist() == [4, 2, 0]


def test_of_one_row_there_are_no_parts():
    assert split_folds(np.ones((5, 2))) == []


@pytest.mark.parametrize("structure", ["full", "tied", "diag", "spherical"])
def test_a_fit_without_a_part_is_that_of_the_others(structure):
    rows = clusters(np.random.default_rng(0), 200, 2, 2, spread=20)
    mixture = GaussianMixture(2, covariance_type=structure, reg_covar=0, random_state=0).fit(rows).mixture_
    for part, rest, other in CrossFit(ArraySource(rows), mixture, MStep(named(structure), np.zeros(2))).refits:
        assert len(rest.rows) + len(part) == 200
        alone = GaussianMixture(
            2, covariance_type=structure, reg_covar=0, init_params=mixture, tol=1e-9, max_iter=1000
        ).fit(rest.rows)
        assert other.logpdf(rest.rows).mean() == pytest.approx(alone.score(rest.rows), abs=1e-5)
