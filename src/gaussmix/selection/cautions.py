"""Warnings about a chosen model: ridges, priors and bounds that decided its fit beside the likelihood of the rows."""

from collections.abc import Sequence

from gaussmix._types import Floats
from gaussmix.em.degeneracy import find_thin_direction
from gaussmix.fitting.report import describe_thin_direction
from gaussmix.initialization.columns import rounding_of
from gaussmix.selection.candidate import Candidate
from gaussmix.sources import Source

__all__ = ["cautions_about", "dependence_in"]


def cautions_about(chosen: Candidate, source: Source, names: Sequence[str] | None) -> list[str]:
    """Return a sentence for each cause: degeneracy, equal rows, rounded columns.

    Parameters
    ----------
    chosen : Candidate
        A fitted model.
    source : Source
        The rows.
    names : sequence of str or None
        Names of the columns, where they have some.
    """
    said, masses, m_step = [], chosen.statistics.mass, chosen.m_step
    if chosen.collapsed:
        said.append(
            f"Every model that was tried is degenerate. {_with_rows(chosen.collapsed, masses)} of the chosen one: "
            "spread in some direction is from reg_covar alone, and the criterion rewards that. Try fewer components, "
            "or structures with fewer parameters."
        )
    if chosen.regularized:
        said.append(
            f"{_with_rows(chosen.regularized, masses)} of the chosen model: the rows hardly differ in some direction, "
            "as equal rows, sentinels or zeros do. A prior worth one row holds each component open. Look at those rows."
        )
    narrow = m_step.narrowed_by_rounding(chosen.statistics)
    if narrow and m_step.rounding is not None:
        said.append(rounding_of(source).describe(chosen.mixture, narrow, m_step.rounding, names))
    return said


def dependence_in(chosen: Candidate, source: Source, names: Sequence[str] | None) -> list[str]:
    """Return a sentence on columns that depend on each other, if there are such columns.

    The parameters are those of :func:`cautions_about`.
    """
    thin = None if source.all_equal else find_thin_direction(chosen.mixture, chosen.m_step.ridge)
    return [describe_thin_direction(thin, names)] if thin else []


def _with_rows(components: Sequence[int], masses: Floats) -> str:
    rows = ", ".join(f"{masses[k]:.3g}" for k in components)
    return f"Component{'s'[: len(components) > 1]} {', '.join(map(str, components))} with {rows} rows"
