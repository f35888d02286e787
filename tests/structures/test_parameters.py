"""A structure with a parameter is a value, and can be registered, used everywhere and unregistered."""

import pickle

import numpy as np
import pytest
from matplotlib.figure import Figure

from cases import clusters
from equicorrelated import Equicorrelated
from gaussmix import GaussianMixture, GaussianMixtureSearch, plot
from gaussmix.em.m_step import MStep
from gaussmix.initialization import relative_ridge
from gaussmix.selection import Search
from gaussmix.selection.sweeps import fit_models
from gaussmix.sources import ArraySource
from gaussmix.structures import NAMES, named


@pytest.fixture
def _registered(monkeypatch):
    monkeypatch.setitem(NAMES, Equicorrelated.name, Equicorrelated)


@pytest.fixture(scope="module")
def rows():
    return clusters(np.random.default_rng(0), n=150)


@pytest.mark.usefixtures("_registered")
def test_a_name_and_parameters_make_a_value():
    one = named("equicorrelated", correlation=0.25)
    assert one == Equicorrelated(0.25) != named("equicorrelated", correlation=0.5)
    assert one != named("full")
    assert len({one, Equicorrelated(0.25), Equicorrelated(0.5), named("full")}) == 3
    assert one.public_name == one.name_for(1) == "equicorrelated(correlation=0.25)"


def test_it_pickles_by_value():
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        copy = pickle.loads(pickle.dumps(Equicorrelated(0.25), protocol))  # noqa: S301 - our own bytes
        assert copy == Equicorrelated(0.25)
        assert hash(copy) == hash(Equicorrelated(0.25))


@pytest.mark.usefixtures("_registered")
def test_wrong_parameters_are_refused():
    with pytest.raises(TypeError, match=r"structure 'equicorrelated' was given wrong parameters: .*'q'"):
        named("equicorrelated", q=3)
    with pytest.raises(TypeError, match=r"structure 'full' was given wrong parameters: .*'correlation'"):
        named("full", correlation=0.5)


def test_a_name_is_known_while_it_is_registered(rows, monkeypatch):
    estimator = GaussianMixture(3, covariance_type="equicorrelated", random_state=0)
    for use in (lambda: named("equicorrelated"), lambda: estimator.fit(rows)):
        with pytest.raises(ValueError, match="equicorrelated"):
            use()
    monkeypatch.setitem(NAMES, Equicorrelated.name, Equicorrelated)
    covariances = estimator.fit(rows).covariances_
    np.testing.assert_allclose(covariances[:, 0, 1] / covariances[:, 0, 0], 0.5, rtol=1e-4)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="covariance_type"):
        estimator.fit(rows)


def test_it_is_searched_beside_others_and_each_value_is_a_model(rows):
    source = ArraySource(rows)
    structures = (Equicorrelated(0.9), named("full"), Equicorrelated(0.1))
    m_steps = tuple(MStep(one, relative_ridge(source)) for one in structures)
    results = fit_models(Search(source, (1, 2, 3), m_steps, stop_early=False), np.random.default_rng(0))
    found = {(one.structure, one.n_components): one.log_likelihood for one in results.candidates}
    assert {structure for structure, _ in found} == set(structures)
    assert all(found[named("full"), k] >= found[Equicorrelated(rho), k] for k in (1, 2, 3) for rho in (0.1, 0.9))


@pytest.mark.usefixtures("_registered")
def test_a_search_shows_it_in_its_table_and_picture(rows):
    results = GaussianMixtureSearch([1, 2], structures="equicorrelated", random_state=0).fit(rows).results_
    assert "equicorrelated(correlation=0.5)" in repr(results)
    ax = plot.criteria(results, ax=Figure().subplots())
    assert ax.lines[0].get_label() == "equicorrelated(correlation=0.5)"


def test_the_free_structure_contains_it():
    assert named("full").contains(Equicorrelated(0.3))
    assert named("full").freedom > Equicorrelated(0.3).freedom
    assert Equicorrelated(0.3).contains(Equicorrelated(0.3))
    assert not Equicorrelated(0.3).contains(Equicorrelated(0.4))
    assert not any(named(name).contains(Equicorrelated(0.3)) for name in ("EII", "EEE", "VEV"))
