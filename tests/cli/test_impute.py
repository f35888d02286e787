"""The command fills in missing values as the model does, and says which."""

import io

import numpy as np
import polars as pl
import pytest

HOLES = "id,width,height\nA,1,2\nB,,3\nC,20,\nD,,\n"
ROWS = np.array([[1, 2], [np.nan, 3], [20, np.nan], [np.nan, np.nan]])


@pytest.fixture
def holes(tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text(HOLES)
    return path


def table(text):
    return pl.read_csv(io.StringIO(text))


@pytest.mark.parametrize("method", ["mean", "mode"])
def test_values_are_those_of_the_mixture(done, model, mixture, holes, method):
    frame = table(done("impute", model, holes, "--method", method))
    assert frame.columns == ["row", "width", "height"]
    assert frame["row"].to_list() == [1, 2, 3, 4]
    np.testing.assert_allclose(frame.select("width", "height").to_numpy(), mixture.impute(ROWS, method), rtol=1e-12)


def test_the_mean_is_the_default(done, model, holes):
    assert done("impute", model, holes) == done("impute", model, holes, "--method", "MEAN")


def test_draws_stand_one_below_the_other(done, model, mixture, holes):
    frame = table(done("impute", model, holes, "--method", "sample", "--draws", 3, "--seed", 1))
    assert frame.columns == ["draw", "row", "width", "height"]
    assert frame["draw"].to_list() == [1] * 4 + [2] * 4 + [3] * 4
    drawn = mixture.impute(ROWS, "sample", n_draws=3, random_state=1)
    np.testing.assert_allclose(frame.select("width", "height").to_numpy(), drawn.reshape(-1, 2), rtol=1e-12)
    once = table(done("impute", model, holes, "--method", "sample", "--seed", 1))
    assert once.equals(frame.filter(draw=1).drop("draw"))


def test_rows_are_recognized_by_columns_of_the_file(done, model, holes, tmp_path):
    kept = table(done("impute", model, holes, "--keep", "id"))
    assert kept.columns == ["id", "width", "height"]
    assert kept["id"].to_list() == list("ABCD")
    path = tmp_path / "filled.csv"
    assert done("impute", model, holes, "--append", "--out", path) == ""
    whole = pl.read_csv(path)
    assert whole.columns == ["id", "width", "height"]
    assert whole.equals(kept)


def test_columns_without_missing_values_stay_as_they_are_written(done, model, tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text("code,width,height\n007,1,2\n008,,3\n")
    lines = done("impute", model, path, "--append").splitlines()
    assert lines[0] == "code,width,height"
    assert [line.split(",")[0] for line in lines[1:]] == ["007", "008"]
    assert [line.split(",")[2] for line in lines[1:]] == ["2", "3"]


def test_a_note_says_what_was_filled_in(gaussmix, model, holes):
    said = gaussmix("impute", model, holes).stderr
    assert said == "Note: 4 missing values are filled in by expected values: 2 in 'width' and 2 in 'height'.\n"
    assert gaussmix("impute", model, holes, "--quiet").stderr == ""


def test_a_complete_table_stays_as_it_is(gaussmix, model, csv, blobs):
    result = gaussmix("impute", model, csv)
    assert result.stderr == "Note: No value is missing: the rows are written as they are.\n"
    np.testing.assert_allclose(table(result.stdout).select("width", "height").to_numpy(), blobs)


def test_options_that_do_not_fit_are_refused(gaussmix, refused, model, holes):
    for options, sentence in (
        (("--method", "median"), "'median' is none of mean, mode, sample."),
        (("--draws", 2), "it is for --method sample."),
    ):
        result = gaussmix("impute", model, holes, *options)
        assert result.exit_code == 2
        assert sentence in result.stderr
    assert refused("impute", model, holes, "--keep", "id", "--append") == (
        "--append writes all columns of the table; leave out --keep."
    )


def test_infinite_values_are_refused(refused, model, tmp_path):
    path = tmp_path / "infinite.csv"
    path.write_text("width,height\n1,2\ninf,3\n")
    assert "values are infinite in column 'width' (first in line 3)" in refused("impute", model, path)
