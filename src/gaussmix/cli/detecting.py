"""The work of `gaussmix outliers`."""

import warnings

import numpy as np
import polars as pl

from gaussmix.cli import console
from gaussmix.cli.errors import CommandError
from gaussmix.cli.outputs import Beside, Target
from gaussmix.cli.tables import Selection, read
from gaussmix.estimators.outliers import GaussianMixtureOutlierDetector

__all__ = ["detector", "flag"]


def detector(
    n_components: tuple[int, ...], threshold: float | None, contamination: float | None, seed: int
) -> GaussianMixtureOutlierDetector:
    """Return the outlier detector with the options of the command."""
    return GaussianMixtureOutlierDetector(
        n_components, threshold=threshold, contamination=contamination, random_state=seed
    )


def flag(
    file: str,
    selection: Selection,
    detector: GaussianMixtureOutlierDetector,
    target: Target,
    beside: Beside,
    *,
    quiet: bool,
) -> None:
    """Write a table with ``outlier``, which is 1 for outliers and else 0, and ``log_density`` of each row.

    Raises
    ------
    CommandError
        If the file cannot be read or its rows cannot be fitted, or the table cannot be written.
    """
    target.check_table(file)
    beside.check()
    table = read(file, selection)
    console.print_reading(table, quiet=quiet)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            detector.fit(table.frame, sample_weight=table.weights)
    except ValueError as error:
        raise CommandError(f"{table.raw.name}: {error}") from error
    console.print_warnings(str(one.message) for one in caught if issubclass(one.category, UserWarning))
    flags = (detector.predict(table.frame) < 0).astype(np.int64)
    results = pl.DataFrame({"outlier": flags, "log_density": detector.score_samples(table.frame)})
    target.write_table(beside.join(table, results))
    if not quiet:
        console.print_note(
            f"{flags.sum()} of {len(flags)} rows are outliers: their log-density is below {detector.offset_:.6g}."
        )
