"""Tables of text: names, rows and typed columns out of records."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl

from gaussmix.cli.errors import CommandError, listed
from gaussmix.cli.tables.contents import Content
from gaussmix.cli.tables.dialect import is_number
from gaussmix.cli.tables.encodings import decode
from gaussmix.cli.tables.header import Header, find_header
from gaussmix.cli.tables.numbers import NumberColumn, read_numbers, sign_beside
from gaussmix.cli.tables.options import Format
from gaussmix.cli.tables.raw import Doubt, RawTable, quoted, shortened, unique_names
from gaussmix.cli.tables.records import BETWEEN, Records, split_text

__all__ = ["SEPARATOR_NAMES", "read_text", "table_of_records"]

SEPARATOR_NAMES = {"tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|", "\\t": "\t"}
"""Names for separators that are hard to type."""

_FEWEST_ROWS_FOR_INDEX = 2
"""The smallest number of rows with which a column without a name that counts the rows is an index."""

_FEW_TEXTS = 3
"""The largest number of different texts in a column of numbers that are offered as marks of missing values."""

_FEW_SIGNS = 100
"""The number of different texts that are looked at for a sign beside numbers."""

_INDEX_NAMES = frozenset({"", "Unnamed: 0"})
"""Names of the column that pandas and R write for the index."""


def read_text(content: Content, given: Format) -> RawTable:
    """Return the table in a text.

    Raises
    ------
    CommandError
        If the bytes are no text, a row has too many or too few fields, or there is no row.
    """
    text, encoding = decode(content, given.encoding)
    records = split_text(content.name, text, given)
    found = _found(content, records, given)
    if encoding:
        found.append(f"--encoding {encoding}")
    return table_of_records(content.name, records, given, found)


def _found(content: Content, records: Records, given: Format) -> list[str]:
    """Return the separator and the decimal mark as options, where they are not those that the ending implies."""
    plain = "\t" if content.suffix == ".tsv" else ","
    found, dialect = [], records.dialect
    if given.separator is None and dialect.separator != plain and records.records.str.contains(BETWEEN).any():
        names = {value: name for name, value in SEPARATOR_NAMES.items() if len(name) > 2}  # noqa: PLR2004 - no escape
        shown = names[dialect.separator] if dialect.separator.isspace() else shlex.quote(dialect.separator)
        found.append(f"--separator {shown}")
    if given.decimal is None and dialect.decimal != ".":
        found.append(f"--decimal '{dialect.decimal}'")
    return found


def table_of_records(name: str, records: Records, given: Format, found: Sequence[str]) -> RawTable:
    """Return the table that records hold.

    Raises
    ------
    CommandError
        If a row has too many or too few fields, or there is no row.
    """
    header = find_header(name, records, given)
    rows, numbers, remarks = _without_names(records, header)
    if rows.is_empty():
        why = f": {len(records.comments)} lines are comments, which begin with # or %" if records.comments else ""
        raise CommandError(f"{name} has no rows{why}; it must hold rows of numbers.")
    _check_widths(name, records, rows, numbers, len(header.names))
    width = len(header.names)
    frame = pl.DataFrame({"row": rows}).select(pl.col("row").str.split_exact(BETWEEN, width - 1)).unnest("row")
    frame.columns = [f"{i}" for i in range(width)]
    frame = frame.select(pl.all().str.strip_chars().fill_null(""))

    def place(row: int) -> str:
        return f"{records.place} {numbers[row]}"

    header = replace(header, remarks=(*header.remarks, *remarks))
    return _typed(name, frame, header, records, given, [*found, *header.found], place)


def _without_names(records: Records, header: Header) -> tuple[pl.Series, pl.Series, list[str]]:
    """Return the rows and their numbers without lines that repeat the names, and what is left out, in a sentence."""
    rows, numbers = records.records.slice(header.start), records.numbers.slice(header.start)
    if header.line is None:
        return rows, numbers, []
    repeats = rows == records.records[header.line]
    if not repeats.any():
        return rows, numbers, []
    count, first = int(repeats.sum()), f"{records.place} {numbers[int(repeats.arg_true()[0])]}"
    again = (
        f"{first.capitalize()} is left out: it repeats"
        if count == 1
        else (f"{count} {records.place}s, the first {first}, are left out: they repeat")
    )
    return rows.filter(~repeats), numbers.filter(~repeats), [f"{again} the names of the columns."]


def _check_widths(name: str, records: Records, rows: pl.Series, numbers: pl.Series, width: int) -> None:
    """Raise an error where a row has too many or too few fields; empty ones at the end do not count as too many."""
    n_fields = rows.str.count_matches(BETWEEN, literal=True) + 1
    filled = rows.str.strip_chars_end(BETWEEN + " \t").str.count_matches(BETWEEN, literal=True) + 1
    wrong = ((n_fields < width) | (filled > width)).arg_true()
    if wrong.is_empty():
        return
    row = wrong[0]
    others = f", and so {'has' if len(wrong) == 2 else 'have'} {len(wrong) - 1} more" if len(wrong) > 1 else ""  # noqa: PLR2004
    separator = records.dialect.separator
    msg = (
        f"{name}: {records.place} {numbers[row]} has {_count(n_fields[row], 'field')}, but the table has "
        f"{_count(width, 'column')}{others}; correct the line, or say the separator with --separator "
        f"(it was taken to be {separator!r})."
    )
    raise CommandError(msg)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s'[: number != 1]}"


def _typed(
    name: str,
    texts: pl.DataFrame,
    header: Header,
    records: Records,
    given: Format,
    found: list[str],
    place: Callable[[int], str],
) -> RawTable:
    """Return the table with its columns of numbers as numbers."""
    decimal = records.dialect.decimal
    open_marks = given.decimal is None and records.dialect.separator != ","
    read = [read_numbers(column, decimal, given, may_be_unclear=open_marks) for column in texts]
    names, kept, remarks = _names(header.names, read)
    remarks = [*header.remarks, *_comments(records, header), *remarks]
    columns, flaws = {}, {}
    for i in kept:
        columns[names[i]], flaw = _column(texts.to_series(i), read[i], names[i], decimal, place)
        if flaw:
            flaws[names[i]] = flaw
    if grouped := [names[i] for i in kept if read[i].grouped]:
        remarks.append(f"Separators of thousands are taken out of {quoted(grouped)}.")
    unclear = _unclear_marks({names[i]: read[i] for i in kept}, texts, kept, names, records, place)
    original = texts.select(pl.when(pl.col(str(i)) != "").then(pl.col(str(i))).alias(names[i]) for i in kept)
    if decimal != ".":
        original = original.with_columns(one.alias(name) for name, one in columns.items() if one.dtype == pl.Float64)
    return RawTable(
        name,
        pl.DataFrame([column.alias(one) for one, column in columns.items()]),
        original,
        place,
        tuple(found),
        tuple(remarks),
        (*header.doubts, *unclear, *_negated({names[i]: read[i] for i in kept}, texts, kept, names, place)),
        flaws,
        header.nameless,
    )


def _comments(records: Records, header: Header) -> list[str]:
    """Return how many comments are left out; a comment that holds the names is not."""
    count = len(records.comments) - header.in_comment
    return [f"{count} comment line{'s'[: count != 1]} left out."] if count else []


def _names(names: Sequence[str], read: Sequence[NumberColumn]) -> tuple[list[str], list[int], list[str]]:
    """Return a name for each column, the indices of the columns to keep, and what is left out.

    An index, which counts the rows under no name, and columns without name and values are left out.
    """
    named, kept, remarks = list(names), [], []
    for i, name in enumerate(names):
        values, texts = read[i].values, read[i].texts
        if name == "" and values.null_count() == len(values) and not texts.any():
            continue
        if i == 0 and name in _INDEX_NAMES and _counts_rows(values):
            remarks.append("The first column is left out: it counts the rows, and has no name.")
            continue
        if i == 0 and name == "" and texts.any():
            remarks.append("The first column is left out: it holds the names of the rows, and has no name.")
            continue
        if name == "":
            named[i] = f"column_{i + 1}"
        kept.append(i)
    for i, name in zip(kept, unique_names([named[i] for i in kept]), strict=True):
        named[i] = name
    return named, kept, remarks


def _counts_rows(values: pl.Series) -> bool:
    if len(values) < _FEWEST_ROWS_FOR_INDEX or values.null_count():
        return False
    steps = values.diff().drop_nulls()
    return bool((steps == 1).all())


def _column(
    texts: pl.Series, read: NumberColumn, name: str, decimal: str, place: Callable[[int], str]
) -> tuple[pl.Series, str]:
    """Return a column, of numbers or of text, and the reason why one that seems to hold numbers cannot be used."""
    n_texts, n_numbers = int(read.texts.sum()), len(texts) - int(read.values.is_null().sum())
    if not n_texts:
        return read.values, ""
    row = int(read.texts.arg_true()[0])
    bad = list(dict.fromkeys(texts.filter(read.texts)))
    if sign := sign_beside([text for text in bad if any(char.isdigit() for char in text)][:_FEW_SIGNS]):
        return read.values, (
            f"column {name!r} has the sign {sign!r} beside its numbers, such as {shortened(texts[row])!r} in "
            f"{place(row)}; add --strip {shlex.quote(sign)} to read them without it"
        )
    if n_texts > n_numbers:
        return texts, ""
    got = f"column {name!r} must hold numbers, got the text {shortened(texts[row])!r} in {place(row)}"
    if is_number(texts[row], "," if decimal == "." else "."):
        return read.values, f"{got}; the decimal mark was taken to be {decimal!r}: say it with --decimal"
    if len(bad) > _FEW_TEXTS:
        return read.values, f"{got}, and {len(bad) - 1} other texts; correct the lines, or name them with --na"
    marks = shlex.quote(",".join(bad))
    stands = f"{listed([repr(text) for text in bad])} stand{'s'[: len(bad) == 1]} for missing values"
    return read.values, f"{got}; correct the line, or add --na {marks} if {stands}"


def _negated(
    read: dict[str, NumberColumn],
    texts: pl.DataFrame,
    kept: Sequence[int],
    names: Sequence[str],
    place: Callable[[int], str],
) -> list[Doubt]:
    """Return doubts about columns of numbers that have numbers in parentheses, or with a minus sign behind them."""
    return [
        Doubt(
            f"Column {names[i]!r} has values such as {texts.to_series(i)[row]} in {place(row)}, which are read as "
            "negative numbers; name the column with --columns if this is right.",
            column=names[i],
        )
        for i in kept
        if (row := read[names[i]].negated) is not None
    ]


def _unclear_marks(
    read: dict[str, NumberColumn],
    texts: pl.DataFrame,
    kept: Sequence[int],
    names: Sequence[str],
    records: Records,
    place: Callable[[int], str],
) -> list[Doubt]:
    """Return doubts about columns whose marks may be decimal marks or separate thousands, where no column tells."""
    separator, decimal = records.dialect.separator, records.dialect.decimal
    if any(one.marked and one.unclear is None for one in read.values()):
        return []
    doubts = []
    for i in kept:
        column = read[names[i]]
        if column.unclear is None or column.values.null_count() == len(column.values):
            continue
        text = texts.to_series(i)[column.unclear]
        usual = decimal == "." and "." in text and separator != ";"
        if not usual:
            value = column.values[column.unclear]
            other = "," if decimal == "." else "."
            sentence = (
                f"Column {names[i]!r} has values such as {text} in {place(column.unclear)}, which is read as "
                f"{value:.15g}. Say --decimal {decimal} if this is right, and --decimal {other} if not."
            )
            doubts.append(Doubt(sentence, column=names[i]))
    return doubts
