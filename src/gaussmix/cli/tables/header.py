"""The names of the columns of a text: its first record, a comment above it, or none."""

from collections import Counter
from dataclasses import dataclass

from gaussmix.cli.errors import CommandError
from gaussmix.cli.tables.dialect import Dialect, fields_of, is_number, may_lack_a_name
from gaussmix.cli.tables.options import MISSING_MARKS, Format
from gaussmix.cli.tables.raw import Doubt, quoted, unique_names
from gaussmix.cli.tables.records import BETWEEN, COMMENT_SIGNS, Records

__all__ = ["Header", "find_header"]

_MOST_SKIPPED = 50
"""The largest number of lines above the names of the columns that are skipped without being asked for."""

_LOOKED_AT = 100
"""The number of records by which the width of a table and its columns of numbers are judged."""

_FEWEST_BELOW_UNITS = 3
"""The smallest number of lines, with that of the units, by which a line of units can be told from a wrong row."""

_FEWEST_UNITS = 2
"""The smallest number of columns of numbers with a text below their names that make a line of units."""

_YEARS = range(1800, 2200)
"""Whole numbers that may be years, and so names of columns."""


@dataclass(frozen=True)
class Header:
    """The names of the columns, and where the rows begin.

    Attributes
    ----------
    names : list of str
        The names; an empty one for a column without.
    start : int
        The index of the first record that is a row.
    nameless : bool
        Whether the file has no names.
    found : tuple of str
        What was found by looking, as options of the command line.
    remarks : tuple of str
        The place of the names, where it is a comment, and a line of units that is left out, a sentence each.
    doubts : tuple of Doubt
        Reasons to doubt the names.
    line : int or None
        The index of the record that holds the names; None where no record does.
    in_comment : bool
        Whether a comment holds the names.
    """

    names: list[str]
    start: int
    nameless: bool = False
    found: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    line: int | None = None
    in_comment: bool = False


def find_header(name: str, records: Records, given: Format) -> Header:
    """Return the names of the columns of a text.

    Raises
    ------
    CommandError
        If the names do not fit the rows.
    """
    rows = [record.split(BETWEEN) for record in records.records.head(_LOOKED_AT + _MOST_SKIPPED)]
    width = _width(rows)
    start = 0 if given.skip is not None or given.header is False else _preamble(rows, width, records.dialect)
    _refuse_second_table(name, rows[:start], records, start)
    found = (f"--skip {records.numbers[start] - 1}",) if start else ()
    first, decimal = rows[start], records.dialect.decimal
    named = given.header if given.header is not None else not _is_row(first, rows[start + 1 :], decimal)
    if not named:
        if given.header is None and (names := _in_comment(records, start, width)):
            remark = f"The names of the columns are those in the comment in line {_last_comment(records, start)}."
            return Header(names, start, found=found, remarks=(remark,), in_comment=True)
        return _nameless(records, width, start, found, asked=given.header is False)
    names = _fitted(name, records, start, [field.strip() for field in first], width)
    doubts = _doubts_about(records, start, names, rows[start + 1 :], asked=given.header is True)
    units = _units(records, rows[start + 1 :], start + 1)
    unique = unique_names(names) if all(names) else _unique_but_empty(names)
    return Header(unique, start + 1 + len(units), found=found, remarks=units, doubts=doubts, line=start)


def _units(records: Records, rows: list[list[str]], line: int) -> tuple[str, ...]:
    """Return that the line below the names is left out, if it holds texts where the lines below hold numbers."""
    if len(rows) < _FEWEST_BELOW_UNITS:
        return ()
    decimal = records.dialect.decimal
    numeric = [i for i in range(len(rows[1])) if _mostly_numbers(rows[1:], i, decimal)]
    fields = [rows[0][i].strip() for i in numeric if i < len(rows[0])]
    texts = [field for field in fields if field not in MISSING_MARKS and not is_number(field, decimal)]
    if len(texts) < _FEWEST_UNITS or len(texts) + fields.count("") < len(fields):
        return ()
    where = f"{records.place} {records.numbers[line]}".capitalize()
    return (f"{where} is left out: it holds texts below the names of columns of numbers, such as {texts[0]!r}.",)


def _width(rows: list[list[str]]) -> int:
    """Return the number of fields of most rows, without fields at the end that are empty in all."""
    data = rows[1:] or rows
    width = Counter(map(len, data)).most_common(1)[0][0]
    usual = [row for row in data if len(row) == width]
    while width > 1 and not any(row[width - 1].strip() for row in usual):
        if len(rows) > 1 and len(rows[0]) >= width and rows[0][width - 1].strip():
            break  # an empty column, but one with a name
        width -= 1
    return width


def _trimmed(row: list[str]) -> list[str]:
    """Return the fields of a row up to the last that is not empty."""
    row = list(row)
    while row and not row[-1].strip():
        row.pop()
    return row


def _preamble(rows: list[list[str]], width: int, dialect: Dialect) -> int:
    """Return the number of records above the names: those with too few fields for names, where names come below."""
    for i, row in enumerate(rows[:_MOST_SKIPPED]):
        n_fields = len(_trimmed(row))
        if n_fields >= width:
            return 0 if any(is_number(field, dialect.decimal) for field in row) else i
        below = _trimmed(rows[i + 1]) if i + 1 < len(rows) else []
        one_short = n_fields == width - 1 and may_lack_a_name(width, dialect.separator)
        if one_short and len(below) >= width and any(is_number(field, dialect.decimal) for field in below):
            return i
    return 0


def _refuse_second_table(name: str, above: list[list[str]], records: Records, start: int) -> None:
    """Raise an error if several of the lines above the names are rows of numbers."""
    decimal = records.dialect.decimal
    of_numbers = [
        i
        for i, row in enumerate(above)
        if len(_trimmed(row)) > 1 and all(is_number(field, decimal) for field in _trimmed(row))
    ]
    if len(of_numbers) > 1:
        place, first = records.place, records.numbers[of_numbers[0]]
        msg = (
            f"{name} holds two tables: rows of numbers begin in {place} {first}, and a table with more columns in "
            f"{place} {records.numbers[start]}. Read the second with --skip {records.numbers[start] - 1}, or take the "
            "tables apart."
        )
        raise CommandError(msg)


def _is_row(first: list[str], below: list[list[str]], decimal: str) -> bool:
    """Return whether the first record looks like a row: its fields are numbers where those below are."""
    present = [(i, field) for i, field in enumerate(first) if field.strip() not in MISSING_MARKS]
    if not present:
        return False
    numbers = [field for _, field in present if is_number(field, decimal)]
    if len(numbers) == len(present):
        return not _are_years(numbers)
    numeric = {i for i, _ in enumerate(first) if _mostly_numbers(below, i, decimal)}
    here = {i for i, field in present if is_number(field, decimal)}
    return bool(numeric) and numeric <= here and not _are_years(numbers)


def _are_years(fields: list[str]) -> bool:
    years = [int(field) if field.strip().isdecimal() else 0 for field in fields]
    return len(years) > 1 and all(year in _YEARS for year in years) and years == sorted(set(years))


def _mostly_numbers(rows: list[list[str]], i: int, decimal: str) -> bool:
    fields = [row[i] for row in rows if i < len(row) and row[i].strip() not in MISSING_MARKS]
    return 2 * sum(is_number(field, decimal) for field in fields) > len(fields)


def _last_comment(records: Records, start: int) -> int | None:
    above = [number for number in records.comments if number < records.numbers[start]]
    return max(above, default=None)


def _in_comment(records: Records, start: int, width: int) -> list[str] | None:
    """Return the names in the comment above the first row, as `numpy.savetxt` writes them, or None."""
    number = _last_comment(records, start)
    if number is None:
        return None
    names = fields_of(records.comments[number].lstrip(COMMENT_SIGNS + " \t"), records.dialect.separator)
    fits = len(names) == width and all(names) and not any(is_number(name) for name in names)
    return unique_names(names) if fits else None


def _nameless(records: Records, width: int, start: int, found: tuple[str, ...], *, asked: bool) -> Header:
    names = [f"x{i}" for i in range(width)]
    if asked:
        return Header(names, start, nameless=True, found=found)
    where = f"{records.place} {records.numbers[start]}"
    called = "the column is called x0" if width == 1 else f"the columns are called {names[0]} to {names[-1]}"
    sentence = (
        f"{where.capitalize()} holds numbers, so it is read as a row, and {called}. Say --no-header if this is right, "
        "and --header if the line holds names."
    )
    return Header(names, start, nameless=True, found=found, doubts=(Doubt(sentence),))


def _fitted(name: str, records: Records, start: int, names: list[str], width: int) -> list[str]:
    """Return as many names as columns; R writes none above the names of the rows.

    Raises
    ------
    CommandError
        If there are more or fewer names.
    """
    while len(names) > width and not names[-1]:
        names = names[:-1]
    if len(names) == width - 1 and may_lack_a_name(width, records.dialect.separator):
        return ["", *names]
    if len(names) < width and len(_trimmed(names)) == len(names) and start + 1 == len(records.records):
        return names
    if len(names) != width:
        msg = (
            f"{name}: {records.place} {records.numbers[start]} has {len(names)} "
            f"name{'s'[: len(names) != 1]}, but most rows have {width} fields; say the separator with --separator, the "
            "lines above the names with --skip, or add --no-header."
        )
        raise CommandError(msg)
    return names


def _doubts_about(
    records: Records, start: int, names: list[str], below: list[list[str]], *, asked: bool
) -> tuple[Doubt, ...]:
    where = f"{records.place} {records.numbers[start]}"
    doubts = []
    for twice in dict.fromkeys(name for name in names if name and names.count(name) > 1):
        renamed = [new for new, old in zip(unique_names(names), names, strict=True) if old == twice]
        sentence = (
            f"{where.capitalize()} gives the name {twice!r} to {len(renamed)} columns, which are called "
            f"{quoted(renamed)}; choose among them with --columns."
        )
        doubts.append(Doubt(sentence, column=renamed[-1]))
    nameless = [i for i, name in enumerate(names) if i and not name]
    for i in (i for i in nameless if _mostly_numbers(below, i, records.dialect.decimal)):
        called = f"column_{i + 1}"
        doubts.append(
            Doubt(f"{where.capitalize()} gives no name to column {i + 1}, which is called {called!r}.", called)
        )
    numbers = [name for name in names if is_number(name, records.dialect.decimal)]
    if numbers and len(numbers) == len([name for name in names if name]) and not asked and below:
        sentence = (
            f"{where.capitalize()} is read as names, though it holds numbers such as {numbers[0]}. Say --header if "
            "this is right, and --no-header if the line is a row."
        )
        doubts.append(Doubt(sentence))
    return tuple(doubts)


def _unique_but_empty(names: list[str]) -> list[str]:
    """Return the names, those that come again with a number; empty ones stay empty."""
    unique = iter(unique_names([name for name in names if name]))
    return [next(unique) if name else "" for name in names]
