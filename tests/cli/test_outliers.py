import io

import numpy as np
import polars as pl
import pytest

from gaussmix import GaussianMixtureOutlierDetector


@pytest.fixture
def rows(tmp_path, blobs):
    """The two groups and a row far from both, in a file whose third row has a hole."""
    frame = pl.DataFrame(np.vstack([blobs, [500.0, -500.0]]), schema=["width", "height"], orient="row")
    path = tmp_path / "rows.csv"
    lines = [
        f"{name},{line}" for name, line in zip(["id", *range(1000, 1061)], frame.write_csv().splitlines(), strict=True)
    ]
    path.write_text("\n".join([*lines[:3], "hole,1,", *lines[3:]]))
    return path, frame


@pytest.mark.parametrize("options", [{}, {"threshold": 0.2}, {"contamination": 0.1}])
def test_outliers_are_those_of_the_detector(done, rows, options):
    path, frame = rows
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    run = ("outliers", path, "--columns", "width,height", "--components", 2, "--drop-missing", *given)
    found = pl.read_csv(io.StringIO(done(*run)))
    assert found.columns == ["row", "outlier", "log_density"]
    assert found["row"].to_list() == list(range(1, 63))
    assert found["outlier"].is_null().arg_true().to_list() == [2]
    detector = GaussianMixtureOutlierDetector((2,), random_state=0, **options).fit(frame)
    assert found["outlier"].drop_nulls().to_list() == (detector.predict(frame) < 0).astype(int).tolist()
    np.testing.assert_allclose(found["log_density"].drop_nulls(), detector.score_samples(frame), rtol=1e-9)
    assert done(*run, "--keep", "id").splitlines()[3] == "hole,,"


def test_rows_with_missing_values_are_scored_by_their_observed_values(done, rows):
    path, frame = rows
    found = pl.read_csv(io.StringIO(done("outliers", path, "--columns", "width,height", "--components", 2)))
    hole = pl.DataFrame({"width": [1.0], "height": [None]}, schema=frame.schema)
    table = pl.concat([frame[:2], hole, frame[2:]])
    detector = GaussianMixtureOutlierDetector((2,), random_state=0).fit(table)
    np.testing.assert_allclose(found["log_density"], detector.score_samples(table), rtol=1e-9)
    assert found["outlier"].to_list() == (detector.predict(table) < 0).astype(int).tolist()


def test_the_border_is_said_unless_quiet(gaussmix, csv):
    run = ("outliers", csv, "--components", 2)
    assert " of 60 rows are outliers: their log-density is below " in gaussmix(*run).stderr
    assert "outliers" not in gaussmix(*run, "--quiet").stderr


def test_threshold_and_contamination_exclude_each_other(gaussmix, csv):
    result = gaussmix("outliers", csv, "--threshold", 0.1, "--contamination", 0.1)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "not both" in result.stderr


def test_rows_that_cannot_be_fitted_are_refused_in_a_sentence(refused, tmp_path):
    (tmp_path / "huge.csv").write_text("x,y\n1e200,1\n2e200,2\n3,4\n")
    assert "too large" in refused("outliers", tmp_path / "huge.csv")
