"""The commands and their options.

Each command imports what it needs when it runs, so that ``gaussmix --help`` loads neither NumPy nor polars.
"""

from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from gaussmix.cli.errors import INTERRUPTED, CommandError, error_sentence

__all__ = ["Criterion", "app"]


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
        except (CommandError, OSError) as error:
            typer.echo(f"Error: {error_sentence(error)}", err=True)
            raise typer.Exit(1) from None


class Criterion(StrEnum):
    """The criteria by which `fit` chooses a model."""

    BIC = "bic"
    AIC = "aic"
    AICC = "aicc"
    ICL = "icl"
    SABIC = "sabic"
    CAIC = "caic"
    CV = "cv"


app = typer.Typer(
    cls=_ShortErrors,
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
    str | None, typer.Option(metavar="COLUMN", help="Column of weights: the number of rows that each row stands for.")
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
        typer.Option(metavar="NAME", help=f"Criterion of the choice, lower is better: {', '.join(Criterion)}."),
    ] = Criterion.BIC,
    prior: Annotated[
        Literal["weak", "mclust"] | None,
        typer.Option(metavar="NAME", help="Prior on means and covariances: weak, mclust.", show_default="none"),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of the starts.")] = 0,
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
            help="Sweeps over the numbers of components; more improve the fits of all models, not only of the best.",
        ),
    ] = 1,
    no_stop_early: Annotated[
        bool, typer.Option("--no-stop-early", help="Fit every model to the end, also those far behind the best.")
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
    from gaussmix.cli import fitting, outputs, tables  # noqa: PLC0415 - numpy and polars come with them

    if relative_weights and weights is None:
        raise typer.BadParameter("it says what --weights COLUMN holds; give both.", param_hint="'--relative-weights'")
    search = fitting.CommandSearch(
        _numbers(components),
        structures=_structures(structure),
        criterion=criterion.value,
        weights="equal" if equal_weights else "free",
        prior=prior,
        stop_early=not no_stop_early,
        n_init=n_init,
        n_walks=walks,
        tol=tol,
        max_iter=max_iter,
        weights_are="relative" if relative_weights else fitting.CHECKED,
        random_state=seed,
    )
    missing = tables.Missing.DROP if drop_missing else tables.Missing.OFFER
    selection = tables.Selection(_names(columns), weights, missing)
    fitting.fit(file, selection, search, outputs.Target(out, force), as_json=json)


@app.command()
def predict(model: Model, file: File, *, columns: ModelColumns = None, out: Out = None, force: Force = False) -> None:
    """Give each row its most probable component, and the probability of every component."""
    from gaussmix.cli import model_commands, outputs, tables  # noqa: PLC0415 - numpy and polars come with them

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
    per_row: Annotated[bool, typer.Option("--per-row", help="Write the log-density of each row.")] = False,
    out: Out = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Print the log-densities of rows under a model, in nats: their mean and sum, or each."""
    from gaussmix.cli import model_commands, outputs, tables  # noqa: PLC0415 - numpy and polars come with them

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
    n: Annotated[int, typer.Option("-n", "--n-samples", min=1, help="Number of rows.")],
    seed: Annotated[int | None, typer.Option(min=0, help="Seed.", show_default="new rows each time")] = None,
    out: Out = None,
    force: Force = False,
) -> None:
    """Draw new rows from a model."""
    from gaussmix.cli import model_commands, outputs  # noqa: PLC0415 - numpy and polars come with them

    model_commands.sample(model, n, seed, outputs.Target(out, force))


@app.command()
def show(model: Model, *, json: Json = False) -> None:
    """Print the parameters of a model."""
    from gaussmix.cli import model_commands  # noqa: PLC0415 - numpy and polars come with it

    model_commands.show_model(model, as_json=json)


def _names(text: str | None) -> tuple[str, ...] | None:
    """Return the names in a list with commas."""
    return None if text is None else tuple(name.strip() for name in text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    """Return numbers of components: ``"1:3,8"`` is ``(1, 2, 3, 8)``."""
    from gaussmix.selection import numbers_of_components  # noqa: PLC0415 - numpy comes with it

    try:
        return numbers_of_components(k for part in text.split(",") for k in _span(part))
    except ValueError as error:
        msg = f"{text!r} must be numbers from 1 upwards, as 3, or 1:9 with both ends, or 2,4,8."
        raise typer.BadParameter(msg, param_hint="'--components'") from error


def _span(part: str) -> range:
    """Return the numbers of a span with both ends, as ``"1:3"``, or the one number."""
    first, _, last = part.partition(":")
    return range(int(first), int(last or first) + 1)


def _structures(text: str | None) -> tuple[str, ...]:
    """Return names of structures; none where the number of columns is to decide."""
    from gaussmix.selection import structures_named  # noqa: PLC0415 - numpy comes with it

    names = _names(text) or ()
    try:
        if names:
            structures_named(names, 1)  # with one feature, all names are allowed
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--structure'") from error
    return names
