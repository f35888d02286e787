"""What crosses a process is the same on the other side: kinds, structures, statistics, mixtures, models, fits."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, is_dataclass
from multiprocessing import get_context

import numpy as np
import pytest

from cases import MOMENTS, clusters, mixture
from gaussmix.covariances import FORMS, Covariances
from gaussmix.em import run
from gaussmix.expectation import ENGINES
from gaussmix.m_step import MStep
from gaussmix.mixture import Mixture
from gaussmix.priors import NormalInverseWishart
from gaussmix.sources import ArraySource
from gaussmix.starts import given, relative_ridge
from gaussmix.statistics import FULL, Statistics
from gaussmix.structures import STRUCTURES, named

PROTOCOLS = range(2, pickle.HIGHEST_PROTOCOL + 1)


def pickled(value, protocol=pickle.HIGHEST_PROTOCOL):
    """Return the value after a round trip."""
    return pickle.loads(pickle.dumps(value, protocol))  # noqa: S301 - our own bytes


def assert_equal(one, other):
    """Assert that two values have the same type, the same fields to the bit, and that what is read-only stays so."""
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, strict=True)
        assert one.flags.writeable or not other.flags.writeable
    elif is_dataclass(one):
        for field in fields(one):
            assert_equal(getattr(one, field.name), getattr(other, field.name))
    elif isinstance(one, tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            assert_equal(left, right)
    else:
        assert one == other


def survives(value):
    for protocol in PROTOCOLS:
        assert_equal(value, pickled(value, protocol))


def fitted(structure, n_features=3):
    source = ArraySource(clusters(np.random.default_rng(0), 120, 2, n_features))
    m_step = MStep(structure, relative_ridge(source))
    start = given("kmeans", source, 2, m_step, np.random.default_rng(0))
    return source, m_step, run(source, start, m_step, tol=1e-4, max_iter=20, accelerate=True)


@pytest.mark.parametrize("kind", MOMENTS, ids=lambda kind: kind.name)
def test_kinds_of_moments(kind):
    assert all(pickled(kind, protocol) is kind for protocol in PROTOCOLS)


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_structures_models_and_fits(structure):
    copy = pickled(structure)
    assert copy == structure
    assert hash(copy) == hash(structure)
    assert all(copy != other for other in STRUCTURES if other.name != structure.name)
    _, m_step, fit = fitted(structure)
    survives(m_step)
    survives(fit)


@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.form)
def test_mixtures_and_their_covariances(form):
    model = mixture(np.random.default_rng(1), n_components=3, n_features=2, form=form)
    named_model = Mixture(model.weights, model.means, model.covariances, feature_names=("a", "b"))
    _ = named_model.log_norms, named_model.covariances.whitening  # what is found once is not sent along
    survives(named_model)
    assert len(pickle.dumps(named_model)) <= len(pickle.dumps(Mixture.from_dict(named_model.to_dict()))) + 16
    copy = pickled(named_model)
    np.testing.assert_array_equal(copy.log_norms, named_model.log_norms)
    with pytest.raises(ValueError, match="read-only"):
        copy.means[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        copy.covariances.factors[...] = 1.0
    assert isinstance(copy.covariances, Covariances)


@pytest.mark.parametrize("scale", [np.eye(2), np.ones(2)])
def test_priors(scale):
    survives(NormalInverseWishart([1.0, 2.0], 0.5, 4.0, scale))


def summed(task):
    """Return the statistics of one part of the rows, in another process."""
    model, rows, moments, engine = task
    return ArraySource(rows, engine=engine).reduce(model, moments)


@pytest.fixture(scope="module")
def processes():
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("form", FORMS.values(), ids=lambda form: form.form)
def test_statistics_of_two_processes_are_those_of_one(processes, form, engine):
    rng = np.random.default_rng(2)
    model = mixture(rng, n_components=3, n_features=4, form=form)
    rows = rng.normal(size=(300, 4))
    own = {one.form: one.moments for one in STRUCTURES}[form]
    for moments in {own, FULL}:
        tasks = [(model, part, moments, engine) for part in (rows[:100], rows[100:])]
        here = [summed(task) for task in tasks]
        there = list(processes.map(summed, tasks))
        for one, other in zip(here, there, strict=True):
            assert_equal(one, other)
        assert_equal(there[0] + there[1], here[0] + here[1])
        assert isinstance(there[0] - there[1], Statistics)


def test_a_fit_goes_on_in_another_process(processes):
    source, m_step, fit = fitted(named("VVV"))
    done = processes.submit(run, source, fit, m_step, tol=1e-9, max_iter=50).result()
    assert_equal(run(source, fit, m_step, tol=1e-9, max_iter=50), done)
