"""The fit in other units of one column, for each structure."""

import numpy as np
import pytest

from cases import clusters
from gaussmix.em import iterate
from gaussmix.em.m_step import MStep
from gaussmix.initialization import responsibilities_from, start_from
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES

UNITS = np.array([7.0, 1.0, 1.0])


def log_densities_after_steps(structure, rows):
    """The log-densities of rows after three EM steps from fixed labels."""
    source, m_step = ArraySource(rows), MStep(structure, np.zeros(3))
    start = start_from(source, responsibilities_from(np.arange(len(rows)) % 2, len(rows), 2), 2, m_step)
    states = iterate(source, start, m_step)
    mixture = [next(states) for _ in range(4)][-1].mixture
    return mixture.logpdf(rows)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
def test_the_unit_of_one_column_matters_where_the_structure_says_so(structure):
    rng = np.random.default_rng(0)
    rows = clusters(rng, n=120, n_features=3) @ rng.normal(size=(3, 3))
    plain = log_densities_after_steps(structure, rows)
    scaled = log_densities_after_steps(structure, rows * UNITS) + np.log(UNITS).sum()
    assert np.allclose(plain, scaled, rtol=0, atol=1e-5) == structure.scale_equivariant


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
def test_the_common_unit_of_all_columns_does_not_matter(structure):
    rng = np.random.default_rng(0)
    rows = clusters(rng, n=120, n_features=3) @ rng.normal(size=(3, 3))
    scaled = log_densities_after_steps(structure, 7.0 * rows) + 3 * np.log(7.0)
    np.testing.assert_allclose(scaled, log_densities_after_steps(structure, rows), atol=1e-5)
