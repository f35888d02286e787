"""Against mclust: M-step, E-step and converged log-likelihoods; see tests/reference/README.md."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.engines import reference
from gaussmix.initialization import responsibilities_from, start_from
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

HERE = Path(__file__).parent / "reference"
IRIS = json.loads((HERE / "mclust_iris.json").read_text())
FITS = json.loads((HERE / "mclust_fits.json").read_text())

PRECISION = {"EVE": 1e-8}  # of the values themselves: the gradient by the axes is 5e-8 there, and 1e-12 at ours

oracles = pytest.mark.parametrize("assignment", ["hard", "soft"])
models = pytest.mark.parametrize("model", [structure.name for structure in STRUCTURES])


@pytest.fixture(scope="module")
def tables(faithful):
    return {
        "faithful": faithful,
        "iris": load_iris().data,
        "acidity": np.loadtxt(HERE / "acidity.csv", skiprows=1, ndmin=2),
    }


def first_responsibilities(assignment):
    return np.array(IRIS["z_soft"]) if assignment == "soft" else np.eye(3)[np.array(IRIS["labels"]) - 1]


def one_m_step(table, model, assignment):
    resp = first_responsibilities(assignment)
    origin = resp.T @ table / resp.sum(axis=0)[:, None]
    sums = reference.summarize(table, np.ones(len(table)), resp, origin, named(model).moments)
    return MStep(named(model), np.zeros(4)).maximize(sums)


@oracles
@models
def test_m_step(tables, model, assignment):
    fitted, expected = one_m_step(tables["iris"], model, assignment), IRIS[assignment][model]["mstep"]
    np.testing.assert_allclose(fitted.weights, expected["pro"], rtol=1e-9)
    np.testing.assert_allclose(fitted.means, expected["mean"], rtol=1e-9)
    sigma = np.array(expected["sigma"])
    rtol = PRECISION.get(model, 1e-9)
    np.testing.assert_allclose(fitted.covariances.dense(3, 4), sigma, rtol=rtol, atol=1e-12 * np.abs(sigma).max())


@oracles
@models
@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_e_step(tables, model, assignment, engine):
    fitted = one_m_step(tables["iris"], model, assignment)
    source = ArraySource(tables["iris"], engine=engine)
    log_likelihood = source.reduce(fitted, named(model).moments).log_likelihood
    assert log_likelihood == pytest.approx(IRIS[assignment][model]["estep"]["loglik"], rel=1e-10)


CELLS = [
    (table, model, k)
    for table, fits in FITS.items()
    for model, values in fits["loglik_tight"].items()
    for k, value in enumerate(values, start=1)
    if value is not None
]


@pytest.mark.parametrize(("table", "model", "k"), CELLS)
def test_converged_log_likelihood_from_the_same_partition(tables, table, model, k):
    rows = tables[table]
    m_step = MStep(named(model), np.zeros(rows.shape[1]))
    labels = np.array(FITS[table]["init_partition"][str(k)]) - 1
    source = ArraySource(rows)
    first = start_from(source, responsibilities_from(labels, len(rows), k), k, m_step)
    fit = run(source, first, m_step, tol=1e-10, max_iter=50_000)
    expected = FITS[table]["loglik_tight"][model][k - 1]
    assert fit.state.statistics.log_likelihood == pytest.approx(expected, rel=1e-8)
    assert m_step.n_parameters(k, rows.shape[1]) == FITS[table]["df"][model][k - 1]


@pytest.mark.parametrize("model", IRIS["hard_equal_weights"])
def test_converged_log_likelihood_with_equal_weights(tables, model):
    source, m_step = ArraySource(tables["iris"]), MStep(named(model), np.zeros(4), equal_weights=True)
    first = start_from(source, responsibilities_from(np.array(IRIS["labels"]) - 1, 150, 3), 3, m_step)
    fit = run(source, first, m_step, tol=1e-10, max_iter=50_000)
    expected = IRIS["hard_equal_weights"][model]
    assert fit.state.mixture.weights.tolist() == [1 / 3] * 3
    assert fit.state.statistics.log_likelihood == pytest.approx(expected["loglik"], rel=1e-8)
    assert m_step.n_parameters(3, 4) == expected["df"]


@models
def test_converged_log_likelihood_from_the_species(tables, model):
    source, m_step = ArraySource(tables["iris"]), MStep(named(model), np.zeros(4))
    first = start_from(source, responsibilities_from(np.array(IRIS["labels"]) - 1, 150, 3), 3, m_step)
    fit = run(source, first, m_step, tol=1e-10, max_iter=50_000)
    expected = IRIS["hard"][model]["me_tight"]["loglik"]
    assert fit.state.statistics.log_likelihood == pytest.approx(expected, rel=1e-8)
