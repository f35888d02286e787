import json
import subprocess
import sys
from importlib.metadata import version

import pytest

from gaussmix import cli

MAIN = "from gaussmix.cli import main; main()"


def python(code, *arguments):
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_the_command_runs_as_a_program(csv):
    result = python(MAIN, "fit", csv, "--components", "1:3", "--structure", "diag", "--json", "--quiet")
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["best"]["n_components"] == 2


def test_python_runs_the_package_as_the_command():
    result = subprocess.run(
        [sys.executable, "-m", "gaussmix", "--version"], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"gaussmix {version('gaussmix')}\n"


def test_errors_are_one_line_and_exit_codes_say_what_is_wrong(tmp_path, gaussmix):
    result = python(MAIN, "fit", tmp_path / "no.csv")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"Error: There is no file {tmp_path / 'no.csv'}.\n"
    assert gaussmix("fit").exit_code == 2


def test_a_reader_that_leaves_a_pipe_gets_no_traceback(model):
    command = [sys.executable, "-c", MAIN, "sample", str(model), "-n", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("module", ["gaussmix", "gaussmix.cli"])
def test_importing_the_library_needs_nothing_of_the_command_line(module):
    # rich is loaded by scikit-learn where it is installed
    result = python(f"import sys, {module}; print(sorted({{'typer', 'polars'}} & set(sys.modules)))")
    assert result.stdout == "[]\n"


def test_help_reads_no_tables():
    result = python("import sys, gaussmix.cli.commands; print('polars' in sys.modules)")
    assert result.stdout == "False\n"


def test_a_missing_package_comes_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name != "rich" else object())
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == (
        "The command line needs polars and typer; install it with: pip install 'gaussmix[cli]'"
    )


def test_the_version_is_the_library_s(done):
    assert done("--version") == f"gaussmix {version('gaussmix')}\n"


def test_help_lists_the_commands(done):
    assert all(
        command in done("--help") for command in ("fit", "predict", "impute", "score", "outliers", "sample", "show")
    )
