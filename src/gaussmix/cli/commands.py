"""The commands and their options. What a command does is imported when it runs, so that help comes at once."""

from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gaussmix.cli.errors import CommandError, sentence

__all__ = ["Criterion", "app"]

_INTERRUPTED = 130


class _OneSentence(TyperGroup):
    """Commands whose errors are one line on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - the context's class has moved between releases of typer
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # typer's own: the reader of a pipe has left
            raise
        except KeyboardInterrupt:
            typer.echo("Interrupted.", err=True)
            raise typer.Exit(_INTERRUPTED) from None
        except (CommandError, OSError) as error:
            typer.echo(f"Error: {sentence(error)}", err=True)
            raise typer.Exit(1) from None


class Criterion(StrEnum):
    """What `fit` chooses by."""

    BIC = "bic"
    AIC = "aic"
    AICC = "aicc"
    ICL = "icl"
    SABIC = "sabic"
    CAIC = "caic"


app = typer.Typer(
    cls=_OneSentence,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Gaussian mixtures: choose and fit a model, use it, look at it.",
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Table: .csv, .parquet or .npy.")]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="Model file that `gaussmix fit --out` wrote.")]
Columns = Annotated[
    str | None,
    typer.Option(metavar="A,B,...", help="Feature columns, in this order.", show_default="all but the weights"),
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
    str | None, typer.Option(metavar="COLUMN", help="Column that says how many rows each row stands for.")
]
DropMissing = Annotated[bool, typer.Option("--drop-missing", help="Leave out rows with missing or infinite values.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the --out file if there is one.")]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a .csv or .parquet file.", show_default="CSV on stdout")
]


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


@app.command()
def fit(  # noqa: PLR0913 - the options of the command
    file: File,
    *,
    columns: Columns = None,
    components: Annotated[
        str, typer.Option(metavar="K", help="Numbers of components: 3, or 1:9 with both ends, or 2,4,8.")
    ] = "1:9",
    structure: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help="Shapes of the covariances: all, or A,B,...",
            show_default="all up to 20 columns, else full,tied,diag,spherical",
        ),
    ] = None,
    equal_weights: Annotated[bool, typer.Option("--equal-weights", help="All mixing proportions 1/K.")] = False,
    criterion: Annotated[
        Criterion,
        typer.Option(metavar="NAME", help=f"What to choose the model by, lower is better: {', '.join(Criterion)}."),
    ] = Criterion.BIC,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the starts.")] = 0,
    weights: Weights = None,
    relative_weights: Annotated[
        bool,
        typer.Option(
            "--relative-weights",
            help="The weights only compare rows, as survey weights do: scale them to the effective number of rows.",
        ),
    ] = False,
    drop_missing: DropMissing = False,
    n_init: Annotated[int, typer.Option(min=1, help="k-means starts for each number of components.")] = 1,
    walks: Annotated[
        int,
        typer.Option(
            min=1,
            help="Walks over the numbers of components; more make every cell better, not only the best.",
        ),
    ] = 1,
    no_stop_early: Annotated[
        bool, typer.Option("--no-stop-early", help="Fit every cell to the end, also those far behind the best.")
    ] = False,
    max_iter: Annotated[int, typer.Option(min=1, help="Largest number of EM steps of a fit.")] = 1000,
    tol: Annotated[float, typer.Option(min=0, help="Stop this close to the limit, in nats per row.")] = 1e-6,
    out: Annotated[Path | None, typer.Option(metavar="MODEL", help="Write the chosen model to this file.")] = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Fit mixtures of several sizes and structures, and choose one.

    Prints the table of criteria, the chosen model and its parameters.
    """
    from gaussmix.cli import fitting, outputs, tables  # noqa: PLC0415 - what a command does

    if relative_weights and weights is None:
        raise typer.BadParameter("it says what --weights COLUMN holds; give both.", param_hint="'--relative-weights'")
    request = fitting.Request(
        n_components=_numbers(components),
        structures=_structures(structure),
        equal_weights=equal_weights,
        relative_weights=relative_weights,
        criterion=criterion.value,
        seed=seed,
        n_init=n_init,
        n_walks=walks,
        stop_early=not no_stop_early,
        max_iter=max_iter,
        tol=tol,
    )
    missing = tables.Missing.DROP if drop_missing else tables.Missing.OFFER
    selection = tables.Selection(_names(columns), weights, missing)
    fitting.fit(file, selection, request, outputs.Target(out, force), as_json=json)


@app.command()
def predict(model: Model, file: File, *, columns: ModelColumns = None, out: Out = None, force: Force = False) -> None:
    """Give each row its most probable component, and the probability of every component."""
    from gaussmix.cli import model_commands, outputs, tables  # noqa: PLC0415 - what a command does

    selection = tables.Selection(_names(columns), None, tables.Missing.REFUSE)
    model_commands.predict(model, file, selection, outputs.Target(out, force))


@app.command()
def score(
    model: Model,
    file: File,
    *,
    columns: ModelColumns = None,
    weights: Weights = None,
    drop_missing: DropMissing = False,
    per_row: Annotated[bool, typer.Option("--per-row", help="Give the log-density of each row.")] = False,
    out: Out = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Say how well a model describes rows: their log-densities, in nats."""
    from gaussmix.cli import model_commands, outputs, tables  # noqa: PLC0415 - what a command does

    if out and not per_row:
        raise typer.BadParameter("it is for --per-row; the summary goes to stdout.", param_hint="'--out'")
    if json and per_row:
        raise typer.BadParameter("it prints the summary; --per-row writes a table.", param_hint="'--json'")
    missing = tables.Missing.DROP if drop_missing else tables.Missing.OFFER
    selection = tables.Selection(_names(columns), weights, missing)
    model_commands.score(model, file, selection, outputs.Target(out, force), per_row=per_row, as_json=json)


@app.command()
def sample(
    model: Model,
    *,
    n: Annotated[int, typer.Option("-n", "--n-samples", min=1, help="How many rows.")],
    seed: Annotated[int | None, typer.Option(min=0, help="Seed.", show_default="new rows each time")] = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Draw new rows from a model."""
    from gaussmix.cli import model_commands, outputs  # noqa: PLC0415 - what a command does

    model_commands.sample(model, n, seed, outputs.Target(out, force))


@app.command()
def show(model: Model, *, json: Json = False) -> None:
    """Print the parameters of a model."""
    from gaussmix.cli import model_commands  # noqa: PLC0415 - what a command does

    model_commands.show_model(model, as_json=json)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    """``"1:3,8"`` as ``(1, 2, 3, 8)``."""
    try:
        found = {k for part in text.split(",") for k in _span(part)}
    except ValueError:
        found = set()
    if not found or min(found) < 1:
        msg = f"{text!r} must be numbers from 1 upwards, as 3, or 1:9 with both ends, or 2,4,8."
        raise typer.BadParameter(msg, param_hint="'--components'")
    return tuple(sorted(found))


def _span(part: str) -> range:
    first, _, last = part.partition(":")
    return range(int(first), int(last or first) + 1)


def _structures(text: str | None) -> tuple[str, ...] | None:
    from gaussmix.cli.fitting import ALL  # noqa: PLC0415 - numpy and polars come with it
    from gaussmix.structures import NAMES  # noqa: PLC0415 - numpy and scipy come with it

    names = _names(text)
    for name in names or ():
        if name not in (ALL, *NAMES):
            msg = f"{name!r} must be {ALL}, or one of {', '.join(NAMES)}."
            raise typer.BadParameter(msg, param_hint="'--structure'")
    return names
