"""The outputs of commands: files, which replace another only with ``--force``, or stdout."""

import io
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import typer

from gaussmix.atomic_file import check_writable, write_atomically
from gaussmix.cli.errors import CommandError
from gaussmix.cli.tables import Table
from gaussmix.cli.tables.columns import named_columns
from gaussmix.mixture import Mixture
from gaussmix.persist import save

__all__ = ["Beside", "Target", "print_json"]


@dataclass(frozen=True)
class Target:
    """The file that the options ``--out`` and ``--force`` name.

    Attributes
    ----------
    path : Path or None
        The file to write; None for stdout.
    force : bool
        Whether an existing file may be replaced.
    """

    path: Path | None
    force: bool

    def check(self, table: str | None = None) -> None:
        """Check that the file can be written; a command does so before its work begins.

        Parameters
        ----------
        table : str or None
            The file that the command reads, which must not be replaced.

        Raises
        ------
        CommandError
            If the file exists and may not be replaced, is a folder, no regular file or the table itself, if its folder
            does not exist or cannot be written to, or if its name is too long.
        """
        path = self.path
        if path is None:
            return
        if _is(path, os.path.isdir):
            raise CommandError(f"{path} is a folder; give --out the name of a file.")
        if not _is(path.parent, os.path.isdir):
            raise CommandError(f"There is no folder {path.parent} for {path.name}; create it first.")
        exists = _is(path, os.path.exists)
        if exists and not _is(path, os.path.isfile):
            raise CommandError(f"{path} is a device or a pipe, and no file; give --out the name of a file.")
        if exists and table is not None and _is(Path(table), os.path.exists) and path.samefile(table):
            raise CommandError(f"{path} is the table itself; give --out the name of another file.")
        if exists and not self.force:
            raise CommandError(f"{path} exists already and is left as it is; replace it with --force.")
        with _writing(path):
            check_writable(path, overwrite=self.force)

    def check_table(self, table: str | None = None) -> None:
        """Check that a table can be written to the file: also its ending must be that of a table."""
        if self.path is not None and self.path.suffix.lower() not in _WRITERS:
            raise CommandError(f"{self.path}: a table must end in {' or '.join(_WRITERS)}.")
        self.check(table)

    def write_table(self, frame: pl.DataFrame) -> None:
        """Write a table to the file, or as CSV to stdout."""
        if self.path is None:
            typer.echo(frame.write_csv(), nl=False)
            return
        with _writing(self.path):
            write_atomically(self.path, _WRITERS[self.path.suffix.lower()](frame), overwrite=self.force)

    def write_model(self, mixture: Mixture) -> None:
        """Write a mixture to the file; do nothing without a file."""
        if self.path is not None:
            with _writing(self.path):
                save(mixture, self.path, overwrite=self.force)


def _is(path: Path, question: Callable[[Path], bool]) -> bool:
    """Return the answer to a question about a file; a name with a zero byte is an error of its own."""
    try:
        return question(path)
    except ValueError as error:
        raise CommandError(f"{str(path)!r} is no name of a file: {error}.") from error


@dataclass(frozen=True)
class Beside:
    """The columns that are written before the results, so that each row can be recognized.

    Attributes
    ----------
    keep : str or None
        Names of columns of the table, with commas. None for the column ``row``, which counts the rows from 1.
    append : bool
        Whether all columns of the table are written.
    """

    keep: str | None
    append: bool

    def check(self) -> None:
        """Check that not both are asked for."""
        if self.keep is not None and self.append:
            raise CommandError("--append writes all columns of the table; leave out --keep.")

    def join(self, table: Table, results: pl.DataFrame) -> pl.DataFrame:
        """Return all rows of the file with their results; those of rows that were left out are empty."""
        n_rows = len(table.raw.frame)
        if len(results) < n_rows:
            places = np.full(n_rows, -1)
            places[table.indices] = np.arange(len(results))
            picked = pl.Series(places)
            results = results.select(pl.all().gather(pl.select(pl.when(picked >= 0).then(picked)).to_series()))
        before = self._columns(table)
        taken = list(before.columns)
        for name in results.columns:
            new = name
            while new in taken:
                new += "_"
            taken.append(new)
        results.columns = taken[len(before.columns) :]
        return pl.concat([before, results], how="horizontal")

    def _columns(self, table: Table) -> pl.DataFrame:
        if self.append:
            return table.raw.original
        if self.keep is not None:
            return table.raw.original.select(named_columns(table.raw, self.keep, "--keep"))
        return pl.DataFrame({"row": np.arange(1, len(table.raw.frame) + 1)})


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Name the file in the error where it could not be written."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path} could not be written: {error.strerror or error}.") from error


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


_WRITERS: dict[str, Callable[[pl.DataFrame], bytes]] = {".csv": _csv, ".parquet": _parquet}


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object, with null in place of NaN and infinity."""
    typer.echo(json.dumps(_finite(record), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
