"""The command `gaussmix fit` and its options."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gaussmix.cli.options import (
    WRITING,
    Brief,
    Columns,
    Components,
    File,
    Force,
    Json,
    Quiet,
    Reading,
    Weights,
    command,
    numbers_of_components,
    one_of,
    switch,
)

__all__ = ["Criterion", "Effort", "Prior", "fit"]

_STRUCTURES = "EII, VII (spherical), EEI, VEI, EVI, VVI (diag), EEE (tied), VEE, EVE, VVE, EEV, VEV, EVV, VVV (full)"
"""The names of all structures, for the help; with one column they are E and V."""


class Criterion(StrEnum):
    """The criteria by which `fit` chooses a model."""

    BIC = "bic"
    AIC = "aic"
    AICC = "aicc"
    ICL = "icl"
    SABIC = "sabic"
    CAIC = "caic"
    CV = "cv"
    CV_1SE = "cv_1se"


class Prior(StrEnum):
    """The priors that `fit` has by name."""

    WEAK = "weak"
    MCLUST = "mclust"


class Effort(StrEnum):
    """The amounts of work that `fit` has by name."""

    QUICK = "quick"
    DEFAULT = "default"
    THOROUGH = "thorough"


@command
def fit(  # noqa: PLR0913 - the options of the command
    file: File,
    *,
    columns: Columns = None,
    components: Components = "1:9",
    structure: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help=f"Shapes of the covariances: all, or names of these: {_STRUCTURES}; with one column, E and V.",
            show_default="all up to 20 columns, else full,tied,diag,spherical",
        ),
    ] = None,
    equal_weights: Annotated[bool, switch("--equal-weights", says="All mixing proportions 1/K.")] = False,
    criterion: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Criterion of the choice, lower is better: {', '.join(Criterion)}. cv_1se takes the model with the "
            "fewest parameters within one standard error of the lowest cv.",
            autocompletion=lambda: list(Criterion),
        ),
    ] = "bic",
    prior: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Prior on means and covariances: {', '.join(Prior)}.",
            show_default="none",
            autocompletion=lambda: list(Prior),
        ),
    ] = None,
    eigenvalue_ratio: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            min=1,
            help="Upper bound on the ratio of the largest to the smallest eigenvalue of all covariances.",
            show_default="none",
        ),
    ] = None,
    effort: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Starts of the models that could win: {', '.join(Effort)}.",
            autocompletion=lambda: list(Effort),
        ),
    ] = "default",
    seed: Annotated[int, typer.Option(metavar="N", min=0, max=2**32 - 1, help="Seed of the starts.")] = 0,
    weights: Weights = None,
    relative_weights: Annotated[
        bool,
        switch(
            "--relative-weights",
            says="The weights only compare rows, as survey weights do: scale them to the effective number of rows.",
        ),
    ] = False,
    reading: Reading,
    n_init: Annotated[int, typer.Option(metavar="N", min=1, help="k-means starts for each number of components.")] = 1,
    walks: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            help="Sweeps over the numbers of components; more improve the fits of all models, not only of the best.",
        ),
    ] = 1,
    no_stop_early: Annotated[
        bool, switch("--no-stop-early", says="Fit every model to the end, also those far behind the best.")
    ] = False,
    max_iter: Annotated[int, typer.Option(metavar="N", min=1, help="Largest number of EM steps of a fit.")] = 1000,
    tol: Annotated[
        float, typer.Option(metavar="X", min=0, help="Stop this close to the limit, in nats per row.")
    ] = 1e-6,
    out: Annotated[
        Path | None,
        typer.Option(metavar="MODEL", help="Write the chosen model to this file.", rich_help_panel=WRITING),
    ] = None,
    force: Force = False,
    json: Json = False,
    brief: Brief = False,
    quiet: Quiet = False,
) -> None:
    """Fit mixtures of several sizes and structures, and choose one.

    Prints the table of criteria, the chosen model and its parameters.

    Three examples:

    gaussmix fit faithful.csv --out geyser.gmx

    gaussmix fit rows.parquet --columns length,weight --components 1:20 --criterion icl

    zcat rows.csv.gz | gaussmix fit - --structure full,diag
    """
    from gaussmix.cli import fitting, outputs  # noqa: PLC0415 - numpy and polars come with them

    if relative_weights and weights is None:
        raise typer.BadParameter("it says what --weights COLUMN holds; give both.", param_hint="'--relative-weights'")
    search = fitting.CommandSearch(
        numbers_of_components(components),
        structures=_structures(structure),
        criterion=one_of(Criterion, criterion, "--criterion"),
        weights="equal" if equal_weights else "free",
        prior=one_of(Prior, prior, "--prior") if prior is not None else None,
        eigenvalue_ratio=eigenvalue_ratio,
        stop_early=not no_stop_early,
        effort=one_of(Effort, effort, "--effort"),
        n_init=n_init,
        n_walks=walks,
        tol=tol,
        max_iter=max_iter,
        weights_are="relative" if relative_weights else fitting.CHECKED,
        random_state=seed,
        verbose=int(not quiet),
    )
    shown = fitting.Shown(as_json=json, brief=brief, quiet=quiet)
    fitting.fit(file, reading.select(columns, weights), search, outputs.Target(out, force), shown)


def _structures(text: str | None) -> tuple[str, ...]:
    """Return names of structures; none where the number of columns is to decide."""
    from gaussmix.selection import structures_named  # noqa: PLC0415 - numpy comes with it

    names = tuple(_in_case(name.strip()) for name in text.split(",")) if text is not None else ()
    try:
        if names:
            structures_named(names, 1)  # with one feature, all names are allowed
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="'--structure'") from error
    return names


def _in_case(name: str) -> str:
    """Return the name of a structure in the case that the library uses: letters are capital, words are not."""
    from gaussmix.structures import NAMES  # noqa: PLC0415 - numpy comes with it

    return next(
        (known for known in NAMES if known.lower() == name.lower()), name.lower() if name.lower() == "all" else name
    )
