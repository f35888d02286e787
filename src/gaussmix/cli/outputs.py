"""Where results go: whole files that replace nothing unasked, or stdout."""

import io
import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import typer

from gaussmix.cli.errors import CommandError
from gaussmix.persist import write_whole

__all__ = ["check_free", "check_table", "print_json", "write_table", "writing"]


def check_free(path: Path | None, *, force: bool) -> None:
    """Make sure before the work that a file can be written after it.

    Raises
    ------
    CommandError
        If the file exists and `force` is False, it is a folder, or its folder does not exist.
    """
    if path is None:
        return
    if path.is_dir():
        raise CommandError(f"{path} is a folder; give --out the name of a file.")
    if not path.parent.is_dir():
        raise CommandError(f"There is no folder {path.parent} to write {path.name} in; create it first.")
    if path.exists() and not force:
        raise CommandError(f"{path} exists already, and is left as it is; replace it with --force.")


def check_table(path: Path | None, *, force: bool) -> None:
    """As :func:`check_free`, for a table: its ending must be one that can be written."""
    if path is not None and path.suffix.lower() not in _WRITERS:
        raise CommandError(f"{path} must end in {' or '.join(_WRITERS)}, which say how to write it.")
    check_free(path, force=force)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say which file could not be written, whatever went wrong with it."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path} could not be written: {error.strerror or error}.") from error


def write_table(frame: pl.DataFrame, path: Path | None, *, force: bool) -> None:
    """Write a table to a file, whole or not at all, or as CSV to stdout."""
    if path is None:
        typer.echo(frame.write_csv(), nl=False)
        return
    with writing(path):
        write_whole(path, _WRITERS[path.suffix.lower()](frame), overwrite=force)


def _csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


_WRITERS: dict[str, Callable[[pl.DataFrame], bytes]] = {".csv": _csv, ".parquet": _parquet}


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object; what is not a finite number is null."""
    typer.echo(json.dumps(_finite(record), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
