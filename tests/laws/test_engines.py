"""Laws of every engine: one protocol, the same numbers, and a new one is a line in the registry."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from cases import FORMS, MOMENTS, clusters, mixture
from gaussmix import GaussianMixture
from gaussmix.engines import ENGINES, Engine, reference
from gaussmix.statistics import ADDITIVE


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    """An engine of a few lines: the plain one, which counts its calls."""
    monkeypatch.setitem(ENGINES, "toy", Engine("toy_engine", "gaussmix.engines.reference_truncated"))
    import toy_engine  # noqa: PLC0415 - an engine is imported when it is used

    toy_engine.calls.clear()
    return toy_engine.calls


@pytest.mark.parametrize("name", [*ENGINES, "toy"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_an_engine_gives_the_numbers_of_the_plain_one(name, form):
    rng = np.random.default_rng(0)
    model = mixture(rng, form, n_components=4, n_features=3)
    rows, weights = rng.normal(scale=3.0, size=(500, 3)), rng.uniform(0.1, 2.0, 500)
    arithmetic = ENGINES[name].arithmetic
    for moments in MOMENTS:
        found, expected = (one.expect(model, rows, weights, moments) for one in (arithmetic, reference))
        for field in set(ADDITIVE) - {"skipped"}:
            np.testing.assert_allclose(getattr(found, field), getattr(expected, field), rtol=1e-9, atol=1e-9)
    for found, expected in zip(
        arithmetic.assess(model, rows, responsibilities=True),
        reference.assess(model, rows, responsibilities=True),
        strict=True,
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert arithmetic.assess(model, rows)[2].shape == (0, 4)


@pytest.mark.parametrize("name", [*ENGINES, "toy"])
def test_an_engine_that_is_registered_serves_every_fit(toy, name):
    rows = clusters(np.random.default_rng(1), 400, 3, 2)
    model = GaussianMixture(3, engine=name, random_state=0).fit(rows)
    plain = GaussianMixture(3, engine="reference", random_state=0).fit(rows)
    assert model.lower_bound_ == pytest.approx(plain.lower_bound_, rel=1e-9)
    np.testing.assert_array_equal(model.merge_components(rows).merges, plain.merge_components(rows).merges)
    assert bool(toy) == (name == "toy")


def test_an_engine_that_there_is_not_is_named():
    with pytest.raises(ValueError, match=r"engine must be one of auto, reference, fused, .*got 'gpu'"):
        GaussianMixture(2, engine="gpu").fit(np.random.default_rng(0).normal(size=(50, 2)))


def without_numba(program):
    """Return what a program prints where numba cannot be imported."""
    hidden = "import sys; sys.modules['numba'] = sys.modules['llvmlite'] = None\n"
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-W", "ignore", "-c", hidden + textwrap.dedent(program)],
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


def test_all_is_fitted_without_numba_and_the_compiled_engine_says_what_it_needs():
    said = without_numba(
        """
        import numpy as np
        from gaussmix import GaussianMixture, GaussianMixtureSearch, Mixture
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(60_000, 2)) + 8.0 * rng.integers(0, 3, 60_000)[:, None]
        model = GaussianMixture(3, random_state=0).fit(rows)
        print(np.sort(model.means_[:, 0]).round().astype(int).tolist(), len(model.predict(rows)))
        truncated = GaussianMixture(12, algorithm="truncated", random_state=0)
        print(truncated.fit(rows[:9000]).n_features_in_)
        print(GaussianMixtureSearch([1, 2], structures=["full"], random_state=0).fit(rows[:500]).n_features_in_)
        try:
            GaussianMixture(2, engine="fused").fit(rows)
        except ImportError as error:
            print(error)
        """
    )
    assert said.splitlines() == [
        "[0, 8, 16] 60000",
        "2",
        "2",
        (
            "engine='fused' cannot be used: No module named 'numba.core'; 'numba' is not a package. "
            "Use engine='reference'."
        ),
    ]
