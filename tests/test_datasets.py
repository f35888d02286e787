import builtins
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gaussmix.datasets import load_faithful


def test_the_table_is_that_of_r():
    """Means, deviations and the correlation that R 4.3 prints for its ``faithful``."""
    rows = load_faithful().data
    assert rows.shape == (272, 2)
    np.testing.assert_allclose(rows.mean(axis=0), [3.487783, 70.897059], atol=1e-6)
    np.testing.assert_allclose(rows.std(axis=0, ddof=1), [1.141371, 13.594974], atol=1e-6)
    np.testing.assert_allclose(np.corrcoef(rows.T)[0, 1], 0.9008112, atol=1e-7)


def test_a_frame_has_the_same_rows_and_the_names():
    faithful = load_faithful(as_frame=True)
    assert list(faithful.data.columns) == faithful.feature_names
    assert faithful.frame is faithful.data
    np.testing.assert_array_equal(faithful.data.to_numpy(), load_faithful().data)


def test_the_file_is_a_table_that_other_programs_read():
    pd.testing.assert_frame_equal(pd.read_csv(load_faithful().filename), load_faithful(as_frame=True).data)


def test_the_description_names_the_source():
    assert "Härdle (1991)" in load_faithful().DESCR
    assert Path(load_faithful().filename).exists()


def test_a_frame_without_pandas_says_how_to_install_it(monkeypatch):
    original = builtins.__import__

    def without_pandas(name, *arguments):
        if name == "pandas":
            raise ModuleNotFoundError(name)
        return original(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ModuleNotFoundError, match="pip install pandas"):
        load_faithful(as_frame=True)
