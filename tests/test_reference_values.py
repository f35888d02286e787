"""Against mclust: M-step, E-step and converged log-likelihoods; see tests/reference/README.md."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris

from gaussmix.em import maximize, run
from gaussmix.expectation import reference
from gaussmix.sources import ArraySource
from gaussmix.starts import assigned, start
from gaussmix.structures import named

HERE = Path(__file__).parent / "reference"
IRIS = json.loads((HERE / "mclust_iris.json").read_text())
FITS = json.loads((HERE / "mclust_fits.json").read_text())
MODELS = ("EII", "VII", "EEI", "VVI", "EEE", "VVV")

oracles = pytest.mark.parametrize("assignment", ["hard", "soft"])
models = pytest.mark.parametrize("model", MODELS)


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
    return maximize(sums, named(model), np.zeros(4))


@oracles
@models
def test_m_step(tables, model, assignment):
    fitted, expected = one_m_step(tables["iris"], model, assignment), IRIS[assignment][model]["mstep"]
    np.testing.assert_allclose(fitted.weights, expected["pro"], rtol=1e-9)
    np.testing.assert_allclose(fitted.means, expected["mean"], rtol=1e-9)
    sigma = np.array(expected["sigma"])
    np.testing.assert_allclose(fitted.covariances.dense(3, 4), sigma, rtol=1e-9, atol=1e-12 * np.abs(sigma).max())


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
    rows, structure = tables[table], named({"E": "EII", "V": "VII"}.get(model, model))
    labels = np.array(FITS[table]["init_partition"][str(k)]) - 1
    source, ridge = ArraySource(rows), np.zeros(rows.shape[1])
    first = start(source, assigned(labels, len(rows), k), k, structure, ridge)
    fit = run(source, first, structure, ridge=ridge, tol=1e-10, max_iter=50_000)
    expected = FITS[table]["loglik_tight"][model][k - 1]
    assert fit.state.statistics.log_likelihood == pytest.approx(expected, rel=1e-8)
    assert structure.n_parameters(k, rows.shape[1]) == FITS[table]["df"][model][k - 1]
