"""The options that several commands share, and their values from what the user types."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from gaussmix.cli.tables import Format  # polars comes with it, and help must not wait for it

__all__ = [
    "READING",
    "WRITING",
    "Append",
    "Brief",
    "Columns",
    "Decimal",
    "DropMissing",
    "Encoding",
    "File",
    "Force",
    "Header",
    "Json",
    "Keep",
    "Model",
    "ModelColumns",
    "Na",
    "Out",
    "Quiet",
    "Separator",
    "Skip",
    "Strict",
    "Strip",
    "Weights",
    "format_from",
    "numbers_of_components",
    "one_of",
    "switch",
]

_LARGEST_K = 100_000
"""The largest number of components that can be asked for. A search tries every number, so a larger one is a slip."""

READING = "How the table is read"
"""The heading of the options for reading in the help."""

WRITING = "Output"
"""The heading of the options for writing in the help."""


def switch(*names: str, says: str, panel: str | None = None) -> Any:  # noqa: ANN401 - as typer.Option
    """Return an option without a value; the help shows none."""
    return typer.Option(*names, metavar="", help=says, rich_help_panel=panel)


File = Annotated[
    str,
    typer.Argument(
        metavar="FILE",
        help="Table: text with any separator, .parquet, .arrow, .feather, .xlsx, .jsonl, .npy, or one of them in a "
        ".gz or .zip; - for standard input.",
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Model file that `gaussmix fit --out` wrote.")]
Columns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="Feature columns, in this order; a name with a comma in quotation marks.",
        show_default="all columns of numbers but the weights",
    ),
]
ModelColumns = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="Columns that hold the model's features, in its order.",
        show_default="those of its names",
    ),
]
Weights = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of weights: the number of rows that each row stands for.")
]
DropMissing = Annotated[bool, switch("--drop-missing", says="Leave out rows with missing or infinite values.")]
Separator = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Character between fields, or: comma, semicolon, tab, pipe, space.",
        show_default="found in the file",
        rich_help_panel=READING,
    ),
]
Decimal = Annotated[
    str | None,
    typer.Option(
        metavar="MARK",
        help="Decimal mark: . or , (the other one may separate thousands).",
        show_default="found in the file",
        rich_help_panel=READING,
    ),
]
Na = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="More texts or numbers that stand for missing values, such as -999.",
        show_default="empty cells, NA, NaN, null and the like",
        rich_help_panel=READING,
    ),
]
Strip = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...", help="Signs beside numbers to read without, such as % or $.", rich_help_panel=READING
    ),
]
Encoding = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Encoding of the text, such as utf-8, utf-16, cp1252, latin-1.",
        show_default="found in the file",
        rich_help_panel=READING,
    ),
]
Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header",
        metavar="",
        help="Whether the first line holds the names of the columns. Without names they are x0, x1, ...",
        show_default="found in the file",
        rich_help_panel=READING,
    ),
]
Skip = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=0,
        help="Lines above the names of the columns to leave out.",
        show_default="found in the file",
        rich_help_panel=READING,
    ),
]
Strict = Annotated[
    bool,
    switch(
        "--strict",
        says="Refuse a table that leaves doubts: columns of text, a code such as -999, numbers for names, ...",
        panel=READING,
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="Columns of the table to write beside the results.",
        show_default="a column row with the number of the row",
        rich_help_panel=WRITING,
    ),
]
Append = Annotated[bool, switch("--append", says="Write the results behind all columns of the table.", panel=WRITING)]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write a .csv or .parquet file.",
        show_default="CSV on stdout",
        rich_help_panel=WRITING,
    ),
]
Force = Annotated[bool, switch("--force", says="Replace the --out file if there is one.", panel=WRITING)]
Json = Annotated[bool, switch("--json", says="Print one JSON object.", panel=WRITING)]
Brief = Annotated[
    bool, switch("--brief", says="Print neither the table of all models nor correlations.", panel=WRITING)
]
Quiet = Annotated[
    bool, switch("--quiet", "-q", says="Print no progress, and not how the table was read.", panel=WRITING)
]


def format_from(
    *,
    separator: str | None,
    decimal: str | None,
    na: str | None,
    strip: str | None,
    encoding: str | None,
    header: bool | None,
    skip: int | None,
) -> "Format":
    """Return what the options of a command say of the way in which its table is written.

    Raises
    ------
    typer.BadParameter
        If a separator, a decimal mark or an encoding is none.
    """
    from gaussmix.cli.tables import SEPARATOR_NAMES, Format  # noqa: PLC0415 - polars comes with it

    if separator is not None:
        separator = SEPARATOR_NAMES.get(separator.lower(), separator)
        if len(separator) != 1 or separator in '"\r\n':
            msg = f"{separator!r} must be one character, or one of {', '.join(SEPARATOR_NAMES)}."
            raise typer.BadParameter(msg, param_hint="'--separator'")
    if decimal not in {None, ".", ","}:
        raise typer.BadParameter(f"{decimal!r} must be . or ,", param_hint="'--decimal'")
    if encoding is not None:
        _check_encoding(encoding)
    return Format(separator, decimal, encoding, header, skip, _list(na), _list(strip))


def one_of(names: Iterable[str], given: str, option: str) -> Any:  # noqa: ANN401 - one of the names, as a literal type
    """Return the name that an option gives, in upper or lower case.

    Raises
    ------
    typer.BadParameter
        If it is none of the names.
    """
    if given.lower() in (known := [str(name) for name in names]):
        return given.lower()
    raise typer.BadParameter(f"{given!r} is none of {', '.join(known)}.", param_hint=f"'{option}'")


def numbers_of_components(text: str) -> tuple[int, ...]:
    """Return numbers of components: ``"1:3,8"`` is ``(1, 2, 3, 8)``.

    Raises
    ------
    typer.BadParameter
        If the text is no list of numbers and spans.
    """
    from gaussmix import selection  # noqa: PLC0415 - numpy comes with it

    try:
        return selection.numbers_of_components(k for part in text.split(",") for k in _span(part))
    except ValueError as error:
        msg = f"{text!r} must be numbers from 1 to {_LARGEST_K}, as 3, or 1:9 with both ends, or 2,4,8."
        raise typer.BadParameter(msg, param_hint="'--components'") from error


def _span(part: str) -> range:
    """Return the numbers of a span with both ends, as ``"1:3"``, or the one number."""
    first, _, last = part.partition(":")
    span = range(int(first), int(last or first) + 1)
    if span.stop > _LARGEST_K + 1:
        raise ValueError(part)
    return span


def _check_encoding(name: str) -> None:
    try:
        "".encode(name)
    except (LookupError, ValueError) as error:
        msg = f"{name!r} is no encoding; use utf-8, utf-16, cp1252, latin-1 or another name that Python knows."
        raise typer.BadParameter(msg, param_hint="'--encoding'") from error


def _list(text: str | None) -> tuple[str, ...]:
    """Return the texts in a list with commas."""
    return () if text is None else tuple(part for one in text.split(",") if (part := one.strip()))
