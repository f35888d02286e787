"""Priors against densities written elsewhere, a general maximizer, and mclust; see tests/reference/README.md."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize
from sklearn.datasets import load_iris

from cases import clusters, covariances, matrices, vector
from gaussmix.em import run
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.engines import reference
from gaussmix.initialization import responsibilities_from, start_from
from gaussmix.mixture import Mixture
from gaussmix.priors import NAMES, NormalInverseWishart, scaled
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

HERE = Path(__file__).parent / "reference"
MCLUST = json.loads((HERE / "mclust_prior.json").read_text())
FITS = json.loads((HERE / "mclust_fits.json").read_text())
IRIS = load_iris()

DEFINED = [structure.name for structure in STRUCTURES if structure.takes_prior]
UNDEFINED = [structure.name for structure in STRUCTURES if not structure.takes_prior]
CLOSED = ["EII", "VII", "EEI", "VVI", "EEE", "VVV"]

names = pytest.mark.parametrize("name", DEFINED)
shrinkages = pytest.mark.parametrize("shrinkage", [0.0, 2.5])


def prior_for(rng, n_features=2, shrinkage=2.5, dof=7.0):
    return NormalInverseWishart(
        rng.normal(size=n_features), shrinkage, dof, matrices(rng, 1, n_features)[0] * rng.uniform(1, 9)
    )


def sums(rng, structure, n_components=3, n_features=2, n=40):
    rows = clusters(rng, n, n_components, n_features)
    resp = rng.dirichlet(np.ones(n_components), size=n)
    return reference.summarize(rows, np.ones(n), resp, rng.normal(size=(n_components, n_features)), structure.moments)


def log_prior_by_scipy(prior, structure, mixture):
    """The densities as scipy knows them."""
    dense = mixture.covariances.dense(*mixture.means.shape)
    distinct = dense[:1] if structure.shared else dense
    if structure.moments.correlated:
        value = sum(stats.invwishart.logpdf(one, df=prior.dof, scale=prior.scale) for one in distinct)
    else:
        variances, scales = np.diagonal(distinct, axis1=1, axis2=2), np.diagonal(prior.scale)
        if structure.moments.dof_per_row(2) == 2:
            variances, scales = variances[:, :1], scales.mean()
        value = stats.invgamma.logpdf(variances, prior.dof / 2, scale=scales / 2).sum()
    if prior.shrinkage:
        value += sum(
            stats.multivariate_normal.logpdf(mean, prior.mean, cov / prior.shrinkage)
            for mean, cov in zip(mixture.means, dense, strict=True)
        )
    return float(value)


@names
@shrinkages
def test_the_log_density_is_that_of_scipy_but_for_a_constant(name, shrinkage):
    rng, structure = np.random.default_rng(0), named(name)
    prior = prior_for(rng, shrinkage=shrinkage)
    mixtures = [
        MStep(structure, np.zeros(2)).maximize(sums(rng, structure)),
        MStep(structure, np.zeros(2), prior=prior).maximize(sums(rng, structure)),
        Mixture(np.ones(3) / 3, rng.normal(size=(3, 2)), covariances(rng, structure.form, 3, 2)),
    ]
    mixtures = mixtures if name in CLOSED and not structure.shared else mixtures[:2]
    ours = [MStep(structure, np.zeros(2), prior=prior).log_prior(one) for one in mixtures]
    theirs = [log_prior_by_scipy(prior, structure, one) for one in mixtures]
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-10)


COVARIANCES = {
    "EII": lambda v, k, d: np.tile(np.exp(v[0]) * np.eye(d), (k, 1, 1)),
    "VII": lambda v, k, d: np.exp(v[:k])[:, None, None] * np.eye(d),
    "EEI": lambda v, k, d: np.tile(np.diag(np.exp(v[:d])), (k, 1, 1)),
    "VVI": lambda v, k, d: np.exp(v[: k * d]).reshape(k, d)[:, :, None] * np.eye(d),
    "EEE": lambda v, k, d: np.tile(product(v[: d * d].reshape(1, d, d)), (k, 1, 1)),
    "VVV": lambda v, k, d: product(v[: k * d * d].reshape(k, d, d)),
}


def product(v):
    """Positive definite matrices from all numbers: lower triangles with exponentials on the diagonal."""
    lower = np.tril(v, -1) + np.exp(v) * np.eye(v.shape[1])
    return lower @ lower.transpose(0, 2, 1)


@pytest.mark.parametrize("name", CLOSED)
@shrinkages
def test_a_general_maximizer_finds_the_same(name, shrinkage):
    """Of the expected log-likelihood and scipy's prior densities together, over means and covariances at once."""
    structure, shape = named(name), (3, 2)
    prior = prior_for(np.random.default_rng(0), shrinkage=shrinkage)
    own, statistics = (sums(np.random.default_rng(1), one) for one in (structure, named("VVV")))

    def value(means, dense):
        seconds = statistics.about(means).second
        traces = np.einsum("kij,kji->k", np.linalg.inv(dense), seconds)
        likelihood = -0.5 * (statistics.mass * np.linalg.slogdet(dense)[1] + traces).sum()
        return likelihood + log_prior_by_scipy(prior, structure, Mixture(np.ones(3) / 3, means, dense))

    def loss(v):
        return -value(v[:6].reshape(shape), COVARIANCES[name](v[6:], *shape))

    fitted = MStep(structure, np.zeros(2), prior=prior).maximize(own)
    found = minimize(loss, np.append(statistics.means.ravel(), np.zeros(12)), method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(found.x[:6].reshape(shape), fitted.means, atol=1e-5)
    np.testing.assert_allclose(COVARIANCES[name](found.x[6:], *shape), fitted.covariances.dense(3, 2), rtol=1e-4)
    assert value(fitted.means, fitted.covariances.dense(3, 2)) >= -found.fun - 1e-9


@names
def test_weights_are_those_of_the_rows(name):
    rng, structure = np.random.default_rng(0), named(name)
    statistics = sums(rng, structure)
    fitted = MStep(structure, np.zeros(2), prior=prior_for(rng)).maximize(statistics)
    np.testing.assert_allclose(fitted.weights, statistics.mass / 40)


def test_the_ridge_is_added_to_the_most_probable_covariances():
    rng, structure, ridge = np.random.default_rng(0), named("full"), np.array([0.5, 2.0])
    statistics, prior = sums(rng, structure), prior_for(rng)
    plain, ridged = (MStep(structure, r, prior=prior).maximize(statistics) for r in (np.zeros(2), ridge))
    np.testing.assert_allclose(ridged.covariances.covariances, plain.covariances.covariances + np.diag(ridge))


@names
def test_a_component_on_one_row_is_held_open_and_an_empty_one_too(name):
    rng = np.random.default_rng(0)
    rows, labels = clusters(rng, n=40), rng.integers(2, size=40)
    labels[0], resp = 2, np.zeros((40, 4))
    resp[np.arange(40), labels] = 1.0
    m_step = MStep(named(name), np.zeros(2), prior=scaled("weak", rows.mean(0), np.cov(rows.T), 4, named(name)))
    fitted = start_from(ArraySource(rows), responsibilities_from(resp, 40, 4), 4, m_step)
    assert np.isfinite(vector(fitted)).all()
    assert np.isfinite(fitted.logpdf(rows)).all()
    assert fitted.weights[3] == 0


@pytest.mark.parametrize("name", ["spherical", "diag", "full"])
def test_a_prior_of_no_weight_and_no_scale_holds_nothing_open(name):
    rows, structure = clusters(np.random.default_rng(0), n=40), named(name)
    labels = np.eye(40, dtype=int)[0]
    nothing = NormalInverseWishart(np.zeros(2), 0.0, structure.moments.weightless_dof(2), np.zeros((2, 2)))
    with pytest.raises(IllDefinedCovarianceError):
        start_from(
            ArraySource(rows), responsibilities_from(labels, 40, 2), 2, MStep(structure, np.zeros(2), prior=nothing)
        )


@names
@pytest.mark.parametrize("n_features", [1, 3])
def test_the_weak_prior_is_one_row_for_each_covariance(name, n_features):
    """Spread as far as the columns: with all rows on one point, the covariance is a share of the columns' variances."""
    structure, variances = named(name), np.linspace(1, 5, n_features)
    prior = scaled("weak", np.zeros(n_features), np.diag(variances), 2, structure)
    assert prior.weight(structure) == pytest.approx(1)
    point = reference.summarize(
        np.ones((3, n_features)), np.ones(3), np.ones((3, 1)), np.zeros((1, n_features)), structure.moments
    )
    fitted = MStep(structure, np.zeros(n_features), prior=prior).maximize(point)
    spread = np.trace(fitted.covariances.dense(1, n_features)[0])
    assert spread == pytest.approx(variances.sum() / 2 ** (2 / n_features) / 4)


@names
def test_the_weak_prior_does_not_depend_on_units(name):
    rng, structure = np.random.default_rng(0), named(name)
    rows, resp = clusters(rng, n=60), rng.dirichlet(np.ones(3), size=60)
    own_axes = structure.moments.correlated and name not in CLOSED
    units = np.full(2, 1e-3) if own_axes or structure.moments.dof_per_row(2) == 2 else np.array([1e-4, 1e3])

    def fitted(table):
        prior = scaled("weak", table.mean(axis=0), np.cov(table.T), 3, structure)
        source, m_step = ArraySource(table), MStep(structure, np.zeros(2), prior=prior)
        return run(
            source, start_from(source, responsibilities_from(resp, 60, 3), 3, m_step), m_step, tol=0, max_iter=5
        ).state.mixture

    plain, mapped = fitted(rows), fitted(rows * units)
    np.testing.assert_allclose(mapped.means / units, plain.means, rtol=1e-6)
    np.testing.assert_allclose(
        mapped.covariances.dense(3, 2) / np.outer(units, units), plain.covariances.dense(3, 2), rtol=1e-5, atol=1e-9
    )


def mclusts(name, n_components):
    return scaled("mclust", IRIS.data.mean(axis=0), np.cov(IRIS.data.T), n_components, named(name))


def begun_on_iris(name, n_components, labels):
    source, m_step = ArraySource(IRIS.data), MStep(named(name), np.zeros(4), prior=mclusts(name, n_components))
    return source, start_from(source, responsibilities_from(labels, 150, n_components), n_components, m_step), m_step


def limit_on_iris(name, n_components, labels, tol=0.0):
    """The log-likelihood where it stands still, or within `tol` per row of its limit."""
    fit = run(*begun_on_iris(name, n_components, labels), tol=tol, max_iter=500, accelerate=True)
    return fit.state.statistics.log_likelihood


def bic(name, n_components, log_likelihood):
    """As mclust has it: the larger the better."""
    return 2 * log_likelihood - MStep(named(name), np.zeros(4)).n_parameters(n_components, 4) * np.log(150)


@pytest.mark.parametrize("name", MCLUST["species"])
def test_mclusts_hyperparameters_and_m_step(name):
    expected, (_, fitted, _) = MCLUST["species"][name], begun_on_iris(name, 3, IRIS.target)
    prior, theirs = mclusts(name, 3), expected["prior"]
    assert (prior.shrinkage, prior.dof) == (theirs["shrinkage"], theirs["dof"])
    np.testing.assert_allclose(prior.mean, theirs["mean"])
    np.testing.assert_allclose(prior.scale, np.multiply(theirs["scale"], 1 if np.ndim(theirs["scale"]) else np.eye(4)))
    np.testing.assert_allclose(fitted.means, expected.get("mean", fitted.means), rtol=1e-9)
    np.testing.assert_allclose(fitted.covariances.dense(3, 4), expected["sigma"], rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", MCLUST["bic"])
def test_mclusts_converged_log_likelihood(name):
    log_likelihood = limit_on_iris(name, 3, IRIS.target)
    assert log_likelihood == pytest.approx(MCLUST["species"][name]["loglik"], rel=1e-9)


@pytest.mark.parametrize("name", MCLUST["one_component_bic"])
def test_mclusts_bic_of_one_component(name):
    log_likelihood = limit_on_iris(name, 1, np.zeros(150, dtype=int))
    assert bic(name, 1, log_likelihood) == pytest.approx(MCLUST["one_component_bic"][name], rel=1e-12)


@pytest.mark.parametrize("name", MCLUST["bic"])
@pytest.mark.parametrize("n_components", [2, 3, 4])
def test_mclusts_bic_from_its_partition(name, n_components):
    labels = np.array(FITS["iris"]["init_partition"][str(n_components)]) - 1
    log_likelihood = limit_on_iris(name, n_components, labels, tol=1e-6)
    assert bic(name, n_components, log_likelihood) == pytest.approx(MCLUST["bic"][name][n_components - 2], abs=0.15)


def test_small_scales_keep_their_digits():
    """Units a trillion apart, and a scale that leaves a feature out."""
    units = np.array([1e6, 1.0, 1e-6])
    scale = matrices(np.random.default_rng(0), 1, 3)[0] * np.outer(units, units)
    for wanted in (scale, np.diag([1.0, 0.0, 1e-9])):
        root = NormalInverseWishart(np.zeros(3), 0.0, 5.0, wanted)._root
        np.testing.assert_allclose(root.T @ root, wanted, rtol=1e-12, atol=1e-25)


def test_it_cannot_be_changed():
    mean = np.zeros(2)
    prior = NormalInverseWishart(mean, 0.01, 4, np.eye(2))
    mean[0] = 9.0
    assert prior.mean[0] == 0
    assert prior.scale.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        prior.scale[0, 0] = 2.0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"mean": [[0.0, 0.0]]}, r"mean must have shape \(n_features,\), got \(1, 2\)"),
        ({"mean": [0.0, np.nan]}, "mean must be finite, got NaN or infinity"),
        ({"shrinkage": -0.1}, r"shrinkage must be a finite number, at least 0, got -0\.1"),
        ({"shrinkage": np.nan}, "shrinkage must be a finite number, at least 0, got nan"),
        ({"dof": -3.5}, r"dof must be a finite number, at least -3, got -3\.5"),
        ({"dof": np.inf}, "dof must be a finite number, at least -3, got inf"),
        ({"scale": np.eye(3)}, r"scale must have shape \(2, 2\), as mean has 2 entries, got \(3, 3\)"),
        ({"scale": [[1.0, np.inf], [np.inf, 1.0]]}, "scale must be finite"),
        ({"scale": [[1.0, 0.5], [0.0, 1.0]]}, r"scale must be symmetric, got \[\[1\.0, 0\.5\], \[0\.0, 1\.0\]\]"),
        ({"scale": [[1.0, 2.0], [2.0, 1.0]]}, "scale must be positive semidefinite, got .* negative eigenvalue"),
        ({"scale": -np.eye(2)}, "scale must be positive semidefinite"),
    ],
)
def test_what_is_no_prior_is_refused(changed, message):
    arguments = {"mean": [0.0, 0.0], "shrinkage": 0.01, "dof": 4.0, "scale": np.eye(2)}
    with pytest.raises(ValueError, match=message):
        NormalInverseWishart(**(arguments | changed))


@pytest.mark.parametrize("name", UNDEFINED)
def test_structures_without_a_prior_are_refused(name):
    message = f"prior is not defined for structure '{name}'; it is for EII, spherical, EEI, VEI, EVI, diag, tied, EEV"
    with pytest.raises(ValueError, match=message):
        MStep(named(name), np.zeros(2), prior=prior_for(np.random.default_rng(0)))


def test_a_prior_must_fit_the_rows_and_the_structure():
    with pytest.raises(ValueError, match="prior must be for 3 features, as the rows have, got one for 2"):
        MStep(named("full"), np.zeros(3), prior=prior_for(np.random.default_rng(0)))
    with pytest.raises(ValueError, match=r"dof must be at least -2 for structure 'diag', got -2\.5"):
        MStep(named("diag"), np.zeros(2), prior=prior_for(np.random.default_rng(0), dof=-2.5))


def test_an_unknown_name_is_refused():
    assert list(NAMES) == ["weak", "mclust"]
    with pytest.raises(ValueError, match="prior must be one of weak, mclust, got 'strong'"):
        scaled("strong", np.zeros(2), np.eye(2), 2, named("full"))
