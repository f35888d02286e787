"""The command line, ``gaussmix``."""

import sys
from importlib.util import find_spec

__all__ = ["main"]

_PACKAGES = ("polars", "rich", "typer")
"""The packages of the extra ``cli``."""


def main() -> None:
    """Run the command line, or say how to install the packages that it lacks."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        sys.exit(f"The command line needs {' and '.join(missing)}; install it with: pip install 'gaussmix[cli]'")
    from gaussmix.cli.commands import app  # noqa: PLC0415 - the module imports typer

    app(prog_name="gaussmix")
