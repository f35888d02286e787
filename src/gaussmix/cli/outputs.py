"""The outputs of commands: files, which replace another only with ``--force``, or stdout."""

import io
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import typer

from gaussmix.atomic_file import check_writable, write_atomically
from gaussmix.cli.errors import CommandError
from gaussmix.mixture import Mixture
from gaussmix.persist import save

__all__ = ["Target", "print_json"]


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

    def check(self) -> None:
        """Check that the file can be written; a command does so before its work begins.

        Raises
        ------
        CommandError
            If the file exists and may not be replaced, it is a folder or a device, or its folder does not exist or
            is read-only.
        """
        path = self.path
        if path is None:
            return
        if path.is_dir():
            raise CommandError(f"{path} is a folder; give --out the name of a file.")
        if not path.parent.is_dir():
            raise CommandError(f"There is no folder {path.parent} for {path.name}; create it first.")
        if path.exists() and not self.force:
            raise CommandError(f"{path} exists already and is left as it is; replace it with --force.")
        with _writing(path):
            check_writable(path, overwrite=self.force)

    def check_table(self) -> None:
        """Check that a table can be written to the file: also its ending must be that of a table."""
        if self.path is not None and self.path.suffix.lower() not in _WRITERS:
            raise CommandError(f"{self.path}: a table must end in {' or '.join(_WRITERS)}.")
        self.check()

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
