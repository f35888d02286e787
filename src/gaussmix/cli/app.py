"""The program ``gaussmix``: its commands, and errors as sentences on stderr with an exit code."""

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gaussmix.cli.errors import INTERRUPTED, CommandError, error_sentence

__all__ = ["app"]


class _ShortErrors(TyperGroup):
    """A group of commands that reports errors as one line on stderr and an exit code, without a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the context's class has moved between releases of typer
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # typer handles it: the reader of a pipe has left
            raise
        except KeyboardInterrupt:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except (CommandError, OSError, MemoryError) as error:
            typer.echo(f"Error: {error_sentence(error)}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_ShortErrors,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Gaussian mixtures: choose and fit a model, use it, look at it.",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it
    if wanted:
        typer.echo(f"gaussmix {version('gaussmix')}")
        raise typer.Exit


@app.callback()
def _gaussmix(
    *,
    _: Annotated[bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
) -> None:
    pass
