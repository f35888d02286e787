"""Few rows of many features: a fit in the span of the rows is the fit in all dimensions."""

import numpy as np
import pytest

from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.estimators.span import Span
from gaussmix.fitting import Problem
from gaussmix.initialization import relative_ridge, start_from
from gaussmix.initialization.assignments import from_labels
from gaussmix.sources import ArraySource, LabelledSource
from gaussmix.structures import STRUCTURES, named

names = pytest.mark.parametrize("name", ["full", "tied"])


def table(*, weighted=False):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(14, 20)) * np.geomspace(0.01, 100, 20) + 1e3
    return ArraySource(rows, rng.uniform(0.5, 2.0, 14) if weighted else None), np.arange(14) % 2


@names
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("hold", [1e-6, 1e-2])
def test_steps_in_the_span_are_those_in_all_dimensions(name, weighted, hold):
    source, labels = table(weighted=weighted)
    m_step = MStep(named(name), hold * relative_ridge(source, 1.0))
    span = Span.of(source, m_step.ridge)
    in_span = span.reduce(Problem.of(source, 2, m_step))
    inner, model = in_span.source, in_span.m_step
    assert inner.n_features == 13
    whole, reduced = (
        run(rows, start_from(rows, from_labels(labels, 2), 2, one), one, tol=0.0, max_iter=3)
        for rows, one in ((source, m_step), (inner, model))
    )
    lifted = span.lift_mixture(reduced.state.mixture)
    theirs = whole.state.mixture
    np.testing.assert_allclose(lifted.weights, theirs.weights, rtol=1e-8)
    np.testing.assert_allclose(lifted.means, theirs.means, rtol=1e-8)
    units = np.sqrt(m_step.ridge)
    dense = [one.covariances.dense(2, 20) / np.outer(units, units) for one in (lifted, theirs)]
    np.testing.assert_allclose(dense[0], dense[1], atol=1e-6 * np.abs(dense[1]).max())
    shift = whole.state.log_likelihood - reduced.state.log_likelihood
    assert shift == pytest.approx(-np.log(units).sum() - 3.5 * np.log(2 * np.pi), rel=1e-8)


def test_it_serves_where_rows_are_few_and_the_structure_does_not_know_the_axes():
    source, _ = table()
    ridge = relative_ridge(source)
    served = [one.public_name for one in STRUCTURES if Span.applies_to(source, MStep(one, ridge))]
    assert served == ["tied", "full"]
    assert not Span.applies_to(source, MStep(named("full"), 0.0 * ridge))
    assert not Span.applies_to(source, MStep(named("full"), ridge, eigenvalue_ratio=5.0))
    assert not Span.applies_to(ArraySource(np.tile(source.rows, (2, 1))), MStep(named("full"), ridge))


def test_it_does_not_apply_to_rows_that_bring_more_than_weights():
    source, labels = table()
    m_step = MStep(named("full"), relative_ridge(source))
    assert Span.applies_to(source, m_step)
    assert not Span.applies_to(LabelledSource(source.rows, labels=labels, sizes=(1, 1)), m_step)
