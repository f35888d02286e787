"""The registry of engines: which engine serves a problem."""

import subprocess
import sys

import pytest

from gaussmix.engines import ENGINES, Engine, base, engine_for, reference

LARGE = {"n_rows": 200_000, "n_components": 32, "n_features": 16}


def test_small_problems_do_not_wait_for_a_compiler():
    assert engine_for("auto", n_rows=1000, n_components=5, n_features=4) is ENGINES["reference"]
    assert engine_for("auto", n_rows=200_000, n_components=32, n_features=16) is ENGINES["fused"]
    assert engine_for("reference", n_rows=200_000, n_components=32, n_features=16).arithmetic is reference


def test_an_unknown_engine_is_named():
    with pytest.raises(ValueError, match="engine must be one of auto, reference, fused, got 'gpu'"):
        engine_for("gpu", n_rows=1, n_components=1, n_features=1)


@pytest.fixture
def broken(monkeypatch):
    """The compiled engine without the package that it imports."""
    monkeypatch.setitem(ENGINES, "fused", Engine("gaussmix.no_such_module", "gaussmix.no_such_module"))
    base._warn_of_slow_fits.cache_clear()


@pytest.mark.usefixtures("broken")
def test_large_problems_use_numpy_if_the_compiled_engine_cannot_be_imported_and_one_warning_says_so(recwarn):
    with pytest.warns(RuntimeWarning, match=r"computed by NumPy.*No module named 'gaussmix.no_such_module'"):
        assert engine_for("auto", **LARGE) is ENGINES["reference"]
    assert engine_for("auto", **LARGE) is ENGINES["reference"]
    assert not recwarn


@pytest.mark.usefixtures("broken")
def test_an_engine_that_cannot_be_imported_is_refused_by_name():
    with pytest.raises(ImportError, match=r"engine='fused' cannot be used: No module .* Use engine='reference'"):
        engine_for("fused", **LARGE)


_WITHOUT_COMPILER = """
import warnings
import numpy as np
from gaussmix import GaussianMixture
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", RuntimeWarning)
    GaussianMixture(2, init_params="kmeans").fit(np.random.default_rng(0).normal(size=(50_000, 2)) + [[0, 5]] * 50_000)
print(*(warning.message for warning in caught if warning.category is RuntimeWarning), sep="|")
"""


def test_a_large_fit_without_the_compiler_has_one_warning(monkeypatch):
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    found = subprocess.run(  # noqa: S603 - this interpreter, on the text above
        [sys.executable, "-c", _WITHOUT_COMPILER], capture_output=True, text=True, check=True
    )
    assert found.stdout.count("NUMBA_DISABLE_JIT is set") == 1
    assert "|" not in found.stdout
