import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from gaussmix import Mixture, save
from gaussmix.cli.commands import app


@pytest.fixture(autouse=True)
def no_lines_of_progress(monkeypatch):
    """Print no line of progress, however slow the machine is."""
    monkeypatch.setattr("gaussmix.cli.progress._SECONDS", 1e6)


@pytest.fixture
def gaussmix():
    """Run the command line in this process; raise any error that is not an exit."""

    def run(*arguments):
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def done(gaussmix):
    """Return the output of a command that must succeed."""

    def run(*arguments):
        result = gaussmix(*arguments)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture
def refused(gaussmix):
    """Return the one sentence of a command that must stop with exit code 1."""

    def run(*arguments):
        result = gaussmix(*arguments)
        assert (result.exit_code, result.stdout) == (1, ""), result.stdout
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1
        return result.stderr.removeprefix("Error: ").strip()

    return run


@pytest.fixture
def blobs():
    """Two groups far apart, 40 and 20 rows."""
    rng = np.random.default_rng(0)
    return np.vstack([rng.normal([0, 0], [1, 2], size=(40, 2)), rng.normal([20, 50], [1, 2], size=(20, 2))])


@pytest.fixture
def csv(tmp_path, blobs):
    """The two groups in a CSV file with the columns ``width`` and ``height``."""
    path = tmp_path / "blobs.csv"
    pl.DataFrame(blobs, schema=["width", "height"], orient="row").write_csv(path)
    return path


@pytest.fixture
def mixture():
    covariances = [[[1.0, 0.5], [0.5, 4.0]], [[2.0, 0.0], [0.0, 3.0]]]
    return Mixture([0.25, 0.75], [[0.0, 0.0], [20.0, 50.0]], covariances, feature_names=["width", "height"])


@pytest.fixture
def model(tmp_path, mixture):
    path = tmp_path / "model.gmx"
    save(mixture, path)
    return path
