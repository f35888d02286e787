"""The options of a command that say how a table is written and what to read of it."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["MISSING_MARKS", "Format", "Missing", "Selection"]

MISSING_MARKS = frozenset({
    "", "(null)", "#DIV/0!", "#N/A", "#N/A N/A", "#NA", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "-1.#IND",
    "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "\\N", "n.a.", "n/a",
    "nan", "null",
})  # fmt: skip
"""The texts that are missing values without ``--na``: those of pandas and databases, and the errors of spreadsheets."""


class Missing(Enum):
    """The treatment of rows with missing or infinite values.

    With EM, the observed values of the rows are used, and infinite values are errors. The same holds for FILL, but the
    command fills in the missing values, and says so itself.
    """

    EM = "em"
    FILL = "fill"
    DROP = "drop"
    REFUSE = "error"


@dataclass(frozen=True)
class Format:
    """The way in which the numbers of a table are written; None for each part that is to be found in the file.

    Attributes
    ----------
    separator : str or None
        The character between two fields of a line; a space stands for any spaces and tabs.
    decimal : str or None
        The decimal mark, ``"."`` or ``","``.
    encoding : str or None
        The encoding of the text, by its name in Python.
    header : bool or None
        Whether the first line holds the names of the columns.
    skip : int or None
        The number of lines before the first line of the table.
    missing : tuple of str
        Texts that stand for missing values, beside :data:`MISSING_MARKS`.
    strip : tuple of str
        Signs that are taken off both ends of a value before it is read, such as ``"%"``.
    sheet : str or None
        The sheet of a workbook, by its name or its number from 1 on; None for the first.
    """

    separator: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip: int | None = None
    missing: tuple[str, ...] = ()
    strip: tuple[str, ...] = ()
    sheet: str | None = None


@dataclass(frozen=True)
class Selection:
    """The columns and the rows of a file to read.

    Attributes
    ----------
    columns : str or None
        Names of the features with commas between them, as the user gave them. None for all columns of numbers but the
        weights.
    weights : str or None
        Name of the column of weights.
    missing : Missing
        The treatment of rows with missing or infinite values.
    strict : bool
        Whether a doubt about what the file means is an error.
    written : Format
        The way in which the numbers are written.
    """

    columns: str | None = None
    weights: str | None = None
    missing: Missing = Missing.REFUSE
    strict: bool = False
    written: Format = Format()
