"""Make the models that are fitted to given rows: structures with floors that suit the columns."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from gaussmix._types import Floats
from gaussmix.em.m_step import MStep
from gaussmix.initialization.columns import relative_ridge, rounding_of
from gaussmix.priors import NormalInverseWishart, scaled
from gaussmix.sources import Source
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import Structure

__all__ = ["add_prior", "make_models"]


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
    observed = source.observed_shares if isinstance(source, IncompleteSource) else None
    return tuple(
        MStep(structure, ridge, equal_weights, rounding=rounding, observed=observed) for structure in structures
    )


def add_prior(
    prior: str | NormalInverseWishart | None,
    n_components: int,
    m_step: MStep,
    compute_moments: Callable[..., tuple[Floats, Floats]],
) -> MStep:
    """Return a model with a prior; a named prior is scaled to the mean and the covariance of the rows.

    Parameters
    ----------
    prior : str, NormalInverseWishart or None
        A name from :data:`gaussmix.priors.NAMES`, a prior, or None for no prior.
    n_components : int
        K, among which a named prior divides the spread of the rows.
    m_step : MStep
        The model.
    compute_moments : callable
        The function that returns the mean and the covariance of the rows; with `correlated=False`, the variances in
        place of the covariance. It is called for a named prior only. See
        :func:`~gaussmix.initialization.column_moments.moments_of`.
    """
    if isinstance(prior, str):
        mean, covariance = compute_moments(correlated=m_step.moments.correlated)
        prior = scaled(prior, mean, covariance, n_components, m_step.structure)
    return replace(m_step, prior=prior)
