"""The command `gaussmix predict` and its options."""

from gaussmix.cli.app import app
from gaussmix.cli.options import (
    Append,
    Decimal,
    DropMissing,
    Encoding,
    File,
    Force,
    Header,
    Keep,
    Model,
    ModelColumns,
    Na,
    Out,
    Quiet,
    Separator,
    Skip,
    Strict,
    Strip,
    format_from,
)

__all__ = ["predict"]


@app.command()
def predict(  # noqa: PLR0913 - the options of the command
    model: Model,
    file: File,
    *,
    columns: ModelColumns = None,
    drop_missing: DropMissing = False,
    separator: Separator = None,
    decimal: Decimal = None,
    na: Na = None,
    strip: Strip = None,
    encoding: Encoding = None,
    header: Header = None,
    skip: Skip = None,
    strict: Strict = False,
    keep: Keep = None,
    append: Append = False,
    out: Out = None,
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Give each row its most probable component, and the probability of every component."""
    from gaussmix.cli import outputs, predicting, tables  # noqa: PLC0415 - numpy and polars come with them

    written = format_from(
        separator=separator,
        decimal=decimal,
        na=na,
        strip=strip,
        encoding=encoding,
        header=header,
        skip=skip,
    )
    missing = tables.Missing.DROP if drop_missing else tables.Missing.REFUSE
    selection = tables.Selection(columns, None, missing, strict, written)
    beside = outputs.Beside(keep, append=append)
    predicting.predict(model, file, selection, outputs.Target(out, force), beside, quiet=quiet)
