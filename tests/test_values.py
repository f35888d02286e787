"""Values in any container: read as real numbers, or refused by a sentence that names the argument."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from gaussmix.values import column_names, finite_rows, real, unmasked

N_ROWS = 6
DAY = datetime(2024, 1, 1, tzinfo=UTC)


class Arrow:
    """What NumPy and this package see of a table of Arrow."""

    def __init__(self, columns):
        self.column_names = list(columns)
        self.columns = list(columns.values())

    def __array__(self, dtype=None, copy=None):
        return np.stack(self.columns, axis=1)


def rows(missing=None):
    """Two columns of numbers; `missing` is in the fourth row of the second."""
    numbers = np.arange(2.0 * N_ROWS).reshape(N_ROWS, 2)
    if missing is None:
        return numbers
    values = numbers.astype(object)
    values[3, 1] = missing
    return values


def frame(missing=None, dtype=None):
    return pd.DataFrame(rows(missing), columns=["start", "end"], dtype=dtype)


def times(*, missing=False):
    start = pd.date_range("2024-01-01", periods=N_ROWS)
    table = pd.DataFrame({"start": start, "end": start + pd.Timedelta("9D")})
    if missing:
        table.loc[3, "end"] = pd.NaT
    return table


def durations(*, missing=False):
    return times(missing=missing) - pd.Timestamp("2024-01-01")


def masked(dtype=float):
    mask = np.zeros((N_ROWS, 2), dtype=bool)
    mask[3, 1] = True
    return np.ma.array(rows().astype(dtype), mask=mask)


def polars_frame(end):
    return pl.DataFrame({"start": end, "end": [*end[:3], None, *end[4:]]})


MISSING = {
    "NaN": lambda: np.where(masked().mask, np.nan, rows()),
    "NaN in a frame": lambda: frame(np.nan).astype(float),
    "NaN among objects": lambda: rows(np.nan),
    "None": lambda: [*rows().tolist()[:3], [6.0, None], *rows().tolist()[4:]],
    "None in a column of objects": lambda: pd.DataFrame(
        {"start": np.arange(6.0), "end": pd.Series([0, 1, 2, None, 4, 5], dtype=object)}
    ),
    "NA in a nullable frame": lambda: pd.DataFrame(
        {"start": pd.array(range(6), dtype="Int64"), "end": pd.array([0, 1, 2, None, 4, 5], dtype="Int64")}
    ),
    "NA beside floats": lambda: pd.DataFrame(
        {"start": np.arange(6.0), "end": pd.array([0.5, 1, 2, None, 4, 5], dtype="Float64")}
    ),
    "NA in a nullable boolean column": lambda: pd.DataFrame(
        {"start": np.arange(6.0), "end": pd.array([True, False, True, None, True, False], dtype="boolean")}
    ),
    "NaT in a frame": lambda: times(missing=True),
    "NaT among durations": lambda: durations(missing=True),
    "NaT in an array": lambda: times(missing=True).to_numpy(),
    "NaT in an array of durations": lambda: durations(missing=True).to_numpy(),
    "null in a frame of polars": lambda: polars_frame([0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
    "null among integers of polars": lambda: polars_frame([0, 1, 2, 3, 4, 5]),
    "null among booleans of polars": lambda: polars_frame([True, False, True, False, True, False]),
    "null among times of polars": lambda: polars_frame(
        [DAY.replace(tzinfo=None) + timedelta(days=i) for i in range(6)]
    ),
    "null among durations of polars": lambda: polars_frame([timedelta(days=i) for i in range(6)]),
    "a masked entry": masked,
    "a masked entry in single precision": lambda: masked(np.float32),
    "a masked integer": lambda: masked(int),
    "a list of masked rows": lambda: list(masked()),
    "a masked time": lambda: np.ma.array(times().to_numpy(), mask=masked().mask),
    "NaN in a table of Arrow": lambda: Arrow({"start": np.arange(6.0), "end": np.array([0, 1, 2, np.nan, 4, 5])}),
}

READ = {
    "a masked array without a masked entry": lambda: np.ma.array(rows()),
    "a frame": frame,
    "nullable columns": lambda: frame().convert_dtypes(),
    "a frame of objects": lambda: frame().astype(object),
    "objects": lambda: rows().astype(object),
    "a frame of polars": lambda: pl.DataFrame(rows(), schema=["a", "b"]),
    "decimal numbers": lambda: [[Decimal(int(value)) for value in row] for row in rows()],
    "texts that are numbers": lambda: rows().astype(str),
    "a table of Arrow": lambda: Arrow({"a": rows()[:, 0], "b": rows()[:, 1]}),
    "half precision": lambda: rows().astype(np.float16),
    "integers": lambda: rows().astype(np.uint8),
}

REFUSED = {
    "a lazy frame": (
        lambda: pl.DataFrame(rows()).lazy(),
        TypeError,
        r"LazyFrame, which holds no values yet.*X\.collect",
    ),
    "a sparse array": (lambda: sparse.csr_array(rows()), TypeError, r"Sparse data was passed for X.* X\.toarray\(\)"),
    "a sparse frame": (
        lambda: frame().astype(pd.SparseDtype("float")),
        TypeError,
        r"Sparse data was passed for X.* X\.sparse\.to_dense\(\)",
    ),
    "complex numbers": (lambda: rows() + 1j, ValueError, "Complex data not supported: X must hold real numbers"),
    "a complex frame": (lambda: frame() + 1j, ValueError, "Complex data not supported: X"),
    "complex objects": (lambda: rows(1 + 2j), ValueError, "Complex data not supported: X"),
    "a complex scalar of NumPy": (lambda: rows(np.complex128(1j)), ValueError, "Complex data not supported: X"),
    "masked complex numbers": (lambda: np.ma.array(rows() + 1j), ValueError, "Complex data not supported: X"),
    "times beside numbers": (
        lambda: frame().assign(end=times()["end"]),
        ValueError,
        "X has times in column 'end'; convert them to numbers",
    ),
    "NaT beside numbers": (lambda: rows(np.datetime64("NaT", "s")), ValueError, "X has times in column 1"),
    "times with a zone": (
        lambda: times().apply(lambda column: column.dt.tz_localize("UTC")),
        ValueError,
        "X has times in columns 'start', 'end'",
    ),
    "texts": (lambda: frame("high"), ValueError, "X must hold numbers, got 'high' in column 'end': could not convert"),
    "categories": (
        lambda: frame().assign(end=pd.Categorical(list("uvuvuv"))),
        ValueError,
        "X must hold numbers, got 'u' in column 'end'",
    ),
    "a mapping among objects": (
        lambda: rows({"a": 1}),
        TypeError,
        "X must hold numbers, got {'a': 1} in column 1: float.. argument must be a string or a real number",
    ),
    "a number without end": (
        lambda: rows(10**400),
        ValueError,
        "X must hold numbers, got 1000+ in column 1: int too large to convert to float",
    ),
    "bytes": (
        lambda: b"high",
        ValueError,
        "X must hold numbers, got b'high': could not convert string to float: b'high'.",
    ),
    "a period": (lambda: rows(pd.Period("2024")), TypeError, "X must hold numbers, got Period"),
    "records": (lambda: np.rec.fromarrays(rows().T, names="a,b"), TypeError, r"got records of \('a', 'b'\)"),
    "a mapping": (lambda: {"a": [1.0]}, TypeError, "X must be an array of numbers, got dict"),
    "a generator": (lambda: (row for row in rows()), TypeError, "X must be an array of numbers, got generator"),
    "nothing": (lambda: None, TypeError, "X must be an array of numbers, got NoneType"),
    "rows of different lengths": (
        lambda: [[1.0], [1.0, 2.0]],
        ValueError,
        "X cannot be read as an array.*inhomogeneous",
    ),
    "infinity": (
        lambda: rows(np.inf).astype(float),
        ValueError,
        r"X must be finite, but contains infinity in column 1",
    ),
}


@pytest.mark.parametrize("make", MISSING.values(), ids=MISSING.keys())
def test_a_missing_value_is_an_error_that_names_the_column(make):
    given = make()
    column = "'end'" if column_names(given) else "1"
    message = rf"X must be finite, but contains NaN or missing values in column {column} \(1 of 6 rows\); drop"
    with pytest.raises(ValueError, match=message):
        finite_rows("X", given)
    missing = np.isnan(real("X", given))
    assert np.argwhere(missing).tolist() == [[3, 1]]


@pytest.mark.parametrize("make", READ.values(), ids=READ.keys())
def test_numbers_in_any_container_are_read(make):
    np.testing.assert_array_equal(finite_rows("X", make()), rows())


@pytest.mark.parametrize(("make", "error", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_number_is_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        finite_rows("X", make())


def test_a_frame_without_columns_is_not_called_sparse():
    assert finite_rows("X", pd.DataFrame()).shape == (0, 0)


def test_an_array_of_floats_is_not_copied():
    for dtype in (np.float64, np.float32):
        given = rows().astype(dtype)
        assert finite_rows("X", given) is given
        assert finite_rows("X", np.ma.array(given)).dtype == dtype


def test_times_alone_are_counts_of_their_unit():
    seconds = times().to_numpy().astype("datetime64[s]")
    np.testing.assert_array_equal(finite_rows("X", seconds), seconds.astype(np.int64))
    np.testing.assert_array_equal(finite_rows("X", durations()), durations().to_numpy().astype(np.int64))


def test_numbers_whose_sum_overflows_are_finite():
    largest = np.finfo(np.float64).max
    assert finite_rows("X", [[largest, largest]]).tolist() == [[largest, largest]]


def test_many_columns_are_counted():
    with pytest.raises(ValueError, match="in columns 0, 1, 2, 3, 4 and 3 more"):
        finite_rows("X", np.full((2, 8), np.nan))


def test_labels_may_be_anything_but_masked():
    assert unmasked("y", ["a", "b"]) == ["a", "b"]
    assert unmasked("y", np.ma.array([1, 2])).tolist() == [1, 2]
    with pytest.raises(ValueError, match="y has 1 masked entries of 2, that is missing values"):
        unmasked("y", np.ma.array(["a", "b"], mask=[True, False]))
