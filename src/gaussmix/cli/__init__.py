"""The command line, ``gaussmix``."""

import sys
from importlib.util import find_spec

__all__ = ["main"]

_EXTRA = ("polars", "rich", "typer")


def main() -> None:
    """Run the command line; where a package that it needs is missing, say how to get it."""
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        sys.exit(f"The command line needs {' and '.join(missing)}; install it with: pip install 'gaussmix[cli]'")
    from gaussmix.cli.commands import app  # noqa: PLC0415 - only once typer is known to be there

    app(prog_name="gaussmix")
