"""Calls that nobody would make on purpose: each ends with an exit code and a sentence, and none with a traceback.

``python tests/cli/test_hostile_calls.py 3000`` makes many more calls than the test does.
"""

import gzip
import io
import itertools
import random
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np
import polars as pl
from typer.testing import CliRunner

from gaussmix import Mixture, save
from gaussmix.cli.commands import app
from gaussmix.cli.errors import CommandError
from gaussmix.cli.tables import Selection, Table, read

N_CALLS = 120
QUICK = ["--components", "1:2", "--structure", "diag", "--max-iter", "20"]
NUMBERS = [
    "0",
    "-1",
    "1e308",
    "-1e308",
    "1e-320",
    "inf",
    "nan",
    "NA",
    "",
    "1,5",
    "1.234",
    "9" * 40,
    "0x1F",
    "1e400",
    "--",
]
TEXTS = [
    "",
    " ",
    "x",
    "\ud800",
    "a" * 5000,
    '"',
    "'",
    "\\",
    "-",
    "--",
    "[red]",
    "\x1b[2J",
    "é",
    "x,y",
    ",",
    "\x00",
    "*",
    "0",
]
SEPARATORS = [",", ";", "\t", "|", " ", "\x1f", "::", "#", '"']
ENDINGS = [
    "csv",
    "tsv",
    "txt",
    "npy",
    "parquet",
    "arrow",
    "feather",
    "xlsx",
    "jsonl",
    "json",
    "gz",
    "zip",
    "gmx",
    *[""] * 20,
]
OPTIONS = {
    "--columns": [*TEXTS, "x", "y,x", "x0", "0,1", '"x'],
    "--weights": [*TEXTS, "w", "y"],
    "--separator": [*SEPARATORS, "tab", "space", "comma", ""],
    "--decimal": [".", ",", ";", ""],
    "--na": [*TEXTS, *NUMBERS],
    "--strip": [*TEXTS, "%", "$,kg"],
    "--encoding": [
        "utf-8",
        "utf-16",
        "ascii",
        "cp1252",
        "rot13",
        "hex",
        "idna",
        "no",
        "\x00",
        "utf-7",
        "undefined",
        "",
    ],
    "--skip": ["0", "1", "5", "99999", "-1", str(2**70)],
    "--threshold": ["0", "0.5", "nan", "2"],
    "--contamination": ["0", "0.1", "-1", "nan"],
    "--keep": [*TEXTS, "x", "row"],
    "--components": ["0", "1:2", "2:1", "1:", ":", "1:9999999999999", "a", "-3", "1,1", "2**3", "", "\ud800"],
    "--structure": ["FULL", "", "x", "all,", "\x00", "e", "diag"],
    "--criterion": ["BIC", "", "cv", "r2", "\ud800"],
    "--method": ["mean", "MODE", "sample", "median", ""],
    "--draws": ["0", "1", "3", "-1", str(2**70)],
    "--missing": ["em", "DROP", "error", "", "ignore"],
    "--prior": ["weak", "MCLUST", ""],
    "--seed": ["0", "-1", str(2**70), "1.5", "nan"],
    "--tol": ["0", "nan", "inf", "-inf", "1e400", "-1"],
    "--max-iter": ["0", "1", "-5"],
    "--n-init": ["0", "1", "x"],
    "-n": ["0", "1", "-1", str(2**70), "1e3", "7"],
    "--out": [
        "",
        ".",
        "/",
        "/dev/null",
        "no/such/folder/x.csv",
        "x.csv",
        "x.parquet",
        "m.gmx",
        "x" * 300,
        "a\x00b",
        "\ud800",
    ],
}
WRITTEN = ["--separator", "--decimal", "--na", "--strip", "--encoding", "--skip"]
READING = ["--columns", "--missing", *WRITTEN]
SEARCH = ["--components", "--structure", "--criterion", "--prior", "--seed", "--tol", "--max-iter", "--n-init"]
OF_COMMAND = {
    "fit": [*READING, *SEARCH, "--weights", "--out"],
    "predict": [*READING, "--keep", "--out"],
    "impute": [*WRITTEN, "--columns", "--method", "--draws", "--seed", "--keep", "--out"],
    "score": [*READING, "--weights", "--keep", "--out"],
    "outliers": [*READING, "--components", "--threshold", "--contamination", "--weights", "--keep", "--out", "--seed"],
    "sample": ["-n", "--seed", "--out"],
}
SWITCHES = [
    "--strict",
    "--header",
    "--no-header",
    "--drop-missing",
    "--json",
    "--brief",
    "--quiet",
    "--append",
    "--per-row",
]
SWITCHES += ["--force", "--component", "--relative-weights", "--equal-weights", "--no-stop-early", "-h", "--bogus"]


def table_text(rng):
    """Return a table of text with some damage."""
    separator, n_columns = rng.choice(SEPARATORS[:5]), rng.randrange(1, 4)
    lines = [separator.join(["x", "y", "w"][:n_columns])]
    for _ in range(rng.randrange(12)):
        row = [f"{rng.gauss(0, 1):.3f}" if rng.random() < 0.9 else rng.choice(NUMBERS) for _ in range(n_columns)]
        lines.append(separator.join(row))
    for _ in range(rng.randrange(3)):
        lines.insert(
            rng.randrange(len(lines) + 1), rng.choice([*TEXTS, "# note", "1,2,3,4", "sep=;", "\ufeff", '"a\nb"'])
        )
    return rng.choice(["\n", "\r\n", "\r"]).join(lines)


def table_bytes(rng):
    """Return the content of a table in a format that is drawn."""
    frame = pl.DataFrame({"x": [rng.gauss(0, 1) for _ in range(8)], "y": [1.0 * i for i in range(8)], "t": ["a"] * 8})
    buffer, kind = io.BytesIO(), rng.randrange(8)
    if kind == 0:
        np.save(buffer, frame.select("x", "y").to_numpy() * rng.choice([1.0, 1e200, 1e306]))
    elif kind == 1:
        frame.write_parquet(buffer)
    elif kind == 2:
        frame.write_ipc(buffer)
    elif kind == 3:
        frame.write_ndjson(buffer)
    elif kind == 4:
        buffer.write(rng.randbytes(rng.randrange(200)))
    else:
        encoding = rng.choice(["utf-8", "utf-8", "utf-16", "latin-1", "utf-32"])
        buffer.write(table_text(rng).encode(encoding, "replace"))
    content = buffer.getvalue()
    if rng.random() < 0.4 and content:  # flip, cut or repeat bytes
        damaged = bytearray(content)
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        content = bytes(damaged[: rng.randrange(len(damaged) + 1)] if rng.random() < 0.4 else damaged)
    return gzip.compress(content)[: rng.choice([None, None, 20])] if rng.random() < 0.1 else content


def hostile_call(rng, folder):
    """Return the arguments of a call, and standard input; files that it names are in the folder."""
    path = folder / f"table{rng.randrange(3)}.{rng.choice(ENDINGS)}"
    path.write_bytes(table_bytes(rng))
    model = rng.choice([folder / "named.gmx"] * 8 + [folder / "bare.gmx", folder / "odd.gmx", path])
    file = rng.choice(
        [str(path)] * 8 + ["-", str(folder), "no.csv", "", "https://a.b/c.csv", "\ud800", "a\x00b", str(model)]
    )
    command = rng.choice(["fit", "fit", "predict", "impute", "score", "outliers", "sample", "show"] * 5 + ["bogus"])
    known = OF_COMMAND.get(command, ["--out"])
    options = [rng.choice(known if rng.random() < 0.95 else list(OPTIONS)) for _ in range(rng.randrange(4))]
    given = list(itertools.chain.from_iterable((option, rng.choice(OPTIONS[option])) for option in options))
    given += [rng.choice(SWITCHES) for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    given += ["-n", "3"] if command == "sample" and "-n" not in given else []
    files = [file] if command in {"fit", "outliers"} else [str(model)]
    files += [file] if command in {"predict", "impute", "score"} else []
    quick = QUICK if command == "fit" and "--components" not in given and "--structure" not in given else []
    if command == "fit" and not quick:
        quick = ["--max-iter", "5"]
    if command == "outliers" and "--components" not in given:
        quick = ["--components", "1"]
    return [command, *files, *quick, *given], table_bytes(rng)


def failures(seed, n_calls):
    """Return the calls that end in another way than with a known exit code and at most one line for an error."""
    rng, failed = random.Random(seed), []  # noqa: S311 - no secrets
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(Mixture([0.5, 0.5], [[0.0, 0.0], [3.0, 1.0]], [1.0, 1.0], feature_names=["x", "y"]), folder / "named.gmx")
        save(Mixture([1.0], [[0.0, 0.0]], [1.0]), folder / "bare.gmx")
        save(Mixture([1.0], [[0.0, 0.0]], [1.0], feature_names=["\x1b[2J,", '"']), folder / "odd.gmx")
        for _ in range(n_calls):
            call, piped = hostile_call(rng, folder)
            result = CliRunner().invoke(app, call, input=piped)
            if result.exception is not None and not isinstance(result.exception, SystemExit):
                last = traceback.extract_tb(result.exception.__traceback__)[-1]
                failed.append((call, f"{type(result.exception).__name__}: {result.exception} at {last.name}"[:300]))
            elif result.exit_code not in {0, 1, 2}:
                failed.append((call, f"exit code {result.exit_code}"))
            elif result.exit_code == 1 and not result.stderr.splitlines()[-1].startswith("Error: "):
                failed.append((call, result.stderr))
    return failed


def test_damaged_files_are_refused_in_a_sentence(tmp_path):
    rng, path = random.Random(0), tmp_path / "damaged"  # noqa: S311 - no secrets
    frame, contents, ends = pl.DataFrame({"x": [1.5, 2.5, 3.0] * 5, "y": [1, 2, 3] * 5}), [], set()
    for write in (frame.write_parquet, frame.write_ipc, frame.write_ipc_stream, lambda to: np.save(to, np.eye(9))):
        buffer = io.BytesIO()
        write(buffer)
        contents.append(buffer.getvalue())
    for _ in range(200):
        damaged = bytearray(rng.choice(contents))
        for _ in range(rng.randrange(1, 5)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged[: rng.choice([None, rng.randrange(len(damaged))])])
        try:
            ends.add(type(read(str(path), Selection())))
        except CommandError:
            ends.add(CommandError)
    assert ends == {Table, CommandError}


def test_no_call_ends_in_a_traceback(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert failures(seed=0, n_calls=N_CALLS) == []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as here:
        import os

        os.chdir(here)
        found = failures(seed=1, n_calls=int(sys.argv[1]))
    for call, why in found:
        print(why, call)  # noqa: T201 - a script that prints
    print(len(found), "calls failed")  # noqa: T201 - as above
