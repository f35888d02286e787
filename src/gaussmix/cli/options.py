"""The options that several commands share, and their values from what the user types."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaussmix.cli.app import app

if TYPE_CHECKING:  # polars comes with these, and help must not wait for it
    from gaussmix.cli.outputs import Beside, Target
    from gaussmix.cli.tables import Format, Selection

__all__ = [
    "WRITING",
    "Brief",
    "Columns",
    "Components",
    "File",
    "Force",
    "Json",
    "Model",
    "ModelColumns",
    "Out",
    "Quiet",
    "Reading",
    "Results",
    "Weights",
    "Written",
    "command",
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
Components = Annotated[
    str, typer.Option(metavar="K", help="Numbers of components: 3, or 1:9 with both ends, or 2,4,8.")
]
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
_WAYS = ("em", "drop", "error")
"""The values of ``--missing``."""
Missing = Annotated[
    str | None,
    typer.Option(
        "--missing",
        metavar="WAY",
        help="Rows with missing values: em uses their observed values, drop leaves them out, error refuses them.",
        show_default="em; error for outliers",
        autocompletion=lambda: list(_WAYS),
    ),
]
DropMissing = Annotated[bool, switch("--drop-missing", says="The same as --missing drop.")]
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
Sheet = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Sheet of a workbook of Excel: its name, or its number from 1 on.",
        show_default="the first",
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


@dataclass(frozen=True)
class Written:
    """The options that say how a table is written."""

    separator: Separator = None
    decimal: Decimal = None
    na: Na = None
    strip: Strip = None
    encoding: Encoding = None
    header: Header = None
    skip: Skip = None
    sheet: Sheet = None
    strict: Strict = False

    def select_to_fill(self, columns: str | None) -> "Selection":
        """Return what to read of a table whose missing values are to be filled in.

        Raises
        ------
        typer.BadParameter
            If a separator, a decimal mark or an encoding is none.
        """
        from gaussmix.cli import tables  # noqa: PLC0415 - polars comes with it

        return tables.Selection(columns, None, tables.Missing.FILL, self.strict, self._format)

    @property
    def _format(self) -> "Format":
        from gaussmix.cli.tables import SEPARATOR_NAMES, Format  # noqa: PLC0415 - polars comes with it

        separator = self.separator
        if separator is not None:
            separator = SEPARATOR_NAMES.get(separator.lower(), separator)
            if len(separator) != 1 or separator in '"\r\n':
                msg = f"{separator!r} must be one character, or one of {', '.join(SEPARATOR_NAMES)}."
                raise typer.BadParameter(msg, param_hint="'--separator'")
        if self.decimal not in {None, ".", ","}:
            raise typer.BadParameter(f"{self.decimal!r} must be . or ,", param_hint="'--decimal'")
        if self.encoding is not None:
            _check_encoding(self.encoding)
        missing, signs = _list(self.na), _list(self.strip)
        return Format(separator, self.decimal, self.encoding, self.header, self.skip, missing, signs, self.sheet)


@dataclass(frozen=True)
class Reading(Written):
    """The options that say how a table is written, and which rows of it to read."""

    missing: Missing = None
    drop_missing: DropMissing = False

    def select(self, columns: str | None, weights: str | None = None) -> "Selection":
        """Return what to read of a table: features, weights and rows.

        Parameters
        ----------
        columns, weights : str or None
            The options of these names.

        Raises
        ------
        typer.BadParameter
            If a separator, a decimal mark or an encoding is none.
        """
        from gaussmix.cli import tables  # noqa: PLC0415 - polars comes with it

        missing = tables.Missing(self._treatment)
        return tables.Selection(columns, weights, missing, self.strict, self._format)

    @property
    def _treatment(self) -> str:
        """The treatment of rows with missing values."""
        if self.missing is None:
            return "drop" if self.drop_missing else "em"
        treatment = str(one_of(_WAYS, self.missing, "--missing"))
        if self.drop_missing and treatment != "drop":
            raise typer.BadParameter("give it or --missing, not both.", param_hint="'--drop-missing'")
        return treatment


@dataclass(frozen=True)
class Results:
    """The options that say where the results of rows go, and which columns stand beside them."""

    keep: Keep = None
    append: Append = False
    out: Out = None
    force: Force = False

    @property
    def target(self) -> "Target":
        """The file to write."""
        from gaussmix.cli.outputs import Target  # noqa: PLC0415 - polars comes with it

        return Target(self.out, self.force)

    @property
    def beside(self) -> "Beside":
        """The columns beside the results."""
        from gaussmix.cli.outputs import Beside  # noqa: PLC0415 - polars comes with it

        return Beside(self.keep, append=self.append)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Register a command of the program, and return the function itself.

    A parameter of the type :class:`Reading` or :class:`Results` stands for all options of its group, in its place.
    """
    parameters = signature(function).parameters.values()
    groups: dict[str, Any] = {one.name: one.annotation for one in parameters if is_dataclass(one.annotation)}

    @wraps(function)
    def run(**given: Any) -> None:  # noqa: ANN401 - the values of the options
        values = {
            name: group(**{option.name: given.pop(option.name) for option in fields(group)})
            for name, group in groups.items()
        }
        function(**given, **values)

    options = [
        option for one in parameters for option in (_options_of(one.annotation) if one.name in groups else [one])
    ]
    run.__signature__ = Signature(options)  # type: ignore[attr-defined] # typer reads the options from it
    run.__annotations__ = {option.name: option.annotation for option in options}
    app.command()(run)
    return function


def _options_of(group: type) -> list[Parameter]:
    """Return the options of a group as parameters of a function."""
    return [
        Parameter(name, Parameter.KEYWORD_ONLY, default=one.default, annotation=one.annotation)
        for name, one in signature(group).parameters.items()
    ]


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
