import pytest
from matplotlib import pyplot as plt


@pytest.fixture
def ax():
    return plt.figure().subplots()


@pytest.fixture(autouse=True)
def _nothing_is_shown(monkeypatch):
    def show(*_args, **_options):
        raise AssertionError

    monkeypatch.setattr(plt, "show", show)
