"""Make the models that are fitted to given rows: structures with floors that suit the columns."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from gaussmix.em.m_step import MStep
from gaussmix.initialization.columns import relative_ridge, rounding_of
from gaussmix.sources import Source
from gaussmix.structures import Structure

__all__ = ["make_models"]


def make_models(
    structures: Sequence[Structure],
    source: Source,
    *,
    reg_covar: float | Literal["auto"] = "auto",
    equal_weights: bool = False,
) -> tuple[MStep, ...]:
    """Return a model for each structure, all with the same ridge and the same floor for rounded columns.

    Parameters
    ----------
    structures : sequence of Structure
    source : Source
        The rows.
    reg_covar : float or "auto"
        Variance added to the diagonals of the covariances; ``"auto"`` adds a millionth of the variance of each column.
    equal_weights : bool
        Whether all mixing proportions are 1 / K.
    """
    auto = isinstance(reg_covar, str)
    ridge = relative_ridge(source) if auto else np.full(source.n_features, float(reg_covar))
    rounding = rounding_of(source).floor(ridge)
    return tuple(MStep(structure, ridge, equal_weights, rounding=rounding) for structure in structures)
