"""What was found, and the same for machines: plain dictionaries, lists and numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gaussmix._types import Floats
from gaussmix.cli.tables import Table
from gaussmix.em import Status
from gaussmix.mixture import Mixture
from gaussmix.selection import CRITERIA, Candidate

__all__ = [
    "Found",
    "Record",
    "correlations",
    "feature_names",
    "of_fit",
    "of_mixture",
    "of_model",
    "standard_deviations",
    "structure_name",
]

Record = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Found:
    """The answer of `gaussmix fit`.

    Attributes
    ----------
    table : Table
        The rows that were fitted.
    criterion : str
        What the model was chosen by.
    candidates : tuple of Candidate
        Every cell once, by number of components and then by structure.
    best : Candidate
        The one with the lowest criterion.
    mixture : Mixture
        Its mixture, with the columns' names.
    warnings : tuple of str
        What the user should know, a sentence each.
    model : Path or None
        The file that the mixture was written to.
    """

    table: Table
    criterion: str
    candidates: tuple[Candidate, ...]
    best: Candidate
    mixture: Mixture
    warnings: tuple[str, ...]
    model: Path | None = None

    @property
    def weight(self) -> float:
        """Total weight of the rows."""
        return float(len(self.table.rows) if self.table.weights is None else self.table.weights.sum())


def of_fit(found: Found) -> Record:
    """The whole answer of `gaussmix fit`."""
    return {
        "rows": len(found.table.rows),
        "weight": found.weight,
        "features": list(found.table.names),
        "criterion": found.criterion,
        "equal_weights": found.best.m_step.equal_weights,
        "best": _of_cell(found.best),
        "table": [_of_cell(candidate) for candidate in found.candidates],
        "parameters": of_mixture(found.mixture),
        "model": None if found.model is None else str(found.model),
        "warnings": list(found.warnings),
    }


def _of_cell(candidate: Candidate) -> Record:
    fit = candidate.fit
    return {
        "n_components": candidate.n_components,
        "structure": structure_name(candidate),
        "status": candidate.status,
        "reason": candidate.reason or None,
        "log_likelihood": candidate.log_likelihood if fit else None,
        "n_parameters": candidate.n_parameters if fit else None,
        **{name: candidate.criterion(name) if fit else None for name in CRITERIA},
        "entropy_r2": candidate.entropy_r2 if fit else None,
        "converged": fit.status is Status.CONVERGED if fit else None,
        "n_iter": fit.state.n_iter if fit else None,
        "n_passes": candidate.n_passes,
        "seconds": candidate.seconds,
        "collapsed": list(candidate.collapsed) if fit else None,
    }


def structure_name(candidate: Candidate) -> str:
    """The name of a structure for these rows: for one feature a letter, where it has one."""
    return candidate.structure.name_for(len(candidate.m_step.ridge))


def of_model(mixture: Mixture) -> Record:
    """The whole answer of `gaussmix show`."""
    return {
        "n_components": mixture.n_components,
        "features": list(feature_names(mixture)),
        "parameters": of_mixture(mixture),
    }


def of_mixture(mixture: Mixture) -> Record:
    """The parameters: ``(K,)``, ``(K, D)``, ``(K, D)`` and twice ``(K, D, D)``."""
    return {
        "weights": mixture.weights.tolist(),
        "means": mixture.means.tolist(),
        "standard_deviations": standard_deviations(mixture).tolist(),
        "correlations": correlations(mixture).tolist(),
        "covariances": _dense(mixture).tolist(),
    }


def feature_names(mixture: Mixture) -> tuple[str, ...]:
    """The features' names, or ``x0``, ``x1``, ... where they have none."""
    return mixture.feature_names or tuple(f"x{i}" for i in range(mixture.n_features))


def standard_deviations(mixture: Mixture) -> Floats:
    """Standard deviation of each feature in each component, ``(K, D)``."""
    return np.sqrt(np.diagonal(_dense(mixture), axis1=1, axis2=2))


def correlations(mixture: Mixture) -> Floats:
    """Correlations within each component, ``(K, D, D)``."""
    sds = standard_deviations(mixture)
    return np.asarray(_dense(mixture) / (sds[:, :, None] * sds[:, None, :]))


def _dense(mixture: Mixture) -> Floats:
    return mixture.covariances.dense(mixture.n_components, mixture.n_features)
