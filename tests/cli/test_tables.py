import json

import numpy as np
import polars as pl
import pytest

from gaussmix.cli.tables import Selection
from gaussmix.cli.tables import read as read_file

ONE = ("--components", 1, "--structure", "full", "--json")


def read(path, selection=None):
    return read_file(str(path), selection or Selection())


def test_formats_give_the_same_numbers(tmp_path, blobs):
    frame = pl.DataFrame(blobs, schema=["x0", "x1"], orient="row")
    frame.write_csv(tmp_path / "rows.csv")
    frame.write_parquet(tmp_path / "rows.parquet")
    np.save(tmp_path / "rows.npy", np.asfortranarray(blobs))
    for ending in ("csv", "parquet", "npy"):
        table = read(tmp_path / f"rows.{ending}")
        assert table.names == ("x0", "x1")
        assert table.rows.dtype == np.float64
        np.testing.assert_array_equal(table.rows, blobs)


@pytest.mark.parametrize("dtype", ["<f4", ">f4"])
def test_float32_arrays_stay_float32(tmp_path, blobs, dtype):
    np.save(tmp_path / "rows.npy", blobs.astype(dtype))
    rows = read(tmp_path / "rows.npy").rows
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, blobs.astype(np.float32))


def test_float32_columns_stay_float32_unless_others_are_finer(tmp_path):
    path = tmp_path / "mixed.parquet"
    frame = pl.DataFrame({"a": [1.5, 2.5], "b": [1.0, 2.0], "c": [0.1, 0.2]})
    frame.with_columns(pl.col("a", "b").cast(pl.Float32)).write_parquet(path)
    assert read(path, Selection("a,b")).rows.dtype == np.float32
    assert read(path, Selection("a,c")).rows.dtype == np.float64


def test_integers_and_booleans_are_numbers(tmp_path):
    path = tmp_path / "kinds.parquet"
    pl.DataFrame({"i": [1, 2], "b": [True, False], "u": pl.Series([3, 4], dtype=pl.UInt8)}).write_parquet(path)
    assert read(path).rows.tolist() == [[1, 1, 3], [2, 0, 4]]


def test_a_vector_is_one_column(tmp_path):
    np.save(tmp_path / "vector.npy", np.arange(3))
    table = read(tmp_path / "vector.npy")
    assert (table.names, table.rows.tolist()) == (("x0",), [[0.0], [1.0], [2.0]])


def test_columns_are_picked_in_the_given_order(done, csv, tmp_path, blobs):
    np.save(tmp_path / "rows.npy", blobs)
    for file, columns in ((csv, "height, width"), (tmp_path / "rows.npy", "x1,0")):
        found = json.loads(done("fit", file, "--columns", columns, *ONE))
        assert found["parameters"]["means"][0] == pytest.approx(blobs.mean(axis=0)[::-1])


def test_numbers_may_become_decimal_far_down(tmp_path):
    path = tmp_path / "late.csv"
    path.write_text("a\n" + "1\n" * 5000 + "1.5\n")
    assert read(path).rows[-1] == 1.5


def test_a_text_column_is_named_with_what_to_do(refused, tmp_path):
    path = tmp_path / "cars.csv"
    path.write_text("name,speed,gears\n12,1.5,4\nbeetle,2.5,4\n")
    assert refused("fit", path) == (
        f"{path}: column 'name' must hold numbers, got the text 'beetle' in line 3; correct the line, or add --na "
        "beetle if 'beetle' stands for missing values, or choose columns of numbers, as with --columns speed,gears."
    )


def test_dates_are_no_numbers(refused, tmp_path):
    path = tmp_path / "dates.parquet"
    pl.DataFrame({"day": [1, 2]}).with_columns(pl.col("day").cast(pl.Date)).write_parquet(path)
    assert refused("fit", path).startswith(f"{path} has no column of numbers: column 'day' holds values of type Date.")
    assert "column 'day' must hold numbers, got values of type Date" in refused("fit", path, "--columns", "day")


def test_digits_kept_as_text_are_text(refused, tmp_path):
    path = tmp_path / "codes.parquet"
    pl.DataFrame({"code": [None, "007"]}).write_parquet(path)
    sentence = refused("fit", path, "--columns", "code")
    assert "column 'code' must hold numbers, got the text '007' in row 2; use columns of numbers." in sentence


def test_a_column_without_any_value_is_left_out(refused, tmp_path):
    path = tmp_path / "hollow.csv"
    path.write_text("a,b\n1,\n2,\n")
    table = read(path)
    assert table.names == ("a",)
    assert table.warnings == ("Column 'b' is left out: it has no values.",)
    for options in ((), ("--drop-missing",)):
        sentence = refused("fit", path, "--columns", "a,b", *options)
        assert "column 'b' has no finite value; choose other columns, as with --columns a." in sentence


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "{} is empty; it must hold rows of numbers."),
        ("header.csv", b"a,b\n", "{} has no rows; it must hold rows of numbers."),
        (
            "comments.csv",
            b"# one\n# two\n",
            "{} has no rows: each line is empty or a comment, which begins with # or %.",
        ),
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n5,6\n", "{}: line 3 has 3 fields, but the table has 2 columns; correct"),
        ("not.parquet", b"parquet, honestly", "{} cannot be read as a .parquet file: "),
        ("not.npy", b"an array, honestly", "{} cannot be read as a .npy file: "),
    ],
)
def test_files_that_hold_no_table_are_refused(refused, tmp_path, name, content, sentence):
    path = tmp_path / name
    path.write_bytes(content)
    assert refused("fit", path).startswith(sentence.format(path))


@pytest.mark.parametrize(
    ("array", "names"),
    [
        (np.zeros((2, 2, 2)), "shape (2, 2, 2)"),
        (np.array(["a"]), "<U1"),
        (np.array([1, "a"], dtype=object), "Object arrays"),
        (np.array(3.0), "shape ()"),
    ],
)
def test_arrays_that_are_no_matrix_of_numbers_are_refused(refused, tmp_path, array, names):
    np.save(tmp_path / "array.npy", array)
    assert names in refused("fit", tmp_path / "array.npy")


def test_an_array_without_rows_is_refused(refused, tmp_path):
    np.save(tmp_path / "array.npy", np.zeros((0, 3)))
    assert "has no rows" in refused("fit", tmp_path / "array.npy")


def test_a_missing_file_is_one_sentence(refused, tmp_path):
    assert refused("fit", tmp_path / "no.csv") == f"There is no file {tmp_path / 'no.csv'}."


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--columns", "width,depth"), "has no column 'depth'; it has 'width' and 'height'."),
        (("--columns", "width,width"), "--columns names 'width' more than once."),
        (("--weights", "mass"), "has no column 'mass'"),
        (("--weights", "width", "--columns", "width,height"), "'width' holds the weights; take it out of --columns."),
    ],
)
def test_columns_that_cannot_be_picked_are_named(refused, csv, options, sentence):
    assert sentence in refused("fit", csv, *options)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ("1,-2", "must be at least 0, got -2 in line 3"),
        ("0,0", "must not all be 0"),
        ("1,heavy", "must hold numbers, got the text 'heavy' in line 3"),
        ("1,inf", "values are infinite in column 'w' (first in line 3)"),
    ],
)
def test_weights_that_weigh_nothing_sensible_are_refused(refused, tmp_path, weights, sentence):
    path = tmp_path / "weighted.csv"
    path.write_text("a,w\n" + "".join(f"{i},{weight}\n" for i, weight in enumerate(weights.split(","))))
    assert sentence in refused("fit", path, "--weights", "w")


def test_weights_that_are_left_must_not_all_be_zero(refused, model, tmp_path):
    path = tmp_path / "weighted.csv"
    path.write_text("width,height,w\n1,2,0\n2,,3\n")
    assert "must not all be 0" in refused("score", model, path, "--weights", "w", "--drop-missing")


def test_weights_alone_are_no_table(refused, tmp_path):
    (tmp_path / "alone.csv").write_text("w\n1\n2\n")
    assert "no column beside the weights" in refused("fit", tmp_path / "alone.csv", "--weights", "w")
