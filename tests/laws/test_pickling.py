"""What crosses a process is the same on the other side: kinds, structures, statistics, mixtures, models, fits."""

import pickle
import subprocess
import sys
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from cases import MOMENTS, clusters, mixture
from gaussmix.covariances import FORMS, Covariances
from gaussmix.em import run
from gaussmix.em.m_step import MStep
from gaussmix.engines import ENGINES
from gaussmix.initialization import make_user_start, relative_ridge
from gaussmix.mixture import Mixture
from gaussmix.moments import FULL
from gaussmix.priors import NormalInverseWishart
from gaussmix.sources import ArraySource
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
    start = make_user_start("kmeans", source, 2, m_step, np.random.default_rng(0))
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


def elsewhere(expression, value):
    """Return what an expression of a pickled value gives in a process of its own."""
    program = (
        "import pickle, sys\nfrom gaussmix.em import run\nfrom gaussmix.sources import ArraySource\n"
        f"value = pickle.load(sys.stdin.buffer)\nsys.stdout.buffer.write(pickle.dumps({expression}))"
    )
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], input=pickle.dumps(value), capture_output=True, check=True
    )
    return pickle.loads(done.stdout)  # noqa: S301 - our own bytes


def halves(form, engine):
    """A mixture, one half of some rows and the other, and the kinds of moments that are summed up of them."""
    rng = np.random.default_rng(2)
    model, rows = mixture(rng, n_components=3, n_features=4, form=form), rng.normal(size=(300, 4))
    kinds = list({{one.form: one.moments for one in STRUCTURES}[form], FULL})
    return [(model, ArraySource(part, engine=engine), kinds) for part in (rows[:100], rows[100:])]


CASES = {(form, engine): halves(form, engine) for form in FORMS.values() for engine in ENGINES}


@pytest.fixture(scope="module")
def there():
    """The statistics of each case's two halves, each half summed up in a process of its own."""
    program = "{case: [source.reduce(model, kind) for kind in kinds] for case, (model, source, kinds) in value.items()}"
    return [elsewhere(program, {case: parts[i] for case, parts in CASES.items()}) for i in range(2)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].form}-{case[1]}")
def test_statistics_of_two_processes_are_those_of_one(case, there):
    here = [[source.reduce(model, kind) for kind in kinds] for model, source, kinds in CASES[case]]
    for i in range(len(here[0])):
        one, other = (process[case][i] for process in there)
        assert_equal(here[0][i], one)
        assert_equal(here[1][i], other)
        assert_equal(one + other, here[0][i] + here[1][i])


def test_a_fit_goes_on_in_another_process():
    source, m_step, fit = fitted(named("VVV"))
    done = elsewhere("run(*value, tol=1e-9, max_iter=50)", (source, fit, m_step))
    assert_equal(run(source, fit, m_step, tol=1e-9, max_iter=50), done)
