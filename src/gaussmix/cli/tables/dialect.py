"""The separator and the decimal mark of a text, found by looking at its lines."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from gaussmix.cli.tables.options import MISSING_MARKS, Format

__all__ = ["EN_DASH", "SPACE", "Dialect", "fields_of", "find_dialect", "is_number", "may_lack_a_name"]

SPACE = " "
"""The separator that stands for any spaces and tabs."""

EN_DASH = "\u2013"
"""The dash that word processors put in place of a minus sign."""

_SEPARATORS = (",", "\t", ";", "|", SPACE)
"""The separators to look for; of two that fit equally well, the earlier is taken."""

_MARKS = (".", ",")
"""The decimal marks to look for; of two that fit equally well, the earlier is taken."""

_SIGNS = "%‰$€£¥°"
"""Signs beside numbers: a column of ``62.5%`` counts as one of numbers when separators are compared."""

_MOST_LINES = 200
"""The number of lines at the start of the file, and of lines spread over the file, that are looked at."""

_TEXT = 0.1
"""The weight of a separator that splits all lines alike, but into text only."""

_FEWEST_FOR_ROW_NAMES = 3
"""The smallest number of fields with which a first line that is shorter by one, as R writes it above row names, counts
as a line of names where the separator is none of spaces and tabs: ``x`` above ``1,5`` is one column."""


csv.field_size_limit(2**31 - 1)  # a field of text may be long: the columns of numbers beside it are still read


@dataclass(frozen=True)
class Dialect:
    """The separator and the decimal mark of a text."""

    separator: str
    decimal: str


@cache
def _number(decimal: str) -> re.Pattern[str]:
    group, mark = ("[,'\u2019 \u00a0\u202f]", r"\.") if decimal == "." else ("[.'\u2019 \u00a0\u202f]", ",")
    return re.compile(
        rf"[+\-\u2212{EN_DASH}]?(?:(?:\d+|[1-9]\d{{0,2}}(?:{group}\d{{3}})+)(?:{mark}\d*)?|{mark}\d+)(?:[eE][+\-]?\d+)?|[+\-]?inf"
        rf"|[+\-]?\d*{mark}\d+[dD][+\-]?\d+"  # Fortran
    )


def is_number(text: str, decimal: str = ".") -> bool:
    """Return whether a text is a number with this decimal mark, with or without separators of thousands."""
    return _number(decimal).fullmatch(text.strip()) is not None


def fields_of(line: str, separator: str) -> list[str]:
    """Return the fields of a line, without quotation marks and the spaces around them."""
    if separator == SPACE:
        line = line.replace("\t", SPACE).strip()
    return [field.strip() for field in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def find_dialect(lines: Sequence[str], given: Format) -> Dialect:
    """Return the separator and the decimal mark with which most fields of most lines are numbers.

    Parameters
    ----------
    lines : sequence of str
        Lines of a table, without blank lines and comments; the first may hold names.
    given : Format
        What the user said of the two.
    """
    sample = [*lines[:_MOST_LINES], *lines[_MOST_LINES :: max(1, len(lines) // _MOST_LINES)]]
    separators = (given.separator,) if given.separator else _SEPARATORS
    marks = (given.decimal,) if given.decimal else _MARKS
    best, best_score = Dialect(separators[0], marks[0]), (-1.0, 0)
    for separator in separators:
        rows = [fields_of(line, separator) for line in sample]
        for decimal in marks:
            score = _score(rows, separator, decimal)
            if score > best_score:
                best, best_score = Dialect(separator, decimal), score
    return best


def _score(rows: Sequence[Sequence[str]], separator: str, decimal: str) -> tuple[float, int]:
    """Return how alike and how numeric the lines are, and whether there are several fields."""
    first, data = rows[0], rows[1:] or rows
    width, count = Counter(map(len, data)).most_common(1)[0]
    cells = [cell for row in data if len(row) == width for cell in row if cell not in MISSING_MARKS]
    numeric = sum(is_number(cell.strip(_SIGNS), decimal) for cell in cells) / max(1, len(cells))
    score = count / len(data) * (_TEXT + numeric)
    if not _fits(first, width, separator):
        score /= 2
    return round(score, 9), int(width > 1)


def _fits(first: Sequence[str], width: int, separator: str) -> bool:
    """Return whether the fields of the first line can be the names of lines of so many fields."""
    if width == 1 and any(other in name for name in first for other in _SEPARATORS[:-1]):
        return False  # names with separators are no single name
    return len(first) == width or (len(first) == width - 1 and may_lack_a_name(width, separator))


def may_lack_a_name(width: int, separator: str) -> bool:
    """Return whether the first line may have a field less than the others, as R writes it above the names of rows."""
    return separator in {SPACE, "\t"} or width >= _FEWEST_FOR_ROW_NAMES
