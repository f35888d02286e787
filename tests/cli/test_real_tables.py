"""Tables as people have them: each is read as its owner means it, or refused with the line and what to do."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import zipfile

import numpy as np
import polars as pl
import pytest

from gaussmix.cli.errors import CommandError
from gaussmix.cli.tables import Format, Missing, Selection
from gaussmix.cli.tables import read as read_file

ROWS = np.round(np.random.default_rng(0).normal([2, 30], [0.3, 2], size=(60, 2)), 2)
PLAIN = [f"{a:.2f},{b:.2f}" for a, b in ROWS]


def text(*lines):
    return "\n".join(lines) + "\n"


def written(form, end=""):
    """Return lines in which each row is formatted."""
    return [form.format(a=a, b=b, i=i) + end for i, (a, b) in enumerate(ROWS)]


def with_separator(separator):
    return [line.replace(",", separator) for line in PLAIN]


def comma(value, decimals=2):
    return f"{value:.{decimals}f}".replace(".", ",")


def grouped(value, group, mark=".", decimals=1):
    return f"{value:,.{decimals}f}".replace(",", "g").replace(".", mark).replace("g", group)


def saved_by_numpy(**options):
    content = io.StringIO()
    np.savetxt(content, ROWS, **options)
    return content.getvalue()


def zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("folder/rows.csv", content)
        archive.writestr("__MACOSX/folder/._rows.csv", "what macOS adds")
    return buffer.getvalue()


def types():
    """Return a Parquet file with columns of types that are no numbers."""
    frame = pl.DataFrame(ROWS, schema=["x", "y"], orient="row")
    buffer = io.BytesIO()
    frame.with_columns(
        pl.lit(0).cast(pl.Date).alias("day"),
        pl.lit("a").cast(pl.Categorical).alias("kind"),
        pl.concat_list("x", "y").alias("list"),
    ).write_parquet(buffer)
    return buffer.getvalue()


def two_arrays():
    buffer = io.BytesIO()
    np.savez(buffer, x=ROWS[:, 0], y=ROWS[:, 1])
    return buffer.getvalue()


def frame_as(method):
    buffer = io.BytesIO()
    getattr(pl.DataFrame(ROWS, schema=["x", "y"], orient="row"), method)(buffer)
    return buffer.getvalue()


HEAD = text("x,y", *PLAIN)
SEMICOLON, TAB, SPACE = "--separator ';'", "--separator tab", "--separator space"
COMMA = "--decimal ','"

READ = {  # name: (content, the options in the note on how it is read, words of each remark and warning)
    "plain.csv": (HEAD, "", []),
    "no_ending": (HEAD, "", []),
    "windows.csv": (b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode(), "", []),
    "old_mac.csv": (HEAD.replace("\n", "\r"), "", []),
    "semicolons.csv": (text("x;y", *with_separator(";")), SEMICOLON, []),
    "tabs.txt": (text("x\ty", *with_separator("\t")), TAB, []),
    "tabs.tsv": (text("x\ty", *with_separator("\t")), "", []),
    "pipes.csv": (text("x|y", *with_separator("|")), "--separator '|'", []),
    "columns.txt": (text("    x       y", *written("{a:7.2f}   {b:7.2f}")), SPACE, []),
    "europe.csv": (text("x;y", *[f"{comma(a)};{comma(b)}" for a, b in ROWS]), f"{SEMICOLON} {COMMA}", []),
    "one_column_with_commas.txt": (text("x", *[comma(a) for a, _ in ROWS]), COMMA, []),
    "named_separator.csv": (text("sep=;", "x;y", *with_separator(";")), SEMICOLON, []),
    "space_after_comma.csv": (text("x, y", *with_separator(", ")), "", []),
    "quoted.csv": (text('"x","y"', *written('"{a:.2f}","{b:.2f}"')), "", []),
    "comment.csv": (text("# measured in 2024", *HEAD.splitlines()), "", ["1 comment line left out."]),
    "title.csv": (text("Report", "", "Station: A", *HEAD.splitlines()), "--skip 3", []),
    "blank_lines.csv": (HEAD + "\n \n", "", []),
    "trailing_commas.csv": (text("x,y,,", *written("{a:.2f},{b:.2f},,")), "", []),
    "trailing_in_rows.csv": (text("x,y", *written("{a:.2f},{b:.2f},")), "", []),
    "minus_sign.csv": (text("x,y", *written("\u2212{a:.2f},{b:.2f}")), "", []),
    "exponents.csv": (text("x,y", *written("{a:.2E},{b:.3e}")), "", []),
    "utf16.csv": (HEAD.encode("utf-16"), "--encoding utf-16", []),
    "utf16_without_mark.csv": (HEAD.encode("utf-16-le"), "--encoding utf-16-le", []),
    "utf32.csv": (HEAD.encode("utf-32"), "--encoding utf-32", []),
    "numpy.txt": (saved_by_numpy(header="x y", fmt="%.2f"), SPACE, ["names of the columns are those in the comment"]),
    "r.txt": (text('"x" "y"', *written('"Mazda RX{i}" {a:.2f} {b:.2f}')), SPACE, ["holds the names of the rows"]),
    "r.csv": (text('"","x","y"', *written('"{i}",{a:.2f},{b:.2f}')), "", ["it counts the rows, and has no name"]),
    "pandas.csv": (text(",x,y", *written("{i},{a:.2f},{b:.2f}")), "", ["it counts the rows, and has no name"]),
    "pandas_twice.csv": (text("Unnamed: 0,x,y", *written("{i},{a:.2f},{b:.2f}")), "", ["it counts the rows"]),
    "swiss.csv": (
        text("x;y", *[f"{grouped(a * 1e4, chr(39))};{b}" for a, b in ROWS]),
        SEMICOLON,
        ["Separators of thousands are taken out of 'x'."],
    ),
    "france.csv": (
        text("x;y", *[f"{grouped(a * 1e4, chr(160), ',')};{comma(b)}" for a, b in ROWS]).encode("latin-1"),
        f"{SEMICOLON} {COMMA} --encoding cp1252",
        ["Separators of thousands are taken out of 'x'."],
    ),
    "america.csv": (text("x,y", *[f'"{grouped(a * 1e4, ",")}",{b}' for a, b in ROWS]), "", ["thousands"]),
    "german_whole_numbers.csv": (
        text("x;y", *[f"{grouped(a * 1000, '.', ',', 0)};{comma(b)}" for a, b in ROWS]),
        f"{SEMICOLON} {COMMA}",
        ["thousands"],
    ),
    "texts.csv": (
        text("day,x,name,y", *written("2024-01-05,{a:.2f},n{i},{b:.2f}")),
        "",
        ["Columns 'day' (the text '2024-01-05' in line 2) and 'name' (the text 'n0' in line 2) are left out"],
    ),
    "text_over_lines.csv": (text("x,note,y", *written('{a:.2f},"a\nb, c",{b:.2f}')), "", ["'a b, c' in line 2"]),
    "empty_column.csv": (text("x,note,y", *written("{a:.2f},,{b:.2f}")), "", ["'note' is left out: it has no values"]),
    "archive.zip": (zipped(HEAD), "", []),
    "rows.csv.gz": (gzip.compress(HEAD.encode()), "", []),
    "rows.csv.bz2": (bz2.compress(HEAD.encode()), "", []),
    "rows.csv.xz": (lzma.compress(HEAD.encode()), "", []),
    "rows.parquet": (frame_as("write_parquet"), "", []),
    "rows.parquet.gz": (gzip.compress(frame_as("write_parquet")), "", []),
    "rows.feather": (frame_as("write_ipc"), "", []),
    "rows.arrow": (frame_as("write_ipc_stream"), "", []),
    "rows.jsonl": (frame_as("write_ndjson"), "", []),
    "rows.json": (frame_as("write_json"), "", []),
    "columns.json": (json.dumps({"x": ROWS[:, 0].tolist(), "y": ROWS[:, 1].tolist()}), "", []),
    "matlab.txt": (text("% x y", *with_separator(" ")), SPACE, ["names of the columns are those in the comment"]),
    "slashes.csv": (text("// measured", "x,y", *PLAIN), "--skip 1", []),
    "named_tab.csv": (b"\xef\xbb\xbf" + text("sep=\t", "x\ty", *with_separator("\t")).encode(), TAB, []),
    "padded.csv": (text("x ; y", *with_separator(" ; ")), SEMICOLON, []),
    "no_last_line_end.csv": (HEAD.rstrip(), "", []),
    "markdown.md": (text("| x | y |", "|:---|---:|", *written("| {a:.2f} | {b:.2f} |")), "--separator '|'", []),
    "psql.txt": (text("  x   |   y   ", "------+-------", *written(" {a:.2f} | {b:.2f}")), "--separator '|'", []),
    "fortran.csv": (text("x,y", *written("{a:.2f}D+00,{b:.2f}d0")), "", []),
    "zero_width.csv": (text("\u200bx,y", *written("{a:.2f}\u200b,{b:.2f}")), "", []),
    "put_together.csv": (text("x,y", *PLAIN[:30]) + "\ufeff" + text(*PLAIN[30:]), "", []),
    "dos.csv": (HEAD + "\x1a", "", []),
    "one_long_text.csv": (
        text("x,note,y", *written("{a:.2f}," + 200_000 * "z" + ",{b:.2f}")),
        "",
        ["zzzz...' in line 2"],
    ),
    "path.csv": (text("x,path,y", *written('{a:.2f},"C:\\",{b:.2f}')), "", ["'path' (the text"]),
    "units.csv": (text("x,y", "cm,min", *PLAIN), "", ["Line 2 is left out: it holds texts below the names of"]),
    "joined.csv": (text("x,y", *PLAIN[:30], "x,y", *PLAIN[30:]), "", ["Line 32 is left out: it repeats the names"]),
    "dashes.csv": (text("x,y", *written("\u2013{a:.2f},{b:.2f}")), "", []),
    "texts_of_excel.csv": (text("x,y", *written('="{a:.2f}",\'{b:.2f}')), "", []),
    "pandas.json": (json.dumps({"x": dict(enumerate(ROWS[:, 0])), "y": dict(enumerate(ROWS[:, 1]))}), "", []),
    "types.parquet": (types(), "", ["'day' (values of type Date), 'kind' (values of type Categorical)"]),
}

NAMELESS = {  # name: (content, names of the columns)
    "bare.csv": (text(*PLAIN), ("x0", "x1")),
    "numpy.dat": (saved_by_numpy(fmt="%.2f"), ("x0", "x1")),
    "text_before.csv": (text(*written("s{i},{a:.2f},{b:.2f}")), ("x1", "x2")),
}

DOUBTFUL = {  # name: (content, words of the warning, words of the option that settles it)
    "id.csv": (text("id,x,y", *written("{i}7,{a:.2f},{b:.2f}")), "'id' holds another whole number in each row", None),
    "long_id.csv": (text("id,x", *written("92233720368547758{i:02d},{a}")), "'id' holds another whole number", None),
    "dates.csv": (text("day,x,y", *written("202401{i:02d},{a},{b}")[1:29]), "'day' seems to hold dates, such as", None),
    "code.csv": (text("x,y", *PLAIN, "-999,3", "-999,4"), "'x' has -999 in 2 rows (first in line 62)", "--na -999"),
    "nines.csv": (text("x,y", *PLAIN, "3,9999", "4,9999"), "'y' has 9999 in 2 rows (first in line 62)", "--na 9999"),
    "minus_one.csv": (text("x,y", *PLAIN, "-1,3", "-1,4"), "'x' has -1 in 2 rows", "--na -1"),
    "twice.csv": (text("x,x", *PLAIN), "Line 1 gives the name 'x' to 2 columns", "--columns"),
    "nameless.csv": (text("x,,y", *written("{a},{b},{b}")), "Line 1 gives no name to column 2, which is", "called"),
    "post.csv": (text("code,x", *written("0{i}123,{a}")), "'code' has numbers with leading zeros, such as 00123", None),
    "totals.csv": (
        text("x,y", *PLAIN, f"{ROWS[:, 0].sum():.2f},{ROWS[:, 1].sum():.2f}"),
        "The numbers in line 62, the last, are the sums of their columns",
        "name the columns with --columns",
    ),
    "accounts.csv": (
        text("x,y", *PLAIN, "(2.50),3"),
        "'x' has values such as (2.50) in line 62, which are read as negative",
        "name the column with --columns",
    ),
    "behind.csv": (
        text("x,y", *PLAIN, "1,250.00-,3".replace(",", "", 1)),
        "'x' has values such as 1250.00- in line 62, which are read as negative",
        "name the column with --columns",
    ),
    "texts.jsonl": (
        text(*written('{{"x": "{a}", "y": {b}}}')),
        "'x' holds numbers as texts, which are read as numbers",
        "choose columns with --columns",
    ),
    "seconds.csv": (text("t,x", *written("1700000{i:03d},{a}")), "'t' holds another whole number in each row", None),
    "years.csv": (text("2019,2020", *PLAIN), "Line 1 is read as names, though it holds numbers", "--no-header"),
    "thousands_or_decimals.csv": (
        text("x;y", *[f"{grouped(a * 1000, '.', ',', 0)};{i % 7}" for i, (a, _) in enumerate(ROWS)]),
        "Column 'x' has values such as 2.040 in line 2, which is read as 2.04",
        "--decimal ,",
    ),
}

REFUSED = {  # name: (content, words of the error)
    "short_line.csv": (text("x,y,z", "1,2,3", "4,5", "6,7,8"), "line 3 has 2 fields, but the table has 3 columns"),
    "long_line.csv": (text("x,y", "1,2", "3,4,5", "6,7"), "line 3 has 3 fields, but the table has 2 columns"),
    "footer.csv": (text("x,y", *PLAIN, "Total,1800"), "'x' must hold numbers, got the text 'Total' in line 62"),
    "question.csv": (text("x,y", *PLAIN, "?,3"), "add --na '?' if '?' stands for missing values"),
    "percent.csv": (text("x,y", *written("{a}%,{b}")), "the sign '%' beside its numbers, such as '2.04%' in line 2"),
    "dollars.csv": (text("x,y", *written("${a},{b}")), "add --strip '$' to read them without it"),
    "kilograms.csv": (text("x,y", *written("{a} kg,{b}")), "add --strip kg to read them without it"),
    "two_marks.csv": (
        text("x;y", *with_separator(";"), "2,04;3,1"),
        "'2,04' in line 62; the decimal mark was taken to",
    ),
    "commas_for_all.csv": (text("x,y", *written("{i},1,{i},2")), "line 1 has 2 names, but most rows have 4 fields"),
    "quotation.csv": (text("x,y", '1,"2', "3,4"), "a quotation mark in line 2 is not closed"),
    "texts_only.csv": (text("a,b", "x,y", "z,w"), "has no column of numbers: column 'a' holds the text 'x' in line 2"),
    "cut.csv.gz": (gzip.compress(HEAD.encode())[:90], "is compressed, and cannot be unpacked"),
    "two.zip": (b"PK\x03\x04 no archive", "is compressed, and cannot be unpacked"),
    "zeros.csv": (b"x,y\n1,2\n\x00,3\n", "is no text, nor in another format"),
    "matlab.csv": (text("% x,y", "1,2", "3", "4,5", "6,7"), "line 3 has 1 field, but the table has 2 columns"),
    "weka.arff": (text("@relation r", "@attribute x numeric", "@data", *PLAIN), "line 1 has 1 name, but most rows"),
    "arrays.npz": (two_arrays(), "the archive must hold one file, got 2"),
    "object.pkl": (pickle.dumps(ROWS), "is no text, nor in another format that can be read"),
    "comments_only.csv": (text("id,x", *written("#{i},{a}")), "60 lines are comments, which begin with # or %"),
    "page.xls": ("<html><table></table></html>", "is a web page (HTML)"),
    "backslash.csv": (text("x,note,y", *written('{a},"said \\"{i}, yes\\"",{b}')), "in line 2 follows a backslash"),
    "spreadsheet.csv": (
        text("x,y", *PLAIN, "#DIV/0!,3", "#N/A,4"),
        "missing or infinite in column 'x' (2 rows, first in",
    ),
    "two_tables.csv": (
        text("x,y", *PLAIN[:30], "u,v,w", *written("{a},{b},1")),
        "a table with more columns in line 32",
    ),
    "minus_dollars.csv": (text("x,y", *written("-${a},{b}")), "add --strip '$' to read them without it"),
    "euros.csv": (text("x,y", *written("EUR {a},{b}")), "add --strip EUR to read them without it"),
    "errors.csv": (text("x", *written("({a})")), "has no column of numbers: column 'x' holds the text '(2.04)'"),
    "rows.dta": (b"<stata_dta><header>", "is a file of Stata"),
    "rows.sas7bdat": (bytes(12) + b"\xc2\xea\x81\x60" + bytes(50), "is a file of SAS"),
    "old.feather": (b"FEA1" + bytes(50), "is a file of Feather in its first version"),
    "deep.json": (json.dumps({"x": [{"a": dict.fromkeys(map(str, range(99)), 1)}]}), "values of type Struct"),
    "database.csv": (text("x,y", *PLAIN, "\\N,3", "(null),4", "n.a.,5"), "missing or infinite in column 'x' (3 rows"),
    "stars.csv": (text("x,y", *written("{a}*,{b}")), "add --strip '*' to read them without it"),
    "report.pdf": (b"%PDF-1.7\n", "is a PDF document"),
    "error.csv": ("<!DOCTYPE html><html><body>404</body></html>", "is a web page"),
    "pointer.csv": ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "git lfs pull"),
    "rows.db": (b"SQLite format 3\0" + bytes(99), "is a database of SQLite"),
    "rows.h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file"),
    "rows.mat": (b"MATLAB 5.0 MAT-file" + bytes(99), "is a file of Matlab"),
    "rows.tar": (bytes(257) + b"ustar" + bytes(99), "is a tar archive"),
    "rows.csv.zst": (b"\x28\xb5\x2f\xfd" + bytes(9), "compressed by Zstandard"),
    "unequal.json": ('{"x": [1, 2], "y": [1]}', "its lists must have one length"),
    "brackets.txt": ("[1.5, 2]\n[2.5, 3", "it is no JSON"),
    "list.json": ("[[1, 2], [3, 4]]", "one object for each row"),
    "half.json": ('{"x": 1}\n{"x": ', "cannot be read as a .json file"),
}


def read(folder, name, content, selection=None):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(str(path), selection or Selection())


@pytest.mark.parametrize("name", READ)
def test_tables_are_read_as_they_are_meant(tmp_path, name):
    content, options, said = READ[name]
    table = read(tmp_path, name, content)
    expected = ROWS * {
        "minus_sign.csv": [-1, 1],
        "dashes.csv": [-1, 1],
        "swiss.csv": [1e4, 1],
        "france.csv": [1e4, 1],
        "america.csv": [1e4, 1],
        "german_whole_numbers.csv": [1e3, 1],
    }.get(name, 1)
    expected = expected[:, :1] if name.startswith("one_column") else expected
    np.testing.assert_allclose(table.rows, expected, rtol=1e-2 if name == "exponents.csv" else 1e-9)
    assert table.names == ("x", "y")[: expected.shape[1]]
    notes = list(table.notes)
    if options:
        assert notes.pop(0) == f"{tmp_path / name} is read with {options}."
    sentences = [*notes, *table.warnings]
    assert len(sentences) == len(said), sentences
    assert all(words in sentence for words, sentence in zip(said, sentences, strict=True)), sentences


@pytest.mark.parametrize("name", NAMELESS)
def test_a_first_line_of_numbers_is_a_row_and_is_pointed_out(tmp_path, name):
    content, names = NAMELESS[name]
    table = read(tmp_path, name, content)
    assert table.names == names
    np.testing.assert_array_equal(table.rows, ROWS)
    assert "Line 1 holds numbers, so it is read as a row" in table.warnings[-1]
    last = names[-1].removeprefix("x")
    settled = read(tmp_path, name, content, Selection(f"{last},{names[0]}", written=Format(header=False)))
    np.testing.assert_array_equal(settled.rows, ROWS[:, ::-1])
    assert settled.warnings == ()


@pytest.mark.parametrize("name", DOUBTFUL)
def test_doubts_name_the_column_and_the_option_and_are_settled_by_it(tmp_path, name):
    content, words, option = DOUBTFUL[name]
    table = read(tmp_path, name, content)
    assert [words in warning for warning in table.warnings].count(True) == 1, table.warnings
    assert any((option or "leave the column out with --columns") in warning for warning in table.warnings)
    with pytest.raises(CommandError, match="leaves a doubt, which --strict refuses"):
        read(tmp_path, name, content, Selection(strict=True))
    if name != "years.csv":  # of the whole file
        columns = ",".join(table.names)
        assert read(tmp_path, name, content, Selection(columns, strict=True)).warnings == ()


@pytest.mark.parametrize("name", REFUSED)
def test_tables_that_cannot_be_read_are_refused_with_the_place(tmp_path, name):
    content, words = REFUSED[name]
    with pytest.raises(CommandError) as refused:
        read(tmp_path, name, content)
    assert words in str(refused.value)


def test_negative_numbers_keep_their_size_where_their_minus_sign_is_elsewhere(tmp_path):
    table = read(tmp_path, "accounts.csv", text("x;y", "(1.234,50);2", "10,5;3-", "\u20137,5;4,5"))
    assert table.rows.tolist() == [[-1234.5, 2.0], [10.5, -3.0], [-7.5, 4.5]]


def test_a_line_of_texts_is_no_line_of_units_if_a_column_of_numbers_has_a_number_in_it(tmp_path):
    with pytest.raises(CommandError, match="got the text 'cm' in line 2"):
        read(tmp_path, "rows.csv", text("x,y,z", "cm,min,1", *written("{a},{b},2")))


def test_parts_of_a_structure_are_not_repeated_without_end(tmp_path):
    content = json.dumps({"x": [{"a": dict.fromkeys(map(str, range(999)), 1)}]})
    with pytest.raises(CommandError) as refused:
        read(tmp_path, "deep.json", content)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (text("a;b", "1,5;x"), Format(separator=";", decimal=",")),
        (text("title", "a,b", "1.5,x"), Format(skip=1)),
        (text("a,b", "$1.50 ,x"), Format(strip=("$",))),
        (text("a,b", "+$1.5,x"), Format(strip=("$",))),
        (text("a,b", "1.5%,x"), Format(strip=("%", "kg"))),
        (text("ä,b", "1.5,x").encode("cp437"), Format(encoding="cp437")),
        (text("a,b", "1.5,x", "?,x", "-999,y", "-999.0,y"), Format(missing=("?", "-999"))),
    ],
)
def test_options_say_how_a_table_is_written(tmp_path, content, given):
    table = read(tmp_path, "table.csv", content, Selection(missing=Missing.DROP, written=given))
    assert table.rows.tolist() == [[1.5]]


def test_marks_of_missing_values_hold_for_numbers_of_any_format(tmp_path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": [1.0, -999.0], "b": [3, 4]}).write_parquet(path)
    table = read_file(str(path), Selection(missing=Missing.DROP, written=Format(missing=("-999",))))
    assert table.rows.tolist() == [[1.0, 3.0]]
    assert table.warnings == ("1 row with missing or infinite values left out.",)


def test_more_lines_than_there_are_cannot_be_skipped(tmp_path):
    with pytest.raises(CommandError, match="has 61 lines, and --skip 99 leaves out all of them"):
        read(tmp_path, "rows.csv", HEAD, Selection(written=Format(skip=99)))


@pytest.mark.parametrize("columns", ['"Length, cm",y', "Length, cm,y", "Length,cm, y", 'y,"Length, cm"'])
def test_a_column_whose_name_has_a_comma_can_be_chosen(tmp_path, columns):
    table = read(tmp_path, "rows.csv", text('"Length, cm",y', *PLAIN), Selection(columns))
    assert sorted(table.names) == ["Length, cm", "y"]


def test_no_column_is_lost_where_a_name_that_is_made_up_is_there(tmp_path):
    table = read(tmp_path, "rows.csv", text("x,,column_2", "1.5,2.5,3.5", "4.5,5.5,6.5"))
    assert table.names == ("x", "column_2", "column_2_2")
    assert table.rows.tolist() == [[1.5, 2.5, 3.5], [4.5, 5.5, 6.5]]


def test_lines_are_those_of_the_file(tmp_path):
    content = text("# a comment", "", "x,note,y", '1,"a', 'b",2', "# another", "3,c,4", "bad,d,5")
    with pytest.raises(CommandError, match="the text 'bad' in line 8"):
        read(tmp_path, "rows.csv", content)


OFFICE = "http://schemas.openxmlformats.org"


def workbook(*sheets):
    """Return an Excel workbook; None is an empty cell."""

    def cell(value):
        return f"<c><v>{value}</v></c>" if isinstance(value, float) else f'<c t="inlineStr"><is><t>{value}</t></is></c>'

    def sheet(rows):
        cells = "".join(f"<row>{''.join('<c/>' if v is None else cell(v) for v in row)}</row>" for row in rows)
        return f'<worksheet xmlns="{OFFICE}/spreadsheetml/2006/main"><sheetData>{cells}</sheetData></worksheet>'

    of_sheets, links, n = f"{OFFICE}/officeDocument/2006/relationships", "", range(1, len(sheets) + 1)
    links = "".join(
        f'<Relationship Id="r{i}" Type="{of_sheets}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i in n
    )
    named = "".join(f'<sheet name="Sheet {i}" sheetId="{i}" r:id="r{i}"/>' for i in n)
    package = f"{OFFICE}/package/2006"
    book = (
        f'<workbook xmlns="{OFFICE}/spreadsheetml/2006/main" xmlns:r="{of_sheets}"><sheets>{named}</sheets></workbook>'
    )
    root = f'<Relationship Id="r1" Type="{of_sheets}/officeDocument" Target="xl/workbook.xml"/>'
    members = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">{root}</Relationships>',
        "xl/workbook.xml": book,
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{links}</Relationships>',
        **{f"xl/worksheets/sheet{i}.xml": sheet(rows) for i, rows in zip(n, sheets, strict=True)},
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_workbook_is_read_like_a_text(tmp_path):
    content = workbook([["Report"], [None], ["x", "y"], [1.5, 2.0], ["n/a", "bad"], [2.5, 3.0]])
    with pytest.raises(CommandError, match="the text 'bad' in row 5"):
        read(tmp_path, "rows.xlsx", content, Selection("y"))
    table = read(tmp_path, "rows.xlsx", content, Selection(missing=Missing.DROP, written=Format(missing=("bad",))))
    assert (table.names, table.rows.tolist()) == (("x", "y"), [[1.5, 2.0], [2.5, 3.0]])
    assert table.notes == (f"{tmp_path / 'rows.xlsx'} is read with --skip 2.",)


def test_the_first_sheet_of_several_is_read_and_named(tmp_path):
    table = read(tmp_path, "rows", workbook([["x"], [1.5], [2.5]], [["y"], [3.0]]))
    assert (table.names, table.rows.tolist()) == (("x",), [[1.5], [2.5]])
    assert table.notes == ("The first of 2 sheets is read, 'Sheet 1'; read another with --sheet 'Sheet 2'.",)


@pytest.mark.parametrize("sheet", ["Sheet 2", "2"])
def test_a_sheet_is_chosen_by_name_or_number(tmp_path, sheet):
    content = workbook([["x"], [1.5], [2.5]], [["y"], [3.0]])
    table = read(tmp_path, "rows", content, Selection(written=Format(sheet=sheet)))
    assert (table.names, table.rows.tolist(), table.notes) == (("y",), [[3.0]], ())


def test_sheets_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(CommandError, match=r"no sheet '3'; its sheets are 'Sheet 1' and 'Sheet 2'\."):
        read(tmp_path, "rows", workbook([["x"], [1.5]], [["y"], [3.0]]), Selection(written=Format(sheet="3")))
    with pytest.raises(CommandError, match="is no workbook, so it has no sheets"):
        read(tmp_path, "rows.csv", HEAD, Selection(written=Format(sheet="1")))


def test_standard_input_is_a_table(csv):
    from typer.testing import CliRunner  # noqa: PLC0415 - for its input

    from gaussmix.cli.commands import app  # noqa: PLC0415 - as above

    options = ["--components", "1", "--structure", "diag", "--json", "--quiet"]
    piped = CliRunner().invoke(app, ["fit", "-", *options], input=csv.read_bytes())
    assert piped.exit_code == 0, piped.stderr
    assert '"features": [\n    "width",\n    "height"\n  ]' in piped.stdout


@pytest.mark.parametrize(
    ("file", "words"),
    [("https://example.org/a.csv", "is an address; download it first"), (".", "is a folder; name a file in it.")],
)
def test_what_is_no_file_is_named(refused, file, words):
    assert words in refused("fit", file)


def test_a_model_in_the_place_of_a_table_is_recognized(refused, model, csv):
    assert refused("fit", model) == f"{model} is a model and no table; print it with: gaussmix show {model}"
    assert refused("predict", csv, model) == f"{model} is the model; name it before the table {csv}."
    assert refused("show", csv).endswith("MODEL must be a file that gaussmix fit --out wrote.")
