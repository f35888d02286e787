"""The registry of engines: which engine serves a problem."""

import pytest

from gaussmix.engines import ENGINES, engine_for, reference


def test_small_problems_do_not_wait_for_a_compiler():
    assert engine_for("auto", n_rows=1000, n_components=5, n_features=4) is ENGINES["reference"]
    assert engine_for("auto", n_rows=200_000, n_components=32, n_features=16) is ENGINES["fused"]
    assert engine_for("reference", n_rows=200_000, n_components=32, n_features=16).arithmetic is reference


def test_an_unknown_engine_is_named():
    with pytest.raises(ValueError, match="engine must be one of auto, reference, fused, got 'gpu'"):
        engine_for("gpu", n_rows=1, n_components=1, n_features=1)
